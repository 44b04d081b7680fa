"""Phrases that do not count though a word of a rule stands in them: 没有爆炸 is no 爆炸, 地铁站 no 地铁."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

#: In a phrase: one to six characters of a name between its words (地铁…站旁 for 地铁四惠站旁).
GAP: Final = "…"
#: Words of what somebody or something does end a name: 地铁列车从四惠站旁经过 is a train.
_GAP_PATTERN: Final = r"[^\W_从到在的过列是有和与]{1,6}?"


def without(text: str, phrases: tuple[str, ...]) -> str:
    """The text without those phrases; the same word elsewhere in it does count: 着火了，怕爆炸 is a fire."""
    for phrase in phrases:
        text = _gapped(phrase).sub("，", text) if GAP in phrase else text.replace(phrase, "，")
    return text


@lru_cache(maxsize=256)
def _gapped(phrase: str) -> re.Pattern[str]:
    return re.compile(_GAP_PATTERN.join(map(re.escape, phrase.split(GAP))))
