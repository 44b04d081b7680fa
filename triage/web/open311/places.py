"""What area a point lies in, in words that the reader knows. Loaded once, when first asked."""

from __future__ import annotations

from functools import cache
from typing import Final

from nlp.gazetteer import Gazetteer
from nlp.place_point import Atlas

_CITY: Final = "北京市"
#: A street's centre so near says which street it is; beyond, the district alone is told.
_NEAR_METRES: Final = 1500


@cache
def gazetteer() -> Gazetteer:
    """The names."""
    return Gazetteer.load()


@cache
def atlas() -> Atlas:
    """Their points, and the districts' borders."""
    return Atlas(gazetteer())


def area_of(lon: float, lat: float) -> str | None:
    """District and, where its centre is near, street of a point; None outside the city. Blocking."""
    found = atlas().reverse(lon, lat)
    if found.district is None:
        return None
    street = found.streets[0] if found.streets and found.streets[0].metres <= _NEAR_METRES else None
    return f"{_CITY}{found.district.name}{street.name if street else ''}"
