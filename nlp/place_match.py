"""Find the place names a text mentions: one Aho-Corasick pass over the folded text, longest name first.

The automaton holds stems (回龙观, 月季园2, 海淀); the suffix that follows (街道, 镇, 小区 …) is read
after the stem, since citizens say 街道, 地区, 镇, 乡 and 办事处 interchangeably.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from nlp.gazetteer import COMMUNITY, DISTRICT, STREET, NameTable
from nlp.phrase_finder import PhraseFinder
from nlp.place_stems import stems_of

if TYPE_CHECKING:
    from nlp.place_group import Group
    from nlp.place_stems import Stem

#: Suffixes by the level they speak for; the groups' order is the order of alternatives.
SUFFIX: Final = re.compile(
    r"(?P<s>街道办事处|街道办|街道|地区办事处|地区办|地区|办事处|镇政府|镇|乡政府|"
    r"(?:满族蒙古族|回族|满族)乡?|乡)"
    r"|(?P<c>社区(?:居民委员会|居委会)?|小区|居委会|居民委员会|村委会|村民委员会|村(?!镇)|生活区|家属[院区]|住宅区)"
    r"|(?P<d>区(?!域|间|别)|县)"
)
SUFFIX_LEVELS: Final = {"s": STREET, "c": COMMUNITY, "d": DISTRICT}
#: What a suffix can begin with: most names are followed by something else.
SUFFIX_FIRST: Final = frozenset("街地办镇乡满回社小居村生家住区县")

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
OFFICE_FIRST: Final = frozenset("人政区城环生公派法检交住房街")
MAX_GUARD: Final = 8
RIVER: Final = "河"
SIDE_WORDS: Final = frozenset("侧门边面方角")
AFTER_NUMBER: Final = frozenset("社区小村")


class Follow(IntEnum):  # not Enum, whose members are slow to look up
    """What stands right after a bare name and takes it over."""

    NOTHING = 0
    ROAD = 1
    ROAD_ITSELF = 2
    SITE = 3
    OFFICE = 4


#: A road or a site named after the place says less than the place.
TAKEN_OVER: Final = frozenset({Follow.ROAD, Follow.ROAD_ITSELF, Follow.SITE})


@dataclass(slots=True)
class Mention:
    """A name in the text: [start, end) with its suffix, and the places it may stand for.

    `suffix` is the level the suffix speaks for, 0 without one. `near`: the suffix fits none of the places,
    so the name only says the vicinity. `thin`: too short or too common to be trusted alone. `misspelt`: what
    is written is not the name but nearly it.
    """

    start: int
    end: int
    info: Stem
    suffix: int
    names: Group
    near: bool
    thin: bool
    follow: Follow = Follow.NOTHING
    misspelt: bool = False

    @property
    def stem(self) -> str:
        """The name without its suffix, folded."""
        return self.info.text


#: Minus length with suffix, whether a site's own name, minus length of the stem; start, end, …
_Hit = tuple[int, bool, int, int, int, "Stem", int, "Group", bool]


class Matcher:
    """The automaton over all names, with the rules that turn its hits into mentions."""

    def __init__(self, table: NameTable) -> None:
        self.stems = stems_of(table)
        self.finder = PhraseFinder(self.stems)

    def find(self, folded: str, source: str) -> list[Mention]:
        """Give the mentions of a text, in order and without overlap; the longest name wins."""
        hits = []
        for end, stem in self.finder.find(folded):
            after = folded[end : end + 1]
            if stem.frayed and ((stem.digits and _of_number(stem, source, end)) or _cut_short(stem, after)):
                continue
            hits.append(_hit(folded, end, stem, after))
        hits.sort(key=_longest_first)
        taken = bytearray(len(folded))
        kept: list[Mention] = []
        rivers: list[int] = []
        for _, _, _, start, end, stem, suffix, names, near in hits:
            if taken.find(1, start, end) < 0:
                taken[start:end] = b"\1" * (end - start)
                if names or stem.foreign:
                    thin = stem.common if stem.whole else stem.thin
                    kept.append(Mention(start, end, stem, suffix, names, near, thin))
                elif stem.text[-1] == RIVER:
                    rivers.append(start)
        kept.sort(key=_by_start)
        rivers.sort()
        limit = len(folded)
        for mention in reversed(kept):
            while rivers and rivers[-1] >= mention.end:  # 丰台 + 凉水河: the river is not named after 丰台
                limit = min(limit, rivers.pop())
            if mention.names:
                mention.follow = follow(folded, mention, limit)
            limit = mention.start
        return kept


def _longest_first(hit: _Hit) -> tuple[int, bool, int, int]:
    return hit[:4]


def _by_start(mention: Mention) -> int:
    return mention.start


def _hit(folded: str, end: int, stem: Stem, after: str) -> _Hit:
    """Read the suffix after the stem and keep the places that fit it."""
    start = end - stem.size
    names, suffix, near = stem.names, 0, False
    if not names:
        pass
    elif stem.whole:
        suffix = stem.whole
    elif after in SUFFIX_FIRST and (match := SUFFIX.match(folded, end)) is not None:
        suffix = SUFFIX_LEVELS[match.lastgroup or "d"]
        fitting = stem.fits[suffix, "村" in match[0]]
        if fitting:
            names, end = fitting, match.end()
        else:
            near, names = True, stem.vicinity(suffix)
            if suffix == DISTRICT:
                suffix = 0
            else:
                end = match.end()
    elif stem.village:
        suffix, names = COMMUNITY, stem.village
    else:
        names = stem.bare
    return (start - end, stem.own, -stem.size, start, end, stem, suffix, names, near)


def _of_number(stem: Stem, source: str, end: int) -> bool:
    """The name's figure belongs to a larger number or an article: 第34条, 南路10号; 东四八条 is none."""
    start = end - stem.size
    if stem.text[0].isdigit() and start:
        before = source[start - 1]
        if (before.isdigit() and source[start].isdigit()) or (before == "第" and stem.text[-1] == "条"):
            return True
    return source[end - 1].isdigit() and source[end : end + 1].isdigit()


def _cut_short(stem: Stem, after: str) -> bool:
    """The name's last character belongs to what follows: 华威西里 + 南侧, 管庄西里 + 1号楼."""
    if not after:
        return False
    if stem.side:
        return after in SIDE_WORDS
    if not stem.text[-1].isdigit() or not after.isalnum() or after in AFTER_NUMBER:
        return False
    return stem.alias


def follow(folded: str, mention: Mention, limit: int) -> Follow:
    """Say what takes a name over; a guard that reaches into the next mention does not count."""
    end = mention.end
    limit = min(limit, end + MAX_GUARD)
    if end < limit:
        if folded[end] in OFFICE_FIRST and OFFICE.match(folded, end, limit):
            return Follow.OFFICE
        if not mention.suffix and folded[end].isalpha():
            if ROAD.match(folded, end, limit):
                return Follow.ROAD
            if SITE.match(folded, end, limit):
                return Follow.SITE
    return Follow.ROAD_ITSELF if mention.info.road and not mention.suffix else Follow.NOTHING
