"""The list of accounts: found by name, login, unit and role, a page at a time, in order of login."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.staff import Account, RoleGrant
from models.units import Staff, Unit
from triage.clock import local
from triage.services.staff import sessions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncSession

PER_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Asked:
    """What the list is narrowed to. `units` None: whoever asks manages all."""

    query: str = ""
    unit_code: str | None = None
    role: str | None = None
    state: str = "active"
    units: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """An account in the list."""

    staff_id: int
    login: str
    name: str
    unit_code: str | None
    unit: str | None
    roles: tuple[tuple[str, str | None], ...]
    enrolled: bool
    demo: bool
    disabled: bool
    last_login_at: datetime | None


async def page(
    session: AsyncSession, asked: Asked, *, after: str | None, limit: int = PER_PAGE, now: datetime
) -> tuple[list[Line], str | None]:
    """A page, and the login after which the next one begins (None: no more)."""
    rows = (
        await session.execute(
            sa.select(
                Account.staff_id,
                Staff.login,
                Staff.name,
                Staff.unit_code,
                Unit.name,
                Account.code_secret.is_not(None),
                Account.demo,
                Account.disabled_at.is_not(None),
                Account.last_login_at,
            )
            .join(Staff, Staff.id == Account.staff_id)
            .outerjoin(Unit, Unit.code == Staff.unit_code)
            .where(*_conditions(asked, now=now), *((Staff.login > after,) if after else ()))
            .order_by(Staff.login)
            .limit(limit + 1)
        )
    ).all()
    shown = rows[:limit]
    roles = await _roles(session, [row[0] for row in shown], now=now)
    lines = [
        Line(number, login, name, code, unit, roles.get(number, ()), enrolled, demo, disabled, last)
        for number, login, name, code, unit, enrolled, demo, disabled, last in shown
    ]
    return lines, (shown[-1][1] if len(rows) > limit else None)


async def count(session: AsyncSession, asked: Asked, *, now: datetime) -> int:
    """How many accounts fit."""
    found = (
        sa.select(sa.func.count())
        .select_from(Account)
        .join(Staff, Staff.id == Account.staff_id)
        .where(*_conditions(asked, now=now))
    )
    return await session.scalar(found) or 0


async def one(session: AsyncSession, login: str) -> tuple[Staff, Account] | None:
    """An account whole."""
    row = (
        await session.execute(
            sa.select(Staff, Account).join(Account, Account.staff_id == Staff.id).where(Staff.login == login)
        )
    ).one_or_none()
    return None if row is None else (row[0], row[1])


def _conditions(asked: Asked, *, now: datetime) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if asked.state == "active":
        found.append(Account.disabled_at.is_(None))
    elif asked.state == "disabled":
        found.append(Account.disabled_at.is_not(None))
    if words := asked.query.replace("\0", "").split():
        found += [
            sa.or_(
                Staff.login.contains(word.casefold(), autoescape=True),
                Staff.name.contains(word, autoescape=True),
            )
            for word in words
        ]
    if asked.unit_code:
        found.append(
            sa.or_(
                Staff.unit_code == asked.unit_code, _granted(RoleGrant.unit_code == asked.unit_code, now=now)
            )
        )
    if asked.role:
        found.append(_granted(RoleGrant.role == asked.role, now=now))
    if asked.units is not None:
        found.append(Staff.unit_code.in_(sorted(asked.units)))
    return found


def _granted(condition: ColumnElement[bool], *, now: datetime) -> ColumnElement[bool]:
    return sa.exists().where(
        RoleGrant.staff_id == Account.staff_id, condition, *sessions.in_force(local(now).date())
    )


async def _roles(
    session: AsyncSession, ids: Sequence[int], *, now: datetime
) -> dict[int, tuple[tuple[str, str | None], ...]]:
    found: dict[int, tuple[tuple[str, str | None], ...]] = {}
    if not ids:
        return found
    rows = await session.execute(
        sa.select(RoleGrant.staff_id, RoleGrant.role, Unit.name)
        .outerjoin(Unit, Unit.code == RoleGrant.unit_code)
        .where(RoleGrant.staff_id.in_(ids), *sessions.in_force(local(now).date()))
        .order_by(RoleGrant.staff_id, RoleGrant.id)
    )
    for number, role, unit in rows:
        found[number] = (*found.get(number, ()), (role, unit))
    return found
