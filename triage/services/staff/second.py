"""双人复核: what gives power over identities, rewards, the ledger or accounts takes two administrators.

The first asks, another one who manages the account too confirms or turns down; neither is whom it is about.
Which permissions these are and how long a request waits are in `signin.yaml`. The terminal calls `roles` and
`accounts` by itself: whoever has the machine needs nobody's leave, and stands in the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from models.staff import Account, AccountRequest, RoleGrant
from models.units import Staff
from models.vocab_ledger import LedgerAct
from models.vocab_signin import Wanted
from models.vocab_staff import Permission, Role
from triage.clock import local
from triage.errors import NotFound, TriageError
from triage.rules.access_rows import row_of
from triage.services.staff import accounts, managing, roles
from triage.services.staff.accounts import NotYourself
from triage.services.staff.recording import record
from triage.services.staff.rules import rule_at

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.rules.rows import Tables
    from triage.services.deps import Deps

#: A page shows no more of them: they are decided within days.
_MOST: Final = 200


class AskedAlready(TriageError):
    """同样的申请已在等另一位管理员复核。"""

    code = "asked_already"
    status = 409


class NeedsAnother(TriageError):
    """申请的人和申请所涉的人不能复核：请另一位管理员来做。"""

    code = "needs_another"
    status = 403


@dataclass(frozen=True, slots=True)
class Grant:
    """A role to be given."""

    role: Role
    unit_code: str | None
    valid_from: date
    valid_to: date | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that waits, with whom it is about."""

    row: AccountRequest
    staff: Staff


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked for: the columns of its row, what the ledger tells, what makes another one the same."""

    what: Wanted
    values: Mapping[str, Any]
    detail: Mapping[str, str]
    same: tuple[sa.ColumnElement[bool], ...] = ()


async def grant(
    session: AsyncSession, tables: Tables, staff_id: int, item: Grant, *, by: str, now: datetime
) -> bool:
    """Grant a role, or ask for it. Gives whether it holds already. Raises AskedAlready, as `roles.grant`."""
    gives = _gives(tables, item.role, item.valid_from)
    alone = Permission.STAFF in gives and await _nobody_else(session, tables, by=by, now=now)
    if alone or gives.isdisjoint(rule_at(tables, now).second_for):
        await roles.grant(
            session, tables, staff_id, item.role, unit_code=item.unit_code,
            valid_from=item.valid_from, valid_to=item.valid_to, by=by, now=now,
        )  # fmt: skip
        return True
    login = await roles.check(
        session, tables, staff_id, item.role, unit_code=item.unit_code, valid_from=item.valid_from,
        valid_to=item.valid_to, by=by, now=now,
    )  # fmt: skip
    asked = _Asked(
        Wanted.ROLE,
        {
            "role": item.role.value, "unit_code": item.unit_code, "valid_from": item.valid_from,
            "valid_to": item.valid_to,
        },
        {"role": item.role.value, "unit": item.unit_code or ""},
        (AccountRequest.role == item.role.value, _unit_is(item.unit_code)),
    )  # fmt: skip
    await _ask(session, tables, (staff_id, login), asked, by=by, now=now)
    return False


async def reset(
    session: AsyncSession, deps: Deps, staff: Staff, kept: str, *, forget_codes: bool, by: str, now: datetime
) -> bool:
    """Reset a password, or ask for it. Gives whether it holds already. Raises NotYourself, AskedAlready."""
    if staff.login == by:
        raise NotYourself
    if not await privileged(session, deps.tables, staff.id, now=now):
        await accounts.reset(session, deps, staff.login, kept, forget_codes=forget_codes, by=by, now=now)
        return True
    asked = _Asked(
        Wanted.RESET,
        {"password_hash": kept, "forget_codes": forget_codes},
        {"codes": "yes" if forget_codes else "no"},
    )
    await _ask(session, deps.tables, (staff.id, staff.login), asked, by=by, now=now)
    return False


async def provider(
    session: AsyncSession, tables: Tables, staff: Staff, name: str | None, *, by: str, now: datetime
) -> bool:
    """Whether another account at the provider may be set at once; else it is asked: it lets somebody in."""
    current = await session.scalar(sa.select(Account.provider_name).where(Account.staff_id == staff.id))
    if name in {None, current} or not await privileged(session, tables, staff.id, now=now):
        return True
    if staff.login == by:
        raise NotYourself
    asked = _Asked(Wanted.PROVIDER, {"provider_name": name}, {})
    await _ask(session, tables, (staff.id, staff.login), asked, by=by, now=now)
    return False


async def privileged(session: AsyncSession, tables: Tables, staff_id: int, *, now: datetime) -> bool:
    """Whether an account holds, will hold or is asked to hold what takes two administrators."""
    today = local(now).date()
    wanted = rule_at(tables, now).second_for
    held = await session.execute(
        sa.select(RoleGrant.role, RoleGrant.valid_from)
        .where(
            RoleGrant.staff_id == staff_id,
            RoleGrant.withdrawn_at.is_(None),
            sa.or_(RoleGrant.valid_to.is_(None), RoleGrant.valid_to >= today),
        )
        .union_all(
            sa.select(AccountRequest.role, AccountRequest.valid_from).where(
                AccountRequest.staff_id == staff_id,
                AccountRequest.what == Wanted.ROLE.value,
                *_open(now),
            )
        )
    )
    known = {role.value: role for role in Role}
    return any(
        role in known and not wanted.isdisjoint(_gives(tables, known[role], max(first, today)))
        for role, first in held
    )


async def waiting(session: AsyncSession, units: frozenset[str] | None, *, now: datetime) -> list[Waiting]:
    """What waits among the accounts that somebody manages, the oldest first."""
    rows = await session.execute(
        sa.select(AccountRequest, Staff)
        .join(Staff, Staff.id == AccountRequest.staff_id)
        .where(*_open(now))
        .order_by(AccountRequest.id)
        .limit(_MOST)
    )
    found = [Waiting(row, staff) for row, staff in rows]
    return [one for one in found if await _manages(session, units, one)]


async def decide(
    session: AsyncSession, deps: Deps, number: int, units: frozenset[str] | None, *, confirm: bool, by: str,
    now: datetime,
) -> None:  # fmt: skip
    """同意 or 驳回 by another administrator, whose units are given.

    Whoever asked may take it back. Raises NotFound, NeedsAnother, and what the change itself raises.
    """
    found = (
        await session.execute(
            sa.select(AccountRequest, Staff)
            .join(Staff, Staff.id == AccountRequest.staff_id)
            .where(AccountRequest.id == number, *_open(now))
            .with_for_update(of=AccountRequest)
        )
    ).one_or_none()
    one = None if found is None else Waiting(found[0], found[1])
    if one is None or not await _manages(session, units, one):
        raise NotFound("没有这项申请，或已经处理、过期。")
    if by == one.staff.login or (confirm and by == one.row.asked_by):
        raise NeedsAnother
    if confirm:
        await _do(session, deps, one, now=now)
    await session.execute(
        sa.update(AccountRequest)
        .where(AccountRequest.id == number)
        .values(decided_by=by, decided_at=now, confirmed=confirm, password_hash=None)
    )
    act = LedgerAct.STAFF_CONFIRMED if confirm else LedgerAct.STAFF_TURNED_DOWN
    detail = {"request": str(number), "what": one.row.what, "asked_by": one.row.asked_by}
    record(session, act, by=by, login=one.staff.login, now=now, detail=detail)


async def _do(session: AsyncSession, deps: Deps, one: Waiting, *, now: datetime) -> None:
    """Make the change, in the name of whoever asked for it."""
    row, login = one.row, one.staff.login
    if row.what == Wanted.ROLE.value and row.role and row.valid_from:
        await roles.grant(
            session, deps.tables, row.staff_id, Role(row.role), unit_code=row.unit_code,
            valid_from=row.valid_from, valid_to=row.valid_to, by=row.asked_by, now=now,
        )  # fmt: skip
    elif row.what == Wanted.RESET.value and row.password_hash:
        await accounts.reset(
            session, deps, login, row.password_hash, forget_codes=row.forget_codes, by=row.asked_by, now=now
        )
    else:
        await accounts.change(
            session, login, name=one.staff.name, unit_code=one.staff.unit_code,
            provider_name=row.provider_name, by=row.asked_by, now=now,
        )  # fmt: skip


async def _ask(
    session: AsyncSession, tables: Tables, about: tuple[int, str], asked: _Asked, *, by: str, now: datetime
) -> None:
    staff_id, login = about
    # The account's row keeps two who ask at once apart.
    await session.execute(sa.select(Account.staff_id).where(Account.staff_id == staff_id).with_for_update())
    mine = (AccountRequest.staff_id == staff_id, AccountRequest.what == asked.what.value, *asked.same)
    if await session.scalar(sa.select(AccountRequest.id).where(*mine, *_open(now)).limit(1)) is not None:
        raise AskedAlready
    # A password that nobody confirmed in time is not kept.
    await session.execute(
        sa.update(AccountRequest)
        .where(AccountRequest.until <= now, AccountRequest.password_hash.is_not(None))
        .values(password_hash=None)
    )
    until = now + rule_at(tables, now).second_within
    number = await session.scalar(
        sa.insert(AccountRequest)
        .values(
            staff_id=staff_id, what=asked.what.value, asked_by=by, asked_at=now, until=until, **asked.values
        )
        .returning(AccountRequest.id)
    )
    told = {"request": str(number), "what": asked.what.value, "until": until.isoformat(), **asked.detail}
    record(session, LedgerAct.STAFF_ASKED, by=by, login=login, now=now, detail=told)


async def _nobody_else(session: AsyncSession, tables: Tables, *, by: str, now: datetime) -> bool:
    """Whether nobody but the one who asks ever held a role that manages accounts: a fresh installation.

    Ever: who disables the others is not alone by that.
    """
    at = local(now).date()
    managers = sorted(role.value for role in Role if Permission.STAFF in _gives(tables, role, at))
    others = (
        sa.select(RoleGrant.id)
        .join(Staff, Staff.id == RoleGrant.staff_id)
        .where(RoleGrant.role.in_(managers), Staff.login != by)
    )
    return await session.scalar(others.limit(1)) is None


async def _manages(session: AsyncSession, units: frozenset[str] | None, one: Waiting) -> bool:
    if units is not None and one.row.what == Wanted.ROLE.value and one.row.unit_code not in units:
        return False
    return await managing.may_manage(session, units, one.staff)


def _gives(tables: Tables, role: Role, at: date) -> frozenset[Permission]:
    row = row_of(tables.access, role, at)
    return frozenset(row.permissions if row else ())


def _open(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return (AccountRequest.decided_at.is_(None), AccountRequest.until > now)


def _unit_is(code: str | None) -> sa.ColumnElement[bool]:
    return AccountRequest.unit_code.is_(None) if code is None else AccountRequest.unit_code == code
