"""A POST of Open311, checked field by field: what is asked for, where, what was answered.

Pure. Faults are gathered, not told one by one: the standard's answer is a list.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from models.vocab_citizen import Datatype

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from triage.services.open311.catalogue import Question, Service

LONGEST_DESCRIPTION: Final = 4000
_LONGEST: Final = {
    "address_string": 400, "address_id": 60, "email": 200, "device_id": 200, "account_id": 200,
    "first_name": 60, "last_name": 60, "phone": 40, "media_url": 2000, "client_request_id": 64,
}  # fmt: skip
_LONGEST_ANSWER: Final = 1000
_ATTRIBUTE: Final = re.compile(r"attribute\[([A-Za-z0-9_.-]{1,40})\](\[\])?")
#: What XML 1.0 cannot hold, so neither can an answer of ours: control characters, half characters.
_UNTOLD: Final = re.compile("[^\\t\\n\\r\\u0020-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
_URL: Final = re.compile(r"https?://[^\s<>\"']+")
_NUMBER: Final = re.compile(r"[+-]?\d{1,12}(\.\d{1,12})?", re.ASCII)
_LAT: Final = 90.0
_LON: Final = 180.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of the error list."""

    code: int
    description: str


@dataclass(frozen=True, slots=True)
class Posted:
    """A posting that can be taken. What identifies a person is left out of `repr`."""

    service: Service
    description: str | None = field(repr=False)
    address: str | None = field(repr=False)
    address_id: str | None
    lon: float | None
    lat: float | None
    media_url: str | None = field(repr=False)
    answers: dict[str, list[str]] = field(repr=False)
    name: str | None = field(repr=False)
    phone: str | None = field(repr=False)
    email: str | None = field(repr=False)
    device_id: str | None = field(repr=False)
    account_id: str | None = field(repr=False)
    client_request_id: str | None


def told(form: Mapping[str, Sequence[str]], name: str) -> str | None:
    """The value of a field; sent empty is not sent."""
    values = [value for value in form.get(name, ()) if value.strip()]
    return values[0].strip() if values else None


def check(form: Mapping[str, Sequence[str]], service: Service) -> tuple[Posted | None, list[Fault]]:
    """What was posted for a service, or everything that is wrong with it."""
    faults = [
        Fault(400, f"{_UNTOLD.sub('', name)[:40]}：含有控制字符")
        for name, values in form.items()
        if any(_UNTOLD.search(value) for value in (name, *values))
    ]
    for name, longest in _LONGEST.items():
        if len(told(form, name) or "") > longest:
            faults.append(Fault(400, f"{name}：最多 {longest} 个字符"))
    # As it was written: line breaks at its ends are the sender's.
    description = next((value for value in form.get("description", ()) if value.strip()), None)
    if description is not None and len(description.replace("\r\n", "\n")) > LONGEST_DESCRIPTION:
        faults.append(Fault(400, f"description：最多 {LONGEST_DESCRIPTION} 个字符"))
    lon, lat = _point(form, faults)
    address, address_id = told(form, "address_string"), told(form, "address_id")
    if (
        lon is None
        and address is None
        and address_id is None
        and not any("lat" in f.description for f in faults)
    ):
        faults.append(Fault(400, "缺少位置：lat 和 long、address_string、address_id 至少写一样"))
    media_url = told(form, "media_url")
    if media_url is not None and not _URL.fullmatch(media_url):
        faults.append(Fault(400, "media_url：应是 http 或 https 地址"))
    answers = _answers(form, service, faults)
    if faults:
        return None, faults
    name = " ".join(part for part in (told(form, "last_name"), told(form, "first_name")) if part)
    return Posted(
        service=service,
        description=description.replace("\r\n", "\n") if description else None,
        address=address, address_id=address_id, lon=lon, lat=lat, media_url=media_url, answers=answers,
        # 张 and 三 are one name; Smith and John are two words.
        name=(name.replace(" ", "") if not name.isascii() else name) or None,
        phone=told(form, "phone"), email=told(form, "email"), device_id=told(form, "device_id"),
        account_id=told(form, "account_id"), client_request_id=told(form, "client_request_id"),
    ), []  # fmt: skip


def _point(form: Mapping[str, Sequence[str]], faults: list[Fault]) -> tuple[float | None, float | None]:
    """(long, lat) in degrees; both or none."""
    found: dict[str, float] = {}
    for name, most in (("lat", _LAT), ("long", _LON)):
        text = told(form, name)
        if text is None:
            continue
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not -most <= number <= most:
            faults.append(Fault(400, f"{name}：应是 -{most:g} 到 {most:g} 的度数（lat、long 为 WGS-84）"))
        found[name] = number
    if len(found) == 1:
        missing = "long" if "lat" in found else "lat"
        faults.append(Fault(400, f"缺少 {missing}：lat 和 long 要一起写"))
    return found.get("long"), found.get("lat")


def _answers(
    form: Mapping[str, Sequence[str]], service: Service, faults: list[Fault]
) -> dict[str, list[str]]:
    """What was answered, by question, in the order it was sent."""
    sent: dict[str, list[str]] = {}
    for name, values in form.items():
        if match := _ATTRIBUTE.fullmatch(name):
            sent.setdefault(match[1], []).extend(value.strip() for value in values if value.strip())
    known = {question.code: question for question in service.questions if question.variable}
    faults.extend(
        Fault(400, f"attribute[{code}]：服务 {service.code} 没有这一项") for code in sent if code not in known
    )
    found: dict[str, list[str]] = {}
    for code, question in known.items():
        values = sent.get(code, [])
        if question.required and not values:
            faults.append(Fault(400, f"attribute[{code}]：必填（{question.description}）"))
        faults.extend(Fault(400, f"attribute[{code}]：{fault}") for fault in _answer_faults(question, values))
        if values:
            found[code] = values
    return found


def _answer_faults(question: Question, values: list[str]) -> list[str]:
    if len(values) > 1 and question.datatype is not Datatype.MANY:
        return ["只能有一个值"]
    match question.datatype:
        case Datatype.ONE | Datatype.MANY:
            keys = {choice.key for choice in question.values}
            return [f"没有选项 {value[:40]}" for value in values if value not in keys]
        case Datatype.NUMBER:
            return ["应是数" for value in values if not _NUMBER.fullmatch(value)]
        case Datatype.DATETIME:
            return ["应是带时区的 ISO 8601 时刻" for value in values if moment(value) is None]
        case _:
            return [f"最多 {_LONGEST_ANSWER} 个字符" for value in values if len(value) > _LONGEST_ANSWER]


def moment(text: str) -> datetime | None:
    """An ISO 8601 moment with its zone, as UTC; None when it is none. In a form, + often comes as a space."""
    try:
        found = datetime.fromisoformat(text.strip().replace(" ", "+"))
        # A day without a time, or a week, is no moment; neither is one without zone, or outside the calendar.
        return found.astimezone(UTC) if found.tzinfo is not None and "T" in text else None
    except (ValueError, OverflowError):
        return None


def sentences(posted: Posted) -> str:
    """The text that is read: what was said, then what was answered, in words."""
    lines = [posted.description or posted.service.name]
    names = {question.code: question for question in posted.service.questions}
    for code, values in posted.answers.items():
        question = names[code]
        labels = {choice.key: choice.name for choice in question.values}
        lines.append(f"{question.description.rstrip('？')}：{'、'.join(labels.get(v, v) for v in values)}")
    return "\n".join(lines)
