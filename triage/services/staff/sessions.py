"""会话: begun at sign-in, looked at with every request, ended at once in all processes.

There is no cache: every request asks the database, in one statement, whose session it is and which roles that
person holds today. A session ends when it is told to, after `longest`, or `idle` after the last thing that a
person did (what a page fetches by itself does not count).
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from models.staff import Account, RoleGrant, SignInSession
from models.units import Staff
from triage.clock import local
from triage.errors import TriageError

if TYPE_CHECKING:
    from datetime import date, datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.vocab_signin import End, Way
    from triage.rules.signin_rows import SignInRow

#: How exactly it is known when a session was last used.
_SEEN_EVERY: Final = timedelta(minutes=1)
#: How long sessions that are over are kept for the list.
_KEPT: Final = timedelta(days=30)
_AT_ONCE: Final = 50
_LONGEST_AGENT: Final = 200
_LONGEST_ADDRESS: Final = 45


class Over(TriageError):
    """这次登录已经结束，请重新登录。"""

    code = "session_over"
    status = 403


@dataclass(frozen=True, slots=True)
class Came:
    """Where a request comes from: the network address and what the browser calls itself."""

    ip: str = ""
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """A role held today, for a unit (None: the whole city)."""

    role: str
    unit_code: str | None


@dataclass(frozen=True, slots=True)
class Person:
    """Who is behind a session or a token, as the database knows them now."""

    staff_id: int
    login: str
    name: str
    unit_code: str | None
    must_change: bool
    enrolled: bool
    demo: bool
    held: tuple[Held, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A session that is in force, and its person."""

    id: int
    strong: bool
    way: str
    seen_at: datetime
    person: Person

    def stale(self, now: datetime) -> bool:
        """Whether it is time to note that it is used."""
        return now - self.seen_at >= _SEEN_EVERY


def token_hash(token: str) -> str:
    """What is kept of a random token. Bytes that are no text have one, too."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


async def begin(
    session: AsyncSession,
    staff_id: int,
    *,
    way: Way,
    strong: bool,
    lasts: timedelta,
    came: Came,
    now: datetime,
) -> str:
    """Begin one. Gives the token for the cookie; it is nowhere else."""
    token = secrets.token_urlsafe(32)
    await session.execute(
        sa.insert(SignInSession).values(
            token_hash=token_hash(token),
            staff_id=staff_id,
            strong=strong,
            way=way.value,
            created_at=now,
            seen_at=now,
            expires_at=now + lasts,
            ip=came.ip[:_LONGEST_ADDRESS],
            agent=_plain(came.agent)[:_LONGEST_AGENT],
        )
    )
    await _forget(session, now=now)
    return token


async def find(session: AsyncSession, token: str, rule: SignInRow, *, now: datetime) -> Found | None:
    """The session of a token, in force now; None when there is none (any more)."""
    own = (SignInSession.id, SignInSession.strong, SignInSession.way, SignInSession.seen_at)
    rows = (
        await session.execute(
            _people(*own, now=now)
            .join(SignInSession, SignInSession.staff_id == Account.staff_id)
            .where(
                SignInSession.token_hash == token_hash(token),
                *_in_force(rule, now=now),
            )
        )
    ).all()
    if not rows:
        return None
    number, strong, way, seen_at, *_ = rows[0]
    return Found(number, strong, way, seen_at, person_of([row[len(own) :] for row in rows]))


async def hold(session: AsyncSession, found: Found, rule: SignInRow, *, now: datetime) -> None:
    """Make sure that a session is in force still, and stays so until this transaction is over.

    A request knows its session from before: what was reset or disabled meanwhile is not set, nor entered,
    from it. The account is locked first, as by whatever takes something away. Raises Over.
    """
    account = sa.select(Account.staff_id).where(
        Account.staff_id == found.person.staff_id, Account.disabled_at.is_(None)
    )
    own = sa.select(SignInSession.id).where(SignInSession.id == found.id, *_in_force(rule, now=now))
    for rows in (account, own):
        if await session.scalar(rows.with_for_update()) is None:
            raise Over


async def touch(session: AsyncSession, number: int, *, now: datetime) -> None:
    """Note that a session is used."""
    await session.execute(sa.update(SignInSession).where(SignInSession.id == number).values(seen_at=now))


async def end(session: AsyncSession, token: str, why: End, *, now: datetime) -> None:
    """End the session of a token; nothing when it is over already."""
    await _end(session, SignInSession.token_hash == token_hash(token), why=why, now=now)


async def end_one(session: AsyncSession, staff_id: int, number: int, why: End, *, now: datetime) -> int:
    """End one session of a person by its number. Gives how many that were."""
    return await _end(
        session, SignInSession.staff_id == staff_id, SignInSession.id == number, why=why, now=now
    )


async def end_all(
    session: AsyncSession, staff_id: int, why: End, *, now: datetime, but: int | None = None
) -> int:
    """End all sessions of a person, but one. Gives how many that were."""
    others = () if but is None else (SignInSession.id != but,)
    return await _end(session, SignInSession.staff_id == staff_id, *others, why=why, now=now)


async def listed(
    session: AsyncSession, staff_id: int, rule: SignInRow, *, now: datetime
) -> list[SignInSession]:
    """The sessions of a person that are in force, the last used first."""
    rows = await session.scalars(
        sa.select(SignInSession)
        .where(SignInSession.staff_id == staff_id, *_in_force(rule, now=now))
        .order_by(SignInSession.seen_at.desc(), SignInSession.id.desc())
    )
    return list(rows)


def people(*columns: Any, now: datetime) -> sa.Select[Any]:  # noqa: ANN401
    """Persons who may act now, a row for each role held today (one without, for those who hold none)."""
    return _people(*columns, now=now)


def person_of(rows: list[Any]) -> Person:
    """A person from the rows that `people` gave, its own columns only."""
    staff_id, login, name, unit_code, must_change, enrolled, demo, *_ = rows[0]
    held = tuple(Held(row[-2], row[-1]) for row in rows if row[-2] is not None)
    return Person(staff_id, login, name, unit_code, must_change, enrolled, demo, held)


def in_force(today: date) -> list[ColumnElement[bool]]:
    """The conditions of a grant that holds on a day in Beijing."""
    return [
        RoleGrant.withdrawn_at.is_(None),
        RoleGrant.valid_from <= today,
        sa.or_(RoleGrant.valid_to.is_(None), RoleGrant.valid_to >= today),
    ]


def _people(*columns: Any, now: datetime) -> sa.Select[Any]:  # noqa: ANN401
    return (
        sa.select(
            *columns,
            Account.staff_id,
            Staff.login,
            Staff.name,
            Staff.unit_code,
            Account.must_change,
            Account.code_secret.is_not(None),
            Account.demo,
            RoleGrant.role,
            RoleGrant.unit_code,
        )
        .select_from(Account)
        .join(Staff, Staff.id == Account.staff_id)
        .outerjoin(RoleGrant, sa.and_(RoleGrant.staff_id == Account.staff_id, *in_force(local(now).date())))
        .where(Account.disabled_at.is_(None))
        .order_by(RoleGrant.id)
    )


def _in_force(rule: SignInRow, *, now: datetime) -> list[ColumnElement[bool]]:
    return [
        SignInSession.ended_at.is_(None),
        SignInSession.expires_at > now,
        SignInSession.seen_at > now - rule.idle,
    ]


async def _end(session: AsyncSession, *which: ColumnElement[bool], why: End, now: datetime) -> int:
    rows = await session.scalars(
        sa.update(SignInSession)
        .where(SignInSession.ended_at.is_(None), *which)
        .values(ended_at=now, end_why=why.value)
        .returning(SignInSession.id)
    )
    return len(rows.all())


async def _forget(session: AsyncSession, *, now: datetime) -> None:
    """Remove a few that are long over; each new one takes some with it."""
    old = sa.select(SignInSession.id).where(SignInSession.expires_at < now - _KEPT).limit(_AT_ONCE)
    ids = list(await session.scalars(old.with_for_update(skip_locked=True)))
    if ids:
        await session.execute(sa.delete(SignInSession).where(SignInSession.id.in_(ids)))


def _plain(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode()
