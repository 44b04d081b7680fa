"""The codebook's own rules stand above the learned kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from nlp.beliefs import Beliefs
from nlp.cues import LexiconError
from nlp.kind_rules import KindRules
from nlp.text import LEXICON, normalize

if TYPE_CHECKING:
    from pathlib import Path

VENUE = Beliefs(0.9, {"NOI-10": 0.7, "NOI-03": 0.2, "NOI-01": 0.1}, {"投诉": 1.0}, {"U3": 1.0})
SITE = Beliefs(0.9, {"NOI-01": 0.7, "NOI-03": 0.2, "NOI-10": 0.1}, {"投诉": 1.0}, {"U3": 1.0})


@pytest.fixture(scope="module")
def rules() -> KindRules:
    return KindRules.load()


@pytest.mark.parametrize(
    "text", ["酒店楼顶的冷却塔整夜轰鸣", "面馆后厨的排风机嗡嗡响", "火锅店噪音大，是空调外机"]
)
def test_a_machine_at_a_venue_is_the_machine_s_noise(rules: KindRules, text: str) -> None:
    ruled = rules.applied(normalize(text), VENUE)
    assert ruled is not None
    assert ruled.kind == "NOI-03"
    assert ruled.beliefs.kinds == {"NOI-10": 0.2, "NOI-03": 0.7, "NOI-01": 0.1}


def test_without_a_machine_the_learned_kind_stays(rules: KindRules) -> None:
    assert rules.applied(normalize("酒吧唱歌到半夜，很吵"), VENUE) is None


def test_a_machine_elsewhere_changes_nothing(rules: KindRules) -> None:
    assert rules.applied(normalize("工地的发电机整夜轰鸣"), SITE) is None


def test_the_span_is_where_the_machine_is(rules: KindRules) -> None:
    text = normalize("楼下饭店的排风机很响")
    ruled = rules.applied(text, VENUE)
    assert ruled is not None
    assert text[ruled.start : ruled.end].startswith("排风")


def test_no_kinds_no_rule(rules: KindRules) -> None:
    assert rules.applied("空调外机响", Beliefs(0.0, {}, {}, {})) is None


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"id": None}, "id is missing"),
        ({"to": "noise"}, "noise"),
        ({"from": []}, "from"),
        ({"any": ["("]}, "any"),
        ({"colour": 1}, "colour"),
    ],
)
def test_a_wrong_rule_is_refused_by_name(tmp_path: Path, change: dict[str, object], named: str) -> None:
    raw = yaml.safe_load((LEXICON / "kind_rules.yaml").read_text(encoding="utf-8"))
    raw["rules"][0] |= change
    (tmp_path / "kind_rules.yaml").write_text(yaml.safe_dump(raw, allow_unicode=True), encoding="utf-8")
    with pytest.raises(LexiconError, match=rf"kind_rules\.yaml: rules.*{named}"):
        KindRules.load(tmp_path)


def test_an_empty_file_of_rules_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kind_rules.yaml").write_text("schema: kind_rules/1\nrules: []\n", encoding="utf-8")
    with pytest.raises(LexiconError, match="expected a list"):
        KindRules.load(tmp_path)
