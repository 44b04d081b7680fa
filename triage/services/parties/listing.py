"""被反映对象 as they are read: the list to pick from, one with its history, the sheet for an inspection.

Kinds and places are as people corrected them. Every count goes through `may_see`: nobody learns of a case
here that he may not open. Only who is told sums alone (`models.sums.sums_only`) is counted all that sums
hold, of parties with `LEAST_TOLD` cases or more, and shown no case.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from connectors.office_xlsx import Cell, Column, Sheet
from models import corrected
from models.filters import may_see
from models.parties import Party, PartyChange, PartyMention, PartyName, PartyPair
from models.rollups import RollupTicket
from models.sums import LEAST_TOLD, in_sums, sums_only
from models.tickets import Ticket
from models.vocab import OPEN_STATES, State
from models.vocab_parties import PartyAct, PartyPairState
from triage.clock import local, show
from triage.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.viewing import Viewer

PAGE: Final = 50
#: Parties in one export, and open cases on a party's page.
MOST: Final = 500
CASES: Final = 100
PAIRS: Final = 30
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


@dataclass(frozen=True, slots=True)
class NamePair:
    """Another spelling that may be this party's."""

    other_party: int
    mine: str
    theirs: str
    a_id: int
    b_id: int
    score: float
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """A change, and whether it can be taken back."""

    change: PartyChange
    from_name: str
    to_name: str
    undone: bool


@dataclass(frozen=True, slots=True)
class Case:
    """A case of a party."""

    no: str
    title: str
    kind: str | None
    state: State
    unit: str | None
    district: str | None
    street: str | None
    received_at: datetime


@dataclass(frozen=True, slots=True)
class PartyWhole:
    """One party with its history."""

    party: Party
    names: tuple[PartyName, ...]
    months: Mapping[tuple[str, str], int]
    """Cases by kind (empty: unknown) and month."""
    outcomes: Counter[State]
    units: Counter[str]
    places: Counter[tuple[str, str]]
    total: int
    open_cases: tuple[Case, ...]
    pairs: tuple[NamePair, ...]
    steps: tuple[Step, ...]


async def parties(
    session: AsyncSession, viewer: Viewer, ask: PartyAsk, *, limit: int = PAGE, ids: Sequence[int] = ()
) -> list[PartyLine]:
    """The parties named most; with `ids` only those, whatever else is asked."""
    cases, (gate, floor) = sa.func.count(Ticket.id), _gate(viewer)
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
        .where(PartyMention.name_id.is_not(None), PartyMention.received_at >= ask.since, gate)
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


async def whole(session: AsyncSession, viewer: Viewer, party_id: int, *, now: datetime) -> PartyWhole:
    """One party over the last twelve months. Raises NotFound, also when none of its cases may be seen."""
    gate, floor = _gate(viewer)
    party = await session.get(Party, party_id)
    if party is None:
        raise NotFound("没有这个对象。")
    names = tuple(
        await session.scalars(
            sa.select(PartyName).where(PartyName.party_id == party_id).order_by(PartyName.id)
        )
    )
    rows = await session.execute(
        sa.select(
            Ticket.no, Ticket.title, corrected.KIND.label("kind"), Ticket.state, Ticket.unit_code,
            corrected.DISTRICT.label("district"), corrected.STREET.label("street"), Ticket.received_at,
        )
        .join(PartyMention, PartyMention.ticket_id == Ticket.id)
        .outerjoin(RollupTicket, corrected.beside())
        .where(
            PartyMention.name_id.in_([row.id for row in names]),
            PartyMention.received_at >= year_before(now),
            gate,
        )
        .order_by(Ticket.received_at.desc(), Ticket.id.desc())
    )  # fmt: skip
    cases = [
        Case(r.no, r.title, r.kind, State(r.state), r.unit_code, r.district, r.street, r.received_at)
        for r in rows
    ]
    if len(cases) < floor:
        await must_see(session, viewer, party_id, now=now)
    return PartyWhole(
        party=party,
        names=names,
        months=Counter((case.kind or "", local(case.received_at).strftime("%Y-%m")) for case in cases),
        outcomes=Counter(case.state for case in cases),
        units=Counter(case.unit for case in cases if case.unit),
        places=Counter((case.district or "", case.street or "") for case in cases),
        total=len(cases),
        open_cases=()
        if sums_only(viewer)
        else tuple(case for case in cases if case.state in OPEN_STATES)[:CASES],
        pairs=await _pairs(session, viewer, names),
        steps=await _steps(session, party_id),
    )


async def must_see(session: AsyncSession, viewer: Viewer, *parties: int, now: datetime) -> None:
    """Raises NotFound when one of the parties is not there for this viewer: none of its cases may be seen.

    One that was merged is seen with the party that has its spellings now.
    """
    for party_id in parties:
        if not await _seen(session, viewer, party_id, now=now):
            raise NotFound("没有这个对象。")


async def _seen(session: AsyncSession, viewer: Viewer, party_id: int, *, now: datetime) -> bool:
    gate, floor = _gate(viewer)
    seen: set[int] = set()
    at: int | None = party_id
    while at is not None and at not in seen:
        seen.add(at)
        at = await session.scalar(sa.select(Party.merged_into).where(Party.id == at))
    visible = await session.scalars(
        sa.select(PartyMention.ticket_id)
        .join(PartyName, PartyName.id == PartyMention.name_id)
        .join(Ticket, Ticket.id == PartyMention.ticket_id)
        .where(PartyName.party_id.in_(seen), PartyMention.received_at >= year_before(now), gate)
        .limit(floor)
    )
    return len(visible.all()) == floor


def _gate(viewer: Viewer) -> tuple[sa.ColumnElement[bool], int]:
    """Which tickets count for a viewer, and how many of them a party needs to be told of."""
    return (in_sums(), LEAST_TOLD) if sums_only(viewer) else (may_see(viewer), 1)


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


async def _pairs(session: AsyncSession, viewer: Viewer, names: Sequence[PartyName]) -> tuple[NamePair, ...]:
    """Proposals with spellings of other parties, of which somebody's case may be seen."""
    own = {row.id: row for row in names}
    if not own:
        return ()
    other, party = aliased(PartyName), aliased(Party)
    gate, floor = _gate(viewer)
    mine = aliased(PartyName)
    seen = (
        sa.select(sa.func.count(PartyMention.ticket_id))
        .join(Ticket, Ticket.id == PartyMention.ticket_id)
        .join(mine, mine.id == PartyMention.name_id)
        # Of whoever is told sums alone the whole party counts, not the one spelling.
        .where(mine.party_id == other.party_id if floor > 1 else mine.id == other.id, gate)
        .scalar_subquery()
    ) >= floor
    rows = await session.execute(
        sa.select(PartyPair, other, party)
        .join(
            other,
            sa.or_(
                sa.and_(PartyPair.a_id.in_(own), other.id == PartyPair.b_id),
                sa.and_(PartyPair.b_id.in_(own), other.id == PartyPair.a_id),
            ),
        )
        .join(party, party.id == other.party_id)
        .where(PartyPair.state == PartyPairState.PROPOSED.value, other.id.not_in(own), seen)
        .order_by(PartyPair.score.desc(), other.id)
        .limit(PAIRS)
    )
    return tuple(
        NamePair(
            there.id, own[pair.a_id if pair.a_id in own else pair.b_id].written,
            theirs.written, pair.a_id, pair.b_id, pair.score, tuple(pair.why),
        )
        for pair, theirs, there in rows
    )  # fmt: skip


async def _steps(session: AsyncSession, party_id: int) -> tuple[Step, ...]:
    undo, before, after = aliased(PartyChange), aliased(Party), aliased(Party)
    rows = await session.execute(
        sa.select(PartyChange, undo.undoes, before.name, after.name)
        .join(before, before.id == PartyChange.from_id)
        .join(after, after.id == PartyChange.to_id)
        .outerjoin(undo, undo.undoes == PartyChange.id)
        .where(sa.or_(PartyChange.from_id == party_id, PartyChange.to_id == party_id))
        .order_by(PartyChange.id.desc())
    )
    return tuple(
        Step(row[0], row[2], row[3], row[1] is not None or row[0].act == PartyAct.UNDO.value) for row in rows
    )


def sheet(
    lines: Sequence[PartyLine],
    named: Mapping[int, Sequence[str]],
    places: Mapping[str, str],
    *,
    since: datetime,
    now: datetime,
) -> Sheet:
    """点穴式执法的备选名单: what inspectors pick from, without a word of those who complained."""
    rows: list[list[Cell]] = [
        [
            at,
            line.name,
            "、".join(dict.fromkeys(named.get(line.id, ()))),
            places.get(line.district or "", "未明"),
            places.get(line.street or "", "未明"),
            line.cases,
            line.open,
            show(line.last)[:10],
        ]
        for at, line in enumerate(lines, start=1)
    ]
    return Sheet(
        name="检查备选名单",
        title="被反映对象检查备选名单",
        period=f"统计时间：{show(since)[:10]} 至 {show(now)[:10]}",
        measure="单位：件",
        columns=(
            Column("序号", width=7),
            Column("被反映对象", width=30, left=True),
            Column("诉求中的写法", width=40, left=True),
            Column("区", width=12),
            Column("街道（乡镇）", width=18),
            Column("诉求件数", width=10),
            Column("未结件数", width=10),
            Column("最近一次", width=13),
        ),
        rows=rows,
        total=["合计", "", "", "", "", sum(r.cases for r in lines), sum(r.open for r in lines), ""],
        notes=("件数为诉求中提到该对象的工单数，未经核查，不等于查证属实。", "名单不含诉求人信息。"),
        made=f"生成时间：{show(now)}",
    )


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
