"""来源 as staff see them: what each is, whether it runs, how it went, and 立即试一次."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from connectors.vault import VaultError
from models.appeals import Source
from models.sources import SourceTask
from models.vocab_sources import Breaker, SourceKind
from triage import logs
from triage.errors import BadInput
from triage.services.hotline import figures
from triage.services.sources import editing
from triage.services.sources.ports import SourceFault, Work
from triage.services.sources.registry import puller_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.services.deps import Deps

log = logs.get(__name__)

#: How long a person waits for 立即试一次.
TRIAL_SECONDS: Final = 20.0
#: More refused orders than these need no exact number.
_COUNTED: Final = 10_000


@dataclass(frozen=True, slots=True)
class TaskSeen:
    """One task and how it goes. `lag_seconds`: how far behind it is now, also while it fails."""

    row: SourceTask
    label: str
    breaker: Breaker
    lag_seconds: int | None


@dataclass(frozen=True, slots=True)
class SourceSeen:
    """A source with its tasks, the main one first. Detached rows: only columns may be read.

    `refused`: orders of a platform that came lately and could not be taken in.
    """

    source: Source
    tasks: tuple[TaskSeen, ...]
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of 立即试一次, in a Chinese sentence."""

    good: bool
    said: str


def breaker_of(row: SourceTask, *, now: datetime) -> Breaker:
    """Whether a task is left alone (断路): and whether the next try is the one that decides."""
    if row.paused_until is None:
        return Breaker.CLOSED
    return Breaker.OPEN if row.paused_until > now else Breaker.TRIAL


def lag_of(row: SourceTask, *, now: datetime) -> int | None:
    """As its last success said; since then it only falls further behind while it fails."""
    if row.lag_seconds is None or row.succeeded_at is None or not row.failures:
        return row.lag_seconds
    return row.lag_seconds + max(int((now - row.succeeded_at).total_seconds()), 0)


async def seen(session: AsyncSession, *, now: datetime, key: str | None = None) -> list[SourceSeen]:
    """All sources, those that run by themselves first; or the one of a key."""
    chosen = [] if key is None else [Source.key == key[:120].replace("\0", "")]
    sources = (
        await session.scalars(
            sa.select(Source)
            .where(*chosen)
            .order_by(Source.enabled.desc(), Source.kind == "file", Source.name, Source.id)
        )
    ).all()
    rows = await session.scalars(
        sa.select(SourceTask).where(SourceTask.source_id.in_([source.id for source in sources]))
    )
    tasks = {(row.source_id, row.task): row for row in rows}
    found = []
    for source in sources:
        puller = puller_of(source.kind)
        known = puller.tasks if puller else ()
        found.append(
            SourceSeen(
                source,
                tuple(
                    TaskSeen(row, task.label, breaker_of(row, now=now), lag_of(row, now=now))
                    for task in known
                    if (row := tasks.get((source.id, task.name))) is not None
                ),
                await figures.refused(session, source.id, now=now, most=_COUNTED)
                if source.kind == SourceKind.HOTLINE.value
                else 0,
            )
        )
    return found


async def try_now(deps: Deps, key: str, *, by: str) -> Tried:
    """立即试一次: nothing is stored; the tasks are let start at once. Raises NotFound, BadInput."""
    async with deps.db.reads() as session:
        source = await editing.find(session, key)
    puller = puller_of(source.kind)
    if puller is None:
        raise BadInput("这一类来源自己不运行，没有可试的")
    try:
        settled = editing.settled(deps.vault, source)
        async with asyncio.timeout(TRIAL_SECONDS):
            tried = Tried(good=True, said=await puller.trial(Work(deps, settled, None, _keep_nothing)))
    except VaultError:
        tried = Tried(good=False, said="凭据解不开：密钥换过了。请重新填写凭据。")
    except TimeoutError:
        tried = Tried(good=False, said=f"{TRIAL_SECONDS:.0f} 秒内没有答复。请核对地址和网络。")
    except SourceFault as fault:
        tried = Tried(good=False, said=fault.detail)
    log.info("source_tried", source=key, good=tried.good, by=by)
    if tried.good:
        async with deps.db.writes.begin() as session:
            await editing.wake(session, source.id, now=deps.clock.now())
    return tried


async def _keep_nothing(session: AsyncSession, cursor: Mapping[str, Any]) -> None:
    del session, cursor
