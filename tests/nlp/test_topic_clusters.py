"""Grouping texts: what is about the same comes together, one text ties no two matters, titles can be read."""

from __future__ import annotations

from collections import Counter

import pytest

from nlp import topic_clusters
from nlp.repeats import PairReader

GRILL = [
    ("望京西园四区烧烤油烟", "望京西园四区底商烧烤店每晚油烟熏人，窗户不敢开。"),
    ("望京西园四区烧烤店油烟扰民", "住在望京西园四区，楼下烧烤店的油烟一到晚上就往屋里灌。"),
    ("望京西园四区烧烤冒烟", "望京西园四区烧烤店没有油烟净化，晚上冒烟熏人。"),
]
RIVER = [
    ("清河河水发臭", "清河小营桥下河水发黑发臭，水面漂着垃圾。"),
    ("清河小营桥河水黑臭", "小营桥下的清河这几天又黑又臭，漂着死鱼和垃圾。"),
    ("清河小营桥边臭味", "路过清河小营桥，河水黑臭难闻，请治理。"),
]
ALONE = ("夜间施工", "通州一处工地凌晨两点还在浇筑混凝土，根本睡不着。")
TEXTS = [*GRILL, *RIVER, ALONE]


@pytest.fixture(scope="module")
def given() -> topic_clusters.Vectors:
    return topic_clusters.vectors(PairReader.load().rarity, TEXTS)


def test_what_is_about_the_same_comes_together(given: topic_clusters.Vectors) -> None:
    assert topic_clusters.clusters(given) == [[0, 1, 2], [3, 4, 5]]


def test_the_same_texts_give_the_same_groups(given: topic_clusters.Vectors) -> None:
    again = topic_clusters.vectors(PairReader.load().rarity, TEXTS)
    assert topic_clusters.clusters(again) == topic_clusters.clusters(given)


def test_one_text_ties_no_two_matters() -> None:
    bridge = ("烧烤油烟和河水", "望京西园四区烧烤店油烟熏人，清河小营桥下河水又黑又臭。")
    found = topic_clusters.clusters(topic_clusters.vectors(PairReader.load().rarity, [*TEXTS, bridge]))
    assert not any({0, 3} <= set(group) for group in found)


def test_too_much_hanging_together_is_cut_by_stricter_edges(
    given: topic_clusters.Vectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topic_clusters, "MOST_TOGETHER", 2)
    found = topic_clusters.clusters(given)
    assert max((len(group) for group in found), default=0) <= 2


def test_no_text_no_group() -> None:
    assert topic_clusters.clusters(topic_clusters.vectors(PairReader.load().rarity, [])) == []
    assert topic_clusters.clusters(topic_clusters.vectors(PairReader.load().rarity, [ALONE])) == []


def test_words_that_stand_out_make_the_title(given: topic_clusters.Vectors) -> None:
    words = [topic_clusters.words_of(*text) for text in TEXTS]
    everything = Counter(word for one in words for word in one)
    found = [word for word, _ in topic_clusters.significant(words[:3], everything, len(TEXTS))]
    assert "烧烤店" in found
    assert "河水" not in found
    (typical, *_) = topic_clusters.middle(given, [0, 1, 2])
    title = topic_clusters.title_of(found, "望京街道", "".join(TEXTS[typical]))
    assert title.startswith("望京街道：")
    assert "烧烤店" in title


def test_a_title_says_nothing_twice() -> None:
    assert topic_clusters.title_of(["搅拌站", "搅拌", "噪声"], "", "噪声来自搅拌站") == "噪声、搅拌站"
