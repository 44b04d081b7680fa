"""Outlines of the districts as GeoJSON and the centres of the streets: the map of the trends, no tiles."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import TYPE_CHECKING, Final

import orjson

from triage.web.open311.places import atlas, gazetteer

if TYPE_CHECKING:
    from triage.web.names import Names

#: Decimals of a degree: about eleven metres, finer than is seen.
_DECIMALS: Final = 4
#: Every so many corners one is kept on the city's map; a district's own is whole.
_EVERY: Final = 3


async def outlines(area: str, names: Names) -> bytes:
    """The JSON that the page's script reads. The gazetteer's first loading blocks: it goes to a thread."""
    return await asyncio.to_thread(_outlines, area, tuple(names.districts.items()))


@cache
def _outlines(area: str, districts: tuple[tuple[str, str], ...]) -> bytes:
    names = dict(districts)
    borders = atlas().borders
    codes = sorted(borders) if area == "city" else [area]
    every = _EVERY if area == "city" else 1
    features = [
        {
            "type": "Feature",
            "properties": {"name": names.get(code, code), "code": code},
            "geometry": {
                "type": "MultiPolygon",
                "coordinates": [[_thin(ring, every) for ring in rings] for rings in borders[code]],
            },
        }
        for code in codes
    ]
    centres = {
        code: [round(lon, _DECIMALS), round(lat, _DECIMALS)]
        for code, (lon, lat) in sorted(gazetteer().centroids.items())
        if area in {"city", code[: len(area)]}
    }
    return orjson.dumps({"map": {"type": "FeatureCollection", "features": features}, "centres": centres})


def _thin(ring: object, every: int) -> list[list[float]]:
    points = [[round(lon, _DECIMALS), round(lat, _DECIMALS)] for lon, lat in ring]  # type: ignore[attr-defined]
    kept = points[::every]
    return kept if kept[-1] == points[-1] else [*kept, points[-1]]
