"""The part a named place plays: denied places, homes of a whole address, where waste is from and goes to."""

from __future__ import annotations

import pytest

from models.vocab import PlaceRole
from nlp.places import PlaceReader

READER = PlaceReader.load()
NAMED, HOME, WAY, DENIED, SCENE = (
    PlaceRole.NAMED, PlaceRole.HOME, PlaceRole.DIRECTION, PlaceRole.DENIED, PlaceRole.SCENE,
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "district", "street"),
    [
        ("我不在朝阳区，是通州的，烧烤冒烟", "通州区", None),
        ("工地不在朝阳区望京街道，是顺义后沙峪的，天天扬尘", "顺义区", "后沙峪地区"),
        ("打错了，不是丰台的大红门，应该是朝阳的小红门，工地扬尘", "朝阳区", "小红门地区"),
        ("工地不在朝阳区望京街道，在东湖街道，每天夜里施工", "朝阳区", "东湖街道"),
        ("并不是丰台区卢沟桥街道，而是六里桥街道，有人烧垃圾", "丰台区", "六里桥街道"),
        ("不归望京街道管，也不归东湖街道管，工地就在来广营乡", "朝阳区", "来广营地区"),
        ("这个工地不属于望京街道，属于朝阳区东湖街道", "朝阳区", "东湖街道"),
        ("地点不在丰台。", None, None),
        # The person is not there; no more is said.
        ("我人不在海淀区，我家楼下的饭店油烟大", None, None),
    ],
)
def test_a_place_that_is_denied_is_not_where_it_happens(
    text: str, district: str | None, street: str | None
) -> None:
    reading = READER.read(None, text)
    assert (reading.district, reading.street) == (district, street)


@pytest.mark.parametrize(
    "text",
    [
        "多次致电都说负责人不在，朝阳区望京街道的工地还在夜间施工",
        "领导不在。朝阳区望京街道的工地夜间施工",
        "他们说不是。\n朝阳区望京街道的工地夜间施工",
        "城管来了人就不在；朝阳区望京街道的工地夜间施工",
    ],
)
def test_a_denial_ends_with_its_clause(text: str) -> None:
    assert READER.read(None, text).street == "望京街道"


def test_a_title_that_ends_with_a_denial_denies_nothing_of_the_text() -> None:
    assert READER.read("反映负责人经常不在", "朝阳区望京街道的工地夜间施工").street == "望京街道"


@pytest.mark.parametrize(
    ("text", "street"),
    [
        ("渣土车从通州区宋庄镇拉土到潞城镇，宋庄镇路面遗撒严重，请宋庄镇处理", "宋庄镇"),
        ("渣土从通州区宋庄镇拉到潞城镇倾倒", "潞城镇"),
    ],
)
def test_waste_is_where_it_goes_unless_more_is_told_of_where_it_is_from(text: str, street: str) -> None:
    assert READER.read(None, text).street == street


def test_a_denied_place_is_no_candidate_and_keeps_its_mention() -> None:
    reading = READER.read(None, "工地不在朝阳区望京街道，是顺义后沙峪的")
    assert [mention.role for mention in reading.mentions] == [DENIED, DENIED, NAMED, NAMED]
    assert all(item.code.startswith("110113") for item in reading.candidates)


@pytest.mark.parametrize(
    "text",
    [
        "望京街道是不是没人管，工地天天扬尘",
        "是不是望京街道的工地，天天扬尘",
        "要不是望京街道的人来看，工地还在扬尘",
        "这不是望京街道吗，工地天天扬尘",
        "不是望京街道没人管，是管不好，工地天天扬尘",
        "不光在望京街道，哪里的工地都扬尘",
        "我不在家，老伴在望京街道，说楼下工地夜间施工",
    ],
)
def test_what_is_asked_or_told_of_others_denies_no_place(text: str) -> None:
    assert READER.read(None, text).street == "望京街道"


def test_the_area_of_a_caller_is_no_hint_where_the_text_denies_it() -> None:
    denied = READER.read(None, "地点不在朝阳区，楼下烧烤油烟太大", area="110105")
    told = READER.read(None, "楼下烧烤油烟太大", area="110105")
    assert (denied.district, told.district) == (None, "朝阳区")


@pytest.mark.parametrize(
    ("text", "street"),
    [
        ("我家住海淀区清河街道，在学院路街道看见有人露天烧烤", "学院路街道"),
        ("我住朝阳区望京街道，单位在双井街道，单位楼下工地夜间施工", "双井街道"),
        ("我妈住西城区月坛街道，她说楼下没问题，我这边是朝阳区劲松街道，外机噪声大", "劲松街道"),
        ("我弟弟在海淀区清河街道住，他那边安静，我这里是昌平区南口镇，搅拌站扬尘", "南口地区"),
        ("我在朝阳区望京上班，我家在昌平区霍营街道，楼下工地夜间施工", "霍营街道"),
        # Where nothing else is named, the home is the scene.
        ("我家住海淀区清河街道，楼下饭店油烟大", "清河街道"),
        ("我是望京街道的居民，楼下饭店油烟大", "望京街道"),
        ("在海淀区清河街道住了十年，楼下烧烤冒烟", "清河街道"),
    ],
)
def test_a_home_is_one_address(text: str, street: str) -> None:
    assert READER.read(None, text).street == street


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ("我家住海淀区清河街道", [HOME, HOME]),
        ("家住海淀区，清河街道有人烧烤", [HOME, NAMED]),  # a comma may begin another place
        ("我是海淀区中关村街道的，来看病", [HOME, HOME]),
        ("我是海淀区中关村街道的工作人员", [NAMED, NAMED]),
        ("在海淀区中关村上班", [HOME, HOME]),
        ("在海淀区中关村街道住宅楼旁", [SCENE, NAMED]),
        ("往海淀区清河街道去", [WAY, NAMED]),
        ("渣土从海淀区四季青镇拉到门头沟区", [WAY, WAY, NAMED]),
        ("从海淀区四季青镇坐车到门头沟区", [NAMED, NAMED, WAY]),
    ],
)
def test_what_follows_right_on_a_unit_plays_its_part(text: str, roles: list[PlaceRole]) -> None:
    assert [mention.role for mention in READER.read(None, text).mentions] == roles


@pytest.mark.parametrize(
    ("text", "street"),
    [
        ("渣土从通州区宋庄镇拉到潞城镇倾倒", "潞城镇"),
        ("渣土从海淀区四季青镇拉到门头沟区龙泉镇倾倒", "龙泉地区"),
        ("把海淀区四季青镇的渣土拉到门头沟区龙泉镇倾倒", "龙泉地区"),
        ("泔水从朝阳区东坝地区送到金盏地区喂猪，臭味大", "金盏地区"),
        ("大车夜里都往潞城镇去倒土", "潞城镇"),
        # No waste: people, parcels and smoke are another matter.
        ("快递从通州区宋庄镇送到潞城镇", "宋庄镇"),
        ("把孩子送到潞城镇上学", None),
    ],
)
def test_waste_lies_where_it_is_carried_to(text: str, street: str | None) -> None:
    assert READER.read(None, text).street == street
