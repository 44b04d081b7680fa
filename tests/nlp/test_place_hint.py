"""The caller's registered area: a hint where the text leaves the place open, and never more."""

from __future__ import annotations

import pytest

from nlp.gazetteer import Gazetteer
from nlp.pipeline import Reader
from nlp.place_area import Areas
from nlp.places import PlaceReader

READER = PlaceReader.load()
AREAS = Areas(Gazetteer.load())
WANGJING, CHAOYANG, HAIDIAN = "110105026", "110105", "110108"
#: Below it a person looks (`review_place`).
AUTOMATIC = 0.5


@pytest.mark.parametrize(
    ("area", "street"), [(HAIDIAN, "110108005"), (CHAOYANG, "110105015"), ("110105015", "110105015")]
)
def test_a_name_in_several_districts_is_read_as_the_one_in_the_area(area: str, street: str) -> None:
    reading = READER.read(None, "八里庄有烧烤摊油烟", area=area)
    assert (reading.street_code, reading.span, reading.hinted) == (street, "八里庄", True)
    assert reading.confidence < AUTOMATIC
    assert reading.candidates[0].why == ("来电人登记地区在此，仅作参考",)


def test_a_text_that_names_no_place_is_read_as_the_area() -> None:
    reading = READER.read(None, "楼下烧烤油烟太大", area=WANGJING)
    assert (reading.street, reading.span, reading.hinted) == ("望京街道", None, True)
    assert reading.confidence < AUTOMATIC


@pytest.mark.parametrize(
    "text",
    [
        "海淀区上地街道有异味",  # the text gives a place
        "海淀区有工地夜间施工",
        "河北省廊坊市的工厂排污，味道很大",  # elsewhere
        "西二旗有烧烤摊",  # a name that lies in another district only
    ],
)
def test_what_the_text_says_is_never_overridden(text: str) -> None:
    assert READER.read(None, text, area=WANGJING) == READER.read(None, text)


def test_where_one_lives_or_goes_is_no_scene() -> None:
    reading = READER.read(None, "我住在八里庄，楼下烧烤油烟太大", area=WANGJING)
    assert reading.street_code == WANGJING


def test_an_unknown_area_and_no_area_are_no_hint() -> None:
    plain = READER.read(None, "八里庄有烧烤摊油烟")
    assert READER.read(None, "八里庄有烧烤摊油烟", area="990101") == plain
    assert not plain.hinted


def test_a_site_may_let_it_through() -> None:
    trusting = PlaceReader(READER.gazetteer, hint=0.9)
    assert trusting.read(None, "八里庄有烧烤摊油烟", area=HAIDIAN).confidence == 0.9


def test_a_hinted_place_is_for_a_person_to_confirm() -> None:
    reader = Reader.load(weights=None, places=READER)
    text = "八里庄有烧烤摊油烟，天天冒烟"
    reasons = [reason.value for reason in reader.read(None, text, area=HAIDIAN).review_reasons]
    assert "place_unsure" in reasons
    assert [item.place.hinted for item in reader.read_many([(None, text)] * 2, areas=[HAIDIAN, None])] == [
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("朝阳区望京街道", WANGJING),
        ("北京市朝阳区 望京", WANGJING),
        ("北京市海淀区", HAIDIAN),
        ("望京街道", WANGJING),
        ("八里庄街道", None),  # two districts have one
        ("110105026", WANGJING),
        ("110105026000", WANGJING),
        ("110105026038", WANGJING),
        ("110105", CHAOYANG),
        ("990105", None),
        ("朝阳区望京街道望京西园四区12号楼3单元501", WANGJING),  # where somebody lives is dropped
        ("河北省廊坊市", None),
        ("辽宁省朝阳市", None),
        ("朝阳市双塔区", None),
        ("", None),
    ],
)
def test_an_area_is_a_street_at_the_finest(written: str, code: str | None) -> None:
    assert AREAS.code(written) == code
