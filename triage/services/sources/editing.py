"""来源 as rows: added, changed, switched on and off. Credentials go in sealed and are never given back."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, Protocol
from urllib.parse import urlsplit

import orjson
import sqlalchemy as sa

from connectors.vault import VaultError
from models.appeals import Source
from models.sources import SourceTask
from models.vocab_ledger import LedgerAct, SubjectKind
from triage import logs
from triage.errors import BadInput, NotFound, TriageError
from triage.services import ledger, storing
from triage.services.sources.ports import FieldType, Settled
from triage.services.sources.registry import puller_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.vault import Vault
    from triage.services.sources.ports import Puller, SettingField

log = logs.get(__name__)

_KEY: Final = re.compile(r"[a-z0-9][a-z0-9_-]{1,39}")
#: Sources that the system makes by itself: who could make one of these by hand would speak in its name.
RESERVED: Final = frozenset({"citizen", "desk", "lead", "leads", "local", "media", "open311", "system"})
_RESERVED_STEMS: Final = ("open311",)
_LONGEST: Final = {FieldType.LONG: 8000, FieldType.SECRET: 2000}
_LONGEST_TEXT: Final = 500
_LONGEST_NAME: Final = 60
_CHANGED: Final = "这个来源刚刚被别人改过，没有启用。请看过现在的设置再启用。"
SOONEST_SECONDS: Final = 5
LATEST_SECONDS: Final = 7 * 24 * 3600


class KeyTaken(TriageError):
    """已有同样代号的来源。"""

    code: ClassVar[str] = "source_exists"
    status: ClassVar[int] = 409


class SourceChanged(TriageError):
    """这个来源刚刚被别人改过。您填写的还在，请核对后再保存；凭据要重新填写。"""

    code: ClassVar[str] = "version_conflict"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class SourceIn:
    """A source as a form gives it. `credentials`: those typed anew; the others stay as they are.

    `version`: of the settings as they were seen; None: whatever they are.
    """

    name: str
    every_seconds: int
    settings: Mapping[str, str]
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    forget: tuple[str, ...] = ()
    version: int | None = None


def settled(vault: Vault, source: Source) -> Settled:
    """A source's row as its tasks need it. Raises VaultError when the credentials do not open."""
    opened: dict[str, str] = {}
    if source.credentials is not None:
        opened = orjson.loads(vault.open(source.credentials, belongs_to=_place(source.id)))
    puller = puller_of(source.kind)
    defaults = {f.name: f.default for f in puller.fields if f.default} if puller else {}
    return Settled(source.id, source.key, source.name, defaults | dict(source.settings), opened)


async def find(session: AsyncSession, key: str, *, lock: bool = False) -> Source:
    """A source by its key. Raises NotFound."""
    query = sa.select(Source).where(Source.key == key[:120].replace("\0", ""))
    found = await session.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise NotFound("没有这个来源。")
    return found


async def add(
    session: AsyncSession, vault: Vault, kind: str, key: str, given: SourceIn, *, by: str, now: datetime
) -> Source:
    """A new source, switched off. Raises BadInput, KeyTaken."""
    if not _KEY.fullmatch(key):
        raise BadInput("代号应是 2 到 40 个小写字母、数字、连字符或下划线，以字母或数字开头")
    if key in RESERVED or key.startswith(_RESERVED_STEMS):
        raise BadInput("这个代号由系统自己使用，请换一个")
    if puller_of(kind) is None:
        raise BadInput("这一类来源不能在这里添加")
    if await session.scalar(sa.select(Source.id).where(Source.key == key)) is not None:
        raise KeyTaken
    source = Source(key=key, name="", kind=kind, enabled=False, version=1, settings={}, created_at=now)
    session.add(source)
    await session.flush()
    await _fill(session, vault, source, given, now=now)
    ledger.write(
        session, who=by, act=LedgerAct.SOURCE_ADDED, subject=_subject(key), now=now, new=_told(source),
        detail={"kind": kind, "credentials": sorted(given.credentials)},
    )  # fmt: skip
    log.info("source_added", source=key, kind=kind, by=by)
    return source


async def change(
    session: AsyncSession, vault: Vault, key: str, given: SourceIn, *, by: str, now: datetime
) -> Source:
    """Change a source; it starts afresh at once. Raises NotFound, BadInput, SourceChanged."""
    source = await find(session, key, lock=True)
    if given.version is not None and given.version != source.version:
        raise SourceChanged
    if puller_of(source.kind) is None:
        raise BadInput("这一类来源没有可改的设置")
    old = _told(source)
    await _fill(session, vault, source, given, now=now)
    source.version += 1
    ledger.write(
        session, who=by, act=LedgerAct.SOURCE_CHANGED, subject=_subject(key), now=now, old=old,
        new=_told(source), detail={"credentials": sorted({*given.credentials, *given.forget})},
    )  # fmt: skip
    log.info("source_changed", source=key, by=by, credentials=sorted(given.credentials))
    return source


async def switch(
    session: AsyncSession, key: str, *, on: bool, by: str, now: datetime, version: int | None = None
) -> Source:
    """启用、停用. Switched on, it starts at once with a closed breaker.

    `version`: of the settings that were seen; None: whatever they are. To stop it nobody need have seen them.
    Raises NotFound, BadInput, SourceChanged.
    """
    source = await find(session, key, lock=True)
    if on and version not in {None, source.version}:
        raise SourceChanged(_CHANGED)
    puller = puller_of(source.kind)
    if puller is None:
        raise BadInput("这一类来源自己不运行，不用启用")
    if on:
        # What was typed while it was off may lack something.
        checked(puller.fields, source.settings, names_of_credentials(source))
        puller.check(source.settings)
        await add_missing_tasks(session, {source.kind: puller}, now=now)
        await wake(session, source.id, now=now)
    source.enabled = on
    ledger.write(
        session, who=by, act=LedgerAct.SOURCE_SWITCHED, subject=_subject(key), now=now, detail={"on": on}
    )
    log.info("source_switched", source=key, on=on, by=by)
    return source


def _subject(key: str) -> ledger.Subject:
    return ledger.Subject(SubjectKind.SOURCE, key)


def _told(source: Source) -> str:
    """A source's settings in one line; its credentials are not among them."""
    told = {"name": source.name, "every_seconds": str(source.every_seconds), **plain(source)}
    return "；".join(f"{name}={value}" for name, value in sorted(told.items()))


async def wake(session: AsyncSession, source_id: int, *, now: datetime) -> None:
    """Let every task of a source start at once, its failures forgotten."""
    await session.execute(
        sa.update(SourceTask)
        .where(SourceTask.source_id == source_id)
        .values(next_at=now, failures=0, paused_until=None)
        .execution_options(synchronize_session=False)
    )


async def add_missing_tasks(session: AsyncSession, pullers: Mapping[str, Puller], *, now: datetime) -> None:
    """A row for every task of every source of these kinds, where there is none."""
    sources = await session.execute(sa.select(Source.id, Source.kind).where(Source.kind.in_(pullers)))
    rows = [
        {"source_id": source_id, "task": task.name, "next_at": now}
        for source_id, kind in sources
        for task in pullers[kind].tasks
    ]
    await storing.insert_new(session, SourceTask, rows)


def names_of_credentials(source: Source) -> tuple[str, ...]:
    """Which credentials a source has; kept in the clear beside the sealed ones, so that pages can tell."""
    return tuple(source.settings.get(_HELD, "").split()) if source.settings else ()


#: Not a setting: the names of the credentials that are sealed.
_HELD: Final = "_held"


def plain(source: Source) -> dict[str, str]:
    """The settings to be shown."""
    return {name: value for name, value in source.settings.items() if name != _HELD}


async def _fill(
    session: AsyncSession, vault: Vault, source: Source, given: SourceIn, *, now: datetime
) -> None:
    puller = puller_of(source.kind)
    if puller is None:
        raise BadInput("没有这一类来源")
    name = given.name.strip()
    if not 1 <= len(name) <= _LONGEST_NAME:
        raise BadInput(f"名称应有 1 到 {_LONGEST_NAME} 个字")
    if not SOONEST_SECONDS <= given.every_seconds <= LATEST_SECONDS:
        raise BadInput(f"间隔应在 {SOONEST_SECONDS} 秒到 {LATEST_SECONDS} 秒（7 天）之间")
    before = Before(source.settings or {}, names_of_credentials(source), source.credentials)
    settings, held, sealed = settled_credentials(
        vault, puller.fields, before, given, belongs_to=_place(source.id)
    )
    puller.check(settings)
    source.name, source.every_seconds = name, given.every_seconds
    source.settings, source.credentials = settings | {_HELD: " ".join(held)}, sealed
    await add_missing_tasks(session, {source.kind: puller}, now=now)
    await wake(session, source.id, now=now)


@dataclass(frozen=True, slots=True)
class Before:
    """Settings as they are stored, the names of the credentials, and those sealed; null: none."""

    settings: Mapping[str, str]
    names: Sequence[str]
    sealed: bytes | None


class Given(Protocol):
    """The part of a form that says settings and credentials."""

    @property
    def settings(self) -> Mapping[str, str]:
        """Plain texts by name."""

    @property
    def credentials(self) -> Mapping[str, str]:
        """Those typed anew."""

    @property
    def forget(self) -> tuple[str, ...]:
        """The names of those to be cleared."""


def settled_credentials(
    vault: Vault, fields: tuple[SettingField, ...], before: Before, given: Given, *, belongs_to: str
) -> tuple[dict[str, str], list[str], bytes | None]:
    """The settings, the names of the credentials, and these sealed. Raises BadInput."""
    secrets = {f.name for f in fields if f.type is FieldType.SECRET}
    for unknown in sorted({*given.credentials, *given.forget} - secrets):
        raise BadInput(f"没有这一项凭据：{unknown[:40]}")
    held: dict[str, str] = {}
    try:
        if before.sealed is not None:
            held = orjson.loads(vault.open(before.sealed, belongs_to=belongs_to))
    except VaultError:
        _check_lost(fields, before.names, given)
    kept = {name: value for name, value in held.items() if name not in given.forget} | {
        name: given.credentials[name].strip() for name in sorted(_typed(given))
    }
    settings = checked(fields, given.settings, tuple(kept))
    _check_moved(fields, before.settings, settings, sorted({*kept} - _typed(given)))
    sealed = vault.seal(orjson.dumps(kept).decode(), belongs_to=belongs_to) if kept else None
    return settings, sorted(kept), sealed


def _typed(given: Given) -> set[str]:
    """Which credentials somebody typed just now."""
    return {name for name, value in given.credentials.items() if value.strip()}


def _check_lost(fields: Sequence[SettingField], held: Sequence[str], given: Given) -> None:
    """Credentials that no longer open are typed anew or let go of, each of them. Raises BadInput.

    Else one that may be left out would be gone without a word, and the server asked without it.
    """
    left = [name for name in held if name not in {*_typed(given), *given.forget}]
    if left:
        labels = {f.name: f.label for f in fields}
        names = "、".join(labels.get(name, name) for name in left)
        raise BadInput(f"原来的凭据解不开（密钥换过了）：请重新填写或清除 {names}")


def _check_moved(
    fields: Sequence[SettingField], before: Mapping[str, str], after: Mapping[str, str], held: Sequence[str]
) -> None:
    """Credentials that nobody typed are for the server they were typed for. Raises BadInput.

    Else whoever may edit a source could have a password that they do not know sent to a server of their own.
    """
    addresses = [f for f in fields if f.type is FieldType.URL]
    moved = any(f.name in before and _origin(before[f.name]) != _origin(after.get(f.name)) for f in addresses)
    if moved and held:
        labels = {f.name: f.label for f in fields}
        names = "、".join(labels.get(name, name) for name in held)
        raise BadInput(f"地址换了服务器，原来的凭据不能跟着过去：请重新填写或清除 {names}")


def _origin(url: str | None) -> tuple[str, str, int | None]:
    parts = urlsplit(url or "")
    ports = {"http": 80, "https": 443}
    return parts.scheme, parts.hostname or "", parts.port or ports.get(parts.scheme)


def checked(
    fields: tuple[SettingField, ...], given: Mapping[str, str], held: tuple[str, ...]
) -> dict[str, str]:
    """The settings by their fields. Raises BadInput naming the first that is missing, wrong or unknown."""
    known = {f.name: f for f in fields}
    for name in given:
        if name != _HELD and (name not in known or known[name].type is FieldType.SECRET):
            raise BadInput(f"没有这一项设置：{name[:40]}")
    found = {}
    for spec in fields:
        if spec.type is FieldType.SECRET:
            if spec.required and spec.name not in held:
                raise BadInput(f"“{spec.label}”没有填写")
            continue
        value = str(given.get(spec.name) or "").replace("\0", "").strip()
        if not value:
            if spec.required and not spec.default:
                raise BadInput(f"“{spec.label}”没有填写")
            continue
        _check_one(spec, value)
        found[spec.name] = value
    return found


def _check_one(spec: SettingField, value: str) -> None:
    longest = _LONGEST.get(spec.type, _LONGEST_TEXT)
    if len(value) > longest:
        raise BadInput(f"“{spec.label}”最多 {longest} 个字符")
    match spec.type:
        case FieldType.NUMBER:
            if not (value.isascii() and value.isdigit() and spec.least <= int(value) <= spec.most):
                raise BadInput(f"“{spec.label}”应是 {spec.least} 到 {spec.most} 的整数")
        case FieldType.URL:
            _check_url(spec, value)
        case FieldType.CHOICE:
            if value not in {key for key, _ in spec.choices}:
                raise BadInput(f"“{spec.label}”只能是：{'、'.join(label for _, label in spec.choices)}")
        case FieldType.FILE:
            if not Path(value).is_absolute():
                raise BadInput(f"“{spec.label}”应是服务器上文件的完整路径")
        case _:
            return


def _check_url(spec: SettingField, value: str) -> None:
    try:
        parts = urlsplit(value)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        (parts.hostname or "").encode("idna")
    except ValueError:  # a port, a bracket or a name that is none
        good = False
    if not good or parts.username is not None or parts.password is not None:
        raise BadInput(f"“{spec.label}”应形如 https://主机/路径，用户名和密码写在凭据里")


def _place(source_id: int) -> str:
    return f"source.credentials:{source_id}"
