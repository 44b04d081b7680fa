"""What stands for a blank, a hyphen or a digit and is another character: read alike where numbers are masked.

Word writes hyphens and blanks that do not break, telephones wrap a number in marks of direction, and whoever
means to get past a filter rings the digits. The models read none of it: `nlp.text.normalize` stays as it is.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import chain
from typing import Final

#: Hyphens and the minus. Not the dashes of Chinese and of ranges (–, —, 〜): the rules name those they mean.
_HYPHENS: Final = (0x2010, 0x2011, 0x2012, 0x2043, 0x2212, 0xFE58, 0xFE63)
#: Line and paragraph separator, and what old systems write for them.
_BREAKS: Final = (0x85, 0x2028, 0x2029)
_ZEROS: Final = (0x24EA, 0x24FF, 0x1F10B, 0x1F10C)
#: The digit one in a ring, of each kind; two to nine follow it.
_ONES: Final = (0x2460, 0x24F5, 0x2776, 0x2780, 0x278A)
#: Where such characters are: a million others are not asked about at each start.
_BLOCKS: Final = ((0x80, 0x3400), (0xA000, 0xAC00), (0xF900, 0x10000), (0x1D000, 0x20000), (0xE0000, 0xE0080))


def _table() -> dict[int, str]:
    """One character to one, as in `normalize`: offsets stay."""
    table: dict[int, str] = {}
    for code in chain.from_iterable(range(*block) for block in _BLOCKS):
        match unicodedata.category(chr(code)):
            case "Cc" | "Cf" | "Zs":
                table[code] = " "
            case "Nd":
                table[code] = str(unicodedata.digit(chr(code)))
    return table | dict.fromkeys(_HYPHENS, "-") | dict.fromkeys(_BREAKS, "\n")


TABLE: Final = _table()
#: Digits in rings, by themselves: one mostly begins an item of a list, and the number after it stays whole.
RINGED: Final = {one + more: str(more + 1) for one in _ONES for more in range(9)} | dict.fromkeys(_ZEROS, "0")
ANY_RINGED: Final = re.compile(f"[{''.join(map(chr, RINGED))}]")


def ringed(text: str, match: re.Match[str]) -> bool:
    """Whether the number found has a ring behind its first character: there one may mark an item."""
    start, end = match.span(match.lastindex or 0)
    return ANY_RINGED.search(text, start + 1, end) is not None
