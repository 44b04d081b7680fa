"""What is known of a stem before any text is read: its places by suffix, and what it is worth alone.

All of it is computed once when the names are loaded, so that reading a text only looks things up.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from nlp.gazetteer import COMMUNITY, DISTRICT, STREET, PlaceName
from nlp.place_group import FUNCTIONAL, NOBODY, OVERLAY_KINDS, Group, group

if TYPE_CHECKING:
    from nlp.gazetteer import NameTable

#: A name that is itself a road's name (学院路, 牛街) can be the road, here or in another city.
ROAD_NAME: Final = re.compile(r"(?:路|街)$")
#: 华威西里 + 南侧, not 华威西里南 + 侧.
SIDES: Final = frozenset("东南西北")
VILLAGE: Final = "村"
#: Kinds of community a suffix can mean; 社区 stands for a neighbourhood of a town.
VILLAGE_KINDS: Final = frozenset({"村", "其他"})
SHORT: Final = 3


class Stem:
    """A name as it stands in texts, without suffix, and the places it may stand for."""

    __slots__ = (
        "_vicinity",
        "alias",
        "bare",
        "common",
        "digits",
        "fits",
        "foreign",
        "frayed",
        "functional",
        "log_namesakes",
        "names",
        "namesakes",
        "own",
        "road",
        "side",
        "size",
        "text",
        "thin",
        "village",
        "whole",
    )

    def __init__(
        self,
        text: str,
        names: tuple[PlaceName, ...],
        *,
        common: bool,
        foreign: bool,
        namesakes: int,
        no_place: bool = False,
    ) -> None:
        self.text = text
        self.size = len(text)
        self.names = group(names)
        #: what it may stand for without a suffix: of a river's name (凉水河) only what a site says of it
        self.bare = group(name for name in names if name.kind in OVERLAY_KINDS) if no_place else self.names
        self.common = common
        self.foreign = foreign
        self.namesakes = namesakes
        self.log_namesakes = math.log1p(namesakes)
        #: too short or too common to be trusted alone
        self.thin = common or self.size < SHORT
        #: a site's own name, which the registry does not know
        self.own = bool(names) and all(name.kind in OVERLAY_KINDS for name in names)
        self.alias = all(name.alias for name in names)
        self.road = ROAD_NAME.search(text) is not None
        self.digits = text[0].isdigit() or text[-1].isdigit()
        self.side = text[-1] in SIDES
        #: its first or last character may belong to what stands beside it
        self.frayed = self.digits or self.side
        self.functional = any(name.kind == FUNCTIONAL for name in names)
        #: level of a name that takes no suffix (经开区), else 0
        self.whole = len(names[0].code) if names and all(name.whole for name in names) else 0
        #: 大马村 without a further suffix: its villages
        self.village = (
            _fitting(names, COMMUNITY, village=True)
            if text.endswith(VILLAGE) and names and all(len(name.code) == COMMUNITY for name in names)
            else NOBODY
        )
        #: (level, said to be a village) → the places that fit such a suffix
        self.fits = {
            (level, village): _fitting(names, level, village=village)
            for level in (DISTRICT, STREET, COMMUNITY)
            for village in (False, True)
        }
        if text.endswith(VILLAGE):  # 张各庄村村 is the village whose own name ends so
            own_villages = group(name for name in self.fits[COMMUNITY, True] if name.text == text)
            self.fits[COMMUNITY, True] = own_villages or self.fits[COMMUNITY, True]
        self._vicinity: dict[int, Group] = {}

    def vicinity(self, level: int) -> Group:
        """Where a suffix that fits no place leads: 望京小区 near 望京, 通州镇 in 通州, 朝阳村 anywhere."""
        if level == DISTRICT:  # 花园区, 开发区: the stem stands alone, the suffix belongs to something else
            return self.names
        keep = DISTRICT if level == STREET else STREET
        if keep not in self._vicinity:
            self._vicinity[keep] = group(name for name in self.names if len(name.code) == keep)
        return self._vicinity[keep]


def _fitting(names: tuple[PlaceName, ...], level: int, *, village: bool) -> Group:
    """The places of that level; of communities, those of the kind the suffix says, if there are any."""
    fitting = group(name for name in names if len(name.code) == level and not name.whole)
    if level != COMMUNITY:
        return fitting
    return group(name for name in fitting if (name.kind in VILLAGE_KINDS) == village) or fitting


def _plain(names: list[PlaceName]) -> bool:
    """Whether a name is only a site's own, and made of plain words."""
    return bool(names) and all(name.common for name in names)


def stems_of(table: NameTable) -> dict[str, Stem]:
    """Every stem of the names, the cities and counties elsewhere, and the words that are no place."""
    gazetteer = table.gazetteer
    texts = dict.fromkeys([*table.by_text, *sorted(table.foreign), *sorted(gazetteer.not_places)])
    return {
        text: Stem(
            text,
            tuple(table.by_text.get(text, ())),
            common=text in gazetteer.common or _plain(table.by_text.get(text, [])),
            foreign=text in table.foreign,
            namesakes=gazetteer.namesakes.get(text, 0),
            no_place=text in gazetteer.not_places,
        )
        for text in texts
    }
