"""角色: granted for a unit and a time, withdrawn at once. A change ends the sessions of whom it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.staff import Account, AccountRequest, RoleGrant
from models.units import Staff, Unit
from models.vocab_ledger import LedgerAct
from models.vocab_signin import End
from models.vocab_staff import Role
from triage.clock import local
from triage.errors import BadInput, NotFound, TriageError
from triage.rules import access_rows
from triage.services.staff import requests, sessions
from triage.services.staff.accounts import NotYourself
from triage.services.staff.recording import record

if TYPE_CHECKING:
    from datetime import date, datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.rules.rows import Tables


class RolesApart(TriageError):
    """这两个角色不能由同一个人担任。"""

    code = "roles_apart"
    status = 409


async def grant(
    session: AsyncSession,
    tables: Tables,
    staff_id: int,
    role: Role,
    *,
    unit_code: str | None,
    by: str,
    now: datetime,
    valid_from: date | None = None,
    valid_to: date | None = None,
) -> int:
    """授予, at once. `unit_code` None: the whole city; `valid_from` None: from today on. Gives its number.

    Who may do so alone is asked in `second.grant`. Raises BadInput, NotYourself, RolesApart.
    """
    valid_from = valid_from or local(now).date()
    login = await check(
        session, tables, staff_id, role, unit_code=unit_code, valid_from=valid_from, valid_to=valid_to, by=by,
        now=now,
    )  # fmt: skip
    number = await session.scalar(
        sa.insert(RoleGrant)
        .values(
            staff_id=staff_id, role=role.value, unit_code=unit_code, valid_from=valid_from, valid_to=valid_to,
            granted_by=by, granted_at=now,
        )
        .returning(RoleGrant.id)
    )  # fmt: skip
    await sessions.end_all(session, staff_id, End.ROLE, now=now)
    detail = {
        "granted": role.value, "unit": unit_code or "", "from": valid_from.isoformat(),
        "to": valid_to.isoformat() if valid_to else "",
    }  # fmt: skip
    new = _told(role.value, unit_code)
    record(session, LedgerAct.STAFF_CHANGED, by=by, login=login, now=now, detail=detail, new=new)
    return number or 0


def _told(role: str, unit_code: str | None) -> str:
    """A role and where, as the ledger has it."""
    return f"{role}@{unit_code or '全市'}"


async def check(
    session: AsyncSession, tables: Tables, staff_id: int, role: Role, *, unit_code: str | None,
    valid_from: date, valid_to: date | None, by: str, now: datetime,
) -> str:  # fmt: skip
    """Whether it can be granted at all: the login, locked. Raises BadInput, NotYourself, RolesApart."""
    login = await _login(session, staff_id)
    if login == by:
        raise NotYourself
    if unit_code is not None and await session.get(Unit, unit_code) is None:
        raise BadInput(f"没有这个单位：{unit_code}")
    if valid_to is not None and valid_to < valid_from:
        raise BadInput("最后一天早于第一天")
    if valid_to is not None and valid_to < local(now).date():
        raise BadInput("最后一天已经过去")
    same = sa.select(RoleGrant.id).where(
        RoleGrant.staff_id == staff_id,
        RoleGrant.role == role.value,
        RoleGrant.unit_code.is_(None) if unit_code is None else RoleGrant.unit_code == unit_code,
        RoleGrant.withdrawn_at.is_(None),
        sa.or_(RoleGrant.valid_to.is_(None), RoleGrant.valid_to >= valid_from),
    )
    if await session.scalar(same.limit(1)) is not None:
        raise BadInput("这个角色在这段时间已经授予过；要改期限，请先收回再授予")
    # Only what is to come: a past start asks for days on which the table may have no row at all.
    await _check_apart(session, tables, staff_id, role, (max(valid_from, local(now).date()), valid_to))
    return login


async def _check_apart(
    session: AsyncSession, tables: Tables, staff_id: int, role: Role, days: tuple[date, date | None]
) -> None:
    """Raise RolesApart when a role that excludes this one is held on one of these days."""
    first, last = days
    apart = access_rows.excluded_between(tables.access, role, first, last)
    held = sa.select(RoleGrant.role).where(
        RoleGrant.staff_id == staff_id,
        RoleGrant.role.in_(sorted(other.value for other in apart)),
        RoleGrant.withdrawn_at.is_(None),
        sa.or_(RoleGrant.valid_to.is_(None), RoleGrant.valid_to >= first),
        *((RoleGrant.valid_from <= last,) if last else ()),
    )
    other = await session.scalar(held.order_by(RoleGrant.id).limit(1))
    if other is not None:
        raise RolesApart(
            f"“{role.label}”和“{Role(other).label}”不能由同一个人担任：请先收回“{Role(other).label}”"
        )


async def withdraw(session: AsyncSession, staff_id: int, number: int, *, by: str, now: datetime) -> None:
    """收回, at once; what this person asked of other accounts is void. Raises NotFound, NotYourself."""
    login = await _login(session, staff_id)
    if login == by:
        raise NotYourself
    row = (
        await session.execute(
            sa.update(RoleGrant)
            .where(RoleGrant.id == number, RoleGrant.staff_id == staff_id, RoleGrant.withdrawn_at.is_(None))
            .values(withdrawn_at=now, withdrawn_by=by)
            .returning(RoleGrant.role, RoleGrant.unit_code)
        )
    ).one_or_none()
    if row is None:
        raise NotFound("没有这个角色，或已经收回。")
    await sessions.end_all(session, staff_id, End.ROLE, now=now)
    await requests.void(session, AccountRequest.asked_by == login, by=by, now=now)
    detail = {"withdrawn": row.role, "unit": row.unit_code or ""}
    old = _told(row.role, row.unit_code)
    record(session, LedgerAct.STAFF_CHANGED, by=by, login=login, now=now, detail=detail, old=old)


async def of(session: AsyncSession, staff_id: int) -> list[RoleGrant]:
    """All grants of an account that were not withdrawn, also those over or still to come, in order."""
    rows = await session.scalars(
        sa.select(RoleGrant)
        .where(RoleGrant.staff_id == staff_id, RoleGrant.withdrawn_at.is_(None))
        .order_by(RoleGrant.valid_from, RoleGrant.id)
    )
    return list(rows)


def role_of(text: str) -> Role:
    """A role by its key or its Chinese name. Raises BadInput."""
    for role in Role:
        if text.strip() in {role.value, role.label}:
            return role
    raise BadInput(f"没有这个角色：{text}；只有 {'、'.join(f'{role.label}({role.value})' for role in Role)}")


async def _login(session: AsyncSession, staff_id: int) -> str:
    """The login of an account, whose row is locked meanwhile. Raises NotFound."""
    login = await session.scalar(
        sa.select(Staff.login)
        .join(Account, Account.staff_id == Staff.id)
        .where(Staff.id == staff_id)
        .with_for_update()
    )
    if login is None:
        raise NotFound("没有这个账号。")
    return login
