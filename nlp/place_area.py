"""The area a caller is registered in (登记地区), brought to a code of a district or a street; never finer.

What is written may be a name (朝阳区望京街道), a code of any length, or a whole address: the rest of it is
dropped, for it would say where somebody lives.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from nlp.gazetteer import DISTRICT, STREET, fold

if TYPE_CHECKING:
    from nlp.gazetteer import Gazetteer

CITY: Final = re.compile(r"(?:中国)?(?:北京市?)?(?:市辖区)?")
ELSEWHERE: Final = frozenset("省市州盟")
SPACE: Final = re.compile(r"[\s,，、·/\-]+")
CODE: Final = re.compile(r"[0-9]{6,12}", re.ASCII)


class Areas:
    """Names of districts and streets, for looking up the beginning of an address."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        """Take the names once."""
        self._codes = gazetteer.places.keys()
        self._districts: dict[str, str] = {}
        self._streets: dict[tuple[str, str], str] = {}
        alone: dict[str, set[str]] = {}
        for code, place in gazetteer.places.items():
            names = {fold(place.name), fold(place.short)}
            if place.level == DISTRICT:
                self._districts |= dict.fromkeys(names, code)
            elif place.level == STREET:
                self._streets |= {(code[:DISTRICT], name): code for name in names}
                alone.setdefault(fold(place.name), set()).add(code)
        #: a street whose name is one district's only says its district
        self._alone = {name: codes.pop() for name, codes in alone.items() if len(codes) == 1}

    def code(self, written: str) -> str | None:
        """The street's code, else the district's; None when it is not understood."""
        plain = SPACE.sub("", fold(written))
        if CODE.fullmatch(plain):
            return next((plain[:n] for n in (STREET, DISTRICT) if plain[:n] in self._codes), None)
        rest = plain[CITY.match(plain).end() :]  # type: ignore[union-attr]  # it matches nothing at least
        district = _longest(rest, self._districts)
        if rest.removeprefix(district)[:1] in ELSEWHERE:  # 朝阳市
            return None
        if not district:
            return self._alone.get(_longest(rest, self._alone))
        inside = self._districts[district]
        rest = rest.removeprefix(district)
        streets = {name: code for (of, name), code in self._streets.items() if of == inside}
        street = _longest(rest, streets)
        return streets[street] if street else inside


def _longest(text: str, names: dict[str, str]) -> str:
    """The longest name that a text begins with; empty when there is none."""
    return max((name for name in names if text.startswith(name)), key=len, default="")
