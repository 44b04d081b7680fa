"""Chinese search by character bigrams: the same words in, on PostgreSQL and SQLite.

A run of Chinese characters becomes its overlapping pairs plus its last character; runs of letters and
digits stay whole, in lower case. A query must have all its pairs in the row; because pairs may match in
another order, the caller re-checks the phrase itself.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# The blocks of Chinese characters, those beyond U+FFFF too (names of people and villages: 𠮷).
_RUN: Final = re.compile(r"[a-z0-9]+|[㐀-鿿豈-﫿\U00020000-\U0003FFFD]+")
_ASCII: Final = re.compile(r"[a-z0-9]+")


def fold(text: str) -> str:
    """NFKC, lower case: what both sides of the search compare."""
    return unicodedata.normalize("NFKC", text).lower()


def spellings(number: str) -> list[str]:
    """A number as it was given, in plain width, and in one case: which of them a source keeps is its own."""
    return sorted({number, unicodedata.normalize("NFKC", number), fold(number), fold(number).upper()})


def lexemes(text: str) -> list[str]:
    """The distinct index words of a text, in order of first appearance."""
    seen: dict[str, None] = {}
    for run in _RUN.findall(fold(text)):
        if _ASCII.fullmatch(run):
            seen[run[:64]] = None
            continue
        for i in range(len(run) - 1):
            seen[run[i : i + 2]] = None
        seen[run[-1]] = None
    return list(seen)


def query_lexemes(query: str) -> list[str]:
    """The words a row must have. A trailing `*` marks a prefix (a lone character, or letters and digits)."""
    seen: dict[str, None] = {}
    for run in _RUN.findall(fold(query)):
        if _ASCII.fullmatch(run):
            seen[run[:64] + "*"] = None
        elif len(run) == 1:
            seen[run + "*"] = None
        else:
            for i in range(len(run) - 1):
                seen[run[i : i + 2]] = None
    return list(seen)


def phrases(query: str) -> list[str]:
    """The runs of a query that must stand in the text as they are."""
    return list(dict.fromkeys(_RUN.findall(fold(query))))


def to_tsquery(words: list[str]) -> str:
    """A PostgreSQL tsquery literal: every word quoted, prefixes with `:*`."""
    return " & ".join(f"'{w[:-1]}':*" if w.endswith("*") else f"'{w}'" for w in words)


def to_fts5(words: list[str]) -> str:
    """An SQLite FTS5 query: every word quoted, prefixes with `*`."""
    return " AND ".join(f'"{w[:-1]}"*' if w.endswith("*") else f'"{w}"' for w in words)
