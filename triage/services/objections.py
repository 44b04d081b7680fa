"""退单 that teaches: which rows of the catalogue lose objections, to whom units point, how long rulings take.

A row loses an objection when it is upheld, or when an arbitration names another unit than the one that
objected. Counted by the month in which it was raised, in Beijing time.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.sums import counted_for
from models.tickets import ObjectionRow, Ticket
from models.vocab import Move
from triage.clock import BEIJING, local
from triage.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import timedelta

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Viewer
    from triage.rules.rows import Tables

_MONTH: Final = re.compile(r"(20\d{2})-(0[1-9]|1[0-2])", re.ASCII)
#: What sent the ticket when no row did.
BY_PERSON: Final = "（人工派单）"
_MOST_PROPOSED: Final = 3


@dataclass(frozen=True, slots=True)
class RowLosses:
    """One catalogue row: how many objections were raised against it, and what became of them."""

    row: str
    title: str
    raised: int
    lost: int
    won: int
    waiting: int
    proposed: tuple[tuple[str, int], ...]

    @property
    def share(self) -> float | None:
        """Lost of those ruled; None when none is ruled yet."""
        ruled = self.lost + self.won
        return self.lost / ruled if ruled else None


@dataclass(frozen=True, slots=True)
class Report:
    """A month: rows with the most losses first; the longest ruling."""

    month: str
    raised: int
    lost: int
    won: int
    waiting: int
    longest_ruling: timedelta | None
    rows: tuple[RowLosses, ...]


def month_of(now: datetime) -> str:
    """The Beijing month of a moment, `2026-11`."""
    return f"{local(now):%Y-%m}"


def edges(month: str) -> tuple[datetime, datetime]:
    """The half-open month. Raises BadInput."""
    match = _MONTH.fullmatch(month)
    if match is None:
        raise BadInput("月份应形如 2026-11")
    year, number = int(match[1]), int(match[2])
    following = (year + 1, 1) if number == 12 else (year, number + 1)  # noqa: PLR2004  (December)
    return datetime(year, number, 1, tzinfo=BEIJING), datetime(*following, 1, tzinfo=BEIJING)


async def report(session: AsyncSession, tables: Tables, viewer: Viewer, month: str) -> Report:
    """The report of a month. Raises BadInput."""
    first, after = edges(month)
    found = (
        await session.scalars(
            sa.select(ObjectionRow)
            .join(Ticket, Ticket.id == ObjectionRow.ticket_id)
            .where(ObjectionRow.at >= first, ObjectionRow.at < after, counted_for(viewer))
            .order_by(ObjectionRow.at)
        )
    ).all()
    groups: dict[str, list[ObjectionRow]] = {}
    for one in found:
        groups.setdefault(one.catalogue_row or BY_PERSON, []).append(one)
    rows = [_losses(tables, row, group) for row, group in groups.items()]
    return Report(
        month=month,
        raised=len(found),
        lost=sum(map(lost, found)),
        won=sum(map(won, found)),
        waiting=sum(one.ruling is None for one in found),
        longest_ruling=max((one.ruled_at - one.at for one in found if one.ruled_at), default=None),
        rows=tuple(sorted(rows, key=lambda row: (-row.lost, -row.raised, row.row))),
    )


def lost(one: ObjectionRow) -> bool:
    """Whether the row lost: the unit was right."""
    upheld = one.ruling == Move.OBJECT_UPHOLD.value
    return upheld or (one.ruling == Move.ARBITRATE.value and one.ruled_unit != one.unit_code)


def won(one: ObjectionRow) -> bool:
    """Whether it was ruled, and the unit was not right (退单未成立)."""
    return one.ruling is not None and not lost(one)


def _losses(tables: Tables, row: str, group: Sequence[ObjectionRow]) -> RowLosses:
    return RowLosses(
        row=row,
        title=_title(tables, row),
        raised=len(group),
        lost=sum(map(lost, group)),
        won=sum(map(won, group)),
        waiting=sum(one.ruling is None for one in group),
        proposed=_proposed(tables, group),
    )


def _title(tables: Tables, row: str) -> str:
    """What a row says, in words: the kind and who leads."""
    known = next((found for found in tables.catalogue if found.id == row), None)
    if known is None:
        return ""
    return f"{tables.kind(known.kind).name}：{known.level.label}主办"


def _proposed(tables: Tables, group: Iterable[ObjectionRow]) -> tuple[tuple[str, int], ...]:
    """To whom the units point most often, by name."""
    counted = Counter(one.proposed_unit for one in group)
    return tuple(
        (tables.units[code].name if code in tables.units else code, count)
        for code, count in counted.most_common(_MOST_PROPOSED)
    )
