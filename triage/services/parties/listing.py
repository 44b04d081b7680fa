"""被反映对象 as they are read: the list to pick from, and who may see which of them.

Kinds and places are as people corrected them. Every count goes through `may_see`: nobody learns of a case
here that he may not open. Only who is told sums alone (`models.sums.sums_only`) is counted all that sums
hold, of parties with `LEAST_TOLD` cases or more, and shown no case.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models import corrected
from models.parties import Party, PartyMention, PartyName
from models.rollups import RollupTicket
from models.sums import LEAST_TOLD, counted_for, sums_only
from models.tickets import Ticket
from models.vocab import OPEN_STATES
from triage.clock import local
from triage.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.viewing import Viewer

PAGE: Final = 50
#: Parties that are ticked for one file, and of a file of all that the filter has.
MOST: Final = 500
MOST_ALL: Final = 5_000
_OPEN: Final = tuple(state.value for state in OPEN_STATES)


@dataclass(frozen=True, slots=True)
class PartyAsk:
    """What the list is narrowed to: cases since a moment, at least so many of them."""

    since: datetime
    least: int = 2
    query: str = ""
    district: str | None = None
    kind: str | None = None
    skip: int = 0


@dataclass(frozen=True, slots=True)
class PartyLine:
    """A party on the list."""

    id: int
    name: str
    district: str | None
    street: str | None
    cases: int
    open: int
    last: datetime


async def parties(
    session: AsyncSession, viewer: Viewer, ask: PartyAsk, *, limit: int = PAGE, ids: Sequence[int] = ()
) -> list[PartyLine]:
    """The parties named most; with `ids` only those, whatever else is asked."""
    cases, (within, floor) = sa.func.count(Ticket.id), gate(viewer)
    found = (
        sa.select(
            Party.id, Party.name, Party.district_code, Party.street_code,
            cases.label("cases"),
            sa.func.sum(sa.case((Ticket.state.in_(_OPEN), 1), else_=0)).label("open"),
            sa.func.max(PartyMention.received_at).label("last"),
        )
        .select_from(PartyMention)
        .join(PartyName, PartyName.id == PartyMention.name_id)
        .join(Party, Party.id == PartyName.party_id)
        .join(Ticket, Ticket.id == PartyMention.ticket_id)
        .where(PartyMention.name_id.is_not(None), PartyMention.received_at >= ask.since, within)
        .having(cases >= floor)
        .group_by(Party.id, Party.name, Party.district_code, Party.street_code)
        .order_by(sa.desc("cases"), sa.desc("last"), Party.id)
        .limit(limit)
    )  # fmt: skip
    if ids:
        found = found.where(Party.id.in_(ids))
    else:
        found = found.having(cases >= ask.least).offset(ask.skip)
        if ask.query:
            named = sa.select(PartyName.party_id).where(
                PartyName.written.contains(ask.query, autoescape=True)
            )
            found = found.where(sa.or_(Party.name.contains(ask.query, autoescape=True), Party.id.in_(named)))
        if ask.district or ask.kind:
            found = found.outerjoin(RollupTicket, corrected.beside())
        if ask.district:
            found = found.where(corrected.DISTRICT.in_([ask.district]))
        if ask.kind:
            found = found.where(corrected.KIND.in_([ask.kind]))
    return [
        PartyLine(r.id, r.name, r.district_code, r.street_code, r.cases, int(r.open), r.last)
        for r in await session.execute(found)
    ]


async def must_see(session: AsyncSession, viewer: Viewer, *parties: int, now: datetime) -> None:
    """Raises NotFound when one of the parties is not there for this viewer: none of its cases may be seen.

    One that was merged is seen with the party that has its spellings now.
    """
    for party_id in parties:
        if not await may_be_told(session, viewer, party_id, now=now):
            raise NotFound("没有这个对象。")


async def may_be_told(session: AsyncSession, viewer: Viewer, party_id: int, *, now: datetime) -> bool:
    """Whether enough of the party's cases of a year may be seen; of one that was merged, the whole's."""
    within, floor = gate(viewer)
    seen: set[int] = set()
    at: int | None = party_id
    while at is not None and at not in seen:
        seen.add(at)
        at = await session.scalar(sa.select(Party.merged_into).where(Party.id == at))
    visible = await session.scalars(
        sa.select(PartyMention.ticket_id)
        .join(PartyName, PartyName.id == PartyMention.name_id)
        .join(Ticket, Ticket.id == PartyMention.ticket_id)
        .where(PartyName.party_id.in_(seen), PartyMention.received_at >= year_before(now), within)
        .limit(floor)
    )
    return len(visible.all()) == floor


def gate(viewer: Viewer) -> tuple[sa.ColumnElement[bool], int]:
    """Which tickets count for a viewer, and how many of them a party needs to be told of."""
    return counted_for(viewer), LEAST_TOLD if sums_only(viewer) else 1


async def parties_of(session: AsyncSession, names: Sequence[int]) -> set[int]:
    """The parties that these spellings belong to."""
    return set(await session.scalars(sa.select(PartyName.party_id).where(PartyName.id.in_(names))))


def year_before(now: datetime) -> datetime:
    """The start of the month eleven months before this one."""
    day = local(now)
    months = day.year * 12 + day.month - 1 - 11
    return day.replace(
        year=months // 12, month=months % 12 + 1, day=1, hour=0, minute=0, second=0, microsecond=0
    )


def months_until(now: datetime) -> list[str]:
    """The twelve months that a party's page shows."""
    found, at = [], year_before(now)
    while at <= local(now):
        found.append(at.strftime("%Y-%m"))
        at = (at + timedelta(days=32)).replace(day=1)
    return found


async def names_of(session: AsyncSession, ids: Sequence[int]) -> dict[int, list[str]]:
    """The spellings of parties."""
    found: dict[int, list[str]] = {}
    rows = await session.execute(
        sa.select(PartyName.party_id, PartyName.written)
        .where(PartyName.party_id.in_(ids))
        .order_by(PartyName.id)
    )
    for party_id, written in rows:
        found.setdefault(party_id, []).append(written)
    return found
