"""Roads that no list knows, where a text says that they cross or lie on both sides: 青禾东路与柳泉西街交叉口.

They are named (with their part in the reading's mentions) and stand for no place; a name that is only the end
of such a road (东路, 西街, a village elsewhere) is no mention of its own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from nlp.place_group import NOBODY
from nlp.place_match import Mention
from nlp.place_stems import Stem

if TYPE_CHECKING:
    from collections.abc import Iterator

#: A text without any of these tells of no roads together.
SIGNS: Final = ("交叉", "交汇", "交会", "交界", "字路口", "路口", "相交", "之间", "中间")
#: What a road's name does not hold: words around it, units before it.
_NAME: Final = r"[^\W\d_的在有是和与跟及到等就也于从由至位处近被把让很都还又我你他她们这那区县镇乡村市]{1,6}?"
_ROAD: Final = r"(?:大街|大道|路(?!口)|街(?!道|口|坊)|胡同|巷)"
_TOGETHER: Final = re.compile(
    rf"(?P<one>{_NAME}{_ROAD})(?P<word>[与和跟及、/(（]|)(?P<other>{_NAME}{_ROAD})[)）]?的?"
    r"(?:交叉|交[汇会界]|[十丁]字路口|路?口|相交|之间|中间)"
)


def with_roads(folded: str, mentions: list[Mention]) -> list[Mention]:
    """The mentions with the roads that are told together, in order; the same list when there are none."""
    if not any(sign in folded for sign in SIGNS):
        return mentions
    for start, end in _roads(folded):
        inside = [mention for mention in mentions if start <= mention.start < end]
        # 望京街 is known, 阜通 begins the road that is named after it: both say where it is.
        known = any(mention.start == start or mention.names.overlay for mention in inside)
        gone = [
            mention for mention in inside
            if mention.start > start and mention.end == end and not mention.names.overlay
        ]  # fmt: skip
        covered = any(mention.start < start < mention.end for mention in mentions)
        mentions = [mention for mention in mentions if mention not in gone]
        if not known and not covered and len(gone) == len(inside):
            mentions = sorted([*mentions, _road(folded, start, end)], key=_by_start)
    return mentions


def _roads(folded: str) -> Iterator[tuple[int, int]]:
    """[start, end) of each road of a pair."""
    for match in _TOGETHER.finditer(folded):
        for name in ("one", "other"):
            yield match.span(name)


def _road(folded: str, start: int, end: int) -> Mention:
    """A road that stands for no place."""
    stem = Stem(folded[start:end], (), common=False, foreign=False, namesakes=0)
    return Mention(start, end, stem, 0, NOBODY, near=False, thin=True)


def _by_start(mention: Mention) -> int:
    return mention.start
