"""New words: told from chance, whether a city says them or a few people."""

from __future__ import annotations

import pytest

from triage.rules.trends.wording import LEAST_SCORE, new_words


@pytest.mark.parametrize(
    ("now", "of", "before", "of_before", "new"),
    [
        (12, 2_000, 0, 2_000, True),
        (1_000, 2_000_000, 0, 2_000_000, True),
        (8, 2_000, 0, 2_000, False),
        (4, 100, 0, 100, False),
        (200, 2_000, 200, 2_000, False),
        (200, 2_000, 400, 2_000, False),
        (40, 2_000, 10, 2_000, True),
        (100, 100, 10, 100, True),
    ],
)
def test_a_word_is_new_when_chance_hardly_says_it(
    now: int, of: int, before: int, of_before: int, *, new: bool
) -> None:
    found = new_words({"异味": now}, of, {"异味": before} if before else {}, of_before)
    assert [(word.word, word.now, word.before) for word in found] == [("异味", now, before)] * new
    assert all(word.score >= LEAST_SCORE for word in found)


def test_without_a_past_nothing_is_new() -> None:
    assert new_words({"异味": 50}, 100, {}, 0) == []
    assert new_words({}, 0, {"异味": 50}, 100) == []
