"""One 被反映对象 with its history: its cases, its spellings, and what people said of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from models import corrected
from models.parties import Party, PartyChange, PartyMention, PartyName, PartyPair
from models.rollups import RollupTicket
from models.sums import sums_only
from models.tickets import Ticket
from models.vocab import OPEN_STATES, State
from models.vocab_parties import PartyAct, PartyPairState
from triage.clock import local
from triage.errors import NotFound
from triage.services.parties.listing import gate, may_be_told, must_see, year_before

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.viewing import Viewer

#: Proposals, and pairs that were refused, on a party's page.
PAIRS: Final = 30
#: What is taken back as a step; a refused pair is taken back where it stands.
_MOVES: Final = frozenset({PartyAct.MERGE.value, PartyAct.SPLIT.value})


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
    by: str | None
    at: datetime


#: Instead of the name of a party that this viewer is not told of.
OTHER_PARTY: Final = "另一个对象"


@dataclass(frozen=True, slots=True)
class Step:
    """A change, and whether it can be taken back. `reason` is empty where another party is not told of."""

    change: PartyChange
    from_name: str
    to_name: str
    undone: bool
    reason: str


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
    cases: tuple[Case, ...]
    """Newest first; none for who is told sums alone."""
    pairs: tuple[NamePair, ...]
    refused: tuple[NamePair, ...]
    steps: tuple[Step, ...]

    @property
    def open_cases(self) -> tuple[Case, ...]:
        """Those that are not over."""
        return tuple(case for case in self.cases if case.state in OPEN_STATES)


async def whole(session: AsyncSession, viewer: Viewer, party_id: int, *, now: datetime) -> PartyWhole:
    """One party over the last twelve months. Raises NotFound, also when none of its cases may be seen."""
    within, floor = gate(viewer)
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
            within,
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
        cases=() if sums_only(viewer) else tuple(cases),
        pairs=await _pairs(session, viewer, names, PartyPairState.PROPOSED),
        refused=await _pairs(session, viewer, names, PartyPairState.REFUSED),
        steps=await _steps(session, viewer, party_id, now=now),
    )


async def _pairs(
    session: AsyncSession, viewer: Viewer, names: Sequence[PartyName], state: PartyPairState
) -> tuple[NamePair, ...]:
    """Pairs with spellings of other parties, of which somebody's case may be seen."""
    own = {row.id: row for row in names}
    if not own:
        return ()
    other, party = aliased(PartyName), aliased(Party)
    within, floor = gate(viewer)
    mine = aliased(PartyName)
    seen = (
        sa.select(sa.func.count(PartyMention.ticket_id))
        .join(Ticket, Ticket.id == PartyMention.ticket_id)
        .join(mine, mine.id == PartyMention.name_id)
        # Of whoever is told sums alone the whole party counts, not the one spelling.
        .where(mine.party_id == other.party_id if floor > 1 else mine.id == other.id, within)
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
        .where(PartyPair.state == state.value, other.id.not_in(own), seen)
        .order_by(PartyPair.score.desc(), other.id)
        .limit(PAIRS)
    )
    return tuple(
        NamePair(
            there.id, own[pair.a_id if pair.a_id in own else pair.b_id].written,
            theirs.written, pair.a_id, pair.b_id, pair.score, tuple(pair.why),
            pair.by, pair.at,
        )
        for pair, theirs, there in rows
    )  # fmt: skip


async def _steps(session: AsyncSession, viewer: Viewer, party_id: int, *, now: datetime) -> tuple[Step, ...]:
    """What people made of this party, newest first. Another one is named to whom it may be told of alone."""
    undo, before, after = aliased(PartyChange), aliased(Party), aliased(Party)
    rows = (
        await session.execute(
            sa.select(PartyChange, undo.undoes, before.name, after.name)
            .join(before, before.id == PartyChange.from_id)
            .join(after, after.id == PartyChange.to_id)
            .outerjoin(undo, undo.undoes == PartyChange.id)
            .where(sa.or_(PartyChange.from_id == party_id, PartyChange.to_id == party_id))
            .order_by(PartyChange.id.desc())
        )
    ).all()
    others = {end for row in rows for end in (row[0].from_id, row[0].to_id)} - {party_id}
    told = {party_id} | {end for end in others if await may_be_told(session, viewer, end, now=now)}
    return tuple(
        Step(
            change,
            was if change.from_id in told else OTHER_PARTY,
            is_now if change.to_id in told else OTHER_PARTY,
            undone is not None or change.act not in _MOVES,
            change.reason if {change.from_id, change.to_id} <= told else "",
        )
        for change, undone, was, is_now in rows
    )
