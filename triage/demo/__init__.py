"""The demo complaints (演示诉求): made-up texts at real Beijing places, each with our own truth beside it.

`complaints.jsonl` holds one complaint a line, `media.jsonl` one news item; README.md tells how they were
written. Nothing here reads a clock: a row only says how many minutes before loading it came in.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from models.vocab import AppealType, Channel, Urgency
from triage.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable

COMPLAINTS: Final = Path(__file__).parent / "complaints.jsonl"
MEDIA: Final = Path(__file__).parent / "media.jsonl"
#: The demo reaches two weeks back: some of it is overdue, some due soon, some fresh.
MAX_OFFSET_MIN: Final = 14 * 24 * 60
#: A reader of an error mends these first; more would not be read.
MAX_PROBLEMS: Final = 20

_REQUIRED: Final = frozenset({"id", "text", "time_offset_min", "channel", "expect"})
_MEDIA: Final = frozenset({"id", "title", "text", "time_offset_min"})
_OPTIONAL: Final = frozenset({"title", "name", "phone", "id_number", "address"})
_EXPECT: Final = frozenset(
    {"environmental", "kind", "appeal_type", "urgency", "district_code", "street_code"}
)
_KIND: Final = re.compile(r"[A-Z]{3}-[0-9]{2}")
_DISTRICT: Final = re.compile(r"[0-9]{6}")
_STREET: Final = re.compile(r"[0-9]{9}")

_Word = TypeVar("_Word", bound=StrEnum)
_Row = TypeVar("_Row", "DemoRow", "DemoNews")


@dataclass(frozen=True, slots=True)
class DemoExpect:
    """What its writer meant a complaint to be; codes are null where the text does not tell."""

    environmental: bool
    kind: str | None
    appeal_type: AppealType
    urgency: Urgency
    district_code: str | None
    street_code: str | None


@dataclass(frozen=True, slots=True)
class DemoRow:
    """One demo complaint, identities in the clear (all of them made up).

    `time_offset_min` is minutes before loading, 0 … MAX_OFFSET_MIN.
    """

    id: str
    text: str
    time_offset_min: int
    channel: Channel
    expect: DemoExpect
    title: str | None = None
    name: str | None = None
    phone: str | None = None
    id_number: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class DemoNews:
    """One item of a made-up medium; `time_offset_min` as in `DemoRow`."""

    id: str
    title: str
    text: str
    time_offset_min: int


class _FieldWrong(ValueError):
    """A field of one line is wrong; the message names the field."""


def load_demo(path: Path | None = None) -> list[DemoRow]:
    """Read the demo complaints, in file order.

    Raises BadInput, naming line and field of up to MAX_PROBLEMS mistakes: a line that is no JSON object, an
    unknown, missing or ill-typed field, an id used twice, a street outside its district. A missing file is
    the usual FileNotFoundError.
    """
    return _read(COMPLAINTS if path is None else path, _row)


def load_media(path: Path | None = None) -> list[DemoNews]:
    """Read the demo news, in file order. Raises as `load_demo` does."""
    return _read(MEDIA if path is None else path, _news)


def _read(path: Path, of: Callable[[str], _Row]) -> list[_Row]:
    rows: dict[str, _Row] = {}
    problems: list[str] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = of(line)
        except _FieldWrong as wrong:
            problems.append(f"第 {number} 行 {wrong}")
            continue
        if row.id in rows:
            problems.append(f"第 {number} 行 id: {row.id} 已在前面用过")
        rows[row.id] = row
    if problems:
        raise BadInput(f"{path.name}: " + "；".join(problems[:MAX_PROBLEMS]))
    return list(rows.values())


def _line(line: str, *, required: frozenset[str], optional: frozenset[str]) -> dict[str, Any]:
    try:
        value: object = json.loads(line)
    except json.JSONDecodeError as error:
        raise _FieldWrong(f"不是 JSON: {error}") from error
    fields = _fields(value, "", required=required, optional=optional)
    offset = fields["time_offset_min"]
    # A bool is an int to Python; here it is a slip.
    if type(offset) is not int or not 0 <= offset <= MAX_OFFSET_MIN:
        raise _FieldWrong(f"time_offset_min: 应为 0 到 {MAX_OFFSET_MIN} 的整数")
    return fields


def _news(line: str) -> DemoNews:
    fields = _line(line, required=_MEDIA, optional=frozenset())
    return DemoNews(
        id=_text(fields["id"], "id"),
        title=_text(fields["title"], "title"),
        text=_text(fields["text"], "text"),
        time_offset_min=fields["time_offset_min"],
    )


def _row(line: str) -> DemoRow:
    fields = _line(line, required=_REQUIRED, optional=_OPTIONAL)
    return DemoRow(
        id=_text(fields["id"], "id"),
        text=_text(fields["text"], "text"),
        time_offset_min=fields["time_offset_min"],
        channel=_word(fields["channel"], "channel", Channel),
        expect=_expect(fields["expect"]),
        title=_text_or_none(fields, "title"),
        name=_text_or_none(fields, "name"),
        phone=_text_or_none(fields, "phone"),
        id_number=_text_or_none(fields, "id_number"),
        address=_text_or_none(fields, "address"),
    )


def _expect(value: object) -> DemoExpect:
    fields = _fields(value, "expect.", required=_EXPECT, optional=frozenset())
    environmental = fields["environmental"]
    if not isinstance(environmental, bool):
        raise _FieldWrong("expect.environmental: 应为 true 或 false")
    kind = _code(fields["kind"], "expect.kind", _KIND)
    if environmental != (kind is not None):
        raise _FieldWrong("expect.kind: 环境类须有种类，非环境类须为 null")
    district = _code(fields["district_code"], "expect.district_code", _DISTRICT)
    street = _code(fields["street_code"], "expect.street_code", _STREET)
    if street is not None and (district is None or not street.startswith(district)):
        raise _FieldWrong("expect.street_code: 不在 district_code 所指的区内")
    return DemoExpect(
        environmental=environmental,
        kind=kind,
        appeal_type=_word(fields["appeal_type"], "expect.appeal_type", AppealType),
        urgency=_word(fields["urgency"], "expect.urgency", Urgency),
        district_code=district,
        street_code=street,
    )


def _fields(
    value: object, prefix: str, *, required: frozenset[str], optional: frozenset[str]
) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _FieldWrong(f"{prefix.rstrip('.') or '整行'}: 应为对象")
    if missing := sorted(required - value.keys()):
        raise _FieldWrong(f"{prefix}{missing[0]}: 缺少")
    if unknown := sorted(value.keys() - required - optional):
        raise _FieldWrong(f"{prefix}{unknown[0]}: 不认识的字段")
    return value


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _FieldWrong(f"{where}: 应为非空文字")
    return value


def _text_or_none(fields: dict[str, Any], key: str) -> str | None:
    return _text(fields[key], key) if key in fields else None


def _code(value: object, where: str, form: re.Pattern[str]) -> str | None:
    if value is None:
        return None
    code = _text(value, where)
    if form.fullmatch(code) is None:
        raise _FieldWrong(f"{where}: {code} 不合代码格式")
    return code


def _word(value: object, where: str, words: type[_Word]) -> _Word:
    word = _text(value, where)
    if word not in {member.value for member in words}:
        raise _FieldWrong(f"{where}: 不认识 {word}")
    return words(word)
