"""Two places named outright are for a person to choose from, also within one district."""

from __future__ import annotations

import pytest

from models.vocab import ReviewReason
from nlp.pipeline import Reader

READER = Reader.load(weights=None)


def _unsure(text: str) -> bool:
    return ReviewReason.PLACE_UNSURE in READER.read(None, text).review_reasons


@pytest.mark.parametrize(
    "text",
    [
        "之前反映给了昌平区东小口镇，他们说应该归霍营街道，工地夜间施工噪声扰民",
        "昌平区北七家镇蓬莱公寓后面工地夜间施工噪声，之前给转到了东小口镇，弄错了",
        "望京街道推给东湖街道，东湖街道又推给来广营乡，工地夜间施工噪声扰民",
        "经开区和通州区马驹桥镇交界处的工地夜间施工噪声扰民",
        "经开区管的工地夜间施工噪声扰民，在通州区台湖镇这边",
        "朝阳区双井街道和丰台区方庄街道都有工地夜间施工噪声",
        "东坝乡与金盏乡交界处的工地夜间施工噪声扰民",  # on the border of two
        "朝阳区东坝与金盏交界的工地夜间施工噪声扰民",
        "崔各庄乡与来广营乡交汇处的工地夜间施工噪声扰民",
        "朝阳区与通州区交界处的工地夜间施工噪声扰民",
    ],
)
def test_two_streets_named_outright_are_for_a_person(text: str) -> None:
    assert _unsure(text)


@pytest.mark.parametrize(
    "text",
    [
        "海淀区北太平庄街道和学院路街道之间，工地夜间施工噪声扰民",  # told together
        "我家住海淀区清河街道，在学院路街道看见工地夜间施工噪声大",  # lives in the other
        "工地不在朝阳区望京街道，在东湖街道，夜间施工噪声扰民",  # denied
        "延庆沈家营镇工地夜间施工噪声扰民",  # 延庆 is a street's name as well
        "大兴区亦庄镇三羊里小区旁边工地夜间施工噪声",  # one within the other
        "通州区台湖镇工地夜间施工噪声，靠近地铁亦庄线",  # a line's name
        "朝阳区望京街道望京街与阜通东大街交汇处工地夜间施工噪声",  # roads meet at a point
        "朝阳区建国路与西大望路交界处工地夜间施工噪声",
        "渣土从通州区宋庄镇拉到潞城镇，夜间施工噪声扰民",  # where it is from
    ],
)
def test_one_place_beside_names_that_are_no_rivals_goes_on(text: str) -> None:
    reading = READER.read(None, text)
    assert reading.topic.environmental
    assert ReviewReason.PLACE_UNSURE not in reading.review_reasons
