"""What new tables would do: every open ticket, and all that came in last month, decided by old and new.

Reads only. Tickets are decided as if they came in at one moment, so that only the rows make a difference.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.appeals import Appeal, Reading
from models.tickets import Ticket
from models.vocab import OPEN_STATES, AppealType, Move, ReviewReason, Urgency
from nlp.types import source_text
from triage.clock import BEIJING, local
from triage.rules.calendar import beijing
from triage.rules.decision import Facts
from triage.rules.routing import zone_in
from triage.rules.table_diff import Replay, newest_start

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.rules.rows import Tables
    from triage.rules.table_diff import Effect

_BATCH: Final = 1000
#: Numbers shown of each change.
SAMPLES: Final = 5


@dataclass(slots=True)
class Moved:
    """All tickets with the same change: how many, some numbers, and the rows that did it."""

    effect: Effect
    kind: str | None
    count: int = 0
    sample: list[str] = field(default_factory=list)
    rows: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Replayed:
    """One set of tickets under both tables."""

    title: str
    tickets: int = 0
    changed: int = 0
    rerouted: int = 0
    moved: dict[tuple[str, str, str, str | None], Moved] = field(default_factory=dict)

    @property
    def most(self) -> list[Moved]:
        """The changes, most tickets first."""
        return sorted(
            self.moved.values(), key=lambda m: (-m.count, m.effect.what, m.effect.old, m.kind or "")
        )


@dataclass(slots=True)
class Ending:
    """A unit that ends by the new tables, or is gone from them, and the open tickets that it leads."""

    code: str
    name: str
    last: date | None
    tickets: int = 0
    movable: int = 0
    sample: list[str] = field(default_factory=list)


async def endings(session: AsyncSession, asked: Question) -> list[Ending]:
    """Units with an end that lead open tickets. Nothing moves by itself: who is closed keeps its tickets.

    `movable`: those that 改派 may still take from it.
    """
    found: dict[str, Ending] = {}
    for code, unit in asked.old.units.items():
        kept = asked.new.units.get(code)
        if kept is None or kept.valid_to is not None:
            found[code] = Ending(code, unit.name, kept.valid_to if kept else None)
    day = local(asked.at).date()
    takes = [row for row in asked.new.moves.rows if row.move is Move.REASSIGN and row.holds(day)]
    movable = {state.value for row in takes for state in row.sources}
    rows = await session.execute(
        sa.select(Ticket.unit_code, Ticket.no, Ticket.state)
        .where(Ticket.state.in_([state.value for state in OPEN_STATES]), Ticket.unit_code.in_(found))
        .order_by(Ticket.id)
    )
    for lead, no, state in rows:
        one = found[str(lead)]
        one.tickets += 1
        one.movable += state in movable
        if len(one.sample) < SAMPLES:
            one.sample.append(no)
    return [one for one in found.values() if one.tickets]


def moment(old: Tables, new: Tables, now: datetime) -> datetime:
    """When to decide: now, or when the last of the new rows begins."""
    start = newest_start(old, new)
    if start is None or start <= local(now).date():
        return beijing(now)
    return datetime.combine(start, time(), BEIJING)


@dataclass(frozen=True, slots=True)
class Question:
    """Old and new tables, and the moment at which both decide."""

    old: Tables
    new: Tables
    at: datetime


async def replay(session: AsyncSession, asked: Question, *, now: datetime) -> tuple[Replayed, Replayed]:
    """Open tickets, and those opened in the calendar month before `now`."""
    first = local(now).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    before = (first - timedelta(days=1)).replace(day=1)
    still = Replayed("未结工单")
    last = Replayed(f"上月（{before:%Y-%m}）收到的工单")
    replayer = Replay(asked.old, asked.new, asked.at)
    await _over(session, asked, replayer, Ticket.state.in_([s.value for s in OPEN_STATES]), still)
    within = sa.and_(Ticket.opened_at >= before, Ticket.opened_at < first)
    await _over(session, asked, replayer, within, last)
    return still, last


async def _over(
    session: AsyncSession, asked: Question, replayer: Replay, which: ColumnElement[bool], into: Replayed
) -> None:
    async for no, reading, appeal in _tickets(session, which):
        into.tickets += 1
        effects = replayer.effects(
            _facts(asked.old, reading, appeal, asked.at), _facts(asked.new, reading, appeal, asked.at)
        )
        into.changed += bool(effects)
        into.rerouted += any(effect.what == "主办" for effect in effects)
        for effect in effects:
            key = (effect.what, effect.old, effect.new, reading.kind)
            found = into.moved.setdefault(key, Moved(effect, reading.kind))
            found.count += 1
            found.rows |= set(effect.rows)
            if len(found.sample) < SAMPLES:
                found.sample.append(no)


async def _tickets(
    session: AsyncSession, which: ColumnElement[bool]
) -> AsyncIterator[tuple[str, Reading, Appeal]]:
    last = 0
    while True:
        rows = (
            await session.execute(
                sa.select(Ticket.id, Ticket.no, Reading, Appeal)
                .join(Appeal, Appeal.id == Ticket.appeal_id)
                .join(Reading, Reading.id == Ticket.reading_id)
                .where(which, Ticket.id > last)
                .order_by(Ticket.id)
                .limit(_BATCH)
            )
        ).all()
        for _, no, reading, appeal in rows:
            yield no, reading, appeal
        if len(rows) < _BATCH:
            return
        last = rows[-1][0]
        session.expunge_all()


def _facts(tables: Tables, reading: Reading, appeal: Appeal, at: datetime) -> Facts:
    """What was read of the appeal then, as if it came in at `at`. The stored text is the masked one."""
    detail = reading.detail
    text = f"{appeal.text}\n地址：{appeal.address}" if appeal.address else appeal.text
    span = detail.get("place", {}).get("span")
    return Facts(
        environmental=reading.environmental,
        p_environmental=reading.p_environmental,
        kind=reading.kind,
        kind_confidence=reading.kind_confidence,
        appeal_type=AppealType(reading.appeal_type),
        text_urgency=Urgency(reading.urgency),
        district_code=reading.district_code,
        street_code=reading.street_code,
        place_confidence=reading.place_confidence,
        review=reading.review,
        review_reasons=tuple(ReviewReason(reason) for reason in detail.get("review_reasons", ())),
        text=source_text(appeal.title, text),
        zone=zone_in(tables, span, reading.street_code, at.date()),
        received_at=at,
    )
