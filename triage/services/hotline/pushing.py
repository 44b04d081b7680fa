"""平台推送: a signed message with orders, checked and taken in, in one transaction with its nonce.

In this order: stamp well-formed (400), signature right (401, in constant time), clock near ours (401),
content JSON (400), nonce new (401). The nonce is stored with the orders: a push that failed half-way may be
sent again, one that was taken may not. A source that is unknown, off or without a secret answers like a
wrong signature.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final

import sqlalchemy as sa

from connectors.hotline import settings as hotline_settings
from connectors.hotline import signing
from connectors.hotline.bodies import NotJson, read_json
from connectors.hotline.mapping import MapRefused
from connectors.hotline.orders import read_order
from connectors.vault import VaultError
from models.appeals import Source
from models.db import insert_of
from models.hotline import HotlineNonce
from models.vocab_sources import SourceKind
from triage import logs
from triage.errors import BadInput, NotReady, TriageError
from triage.services.hotline import taking
from triage.services.hotline.puller import platform_of
from triage.services.sources import editing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.services.deps import Deps
    from triage.services.hotline.taking import Taken

log = logs.get(__name__)

MOST_ROWS: Final = 1000
#: Compared with when there is no source: a wrong address takes as long as a wrong signature.
_NOBODY: Final = "no such source"


class NotGenuine(TriageError):
    """推送没有通过验证：来源、签名、时间或随机数不对。"""

    code: ClassVar[str] = "not_genuine"
    status: ClassVar[int] = 401


class StaleClock(NotGenuine):
    """推送的时间戳与本机时间相差太多，请核对平台的时钟。"""

    code: ClassVar[str] = "stale"


class Replayed(NotGenuine):
    """这条推送已经收到过；重发时请重新签名。"""

    code: ClassVar[str] = "replayed"


def path_of(key: str) -> str:
    """The address of a source's hook: it is signed with the body, so that a push is good for one source."""
    return f"/hooks/hotline/{key}"


async def receive(deps: Deps, key: str, headers: Mapping[str, str], body: bytes) -> Taken:
    """Take in a push. Raises BadInput, NotGenuine, NotReady."""
    try:
        given = signing.read(headers)
    except signing.Malformed:
        raise BadInput(
            f"缺少签名，或写法不对：需要 {signing.TIMESTAMP}、{signing.NONCE}、{signing.SIGNATURE}"
        ) from None
    now = deps.clock.now()
    async with deps.db.reads() as session:
        source = await session.scalar(
            sa.select(Source).where(
                Source.key == key[:120].replace("\0", ""),
                Source.kind == SourceKind.HOTLINE.value,
                Source.enabled.is_(True),
            )
        )
    settings = None
    if source is not None:
        try:
            settled = editing.settled(deps.vault, source)
        except VaultError:
            log.error("push_credentials_sealed", source=source.key)  # noqa: TRY400  (the trace says nothing more)
            raise NotReady("来源的凭据解不开，请管理员重新填写。") from None
        settings = hotline_settings.read(settled.settings, settled.credentials)
    secret = settings.push_secret if settings is not None else None
    genuine = signing.genuine(secret or _NOBODY, given, signing.request_body("POST", path_of(key), body))
    if source is None or settings is None or not secret or not genuine:
        raise NotGenuine
    # Only who is known is told about the clock.
    if abs((datetime.fromtimestamp(given.at, UTC) - now).total_seconds()) > settings.replay:
        raise StaleClock
    rows = _rows(body)
    try:
        platform = platform_of(settings)
    except MapRefused as refusal:
        raise NotReady(str(refusal)) from None
    orders = [read_order(platform, row, now=now) for row in rows]
    async with deps.db.writes.begin() as session:
        if not await _new(session, source.id, given.nonce, now=now):
            raise Replayed
        return await taking.take(
            session, deps.vault, (source.id, source.key), orders, via=taking.PUSHED, now=now,
            theirs=datetime.fromtimestamp(given.at, UTC),
        )  # fmt: skip


def _rows(body: bytes) -> list[Any]:
    """The orders of a push: `{"rows": [...]}`. Raises BadInput."""
    try:
        said = read_json(body)
    except NotJson:
        raise BadInput("推送的内容不是完整的 JSON（UTF-8 或 GB18030）") from None
    match said:
        case {"rows": list(rows)} if 1 <= len(rows) <= MOST_ROWS:
            return rows
        case _:
            raise BadInput(f'推送的内容应是 {{"rows": [工单, …]}}，1 到 {MOST_ROWS} 件')


async def _new(session: AsyncSession, source_id: int, nonce: str, *, now: datetime) -> bool:
    """Remember a nonce; False when it was there. A second one that comes meanwhile waits for the first."""
    stored = await session.scalar(
        insert_of(session, HotlineNonce)
        .values(source_id=source_id, nonce=nonce, seen_at=now)
        .on_conflict_do_nothing()
        .returning(HotlineNonce.nonce)
    )
    return stored is not None
