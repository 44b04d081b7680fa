"""态势信号 of a day: every series is fitted, hot and chronic places are scored; what stands out is kept.

Read from the sums. The fits are reckoned in a thread: they take seconds of CPU. The same thing noticed
again within two weeks is the same signal while nobody decided on it: its last day and numbers move. What a
person decided keeps the numbers that were decided on; only its last day moves while it goes on.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from models.rollups import RollupCursor, RollupDistrict
from models.signals import Forecast, Signal, SignalDay
from models.vocab_trends import SignalKind, SignalState
from triage import logs
from triage.clock import BEIJING, local
from triage.rules.trends import season, telling
from triage.rules.trends.rows import row_of
from triage.services import backlog
from triage.services.trends import spots
from triage.services.trends.spots import Found

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.rules.trends.rows import SignalRow
    from triage.services.deps import Deps

log = logs.get(__name__)

_DAY: Final = timedelta(days=1)
#: Noticed again within so many days, it is the same signal.
SAME: Final = timedelta(days=14)
#: The share of months that a forecast's interval should hold.
INTERVAL: Final = 0.8
METHOD: Final = "poisson-season-holidays"

SeriesKey = tuple[str, str]


async def poke(deps: Deps) -> bool:
    """Look through the oldest day since the last that was looked through, once the sums hold all of it.

    Whether one was. Days on which no timetable ran are caught up with, two weeks at most. Waits while many
    appeals are to be read.
    """
    now = deps.clock.now()
    yesterday = local(now).date() - _DAY
    async with deps.db.reads() as session:
        last = await session.scalar(sa.select(sa.func.max(SignalDay.day)))
        day = yesterday if last is None else max(last + _DAY, yesterday - SAME)
        if day > yesterday:
            return False
        over = datetime.combine(day + _DAY, time(), BEIJING)
        counted = await session.scalar(sa.select(RollupCursor.at))
        busy = await backlog.is_long(session)
    if busy or counted is None or counted < over:
        return False
    return await notice(deps, day)


async def notice(deps: Deps, day: date) -> bool:
    """Look through a day and keep what was found; False when another process was quicker."""
    now = deps.clock.now()
    rows = {what: row for what in SignalKind if (row := row_of(deps.tables.signals, what, day))}
    async with deps.db.reads() as session:
        series = await daily(session, rows, day)
        places = [
            found for what in spots.PLACES for found in await spots.hot_places(session, rows.get(what), day)
        ]
        chronic = await spots.chronic(session, rows.get(SignalKind.CHRONIC), day)
        month = _next_month(day)
        wanted = await session.scalar(sa.select(Forecast.month).where(Forecast.month == month).limit(1))
    sorts = season.sorts_of(deps.tables.calendar)
    found, forecasts = await asyncio.to_thread(_reckon, series, rows, day, None if wanted else month, sorts)
    kept = [*found, *places, *chronic]
    try:
        async with deps.db.writes.begin() as session:
            done = {"day": day, "series": len(series), "found": len(kept), "at": now}
            await session.execute(sa.insert(SignalDay), [done])
            for item in kept:
                await _keep(session, item, day, now=now)
            if forecasts:
                await session.execute(sa.insert(Forecast), [{**f, "made_at": now} for f in forecasts])
    except IntegrityError:
        return False  # another one was quicker
    log.info("signals_noticed", day=str(day), series=len(series), found=len(kept))
    return True


async def daily(
    session: AsyncSession, rows: dict[SignalKind, SignalRow], day: date
) -> dict[SeriesKey, tuple[date, list[int]]]:
    """The daily counts of every kind by district, and in the whole city (district ''), up to the day."""
    base = max((row.base_days for row in rows.values()), default=0)
    d = RollupDistrict
    since = day - timedelta(days=base)
    first = await session.scalar(sa.select(sa.func.min(d.day)).where(d.day >= since, d.day <= day))
    if first is None:
        return {}
    length = (day - first).days + 1
    found: dict[SeriesKey, list[int]] = defaultdict(lambda: [0] * length)
    counted = await session.execute(
        sa.select(d.day, d.kind, d.district, sa.func.sum(d.demands))
        .where(d.day >= first, d.day <= day, d.kind != "")
        .group_by(d.day, d.kind, d.district)
    )
    for at, kind, district, count in counted:
        place = (at - first).days
        found[kind, ""][place] += count
        if district:
            found[kind, district][place] += count
    return {key: (first, counts) for key, counts in found.items()}


def _reckon(
    series: dict[SeriesKey, tuple[date, list[int]]],
    rows: dict[SignalKind, SignalRow],
    day: date,
    month: date | None,
    sorts: tuple[season.Sort, ...],
) -> tuple[list[Found], list[dict[str, Any]]]:
    """Bursts, rising kinds and forecasts, from one fit of every series."""
    burst, rising = rows.get(SignalKind.BURST), rows.get(SignalKind.RISING)
    found: list[Found] = []
    forecasts: list[dict[str, Any]] = []
    for (kind, district), (first, counts) in sorted(series.items()):
        guard = rising.window_days if rising else 0
        fit = season.fit(first, counts[: len(counts) - guard], sorts)
        if fit is None:
            continue
        for row in (burst, rising):
            if row is not None:
                signal = tested(fit, row, counts, day, len(series))
                if signal is not None:
                    found.append(_of_series(row, (kind, district), signal))
        if month is not None:
            whole = season.fit(first, counts, sorts) or fit
            forecasts.append(_forecast(whole, month, kind, district))
    most = {row.what: row.most for row in (burst, rising) if row is not None}
    return _weightiest(found, most), forecasts


def tested(
    fit: season.Fit, row: SignalRow, counts: Sequence[int], day: date, series: int
) -> tuple[int, season.Expected, float, list[date]] | None:
    """What the last days of a series say: seen, expected, chance, days; None when that is no signal.

    Of several days the loudest is left out: one burst alone is no rise.
    """
    last = list(counts[-row.window_days :])
    days = [day - n * _DAY for n in range(row.window_days - 1, -1, -1)]
    if row.window_days > 1:
        loudest = last.index(max(last))
        del last[loudest], days[loudest]
    seen = sum(last)
    if seen < row.least:
        return None
    expected = fit.expect(days)
    chance = expected.chance(seen)
    return (seen, expected, chance, days) if chance < season.level(row.limit, series) else None


def _of_series(
    row: SignalRow, key: SeriesKey, signal: tuple[int, season.Expected, float, list[date]]
) -> Found:
    seen, expected, chance, days = signal
    numbers = {
        "seen": seen, "expected": round(expected.mean, 2), "deviation": round(expected.variance**0.5, 2),
        "chance": chance, "from": str(days[0]), "to": str(days[-1]),
    }  # fmt: skip
    score = (seen - expected.mean) / max(expected.variance, 1.0) ** 0.5
    why = telling.burst(seen, expected, chance, row, days=days)
    return Found(row.what, *key, "", score, numbers, why, row)


def _weightiest(found: Iterable[Found], most: dict[SignalKind, int]) -> list[Found]:
    kept: list[Found] = []
    for what, limit in most.items():
        mine = sorted((f for f in found if f.what is what), key=lambda f: (-f.score, f.kind, f.district))
        kept += mine[:limit]
    return kept


def _forecast(fit: season.Fit, month: date, kind: str, district: str) -> dict[str, Any]:
    days = [month + n * _DAY for n in range((_next_month(month) - month).days)]
    expected = fit.expect(days)
    low, high = expected.between(INTERVAL)
    return {
        "month": month, "kind": kind, "district": district, "expected": expected.mean, "low": low,
        "high": high, "method": METHOD,
    }  # fmt: skip


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


async def _keep(session: AsyncSession, item: Found, day: date, *, now: datetime) -> None:
    """A new row, or the one of the same thing that was noticed lately and that nobody decided on yet."""
    told = {"numbers": item.numbers, "why": item.why}
    known: Signal | None = await session.scalar(
        sa.select(Signal)
        .where(
            *spots.same_thing(item.what, item.kind, item.district, item.place),
            Signal.last_day >= day - SAME,
            Signal.last_day <= day,
        )
        .order_by(Signal.last_day.desc(), Signal.id.desc())
        .limit(1)
        # A person may be deciding on it just now.
        .with_for_update()
    )
    if known is not None and known.state == SignalState.NEW.value:
        known.last_day, known.score, known.told, known.row_id = day, item.score, told, item.row.id
        # Of a hot place both may be another by now: the names below it are told as they are today.
        known.kind, known.district = item.kind, item.district
        return
    if known is not None and not _another(known, item, day):
        known.last_day = day
        return
    session.add(Signal(
        what=item.what.value, kind=item.kind, district=item.district, place=item.place, first_day=day,
        last_day=day, score=item.score, told=told, row_id=item.row.id, state=SignalState.NEW.value,
        made_at=now,
    ))  # fmt: skip


def _another(decided: Signal, item: Found, day: date) -> bool:
    """Whether it is for a person to look at again: what was decided is over, or it has grown that much."""
    over = (day - decided.last_day).days >= item.row.over_days
    # From one on: what hardly stood out has not grown because it stands out a little more.
    return over or item.score >= item.row.again * max(decided.score, 1.0)
