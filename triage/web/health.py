"""Probes: `/healthz` says the loop turns, `/readyz` says work can be done; both without secrets."""

from __future__ import annotations

import asyncio
import signal
from functools import partial
from typing import TYPE_CHECKING, Final

from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError

from connectors import queue
from connectors.ports import QueueDown
from models import revision
from triage import logs
from triage.errors import NotReady
from triage.services import reference
from triage.web.asking_beside import ASKER
from triage.web.cache import Cache
from triage.web.keys import DEPS, LIFECYCLE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from models.db import Database
    from models.revision import Fit
    from triage.settings import Settings

log = logs.get(__name__)

#: How long readiness fails before the listener closes, so that a balancer has looked once more.
DRAIN_SECONDS: Final = 0.5
_PROBE_SECONDS: Final = 3.0
#: How old an answer about the queue may be.
_KNOWN_SECONDS: Final = 3.0


async def healthz(request: web.Request) -> web.Response:
    """存活: the event loop answers."""
    del request
    return web.json_response({"status": "ok"})


async def readyz(request: web.Request) -> web.Response:
    """就绪: not stopping, database reachable, a schema this code works on, every unit of the tables in it.

    Raises NotReady saying why not.

    During a deploy the schema is ahead of the old processes: they stay ready as long as it says that it
    does for them (`models.schema_floor`), or a balancer would take every one of them out at once.

    Redis is a hint and workers are other processes: without them intake and the desk go on, so they make the
    answer `degraded`, not a refusal that would take every web process out of its balancer at once. So does a
    crowd that has every connection of the pool.
    """
    if request.app[LIFECYCLE].draining:
        raise NotReady("正在停止，不再接收新的请求")
    try:
        answer = await request.app[ASKER].ask("fit", partial(_fit, request.app))
    except (SQLAlchemyError, OSError) as error:
        log.warning("not_ready", error=type(error).__name__)
        raise NotReady("数据库无法连接") from error
    fit, units = answer.said or (None, [])
    if fit is not None:
        _refuse_unfit(fit, units)
    lacking = [*(["crowded"] if answer.crowded else []), *await request.app[QUEUE].lacking()]
    status = "degraded" if lacking else "ok"
    head = revision.head_revision() if fit is None else fit.head
    told = {"status": status, "revision": fit and fit.current, "code": head, "degraded": lacking}
    return web.json_response(told)


async def _fit(app: web.Application, db: Database) -> tuple[Fit, list[str]]:
    """How code and schema go together, and the units that are not there."""
    fit = await revision.fit(db)
    return fit, await _lacking(app, db) if fit.works else []


def _refuse_unfit(fit: Fit, units: list[str]) -> None:
    """Raises NotReady."""
    if fit.newer and not fit.works:
        raise NotReady(f"数据库结构版本为 {fit.current}，本程序（{fit.head}）已太旧：请换新版本的程序")
    if not fit.works:
        raise NotReady(f"数据库结构版本为 {fit.current or '空'}，应为 {fit.head}：请运行 jiesu db upgrade")
    if units:
        raise NotReady(f"规则表里有 {len(units)} 个承办单位数据库里还没有：请运行 jiesu db upgrade")


async def _lacking(app: web.Application, db: Database) -> list[str]:
    """The units that the database lacks; once it has all nobody takes one away."""
    if app[LIFECYCLE].units_known:
        return []
    async with db.reads() as session:
        found = await reference.lacking(session, app[DEPS].tables)
    app[LIFECYCLE].units_known = not found
    return found


class QueueProbe:
    """What is away without which the desk still works. Known for some seconds: many questions cost one."""

    def __init__(self, settings: Settings, *, seconds: float = _KNOWN_SECONDS) -> None:
        """Take the settings; nothing is opened before somebody asks."""
        self._workers = queue.Workers(settings.redis)
        self._known: Cache[list[str]] = Cache(seconds=seconds, size=1)

    async def lacking(self) -> list[str]:
        """The queue (the outbox waits), or anyone who reads."""
        return await self._known.get("queue", self._ask)

    async def _ask(self) -> list[str]:
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                return [] if await self._workers.count() else ["workers"]
        except (QueueDown, TimeoutError):
            return ["queue"]

    async def close(self) -> None:
        """Stop asking."""
        await self._known.close()
        await self._workers.close()


QUEUE: Final = web.AppKey("queue_probe", QueueProbe)


async def queue_probe(app: web.Application) -> AsyncIterator[None]:
    """The application's one probe of the queue, from its start to its end."""
    app[QUEUE] = QueueProbe(app[DEPS].settings)
    yield
    await app[QUEUE].close()


def drain_on_sigterm(seconds: float) -> Callable[[web.Application], AsyncIterator[None]]:
    """On SIGTERM let readiness fail first, and stop `seconds` later; a second SIGTERM stops at once.

    aiohttp sets its own handler before start-up, so this one, set during start-up, replaces it.
    """

    async def context(app: web.Application) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()

        def stop() -> None:
            raise web.GracefulExit

        def on_signal() -> None:
            wait = 0.0 if app[LIFECYCLE].draining else seconds
            app[LIFECYCLE].draining = True
            loop.call_later(wait, stop)

        loop.add_signal_handler(signal.SIGTERM, on_signal)
        yield
        loop.remove_signal_handler(signal.SIGTERM)

    return context
