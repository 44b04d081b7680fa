"""What a reading may not give away: whose masked words are no party, no place and no evidence."""

from __future__ import annotations

import pytest

from nlp import speaker
from nlp.pipeline import Reader
from nlp.place_span import door_of
from nlp.types import Evidence, Head, PlaceReading

READER = Reader.load()


@pytest.mark.parametrize(
    ("text", "party"),
    [
        ("举报人：李秀英 举报渣土车扬尘", "渣土车"),
        ("联系人：张建国，楼下餐馆油烟", "餐馆"),
        ("来电人：刘芳，反映垃圾焚烧", None),
        ("我叫阿依古丽·买买提，楼下餐馆油烟", "餐馆"),
        ("我叫王芳，楼下顺达餐馆油烟直排", "顺达餐馆"),
    ],
)
def test_who_speaks_is_not_who_is_spoken_of(text: str, party: str | None) -> None:
    """The reporter (举报人) stood there as the reported one, unmasked, before all who see the case."""
    reading = READER.read(None, text)
    assert reading.topic.party == party
    assert "[姓名]" in reading.masked_text
    assert all(one.text in reading.masked_text for one in reading.evidence)


@pytest.mark.parametrize(
    ("text", "span", "door"),
    [
        ("本人住花家地小区5栋2单元1203号，楼下烧烤店油烟", "花家地小区5栋2单元", "5栋"),
        ("住址：海淀区西三旗育新花园12栋301号，邻居养鸡", "海淀区西三旗育新花园12栋", "12栋"),
    ],
)
def test_the_speakers_room_is_in_no_address(text: str, span: str, door: str) -> None:
    place = READER.read(None, text).place
    assert (place.span, place.door) == (span, door)
    assert text[place.start : place.end] == span


@pytest.mark.parametrize(
    "text",
    ["联系人：王平，电话13800138000，楼下饭馆油烟大", "我家2号楼1201，楼下饭馆油烟大"],
)
def test_what_is_masked_is_no_place(text: str) -> None:
    """王平 is a town and 1201 a community: the case was sent there, and its places told what was masked."""
    place = READER.read(None, text).place
    assert (place.street, place.mentions, place.candidates) == (None, (), ())


@pytest.mark.parametrize(
    ("words", "door"),
    [
        ("甲5号院3号楼", "甲5号院3号楼"), ("12-1号", "12-1号"), ("望京街9号", "9号"), ("6栋乙", "6栋乙"),
        ("十2号院5栋1203号", "12号院5栋"), ("3号楼15层1503号", "3号楼"),
        ("建国门12号", "12号"), ("银座3号", "3号"), ("3门401号", None), ("B座1203号", None),
        ("2单元401号", None), ("5号线", None),
    ],
)  # fmt: skip
def test_a_door_is_a_house_or_a_building(words: str, door: str | None) -> None:
    assert door_of(words, 0, len(words)) == door


def test_what_is_not_masked_stays() -> None:
    place = PlaceReading(span="望京西园四区", start=0, end=6)
    assert speaker.place_beside(place, "望京西园四区油烟") is place
    assert speaker.place_beside(PlaceReading(), "油烟") == PlaceReading()
    assert speaker.party_beside("顺达餐馆", "顺达餐馆油烟", 0) == "顺达餐馆"
    assert speaker.party_beside(None, "餐馆油烟", 0) is None


def test_a_place_of_masked_words_alone_is_none() -> None:
    place = PlaceReading(span="1203号", start=0, end=5)
    assert speaker.place_beside(place, "[门牌号]油烟").span is None


def test_evidence_that_was_masked_is_none() -> None:
    shown = Evidence(Head.KIND, 3, 5, "油烟", "AIR-06", 1.0)
    hidden = Evidence(Head.PARTY, 0, 2, "刘芳", "刘芳", 1.0)
    assert speaker.evidence_beside((shown, hidden), "[姓名]油烟") == (shown,)
