"""The old release of the deploy under traffic runs with today's libraries: what they lack is stood in for."""

from __future__ import annotations

from typing import Any

from bench.migrations import STAND_IN
from nlp.phrase_finder import PhraseFinder

PHRASES = {"望京": 1, "望京街道": 2, "街道": 3, "京": 4}
TEXT = "朝阳区望京街道办事处在望京"


def test_it_finds_what_todays_library_finds() -> None:
    made: dict[str, Any] = {}
    exec(STAND_IN, made)  # noqa: S102  (our own)
    automaton = made["Automaton"]()
    for phrase, value in PHRASES.items():
        automaton.add_word(phrase, value)
    automaton.make_automaton()
    found = sorted((last + 1, value) for last, value in automaton.iter(TEXT))
    assert found == sorted(PhraseFinder(PHRASES).find(TEXT))
    assert len(found) == 6
