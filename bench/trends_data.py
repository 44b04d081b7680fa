"""A made city for the bench of trends: seeded, with season, weekdays, holidays, kinds, and planted signals.

Counts of every kind in every district are drawn day by day (negative binomial: more spread than chance);
then every demand becomes a fact with street, channel, hour, ending, community and grid. Shares are
assumptions of the bench, not findings. Made facts have negative ids: real tickets stand beside them.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from models.vocab import Level
from models.vocab_trends import Ending, SignalKind
from triage.rules.trends import season

if TYPE_CHECKING:
    from collections.abc import Iterator

    from triage.rules.rows import Tables

_HOURS: Final = (1, 1, 1, 1, 1, 1, 2, 4, 8, 11, 11, 10, 7, 7, 9, 9, 9, 8, 7, 7, 8, 8, 6, 3)
_CHANNELS: Final = {"phone": 0.62, "wechat": 0.2, "web": 0.15, "letter": 0.01, "media": 0.02}
_ENDINGS: Final = {
    Ending.SOLVED: 0.6, Ending.UNSOLVED: 0.05, Ending.ENDED: 0.12, Ending.DIVERTED: 0.08, Ending.MERGED: 0.07,
    Ending.OPEN: 0.06, Ending.REVIEW: 0.02,
}  # fmt: skip
#: Of all demands, those that are environmental.
_ENVIRONMENTAL: Final = 0.3
_POINT: Final = 0.35
_PLEASED: Final = 0.9
_REVIEWED: Final = 0.2
_CORRECTED: Final = 0.02
#: Shares of tones, as `bench.mood` read them in public texts.
_MOODS: Final = {"negative": 0.33, "neutral": 0.66, "positive": 0.01}
_ANGRY: Final = 0.5
_GRIDS: Final = 9
COLUMNS: Final = (
    "ticket_id", "seq", "correction_id", "day", "hour", "kind", "district", "street", "channel", "ending",
    "community", "grid", "model", "band", "reached", "satisfied", "reviewed", "corrected", "mood", "angry",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Planted:
    """A signal that is there: its sort, kind, district, place and last day."""

    what: SignalKind
    kind: str
    district: str
    place: str
    day: date


class City:
    """The made city: counts of series by day, the planted signals, and facts for each day."""

    def __init__(self, tables: Tables, *, tickets: int, first: date, last: date, seed: int) -> None:
        """Draw the counts. `tickets` is about how many there are in all days together."""
        self.dice = np.random.default_rng(seed)
        self.first, self.days = first, (last - first).days + 1
        self.last = last
        streets = [u for u in tables.units.values() if u.level is Level.STREET and u.district_code]
        self.districts = sorted({str(u.district_code) for u in streets})
        self.streets = {d: [u.code for u in streets if u.district_code == d] for d in self.districts}
        self.busy = {d: self.dice.pareto(1.5, len(self.streets[d])) + 0.3 for d in self.districts}
        self.kinds = ["", *sorted(tables.kinds)]
        self.series = [(k, d) for k in self.kinds for d in self.districts]
        self.counts = self._draw(tables, tickets)
        self.planted: list[Planted] = []
        self.extra: dict[int, list[tuple[str, str, str, str, int]]] = {}

    def _draw(self, tables: Tables, tickets: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        days = [self.first + timedelta(days=n) for n in range(self.days)]
        turn = np.array([2 * math.pi * day.timetuple().tm_yday / 365.25 for day in days])
        week = np.array([(1.1, 1.05, 1.0, 1.0, 1.0, 0.95, 0.8)[day.weekday()] for day in days])
        spring, before, after, other, make_up = season.sorts_of(tables.calendar)
        quiet = {spring: 0.4, before: 0.8, after: 0.85, other: 0.75, make_up: 1.1}
        week *= np.array([math.prod(f for sort, f in quiet.items() if day in sort) for day in days])
        weight = {d: float(self.dice.lognormal(0, 0.7)) for d in self.districts}
        share = {k: float(self.dice.pareto(1.1) + 0.05) for k in self.kinds[1:]}
        whole = sum(share.values())
        levels = {k: _ENVIRONMENTAL * s / whole for k, s in share.items()} | {"": 1 - _ENVIRONMENTAL}
        areas = sum(weight.values())
        rows = []
        for kind, district in self.series:
            mean = tickets / self.days * levels[kind] * weight[district] / areas
            phase, depth = self.dice.uniform(0, 2 * math.pi), self.dice.uniform(0.1, 0.6)
            trend = 1 + self.dice.uniform(-0.15, 0.25) * np.arange(self.days) / 365
            means = np.maximum(mean * (1 + depth * np.sin(turn - phase)) * week * trend, 1e-6)
            rows.append(self.dice.negative_binomial(8, 8 / (8 + means)))
        return np.array(rows)

    def plant(self, *, bursts: int, rises: int, hot: int, chronic: int, window: int) -> None:
        """Add signals within the last `window` days."""
        means = self.counts[:, -window - 60 : -window].mean(axis=1)
        able = [n for n, mean in enumerate(means) if mean >= 1.0 and self.series[n][0]]
        chosen = self.dice.permutation(able)[: bursts + rises]
        for place, n in enumerate(chosen):
            kind, district = self.series[n]
            if place < bursts:
                at = self.days - 1 - int(self.dice.integers(0, window))
                more = math.ceil(6 * math.sqrt(means[n] * (1 + means[n] / 8)) + 6)
                self.counts[n, at] += more
                what = SignalKind.BURST
            else:
                at = self.days - 1
                usual = self.counts[n, -28:]
                self.counts[n, -28:] += np.ceil(usual.mean() * self.dice.uniform(0.9, 1.5) + 1).astype(int)
                what = SignalKind.RISING
            self.planted.append(Planted(what, kind, district, "", self.first + timedelta(days=at)))
        for number in range(hot + chronic):
            district = str(self.dice.choice(self.districts))
            street = str(self.dice.choice(self.streets[district]))
            kind = str(self.dice.choice(self.kinds[1:]))
            what = SignalKind.HOT_GRID if number < hot else SignalKind.CHRONIC
            # Every other one in a square where much else is told.
            empty = number % 2 == 0
            grid = f"{400 + number}-{500 + number}" if empty else self._grid(district, street, 0)
            often = 0.0 if empty else self._usual(district, street, "" if number < hot else kind)
            span, every = (28, 1) if number < hot else (90, 5)
            stretch = 28 if number < hot else 30
            more = max(1, math.ceil((6 * math.sqrt(often * stretch) + 6) * every / stretch)) if often else 1
            for back in range(0, span, every):
                self.extra.setdefault(self.days - 1 - back, []).append((kind, district, street, grid, more))
            self.planted.append(Planted(what, kind, district, grid, self.last))

    def _usual(self, district: str, street: str, kind: str) -> float:
        """About how many demands a day fall into one square of the street; of every kind: ''."""
        mine = [n for n, (k, d) in enumerate(self.series) if d == district and k and kind in {"", k}]
        busy = self.busy[district]
        share = busy[self.streets[district].index(street)] / busy.sum()
        return float(self.counts[mine, -90:].sum(axis=0).mean() * share * _POINT / _GRIDS)

    def _grid(self, district: str, street: str, cell: int) -> str:
        near = int(street[-3:]) + 1000 * self.districts.index(district) // 16
        return f"{near % 300 + cell % 3}-{near // 3 % 300 + cell // 3}"

    @property
    def size(self) -> int:
        """How many demands there are."""
        extra = sum(item[4] for items in self.extra.values() for item in items)
        return int(self.counts.sum()) + extra

    def facts(self) -> Iterator[tuple[date, list[tuple[Any, ...]]]]:
        """The facts of each day, in the order of COLUMNS."""
        number = 0
        for n in range(self.days):
            day = self.first + timedelta(days=n)
            rows = []
            for series, (kind, district) in enumerate(self.series):
                count = int(self.counts[series, n])
                if count:
                    rows += self._rows(day, number, kind, district, count)
                    number += count
            for kind, district, street, grid, count in self.extra.get(n, ()):
                for row in self._rows(day, number, kind, district, count):
                    rows.append((*row[:7], street, *row[8:10], "", grid, *row[12:]))
                number += count
            yield day, rows

    def _rows(self, day: date, number: int, kind: str, district: str, count: int) -> list[tuple[Any, ...]]:
        busy, streets = self.busy[district], self.streets[district]
        which = self.dice.choice(len(streets), count, p=busy / busy.sum())
        hours = self.dice.choice(24, count, p=np.array(_HOURS) / sum(_HOURS))
        channels = self.dice.choice(list(_CHANNELS), count, p=list(_CHANNELS.values()))
        endings = self.dice.choice([e.value for e in _ENDINGS], count, p=list(_ENDINGS.values()))
        known = self.dice.random(count) < _POINT
        cells = self.dice.integers(0, _GRIDS, count)
        bands = self.dice.choice(10, count, p=np.arange(1, 11) / 55)
        luck = self.dice.random((count, 4))
        moods = self.dice.choice(list(_MOODS), count, p=list(_MOODS.values()))
        rows = []
        for n in range(count):
            street = streets[which[n]]
            over = endings[n] in {"solved", "unsolved"}
            grid = self._grid(district, street, int(cells[n])) if known[n] else ""
            community = f"{street}{cells[n] + 1:03d}" if known[n] else ""
            rows.append((
                -1 - number - n, 5, 0, day, int(hours[n]), kind, district, street, channels[n], endings[n],
                community, grid, "bench-1", int(bands[n]), int(over),
                int(over and endings[n] == "solved" and luck[n, 0] < _PLEASED),
                int(luck[n, 1] < _REVIEWED), int(luck[n, 2] < _CORRECTED), moods[n],
                int(moods[n] == "negative" and luck[n, 3] < _ANGRY),
            ))  # fmt: skip
        return rows


def csv(rows: list[tuple[Any, ...]]) -> io.BytesIO:
    """Rows as PostgreSQL's COPY reads them: no text here needs quoting."""
    return io.BytesIO("\n".join("\t".join(map(str, row)) for row in rows).encode() + b"\n")
