"""Attacks, each written as a test: all refused."""
