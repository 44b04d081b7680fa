"""Outgoing messages: one port (`port`), an adapter per medium: SMS gateway, WeCom, e-mail."""
