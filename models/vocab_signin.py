"""Vocabulary of signing in. Standard library only, as `models.vocab`."""

from __future__ import annotations

from models.vocab import Labelled


class Way(Labelled):
    """登录方式: how somebody came in."""

    PASSWORD = "password", "密码"
    PROVIDER = "provider", "统一认证"


class End(Labelled):
    """会话结束的原因."""

    LOGOUT = "logout", "退出"
    ROTATED = "rotated", "重新登录"
    REVOKED = "revoked", "被结束"
    ROLE = "role", "角色有变化"
    PASSWORD = "password", "密码已更换"
    DISABLED = "disabled", "账号已停用"


class Wanted(Labelled):
    """复核事项: what of an account waits for a second administrator."""

    ROLE = "role", "授予角色"
    RESET = "reset", "重置密码"
    PROVIDER = "provider", "改统一认证账号"
