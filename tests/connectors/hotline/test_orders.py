"""One order read: its fields, its attachments checked, its faults told without its words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from connectors.hotline import mapping
from connectors.hotline.bodies import NotJson, read_json
from connectors.hotline.orders import MOST_ATTACHMENT_BYTES, MOST_ATTACHMENTS, Order, read_order
from connectors.hotline.reference.orders import make
from models.vocab import AppealType, Channel
from models.vocab_sources import OrderStatus

NOW = datetime(2026, 11, 26, 4, 0, tzinfo=UTC)
AT = NOW.timestamp()
MAP = mapping.load("wide_table")
GOOD: dict[str, Any] = {
    "fileId": "F1", "fileName": "现场.jpg", "fileType": "image/jpeg", "fileSize": 1000,
    "fileUrl": "https://files.example/1.jpg",
}  # fmt: skip


def read(**changes: Any) -> Order:  # noqa: ANN401
    row = make(1, created=AT, updated=AT) | changes
    return read_order(MAP, {name: value for name, value in row.items() if value is not None}, now=NOW)


def test_a_whole_order() -> None:
    order = read()
    record = order.record
    assert record is not None
    assert (order.number, str(order.day), order.updated_at) == ("BJ0000000001", "2026-11-26", NOW)
    assert (record.channel, record.appeal_type, record.secret) == (
        Channel.WECHAT,
        AppealType.COMPLAINT,
        False,
    )
    assert (record.name, record.phone) == ("测试乙", "19900000001")
    assert "测试" not in repr(order)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"title": "", "majorContent": ""}, "majorContent：内容和标题都是空的"),
        ({"createdTime": "昨天", "updatedTime": "昨天"}, "createdTime、updatedTime 都不是可以识别的时间"),
        ({"callTime": "2026-02-30"}, "callTime：无法识别的时间‘2026-02-30’"),
        ({"callerName": "很长的名字" * 50}, "callerName：有 250 个字符，超过上限 200"),
    ],
)
def test_a_bad_order_says_why_and_keeps_its_number(changes: dict[str, Any], reason: str) -> None:
    order = read(**changes)
    assert (order.number, order.record, order.refused) == ("BJ0000000001", None, reason)


@pytest.mark.parametrize("number", [None, "", "有 空格", "x" * 65, "a#b", "x\x00"])
def test_an_order_without_a_number_is_named_after_its_content(number: str | None) -> None:
    order = read(orderNum=number)
    assert order.number.startswith("无编号-")
    assert order == read(orderNum=number)
    assert "没有工单编号" in (order.refused or "")


@pytest.mark.parametrize("row", [None, 7, "text", [], [1]])
def test_what_is_no_order_is_told(row: object) -> None:
    assert read_order(MAP, row, now=NOW).refused == "这一条不是对象"


def test_statuses_are_ours() -> None:
    assert read(orderState="撤单").status is OrderStatus.WITHDRAWN
    assert read(orderState="从没见过的状态").status is OrderStatus.OPEN


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"fileType": "application/x-msdownload"}, "不接受这一类文件"),
        ({"fileName": "现场.exe"}, "文件名的后缀与类型不符"),
        ({"fileSize": 0}, "没有大小，或超过 50 MB"),
        ({"fileSize": MOST_ATTACHMENT_BYTES + 1}, "没有大小，或超过 50 MB"),
        ({"fileSize": "很大"}, "没有大小，或超过 50 MB"),
        ({"fileUrl": "file:///etc/passwd"}, "地址应以 http:// 或 https:// 开头"),
        ({"fileUrl": "https://u:p@files.example/1"}, "地址应以 http:// 或 https:// 开头"),
        ({"fileUrl": "https://[bad"}, "地址应以 http:// 或 https:// 开头"),
    ],
)
def test_attachments_are_references_checked_by_type_and_size(
    change: dict[str, Any], reason: str | None
) -> None:
    (found,) = read(attachments=[GOOD | change]).attachments
    assert found["refused"] == reason
    assert "现场" not in str(found), "names of files may be names of people"


def test_too_many_attachments_are_told() -> None:
    found = read(attachments=[GOOD] * 100).attachments
    assert [item["refused"] for item in found] == [None] * MOST_ATTACHMENTS + ["附件超过 20 个"]


@pytest.mark.parametrize(
    ("encoding", "charset"),
    [
        ("utf-8", None),
        ("utf-8-sig", None),
        ("gb18030", None),
        ("gb18030", "utf-8"),
        ("utf-8", "gb18030"),
        ("gb18030", "nonsense"),
    ],
)
def test_bodies_are_read_whatever_they_call_themselves(encoding: str, charset: str | None) -> None:
    said = (
        {"内容": "河水发黑，有臭味。", "生僻": "㐂"} if encoding != "gbk" else {"内容": "河水发黑，有臭味。"}
    )
    assert read_json(orjson.dumps(said).decode().encode(encoding), charset) == said


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", '{"a": "半'.encode(), "{}x".encode("utf-16")])
def test_what_is_not_whole_is_not_json(body: bytes) -> None:
    with pytest.raises(NotJson):
        read_json(body)
