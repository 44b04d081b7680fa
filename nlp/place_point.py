"""From a unit or an overlay's name to a point with its radius, and back from a point of the map to units.

No official boundary of a street is public: a street is known by its approximate centre, and what it says
about a point are candidates by distance. Districts have borders (`nlp.place_polygons`).
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import yaml

from models.vocab import Precision
from nlp import place_polygons
from nlp.gazetteer import COMMUNITY, DISTRICT, LEXICON, STREET, GazetteerError
from nlp.place_polygons import inside

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from nlp.gazetteer import Gazetteer, PlaceName

RADIUS_FILE: Final = "place_radius.yaml"
EARTH: Final = 6_371_008.8
KINDS: Final = {
    "door": Precision.DOOR,
    "compound": Precision.COMPOUND,
    "stop": Precision.STOP,
    "road": Precision.ROAD,
}
#: A click this near a known community's point is in it, for a suggestion.
COMMUNITY_METRES: Final = 400
STREETS_SHOWN: Final = 3


def metres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Distance of two points (lon, lat in degrees); exact enough within one city."""
    east = math.radians(other[0] - one[0]) * math.cos(math.radians((one[1] + other[1]) / 2))
    return EARTH * math.hypot(east, math.radians(other[1] - one[1]))


@dataclass(frozen=True, slots=True)
class Point:
    """WGS-84 degrees; nine of ten such places lie within `radius` metres."""

    lon: float
    lat: float
    radius: int
    precision: Precision


@dataclass(frozen=True, slots=True)
class Near:
    """A unit near a point, with its distance in metres."""

    code: str
    name: str
    metres: int


@dataclass(frozen=True, slots=True)
class Lookup:
    """What a point of the map says: the district by its border, streets by distance, the community."""

    district: Near | None
    streets: tuple[Near, ...]
    community: Near | None


class Atlas:
    """Points of units and names, made once."""

    def __init__(self, gazetteer: Gazetteer, overlay: Iterable[PlaceName] = ()) -> None:
        self.gazetteer = gazetteer
        self._street_radius, self._own_radius = _radii(LEXICON / RADIUS_FILE)
        self._communities = {
            name.code: (name.lon, name.lat)
            for name in overlay
            if len(name.code) == COMMUNITY and name.lon is not None and name.lat is not None
        }

    def point(self, code: str, own: PlaceName | None) -> Point | None:
        """The point of a unit, or that of a name of its own; None when nothing is known."""
        if own is not None and own.lon is not None and own.lat is not None:
            kind = "door" if own.text.endswith(("号", "号院", "号楼")) else own.kind
            radius = self._own_radius.get(kind, self._own_radius["landmark"])
            return Point(own.lon, own.lat, radius, KINDS.get(kind, Precision.POINT))
        if len(code) == COMMUNITY and code in self._communities:
            lon, lat = self._communities[code]
            return Point(lon, lat, self._own_radius["compound"], Precision.COMMUNITY)
        centre = self.gazetteer.centroids.get(code[:STREET])
        if centre is not None:
            level = Precision.COMMUNITY if len(code) == COMMUNITY else Precision.STREET
            return Point(*centre, self._street_radius[code[:DISTRICT]], level)
        return self._districts.get(code[:DISTRICT])

    @cached_property
    def _districts(self) -> dict[str, Point]:
        """The middle of each district's street centres, and how far nine of ten of them lie from it."""
        streets: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for code, centre in self.gazetteer.centroids.items():
            streets[code[:DISTRICT]].append(centre)
        found = {}
        for code, centres in streets.items():
            middle = tuple(round(sum(c[axis] for c in centres) / len(centres), 6) for axis in (0, 1))
            far = sorted(metres((middle[0], middle[1]), centre) for centre in centres)
            radius = round(far[int(0.9 * len(far))], -2) + self._street_radius[code]
            found[code] = Point(middle[0], middle[1], int(radius), Precision.DISTRICT)
        return found

    @cached_property
    def borders(self) -> place_polygons.Polygons:
        """District code → its polygons. Raises GazetteerError when the package is damaged."""
        return place_polygons.load(place_polygons.installed(), self.gazetteer)

    def reverse(self, lon: float, lat: float) -> Lookup:
        """What lies at a point (WGS-84 degrees). Outside Beijing's districts, nothing."""
        place = (lon, lat)
        district = next((code for code, shapes in self.borders.items() if inside(shapes, place)), "")
        if not district:
            return Lookup(None, streets=(), community=None)
        near = sorted(
            (metres(place, centre), code)
            for code, centre in self.gazetteer.centroids.items()
            if code.startswith(district)
        )
        communities = [
            (metres(place, point), code)
            for code, point in self._communities.items()
            if code.startswith(district)
        ]
        far, code = min(communities, default=(math.inf, ""))
        return Lookup(
            self._near(0, district),
            streets=tuple(self._near(away, street) for away, street in near[:STREETS_SHOWN]),
            community=self._near(far, code) if far <= COMMUNITY_METRES else None,
        )

    def _near(self, away: float, code: str) -> Near:
        return Near(code, self.gazetteer.places[code].name, round(away))


def _radii(path: Path) -> tuple[dict[str, int], dict[str, int]]:
    """(district → metres around a street's centre, kind → metres around its own point)."""
    try:
        table: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        streets = {code: int(row["nine_of_ten"]) for code, row in table["streets"]["districts"].items()}
        own = table["own"]["kinds"] | table["own_measured"]["kinds"]
        return streets, {kind: int(size) for kind, size in own.items()}
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as fault:
        raise GazetteerError(f"{path.name}: cannot be read: {fault!r}") from fault
