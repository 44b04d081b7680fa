"""Names everybody knows: rivers are no communities, 经开区 has its own, a road may lie in two districts."""

from __future__ import annotations

import pytest

from nlp.gazetteer import PlaceName
from nlp.places import PlaceReader

READER = PlaceReader.load()
LIANGSHUI = "110114005002"  # 昌平区城南街道凉水河社区


@pytest.mark.parametrize(
    ("text", "district", "street"),
    [
        ("凉水河边上有人倒垃圾", None, None),
        ("我在凉水河边遛弯，有人烧垃圾", None, None),
        ("丰台凉水河边有人烧垃圾", "丰台区", None),
        ("凉水河社区楼下有人烧烤", "昌平区", "城南街道"),
        ("昌平区凉水河社区楼下有人烧烤", "昌平区", "城南街道"),
        ("朝阳区通惠河边有人洗车", "朝阳区", None),  # no 惠河, which is 管庄
        ("大兴区新凤河水质发黑", "大兴区", None),
        ("朝阳区亮马河边烧烤", "朝阳区", None),
        ("朝阳区惠河东里楼下烧烤", "朝阳区", "管庄地区"),
    ],
)
def test_a_river_is_not_the_community_of_its_name(
    text: str, district: str | None, street: str | None
) -> None:
    reading = READER.read(None, text)
    assert (reading.district, reading.street) == (district, street)


def test_what_a_site_says_of_a_river_holds() -> None:
    own = PlaceReader(READER.gazetteer, [PlaceName("凉水河", "110106", "learned")])
    assert own.read(None, "凉水河边上有人倒垃圾").district == "丰台区"
    assert own.read(None, "凉水河社区楼下有人烧烤").community_code == LIANGSHUI


@pytest.mark.parametrize("text", ["荣京东街烤肉店油烟大", "大兴区荣华中路油烟大", "亦庄荣昌东街油烟大"])
def test_a_road_in_the_development_area_says_it(text: str) -> None:
    assert READER.read(None, text).street_code == "110115403"


@pytest.mark.parametrize(
    ("text", "district"),
    [
        ("顺平路工地扬尘", None),
        ("新街口外大街饭店油烟", None),
        ("南五环辅路旁边工地扬尘", None),
        ("顺义顺平路工地扬尘", "顺义区"),
        ("海淀区新街口外大街饭店油烟", "海淀区"),
        ("通州广渠路工地施工", "通州区"),
    ],
)
def test_a_road_through_two_districts_says_neither(text: str, district: str | None) -> None:
    assert READER.read(None, text).district == district


def test_both_districts_of_a_road_are_shown_to_whoever_looks() -> None:
    shown = {item.code for item in READER.read(None, "顺平路工地扬尘").candidates}
    assert shown == {"110113", "110117"}
