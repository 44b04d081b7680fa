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


class SignInAct(Labelled):
    """账号事件: what is written down for audit."""

    SIGNED_IN = "staff.signed_in", "登录"
    SIGN_IN_REFUSED = "staff.refused", "登录被拒"
    SIGNED_OUT = "staff.signed_out", "退出登录"
    LOCKED = "staff.locked", "锁定账号"
    STAFF_ADDED = "staff.added", "添加账号"
    STAFF_CHANGED = "staff.changed", "修改账号"
    STAFF_DISABLED = "staff.disabled", "停用账号"
    PASSWORD_SET = "staff.password", "设置密码"
    TOTP_SET = "staff.totp", "设置动态口令"
    SESSION_ENDED = "staff.session_ended", "结束会话"
    TOKEN_ADDED = "token.added", "添加令牌"
    TOKEN_REVOKED = "token.revoked", "吊销令牌"
