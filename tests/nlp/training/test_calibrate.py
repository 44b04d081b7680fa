"""The blend favours whoever is right; the cascade asks no more than it must."""

from __future__ import annotations

from typing import Any

from nlp.beliefs import Beliefs, Blend, Sure
from nlp.training import calibrate

KINDS = ("AIR-01", "NOI-01")


def row(kind: str | None) -> dict[str, Any]:
    return {"environmental": kind is not None, "kind": kind, "appeal_type": "投诉", "urgency": "U3"}


def believes(p: float, kind: str, sure: float) -> Beliefs:
    (other,) = set(KINDS) - {kind}
    return Beliefs(p, {kind: sure, other: 1 - sure}, {"投诉": 1.0}, {"U3": 1.0})


ROWS = [row("AIR-01"), row("NOI-01"), row(None), row("AIR-01")] * 20
RIGHT = [
    believes(0.99, "AIR-01", 0.9),
    believes(0.99, "NOI-01", 0.9),
    believes(0.01, "AIR-01", 0.5),
    believes(0.99, "AIR-01", 0.9),
] * 20
WRONG = [
    believes(0.2, "NOI-01", 0.9),
    believes(0.2, "AIR-01", 0.9),
    believes(0.8, "AIR-01", 0.5),
    believes(0.2, "NOI-01", 0.9),
] * 20


def test_the_blend_goes_to_the_one_who_is_right() -> None:
    assert calibrate.choose_blend(ROWS, WRONG, RIGHT).kind[0] == 1.0
    assert calibrate.choose_blend(ROWS, RIGHT, WRONG).environmental[0] == 0.0


def test_a_lexicon_that_is_right_is_hardly_ever_asked_again() -> None:
    sure = calibrate.choose_sure(ROWS, RIGHT, RIGHT)
    assert not any(sure.leaves_open(beliefs) for beliefs in RIGHT)


def test_a_lexicon_that_is_wrong_is_always_asked_again() -> None:
    sure = calibrate.choose_sure(ROWS, WRONG, RIGHT)
    assert all(sure.leaves_open(beliefs) for beliefs in WRONG)


def test_the_card_holds_what_was_chosen() -> None:
    card = calibrate.as_card(calibrate.choose_blend(ROWS, WRONG, RIGHT), Sure(0.9, 0.1, 0.8))
    assert card["sure"] == {"environmental": 0.9, "not_environmental": 0.1, "kind": 0.8}
    assert Blend(**{head: tuple(how) for head, how in card["blend"].items()}) == calibrate.choose_blend(
        ROWS, WRONG, RIGHT
    )
