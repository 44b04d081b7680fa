"""What a unit is called for: cases received, by month; kinds, places and what comes again at one place.

Of the cases that it leads and whoever asks may see, by when the citizen spoke, as the list counts them
(受理日期). Nothing is hidden for being few: these are one's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from models.appeals import Appeal, Reading
from models.filters import may_see
from models.placed import AS_READ
from models.tickets import Ticket
from models.vocab import Channel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Viewer

#: [from, until).
Span = tuple["datetime", "datetime"]
#: Lines of each table.
MOST: Final = 10
_STREET_DIGITS: Final = 9


@dataclass(frozen=True, slots=True)
class Counts:
    """Cases received in the month, in as long of the month before, and in as long of the same a year ago."""

    now: int
    before: int
    year: int

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.now + other.now, self.before + other.before, self.year + other.year)


@dataclass(frozen=True, slots=True)
class Received:
    """Cases of a month (受理量); `patrol` of them were found by an officer (自建工单, 未诉先办)."""

    count: int
    patrol: int


@dataclass(frozen=True, slots=True)
class Line:
    """A kind, a place, or a kind at a place."""

    kind: str | None
    street: str | None
    community: str | None
    counts: Counts


@dataclass(frozen=True, slots=True)
class Area:
    """The lines with most cases; `again`: the same kind at one place more than once in the month."""

    total: Counts
    kinds: tuple[Line, ...]
    places: tuple[Line, ...]
    again: tuple[Line, ...]


def _within(span: Span) -> ColumnElement[bool]:
    return sa.and_(Ticket.received_at >= span[0], Ticket.received_at < span[1])


def _own(viewer: Viewer, unit: str) -> tuple[ColumnElement[bool], ...]:
    return (Ticket.unit_code == unit, may_see(viewer))


async def received(
    session: AsyncSession, viewer: Viewer, unit: str, spans: Mapping[str, Span]
) -> dict[str, Received]:
    """受理量 of each month, as the list counts it; of it 自建工单, which are nobody's demand."""
    patrol = Appeal.channel == Channel.PATROL.value
    counts = [sa.func.count().filter(_within(span)) for span in spans.values()]
    found = [sa.func.count().filter(_within(span), patrol) for span in spans.values()]
    first, last = min(span[0] for span in spans.values()), max(span[1] for span in spans.values())
    row = (
        await session.execute(
            sa.select(*counts, *found)
            .select_from(Ticket)
            .join(Appeal, Appeal.id == Ticket.appeal_id)
            .where(*_own(viewer, unit), _within((first, last)))
        )
    ).one()
    return {month: Received(row[at], row[len(spans) + at]) for at, month in enumerate(spans)}


async def told(session: AsyncSession, viewer: Viewer, unit: str, spans: tuple[Span, Span, Span]) -> Area:
    """The month, as long of the one before, as long a year ago: one question, summed up here."""
    community = _community()
    rows = await session.execute(
        sa.select(
            Ticket.kind,
            Ticket.street_code,
            community.label("community"),
            *(sa.func.count().filter(_within(span)) for span in spans),
        )
        .outerjoin(Reading, Reading.id == Ticket.reading_id)
        .where(*_own(viewer, unit), sa.or_(*(_within(span) for span in spans)))
        .group_by(Ticket.kind, Ticket.street_code, community)
    )
    lines = [Line(kind, street, within, Counts(*counts)) for kind, street, within, *counts in rows]
    known = [line for line in lines if line.street or line.community]
    again = [line for line in known if line.counts.now > 1 and line.community]
    return Area(
        total=sum((line.counts for line in lines), Counts(0, 0, 0)),
        kinds=_summed(lines, lambda line: Line(line.kind, None, None, line.counts)),
        places=_summed(known, lambda line: Line(None, line.street, line.community, line.counts)),
        again=_first(again),
    )


def _summed(lines: Sequence[Line], shorter: Callable[[Line], Line]) -> tuple[Line, ...]:
    """The lines with less said of each, added up."""
    found: dict[Any, Line] = {}
    for line in map(shorter, lines):
        key = (line.kind, line.street, line.community)
        old = found.get(key)
        found[key] = Line(*key, line.counts + old.counts) if old else line
    return _first(found.values())


def _first(lines: Any) -> tuple[Line, ...]:  # noqa: ANN401
    chosen = [line for line in lines if line.counts.now]
    chosen.sort(key=lambda line: (-line.counts.now, line.kind or "", line.street or "", line.community or ""))
    return tuple(chosen[:MOST])


def _community() -> ColumnElement[str | None]:
    """`placed.community`, in SQL; whoever asks joins `Reading`."""
    said = Ticket.community_code
    return sa.case(
        (
            sa.and_(said.is_not(None), said != ""),
            sa.case((sa.func.substr(said, 1, _STREET_DIGITS) == Ticket.street_code, said)),
        ),
        (AS_READ, Reading.community_code),
    )
