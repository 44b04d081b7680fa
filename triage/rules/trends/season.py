"""What a day's count should be: a Poisson regression on trend, weekday, season and holidays.

As outbreak watches do, after Farrington (1996) as improved by Noufaily (2013): counts of the past, without
the last weeks, so that what goes on now does not hide itself; days that were themselves far out count less;
counts vary more than chance (over-dispersion) and the variance is widened by it and by how little the fit
itself is known. Holidays (春节 and the days around it above all) have columns of their own where the past
tells enough of them. Pure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from triage.rules.calendar import WorkCalendar

#: Days a fit needs; below a year and a bit the season cannot be told from the trend and is left out.
LEAST_DAYS: Final = 56
_SEASON_DAYS: Final = 400
_YEAR: Final = 365.2425
#: Anscombe residuals above this are down-weighted (Noufaily 2013).
_FAR: Final = 2.58
#: What the days of a sort must hold in the past for it to have a column: fewer days or demands tell nothing.
_LEAST_OF_SORT: Final = 5
_SPRING: Final = "春节"
_AROUND_SPRING: Final = 7

#: Days of one sort; a fit holds those that have a column.
Sort: TypeAlias = "frozenset[date]"


@lru_cache(maxsize=4)
def _sorted_days(holidays: tuple[tuple[date, str], ...], make_up: frozenset[date]) -> tuple[Sort, ...]:
    spring = {day for day, name in holidays if name.startswith(_SPRING)}
    one = timedelta(days=1)
    before = {
        day - n * one for day in spring if day - one not in spring for n in range(1, _AROUND_SPRING + 1)
    }
    after = {day + n * one for day in spring if day + one not in spring for n in range(1, _AROUND_SPRING + 1)}
    other = {day for day, _ in holidays} - spring
    return (
        frozenset(spring), frozenset(before), frozenset(after), frozenset(other - before - after),
        make_up - before - after,
    )  # fmt: skip


def sorts_of(calendar: WorkCalendar) -> tuple[Sort, ...]:
    """春节假期, the week before it, the week after it (up to 元宵), other holidays, 调休上班日."""
    return _sorted_days(tuple(sorted(calendar.holidays.items())), calendar.make_up)


@dataclass(frozen=True, slots=True)
class Expected:
    """A sum of days as the fit expects it: mean, and the variance of what will be seen."""

    mean: float
    variance: float

    def chance(self, seen: int) -> float:
        """How likely so many or more are, by the negative binomial of this mean and variance."""
        from scipy import stats  # noqa: PLC0415  (slow to load)

        if seen <= 0:
            return 1.0
        return float(self._law(stats).sf(seen - 1))

    def between(self, share: float) -> tuple[float, float]:
        """The middle of what is to be expected: `share` .8 leaves a tenth on each side."""
        from scipy import stats  # noqa: PLC0415

        law = self._law(stats)
        return float(law.ppf((1 - share) / 2)), float(law.ppf((1 + share) / 2))

    def _law(self, stats: Any) -> Any:  # noqa: ANN401  (scipy has no types here)
        mean = max(self.mean, 1e-9)
        spread = self.variance / mean
        if spread <= 1.0 + 1e-9:
            return stats.poisson(mean)
        return stats.nbinom(mean / (spread - 1), 1 / spread)


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted series: what it expects of any later days."""

    start: date
    seasonal: bool
    parameters: Any
    covariance: Any
    dispersion: float
    sorts: tuple[Sort, ...] = ()

    def expect(self, days: Sequence[date]) -> Expected:
        """The sum over these days."""
        import numpy as np  # noqa: PLC0415

        rows = np.array([_row(day, self.start, self.sorts, seasonal=self.seasonal) for day in days])
        # No fit of ours knows more than tenfold growth: beyond lies only overflow.
        means = np.exp(np.clip(rows @ self.parameters, -20, 20))
        # How the sum's logarithm moves with the parameters (delta method).
        gradient = means @ rows
        of_fit = float(gradient @ self.covariance @ gradient)
        mean = float(means.sum())
        return Expected(mean, self.dispersion * mean + of_fit)


def fit(start: date, counts: Sequence[int], sorts: tuple[Sort, ...] = ()) -> Fit | None:
    """Fit daily counts from `start` on; None when there are too few days, or nothing ever happened.

    `sorts` of days that differ get columns, each where the past holds enough of it.
    """
    if len(counts) < LEAST_DAYS or sum(counts) < len(counts) / LEAST_DAYS:
        return None
    import numpy as np  # noqa: PLC0415  (slow to load, as is the next: seconds that a young site need not pay)
    import statsmodels.api as sm  # noqa: PLC0415

    seasonal = len(counts) >= _SEASON_DAYS
    kept = tuple(sort for sort in sorts if _told(start, counts, sort))
    rows = _rows(start, len(counts), kept, seasonal=seasonal)
    seen = np.asarray(counts, dtype=float)
    weights = np.ones(len(counts))
    for _ in range(2):
        found = sm.GLM(seen, rows, family=sm.families.Poisson(), var_weights=weights).fit(maxiter=30)
        means = np.clip(found.mu, 1e-9, None)
        free = len(counts) - rows.shape[1]
        dispersion = max(1.0, float((weights * (seen - means) ** 2 / means).sum() / free))
        far = 1.5 * (seen ** (2 / 3) - means ** (2 / 3)) / (means ** (1 / 6) * math.sqrt(dispersion))
        weights = np.where(far > _FAR, (_FAR / np.maximum(far, _FAR)) ** 2, 1.0)
    covariance = np.asarray(found.cov_params()) * dispersion
    return Fit(start, seasonal, np.asarray(found.params), covariance, dispersion, kept)


def _told(start: date, counts: Sequence[int], sort: Sort) -> bool:
    """Whether the past holds enough days of the sort, and demands on them, to tell what they are like."""
    places = [place for day in sort if 0 <= (place := (day - start).days) < len(counts)]
    return len(places) >= _LEAST_OF_SORT and sum(counts[place] for place in places) >= _LEAST_OF_SORT


@lru_cache(maxsize=64)
def _rows(start: date, length: int, sorts: tuple[Sort, ...], *, seasonal: bool) -> Any:  # noqa: ANN401
    """The rows of all days; the same for every series of a night that tells of the same sorts."""
    import numpy as np  # noqa: PLC0415

    first = start.toordinal()
    found = np.array(
        [_row(start.fromordinal(first + n), start, sorts, seasonal=seasonal) for n in range(length)]
    )
    found.flags.writeable = False
    return found


def _row(day: date, start: date, sorts: tuple[Sort, ...], *, seasonal: bool) -> list[float]:
    """Level, trend (in years), six weekdays beside Monday, the sorts of days, and two waves of the year."""
    since = (day - start).days / _YEAR
    found = [1.0, since, *(float(day.weekday() == number) for number in range(1, 7))]
    found += [float(day in sort) for sort in sorts]
    if seasonal:
        turn = 2 * math.pi * day.timetuple().tm_yday / _YEAR
        found += [math.sin(turn), math.cos(turn), math.sin(2 * turn), math.cos(2 * turn)]
    return found


def level(alarms_a_week: float, series: int) -> float:
    """The chance below which one series of a day is a signal, so that false alarms keep to their budget."""
    return min(alarms_a_week / 7 / max(series, 1), 0.05)
