"""1 km grid (网格) over the city: a point → its square's code, and back to the square's corners. Pure."""

from __future__ import annotations

import math
from typing import Final

#: South-west corner of the grid, and metres of a degree there: Beijing lies between 39.4 and 41.1 north.
_WEST: Final = 115.0
_SOUTH: Final = 39.0
_KM_PER_LAT: Final = 111.03
_KM_PER_LON: Final = 111.32 * math.cos(math.radians(40.0))
#: Further away nothing is ours: a code has two or three digits each way.
_MOST: Final = 999


def grid_of(lon: float, lat: float) -> str:
    """`125-101`: kilometres east and north of 115° E 39° N; '' for a point outside of the grid."""
    x = math.floor((lon - _WEST) * _KM_PER_LON)
    y = math.floor((lat - _SOUTH) * _KM_PER_LAT)
    return f"{x}-{y}" if 0 <= x <= _MOST and 0 <= y <= _MOST else ""


def middle(code: str) -> tuple[float, float]:
    """Longitude and latitude of a square's middle. Raises ValueError on what is no code."""
    x, y = (int(part) for part in code.split("-"))
    return (x + 0.5) / _KM_PER_LON + _WEST, (y + 0.5) / _KM_PER_LAT + _SOUTH


def corners(code: str) -> tuple[float, float, float, float]:
    """West, south, east and north of a square, in degrees. Raises ValueError on what is no code."""
    x, y = (int(part) for part in code.split("-"))
    return (
        x / _KM_PER_LON + _WEST, y / _KM_PER_LAT + _SOUTH,
        (x + 1) / _KM_PER_LON + _WEST, (y + 1) / _KM_PER_LAT + _SOUTH,
    )  # fmt: skip
