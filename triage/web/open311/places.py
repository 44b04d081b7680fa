"""What area a point lies in, in words that the reader knows. Loaded once, when first asked."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from nlp.gazetteer import Gazetteer
from nlp.place_point import Atlas

if TYPE_CHECKING:
    from nlp.place_point import Lookup, Near

_CITY: Final = "北京市"
#: A street's centre so near says which street it is, where the second is much farther; else the district
#: alone is told. No border of a street is public: of 1,500 known points the nearest centre within 1,500 m is
#: another street's for one in six; for one in 25 where the second is 2.5 times as far.
_NEAR_METRES: Final = 1500
_MUCH_FARTHER: Final = 2.5


@cache
def gazetteer() -> Gazetteer:
    """The names."""
    return Gazetteer.load()


@cache
def atlas() -> Atlas:
    """Their points, and the districts' borders."""
    return Atlas(gazetteer())


def sure_street(found: Lookup) -> Near | None:
    """The street of a point where it is clear; it stands in a case as if it had been written."""
    first, *others = found.streets or (None,)
    if first is None or first.metres > _NEAR_METRES:
        return None
    return first if all(other.metres >= _MUCH_FARTHER * first.metres for other in others) else None


def area_of(lon: float, lat: float, *, told: bool = False) -> str | None:
    """District of a point, and street where that is clear; None outside the city. Blocking.

    Where a place is `told` in words the district alone is given: a guess is not to outvote them.
    """
    found = atlas().reverse(lon, lat)
    if found.district is None:
        return None
    street = None if told else sure_street(found)
    return f"{_CITY}{found.district.name}{street.name if street else ''}"
