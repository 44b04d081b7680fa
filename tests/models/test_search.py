"""Bigrams: whatever stands in a text is found by any part of it, and no query can break the syntax."""

from __future__ import annotations

import re
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.search import fold, lexemes, phrases, query_lexemes, to_fts5, to_tsquery

CHINESE = st.text(alphabet="油烟噪声施工夜间望京号院𠮷𱍊ＡＢab12，。 ", min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("油烟管", ["油烟", "烟管", "管"]),
        ("烟", ["烟"]),
        ("𠮷野家", ["𠮷野", "野家", "家"]),
        ("𠀀𪛖𫜴𬺰𮯰𰀀𱍊", ["𠀀𪛖", "𪛖𫜴", "𫜴𬺰", "𬺰𮯰", "𮯰𰀀", "𰀀𱍊", "𱍊"]),
        ("PM2.5超标", ["pm2", "5", "超标", "标"]),
        ("ＰＭ１０", ["pm10"]),
        ("夜间，施工", ["夜间", "间", "施工", "工"]),
        ("，。！", []),
        ("", []),
    ],
)
def test_index_words(text: str, words: list[str]) -> None:
    assert lexemes(text) == words


def matches(word: str, words: set[str]) -> bool:
    return any(known.startswith(word[:-1]) for known in words) if word.endswith("*") else word in words


@given(CHINESE, st.integers(0, 30), st.integers(1, 30))
def test_any_part_of_a_text_finds_it(text: str, start: int, size: int) -> None:
    # A part that begins inside a run of letters or digits is no part: those stay whole.
    part = re.sub(r"^[a-z0-9]+", "", fold(text)[start : start + size])
    words = set(lexemes(text))
    assert [word for word in query_lexemes(part) if not matches(word, words)] == []


def test_a_rare_character_is_asked_for_and_rechecked() -> None:
    assert query_lexemes("𠮷") == ["𠮷*"]
    assert phrases("找𠮷野家") == ["找𠮷野家"]


@given(CHINESE)
def test_phrases_stand_in_the_folded_text(text: str) -> None:
    assert [phrase for phrase in phrases(text) if phrase not in fold(text)] == []


@given(st.text(max_size=40))
def test_no_query_breaks_the_syntax(query: str) -> None:
    words = query_lexemes(query) or ["无"]
    with sqlite3.connect(":memory:") as connection:
        connection.execute("CREATE VIRTUAL TABLE t USING fts5(words, content='')")
        connection.execute("SELECT rowid FROM t WHERE words MATCH ?", (to_fts5(words),)).fetchall()
    connection.close()
    assert re.fullmatch(r"'[^'\\]+'(:\*)?( & '[^'\\]+'(:\*)?)*", to_tsquery(words))
