"""Published months as one unit is told them: its own line and its own place, nobody else's.

Read from what was published (`month_figures`), never counted anew; a version never changes, so what was made
of one may be remembered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.vocab import Level
from triage.rules.rates import By, rank
from triage.rules.verdicts import month_span
from triage.services import months
from triage.services.month_sheets import streets_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.rules.rate_rows import WeightRow
    from triage.rules.rates import Line
    from triage.rules.rows import Tables
    from triage.services.months import Published


@dataclass(frozen=True, slots=True)
class Place:
    """名次: the own one, of so many that have a composite."""

    rank: int
    of: int


@dataclass(frozen=True, slots=True)
class Closed:
    """A published month by unit; `ranks` of the streets that have a composite. Not to be shown as it is."""

    month: str
    version: int
    weights: WeightRow
    lines: Mapping[str, Line]
    ranks: Mapping[str, int]

    def place(self, unit: str) -> Place | None:
        """The unit's own place, where streets are told theirs (`tells_place`); None: it has none."""
        found = self.ranks.get(unit)
        return Place(found, len(self.ranks)) if found is not None else None


def ranked(tables: Tables, unit: str) -> bool:
    """Whether the month has a ranking of such units: of streets alone."""
    row = tables.units.get(unit)
    return row is not None and row.level is Level.STREET


def of(tables: Tables, published: Published) -> Closed:
    """What is kept of a published month."""
    figures = published.figures
    rules = tables.rates.on(month_span(figures.month)[0].date())
    rows = rank(rules, streets_of(tables, figures), figures, None)
    return Closed(
        figures.month,
        published.version,
        figures.weights,
        {line.key: line for line in figures.lines if line.by is By.UNIT},
        {row.unit: row.rank for row in rows if row.rank is not None},
    )


async def read(session: AsyncSession, tables: Tables, month: str, version: int) -> Closed:
    """One of them. Raises NotFound."""
    return of(tables, await months.headline(session, month, version))
