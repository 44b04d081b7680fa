"""热点 and 长期反复: places that stand out on a day, from the sums of places. Called by `noticing` alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from models.rollups import RollupPlace
from models.signals import Signal
from models.vocab_trends import SignalKind
from triage.rules.trends import hot, telling
from triage.services.trends.areas import areas as areas_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.rules.trends.rows import SignalRow


@dataclass(frozen=True, slots=True)
class Found:
    """Something noticed, before it is a row."""

    what: SignalKind
    kind: str
    district: str
    place: str
    score: float
    numbers: dict[str, Any]
    why: list[str]
    row: SignalRow


PLACES: Final = {SignalKind.HOT_GRID: RollupPlace.grid, SignalKind.HOT_COMMUNITY: RollupPlace.community}


def same_thing(what: SignalKind, kind: str, district: str, place: str) -> list[sa.ColumnElement[bool]]:
    """The condition on `signal`: it tells of this very thing.

    A hot place is hot of all kinds together: the commonest one may be another the next day, and so may its
    district, of a square that lies across a border.
    """
    found = [Signal.what == what.value, Signal.place == place]
    return found if what in PLACES else [*found, Signal.kind == kind, Signal.district == district]


async def hot_places(session: AsyncSession, row: SignalRow | None, day: date) -> list[Found]:
    """热点 grids or communities: environmental demands, all kinds together, the commonest kind told."""
    if row is None:
        return []
    p, column = RollupPlace, PLACES[row.what]
    start = day - timedelta(days=row.window_days - 1)
    base = start - timedelta(days=row.base_days)
    now = sa.func.sum(sa.case((p.day >= start, p.demands), else_=0))
    counted = await session.execute(
        sa.select(column, now, sa.func.sum(p.demands))
        .where(p.day >= base, p.day <= day, column != "", p.kind != "")
        .group_by(column)
        .having(now >= row.least)
    )
    scored = [(hot.heat(int(recent), int(whole - recent), row), place) for place, recent, whole in counted]
    best = sorted((s for s in scored if hot.is_hot(s[0], row)), key=lambda s: (-s[0].score, s[1]))[: row.most]
    kinds = await _commonest(session, column, [s[1] for s in best], start, day)
    areas = await areas_of(session, column, [s[1] for s in best], [p.day >= start, p.day <= day])
    return [
        Found(
            row.what, kinds.get(place, ""), areas[place][0], place, heat.score,
            {"now": heat.now, "before": heat.before, "usual": round(heat.usual, 2),
             "street": areas[place][1], "from": str(start), "to": str(day)},
            telling.hot(heat, row), row,
        )
        for heat, place in best
    ]  # fmt: skip


async def _commonest(
    session: AsyncSession, column: Any, places: Sequence[str], start: date, day: date  # noqa: ANN401
) -> dict[str, str]:  # fmt: skip
    """The commonest kind of each place."""
    p = RollupPlace
    counted = await session.execute(
        sa.select(column, p.kind, sa.func.sum(p.demands).label("n"))
        .where(p.day >= start, p.day <= day, column.in_(places), p.kind != "")
        .group_by(column, p.kind)
        .order_by(sa.literal_column("n"), p.kind.desc())
    )
    return {place: kind for place, kind, _ in counted}


async def chronic(session: AsyncSession, row: SignalRow | None, day: date) -> list[Found]:
    """长期反复: the same grid and kind in every stretch of the base, those first that stand out most there.

    Kinds are held against their part of the grid's district: where much is told of everything, each has its
    least in every stretch, and the longest lists would be those of the busiest squares.
    """
    if row is None:
        return []
    p, stretches = RollupPlace, row.base_days // row.window_days
    starts = [day - timedelta(days=row.window_days * n - 1) for n in range(stretches, 0, -1)]
    sums = [
        sa.func.sum(
            sa.case(
                ((p.day >= start) & (p.day < start + timedelta(days=row.window_days)), p.demands), else_=0
            )
        )
        for start in starts
    ]
    counted = await session.execute(
        sa.select(p.grid, p.district, p.kind, *sums)
        .where(p.day >= starts[0], p.day <= day, p.grid != "", p.kind != "")
        .group_by(p.grid, p.district, p.kind)
    )
    squares = _Squares(stretches)
    for grid, district, kind, *windows in counted:
        squares.add(grid, district, kind, [int(n) for n in windows])
    lasting = []
    for (grid, kind), windows in squares.told.items():
        if hot.is_chronic(windows, row):
            usual = squares.usual(grid, kind)
            lasting.append((grid, kind, windows, usual, max(hot.lasting(windows, usual), 0.0)))
    lasting.sort(key=lambda one: (-one[4], -sum(one[2]), one[0], one[1]))
    worst = lasting[: row.most]
    period = [p.day >= starts[0], p.day <= day]
    areas = await areas_of(session, p.grid, [grid for grid, *_ in worst], period)
    return [
        Found(
            SignalKind.CHRONIC, kind, areas[grid][0], grid, score,
            {"windows": windows, "usual": [round(n, 1) for n in usual], "street": areas[grid][1],
             "from": str(starts[0]), "to": str(day)},
            telling.chronic(windows, usual, row), row,
        )
        for grid, kind, windows, usual, score in worst
    ]  # fmt: skip


class _Squares:
    """Demands of squares and kinds by stretch, and what of them would be usual."""

    def __init__(self, stretches: int) -> None:
        self.told: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * stretches)
        self._grids: dict[str, list[int]] = defaultdict(lambda: [0] * stretches)
        self._lies: dict[str, Counter[str]] = defaultdict(Counter)
        self._kinds: dict[str, Counter[str]] = defaultdict(Counter)

    def add(self, grid: str, district: str, kind: str, windows: Sequence[int]) -> None:
        """Count one row."""
        for place, n in enumerate(windows):
            self.told[grid, kind][place] += n
            self._grids[grid][place] += n
        self._lies[grid][district] += sum(windows)
        self._kinds[district][kind] += sum(windows)

    def usual(self, grid: str, kind: str) -> list[float]:
        """In each stretch, the square's demands times the kind's part of its district."""
        (district, _), *_ = self._lies[grid].most_common(1)
        kinds = self._kinds[district]
        share = kinds[kind] / kinds.total()
        return [whole * share for whole in self._grids[grid]]
