"""经办人 (keeper): a unit names one of its own people for its part of a ticket, or nobody.

It moves nothing: no state, no clock, no rate; the ledger tells it (定经办人). Who may do so is whom the unit
may name: an account that is not disabled, with a role that gives 承办 (HANDLE) for this very unit today. A
keeper who is that no more is shown as none, and why. Whoever presses says whom they saw there (`seen`): where
somebody was faster nothing is changed, and they are told who has it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from models.filters import may_see
from models.keepers import TicketKeeper, dealing, has_part, kept_by
from models.staff import Account, RoleGrant
from models.tickets import Ticket, TicketUnit
from models.units import Staff
from models.vocab import OPEN_STATES, State
from models.vocab_keepers import Keeping
from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_staff import Permission
from models.vocab_staff import Role as StaffRole
from triage.clock import local
from triage.errors import BadInput, NotFound, TriageError
from triage.rules.access_rows import row_of
from triage.services import ledger
from triage.services.staff import sessions

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date, datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.lines import TicketRow
    from models.ticket_detail import WholeTicket
    from models.viewing import Viewer
    from triage.rules.rows import Tables

_OPEN: Final = sorted(state.value for state in OPEN_STATES)
#: Colleagues that are offered, by name; a unit has tens.
MOST: Final = 200


class NotOfTheUnit(TriageError):
    """这张工单现在不由您所在的单位主办或协办，不能定它的经办人。"""

    code: ClassVar[str] = "not_of_the_unit"
    status: ClassVar[int] = 403


class NotOpen(TriageError):
    """这张工单已经结束，不再定经办人。"""

    code: ClassVar[str] = "keeper_not_open"
    status: ClassVar[int] = 422


class KeeperChanged(TriageError):
    """经办人刚刚被别人改过。"""

    code: ClassVar[str] = "keeper_changed"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class Keeper:
    """Who deals with a unit's part. `gone`: why they cannot any more; then nobody does."""

    staff_id: int
    name: str
    login: str
    since: datetime
    by: str
    by_id: int
    gone: str | None
    seen_at: datetime | None = None

    @property
    def taken(self) -> bool:
        """Whether they took it themselves."""
        return self.staff_id == self.by_id

    @property
    def fresh(self) -> bool:
        """新: a colleague gave it to them, and they have not opened it."""
        return self.gone is None and not self.taken and self.seen_at is None


@dataclass(frozen=True, slots=True)
class Colleague:
    """One whom the unit may name; `label` tells two of one name apart."""

    staff_id: int
    name: str
    login: str
    label: str


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for: `to` is whom it is given to, `seen` whom they saw there (None: nobody).

    Without `unit` it is the one of theirs that has a part in the ticket.
    """

    no: str
    keeping: Keeping
    seen: int | None
    unit: str | None = None
    to: int | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of it. `repeated`: it was so before, nothing was written. `name`: of whom has it now."""

    no: str
    unit: str
    account: int | None
    name: str | None
    repeated: bool


async def colleagues(
    session: AsyncSession, tables: Tables, units: Collection[str], *, now: datetime
) -> dict[str, tuple[Colleague, ...]]:
    """Of each unit those who may have its tickets, by name."""
    if not units:
        return {}
    rows = await session.execute(
        sa.select(RoleGrant.unit_code, Staff.id, Staff.name, Staff.login)
        .distinct()
        .join(Staff, Staff.id == RoleGrant.staff_id)
        .join(Account, Account.staff_id == Staff.id)
        .where(
            RoleGrant.unit_code.in_(sorted(units)), RoleGrant.role.in_(_handling(tables, local(now).date())),
            Account.disabled_at.is_(None), Staff.active, *sessions.in_force(local(now).date()),
        )
        .order_by(RoleGrant.unit_code, Staff.name, Staff.login)
    )  # fmt: skip
    found: dict[str, list[tuple[int, str, str]]] = {}
    for unit, number, name, login in rows:
        found.setdefault(str(unit), []).append((number, name, login))
    return {unit: _labelled(people) for unit, people in found.items()}


def _labelled(people: Sequence[tuple[int, str, str]]) -> tuple[Colleague, ...]:
    names = [name for _, name, _ in people]
    return tuple(
        Colleague(
            number, name, login, name if name and names.count(name) == 1 else f"{name}（{login}）"
        )
        for number, name, login in people
    )  # fmt: skip


async def of_tickets(
    session: AsyncSession, tables: Tables, ids: Collection[int], *, now: datetime
) -> dict[int, dict[str, Keeper]]:
    """The keepers of these tickets, by unit: one query. Sight is asked before."""
    if not ids:
        return {}
    by = aliased(Staff)
    rows = await session.execute(
        sa.select(
            TicketKeeper.ticket_id, TicketKeeper.unit_code, TicketKeeper.staff_id, TicketKeeper.since,
            TicketKeeper.by_id, TicketKeeper.seen_at, Staff.name, Staff.login,
            sa.case((by.name != "", by.name), else_=by.login).label("by"),
            sa.or_(Account.disabled_at.is_not(None), ~Staff.active).label("disabled"),
            _holds(tables, local(now).date()).label("holds"),
        )
        .select_from(TicketKeeper)
        .join(TicketUnit, has_part())
        .join(Staff, Staff.id == TicketKeeper.staff_id)
        .join(Account, Account.staff_id == TicketKeeper.staff_id)
        .join(by, by.id == TicketKeeper.by_id)
        .where(TicketKeeper.ticket_id.in_(sorted(ids)))
    )  # fmt: skip
    found: dict[int, dict[str, Keeper]] = {}
    for row in rows:
        found.setdefault(row.ticket_id, {})[row.unit_code] = Keeper(
            row.staff_id, row.name or row.login, row.login, row.since, row.by, row.by_id, _gone(row),
            row.seen_at,
        )  # fmt: skip
    return found


def _gone(row: Any) -> str | None:  # noqa: ANN401  (a result row: columns by name)
    if row.disabled:
        return "账号已停用"
    return None if row.holds else "已不在本单位承办"


async def mark(
    session: AsyncSession, tables: Tables, viewer: Viewer, rows: Sequence[TicketRow], *, now: datetime
) -> tuple[TicketRow, ...]:
    """The lines of a list, each with who deals with it."""
    found = await of_tickets(session, tables, [row.id for row in rows], now=now)
    return tuple(
        replace(row, keeper=told(found[row.id], row.unit_code, viewer), fresh=is_new(found[row.id], viewer))
        if row.id in found
        else row
        for row in rows
    )


def is_new(keepers: Mapping[str, Keeper], viewer: Viewer) -> bool:
    """Whether the viewer was given the case and has not opened it, for one of their own units."""
    return any(
        one.fresh and one.login == viewer.login
        for unit, one in keepers.items()
        if unit in viewer.scope.own
    )  # fmt: skip


async def count_new(session: AsyncSession, viewer: Viewer) -> int:
    """Of 我经办的 those that are new to the viewer."""
    units = viewer.scope.own
    wanted = sa.select(sa.func.count()).select_from(Ticket)
    is_theirs = kept_by(viewer.login, units, unopened=True)
    return await session.scalar(wanted.where(is_theirs, Ticket.state.in_(_OPEN), may_see(viewer))) or 0


def told(keepers: Mapping[str, Keeper], lead: str | None, viewer: Viewer) -> str | None:
    """Whom a line names: of the viewer's own unit, else of the lead unit; nobody who cannot any more."""
    own = [keepers[unit] for unit in sorted(viewer.scope.own) if unit in keepers]
    first = next(iter(own), keepers.get(lead or ""))
    return first.name if first is not None and first.gone is None else None


def parts_of(whole: WholeTicket) -> dict[str, str]:
    """The units that deal with a ticket, by code and name."""
    found = dealing({part.code: part.role for part in whole.units}, whole.ticket.state)
    return {part.code: part.name for part in whole.units if part.code in found}


async def units_of(
    session: AsyncSession, tables: Tables, viewer: Viewer, parts: Collection[str], *, now: datetime
) -> dict[str, tuple[Colleague, ...]]:
    """Of the units that have a part those that the viewer may name a keeper for, each with its people."""
    # Of their scope first: nobody else's people are read.
    own = set(parts) & viewer.scope.own if viewer.may(Permission.HANDLE) else set()
    people = await colleagues(session, tables, own, now=now)
    return {unit: found for unit, found in people.items() if any(one.login == viewer.login for one in found)}


async def keep(session: AsyncSession, tables: Tables, viewer: Viewer, wish: Wish, *, now: datetime) -> Kept:
    """Take it, give it, let it go. Raises NotFound, NotOfTheUnit, NotOpen, KeeperChanged, BadInput."""
    ticket = (
        await session.scalars(
            # Locked: of two at once the second sees what the first did, and no move takes the part away.
            sa.select(Ticket)
            .where(Ticket.no == wish.no[:40].replace("\0", ""), may_see(viewer))
            .with_for_update()
        )
    ).one_or_none()
    if ticket is None:
        raise NotFound("没有这张工单，或您无权查看。")
    unit, people = await _unit(session, tables, viewer, ticket, wish.unit, now=now)
    if ticket.state not in OPEN_STATES:
        raise NotOpen(f"这张工单{_state(ticket.state)}，不再定经办人。")
    row = await session.get(TicketKeeper, (ticket.id, unit))
    has_it = (await of_tickets(session, tables, [ticket.id], now=now)).get(ticket.id, {}).get(unit)
    standing = has_it if has_it is not None and has_it.gone is None else None
    target = _target(viewer, wish, people)
    if (target.staff_id if target else None) == (standing.staff_id if standing else None):
        return _kept(ticket.no, unit, target, repeated=True)
    if wish.seen != (standing.staff_id if standing else None):
        raise KeeperChanged(_changed(standing, now))
    me = next(one for one in people if one.login == viewer.login)
    if row is not None:
        await session.delete(row)
        await session.flush()
    if target is not None:
        # To whom takes it themselves it is not new: what nobody opened stays few, and has an index.
        seen_at = now if target.staff_id == me.staff_id else None
        named = {"staff_id": target.staff_id, "since": now, "by_id": me.staff_id, "seen_at": seen_at}
        session.add(TicketKeeper(ticket_id=ticket.id, unit_code=unit, **named))
    ledger.write(
        session, who=viewer.login, act=LedgerAct.KEEPER_SET, now=now,
        subject=ledger.Subject(SubjectKind.TICKET, ticket.no, ticket.no),
        old=has_it.login if has_it else None, new=target.login if target else None,
        detail={"unit": unit},
    )  # fmt: skip
    return _kept(ticket.no, unit, target, repeated=False)


def _kept(no: str, unit: str, target: Colleague | None, *, repeated: bool) -> Kept:
    if target is None:
        return Kept(no, unit, None, None, repeated)
    return Kept(no, unit, target.staff_id, target.name or target.login, repeated)


async def _unit(
    session: AsyncSession, tables: Tables, viewer: Viewer, ticket: Ticket, asked: str | None, *, now: datetime
) -> tuple[str, tuple[Colleague, ...]]:
    """Whose part it is about, and that unit's people. Raises NotOfTheUnit, BadInput."""
    rows = await session.execute(
        sa.select(TicketUnit.unit_code, TicketUnit.role).where(TicketUnit.ticket_id == ticket.id)
    )
    parts = dealing({row.unit_code: row.role for row in rows}, ticket.state)
    mine = await units_of(session, tables, viewer, parts, now=now)
    if not mine or (asked is not None and asked not in mine):
        raise NotOfTheUnit
    if asked is None and len(mine) > 1:
        raise BadInput("您在这张工单的几个单位里都承办：请写明单位 unit")
    unit = asked or next(iter(mine))
    return unit, mine[unit]


def _target(viewer: Viewer, wish: Wish, people: Sequence[Colleague]) -> Colleague | None:
    """Who is to have it; None: nobody. Raises BadInput."""
    if wish.keeping is Keeping.LET_GO:
        return None
    if wish.keeping is Keeping.TAKE:
        return next(one for one in people if one.login == viewer.login)
    found = next((one for one in people if one.staff_id == wish.to), None)
    if found is None:
        raise BadInput("交给谁：请从本单位的承办人里选；这个账号不是，或已停用。")
    return found


def _changed(standing: Keeper | None, now: datetime) -> str:
    if standing is None:
        return "您打开之后，经办人已被放下，现在没有人经办；这次没有改动。要办，请再按一次“我来办”。"
    since = local(standing.since)
    when = f"{since:%H:%M}" if since.date() == local(now).date() else f"{since:%m-%d %H:%M}"
    given = "" if standing.taken else f"，由{standing.by}交办"
    return f"{standing.name}已在经办这张工单（{when} 起{given}），这次没有改动。仍要改，请看过再按。"


def _state(state: str) -> str:
    known = {one.value: one.label for one in State}
    return known.get(state, "已经结束")


def _handling(tables: Tables, on: date) -> list[str]:
    """The roles that give 承办 on a day."""
    rows = ((role, row_of(tables.access, role, on)) for role in StaffRole)
    return sorted(role.value for role, row in rows if row and Permission.HANDLE in row.permissions)


def _holds(tables: Tables, on: date) -> ColumnElement[bool]:
    """Whether a keeper still has such a role for the unit."""
    return (
        sa.exists()
        .where(
            RoleGrant.staff_id == TicketKeeper.staff_id,
            RoleGrant.unit_code == TicketKeeper.unit_code,
            RoleGrant.role.in_(_handling(tables, on)),
            *sessions.in_force(on),
        )
        .correlate(TicketKeeper)
    )
