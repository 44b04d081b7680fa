"""Places told by others: crossings, between two, metres off, house numbers. Names of roads are ours."""

from __future__ import annotations

import pytest

from models.vocab import PlaceRole
from models.vocab_places import PlaceRelation
from nlp.gazetteer import PlaceName
from nlp.place_point import metres
from nlp.place_relations import number
from nlp.places import PlaceReader

PLAIN = PlaceReader.load()
WANGJING, QINGHE, LAIGUANGYING = "110105026", "110108017", "110105031"


def own(text: str, code: str, kind: str, lon: float, lat: float) -> PlaceName:
    return PlaceName(text, code, kind, alias=True, whole=True, lon=lon, lat=lat)


READER = PlaceReader(
    PLAIN.gazetteer,
    [
        own("青禾东路", WANGJING, "road", 116.47, 39.99),
        own("青禾东路", QINGHE, "road", 116.34, 40.03),
        own("柳泉路", WANGJING, "road", 116.48, 39.99),
        own("苇塘北街", LAIGUANGYING, "road", 116.45, 40.02),
        own("松竹园", WANGJING, "compound", 116.47, 39.99),
        own("梅岭园", WANGJING, "compound", 116.49, 39.99),
    ],
)
PINE = (116.47, 39.99)


def test_a_road_in_two_districts_is_settled_by_the_road_it_crosses() -> None:
    assert READER.read(None, "青禾东路有人烧烤").street is None
    reading = READER.read(None, "青禾东路与柳泉路交叉口有人烧烤")
    assert (reading.district, reading.street) == ("朝阳区", "望京街道")
    assert reading.span == "青禾东路与柳泉路交叉口"
    assert reading.relation == "在“青禾东路”与“柳泉路”交叉口"
    assert reading.relation in reading.candidates[0].why
    assert [mention.relation for mention in reading.mentions] == [PlaceRelation.CROSSING] * 2


@pytest.mark.parametrize(
    "text",
    [
        "青禾东路和柳泉路交汇处有人烧烤",
        "青禾东路、柳泉路交叉口有人烧烤",
        "青禾东路和柳泉路路口有人烧烤",
        "青禾东路与柳泉路的十字路口有人烧烤",
        "青禾东路/柳泉路交叉路口有人烧烤",
    ],
)
def test_a_crossing_is_told_in_many_ways(text: str) -> None:
    assert READER.read(None, text).street == "望京街道"


def test_roads_known_in_different_streets_meet_somewhere_in_their_district() -> None:
    reading = READER.read(None, "青禾东路与苇塘北街交叉口有人烧烤")
    assert (reading.district, reading.street) == ("朝阳区", None)


def test_roads_of_different_districts_tell_nothing_together() -> None:
    reader = PlaceReader(
        PLAIN.gazetteer,
        [own("柳泉路", WANGJING, "road", *PINE), own("荷塘路", QINGHE, "road", 116.34, 40.03)],
    )
    reading = reader.read(None, "柳泉路与荷塘路交叉口有人烧烤")
    assert (reading.relation, [mention.relation for mention in reading.mentions]) == (None, [None, None])


@pytest.mark.parametrize("text", ["柳泉路、松竹园路口各有一家", "柳泉路到松竹园路口都有人摆摊"])
def test_a_list_or_a_way_that_ends_at_a_corner_is_no_crossing(text: str) -> None:
    assert READER.read(None, text).relation is None


def test_between_two_places_lies_the_middle_of_their_points() -> None:
    reading = READER.read(None, "松竹园和梅岭园之间的空地堆垃圾")
    assert (reading.lon, reading.lat) == (116.48, 39.99)
    assert reading.radius is not None
    assert reading.radius > metres(PINE, (116.48, 39.99))
    assert reading.relation == "在“松竹园”与“梅岭园”之间"


def test_from_here_to_there_is_no_mere_direction_when_the_stretch_is_meant() -> None:
    stretch = READER.read(None, "松竹园至梅岭园路段扬尘大")
    assert {mention.role for mention in stretch.mentions} == {PlaceRole.NAMED}
    way = READER.read(None, "松竹园至梅岭园的公交车冒黑烟")
    assert {mention.role for mention in way.mentions} == {PlaceRole.DIRECTION}


@pytest.mark.parametrize(
    ("text", "off", "side"),
    [
        ("松竹园东侧200米有人烧烤", 200, (1, 0)),
        ("松竹园往北1.5公里有人倒渣土", 1500, (0, 1)),
        ("松竹园南边三百五十米处有人烧烤", 350, (0, -1)),
        ("松竹园西两百米有人烧烤", 200, (-1, 0)),
        ("松竹园东北方向约500m有人烧烤", 500, (1, 1)),
    ],
)
def test_so_many_metres_to_a_side_move_the_point(text: str, off: float, side: tuple[int, int]) -> None:
    reading = READER.read(None, text)
    assert reading.lon is not None
    assert reading.lat is not None
    assert metres(PINE, (reading.lon, reading.lat)) == pytest.approx(off, abs=2)
    moved = (reading.lon - PINE[0], reading.lat - PINE[1])
    assert [round(move * 2000) > 0 for move in moved] == [way > 0 for way in side]
    assert [round(move * 2000) < 0 for move in moved] == [way < 0 for way in side]
    assert reading.mentions[0].relation is PlaceRelation.AWAY


def test_a_distance_without_a_side_only_widens_the_radius() -> None:
    plain, off = READER.read(None, "松竹园的工地太吵"), READER.read(None, "距松竹园约三百米的工地太吵")
    assert (off.lon, off.lat) == (plain.lon, plain.lat)
    assert (plain.radius, off.radius) == (650, 950)
    assert off.relation == "距“松竹园”约 300 米"


@pytest.mark.parametrize(
    "text", ["松竹园14米宽的路扬尘大", "松竹园东侧有人烧烤", "松竹园北边80公里外有人烧荒"]
)
def test_what_is_no_distance_of_the_scene_moves_nothing(text: str) -> None:
    reading = READER.read(None, text)
    assert (reading.lon, reading.lat, reading.radius, reading.relation) == (*PINE, 650, None)


@pytest.mark.parametrize(
    ("text", "door"),
    [
        ("海淀区学院路30号院锅炉太响", "30号院"),
        ("海淀区上地街道甲5号院3号楼油烟", "甲5号院3号楼"),
        ("望京西园四区十二号楼底商油烟", "12号楼"),
        ("望京西园四区二十号楼旁边烧烤", "20号楼"),
        ("望京西园四区３号楼旁边烧烤", "3号楼"),
        ("望京西园四区旁边烧烤", None),
        ("海淀区10号线旁边施工", None),
    ],
)
def test_house_and_building_numbers_are_told_in_arabic_figures(text: str, door: str | None) -> None:
    assert PLAIN.read(None, text).door == door


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("200", 200),
        ("1.5", 1.5),
        ("3百", 300),
        ("3百5十", 350),
        ("十", 10),
        ("两千", 2000),
        ("几百", 0),
        ("34百", 350),
        ("两3百", 250),
        ("45十", 45),
        ("12千", 1500),
        ("1千2百", 1200),
        ("35百", 3500),
    ],
)
def test_numbers_are_read_as_they_are_written(written: str, value: float) -> None:
    assert number(written) == value


@pytest.mark.parametrize(
    ("text", "roads", "relation"),
    [
        (
            "海淀区荷塘东路与苇塘西街交叉口夜里施工",
            ["荷塘东路", "苇塘西街"],
            "在“荷塘东路”与“苇塘西街”交叉口",
        ),
        ("海淀区荷塘大街和苇塘路交汇处积水", ["荷塘大街", "苇塘路"], "在“荷塘大街”与“苇塘路”交叉口"),
        ("海淀区荷塘路（苇塘街路口）有人烧烤", ["荷塘路", "苇塘街"], "在“荷塘路”与“苇塘街”交叉口"),
        ("海淀区荷塘路苇塘街路口有人烧烤", ["荷塘路", "苇塘街"], "在“荷塘路”与“苇塘街”交叉口"),
        ("海淀区荷塘路、苇塘胡同十字路口尘土大", ["荷塘路", "苇塘胡同"], "在“荷塘路”与“苇塘胡同”交叉口"),
        ("海淀区荷塘路和苇塘路之间的空地堆垃圾", ["荷塘路", "苇塘路"], "在“荷塘路”与“苇塘路”之间"),
    ],
)
def test_roads_that_no_list_knows_are_told_together(text: str, roads: list[str], relation: str) -> None:
    # 东路 and 西街 alone are communities elsewhere: here they are the ends of roads' names.
    reading = PLAIN.read(None, text)
    told = [mention for mention in reading.mentions if mention.relation]
    assert [(mention.text, mention.code) for mention in told] == [(road, "") for road in roads]
    assert len(reading.mentions) == 3
    assert (reading.district, reading.relation) == ("海淀区", relation)
    assert reading.span is not None
    assert reading.span.startswith(f"海淀区{roads[0]}")
    assert roads[1] in reading.span


def test_a_road_that_one_list_knows_is_told_with_one_that_none_does() -> None:
    reading = READER.read(None, "柳泉路与荷塘西街交叉口有人烧烤")
    assert (reading.street, reading.relation) == ("望京街道", "在“柳泉路”与“荷塘西街”交叉口")


def test_roads_that_no_list_knows_and_no_place_beside_give_no_place() -> None:
    reading = PLAIN.read(None, "荷塘路与苇塘街交叉口有人烧烤")
    assert (reading.district, [mention.text for mention in reading.mentions]) == (None, ["荷塘路", "苇塘街"])


@pytest.mark.parametrize(
    ("text", "door"),
    [
        ("朝阳区望京街道甲12号楼太吵", "甲12号楼"),
        ("海淀区上地街道26号院3号楼有油烟", "26号院3号楼"),
        ("昌平区回龙观街道一百二十三号院烧垃圾", "123号院"),
        ("海淀区上地街道二百号院门口烧垃圾", "200号院"),
        ("朝阳区望京街道十号楼下烧烤", "10号楼"),
    ],
)
def test_houses_and_buildings_are_told_in_figures(text: str, door: str) -> None:
    assert PLAIN.read(None, text).door == door


@pytest.mark.parametrize(
    ("text", "relation"),
    [
        ("望京西园四区东门往北200米路边烧烤", "距“望京西园四区”北约 200 米"),
        ("距清河街道办事处约三百米的工地很吵", "距“清河街道办事处”约 300 米"),
        ("上地街道南侧五十米处有异味", "距“上地街道”南约 50 米"),
        ("离望京街道不到1公里的地方有人烧垃圾", "距“望京街道”约 1000 米"),
        ("望京西园四区北门200米处有人烧烤", "距“望京西园四区”北约 200 米"),
    ],
)
def test_so_many_metres_from_a_place_are_told(text: str, relation: str) -> None:
    assert PLAIN.read(None, text).relation == relation


def test_a_side_of_the_compass_is_no_community() -> None:
    # 西北 is one, of 清华园.
    reading = PLAIN.read(None, "望京街道西北方向1.5公里左右的厂子冒烟")
    assert [mention.text for mention in reading.mentions] == ["望京街道"]
    assert reading.relation == "距“望京街道”西北约 1500 米"


def test_an_overlay_whose_street_is_a_guess_still_tells_its_district() -> None:
    def read(trust: float) -> tuple[str | None, str | None]:
        name = PlaceName("苇塘湖公寓", WANGJING, "compound", alias=True, whole=True, trust=trust)
        reading = PlaceReader(PLAIN.gazetteer, [name]).read(None, "北京苇塘湖公寓楼下有人烧烤")
        return reading.district, reading.street

    assert (read(1.0), read(0.5)) == (("朝阳区", "望京街道"), ("朝阳区", None))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("西红门镇和旧宫镇交界处垃圾堆成山", "在“西红门镇”与“旧宫镇”交界处"),
        ("朝阳区与通州区交界处工地扬尘大", "在“朝阳区”与“通州区”交界处"),
        ("建国路与西大望路交界处工地扬尘大", "在“建国路”与“西大望路”交叉口"),
    ],
)
def test_units_have_a_border_and_roads_a_crossing(text: str, told: str) -> None:
    assert READER.read(None, text).relation == told
