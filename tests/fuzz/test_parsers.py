"""Every parser with a few examples, always the same; `make fuzz-parsers` has more. And what that found."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from connectors import files
from connectors.feeds import xml_feeds
from connectors.feeds.errors import FeedRefused
from connectors.feeds.json_feeds import FieldMap
from connectors.hotline import mapping, orders
from connectors.open311 import wire
from nlp.overlay import BadRow, OverlayReader
from tests.fuzz import parsers
from tests.fuzz.outside import NOW, ORDER, tables
from tests.fuzz.parsers import NotStorable, Subject, storable
from tests.fuzz.subjects import SUBJECTS, workbook
from triage.services.staff import importing
from triage.web.open311.places import atlas, gazetteer

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = 6


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_a_parser_takes_or_refuses_and_never_breaks(subject: Subject) -> None:
    counted = parsers.run(subject, EXAMPLES, seed=1)
    assert counted.failures == 0, counted.first
    assert counted.examples >= EXAMPLES


def test_a_parser_that_breaks_is_noticed_and_so_is_what_no_row_can_hold() -> None:
    sent = SUBJECTS[0].sent
    broken = Subject("broken", sent, int)
    assert parsers.run(broken, 50, seed=1).failures == 1
    assert parsers.run(Subject("nul", sent, lambda _: {"a": ["\0"]}), 5, seed=1).failures == 1
    fine = parsers.run(Subject("fine", sent, len), 5, seed=1)
    assert (fine.examples, fine.taken, fine.failures) == (5, 5, 0)
    with pytest.raises(NotStorable):
        storable(("\ud800",))


# What it found, each a thing of its own.


def test_a_part_of_aworkbook_that_is_no_xml_is_told_as_damage(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    with zipfile.ZipFile(io.BytesIO(workbook())) as sound, zipfile.ZipFile(path, "w") as broken:
        for name in sound.namelist():
            broken.writestr(name, b"" if name == "[Content_Types].xml" else sound.read(name))
    with pytest.raises(files.FileRefused, match="已损坏"):
        list(files.read_file(path, files.load_map("plain")))


@pytest.mark.parametrize(
    "text", ["2026-13-45", "!!timestamp", "9" * 5000, "[" * 600, "title: a\ntime: b\nguid: c\ntime_unit: []"]
)
def test_a_field_map_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(FeedRefused):
        FieldMap.parse(text)


@pytest.mark.parametrize("text", ["[" * 600, '{"a":' * 600])
def test_thousands_of_brackets_are_no_map(text: str) -> None:
    with pytest.raises(mapping.MapRefused):
        mapping.parse(text, "x")
    with pytest.raises(files.FileRefused):
        files.parse_map(text, "x")


def test_a_place_of_thousands_of_brackets_is_a_bad_row(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"a":' * 2000, encoding="utf-8")
    (row,) = OverlayReader(gazetteer(), atlas()).read(path)
    assert isinstance(row, BadRow)
    assert row.reason == "不是 JSON 对象"


def test_a_namespace_with_a_brace_is_read_past() -> None:
    (item,) = xml_feeds.items('<feed xmlns="http://w}3/Atom"><entry><title>a</title></entry></feed>')
    assert item.url is None
    assert wire.spark(wire.xml_root(b'<services xmlns="http://a.example/"><service/></services>')) == [None]


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({"fileId": "a\0b"}, {"id": "ab"}),
        ({"fileUrl": "https://files.example/\n1"}, {"url": "https://files.example/1"}),
        ({"fileSize": "²"}, {"size": None}),
        ({"fileSize": "9" * 5000}, {"size": None}),
    ],
)
def test_an_attachment_holds_nothing_that_postgresql_refuses(
    changes: dict[str, Any], kept: dict[str, Any]
) -> None:
    raw = {**ORDER, "attachments": [{**ORDER["attachments"][0], **changes}], "orderState": "待办\0"}
    order = orders.read_order(mapping.load("wide_table"), raw, now=NOW)
    assert kept.items() <= order.attachments[0].items()
    assert order.foreign_status == "待办"
    assert b"\\u0000" not in orjson.dumps(order.attachments)


@pytest.mark.parametrize("text", ["账号,角色\r\rx", "账号,姓名,单位,角色\n" + "a" * 200_000 + ",,,x"])
def test_a_list_of_accounts_that_is_no_csv_is_refused_by_its_line(text: str) -> None:
    with pytest.raises(importing.BadLines, match=r"第 \d 行"):
        importing.read(text, tables(), now=NOW)
