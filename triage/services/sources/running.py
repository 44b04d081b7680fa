"""The runner: every source's tasks, each by itself, with a lease, a time limit, a back-off and a breaker.

A task is claimed by a lease row in the database, so several timetable processes on several machines never do
it at once; the holder renews the lease while it works, and one that was killed is taken over when it ends.
Each runs as its own asyncio task: a source that hangs delays nobody, and is cut off at its limit.
"""

from __future__ import annotations

import asyncio
import os
import socket
import uuid
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from connectors.vault import VaultError
from models.appeals import Source
from models.db import away
from models.sources import SourceTask
from triage import logs, tracing
from triage.errors import place_of, trace_of
from triage.services.sources import editing
from triage.services.sources.ports import Outcome, SourceFault, Work
from triage.services.sources.registry import PULLERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.vocab_sources import SourceKind
    from triage.services.deps import Deps
    from triage.services.sources.ports import Puller, Settled, Task

log = logs.get(__name__)

LEASE: Final = timedelta(seconds=30)
#: At most so many tasks at once in one process: far more than will ever hang together, for each that hangs
#: holds a place until its limit.
MOST_AT_ONCE: Final = 200
#: After so many failures in a row the breaker (断路) opens: the source is left alone for a while.
FAILURES_TO_OPEN: Final = 5
FIRST_PAUSE: Final = timedelta(minutes=5)
LONGEST_PAUSE: Final = timedelta(hours=1)
#: Before that, each failure doubles the wait, up to this.
LONGEST_WAIT: Final = timedelta(minutes=5)
_FIRST_WAIT: Final = timedelta(seconds=2)
_LOOK_SECONDS: Final = 1.0
#: After a refusal of the database, and after a fault of our own, which the next try will likely meet again.
_AWAY_SECONDS: Final = 5.0
_FAULT_SECONDS: Final = 60.0
#: Rows for tasks that a kind has got since: looked for so often.
_MEND_EVERY: Final = timedelta(minutes=5)
#: When a task runs next, and what waking it starts anew.
_PLAN: Final = frozenset({"next_at", "failures", "paused_until"})


@dataclass(frozen=True, slots=True)
class Claimed:
    """A task that this process holds. `due`: since when it was due when it was claimed."""

    due: datetime
    source: Settled
    task: Task
    cursor: Mapping[str, Any] | None
    every: timedelta
    failures: int


def wait_after(failures: int, *, hopeless: bool = False) -> tuple[timedelta, bool]:
    """How long to leave a task alone after so many failures in a row, and whether that is the breaker."""
    if hopeless or failures >= FAILURES_TO_OPEN:
        beyond = max(failures - FAILURES_TO_OPEN, 0)
        return min(FIRST_PAUSE * 2 ** min(beyond, 10), LONGEST_PAUSE), True
    return min(_FIRST_WAIT * 2 ** (failures - 1), LONGEST_WAIT), False


class Runner:
    """Runs what is due until told to stop. `name` tells one process's leases from another's."""

    def __init__(
        self,
        deps: Deps,
        *,
        pullers: Mapping[SourceKind, Puller] = PULLERS,
        name: str | None = None,
        lease: timedelta = LEASE,
    ) -> None:
        self._deps = deps
        self._pullers = {kind.value: puller for kind, puller in pullers.items()}
        self._name = name or f"{socket.gethostname()[:40]}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._lease = lease
        self._running: dict[tuple[int, str], asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._mended_at: datetime | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`: claim what is due and run it. What runs then is cut off; its lease is given back.

        Nothing but `stop` ends it: it runs beside the clocks and the notices, and must not take them down.
        """
        try:
            while not stop.is_set():
                wait = _LOOK_SECONDS
                try:
                    await self.start_due()
                except Exception as error:  # noqa: BLE001  (told, and tried again)
                    wait = _AWAY_SECONDS if away(error) else _FAULT_SECONDS
                    _tell(error)
                self._wake.clear()
                waiting = [asyncio.create_task(event.wait()) for event in (stop, self._wake)]
                await asyncio.wait(waiting, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
                for waiter in waiting:
                    waiter.cancel()
        finally:
            for job in self._running.values():
                job.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def start_due(self) -> int:
        """Start every due task that nobody holds. Gives how many."""
        now = self._deps.clock.now()
        if self._mended_at is None or now - self._mended_at > _MEND_EVERY:
            async with self._deps.db.writes.begin() as session:
                await editing.add_missing_tasks(session, self._pullers, now=now)
            self._mended_at = now
        room = MOST_AT_ONCE - len(self._running)
        if room <= 0 or not await self._anything_due(now):
            return 0
        async with self._deps.db.writes.begin() as session:
            claimed = await self._claim(session, now=now, most=room)
        for item in claimed:
            key = (item.source.id, item.task.name)
            job = asyncio.create_task(self._one(item))
            self._running[key] = job
            job.add_done_callback(partial(self._ended, key))
        return len(claimed)

    async def finish(self) -> None:
        """Wait for what runs now (tests, and commands that run a source once)."""
        await asyncio.gather(*self._running.values())

    def _ended(self, key: tuple[int, str], _done: asyncio.Task[None]) -> None:
        self._running.pop(key, None)
        self._wake.set()

    def _due(self, now: datetime) -> list[sa.ColumnElement[bool]]:
        held = [sa.and_(SourceTask.source_id == s, SourceTask.task == t) for s, t in self._running]
        return [
            Source.enabled.is_(True),
            Source.kind.in_(self._pullers),
            SourceTask.next_at <= now,
            sa.or_(SourceTask.lease_until.is_(None), SourceTask.lease_until < now),
            sa.not_(sa.or_(sa.false(), *held)),
        ]

    async def _anything_due(self, now: datetime) -> bool:
        """Ask without a writing transaction: on SQLite that would hold up everybody every second."""
        async with self._deps.db.reads() as session:
            found = await session.scalar(
                sa.select(SourceTask.source_id)
                .join(Source, Source.id == SourceTask.source_id)
                .where(*self._due(now))
                .limit(1)
            )
        return found is not None

    async def _claim(self, session: AsyncSession, *, now: datetime, most: int) -> list[Claimed]:
        rows: Sequence[tuple[SourceTask, Source]] = [
            (task, source)
            for task, source in await session.execute(
                sa.select(SourceTask, Source)
                .join(Source, Source.id == SourceTask.source_id)
                .where(*self._due(now))
                .order_by(SourceTask.next_at, SourceTask.source_id)
                .limit(most)
                .with_for_update(of=SourceTask, skip_locked=True)
            )
        ]
        claimed = []
        for row, source in rows:
            task = next((t for t in self._pullers[source.kind].tasks if t.name == row.task), None)
            if task is None:
                # Of a version that did more: it is looked at again when that version is back.
                row.next_at = now + LONGEST_PAUSE
                continue
            try:
                settled = editing.settled(self._deps.vault, source)
            except VaultError:
                self._failed(row, "凭据解不开：密钥换过了。请在来源页重新填写凭据。", hopeless=True, now=now)
                continue
            row.lease_by, row.lease_until, row.tried_at = self._name, now + self._lease, now
            every = timedelta(seconds=task.every_seconds or source.every_seconds)
            claimed.append(Claimed(row.next_at, settled, task, row.cursor, every, row.failures))
        return claimed

    async def _one(self, item: Claimed) -> None:
        """Run one task within its limit, while its lease is renewed; write down how it went."""
        work = Work(self._deps, item.source, item.cursor, self._keeper(item))
        job = asyncio.create_task(self._limited(item, work))
        beat = asyncio.create_task(self._renew(item, job))
        try:
            result = await job
        except asyncio.CancelledError:
            job.cancel()
            await asyncio.gather(job, return_exceptions=True)
            result = None
        except Exception as error:
            if not away(error):
                raise
            # Not the source's fault: it is tried again as soon as the database is back.
            log.warning("source_waits_for_database", source=item.source.key, error=type(error).__name__)
            result = None
        finally:
            beat.cancel()
            # Waited for: a connection cut off while it opens must be closed before the loop ends.
            await asyncio.gather(beat, return_exceptions=True)
        await asyncio.shield(self._record(item, result))

    async def _limited(self, item: Claimed, work: Work) -> Outcome | SourceFault:
        limit = item.task.limit_seconds
        try:
            # By its number: a source may be called after a file, and a file after a citizen.
            with tracing.span(f"source {item.task.name}", source=item.source.id):
                async with asyncio.timeout(limit):
                    return await item.task.run(work)
        except TimeoutError:
            return SourceFault(f"{item.task.label}超过 {limit:.0f} 秒没有完成，已中止。")
        except SourceFault as fault:
            return fault
        except Exception as error:  # One source's fault must not end the others: recorded.
            if away(error):
                raise
            # Not the trace: an error's message may quote what a citizen wrote.
            log.error("source_failed", source=item.source.key, task=item.task.name, reason=place_of(error))  # noqa: TRY400
            return SourceFault(f"程序出错（{place_of(error)}），已记录，请联系管理员。")

    async def _renew(self, item: Claimed, job: asyncio.Task[Outcome | SourceFault]) -> None:
        """Keep the lease while the work goes on; when it is lost, stop the work: another may have it."""
        while True:
            await asyncio.sleep(self._lease.total_seconds() / 3)
            now = self._deps.clock.now()
            try:
                async with self._deps.db.writes.begin() as session:
                    kept = await session.scalar(
                        self._mine(item).values(lease_until=now + self._lease).returning(SourceTask.task)
                    )
            except Exception as error:  # noqa: BLE001  (told, and tried again: the lease lasts as long once more)
                _tell(error)
                continue
            if kept is None:
                log.warning("source_lease_lost", source=item.source.key, task=item.task.name)
                job.cancel()
                return

    def _mine(self, item: Claimed) -> sa.Update:
        return (
            sa.update(SourceTask)
            .where(
                SourceTask.source_id == item.source.id,
                SourceTask.task == item.task.name,
                SourceTask.lease_by == self._name,
            )
            .execution_options(synchronize_session=False)
        )

    def _keeper(self, item: Claimed) -> Any:  # noqa: ANN401  (Work.keep)
        async def keep(session: AsyncSession, cursor: Mapping[str, Any]) -> None:
            kept = await session.scalar(
                self._mine(item).values(cursor=dict(cursor)).returning(SourceTask.task)
            )
            if kept is None:
                raise SourceFault("这个来源已由另一个定时进程接手。")

        return keep

    async def _record(self, item: Claimed, result: Outcome | SourceFault | None) -> None:
        """Write how it went and let go of the lease; only while it is ours. None: neither good nor bad."""
        now = self._deps.clock.now()
        values: dict[str, Any] = {"lease_by": None, "lease_until": None}
        match result:
            case Outcome():
                values |= {
                    "next_at": now if result.more else now + item.every,
                    "succeeded_at": now,
                    "lag_seconds": None if result.lag is None else max(int(result.lag.total_seconds()), 0),
                    "said": result.said or None,
                    "failures": 0,
                    "paused_until": None,
                    "seen": SourceTask.seen + result.seen,
                    "stored": SourceTask.stored + result.stored,
                }
                if result.cursor is not None:
                    values["cursor"] = dict(result.cursor)
            case SourceFault():
                values |= _failure(item.failures + 1, result.detail, hopeless=result.hopeless, now=now)
                log.warning(
                    "source_refused",
                    source=item.source.key,
                    task=item.task.name,
                    failures=item.failures + 1,
                    reason=result.detail,
                )
            case None:
                values["next_at"] = now + _FIRST_WAIT
        # Woken meanwhile (its settings were changed, or 立即尝试 was pressed): how it went is told, and
        # it starts again at once, as it was promised.
        woken = SourceTask.next_at != item.due
        for name in _PLAN & values.keys():
            values[name] = sa.case((woken, getattr(SourceTask, name)), else_=values[name])
        try:
            async with self._deps.db.writes.begin() as session:
                await session.execute(self._mine(item).values(**values))
        except Exception as error:  # noqa: BLE001  (told; the lease ends by itself, and then it is done again)
            _tell(error)

    @staticmethod
    def _failed(row: SourceTask, why: str, *, hopeless: bool, now: datetime) -> None:
        for name, value in _failure(row.failures + 1, why, hopeless=hopeless, now=now).items():
            setattr(row, name, value)


def _tell(error: Exception) -> None:
    """A step of the runner that was not done: refused by the database, or a fault of ours by its place."""
    if away(error):
        log.warning("step_refused", process="sources", error=type(error).__name__)
    else:
        log.error("step_failed", process="sources", reason=place_of(error), trace=trace_of(error))


def _failure(failures: int, why: str, *, hopeless: bool, now: datetime) -> dict[str, Any]:
    wait, paused = wait_after(failures, hopeless=hopeless)
    return {
        "next_at": now + wait,
        "failures": failures,
        "error": why,
        "error_at": now,
        "paused_until": now + wait if paused else None,
    }
