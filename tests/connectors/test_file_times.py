"""Times as files write them, and what may be shown of one that is none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from functools import partial

import pytest

from connectors.file_times import parse_time, shown_time
from connectors.files import load_map
from connectors.records import RowRecord, content_hash

BEIJING = timezone(timedelta(hours=8))
FORMATS = load_map("plain").time_formats
MOMENT = datetime(2026, 11, 23, 8, 5, tzinfo=BEIJING)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23 08:05", MOMENT),
        ("2026-11-23T08:05:00", MOMENT),
        ("2026-11-23T00:05:00Z", MOMENT),
        ("2026-11-23T00:05:00.000+00:00", MOMENT),
        ("2026-11-22 19:35 -0430", MOMENT),
        ("2026/11/23 8:05", MOMENT),
        ("2026.11.23 8:5:0", MOMENT),
        ("2019/2/28 11:25:05", datetime(2019, 2, 28, 11, 25, 5, tzinfo=BEIJING)),
        ("2026年11月23日 8时5分", MOMENT),
        ("2026年11月23日8点5分0秒", MOMENT),
        ("2026年11月23日 08:05:00", MOMENT),
        ("2026年11月23日 8时", MOMENT.replace(minute=0)),
        ("2026年11月23日", MOMENT.replace(hour=0, minute=0)),
        ("2026-11-23", MOMENT.replace(hour=0, minute=0)),
        ("11/23/2026", MOMENT.replace(hour=0, minute=0)),
        ("46349.336805555555", MOMENT),
        ("46349", MOMENT.replace(hour=0, minute=0)),
        ("1795392300", MOMENT),
        ("1795392300000", MOMENT),
        ("20261123080500", MOMENT),
        ("20261123T080500", MOMENT),
        ("20261123", MOMENT.replace(hour=0, minute=0)),
        (" 2026-11-23 08:05:00.5 ", MOMENT.replace(microsecond=500_000)),
    ],
)
def test_times(text: str, expected: datetime) -> None:
    moment = parse_time(text, FORMATS)
    assert moment == expected
    assert moment is not None
    assert moment.tzinfo is not None


@pytest.mark.parametrize(
    "text",
    [
        "2026-13-01", "2026-02-29", "2026-11-23 24:00", "2026-11-23 08:05 +99:00", "23/11/2026", "昨天",
        "2026", "20261323", "2026112", "20261123 25",
        "13800000001", "1989-12-31", "2100-01-01", "0", "-1", "1e5", "2026-11-23 08",
        "１２", "",
    ],
)  # fmt: skip
def test_what_is_no_time(text: str) -> None:
    assert parse_time(text, FORMATS) is None


def test_a_map_without_formats_reads_only_iso() -> None:
    assert parse_time("2026-11-23 08:05", ()) == MOMENT
    assert parse_time("2026/11/23 08:05", ()) is None


def test_a_pattern_with_a_zone_keeps_it() -> None:
    assert parse_time("23.11.2026 00:05 +0000", ("%d.%m.%Y %H:%M %z",)) == MOMENT


@pytest.mark.parametrize("text", ["2026-13-01", "2026/02/30 25:61", "2026年13月1日"])
def test_a_faulty_time_may_be_shown(text: str) -> None:
    assert shown_time(text) == text


@pytest.mark.parametrize(
    "text", ["13800000001", "138-0000-0001", "王某", "110101199001010000", "2026-11 王某", "2026-" + "1" * 40]
)
def test_anything_else_may_not(text: str) -> None:
    assert shown_time(text) is None


def test_the_hash_ignores_writing_and_not_meaning() -> None:
    base = content_hash(title="扰民", text="夜里 施工", phone="138-0000-0001", received_at=MOMENT)

    assert base == content_hash(
        title=" 扰民", text="夜里\n施工 ", phone="１３８00000001", received_at=MOMENT.astimezone(UTC)
    )
    others = [
        content_hash(title=None, text="夜里 施工", phone="13800000001", received_at=MOMENT),
        content_hash(title="扰民", text="夜里施工", phone="13800000001", received_at=MOMENT),
        content_hash(title="扰民", text="夜里 施工", phone="13800000002", received_at=MOMENT),
        content_hash(title="扰民", text="夜里 施工", phone="13800000001", received_at=None),
        content_hash(title="扰民夜里", text="施工", phone="13800000001", received_at=MOMENT),
    ]
    assert len({base, *others}) == 6


def test_place_and_name_count_when_they_are_given() -> None:
    said = partial(content_hash, title="扰民", text="施工", phone=None, received_at=MOMENT)
    # What is stored was hashed so: it must not change for rows without them.
    assert said() == "d62d775bdd24d365f7b1baa8331e9619fad0ad484115b249a2e0a624bb73c58e"
    assert said(address="", name=None) == said()
    assert said(address="望京 街道") == said(address="望京　街道")
    others = [
        said(address=address, name=name)
        for address, name in (
            (None, None),
            ("甲", None),
            ("乙", None),
            (None, "甲"),
            ("甲", "甲"),
            ("甲", "乙"),
        )
    ]
    assert len(set(others)) == 6


def test_the_hash_refuses_a_naive_time() -> None:
    with pytest.raises(ValueError, match="aware"):
        content_hash(title=None, text="x", phone=None, received_at=MOMENT.replace(tzinfo=None))


def test_a_record_shows_nothing_personal() -> None:
    row = RowRecord(
        line=2, text="打桩", content_hash="0" * 64, title="夜间", name="王某", phone="13800000001",
        address="某路", id_number="999999", extra={"备注": "李某"},
    )  # fmt: skip

    shown = repr(row)

    hidden = ("打桩", "夜间", "王某", "13800000001", "某路", "999999", "李某")
    assert [word for word in hidden if word in shown] == []
