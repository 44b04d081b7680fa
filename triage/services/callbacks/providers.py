"""虚拟号服务 as rows: accounts at providers, credentials sealed. Two persons set one up.

A provider is told citizens' numbers. So whoever types an address does not switch it on: another person who
may does, having read it; every change switches it off again. The terminal asks nobody, as everywhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING, ClassVar, Final

import orjson
import sqlalchemy as sa

from connectors.callback.fields import ANSWER, REQUEST, AnswerFields, FieldsRefused, RequestFields
from connectors.callback.http import HttpNumbers, NumbersSettings
from connectors.feeds.guard import Exempt
from models.callbacks import NumbersProvider
from models.vocab_ledger import LedgerAct, SubjectKind
from triage import logs
from triage.errors import BadInput, NotFound, TriageError
from triage.services import ledger
from triage.services.sources.editing import Before, checked, settled_credentials
from triage.services.sources.ports import FieldType, SettingField

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.callback.port import VirtualNumbers
    from connectors.vault import Vault
    from triage.services.deps import Deps

log = logs.get(__name__)

_KEY: Final = re.compile(r"[a-z0-9][a-z0-9_-]{1,39}")
_LONGEST_NAME: Final = 60
_CHANGED: Final = "这个虚拟号服务刚刚被别人改过，没有启用。请核对现在的地址和各项设置后再启用。"
_PREFIX: Final = re.compile(r"\+?[0-9]{1,4}")

FIELDS: Final = (
    SettingField("url", "绑定接口地址", "如 https://axb.example.com/bindings", FieldType.URL, required=True),
    SettingField("prefix", "号码前缀", "服务方要求时填，如 +86"),
    SettingField(
        "request", "请求字段",
        "每行：对方字段 = {key}、{caller}、{callee}、{seconds}、{until} 或固定的字；不填用参考服务的",
        FieldType.LONG,
    ),
    SettingField(
        "answer", "答复字段",
        "每行：number、until、reference、code = 对方字段；good = 表示成功的 code；不填用参考服务的",
        FieldType.LONG,
    ),
    SettingField("timeout", "等待答复（秒）", "", FieldType.NUMBER, default="10", least=1, most=30),
    SettingField("token", "令牌", "放在 Authorization 请求头", FieldType.SECRET),
    SettingField("secret", "签名密钥", "HMAC-SHA256，与短信网关相同", FieldType.SECRET),
)  # fmt: skip


class ProviderKeyTaken(TriageError):
    """已有同样代号的虚拟号服务。"""

    code: ClassVar[str] = "numbers_exists"
    status: ClassVar[int] = 409


class ProviderChanged(TriageError):
    """这个虚拟号服务刚刚被别人改过，没有保存。您填写的还在，请与上面现在的核对后再保存；凭据要重新填写。"""

    code: ClassVar[str] = "version_conflict"
    status: ClassVar[int] = 409


class AnotherPerson(TriageError):
    """服务方会收到诉求人的号码：最后修改的人不能自己启用，请另一位系统管理员核对地址后启用。"""

    code: ClassVar[str] = "another_person"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class ProviderIn:
    """An account as a form gives it. `credentials`: those typed anew; the others stay as they are.

    `seen`: the state that was seen (`state_of`); None: whatever it is.
    """

    name: str
    settings: Mapping[str, str]
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    forget: tuple[str, ...] = ()
    seen: str | None = None


def state_of(row: NumbersProvider) -> str:
    """What tells one state of an account's settings from another: when it was changed, and by whom."""
    return f"{row.changed_at.astimezone(UTC):%Y%m%dT%H%M%S.%f}-{row.changed_by}"


async def every(session: AsyncSession) -> list[NumbersProvider]:
    """All accounts, those in use first."""
    rows = await session.scalars(
        sa.select(NumbersProvider).order_by(NumbersProvider.enabled.desc(), NumbersProvider.id)
    )
    return list(rows)


async def active(session: AsyncSession) -> NumbersProvider | None:
    """The account that call-backs go by: the first that is switched on; None: there are no call-backs."""
    found: NumbersProvider | None = await session.scalar(
        sa.select(NumbersProvider)
        .where(NumbersProvider.enabled.is_(True))
        .order_by(NumbersProvider.id)
        .limit(1)
    )
    return found


async def find(session: AsyncSession, key: str, *, lock: bool = False) -> NumbersProvider:
    """An account by its key. Raises NotFound."""
    query = sa.select(NumbersProvider).where(NumbersProvider.key == key[:40].replace("\0", ""))
    found = await session.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise NotFound("没有这个虚拟号服务。")
    return found


async def add(
    session: AsyncSession, vault: Vault, key: str, given: ProviderIn, *, by: str, now: datetime
) -> NumbersProvider:
    """A new account, switched off. Raises BadInput, ProviderKeyTaken."""
    if not _KEY.fullmatch(key):
        raise BadInput("代号应是 2 到 40 个小写字母、数字、连字符或下划线，以字母或数字开头")
    if await session.scalar(sa.select(NumbersProvider.id).where(NumbersProvider.key == key)) is not None:
        raise ProviderKeyTaken
    row = NumbersProvider(
        key=key, name="", enabled=False, settings={}, created_at=now, changed_at=now, changed_by=by
    )
    session.add(row)
    await session.flush()
    _fill(vault, row, given, by=by, now=now)
    ledger.write(
        session, who=by, act=LedgerAct.NUMBERS_ADDED, subject=_subject(key), now=now, new=_told(row),
        detail={"credentials": sorted(given.credentials)},
    )  # fmt: skip
    log.info("numbers_provider_added", provider=key, by=by)
    return row


async def change(
    session: AsyncSession, vault: Vault, key: str, given: ProviderIn, *, by: str, now: datetime
) -> NumbersProvider:
    """Change an account; it is off until another person switches it on.

    Raises NotFound, BadInput, ProviderChanged.
    """
    row = await find(session, key, lock=True)
    if given.seen not in {None, state_of(row)}:
        raise ProviderChanged
    old = _told(row)
    _fill(vault, row, given, by=by, now=now)
    ledger.write(
        session, who=by, act=LedgerAct.NUMBERS_CHANGED, subject=_subject(key), now=now, old=old,
        new=_told(row), detail={"credentials": sorted({*given.credentials, *given.forget})},
    )  # fmt: skip
    log.info("numbers_provider_changed", provider=key, by=by)
    return row


async def switch(
    session: AsyncSession,
    key: str,
    *,
    on: bool,
    by: str,
    now: datetime,
    seen: str | None = None,
    alone: bool = False,
) -> NumbersProvider:
    """启用、停用. `alone`: asked of nobody else.

    `seen`: the state that was read (`state_of`); None: whatever it is. To stop it nobody need have read it.
    Raises NotFound, AnotherPerson, ProviderChanged, BadInput.
    """
    row = await find(session, key, lock=True)
    if on:
        if seen not in {None, state_of(row)}:
            raise ProviderChanged(_CHANGED)
        if by == row.changed_by and not alone:
            raise AnotherPerson
        settled(row.settings, tuple(row.held.split()))
    row.enabled, row.enabled_by = on, by if on else None
    ledger.write(
        session, who=by, act=LedgerAct.NUMBERS_SWITCHED, subject=_subject(key), now=now,
        new=_told(row) if on else None, detail={"on": on},
    )  # fmt: skip
    log.info("numbers_provider_switched", provider=key, on=on, by=by)
    return row


def opened(deps: Deps, row: NumbersProvider) -> VirtualNumbers:
    """The provider of an account. Raises NumbersRefused, VaultError."""
    held: dict[str, str] = {}
    if row.credentials is not None:
        held = orjson.loads(deps.vault.open(row.credentials, belongs_to=_place(row.id)))
    told = row.settings
    settings = NumbersSettings(
        url=told["url"],
        prefix=told.get("prefix", ""),
        request=told.get("request") or REQUEST,
        answer=told.get("answer") or ANSWER,
        seconds=float(told.get("timeout") or 10),
        token=held.get("token"),
        secret=held.get("secret"),
    )
    return HttpNumbers(settings, Exempt.parse(deps.settings.numbers_private_hosts))


def _fill(vault: Vault, row: NumbersProvider, given: ProviderIn, *, by: str, now: datetime) -> None:
    name = given.name.strip()
    if not 1 <= len(name) <= _LONGEST_NAME:
        raise BadInput(f"名称应有 1 到 {_LONGEST_NAME} 个字")
    before = Before(row.settings, row.held.split(), row.credentials)
    settings, held, sealed = settled_credentials(vault, FIELDS, before, given, belongs_to=_place(row.id))
    _check_whole(settings)
    row.name, row.settings, row.held, row.credentials = name, settings, " ".join(held), sealed
    row.changed_at, row.changed_by, row.enabled, row.enabled_by = now, by, False, None


def settled(given: Mapping[str, str], held: tuple[str, ...]) -> dict[str, str]:
    """The settings, each and as a whole. Raises BadInput naming what is wrong."""
    settings = checked(FIELDS, given, held)
    _check_whole(settings)
    return settings


def _check_whole(settings: Mapping[str, str]) -> None:
    """What no field says by itself. Raises BadInput naming what is wrong."""
    prefix = settings.get("prefix", "")
    if prefix and not _PREFIX.fullmatch(prefix):
        raise BadInput("“号码前缀”应形如 +86")
    for label, parse, text in (
        ("请求字段", RequestFields.parse, settings.get("request")),
        ("答复字段", AnswerFields.parse, settings.get("answer")),
    ):
        try:
            if text:
                parse(text)
        except FieldsRefused as error:
            raise BadInput(f"“{label}”{error}") from None


def _told(row: NumbersProvider) -> str:
    """An account's settings in one line; its credentials are not among them."""
    told = {"name": row.name, **row.settings}
    return "；".join(f"{name}={' / '.join(value.splitlines())}" for name, value in sorted(told.items()))


def _subject(key: str) -> ledger.Subject:
    return ledger.Subject(SubjectKind.NUMBERS, key)


def _place(provider_id: int) -> str:
    return f"numbers_provider.credentials:{provider_id}"
