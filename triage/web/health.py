"""Probes: `/healthz` says the loop turns, `/readyz` says work can be done; both without secrets."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError

from connectors import queue
from connectors.ports import QueueDown
from models import revision
from triage import logs
from triage.errors import NotReady
from triage.web.keys import DEPS, LIFECYCLE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from triage.settings import Settings

log = logs.get(__name__)

#: How long readiness fails before the listener closes, so that a balancer has looked once more.
DRAIN_SECONDS: Final = 0.5
_PROBE_SECONDS: Final = 3.0


async def healthz(request: web.Request) -> web.Response:
    """存活: the event loop answers."""
    del request
    return web.json_response({"status": "ok"})


async def readyz(request: web.Request) -> web.Response:
    """就绪: not stopping, database reachable, migrations at head. Raises NotReady saying what is missing.

    Redis is a hint and workers are other processes: without them intake and the desk go on, so they make the
    answer `degraded`, not a refusal that would take every web process out of its balancer at once.
    """
    if request.app[LIFECYCLE].draining:
        raise NotReady("正在停止，不再接收新的请求")
    db = request.app[DEPS].db
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            async with db.reads() as session:
                await session.execute(sa.select(1))
            current = await revision.current_revision(db)
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        log.warning("not_ready", error=type(error).__name__)
        raise NotReady("数据库无法连接") from error
    head = revision.head_revision()
    if current != head:
        raise NotReady(f"数据库结构版本为 {current or '空'}，应为 {head}：请运行 jiesu db upgrade")
    lacking = await _lacking(request.app[DEPS].settings)
    told = {"status": "degraded" if lacking else "ok", "revision": current, "degraded": lacking}
    return web.json_response(told)


async def _lacking(settings: Settings) -> list[str]:
    """What is away without which the desk still works: the queue (the outbox waits), or anyone who reads."""

    def ask() -> list[str]:
        with contextlib.closing(queue.connect(settings.redis)) as client:
            return [] if queue.workers(client) else ["workers"]

    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            return await asyncio.to_thread(ask)
    except (QueueDown, TimeoutError):
        return ["queue"]


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
