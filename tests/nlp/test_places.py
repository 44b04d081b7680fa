"""Where it happens: our own sentences, one per mechanism."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.vocab import PlaceRole, Precision
from nlp.gazetteer import Gazetteer, GazetteerError, PlaceName
from nlp.places import PlaceReader
from nlp.types import Head, source_text

SURE = 0.5
READER = PlaceReader.load()

#: (text, district, street code, community code): what must be read, surely.
FOUND = [
    # streets: the suffixes are interchangeable
    ("昌平区沙河镇夜里有臭味", "昌平区", "110114004", None),
    ("昌平区沙河地区办事处门口堆土", "昌平区", "110114004", None),
    ("丰台区花乡施工不盖网", "丰台区", "110106018", None),
    ("朝阳区东风乡洒水车太吵", "朝阳区", "110105030", None),
    ("房山区东风街道有异味", "房山区", "110111005", None),
    ("通州区于家务回族乡烧秸秆", "通州区", "110112209", None),
    ("顺义区杨镇烧垃圾", "顺义区", "110113006", None),
    ("房山城关夜间施工", "房山区", "110111001", None),
    # districts: short, old and county names
    ("密云县太师屯镇有人烧荒", "密云区", "110118107", None),
    ("通县张家湾有人倒渣土", "通州区", "110112105", None),
    ("宣武区有工地夜间施工", "西城区", None, None),
    ("燕山地区夜里有异味", "房山区", None, None),
    ("北京市海淀区到处是扬尘", "海淀区", None, None),
    # communities: full, short, with another suffix, with digits
    ("望京西园四区楼下饭馆油烟", "朝阳区", "110105026", "110105026038"),
    ("望京西园4区楼下饭馆油烟", "朝阳区", "110105026", "110105026038"),
    ("十八里店乡老君堂村有垃圾", "朝阳区", "110105028", None),
    ("北七家镇平西府村烧煤", "昌平区", "110114115", None),
    ("方庄芳群园一区楼下跳舞", "丰台区", "110106013", None),
    # a common name is decided by its district or street
    ("海淀八里庄有烧烤", "海淀区", "110108005", None),
    ("朝阳区八里庄有烧烤", "朝阳区", "110105015", None),
    ("中仓西营社区噪音大", "通州区", "110112001", None),
    ("西城区牛街附近烤肉串", "西城区", "110102018", None),
    # zones and the economic zone
    ("王府井大街饭店油烟扰民", "东城区", "110101001", None),
    ("天坛公园里音响太大", "东城区", "110101016", None),
    ("北京站广场大喇叭", "东城区", "110101008", None),
    ("亦庄开发区一家厂夜里冒黑烟", "大兴区", "110115403", None),
    ("大兴区亦庄镇锅炉冒烟", "大兴区", "110115004", None),
    ("北京经济技术开发区荣华街道工地扬尘", "大兴区", "110115012", None),
    # where it happens, not where one lives, goes or has complained
    ("我住在海淀区，朝阳区望京街道的工地每晚施工", "朝阳区", "110105026", None),
    ("往通州方向的车很多，大兴区西红门镇垃圾站发臭", "大兴区", "110115007", None),
    ("给海淀区环保局打过电话没人管，地点在昌平区沙河镇于辛庄村", "昌平区", "110114004", None),
    ("海淀某科技有限公司在房山区窦店镇的工厂排污", "房山区", "110111103", None),
    # a name no other province has says Beijing by itself
    ("忻州营夜里有人烧垃圾", "顺义区", "110113116", None),
    ("坨头寺北边堆土", "平谷区", "110117004", None),
    # old and formal figures, traditional characters
    ("望京西园肆区楼下饭馆油烟", "朝阳区", "110105026", "110105026038"),
    ("豐臺區花鄉施工不蓋網", "丰台区", "110106018", None),
    # figures: of a name, of a lane, of a number
    ("东城区东四八条西口有烧烤", "东城区", "110101006", "110101006008"),
    # what a recogniser hears, and one wrong character
    ("海淀区青河街道有工地夜间施工", "海淀区", "110108017", None),
    ("昌平区回龙馆街道夜里太吵", "昌平区", "110114011", None),
    ("朝阳区十八里甸乡有人倒渣土", "朝阳区", "110105028", None),
    # a sure district stands when the finer name is not sure
    ("房山区南里12号楼下堆垃圾", "房山区", None, None),
]


@pytest.mark.parametrize(("text", "district", "street", "community"), FOUND)
def test_found(text: str, district: str, street: str | None, community: str | None) -> None:
    reading = READER.read(None, text)
    assert reading.district == district
    assert reading.street_code == (street or reading.street_code)
    assert reading.community_code == (community or reading.community_code)
    assert (reading.street_code is None) == (street is None)
    assert reading.confidence >= SURE


UNSURE = [
    "八里庄有烧烤摊油烟",  # in two districts
    "光明小区噪音大",  # in several
    "朝阳路上洒水车声音大",  # a road anywhere
    "小区里天天大兴土木",
    "我打消了投诉的念头",
    "平房拆迁扬尘大",
    "长春市朝阳区有工地噪音",
    "东莞市东城区的工厂太吵",
    "福州市鼓楼区温泉街道有噪音",
    "楼上跳绳太吵",
    "",
]


@pytest.mark.parametrize("text", UNSURE)
def test_not_sure(text: str) -> None:
    assert READER.read(None, text).confidence < SURE


@pytest.mark.parametrize("text", UNSURE)
def test_what_is_not_sure_is_not_given(text: str) -> None:
    reading = READER.read(None, text)
    assert (reading.district, reading.lon, reading.precision) == (None, None, Precision.NONE)


def test_what_is_not_given_stays_a_candidate_with_its_reasons() -> None:
    reader = PlaceReader(READER.gazetteer, abstain=0.999)
    reading = reader.read(None, "海淀区上地街道有异味")
    assert reading.district is None
    first = reading.candidates[0]
    assert (first.code, first.name, first.text) == ("110108022", "海淀区上地街道", "上地街道")
    assert "紧跟在所属的区或街道之后" in first.why
    assert 0.5 < first.confidence < 0.999


def test_every_mention_has_its_role() -> None:
    text = "我住在海淀区，往通州方向走，在朝阳区望京街道看到河北省廊坊市的车"
    roles = [(mention.text, mention.role) for mention in READER.read(None, text).mentions]
    assert roles == [
        ("海淀区", PlaceRole.HOME),
        ("通州", PlaceRole.DIRECTION),
        ("朝阳区", PlaceRole.SCENE),
        ("望京街道", PlaceRole.NAMED),
        ("河北省", PlaceRole.OUTSIDE),
        ("廊坊市", PlaceRole.OUTSIDE),
    ]


@pytest.mark.parametrize(
    ("text", "district"),
    [
        ("朝阳区有工地夜里施工，渣土车都往十八里店乡去", "朝阳区"),
        ("渣土车夜里都往十八里店乡去", None),
        ("大车开往望京街道方向，一路掉土", None),
    ],
)
def test_a_street_that_is_only_on_the_way_is_not_where_it_happens(text: str, district: str | None) -> None:
    reading = READER.read(None, text)
    assert (reading.district, reading.street) == (district, None)


@pytest.mark.parametrize(
    ("text", "community"),
    [
        # One character is wrong, and what is left spells the name of another village.
        ("房山区动良各庄村西门堆垃圾", "东良各庄村委会"),
        ("怀柔区东岔坞村有烧烤", "东茶坞村委会"),
        ("房山区良各庄村西门堆垃圾", "良各庄村委会"),
        ("怀柔区东岔村有烧烤", "东岔村委会"),
    ],
)
def test_the_rest_of_a_misspelt_name_is_not_its_own_village(text: str, community: str) -> None:
    assert READER.read(None, text).community == community


@pytest.mark.parametrize(
    ("text", "street"),
    [
        ("有人把垃圾桶挪到望京街道门口", "望京街道"),
        ("养殖场的污水一直流到清河街道的路边", "清河街道"),
        ("希望把这趟车延长三站到望京街道", "望京街道"),
        ("我坐车到望京街道", None),
        ("搬家公司一路开到望京街道", None),
        ("我搬家后走路到望京街道", None),
    ],
)
def test_where_a_thing_is_moved_to_is_no_mere_way(text: str, street: str | None) -> None:
    assert READER.read(None, text).street == street


def test_where_the_street_is_unsure_the_district_that_everybody_means_is_given() -> None:
    # The street's alias is weak before 站; that the name lies in 海淀区 everybody knows.
    sure, unsure = (READER.read(None, text) for text in ("五道口附近很吵", "五道口站很吵"))
    assert (sure.district, sure.street) == ("海淀区", "学院路街道")
    assert (unsure.district, unsure.street) == ("海淀区", None)
    assert [item.name for item in unsure.candidates] == ["海淀区", "海淀区学院路街道"]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("八里庄有烧烤摊油烟", {"110105015", "110108005"}),
        ("太平庄夜里有人烧垃圾", set()),
    ],
)
def test_of_places_of_one_name_a_person_can_choose(text: str, codes: set[str]) -> None:
    found = READER.read(None, text).candidates
    tied = [item for item in found if "同名的有" in item.why[0]]
    assert codes <= {item.code for item in tied}
    assert len(tied) >= 2
    assert len({item.code for item in found}) == len(found)
    assert all(0 < item.confidence < 0.5 for item in tied)


def test_a_place_in_another_province_is_named_and_no_district_given() -> None:
    reading = READER.read(None, "河北省廊坊市的工厂排污，味道很大")
    assert (reading.district, reading.outside) == (None, "河北省廊坊市")


def test_two_names_as_near_to_what_is_written_give_neither() -> None:
    assert READER.read(None, "某区西立社区太吵").street is None


@pytest.mark.parametrize(
    ("text", "district"),
    [
        ("国贸三期旁边工地夜间施工", "朝阳区"),
        ("玉渊潭公园早上有人唱歌", "海淀区"),
        ("北京南站旁边的工地扬尘", "丰台区"),
        ("环球影城停车场大喇叭", "通州区"),
    ],
)
def test_what_everybody_knows_says_its_district_and_no_street(text: str, district: str) -> None:
    reading = READER.read(None, text)
    assert (reading.district, reading.street, reading.precision) == (district, None, Precision.DISTRICT)


def test_what_everybody_knows_never_outvotes_the_registry() -> None:
    reading = READER.read(None, "国贸上班路过，海淀区上地街道有异味")
    assert reading.street == "上地街道"


def test_a_misspelt_name_says_so() -> None:
    reading = READER.read(None, "昌平区回龙馆街道夜里太吵")
    assert any("回龙观" in word for word in reading.candidates[0].why)


@pytest.mark.parametrize(
    ("text", "precision", "largest"),
    [
        ("海淀区上地街道有异味", Precision.STREET, 3_000),
        ("望京西园四区太吵", Precision.COMMUNITY, 3_000),
        ("密云区到处是扬尘", Precision.DISTRICT, 60_000),
    ],
)
def test_a_point_says_how_far_off_it_may_be(text: str, precision: Precision, largest: int) -> None:
    reading = READER.read(None, text)
    assert reading.precision is precision
    assert reading.radius is not None
    assert 500 < reading.radius <= largest


def test_a_name_in_several_districts_gives_none_of_them() -> None:
    assert READER.read(None, "八里庄有烧烤摊油烟").district is None


def test_bare_yizhuang_leaves_the_street_open() -> None:
    reading = READER.read(None, "亦庄有工厂夜里冒烟")
    assert (reading.district, reading.street) == ("大兴区", None)


def test_equal_communities_leave_their_street() -> None:
    reading = READER.read(None, "朝阳区高碑店地区高井垃圾站发臭")
    assert (reading.street, reading.community, reading.precision) == ("高碑店地区", None, Precision.STREET)


def test_the_whole_hierarchy_follows_from_a_community() -> None:
    reading = READER.read("油烟扰民", "望京西园四区楼下饭馆，天天冒烟")
    assert reading.district_code == "110105"
    assert (reading.street, reading.street_code) == ("望京街道", "110105026")
    assert reading.community_code is not None
    assert reading.community_code.startswith("110105026")
    assert reading.precision is Precision.COMMUNITY
    assert (reading.lon, reading.lat) == READER.gazetteer.centroids["110105026"]


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("位于北京市丰台区方庄芳群园一区12号楼底商", "北京市丰台区方庄芳群园一区12号楼"),
        ("海淀区学院路30号院锅炉太响", "海淀区学院路30号院"),
        ("西三旗建材城东路路边烧烤", "西三旗建材城东路"),
        ("昌平区小汤山镇时常有死鱼", "昌平区小汤山镇"),
        ("海淀区 上地街道有异味", "海淀区 上地街道"),
    ],
)
def test_the_span_is_the_whole_address(text: str, span: str) -> None:
    assert READER.read(None, text).span == span


def test_a_span_stays_within_title_or_text() -> None:
    assert READER.read("反映海淀区", "上地街道有异味").span == "上地街道"


def test_the_title_supports_the_text() -> None:
    alone = READER.read(None, "八里庄有烧烤")
    titled = READER.read("海淀区烧烤扰民", "八里庄有烧烤")
    assert alone.district is None
    assert titled.street_code == "110108005"


def test_evidence_says_what_decided_and_what_spoke_against() -> None:
    reading = READER.read(None, "我住在海淀区，朝阳区望京街道的工地每晚施工")
    spoke = {item.text: item.weight > 0 for item in reading.evidence}
    assert spoke["望京街道"]
    assert spoke["朝阳区"]
    assert {item.head for item in reading.evidence} == {Head.PLACE}


def test_an_overlay_adds_names_with_their_points() -> None:
    extra = [PlaceName("富丽花城", "110105016", whole=True, lon=116.47, lat=39.89)]
    reader = PlaceReader(READER.gazetteer, extra)
    reading = reader.read(None, "富丽花城楼下太吵")
    assert (reading.street, reading.precision) == ("双井街道", Precision.POINT)
    assert (reading.lon, reading.lat) == (116.47, 39.89)
    assert reader.version != READER.version


def test_an_overlay_with_an_unknown_code_is_refused() -> None:
    with pytest.raises(GazetteerError, match="overlay: '富丽花城': code 990105016"):
        PlaceReader(Gazetteer.load(), [PlaceName("富丽花城", "990105016")])


NAMES = st.sampled_from(sorted({name.text for name in READER.gazetteer.names}))
WORDS = st.one_of(
    NAMES, st.sampled_from(["区", "街道", "村", "路", "北京市", "，", "\n", "3号楼", "在"]), st.text()
)


@given(st.none() | st.text(), st.lists(WORDS, max_size=12).map("".join))
def test_any_string_is_read_and_every_span_is_verbatim(title: str | None, text: str) -> None:
    reading = READER.read(title, text)
    source = source_text(title, text)
    assert 0.0 <= reading.confidence <= 1.0
    assert source[reading.start : reading.end] == (reading.span or source)
    for item in reading.evidence:
        assert source[item.start : item.end] == item.text
    places = READER.gazetteer.places
    codes = [reading.district_code, reading.street_code, reading.community_code]
    named = [places[code].name for code in codes if code]
    assert named == [name for name in (reading.district, reading.street, reading.community) if name]
    assert all((reading.community_code or code or "").startswith(code or "") for code in codes)


@pytest.mark.parametrize("piece", ["朝阳区望京街道", "大兴", "八里庄太平庄", "学院路30号院", "在", "1"])
def test_time_is_linear(piece: str) -> None:
    def cost(length: int) -> float:
        text = (piece * length)[:length]
        began = time.process_time()
        READER.read(None, text)
        return time.process_time() - began

    # The least of several: a loaded machine charges one of them for its memory.
    small, large = (min(cost(length) for _ in range(3)) for length in (25_000, 100_000))
    assert large < 12 * small + 0.5  # four times the text; quadratic would be sixteen times
