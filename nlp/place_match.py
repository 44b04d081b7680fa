"""Find the place names a text mentions: one Aho-Corasick pass over the folded text, longest name first.

The automaton holds stems (回龙观, 月季园2, 海淀); the suffix that follows (街道, 镇, 小区 …) is read
after the stem, since citizens say 街道, 地区, 镇, 乡 and 办事处 interchangeably.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Final, Protocol

import ahocorasick

from nlp.gazetteer import COMMUNITY, DISTRICT, STREET, NameTable, PlaceName

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Suffixes by the level they speak for; the groups' order is the order of alternatives.
SUFFIX: Final = re.compile(
    r"(?P<s>街道办事处|街道办|街道|地区办事处|地区办|地区|办事处|镇政府|镇|乡政府|"
    r"(?:满族蒙古族|回族|满族)乡?|乡)"
    r"|(?P<c>社区(?:居民委员会|居委会)?|小区|居委会|居民委员会|村委会|村民委员会|村(?!镇)|生活区|家属[院区]|住宅区)"
    r"|(?P<d>区(?!域|间|别)|县)"
)
SUFFIX_LEVELS: Final = {"s": STREET, "c": COMMUNITY, "d": DISTRICT}

#: What a bare name is only a part of: a road, or something named after the place.
ROAD: Final = re.compile(
    r"[^\W\d_的在有是和与及到等就也]{0,3}?(?:路|街(?!道)|桥|高速|大道|胡同|隧道|立交|环岛|[東东南西北]里[^面边])"
)
SITE: Final = re.compile(
    r"[^\W\d_的在有是和与及到等就也]{0,4}?"
    r"(?:公园|大学|学院|中学|小学|医院|公司|集团|银行|酒店|饭店|宾馆|商场|广场|大厦|站|法院|公安|机场|超市|水库|河)"
)
OFFICE: Final = re.compile(
    r"(?:人民)?政府|区委|城管|环保|生态环境|公安|派出所|法院|检察|交警|交通|住建|房管|街道办"
)
#: A name that is itself a road's name (学院路, 牛街) can be the road, here or in another city.
ROAD_NAME: Final = re.compile(r"(?:路|街)$")
MAX_GUARD: Final = 8
#: 华威西里 + 南侧, not 华威西里南 + 侧.
SIDES: Final = frozenset("东南西北")
SIDE_WORDS: Final = frozenset("侧门边面")
AFTER_NUMBER: Final = frozenset("社区小村")
VILLAGE: Final = "村"
#: Kinds of community a suffix can mean; 社区 stands for a neighbourhood of a town.
VILLAGE_KINDS: Final = frozenset({"村", "其他"})


class Follow(Enum):
    """What stands right after a bare name and takes it over."""

    NOTHING = "nothing"
    ROAD = "road"
    ROAD_ITSELF = "road itself"
    SITE = "site"
    OFFICE = "office"


class Automaton(Protocol):
    """The one call of pyahocorasick that we use."""

    def iter(self, string: str) -> Iterator[tuple[int, str]]:
        """Give (index of the last character, stem) of every occurrence, in linear time."""
        ...


def stem_automaton(stems: Iterable[str]) -> Automaton:
    """Build the automaton of the stems. Raises ValueError when there are none."""
    automaton = ahocorasick.Automaton()
    for stem in stems:
        automaton.add_word(stem, stem)
    if not len(automaton):
        raise ValueError("no stem to look for")
    automaton.make_automaton()
    built: Automaton = automaton
    return built


@dataclass(frozen=True, slots=True)
class Mention:
    """A name in the text: [start, end) with its suffix, and the places it may stand for.

    `suffix` is the level the suffix speaks for, 0 without one. `near`: the suffix fits none of the places,
    so the name only says the vicinity. `thin`: too short or too common to be trusted alone; `common`: also
    a plain word, or a name found in other cities.
    `foreign`: a province, city or county outside Beijing (then `names` is empty).
    """

    start: int
    end: int
    stem: str
    suffix: int
    names: tuple[PlaceName, ...]
    near: bool
    thin: bool
    common: bool
    foreign: bool
    follow: Follow = Follow.NOTHING


class Matcher:
    """The automaton over all names, with the rules that turn its hits into mentions."""

    def __init__(self, table: NameTable) -> None:
        self.by_text = {text: tuple(names) for text, names in table.by_text.items()}
        self.common = table.gazetteer.common
        self.foreign = table.foreign
        self.automaton = stem_automaton([*self.by_text, *table.foreign, *table.gazetteer.not_places])

    def find(self, folded: str) -> list[Mention]:
        """Give the mentions of a folded text, in order and without overlap; the longest name wins."""
        found = [
            self._mention(folded, last + 1 - len(stem), last + 1, stem)
            for last, stem in self.automaton.iter(folded)
            if not self._cut_short(stem, folded[last + 1 : last + 2])
        ]
        found.sort(key=lambda mention: (mention.start - mention.end, -len(mention.stem), mention.start))
        taken = bytearray(len(folded))
        kept = []
        for mention in found:
            if not any(taken[mention.start : mention.end]):
                taken[mention.start : mention.end] = b"\1" * (mention.end - mention.start)
                kept.append(mention)
        kept.sort(key=lambda mention: mention.start)
        kept = [mention for mention in kept if mention.names or mention.foreign]
        limits = [*(later.start for later in kept[1:]), len(folded)][: len(kept)]
        return [self._followed(folded, mention, limit) for mention, limit in zip(kept, limits, strict=True)]

    def _mention(self, folded: str, start: int, end: int, stem: str) -> Mention:
        """Read the suffix after the stem and keep the places that fit it."""
        names = self.by_text.get(stem, ())
        common = stem in self.common
        bare = Mention(
            start,
            end,
            stem,
            suffix=0,
            names=names,
            near=False,
            thin=common or len(stem) < 3,  # noqa: PLR2004 - two characters are also a common word
            common=common,
            foreign=stem in self.foreign,
        )
        if not names:
            return bare
        if all(name.whole for name in names):
            return replace(bare, suffix=len(names[0].code), thin=common)
        match = SUFFIX.match(folded, end)
        if match is None:
            if stem.endswith(VILLAGE) and all(len(name.code) == COMMUNITY for name in names):
                return replace(bare, suffix=COMMUNITY, names=_fitting(names, COMMUNITY, village=True))
            return bare
        level = SUFFIX_LEVELS[match.lastgroup or "d"]
        fitting = _fitting(names, level, village=VILLAGE in match[0])
        if fitting:
            return replace(bare, end=match.end(), suffix=level, names=fitting)
        return _vicinity(bare, level, match.end())

    def _cut_short(self, stem: str, after: str) -> bool:
        """The name's last character belongs to what follows: 华威西里 + 南侧, 管庄西里 + 1号楼."""
        if stem[-1] in SIDES:
            return bool(after) and after in SIDE_WORDS
        if not stem[-1].isdigit() or not after.isalnum() or after in AFTER_NUMBER:
            return False
        return all(name.alias for name in self.by_text.get(stem, ()))

    def _followed(self, folded: str, mention: Mention, limit: int) -> Mention:
        """Say what takes a name over; a guard that reaches into the next mention does not count."""
        if not mention.names:
            return mention
        if OFFICE.match(folded, mention.end, min(limit, mention.end + MAX_GUARD)):
            return replace(mention, follow=Follow.OFFICE)
        if mention.suffix:
            return mention
        for pattern, follow in ((ROAD, Follow.ROAD), (SITE, Follow.SITE)):
            if pattern.match(folded, mention.end, min(limit, mention.end + MAX_GUARD)):
                return replace(mention, follow=follow)
        return replace(mention, follow=Follow.ROAD_ITSELF) if ROAD_NAME.search(mention.stem) else mention


def _fitting(names: tuple[PlaceName, ...], level: int, *, village: bool) -> tuple[PlaceName, ...]:
    """The places of that level; of communities, those of the kind the suffix says, if there are any."""
    fitting = tuple(name for name in names if len(name.code) == level and not name.whole)
    if level != COMMUNITY:
        return fitting
    alike = tuple(name for name in fitting if (name.kind in VILLAGE_KINDS) == village)
    return alike or fitting


def _vicinity(bare: Mention, level: int, end: int) -> Mention:
    """A suffix that fits no place of that name: 望京小区 lies near 望京, 通州镇 in 通州, 朝阳村 anywhere."""
    if level == DISTRICT:  # 花园区, 开发区: the stem stands alone, the suffix belongs to something else
        return replace(bare, near=True)
    keep = DISTRICT if level == STREET else STREET
    names = tuple(name for name in bare.names if len(name.code) == keep)
    return replace(bare, end=end, suffix=level, names=names, near=True)
