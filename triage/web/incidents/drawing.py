"""The drawings of an incident's page: where its calls come from, how many by time. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from nlp.place_point import Atlas

#: Metres of a degree; one city is flat enough.
_NORTH: Final = 111_195.0
_EAST: Final = _NORTH * math.cos(math.radians(40))
_LEAST_VIEW: Final = 1_500
_MARGIN: Final = 1.25
_WIDE: Final = 1.5
#: A view without a name says nothing of where it is: it widens to the nearest, at most to so many metres.
_MOST_WIDENED: Final = 6_000
_WIDENED_BY: Final = 250
#: Half the width of a name's character, and how far a name reaches above its street, in units of the map.
_NAME_WIDTH: Final = 7.5
_NAME_HEIGHT: Final = 25.0
#: The scale is a round length, at most this share of the width.
_SCALE_SHARE: Final = 0.25
_ROUND_METRES: Final = (20_000, 10_000, 5_000, 2_000, 1_000)
_MOST_NAMES: Final = 30
_MOST_BARS: Final = 60
_LENGTHS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 360, 720, 1440)


@dataclass(frozen=True, slots=True)
class Dot:
    """A call on the map; `fresh`: of the last minutes."""

    x: float
    y: float
    fresh: bool


@dataclass(frozen=True, slots=True)
class Name:
    """A street's name at its centre."""

    x: float
    y: float
    words: str


@dataclass(frozen=True, slots=True)
class Scale:
    """A round length of the map: metres, where it is drawn, and in words."""

    x: float
    y: float
    metres: int
    words: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """A map in metres from the incident's middle, east and south."""

    box: str
    unit: float
    scale: Scale
    borders: str
    names: tuple[Name, ...]
    dots: tuple[Dot, ...]
    reach: float


@dataclass(frozen=True, slots=True)
class Bar:
    """So many calls in a stretch of time."""

    at: datetime
    count: int
    percent: int


@dataclass(frozen=True, slots=True)
class Ground:
    """What the map is drawn over: borders of districts, centres and names of streets."""

    borders: Mapping[str, Sequence[Sequence[Sequence[tuple[float, float]]]]]
    centres: Mapping[str, tuple[float, float]]
    names: Mapping[str, str]


def ground_of(atlas: Atlas) -> Ground:
    """What is known of the city."""
    names = {code: place.name for code, place in atlas.gazetteer.places.items()}
    return Ground(atlas.borders, atlas.gazetteer.centroids, names)


def draw(
    ground: Ground,
    middle: tuple[float, float],
    reach: float,
    points: Sequence[tuple[float, float, bool]],
) -> Drawing:
    """The map around a middle (lon, lat): each call a dot (lon, lat, fresh)."""
    named = [
        Name(*_flat(middle, centre), ground.names[code])
        for code, centre in ground.centres.items()
        if ground.names.get(code)
    ]
    half = max(reach * _MARGIN, _LEAST_VIEW)
    if not any(_fits(name, half) for name in named):
        half = max(half, _to_the_nearest(named))
    wide = half * _WIDE
    unit = round(half / 150, 2)
    inside = sorted((name for name in named if _fits(name, half)), key=lambda name: name.x**2 + name.y**2)
    return Drawing(
        box=f"{-wide:.0f} {-half:.0f} {2 * wide:.0f} {2 * half:.0f}",
        unit=unit,
        scale=_scale(wide, half, unit),
        borders=_borders(ground, middle, wide * 1.2, half * 1.2),
        names=tuple(inside[:_MOST_NAMES]),
        dots=tuple(Dot(*_flat(middle, (lon, lat)), fresh) for lon, lat, fresh in points),
        reach=round(reach),
    )


def _fits(name: Name, half: float) -> bool:
    """Whether a view that reaches so far north and south shows the whole name."""
    unit = half / 150
    across = half * _WIDE - _NAME_WIDTH * len(name.words) * unit
    return abs(name.x) < across and abs(name.y) < half - _NAME_HEIGHT * unit


def _to_the_nearest(names: Sequence[Name]) -> float:
    """How far north and south a view must reach to show a name; 0 where that is too far."""
    steps = range(_LEAST_VIEW, _MOST_WIDENED + 1, _WIDENED_BY)
    return next((half for half in steps if any(_fits(name, half) for name in names)), 0)


def _scale(wide: float, half: float, unit: float) -> Scale:
    """The longest round length that fits, at the lower left."""
    metres = next((m for m in _ROUND_METRES if m <= 2 * wide * _SCALE_SHARE), _ROUND_METRES[-1])
    return Scale(round(-wide + 10 * unit, 1), round(half - 10 * unit, 1), metres, f"{metres // 1000} 公里")


def _flat(middle: tuple[float, float], point: tuple[float, float]) -> tuple[float, float]:
    """Metres east and south of the middle."""
    return round((point[0] - middle[0]) * _EAST, 1), round((middle[1] - point[1]) * _NORTH, 1)


def _borders(ground: Ground, middle: tuple[float, float], wide: float, half: float) -> str:
    """The stretches of district borders that lie in the view."""
    rings = [ring for shape in ground.borders.values() for rings in shape for ring in rings]
    return "".join(piece for ring in rings for piece in _stretches(ring, middle, wide, half))


def _stretches(
    ring: Sequence[tuple[float, float]], middle: tuple[float, float], wide: float, half: float
) -> list[str]:
    found: list[list[str]] = [[]]
    for point in ring:
        x, y = _flat(middle, point)
        if abs(x) < wide and abs(y) < half:
            found[-1].append(f"{x:.0f} {y:.0f}")
        elif found[-1]:
            found.append([])
    return ["M" + "L".join(stretch) for stretch in found if len(stretch) > 1]


def bars(moments: Sequence[datetime]) -> tuple[tuple[Bar, ...], int]:
    """How many calls by time, in at most sixty bars, and how many minutes one bar is."""
    if not moments:
        return (), _LENGTHS[0]
    first, last = min(moments), max(moments)
    whole = (last - first).total_seconds() / 60
    minutes = next((length for length in _LENGTHS if whole / length < _MOST_BARS), _LENGTHS[-1])
    length = timedelta(minutes=minutes)
    start = first.replace(second=0, microsecond=0)
    counts = [0] * min(int((last - start) / length) + 1, _MOST_BARS * 4)
    for moment in moments:
        counts[min(int((moment - start) / length), len(counts) - 1)] += 1
    most = max(counts)
    told = tuple(
        Bar(start + at * length, count, round(100 * count / most)) for at, count in enumerate(counts)
    )
    return told, minutes
