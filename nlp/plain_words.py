"""Which names are made of plain words (城市广场, 水管): they are found everywhere, so they need support."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Final

from nlp.gazetteer import GazetteerError, fold

NAME_TAGS: Final = ("ns", "nr", "nz", "nt")
#: Plain words that the dictionary tags as names.
MISTAGGED: Final = frozenset(
    (
        "城市",
        "美丽",
        "海洋",
        "太阳",
        "和平",
        "英雄",
        "平原",
        "高原",
        "湖泊",
        "大桥",
        "普通",
        "东西",
        "南北",
        "江南",
    )
)
#: A word this frequent in the dictionary counts.
FREQUENT: Final = 20
#: One character more than words may end a name: 水泥 + 路.
ENDINGS: Final = frozenset("路街桥站村园苑厂局院馆楼店场里区")


@cache
def dictionary_words() -> dict[str, int]:
    """Folded words of jieba's dictionary that are not tagged as names, with their frequency.

    Raises GazetteerError when jieba is not installed.
    """
    spec = importlib.util.find_spec("jieba")
    if spec is None or spec.origin is None:
        raise GazetteerError("jieba is not installed: its dictionary says which words are plain")
    words: dict[str, int] = {}
    for line in (Path(spec.origin).parent / "dict.txt").read_text(encoding="utf-8").splitlines():
        word, freq, tag = line.split(" ")
        if word in MISTAGGED or not tag.startswith(NAME_TAGS):
            words[fold(word)] = int(freq)
    return words


def plain(name: str) -> bool:
    """Whether a folded name can be cut into frequent plain words, and at most one ending."""
    words = dictionary_words()
    reached = {0}
    for end in range(2, len(name) + 1):
        if any(start in reached and words.get(name[start:end], 0) >= FREQUENT for start in range(end - 1)):
            reached.add(end)
    return len(name) in reached or (len(name) - 1 in reached and name[-1] in ENDINGS)
