"""单位通讯录 (directory): what a unit may say of itself, who may write it, who reads whose. Pure.

Of each unit its duty numbers (值班电话), and who answers by post (环保管家 R4.17, 接诉即办专员, 带班领导).
A unit's own people with 承办 write theirs; whoever keeps where units are told things (外发通知) writes those
of the units within their reach. No rule read here says who keeps it or how often: that is **A**.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from models.vocab import Level
from models.vocab_directory import DirectoryField
from models.vocab_staff import Permission
from triage.errors import TriageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from models.viewing import Viewer
    from triage.rules.rows import Tables, UnitRow

#: 核对: what was not confirmed for longer is asked about (A: a duty roster of a quarter).
CONFIRM_EVERY: Final = timedelta(days=90)
#: The field of a person's office number, by that of the name.
PEOPLE: Final = {
    DirectoryField.STEWARD: DirectoryField.STEWARD_PHONE,
    DirectoryField.CLERK: DirectoryField.CLERK_PHONE,
    DirectoryField.LEADER: DirectoryField.LEADER_PHONE,
}
#: Longest text of each, as the columns hold it.
LONGEST: Final[Mapping[DirectoryField, int]] = {
    DirectoryField.DUTY_PHONE: 80, DirectoryField.OFFICE_PHONE: 80, DirectoryField.HOURS: 60,
    DirectoryField.REMARK: 200, **dict.fromkeys(PEOPLE, 40), **dict.fromkeys(PEOPLE.values(), 80),
}  # fmt: skip
_NUMBERS: Final = {DirectoryField.DUTY_PHONE, DirectoryField.OFFICE_PHONE, *PEOPLE.values()}
_BETWEEN: Final = re.compile(r"[、,;/]|或")
#: Signs between digits; the area code alone may stand in brackets.
_NUMBER: Final = re.compile(
    r"\+?(?:[0-9]{2,4}[ -]?)?(?:\([0-9]{2,4}\)[ -]?)?[0-9][0-9 -]*(?:转\s*[0-9]{1,6})?"
)
_EXTENSION: Final = re.compile(r"\s*[0-9]{1,6}")
#: A mobile, as it stands between other words too.
_MOBILE: Final = re.compile(r"(?<![0-9])(?:(?:0086|86)[ -]?)?0?1[ -]?[3-9](?:[ -]?[0-9]){9}(?![0-9])")
#: From abroad, and what is left of it at home.
_COUNTRY: Final = re.compile(r"(?:0086|86)0?([1-9][0-9]{8,10})")
#: Digits that reach somebody from any telephone of the city. What is shorter is the extension of another one.
_WHOLE: Final = re.compile(
    r"110|112|114|119|120|122|999|(?:010)?[19][0-9]{4,5}"  # emergencies, 12345 and its like
    r"|[1-9][0-9]{7}|010[1-9][0-9]{7}|02[0-9][1-9][0-9]{7}|0[3-9][0-9]{2}[1-9][0-9]{6,7}"  # landlines
    r"|[48]00[0-9]{7}|0?1[3-9][0-9]{9}|(?:0086|86)0?[1-9][0-9]{8,10}"
)
_DIGITS: Final = re.compile(r"[0-9]+")
#: 010 and eight digits, as a spreadsheet shows them that takes them for a number.
_SHORN: Final = re.compile(r"10[0-9]{8}")
_MANY_DIGITS: Final = re.compile(r"[0-9]{5}")
_LEAST, _MOST, _AT_ONCE = 7, 15, 4
#: A landline of Beijing without its area code.
_LOCAL: Final = 8
_AREA: Final = "010"

Said = dict[DirectoryField, str]


class DirectoryRefused(TriageError):
    """通讯录没有保存。"""

    code: ClassVar[str] = "directory_refused"
    status: ClassVar[int] = 422

    def __init__(self, faults: Mapping[DirectoryField, str]) -> None:
        """Say each fault with its field."""
        super().__init__("；".join(f"{field.label}：{words}" for field, words in faults.items()))
        self.faults = dict(faults)


@dataclass(frozen=True, slots=True)
class Phone:
    """A number as it is written, and what a telephone is told to dial."""

    text: str
    dial: str


def checked(said: Mapping[DirectoryField, str]) -> Said:
    """Every field, in plain form. Raises DirectoryRefused naming each that is wrong."""
    plain = {field: _plain(said.get(field, "")) for field in DirectoryField}
    faults: dict[DirectoryField, str] = {}
    for field, text in plain.items():
        if words := _fault(field, text):
            faults[field] = words
    for person, phone in PEOPLE.items():
        if plain[phone] and not plain[person]:
            faults.setdefault(person, "写了电话，没有写姓名")
    if not faults and not (plain[DirectoryField.DUTY_PHONE] or plain[DirectoryField.OFFICE_PHONE]):
        faults[DirectoryField.DUTY_PHONE] = "它和办公电话至少填一个"
    if faults:
        raise DirectoryRefused(faults)
    return plain


def _plain(text: str) -> str:
    """One line, full-width signs as plain ones, the Chinese comma between numbers and names kept."""
    parts = (unicodedata.normalize("NFKC", part) for part in text.split("、"))
    return " ".join("、".join(parts).split())


def _fault(field: DirectoryField, text: str) -> str | None:
    if len(text) > LONGEST[field]:
        return f"最多 {LONGEST[field]} 个字"
    if not text.isprintable():
        return "有不能显示的字符"
    if field in PEOPLE and _MANY_DIGITS.search(text):
        return "只写姓名，电话写在它后面的一项"
    if field is not DirectoryField.DUTY_PHONE and _MOBILE.search(text):
        return "请留办公电话，不留个人手机；值班用的手机写在 24 小时值班电话里"
    return _wrong_number(text) if field in _NUMBERS and text else None


def _wrong_number(text: str) -> str | None:
    parts = [part.strip() for part in _BETWEEN.split(text)]
    if len(parts) > _AT_ONCE:
        return f"最多 {_AT_ONCE} 个号码"
    for part in parts:
        number, _ = _parted(part)
        digits = _digits(number)
        if _SHORN.fullmatch(digits):
            return "像是表格软件去掉了开头的 0：写成 010-12345678"
        abroad = number.startswith("+") and _LEAST <= len(digits) <= _MOST
        if not _NUMBER.fullmatch(part) or not (abroad or _WHOLE.fullmatch(digits)):
            return "像 010-12345678、12345678 转 801 这样写；几个号码用“、”隔开，号码要写全"
    return None


def _digits(text: str) -> str:
    return "".join(_DIGITS.findall(text))


def _parted(part: str) -> tuple[str, str]:
    """A number and its extension: after 转, or after a hyphen where a whole number stands before it."""
    number, sign, extension = part.strip().partition("转")
    if sign:
        return number, extension.strip()
    before, _, last = number.rpartition("-")
    digits = _digits(before)
    whole = _WHOLE.fullmatch(digits) or _SHORN.fullmatch(digits)
    if _EXTENSION.fullmatch(last) and whole and not _MOBILE.fullmatch(number):
        return before, last.strip()
    return number, ""


def phones(text: str) -> tuple[Phone, ...]:
    """The numbers of a field, each with what is dialled: a landline of eight digits is one of Beijing."""
    found = []
    for part in _BETWEEN.split(text):
        number, extension = _parted(part)
        if digits := _digits(number):
            then = f",{extension}" if extension else ""
            found.append(Phone(part.strip(), f"{_dialled(number, digits)}{then}"))
    return tuple(found)


def _dialled(number: str, digits: str) -> str:
    if home := _COUNTRY.fullmatch(digits):
        return f"+86{home[1]}"
    if number.startswith("+"):
        return f"+{digits}"
    if _MOBILE.fullmatch(digits):
        return digits.lstrip("0")
    return f"{_AREA}{digits}" if len(digits) == _LOCAL and digits[0] != "0" else digits


def overdue(confirmed_at: datetime, now: datetime) -> bool:
    """Whether it is to be confirmed again."""
    return now - confirmed_at > CONFIRM_EVERY


def may_write(viewer: Viewer, unit: str) -> bool:
    """Whether somebody keeps a unit's entry: its own people with 承办, and who sets where it is told."""
    if viewer.may(Permission.HANDLE) and unit in viewer.scope.own:
        return True
    within = viewer.scope.everything or unit in viewer.scope.units
    return viewer.may(Permission.NOTICES) and within


def reads_all(tables: Tables, viewer: Viewer) -> bool:
    """12345's desk, the whole city's people and the districts read every unit's."""
    own = (tables.units.get(code) for code in viewer.scope.own)
    return viewer.scope.everything or any(unit is not None and unit.governs for unit in own)


def reads(tables: Tables, viewer: Viewer, unit: UnitRow) -> bool:
    """Whether somebody reads a unit's, shared cases aside: their own, their district's, 12345's."""
    if reads_all(tables, viewer) or unit.level is Level.DESK:
        return True
    own = [row for code in viewer.scope.own if (row := tables.units.get(code)) is not None]
    districts = {row.district_code for row in own if row.district_code}
    return unit.code in viewer.scope.own | viewer.scope.units or unit.district_code in districts
