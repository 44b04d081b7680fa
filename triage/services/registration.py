"""人工登记, the form: which fields it has, what is wrong with them, and what can be registered. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from connectors.vault import normal_phone
from models.vocab import Channel, Told
from triage.clock import BEIJING, local
from triage.services.citizen.filing import (
    LONGEST_NAME,
    LONGEST_PLACE,
    LONGEST_TEXT,
    PHONE,
    SHORTEST_TEXT,
    clean,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

#: How somebody comes to a clerk; what comes in by itself has channels of its own.
HOW: Final = (Channel.PHONE, Channel.VISIT, Channel.LETTER, Channel.OTHER)
LONGEST_TITLE: Final = 100
LONGEST_NUMBER: Final = 64
LONGEST_KEY: Final = 64
#: As the move 当场答复 takes it (`moves.yaml`, `rules/fields`); what that refuses all the same a person sees.
SHORTEST_ANSWER: Final = 8
LONGEST_ANSWER: Final = 1000
#: The clock of whoever writes may be ahead of ours by so much.
CLOCKS_DIFFER: Final = timedelta(minutes=10)
FIRST_LIKELY_YEAR: Final = 2000
_NAME: Final = re.compile(r"[^\x00-\x1f<>]{2,40}")
_MANY_DIGITS: Final = re.compile(r"\d{5}")
_DIGIT: Final = re.compile(r"[0-9]")
_TOO_SHORT: Final = f"请写明是什么事，至少 {SHORTEST_TEXT} 个字。"
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Typed:
    """A form as it was typed; nothing of it is lost when something is wrong. Persons are not in `repr`."""

    key: str = field(repr=False)
    how: str = Channel.PHONE.value
    title: str = field(default="", repr=False)
    text: str = field(default="", repr=False)
    place: str = field(default="", repr=False)
    name: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    anonymous: bool = False
    confidential: bool = False
    received: str = ""
    number: str = field(default="", repr=False)
    failed: int | None = None
    carry: bool = False
    answered: bool = False
    answer: str = field(default="", repr=False)
    told: str = ""


@dataclass(frozen=True, slots=True)
class Registration:
    """A form that can be taken. `received_at` None: now. `carry`: who the given-up appeal is from, too."""

    key: str = field(repr=False)
    how: Channel
    title: str | None = field(repr=False)
    text: str = field(repr=False)
    place: str | None = field(repr=False)
    name: str | None = field(repr=False)
    phone: str | None = field(repr=False)
    confidential: bool
    received_at: datetime | None
    number: str | None = field(repr=False)
    failed: int | None = None
    carry: bool = False
    answer: tuple[str, Told] | None = field(default=None, repr=False)
    """已当场答复: the words, and how the citizen was told; None: it was not."""


def line(text: str) -> str:
    """What stands on one line: without control characters, line breaks and spaces at the ends."""
    return " ".join(clean(text).split())


def plain_number(text: str) -> str:
    """A number from outside in plain width: so it is kept, unless a case bears it as it was given."""
    return line(unicodedata.normalize("NFKC", text))


def moment_of(text: str, now: datetime) -> tuple[datetime | None, str | None]:
    """The moment that was typed, Beijing's where no zone is said, or what is wrong with it."""
    if not text:
        return None, None
    try:
        typed = datetime.fromisoformat(text)
    except ValueError:
        return None, f"时间无法读取：请写成 {local(now):%Y-%m-%d %H:%M} 这样。"
    if not FIRST_LIKELY_YEAR <= typed.year <= local(now).year + 1:
        return None, f"时间不对：应在 {FIRST_LIKELY_YEAR} 年以后，不晚于现在。"
    moment = (typed if typed.tzinfo else typed.replace(tzinfo=BEIJING)).astimezone(now.tzinfo)
    if moment > now + CLOCKS_DIFFER:
        return None, f"时间在将来：现在是 {local(now):%Y-%m-%d %H:%M}。"
    return moment, None


def check(
    typed: Typed, *, now: datetime, shown: Mapping[str, str] = _NOTHING
) -> tuple[Registration | None, dict[str, str]]:
    """The form, or what is wrong with it: a plain sentence for each field.

    `shown`: what a given-up appeal filled in (`taking_over.shown`). What was left so was taken once already,
    by longer measures than a form's.
    """
    faults: dict[str, str] = {}
    if not 0 < len(typed.key) <= LONGEST_KEY or not typed.key.isprintable():
        faults["form"] = "页面已过期，请再按一次登记。"
    how = {one.value: one for one in HOW}.get(typed.how)
    if how is None:
        faults["how"] = f"请选怎样来的：{'、'.join(one.label for one in HOW)}。"
    title, text, place, number = (
        line(typed.title),
        clean(typed.text),
        line(typed.place),
        line(typed.number),
    )
    said = {"title": title, "text": text, "place": place, "number": number}
    faults |= _word_faults({name: words for name, words in said.items() if words != shown.get(name)})
    if not text:
        faults["text"] = _TOO_SHORT
    moment, wrong = moment_of(line(typed.received), now)
    if wrong:
        faults["received"] = wrong
    faults |= _person_faults(typed)
    answer, wrong_answer = _answer(typed)
    faults |= wrong_answer
    if faults or how is None:
        return None, faults
    return Registration(
        key=typed.key, how=how, title=title or None, text=text, place=place or None,
        name=line(typed.name) or None, phone=normal_phone(typed.phone) or None,
        confidential=typed.confidential, received_at=moment, number=number or None, failed=typed.failed,
        carry=typed.carry and typed.failed is not None and not typed.anonymous, answer=answer,
    ), {}  # fmt: skip


def _word_faults(said: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with these fields as they were typed."""
    faults: dict[str, str] = {}
    title, text, place, number = (said.get(name, "") for name in ("title", "text", "place", "number"))
    if len(title) > LONGEST_TITLE:
        faults["title"] = f"标题最多 {LONGEST_TITLE} 个字，现在是 {len(title)} 个字。"
    if "text" in said and len(text) < SHORTEST_TEXT:
        faults["text"] = _TOO_SHORT
    elif len(text) > LONGEST_TEXT:
        faults["text"] = f"内容太长：最多 {LONGEST_TEXT} 个字，现在是 {len(text)} 个字。"
    if len(place) > LONGEST_PLACE:
        faults["place"] = f"地点最多 {LONGEST_PLACE} 个字。"
    plain = plain_number(number)
    if number and (max(len(number), len(plain)) > LONGEST_NUMBER or not _DIGIT.search(plain)):
        faults["number"] = f"平台编号应有数字，最多 {LONGEST_NUMBER} 个字符；没有就留空。"
    return faults


def _answer(typed: Typed) -> tuple[tuple[str, Told] | None, dict[str, str]]:
    """What was answered at once, or what is wrong with it; words without the tick are not dropped unsaid."""
    words = clean(typed.answer)
    if not typed.answered:
        return None, {"answered": "写了答复，没有勾“已当场答复”：请勾上，或把答复去掉。"} if words else {}
    faults: dict[str, str] = {}
    if typed.confidential:
        faults["answered"] = "要求保密的不能当场答复办结：请去掉一样。"
    if not SHORTEST_ANSWER <= len(words) <= LONGEST_ANSWER:
        faults["answer"] = (
            f"请写明答复了什么，{SHORTEST_ANSWER} 到 {LONGEST_ANSWER} 个字，诉求人看得到；"
            f"现在是 {len(words)} 个字。"
        )
    told = {one.value: one for one in Told}.get(typed.told)
    if told is None:
        faults["told"] = f"请选怎样告诉诉求人的：{'、'.join(one.label for one in Told)}。"
    return (words, told) if told is not None and not faults else None, faults


def _person_faults(typed: Typed) -> dict[str, str]:
    """What is wrong with who it is from: somebody is named, or nobody is and the form says so."""
    name, phone = line(typed.name), line(typed.phone)
    if typed.anonymous:
        told = name or phone or typed.carry
        return {"anonymous": "勾了匿名，又有姓名或电话：请去掉一样。"} if told else {}
    faults: dict[str, str] = {}
    if not (name or phone or (typed.carry and typed.failed is not None)):
        faults["phone"] = "请写诉求人的电话或姓名；本人不愿留的，勾选“匿名”。"
    if phone and not PHONE.fullmatch(normal_phone(phone)):
        faults["phone"] = "这个电话号码不对：手机是 11 位，座机请带区号，如 010-12345678。"
    if name and (not _NAME.fullmatch(name) or _MANY_DIGITS.search(name)):
        faults["name"] = f"姓名应是 2 到 {LONGEST_NAME} 个字，号码请写在电话里。"
    return faults
