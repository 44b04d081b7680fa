"""Rows of `signin.yaml`: when and how long a login is locked, how long sessions last, what passwords need."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from models.vocab_staff import Permission
from triage.errors import NoRule
from triage.rules.check_tools import gaps, ids, overlaps
from triage.rules.rows import Problem, Row, Where

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from triage.rules.reading import Record

_FILE: Final = Where("signin.yaml", 1)
#: Doubling beyond this only costs digits.
_MOST_DOUBLINGS: Final = 20


@dataclass(frozen=True, slots=True)
class SignInRow(Row):
    """登录和账号: counts and spans as staff write them."""

    title: str
    free_failures: int
    first_lock: timedelta
    longest_lock: timedelta
    forget: timedelta
    attempts_per_address: int
    idle: timedelta
    longest: timedelta
    code_within: timedelta
    code_seconds: int
    code_drift: int
    recovery_codes: int
    shortest_password: int
    least_different: int
    common: frozenset[str]
    code_for: frozenset[Permission]
    #: Whoever holds one of these is made and reset by two administrators (双人复核).
    second_for: frozenset[Permission]
    second_within: timedelta
    token_days: int

    def lock_after(self, failed: int) -> timedelta | None:
        """How long the login is locked after so many failures in a row; None: not yet."""
        over = failed - self.free_failures
        if over < 0:
            return None
        doubled: timedelta = self.first_lock * (1 << min(over, _MOST_DOUBLINGS))
        return min(doubled, self.longest_lock)

    def fault_of(self, password: str, login: str) -> str | None:
        """Why a password is not good enough, in words for its owner; None when it is."""
        plain = password.casefold()
        if len(password) < self.shortest_password:
            return f"密码至少 {self.shortest_password} 个字符。"
        if login.casefold() in plain:
            return "密码里不能有账号。"
        if plain in self.common:
            return "这个密码太常见，请换一个。"
        if len(set(plain)) < self.least_different:
            return f"密码里至少要有 {self.least_different} 个不同的字符。"
        return None


def parse(r: Record) -> SignInRow:
    """One row."""
    code_for, second_for = _permissions(r, "code_for"), _permissions(r, "second_for")
    return SignInRow(
        r.text("id"), *r.dated(), r.where, title=r.text("title"),
        free_failures=r.whole("free_failures"),
        first_lock=timedelta(minutes=r.whole("first_lock_minutes")),
        longest_lock=timedelta(minutes=r.whole("longest_lock_minutes")),
        forget=timedelta(hours=r.whole("forget_hours")),
        attempts_per_address=r.whole("attempts_per_address"),
        idle=timedelta(minutes=r.whole("idle_minutes")), longest=timedelta(hours=r.whole("longest_hours")),
        code_within=timedelta(minutes=r.whole("code_minutes")), code_seconds=r.whole("code_seconds"),
        code_drift=r.whole("code_drift"), recovery_codes=r.whole("recovery_codes"),
        shortest_password=r.whole("shortest_password"), least_different=r.whole("least_different"),
        common=frozenset(word.casefold() for word in r.words("common")),
        code_for=code_for, second_for=second_for, second_within=timedelta(days=r.whole("second_days")),
        token_days=r.whole("token_days"),
    )  # fmt: skip


def _permissions(r: Record, key: str) -> frozenset[Permission]:
    words, known = r.words(key, required=True), {permission.value for permission in Permission}
    for word in words:
        if word not in known:
            r.fault(f"没有这项权限：{word}", key)
    return frozenset(Permission(word) for word in words if word in known)


def check(rows: Sequence[SignInRow], problems: list[Problem]) -> None:
    """One row on every day."""
    if not rows:
        problems.append(Problem(_FILE, "没有任何条目"))
        return
    ids(rows, problems)
    overlaps(rows, lambda _row: None, "登录规则", problems)
    gaps(rows, "登录规则", problems)


def row_of(rows: Sequence[SignInRow], at: date) -> SignInRow:
    """The row in force. Raises NoRule."""
    for row in rows:
        if row.holds(at):
            return row
    raise NoRule(f"登录规则没有覆盖这一天：{at.isoformat()}")
