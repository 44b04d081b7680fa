"""Two complaints about one compound: whether it is one trouble is told by common words."""

from __future__ import annotations

import pytest

from nlp import WEIGHTS
from nlp.grams import Grams
from nlp.repeat_grams import tally_of
from nlp.repeat_profile import MEASURES, measures, profile, turned
from nlp.repeat_troubles import NAMES, held, troubles_of
from nlp.repeats import PairReader


def alike(a: str, b: str) -> dict[str, float]:
    found = held(troubles_of(a, a, tally_of(a)), troubles_of(b, b, tally_of(b)))
    return dict(zip(NAMES, found, strict=True))


def test_one_trouble_in_other_words_is_alike() -> None:
    assert alike("楼下烧烤店油烟大", "餐馆排烟")["title_trouble"] == pytest.approx(1)


def test_two_troubles_of_one_place_are_apart() -> None:
    found = alike("小区停车难", "小区夜里打桩")
    assert found["title_trouble"] == 0
    assert found["lead_trouble_most"] == 0


def test_what_one_says_among_others_is_in_the_longer_one() -> None:
    found = alike("路灯不亮", "路灯不亮，垃圾没人清理")
    assert (found["title_trouble_least"], found["title_trouble_most"]) == (0.5, 1.0)


def test_no_trouble_named_is_neither_alike_nor_apart() -> None:
    found = alike("春节快乐", "路灯不亮")
    assert found["title_trouble"] == pytest.approx(-0.1)
    assert found["title_trouble_least"] == 0


def test_the_beginning_says_which_line_is_meant() -> None:
    pairs = PairReader.load()
    told = (
        profile(
            pairs.rarity,
            Grams(WEIGHTS),
            title,
            f"{title}，方便换乘。" + "沿线居民很多。" * 20 + "可换乘9路",
            None,
        )
        for title in ("建议15路延长", "建议51路延长")
    )
    found = dict(zip(MEASURES, measures(pairs.rarity, *told).tolist(), strict=True))
    assert found["lead_lines"] == -1
    assert found["lines"] > 0


def test_turned_measures_are_those_of_the_other_side() -> None:
    pairs = PairReader.load()
    one = pairs.profile("凉水河发臭", "凉水河旧宫桥段河水发黑发臭，夜里有人偷排，多次反映没人管")
    other = pairs.profile("偷排污水", "旧宫桥下面凉水河夜里有人偷排污水")
    found = measures(pairs.rarity, one, other)
    assert turned(pairs.rarity, one, other, found).tolist() == measures(pairs.rarity, other, one).tolist()
