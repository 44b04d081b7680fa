"""Names that are misspelt by one character or sound alike (同音、错字), at the places where a name is due.

Asked only when the exact names leave the street open. A name is due right after a district or street, and
right before a suffix (街道, 镇, 社区, 村). There a text may differ from a name

- in how every character is written, if all of them sound the same (ASR: zh and z, ing and in are one), or
- in one character, for names of three and more, when the suffix fits.

Without a unit before it only long names count. Two names that are as near give nothing.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Final

from nlp.gazetteer import DISTRICT, STREET
from nlp.place_group import group
from nlp.place_match import SUFFIX, SUFFIX_FIRST, SUFFIX_LEVELS, Mention, follow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nlp.gazetteer import Gazetteer
    from nlp.place_stems import Stem

#: Endings and beginnings that recognisers and southerners mix up.
MIXED_UP: Final = re.compile(r"(?<=[zcs])h|(?<=[aei]n)g")
#: A name due after a unit begins within these.
GAP: Final = frozenset(" \t,，·-—的")
SHORTEST, LONGEST = 2, 7
ONE_WRONG: Final = 3
ALONE_ALIKE: Final = 3
ALONE_WRONG: Final = 4
MAX_ANCHORS: Final = 12

_FIRST: Final = re.compile(f"[{''.join(sorted(SUFFIX_FIRST))}]")
#: (start, end of the name, end of the suffix, level of the suffix or 0, the unit it is due in or "")
_Due = tuple[int, int, int, int, str]


class Misspelt:
    """Finds nearly written names. The indices are made when they are first needed."""

    def __init__(self, gazetteer: Gazetteer, stems: dict[str, Stem]) -> None:
        self._stems = stems
        self._sounds = {sign: MIXED_UP.sub("", sound) for sign, sound in gazetteer.sounds.items()}

    @cached_property
    def _by_sound(self) -> dict[str, list[Stem]]:
        """Spoken form → stems."""
        found: dict[str, list[Stem]] = {}
        for stem in self._stems.values():
            if self._worth(stem):
                found.setdefault(self._spoken(stem.text), []).append(stem)
        return found

    @cached_property
    def _by_gap(self) -> dict[str, list[Stem]]:
        """The text with one character left open → stems."""
        found: dict[str, list[Stem]] = {}
        for stem in self._stems.values():
            if stem.size >= ONE_WRONG and self._worth(stem):
                for at, sign in enumerate(stem.text):
                    if not sign.isdigit():
                        found.setdefault(f"{stem.text[:at]}?{stem.text[at + 1 :]}", []).append(stem)
        return found

    def _worth(self, stem: Stem) -> bool:
        """Whether a name is looked for at all."""
        return bool(stem.names) and not stem.whole and stem.size <= LONGEST

    def _spoken(self, text: str) -> str:
        return "'".join([self._sounds.get(sign, sign) for sign in text])

    def find(self, folded: str, mentions: list[Mention]) -> list[Mention]:
        """All mentions with the misspelt ones, which replace thin parts of themselves; [] for none."""
        taken: dict[int, Mention] = {}
        found: list[Mention] = []
        for start, end, after, level, unit in _due(folded, mentions):
            stem = self._nearest(folded[start:end], level, unit)
            if stem is None:
                continue
            taken = taken or {at: mention for mention in mentions for at in range(mention.start, mention.end)}
            inside = [taken[at] for at in range(start, after) if at in taken]
            if not all(_only_a_part(mention, start, after, unit) for mention in inside):
                continue
            names = group(
                name for name in stem.names if name.code.startswith(unit) and level in {0, len(name.code)}
            )
            mention = Mention(start, after, stem, level, names, near=False, thin=stem.thin, misspelt=True)
            mention.follow = follow(folded, mention, len(folded))
            found.append(mention)
            taken.update(dict.fromkeys(range(start, after), mention))
        if not found:
            return []
        kept = [mention for mention in mentions if taken[mention.start] is mention]
        return sorted([*kept, *found], key=_by_start)

    def _nearest(self, written: str, level: int, unit: str) -> Stem | None:
        """The one stem that the written words nearly are."""
        size = len(written)
        if (unit and (level or size >= ONE_WRONG)) or (size >= ALONE_ALIKE and level):
            alike = self._fitting(self._by_sound.get(self._spoken(written), []), level, unit)
            if len(alike) == 1:
                return alike[0]
        if size < (ONE_WRONG if unit else ALONE_WRONG) or not level:
            return None
        open_at = {
            stem.text: stem
            for at in range(size)
            for stem in self._fitting(
                self._by_gap.get(f"{written[:at]}?{written[at + 1 :]}", []), level, unit
            )
        }
        return next(iter(open_at.values())) if len(open_at) == 1 else None

    def _fitting(self, stems: list[Stem], level: int, unit: str) -> list[Stem]:
        """The stems with a place of that level in that unit."""
        return [
            stem
            for stem in stems
            if any(
                name.code.startswith(unit) and len(name.code) > len(unit) and level in {0, len(name.code)}
                for name in stem.names
            )
        ]


def _only_a_part(mention: Mention, start: int, end: int, unit: str) -> bool:
    """A thin name in a longer one that is misspelt: 东村 in 红恋东村; after a unit, any that is its rest."""
    inside = not mention.misspelt and start <= mention.start and mention.end <= end
    return inside and (mention.thin or bool(unit and start < mention.start))


def _by_start(mention: Mention) -> int:
    return mention.start


def _due(folded: str, mentions: list[Mention]) -> Iterator[_Due]:
    """Where a name is due, longest first, those after a unit before those that only have a suffix."""
    suffixes = _suffixes(folded)
    units = _units(folded, mentions)
    for begin, unit in units[:MAX_ANCHORS]:
        for at, after, level in suffixes:
            if SHORTEST <= at - begin <= LONGEST:
                yield begin, at, after, level, unit
        for size in range(LONGEST, SHORTEST, -1):
            if folded[begin : begin + size].isalnum():
                yield begin, begin + size, begin + size, 0, unit
    for at, after, level in suffixes:
        for size in range(LONGEST, SHORTEST, -1):
            if at >= size and folded[at - size : at].isalnum():
                yield at - size, at, after, level, ""


def _suffixes(folded: str) -> list[tuple[int, int, int]]:
    """(start, end, level) of the first suffixes that stand after a street's or a community's name."""
    found: list[tuple[int, int, int]] = []
    last = 0
    for sign in _FIRST.finditer(folded):  # one set of characters is looked for ten times as fast as the whole
        if sign.start() < last or (match := SUFFIX.match(folded, sign.start())) is None:
            continue
        last = match.end()
        if match.lastgroup != "d":
            found.append((sign.start(), last, SUFFIX_LEVELS[match.lastgroup or "d"]))
            if len(found) == MAX_ANCHORS:
                break
    return found


def _units(folded: str, mentions: list[Mention]) -> list[tuple[int, str]]:
    """Where a district or street that is named ends, past a sign between, with its code."""
    found = []
    for mention in mentions:
        codes = {name.code for name in mention.names if len(name.code) in {DISTRICT, STREET}}
        districts = {code for code in codes if len(code) == DISTRICT}
        codes = districts or codes
        if len(codes) == 1 and not mention.near:
            begin = mention.end + (folded[mention.end : mention.end + 1] in GAP and mention.end < len(folded))
            found.append((begin, codes.pop()))
    return found
