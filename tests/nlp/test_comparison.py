"""Two models on the same texts: who is better at what, and when nothing can be said."""

from __future__ import annotations

from typing import Any

import pytest

from models.vocab import AppealType, Urgency
from nlp import comparison, evaluation
from nlp.comparison import Verdict, compare
from nlp.types import KindGuess, TopicReading


def row(kind: str | None, second: str | None = None, urgency: str = "U3") -> dict[str, Any]:
    return {
        "environmental": kind is not None,
        "kind": kind,
        "kind2": second,
        "appeal_type": "投诉",
        "urgency": urgency,
    }


def reading(kind: str, p: float = 0.8, urgency: Urgency = Urgency.U3) -> TopicReading:
    return TopicReading(
        environmental=True,
        p_environmental=0.9,
        kind=kind,
        kind_confidence=p,
        kinds=(KindGuess(kind, p),),
        appeal_type=AppealType.COMPLAINT,
        appeal_type_confidence=0.9,
        urgency=urgency,
        urgency_confidence=0.9,
    )


ROWS = [row("NOI-01") for _ in range(60)]
GOOD = [reading("NOI-01") for _ in range(57)] + [reading("AIR-01") for _ in range(3)]
POOR = [reading("NOI-01") for _ in range(30)] + [reading("NOI-02") for _ in range(30)]


def test_a_clear_lead_is_named_for_the_right_model() -> None:
    assert compare(ROWS, POOR, GOOD)["kind_first"].verdict is Verdict.SECOND
    assert compare(ROWS, GOOD, POOR)["kind_first"].verdict is Verdict.FIRST


def test_the_same_model_twice_shows_no_difference_at_all() -> None:
    for head in compare(ROWS, GOOD, GOOD).values():
        assert (head.low, head.high, head.only_a, head.only_b) == (0.0, 0.0, 0, 0)


def test_a_lead_of_one_text_is_no_lead() -> None:
    nearly = [*GOOD[:56], *[reading("AIR-01")] * 4]
    head = compare(ROWS, nearly, GOOD)["kind_first"]
    assert (head.only_a, head.only_b) == (0, 1)
    assert head.verdict is Verdict.NEITHER


def test_a_parent_may_be_no_worse_where_the_kind_is() -> None:
    found = compare(ROWS, POOR, GOOD)
    assert (found["parent"].a, found["parent"].b) == (1.0, 0.95)
    assert found["parent"].verdict is Verdict.NEITHER


def test_few_texts_decide_nothing_however_clear_they_are() -> None:
    rows = [*ROWS, *[row("NOI-01", urgency="U1") for _ in range(19)]]
    blind = [*GOOD, *[reading("NOI-01") for _ in range(19)]]
    seeing = [*GOOD, *[reading("NOI-01", urgency=Urgency.U1) for _ in range(19)]]
    head = compare(rows, blind, seeing)["u1_recall"]
    assert (head.a, head.b, head.texts) == (0.0, 1.0, 19)
    assert head.verdict is Verdict.TOO_FEW


def test_a_head_that_no_row_has_a_label_for_has_no_texts() -> None:
    bare = [{"environmental": True, "kind": "NOI-01"} for _ in range(30)]
    found = compare(bare, GOOD[:30], GOOD[:30])
    assert [found[name].texts for name in ("appeal_type", "urgency", "u1_recall", "kind_first")] == [
        0,
        0,
        0,
        30,
    ]
    assert found["urgency_macro_f1"].verdict is Verdict.TOO_FEW


def test_figures_are_those_of_the_evaluation() -> None:
    rows = [row("NOI-01"), row("NOI-01", "AIR-01"), row("SOL-01"), row("SOL-01", urgency="U1"), row(None)]
    answers = [
        reading(*said)
        for said in (("NOI-01", 0.9), ("AIR-01", 0.8), ("NOI-01", 0.6), ("SOL-01", 0.4), ("SOL-01", 0.1))
    ]
    told = evaluation.figures(list(zip(rows, answers, strict=True)))
    found = compare(rows, answers, answers)
    names = {
        "environmental_f1": "env_f1",
        "parent": "parent",
        "kind_first": "kind_first",
        "kind_either": "kind_either",
        "kind_top3": "kind_top3",
        "kind_either_at_88_percent": "kind_either_at_88_percent",
        "appeal_type": "type",
        "urgency": "urgency",
        "u1_recall": "u1_recall",
    }
    assert {mine: found[mine].a for mine in names} == {mine: told[theirs] for mine, theirs in names.items()}


def test_macro_f1_is_the_mean_over_the_grades_that_are_labelled() -> None:
    rows = [row("NOI-01", urgency="U1"), row("NOI-01"), row("NOI-01"), row("NOI-01")]
    answers = [
        reading("NOI-01", urgency=Urgency.U1),
        *[reading("NOI-01")] * 2,
        reading("NOI-01", urgency=Urgency.U2),
    ]
    # U1: 1; U3: precision 1, recall 2/3, so .8; U2 and U4 are labelled nowhere.
    assert compare(rows, answers, answers)["urgency_macro_f1"].a == 0.9


def test_the_same_seed_gives_the_same_interval_and_another_another() -> None:
    first, again = compare(ROWS, POOR, GOOD), compare(ROWS, POOR, GOOD)
    other = compare(ROWS, POOR, GOOD, seed=comparison.SEED + 1)
    assert first == again
    assert first["kind_first"] != other["kind_first"]


def test_the_interval_holds_the_difference() -> None:
    head = compare(ROWS, POOR, GOOD)["kind_first"]
    assert head.low < head.b - head.a < head.high


def test_nothing_to_compare_is_refused() -> None:
    with pytest.raises(ValueError, match="no labelled texts"):
        compare([], [], [])
