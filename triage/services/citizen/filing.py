"""网上提交: a citizen's form, checked field by field, becomes an appeal through the ordinary intake.

Sent twice (a double press, the back button, a lost answer) it is one case: the form's own key says so, and
receipt number and code are made from it, so that the second answer is the first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from connectors.vault import normal_phone
from models.appeals import Appeal, Source
from models.citizens import CitizenAccess
from models.vocab import Channel
from models.vocab_citizen import Asked, Manner
from models.vocab_files import FileOwner
from nlp.text import mask_identity
from triage.clock import local
from triage.errors import BadInput, TriageError
from triage.services import attachments, intake, limiting
from triage.services.attachments import Owner
from triage.services.intake import NewAppeal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.vault import Vault
    from triage.services.attachments import Prepared
    from triage.services.deps import Deps

SOURCE: Final = "citizen"
CITIZEN: Final = "citizen"
SHORTEST_TEXT: Final = 5
LONGEST_TEXT: Final = 4000
LONGEST_PLACE: Final = 200
LONGEST_NAME: Final = 40
PHONE: Final = re.compile(r"1[3-9]\d{9}|0\d{9,11}", re.ASCII)
_NAME: Final = re.compile(r"[^\d\x00-\x1f<>]{2,40}")
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{32,64}")
#: Without those that are taken for one another.
_LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_CODE_LETTERS: Final = 8
_DIGITS: Final = 6
_TRIES: Final = 8
_CONTROL: Final = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f]")


class Full(TriageError):
    """受理编号一时分配不出，请再按一次提交；您写的内容还在。"""

    code = "no_number"
    status = 503


@dataclass(frozen=True, slots=True)
class Typed:
    """A form as it was typed; nothing of it is lost when something is wrong. Not in `repr`."""

    key: str = field(repr=False)
    text: str = field(default="", repr=False)
    place: str = field(default="", repr=False)
    area: str = ""
    lat: str = field(default="", repr=False)
    lon: str = field(default="", repr=False)
    manner: str = Manner.NAMED.value
    name: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    trap: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Filing:
    """A form that can be taken."""

    key: str = field(repr=False)
    text: str = field(repr=False)
    place: str | None = field(repr=False)
    lon: float | None
    lat: float | None
    manner: Manner
    name: str | None = field(repr=False)
    phone: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Filed:
    """What came of it. `code`: the 查询码, shown once; until 2026-11-26 only the anonymous got one."""

    appeal_id: int
    receipt: str
    code: str | None = field(default=None, repr=False)


def clean(text: str) -> str:
    """Without control characters, and with one kind of line break."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def check(typed: Typed) -> tuple[Filing | None, dict[str, str]]:
    """The form, or what is wrong with it: a plain sentence for each field."""
    faults: dict[str, str] = {}
    if typed.trap:
        faults["trap"] = "这一栏是给自动程序设的，请留空再提交。"
    if not _KEY.fullmatch(typed.key):
        faults["form"] = "页面已过期，请再按一次提交。"
    text, place, point = clean(typed.text), clean(typed.place), _point(typed)
    if len(text) < SHORTEST_TEXT:
        faults["text"] = f"请说说是什么事，至少 {SHORTEST_TEXT} 个字。"
    elif len(text) > LONGEST_TEXT:
        faults["text"] = f"写得太长了：最多 {LONGEST_TEXT} 个字，现在是 {len(text)} 个字。"
    if len(place) > LONGEST_PLACE:
        faults["place"] = f"地点最多 {LONGEST_PLACE} 个字。"
    elif not place and point is None:
        faults["place"] = "请写明在哪里，或者在下面的地图上点一下。"
    manner = {known.value: known for known in Manner}.get(typed.manner)
    if manner is None:
        return None, {**faults, "manner": "请选一种方式。"}
    name, phone = clean(typed.name), clean(typed.phone)
    anonymous = manner is Manner.ANONYMOUS
    if not anonymous:
        faults |= _person_faults(manner, name, phone)
    if faults:
        return None, faults
    return Filing(
        key=typed.key, text=text, place=place or None,
        lon=point[0] if point else None, lat=point[1] if point else None, manner=manner,
        name=None if anonymous else name or None, phone=None if anonymous else normal_phone(phone),
    ), {}  # fmt: skip


def _person_faults(manner: Manner, name: str, phone: str) -> dict[str, str]:
    """What is wrong with a name and a phone where they are asked for."""
    faults: dict[str, str] = {}
    if not phone:
        faults["phone"] = "请留一个电话：办理单位要联系您，查进度也要用它。不想留电话可以选“匿名”。"
    elif not PHONE.fullmatch(normal_phone(phone)):
        faults["phone"] = "这个电话号码不对：手机是 11 位，座机请带区号，如 010-12345678。"
    if manner is Manner.NAMED and not name:
        faults["name"] = "请写您的姓名，或者选“匿名”。"
    elif name and not _NAME.fullmatch(name):
        faults["name"] = f"姓名应是 2 到 {LONGEST_NAME} 个字，不含数字。"
    return faults


def _point(typed: Typed) -> tuple[float, float] | None:
    """(lon, lat) where the map was pressed; None when it was not, or what is sent is no point."""
    try:
        lon, lat = float(typed.lon), float(typed.lat)
    except ValueError:
        return None
    return (lon, lat) if -180 <= lon <= 180 and -90 <= lat <= 90 else None  # noqa: PLR2004


def _made_from(vault: Vault, purpose: str, key: str, number: int = 0) -> int:
    return int(vault.content_hash(f"citizen.{purpose}\0{key}\0{number}"), 16)


def code_of(vault: Vault, key: str) -> str:
    """查询码 of a form: eight letters and digits."""
    value, found = _made_from(vault, "code", key), ""
    for _ in range(_CODE_LETTERS):
        value, at = divmod(value, len(_LETTERS))
        found += _LETTERS[at]
    return found


def code_hash(vault: Vault, appeal_id: int, code: str) -> str:
    """What is kept of it."""
    return vault.content_hash(f"citizen.code\0{appeal_id}\0{code}")


async def file(
    session: AsyncSession,
    deps: Deps,
    filing: Filing,
    *,
    where: str | None,
    address: str,
    files: Sequence[Prepared],
    hashes: Sequence[tuple[str, str | None]],
    now: datetime,
) -> Filed:
    """Store a form in the caller's transaction, or find it stored. Raises TooOften, Full.

    `where` is the area that the point lies in, `address` the network address that it came from.
    """
    vault = deps.vault
    form_hash = vault.content_hash(f"citizen.form\0{filing.key}")
    if known := await _known(session, vault, form_hash, filing.key):
        return known
    limits = _limits(deps, filing, address)
    for who, most in limits.items():
        await limiting.look(session, vault, Asked.REPORT, who, most=most, now=now)
    # Whoever left a phone has one too: staff can look a phone up, and a reward takes more than that.
    code = code_of(vault, filing.key)
    said = "，".join(part for part in (where, filing.place) if part) or None
    for number in range(_TRIES):
        digits = _made_from(vault, "receipt", filing.key, number) % 10**_DIGITS
        receipt = f"W{local(now):%Y%m%d}{digits:0{_DIGITS}d}"
        item = NewAppeal(
            source=SOURCE, external_id=receipt, content=form_hash, text=filing.text, address=said,
            channel=Channel.WEB, confidential=filing.manner is Manner.CONFIDENTIAL, received_at=now,
            name=filing.name, phone=filing.phone,
        )  # fmt: skip
        received = await intake.receive(session, vault, [item], now=now)
        if received.stored:
            appeal_id = received.stored[0]
            session.add(
                CitizenAccess(
                    appeal_id=appeal_id, form_hash=form_hash, lon=filing.lon, lat=filing.lat,
                    code_hash=code_hash(vault, appeal_id, code),
                )
            )  # fmt: skip
            owner = Owner(appeal_id, FileOwner.APPEAL, CITIZEN)
            await attachments.register(session, owner, files, hashes, now=now)
            # Last: behind one address may be a whole office, and its forms would wait for each other.
            for who, most in limits.items():
                await limiting.count(session, vault, Asked.REPORT, who, most=most, now=now)
            return Filed(appeal_id, receipt, code)
        # The number is taken: by this very form, sent twice at once, or by another one.
        if known := await _known(session, vault, form_hash, filing.key):
            return known
    raise Full


async def _known(session: AsyncSession, vault: Vault, form_hash: str, key: str) -> Filed | None:
    row = (
        await session.execute(
            sa.select(Appeal.id, Appeal.external_id, CitizenAccess.code_hash)
            .join(CitizenAccess, CitizenAccess.appeal_id == Appeal.id)
            .where(CitizenAccess.form_hash == form_hash)
        )
    ).one_or_none()
    if row is None:
        return None
    return Filed(row[0], row[1] or "", code_of(vault, key) if row[2] else None)


def _limits(deps: Deps, filing: Filing, address: str) -> dict[str, int]:
    """Who is counted for a form, and how many an hour are taken."""
    found = {f"address:{limiting.place_of(address)}": deps.settings.citizen_reports_per_address}
    if filing.phone:
        found[f"phone:{filing.phone}"] = deps.settings.citizen_reports_per_phone
    return found


async def source_named(session: AsyncSession) -> None:
    """Give the page's source its name for people."""
    await session.execute(
        sa.update(Source).where(Source.key == SOURCE, Source.name == SOURCE).values(name="网上诉求")
    )


def typed_of(form: Mapping[str, object], *, key: str) -> Typed:
    """A form's fields as text; the key of a new form when it has none. Raises BadInput."""

    def text(name: str, longest: int = 20_000) -> str:
        value = form.get(name) or ""
        if not isinstance(value, str):
            raise BadInput("表单内容无法读取")
        return value[:longest]

    return Typed(
        key=text("key", 64) or key, text=text("text"), place=text("place", 1000), area=text("area", 12),
        lat=text("lat", 24), lon=text("lon", 24), manner=text("manner", 16) or Manner.NAMED.value,
        name=text("name", 200), phone=text("phone", 200), trap=text("website", 200),
    )  # fmt: skip


def masked(text: str, *, name: str | None = None) -> str:
    """What others read of it."""
    return intake.mask(text, name=name) if name else mask_identity(text)
