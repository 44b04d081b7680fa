"""Coordinates as Chinese maps give them, turned into WGS-84 degrees.

GCJ-02 (高德、腾讯) shifts WGS-84 by a published formula; BD-09 (百度) shifts GCJ-02 once more. Both inverses
are found by steps until they are right to 1e-9 degrees, a tenth of a millimetre: no precision is lost.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Final

#: Krasovsky 1940, which the shift is defined on.
_AXIS: Final = 6_378_245.0
_FLATNESS: Final = 0.006_693_421_622_965_943
_TURN: Final = math.pi * 3000 / 180
_EXACT: Final = 1e-9
_STEPS: Final = 30
#: Outside this box there is no shift.
_CHINA: Final = (72.004, 137.8347, 0.8293, 55.8271)


class Crs(StrEnum):
    """The systems that are understood, as written in a file."""

    WGS84 = "WGS-84"
    GCJ02 = "GCJ-02"
    BD09 = "BD-09"


def crs_of(written: str) -> Crs:
    """The system that is meant: WGS84, gcj-02, 火星 … Raises ValueError naming what is known."""
    plain = written.strip().upper().replace("-", "").replace("_", "").replace(" ", "")
    known = {"WGS84": Crs.WGS84, "GCJ02": Crs.GCJ02, "BD09": Crs.BD09, "BD09LL": Crs.BD09}
    if plain not in known:
        raise ValueError(f"坐标系 {written!r} 不认识；可用 {'、'.join(Crs)}")
    return known[plain]


def to_wgs84(lon: float, lat: float, crs: Crs) -> tuple[float, float]:
    """Give (lon, lat) in WGS-84 degrees."""
    if crs is Crs.BD09:
        lon, lat = _bd_to_gcj(lon, lat)
    return (lon, lat) if crs is Crs.WGS84 else _gcj_to_wgs(lon, lat)


def wgs_to_gcj(lon: float, lat: float) -> tuple[float, float]:
    """The published shift."""
    west, east, south, north = _CHINA
    if not (west <= lon <= east and south <= lat <= north):
        return lon, lat
    x, y = lon - 105.0, lat - 35.0
    root = math.sqrt(abs(x))
    waves = 20 * math.sin(6 * x * math.pi) + 20 * math.sin(2 * x * math.pi)
    up = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    up += (waves + 20 * math.sin(y * math.pi) + 40 * math.sin(y / 3 * math.pi)) * 2 / 3
    up += (160 * math.sin(y / 12 * math.pi) + 320 * math.sin(y * math.pi / 30)) * 2 / 3
    right = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    right += (waves + 20 * math.sin(x * math.pi) + 40 * math.sin(x / 3 * math.pi)) * 2 / 3
    right += (150 * math.sin(x / 12 * math.pi) + 300 * math.sin(x / 30 * math.pi)) * 2 / 3
    bend = 1 - _FLATNESS * math.sin(math.radians(lat)) ** 2
    up = up * 180 / (_AXIS * (1 - _FLATNESS) / (bend * math.sqrt(bend)) * math.pi)
    right = right * 180 / (_AXIS / math.sqrt(bend) * math.cos(math.radians(lat)) * math.pi)
    return lon + right, lat + up


def gcj_to_bd(lon: float, lat: float) -> tuple[float, float]:
    """The further shift of BD-09."""
    far = math.hypot(lon, lat) + 0.00002 * math.sin(lat * _TURN)
    angle = math.atan2(lat, lon) + 0.000003 * math.cos(lon * _TURN)
    return far * math.cos(angle) + 0.0065, far * math.sin(angle) + 0.006


def _bd_to_gcj(lon: float, lat: float) -> tuple[float, float]:
    x, y = lon - 0.0065, lat - 0.006
    for _ in range(_STEPS):
        there = gcj_to_bd(x, y)
        x, y = x + lon - there[0], y + lat - there[1]
        if abs(lon - there[0]) < _EXACT and abs(lat - there[1]) < _EXACT:
            break
    return x, y


def _gcj_to_wgs(lon: float, lat: float) -> tuple[float, float]:
    x, y = lon, lat
    for _ in range(_STEPS):
        there = wgs_to_gcj(x, y)
        x, y = x + lon - there[0], y + lat - there[1]
        if abs(lon - there[0]) < _EXACT and abs(lat - there[1]) < _EXACT:
            break
    return x, y
