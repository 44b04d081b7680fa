"""登录: a password, then a code where one is wanted. Gives a new session's token, or why not.

Whoever is refused learns one thing, the same whether the account is unknown, disabled, without a password or
the password wrong; and one hash is computed in each case. Failures are committed: nothing is raised in the
transaction that counts them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.staff import Account
from models.units import Staff
from models.vocab_ledger import LedgerAct
from models.vocab_signin import End, Way
from triage.clock import show
from triage.errors import TriageError
from triage.services.staff import codes, limits, locking, passwords, sessions
from triage.services.staff.recording import record
from triage.services.staff.rules import rule_at

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.shared_counts import SharedCounts
    from triage.rules.signin_rows import SignInRow
    from triage.services.deps import Deps
    from triage.services.staff.sessions import Came, Found

LOGIN: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{1,63}")


class Refused(TriageError):
    """账号或密码不对。连续多次不对，这个账号会暂时锁定。"""

    code = "refused"
    status = 403


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session. `wants_code`: it opens nothing until a code is shown."""

    token: str
    wants_code: bool


@dataclass(frozen=True, slots=True)
class _Known:
    staff_id: int
    password_hash: str | None
    enrolled: bool
    good: bool


def normal(login: str) -> str:
    """A login as it is kept: case and blanks around it do not count."""
    return login.replace("\0", "").strip().casefold()[:64]


async def by_password(
    deps: Deps,
    counts: SharedCounts,
    login: str,
    password: str,
    *,
    came: Came,
    before: str | None,
    now: datetime,
) -> SignedIn:
    """Sign in. `before`: the token that the browser had, whose session ends. Raises Refused, TooOften."""
    rule = rule_at(deps.tables, now)
    await limits.ask(deps, counts, came.ip, most=rule.attempts_per_address, now=now)
    login = normal(login)
    hasher = passwords.hasher_of(deps.settings)
    async with deps.db.writes.begin() as session:
        may_try, until = await locking.enter(session, deps.vault, login, came.ip, rule, now=now)
        known = await _known(session, login)
        told = login if known is not None else _nobody(deps, login)
        if not may_try:
            why = {"why": "locked"}
            record(session, LedgerAct.SIGN_IN_REFUSED, by=told, login=told, now=now, detail=why)
    if not may_try:
        raise _locked(until)
    kept = known.password_hash if known else None
    # A password that is too long is no password of ours: it is cut, so that the work stays the same.
    proved = await hasher.verify(kept, password[: passwords.LONGEST])
    good = known is not None and known.good and proved and len(password) <= passwords.LONGEST
    renewed = await hasher.make(password) if good and kept is not None and hasher.outdated(kept) else None
    async with deps.db.writes.begin() as session:
        # The check took its time: disabled or with another password meanwhile, it opens nothing.
        still = await _known(session, login, lock=True) if good else None
        good = still is not None and still.good and still.password_hash == kept
        if still is None or not good:
            note_failure(session, told, until, why="password", now=now)
            made = None
        else:
            await locking.leave(session, deps.vault, login, came.ip, now=now)
            if renewed is not None:
                mine = sa.update(Account).where(Account.staff_id == still.staff_id)
                await session.execute(mine.values(password_hash=renewed))
            token = await _begin(
                session, still.staff_id, login, rule, way=Way.PASSWORD, strong=False,
                wants_code=still.enrolled, came=came, before=before, now=now,
            )  # fmt: skip
            made = SignedIn(token, still.enrolled)
    if made is None:
        raise _locked(until) if until else Refused()
    return made


async def by_code(deps: Deps, found: Found, token: str, code: str, *, came: Came, now: datetime) -> SignedIn:
    """Show the second factor. Gives a new session instead of the password's.

    Raises Refused, WrongCode, and Over when that of the password has ended meanwhile.
    """
    rule = rule_at(deps.tables, now)
    person = found.person
    async with deps.db.writes.begin() as session:
        await sessions.hold(session, found, rule, now=now)
        # Counted apart: a right password must not open again what wrong codes have locked.
        may_try, until = await locking.enter_code(session, deps.vault, person.login, rule, now=now)
        good = may_try and await codes.take(session, deps.vault, person.staff_id, code, rule, now=now)
        if good:
            await locking.leave_code(session, deps.vault, person.login)
            new = await _begin(
                session, person.staff_id, person.login, rule, way=Way(found.way), strong=True,
                wants_code=False, came=came, before=token, now=now,
            )  # fmt: skip
        else:
            note_failure(session, person.login, until, why="code" if may_try else "locked", now=now)
    if good:
        return SignedIn(new, wants_code=False)
    raise _locked(until) if until else codes.WrongCode()


async def by_provider(
    deps: Deps, staff_id: int, login: str, *, came: Came, before: str | None, now: datetime
) -> SignedIn:
    """Sign in whom the provider vouches for. Raises Refused when the account is disabled."""
    rule = rule_at(deps.tables, now)
    async with deps.db.writes.begin() as session:
        known = await _known(session, login)
        if known is None or known.staff_id != staff_id or not known.good:
            note_failure(session, login, None, why="disabled", now=now)
            made = None
        else:
            strong = deps.settings.oidc_second_factor
            wants_code = known.enrolled and not strong
            token = await _begin(
                session, staff_id, login, rule, way=Way.PROVIDER, strong=strong, wants_code=wants_code,
                came=came, before=before, now=now,
            )  # fmt: skip
            made = SignedIn(token, wants_code)
    if made is None:
        raise Refused("这个账号已停用，请联系管理员。")
    return made


async def strengthened(
    session: AsyncSession, found: Found, token: str | None, rule: SignInRow, *, came: Came, now: datetime
) -> str:
    """A second factor was shown by enrolling it: a new session that says so instead of the old one.

    In the transaction that enrols it: from a session that has ended neither comes about. Raises Over.
    """
    person = found.person
    await sessions.hold(session, found, rule, now=now)
    return await _begin(
        session, person.staff_id, person.login, rule, way=Way(found.way), strong=True, wants_code=False,
        came=came, before=token, now=now,
    )  # fmt: skip


async def sign_out(deps: Deps, token: str, *, login: str, now: datetime) -> None:
    """退出."""
    async with deps.db.writes.begin() as session:
        await sessions.end(session, token, End.LOGOUT, now=now)
        record(session, LedgerAct.SIGNED_OUT, by=login, login=login, now=now)


async def _known(session: AsyncSession, login: str, *, lock: bool = False) -> _Known | None:
    query = (
        sa.select(
            Account.staff_id,
            Account.password_hash,
            Account.code_secret.is_not(None),
            Account.disabled_at.is_(None),
        )
        .join(Staff, Staff.id == Account.staff_id)
        .where(Staff.login == login)
    )
    row = (await session.execute(query.with_for_update(of=Account) if lock else query)).one_or_none()
    return None if row is None else _Known(*row)


async def _begin(
    session: AsyncSession,
    staff_id: int,
    login: str,
    rule: SignInRow,
    *,
    way: Way,
    strong: bool,
    wants_code: bool,
    came: Came,
    before: str | None,
    now: datetime,
) -> str:
    """A session of its own for every sign-in: what the browser brought along is worth nothing afterwards."""
    if before is not None:
        await sessions.end(session, before, End.ROTATED, now=now)
    if not wants_code:
        await session.execute(
            sa.update(Account).where(Account.staff_id == staff_id).values(last_login_at=now)
        )
        detail = {"way": way.value, "second_factor": "yes" if strong else "no"}
        record(session, LedgerAct.SIGNED_IN, by=login, login=login, now=now, detail=detail)
    lasts = rule.code_within if wants_code else rule.longest
    return await sessions.begin(session, staff_id, way=way, strong=strong, lasts=lasts, came=came, now=now)


def _nobody(deps: Deps, login: str) -> str:
    """A login that no account has, as the ledger may keep it: people type passwords there by mistake."""
    return f"unknown:{deps.vault.content_hash(login)[:12]}"


def note_failure(
    session: AsyncSession, login: str, until: datetime | None, *, why: str, now: datetime
) -> None:
    """Write down that somebody was not let in, or did not prove to be who they are, and the lock it brought.

    Of a login that was locked before (`why` is "locked") the lock is no news.
    """
    record(session, LedgerAct.SIGN_IN_REFUSED, by=login, login=login, now=now, detail={"why": why})
    if until is not None and why != "locked":
        detail = {"until": show(until)}
        record(session, LedgerAct.LOCKED, by="system", login=login, now=now, detail=detail)


def _locked(until: datetime | None) -> Refused:
    when = f"，{show(until)} 以后可以再试" if until else "，请稍后再试"
    return Refused(f"连续多次不对，这个账号暂时锁定{when}。忘记密码请联系本单位管理员。")
