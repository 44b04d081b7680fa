"""One order as a platform tells it → a record that intake takes, with what only the exchange needs beside it.

Callers: pull and push alike. What cannot be taken in is told with its reason and none of its words.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import orjson

from connectors.file_rows import RawRow, RowMaker
from connectors.file_times import SHANGHAI, parse_time
from connectors.hotline import facts
from connectors.records import DEFAULT_LIMITS, BadRow, RowRecord
from models.vocab_sources import OrderStatus

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from connectors.hotline.mapping import AttachmentFields, PlatformMap
    from models.vocab_sources import WordKind

LONGEST_NUMBER: Final = 64
#: How an order without a number of its own is called, before the hash of its content.
NAMELESS: Final = "无编号-"
_NUMBER: Final = re.compile(rf"[^\s\x00-\x1f\x7f#]{{1,{LONGEST_NUMBER}}}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_SEVERAL: Final = re.compile(r"[,，、;；]")
_SIZE: Final = re.compile(r"\d{1,15}", re.ASCII)
_TIMES: Final = ("ymd", "chinese", "epoch_ms", "epoch_s")

MOST_ATTACHMENTS: Final = 20
#: Of one order; a platform that lists more than these has a fault.
MOST_URGES: Final = 50
MOST_ATTACHMENT_BYTES: Final = 50 << 20
#: Media type → endings of the name that agree with it.
ATTACHMENT_TYPES: Final[Mapping[str, tuple[str, ...]]] = {
    "image/jpeg": ("jpg", "jpeg"),
    "image/png": ("png",),
    "image/webp": ("webp",),
    "image/heic": ("heic",),
    "audio/mpeg": ("mp3",),
    "audio/wav": ("wav",),
    "audio/x-wav": ("wav",),
    "audio/amr": ("amr",),
    "audio/mp4": ("m4a",),
    "video/mp4": ("mp4",),
    "application/pdf": ("pdf",),
    "application/msword": ("doc",),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ("docx",),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ("xlsx",),
}


@dataclass(frozen=True, slots=True)
class Order:
    """平台工单: exactly one of `record` and `refused` is there; a withdrawn order may have both absent."""

    number: str
    day: date
    updated_at: datetime
    status: OrderStatus
    foreign_status: str | None
    attachments: tuple[dict[str, Any], ...]
    record: RowRecord | None
    refused: str | None = None
    urges: tuple[str, ...] = ()
    named: bool = True
    mark: WordKind | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


def read_order(platform: PlatformMap, raw: object, *, now: datetime) -> Order:
    """Read one row of a platform's list. Never fails: what is wrong with it is in `refused`."""
    if not isinstance(raw, dict):
        return _nameless(raw, "这一条不是对象", now=now)
    fields = platform.order
    number = _text(raw.get(fields.number))
    if not _NUMBER.fullmatch(number):
        return _nameless(raw, f"没有工单编号（{fields.number}），或编号不合格式", now=now)
    created, updated = (_moment(raw.get(name)) for name in (fields.created, fields.updated))
    moment = updated or created
    foreign = _line(raw.get(fields.status))[:40] if fields.status else ""
    status = platform.status(foreign)
    attachments = _attachments(platform.attachment, raw.get(fields.attachments or ""))
    day = (created or moment or now).astimezone(SHANGHAI).date()
    record: RowRecord | None = None
    refused: str | None = None
    if moment is None:
        refused = f"{fields.created}、{fields.updated} 都不是可以识别的时间"
    else:
        made = RowMaker(number, platform.columns, DEFAULT_LIMITS).make(RawRow(1, _pairs(raw)))
        match made:
            case BadRow():
                refused = f"{made.column}：{made.reason}" if made.column else made.reason
            case RowRecord() if made.external_id != number:
                refused = "对照表把另一列当作了编号"
            case _:
                record = made
    urges = _urges(raw.get(fields.urges)) if fields.urges else ()
    return Order(
        number, day, moment or now, status, foreign or None, attachments, record, refused, urges,
        mark=platform.mark(foreign), facts=facts.read(platform.facts, raw),
    )  # fmt: skip


def _urges(told: object) -> tuple[str, ...]:
    """The numbers of a platform's urges; what is no number is passed over."""
    listed = told if isinstance(told, list) else _SEVERAL.split(_text(told))
    numbers = (_text(one) for one in listed[:MOST_URGES])
    return tuple(dict.fromkeys(number for number in numbers if _NUMBER.fullmatch(number)))


def _nameless(raw: object, reason: str, *, now: datetime) -> Order:
    """An order that cannot be named gets a name from its content, so that it is seen and counted once."""
    try:
        held = orjson.dumps(raw, option=orjson.OPT_SORT_KEYS)
    except (TypeError, ValueError):
        held = repr(raw).encode(errors="replace")
    name = f"{NAMELESS}{hashlib.sha256(held).hexdigest()[:16]}"
    day = now.astimezone(SHANGHAI).date()
    return Order(name, day, now, OrderStatus.OPEN, None, (), None, reason, named=False)


def _pairs(raw: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The plain values of an order as texts; nested ones are read by name, or not at all."""
    return [(str(name), _text(value)) for name, value in raw.items() if not isinstance(value, list | dict)]


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "是" if value else "否"
        case str():
            return value.strip()
        case int() | float():
            return str(value)
        case _:
            return ""


def _line(value: object) -> str:
    """What is kept as it was sent: without control characters, of which no column holds a NUL."""
    return _CONTROL.sub("", _text(value))


def _moment(value: object) -> datetime | None:
    return parse_time(_text(value), _TIMES)


def _attachments(fields: AttachmentFields | None, raw: object) -> tuple[dict[str, Any], ...]:
    """References of an order, each with why it is not accepted (`refused`), if so."""
    if fields is None or not isinstance(raw, list):
        return ()
    return tuple(
        _attachment(fields, item, place) for place, item in enumerate(raw[: MOST_ATTACHMENTS + 1], start=1)
    )


def _attachment(fields: AttachmentFields, raw: object, place: int) -> dict[str, Any]:
    if not isinstance(raw, dict):
        return {"id": None, "type": None, "size": None, "url": None, "refused": "不是对象"}
    name, kind, url = (
        _line(raw.get(fields.name)),
        _line(raw.get(fields.type)).lower(),
        _line(raw.get(fields.url)),
    )
    size = raw.get(fields.size)
    number = int(size) if isinstance(size, int | str) and _SIZE.fullmatch(str(size)) else None
    # The name itself is not kept: people name photos after people.
    found = {"id": _line(raw.get(fields.id))[:200], "type": kind[:100], "size": number, "url": url[:1000]}
    return {**found, "refused": _refusal(name, kind, number, url, place)}


def _refusal(name: str, kind: str, size: int | None, url: str, place: int) -> str | None:
    """Why an attachment is not accepted; the first reason that holds."""
    endings = ATTACHMENT_TYPES.get(kind)
    faults = (
        (place > MOST_ATTACHMENTS, f"附件超过 {MOST_ATTACHMENTS} 个"),
        (endings is None, "不接受这一类文件"),
        (name.rpartition(".")[2].lower() not in (endings or ()), "文件名的后缀与类型不符"),
        (
            size is None or not 0 < size <= MOST_ATTACHMENT_BYTES,
            f"没有大小，或超过 {MOST_ATTACHMENT_BYTES >> 20} MB",
        ),
        (not _reachable(url), "地址应以 http:// 或 https:// 开头"),
    )
    return next((reason for wrong, reason in faults if wrong), None)


def _reachable(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:  # a bracket that is none
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.username is None
