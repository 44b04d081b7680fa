"""Before a report is sent: whether its place is another unit's, and which open cases lie there already."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from models.vocab import State
from nlp.places import PlaceReader
from triage import overlays
from triage.services.patrol import nearby
from triage.web.keys import DEPS, NAMES, VIEWER
from triage.web.open311.places import atlas, gazetteer, sure_street

if TYPE_CHECKING:
    from aiohttp import web

    from nlp.overlay import OverlayRow
    from triage.rules.rows import UnitRow
    from triage.services.patrol.nearby import OpenCase
    from triage.settings import Settings
    from triage.web.names import Names

_DISTRICT: Final = 6
_STREET: Final = 9
#: Streets of a point whose cases are looked at: the border of none is known.
_STREETS: Final = 3
#: So much farther than the nearest centre that of the officer's own street may be.
_HARDLY_FARTHER: Final = 1.5
#: A name of two characters stands in too many words.
_SHORTEST: Final = 3


@dataclass(frozen=True, slots=True)
class Around:
    """What the officer is told first; `elsewhere`: the place, in words, is another unit's."""

    elsewhere: str
    cases: tuple[OpenCase, ...]

    @property
    def mark(self) -> str:
        """What was shown, as the form remembers it."""
        return ",".join(filter(None, (self.elsewhere, *(one.no for one in self.cases))))

    def unseen(self, seen: str) -> bool:
        """Whether there is something that the form has not shown."""
        return bool({*self.mark.split(",")} - {*seen.split(","), ""})

    @property
    def told(self) -> dict[str, Any]:
        """For the page's script."""
        same = [
            {"no": c.no, "title": c.title, "state": State(c.state).label, "metres": c.metres}
            for c in self.cases
        ]
        return {"elsewhere": self.elsewhere, "same": same, "mark": self.mark}


NOTHING: Final = Around("", ())


async def around(
    request: web.Request, unit: UnitRow, *, text: str, place: str, point: tuple[float, float] | None
) -> Around:
    """What lies around the place of a report."""
    names = request.app[NAMES]
    codes: tuple[str, ...] = ()
    sure: str | None = None
    if point is not None:
        found = await asyncio.to_thread(lambda: atlas().reverse(*point))
        if found.district is not None:
            clear = sure_street(found)
            sure = clear.code[:_STREET] if clear else found.district.code[:_DISTRICT]
        codes = tuple(one.code[:_STREET] for one in found.streets[:_STREETS])
    else:
        named = _named(names, f"{place} {text}")
        codes = named or ((unit.street_code[:_STREET],) if unit.street_code else ())
        sure = named[0] if named else None
    async with request.app[DEPS].db.reads() as session:
        cases = await nearby.cases(session, request[VIEWER], text=text, point=point, streets=codes)
    return Around(_elsewhere(unit, sure, names), cases)


async def own_street(unit: UnitRow, names: Names, point: tuple[float, float]) -> str | None:
    """District and street of the officer's own unit, where the point may well lie there; None: else.

    Which street a point is in only its centre tells, and that not often. Where no other is clear, an officer
    of the nearest, or of one hardly farther, is taken to be in their own.
    """
    if not unit.street_code:
        return None
    found = await asyncio.to_thread(lambda: atlas().reverse(*point))
    clear, own = sure_street(found), unit.street_code[:_STREET]
    away = {one.code[:_STREET]: one.metres for one in found.streets[:_STREETS]}
    if found.district is None or own not in away or (clear is not None and clear.code[:_STREET] != own):
        return None
    near = away[own] <= _HARDLY_FARTHER * min(away.values())
    return f"{found.district.name}{names.street(own)}" if near else None


async def elsewhere_in(settings: Settings, unit: UnitRow, words: str) -> bool:
    """Whether the reader finds a place in the words that does not lie in the unit's own street."""
    own = (unit.street_code or "")[:_STREET]
    found = await asyncio.to_thread(lambda: _reader(tuple(overlays.load(settings))).look(words)[1])
    return any(not (one.code.startswith(own) or own.startswith(one.code)) for one in found)


@lru_cache(maxsize=1)
def _reader(rows: tuple[OverlayRow, ...]) -> PlaceReader:
    return PlaceReader(gazetteer(), [row.place_name() for row in rows])


def _named(names: Names, words: str) -> tuple[str, ...]:
    """Streets whose whole name stands in the words."""
    found = []
    for code in names.streets:
        name = names.street(code)
        if len(name) >= _SHORTEST and name in words:
            found.append((-len(name), code[:_STREET]))
    return tuple(code for _, code in sorted(found))


def _elsewhere(unit: UnitRow, code: str | None, names: Names) -> str:
    """The place in words where it is not the unit's own; a unit of the whole city has every place."""
    if code is None or not unit.district_code:
        return ""
    district = names.district(code[:_DISTRICT])
    if code[:_DISTRICT] != unit.district_code:
        return f"{district}{names.street(code)}" if len(code) == _STREET else district
    if len(code) == _STREET and unit.street_code and code != unit.street_code[:_STREET]:
        return f"{district}{names.street(code)}"
    return ""
