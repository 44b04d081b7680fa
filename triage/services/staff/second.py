"""双人复核: what gives power over identities, rewards, the ledger or accounts takes two administrators.

The first asks, another one who manages the account too confirms or turns down; neither is whom it is about.
Whatever ends in such a role or a new password ends in a password of two halves: each of the two is shown one
and hands it to the person. So neither can sign in as somebody whom they made, reset or confirmed.
Which permissions these are and how long a request waits are in `signin.yaml`. The terminal calls `roles` and
`accounts` by itself: whoever has the machine needs nobody's leave, and stands in the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from models.staff import Account, AccountRequest, RoleGrant
from models.units import Staff
from models.vocab_ledger import LedgerAct
from models.vocab_signin import Wanted
from models.vocab_staff import Permission, Role
from triage.clock import local
from triage.errors import BadInput, NotFound, TriageError
from triage.rules.access_rows import given_between
from triage.services.staff import accounts, managing, passwords, people, requests, roles
from triage.services.staff.accounts import NotYourself
from triage.services.staff.recording import record
from triage.services.staff.requests import open_at
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


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of a decision. `void`: who asked may not any more. `half`: the confirmer's, shown once."""

    login: str
    asked_by: str
    void: bool = False
    half: str | None = field(default=None, repr=False)


async def needed(session: AsyncSession, tables: Tables, item: Grant, *, by: str, now: datetime) -> bool:
    """Whether a role takes two administrators, by what it gives on any day from today on."""
    gives = _gives(tables, item.role, (item.valid_from, item.valid_to), local(now).date())
    if gives.isdisjoint(rule_at(tables, now).second_for):
        return False
    return Permission.STAFF not in gives or not await _nobody_else(session, tables, by=by, now=now)


async def grant(
    session: AsyncSession, deps: Deps, staff_id: int, item: Grant, *, by: str, now: datetime
) -> str | None:
    """Grant a role, or ask for it: then the asker's half of the password to come is given, else None.

    Raises AskedAlready, BadInput when it begins in the past, as `roles.grant`.
    """
    if item.valid_from < local(now).date():
        raise BadInput("第一天不能早于今天")
    if not await needed(session, deps.tables, item, by=by, now=now):
        await roles.grant(
            session, deps.tables, staff_id, item.role, unit_code=item.unit_code,
            valid_from=item.valid_from, valid_to=item.valid_to, by=by, now=now,
        )  # fmt: skip
        return None
    login = await roles.check(
        session, deps.tables, staff_id, item.role, unit_code=item.unit_code, valid_from=item.valid_from,
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
    return await _with_half(session, deps, (staff_id, login), asked, by=by, now=now)


async def reset(
    session: AsyncSession, deps: Deps, staff: Staff, kept: str, *, forget_codes: bool, by: str, now: datetime
) -> str | None:
    """Reset a password to the one of this hash, or ask for another; gives the same as `grant`.

    Raises NotYourself, AskedAlready.
    """
    if staff.login == by:
        raise NotYourself
    await accounts.lock(session, staff.id)
    if not await privileged(session, deps.tables, staff.id, now=now):
        await accounts.reset(session, deps, staff.login, kept, forget_codes=forget_codes, by=by, now=now)
        return None
    asked = _Asked(Wanted.RESET, {"forget_codes": forget_codes}, {"codes": "yes" if forget_codes else "no"})
    return await _with_half(session, deps, (staff.id, staff.login), asked, by=by, now=now)


async def provider(
    session: AsyncSession, tables: Tables, staff: Staff, name: str | None, *, untouched: bool, by: str,
    now: datetime,
) -> tuple[bool, str | None]:  # fmt: skip
    """Whether another account at the provider may be set at once, and the name that then stands.

    Else it is asked: it lets somebody in. `untouched`: the form says what it was shown, so what stands now
    stays: the first link may have used the name up meanwhile.
    """
    await accounts.lock(session, staff.id)
    current = await session.scalar(sa.select(Account.provider_name).where(Account.staff_id == staff.id))
    if untouched:
        return True, current
    if name in {None, current} or not await privileged(session, tables, staff.id, now=now):
        return True, name
    if staff.login == by:
        raise NotYourself
    asked = _Asked(Wanted.PROVIDER, {"provider_name": name}, {})
    await _ask(session, tables, (staff.id, staff.login), asked, by=by, now=now)
    return False, current


async def privileged(session: AsyncSession, tables: Tables, staff_id: int, *, now: datetime) -> bool:
    """Whether an account holds, will hold or is asked to hold what takes two administrators.

    What was withdrawn within the days of a request counts: else one would take it away, reset, and ask again.
    """
    today = local(now).date()
    rule = rule_at(tables, now)
    held = await session.execute(
        sa.select(RoleGrant.role, RoleGrant.valid_from, RoleGrant.valid_to)
        .where(
            RoleGrant.staff_id == staff_id,
            sa.or_(RoleGrant.withdrawn_at.is_(None), RoleGrant.withdrawn_at > now - rule.second_within),
            sa.or_(RoleGrant.valid_to.is_(None), RoleGrant.valid_to >= today),
        )
        .union_all(
            sa.select(AccountRequest.role, AccountRequest.valid_from, AccountRequest.valid_to).where(
                AccountRequest.staff_id == staff_id,
                AccountRequest.what == Wanted.ROLE.value,
                *open_at(now),
            )
        )
    )
    known = {role.value: role for role in Role}
    return any(
        role in known and not rule.second_for.isdisjoint(_gives(tables, known[role], (first, last), today))
        for role, first, last in held
    )


async def waiting(session: AsyncSession, units: frozenset[str] | None, *, now: datetime) -> list[Waiting]:
    """What waits among the accounts that somebody manages, the oldest first."""
    rows = await session.execute(
        sa.select(AccountRequest, Staff)
        .join(Staff, Staff.id == AccountRequest.staff_id)
        .where(*open_at(now))
        .order_by(AccountRequest.id)
        .limit(_MOST)
    )
    found = [Waiting(row, staff) for row, staff in rows]
    return [one for one in found if await _manages(session, units, one, now=now)]


async def decide(
    session: AsyncSession, deps: Deps, number: int, units: frozenset[str] | None, *, confirm: bool, by: str,
    now: datetime,
) -> Decided:  # fmt: skip
    """同意 or 驳回 by another administrator, whose units are given.

    Whoever asked may take it back. Raises NotFound, NeedsAnother, and what the change itself raises.
    """
    one = await _waiting(session, number, now=now)
    if one is None or not await _manages(session, units, one, now=now):
        raise NotFound("没有这项申请，或已经处理、过期。")
    login, asked_by = one.staff.login, one.row.asked_by
    if by == login or (confirm and by == asked_by):
        raise NeedsAnother
    if confirm and not await _may_still_ask(session, deps.tables, one, now=now):
        await requests.void(session, AccountRequest.id == number, by=by, now=now)
        return Decided(login, asked_by, void=True)
    half = await _do(session, deps, one, now=now) if confirm else None
    await session.execute(
        sa.update(AccountRequest)
        .where(AccountRequest.id == number)
        .values(decided_by=by, decided_at=now, confirmed=confirm, half=None)
    )
    act = LedgerAct.STAFF_CONFIRMED if confirm else LedgerAct.STAFF_TURNED_DOWN
    detail = {"request": str(number), "what": one.row.what, "asked_by": asked_by}
    record(session, act, by=by, login=login, now=now, detail=detail)
    return Decided(login, asked_by, half=half)


async def _waiting(session: AsyncSession, number: int, *, now: datetime) -> Waiting | None:
    """An open request, locked: the account first, as whoever changes that does."""
    about = await session.scalar(sa.select(AccountRequest.staff_id).where(AccountRequest.id == number))
    if about is None:
        return None
    await accounts.lock(session, about)
    found = (
        await session.execute(
            sa.select(AccountRequest, Staff)
            .join(Staff, Staff.id == AccountRequest.staff_id)
            .where(AccountRequest.id == number, *open_at(now))
            .with_for_update(of=AccountRequest)
        )
    ).one_or_none()
    return None if found is None else Waiting(found[0], found[1])


async def _may_still_ask(session: AsyncSession, tables: Tables, one: Waiting, *, now: datetime) -> bool:
    """Whether who asked could still ask this: in use, manages accounts, this one among them."""
    asker = await people.person_at(session, one.row.asked_by, now=now)
    if asker is None:
        return False
    return await _manages(session, people.managed(tables, asker, now=now), one, now=now)


async def _do(session: AsyncSession, deps: Deps, one: Waiting, *, now: datetime) -> str | None:
    """Make the change, in the name of whoever asked for it. Gives the confirmer's half of a new password.

    Whoever asked may know every way into an account that gets such a role: all are made anew.
    """
    row, login, by = one.row, one.staff.login, one.row.asked_by
    if row.what == Wanted.PROVIDER.value:
        await accounts.change(
            session, login, name=one.staff.name, unit_code=one.staff.unit_code,
            provider_name=row.provider_name, by=by, now=now,
        )  # fmt: skip
        return None
    if row.half is None:
        raise BadInput("这项申请不完整，请驳回后重新申请。")
    theirs, half = deps.vault.open(row.half, belongs_to=_place(row.id)), passwords.half()
    kept = await accounts.password_hash(deps, login, passwords.joined(theirs, half), now=now)
    if row.what == Wanted.RESET.value:
        await accounts.reset(session, deps, login, kept, forget_codes=row.forget_codes, by=by, now=now)
        return half
    if row.role and row.valid_from:
        await roles.grant(
            session, deps.tables, row.staff_id, Role(row.role), unit_code=row.unit_code,
            valid_from=max(row.valid_from, local(now).date()), valid_to=row.valid_to, by=by, now=now,
        )  # fmt: skip
    await accounts.made_anew(session, deps, login, kept, by=by, now=now)
    return half


async def _with_half(
    session: AsyncSession, deps: Deps, about: tuple[int, str], asked: _Asked, *, by: str, now: datetime
) -> str:
    """Ask for what ends in a new password. Gives the asker's half of it."""
    number, half = await _ask(session, deps.tables, about, asked, by=by, now=now), passwords.half()
    await session.execute(
        sa.update(AccountRequest)
        .where(AccountRequest.id == number)
        .values(half=deps.vault.seal(half, belongs_to=_place(number)))
    )
    return half


def _place(number: int) -> str:
    """What a sealed half belongs to."""
    return f"account_request.half:{number}"


async def _ask(
    session: AsyncSession, tables: Tables, about: tuple[int, str], asked: _Asked, *, by: str, now: datetime
) -> int:
    staff_id, login = about
    # The account's row keeps two who ask at once apart.
    await accounts.lock(session, staff_id)
    mine = (AccountRequest.staff_id == staff_id, AccountRequest.what == asked.what.value, *asked.same)
    if await session.scalar(sa.select(AccountRequest.id).where(*mine, *open_at(now)).limit(1)) is not None:
        raise AskedAlready
    until = now + rule_at(tables, now).second_within
    row = {"staff_id": staff_id, "what": asked.what.value, "asked_by": by, "asked_at": now, "until": until}
    made = sa.insert(AccountRequest).values(**row, **asked.values).returning(AccountRequest.id)
    number = (await session.scalars(made)).one()
    told = {"request": str(number), "what": asked.what.value, "until": until.isoformat(), **asked.detail}
    record(session, LedgerAct.STAFF_ASKED, by=by, login=login, now=now, detail=told)
    return number


async def _nobody_else(session: AsyncSession, tables: Tables, *, by: str, now: datetime) -> bool:
    """Whether nobody but the one who asks ever held a role that manages accounts: a fresh installation.

    Ever: who disables the others is not alone by that.
    """
    at = local(now).date()
    managers = sorted(role.value for role in Role if Permission.STAFF in _gives(tables, role, (at, at), at))
    others = (
        sa.select(RoleGrant.id)
        .join(Staff, Staff.id == RoleGrant.staff_id)
        .where(RoleGrant.role.in_(managers), Staff.login != by)
    )
    return await session.scalar(others.limit(1)) is None


async def _manages(
    session: AsyncSession, units: frozenset[str] | None, one: Waiting, *, now: datetime
) -> bool:
    if units is not None and one.row.what == Wanted.ROLE.value and one.row.unit_code not in units:
        return False
    return await managing.may_manage(session, units, one.staff, now=now)


def _gives(tables: Tables, role: Role, days: tuple[date, date | None], today: date) -> frozenset[Permission]:
    """What a role gives on any of these days that is not past."""
    return given_between(tables.access, role, max(days[0], today), days[1])


def _unit_is(code: str | None) -> sa.ColumnElement[bool]:
    return AccountRequest.unit_code.is_(None) if code is None else AccountRequest.unit_code == code
