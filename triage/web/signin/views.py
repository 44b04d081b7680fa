"""What the pages of sign-in and of accounts show: frozen values, already in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from triage.web.views import Term


@dataclass(frozen=True, slots=True)
class LoginPage:
    """登录: the form, and what went wrong with the last try."""

    field: str
    token: str
    login: str
    next: str
    fault: str | None
    said: str | None
    provider: str | None
    provider_end: str | None


@dataclass(frozen=True, slots=True)
class CodeAskPage:
    """登录第二步: the code."""

    field: str
    token: str
    next: str
    fault: str | None


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session in the list."""

    id: int
    way: str
    ip: str
    agent: str
    created_at: datetime
    seen_at: datetime
    here: bool


@dataclass(frozen=True, slots=True)
class TokenView:
    """A token in the list."""

    id: int
    name: str
    prefix: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    over: bool


@dataclass(frozen=True, slots=True)
class GrantView:
    """A role that somebody holds, held, or will hold."""

    id: int
    role: Term
    unit: str
    valid_from: str
    valid_to: str | None
    now: bool
    by: str


@dataclass(frozen=True, slots=True)
class MePage:
    """我的账号."""

    login: str
    name: str
    unit: str
    roles: tuple[GrantView, ...]
    permissions: tuple[Term, ...]
    has_password: bool
    enrolled: bool
    wants_code: bool
    may_call: bool
    recovery_left: int
    sessions: tuple[SessionView, ...]
    tokens: tuple[TokenView, ...]
    token_days: int
    typed: TokenTyped | None
    made: str | None
    done: str | None
    fault: str | None
    field: str
    token: str


@dataclass(frozen=True, slots=True)
class PasswordPage:
    """更换密码."""

    login: str
    first: bool
    shortest: int
    fault: str | None
    field: str
    token: str


@dataclass(frozen=True, slots=True)
class CodePage:
    """动态验证码: enrol, or what is enrolled. `codes` are shown once."""

    login: str
    first: bool
    enrolled: bool
    qr: str
    secret: str
    codes: tuple[str, ...]
    fault: str | None
    field: str
    token: str


@dataclass(frozen=True, slots=True)
class Choice:
    """An option; `chosen` is the one in force."""

    value: str
    label: str
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class StaffLine:
    """An account in the list."""

    login: str
    name: str
    unit: str
    roles: tuple[str, ...]
    enrolled: bool
    demo: bool
    disabled: bool
    locked_until: datetime | None
    last_login_at: datetime | None


@dataclass(frozen=True, slots=True)
class RequestView:
    """What waits for a second administrator. `mine`: asked by whoever looks; `about_me`: not for them."""

    id: int
    login: str
    name: str
    words: str
    asked_by: str
    asked_at: datetime
    until: datetime
    mine: bool
    about_me: bool


@dataclass(frozen=True, slots=True)
class StaffList:
    """账号一览."""

    lines: tuple[StaffLine, ...]
    count: int
    more: str | None
    first: str | None
    query: str
    unit: str
    roles: tuple[Choice, ...]
    states: tuple[Choice, ...]
    waiting: tuple[RequestView, ...]
    done: str | None
    field: str
    token: str


@dataclass(frozen=True, slots=True)
class AccountView:
    """How an account stands."""

    disabled: bool
    demo: bool
    enrolled: bool
    must_change: bool
    has_password: bool
    last_login_at: datetime | None
    created_by: str


@dataclass(frozen=True, slots=True)
class Granting:
    """A grant of a role that was refused: what was typed."""

    unit: str
    start: str
    end: str


@dataclass(frozen=True, slots=True)
class TokenTyped:
    """The form of a new token: what it begins with, or what was typed and refused."""

    name: str
    days: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class StaffPage:
    """One account, or the form of a new one. `made` is a password, or half of one, that is shown once."""

    login: str
    name: str
    unit: str
    provider: str
    provider_was: str
    linked: tuple[str, ...]
    new: bool
    account: AccountView | None
    locked_until: datetime | None
    grants: tuple[GrantView, ...]
    sessions: tuple[SessionView, ...]
    tokens: tuple[TokenView, ...]
    roles: tuple[Choice, ...]
    granting: Granting | None
    today: str
    myself: bool
    made: str | None
    half: bool
    done: str | None
    fault: str | None
    field: str
    token: str


@dataclass(frozen=True, slots=True)
class HalfPage:
    """What whoever confirmed is shown once: their half of somebody's new password."""

    login: str
    asked_by: str
    half: str = field(repr=False)
