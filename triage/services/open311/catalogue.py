"""The services of Open311: the kinds of pollution in force, and what is asked for each.

The questions are ours (assumed, to be confirmed by a site): when it happens, how often, since when, how far.
They help the reader and whoever goes there; only noise needs one answered, because it is gone when one comes.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from models.vocab_citizen import Datatype

if TYPE_CHECKING:
    from datetime import date

    from triage.rules.rows import Tables

_NOISE: Final = "噪声"


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer that can be chosen."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class Question:
    """An attribute of a service; `variable` False: it tells something and asks nothing."""

    code: str
    datatype: Datatype
    description: str
    datatype_description: str = ""
    required: bool = False
    variable: bool = True
    values: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class Service:
    """A kind of pollution as a service."""

    code: str
    name: str
    group: str
    description: str
    keywords: str
    questions: tuple[Question, ...]


def _choices(**named: str) -> tuple[Choice, ...]:
    return tuple(Choice(key, name) for key, name in named.items())


_HOURS: Final = Question(
    "HOURS", Datatype.MANY, "一般发生在什么时段？", "可多选",
    values=_choices(
        dawn="凌晨（0点到6点）", morning="上午", noon="中午", afternoon="下午", evening="傍晚",
        night="夜间（22点以后）",
    ),
)  # fmt: skip
_OFTEN: Final = Question(
    "OFTEN", Datatype.ONE, "多久发生一次？", "单选",
    values=_choices(always="一直有", daily="每天", weekly="每周几次", sometimes="偶尔", once="只有这一次"),
)  # fmt: skip
_SINCE: Final = Question("SINCE", Datatype.DATETIME, "从什么时候开始的？", "ISO 8601，带时区")
_PARTY: Final = Question("PARTY", Datatype.STRING, "是哪个单位、工地或商户？", "知道名称就写，不知道可不填")
_DISTANCE: Final = Question("DISTANCE", Datatype.NUMBER, "声源离您大约多少米？", "米")
_SIGHT: Final = Question("SIGHT", Datatype.TEXT, "看到、闻到了什么？", "颜色、气味、影响了谁")
_NOTICE: Final = Question(
    "NOTICE", Datatype.TEXT,
    "有人受伤、起火、泄漏等紧急情况，请先拨打110、119、120。提交的文字会在隐去身份信息后公开。",
    variable=False,
)  # fmt: skip


def _questions(parent: str) -> tuple[Question, ...]:
    if parent == _NOISE:
        needed = Question(
            _OFTEN.code, _OFTEN.datatype, _OFTEN.description, _OFTEN.datatype_description, required=True,
            values=_OFTEN.values,
        )  # fmt: skip
        return (needed, _HOURS, _DISTANCE, _SINCE, _PARTY, _NOTICE)
    return (_OFTEN, _HOURS, _SINCE, _PARTY, _SIGHT, _NOTICE)


def services(tables: Tables, day: date) -> tuple[Service, ...]:
    """The services in force on a day, in the order of the table."""
    return tuple(
        Service(
            code=row.id,
            name=row.name,
            group=row.parent,
            description=f"{row.parent}污染：{row.name}" if row.parent != "其他" else row.name,
            keywords=f"{row.parent},{row.name}",
            questions=_questions(row.parent),
        )
        for row in tables.kinds.values()
        if row.holds(day)
    )


def service(tables: Tables, code: str, day: date) -> Service | None:
    """The service of a code, if it is in force."""
    return next((found for found in services(tables, day) if found.code == code), None)


def digest(tables: Tables, day: date) -> str:
    """What changes when the list or a definition does, and only then."""
    told = json.dumps([asdict(found) for found in services(tables, day)], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()
