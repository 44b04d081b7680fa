"""`/metrics`: this process's counts, its pool, and the figures that the timetable keeps. Not for the world.

Declared open in `access` because no person of ours asks: Prometheus has a token of its own, or sits on this
machine (`services.watch.port.allowed`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import hdrs, web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.exc import SQLAlchemyError

from triage.clock import local
from triage.metrics import REGISTRY, Sample, Samples
from triage.services.staff.public import is_embedded
from triage.services.watch import port, snapshot
from triage.web.access import NotAllowed
from triage.web.asking_beside import ASKER
from triage.web.keys import DEPS
from triage.web.proxy import forwarded

if TYPE_CHECKING:
    from datetime import datetime

    from models.db import Database
    from triage.web.asking_beside import Asker


async def metrics(request: web.Request) -> web.Response:
    """监控指标. Raises NotAllowed to whoever is neither here nor has the token."""
    deps = request.app[DEPS]
    token = request.headers.get(hdrs.AUTHORIZATION)
    # A proxy on this machine may say nothing of whom it speaks for: to be here is enough in an embedded house
    # alone (SQLite, no names for others).
    alone = is_embedded(deps.settings) and not forwarded(request)
    peer = request.remote if alone else None
    if not port.allowed(deps.settings, token, peer):
        raise NotAllowed("只有本机或带令牌（JIESU_METRICS_TOKEN）的请求可以读指标。")
    now = deps.clock.now()
    calendar = Sample("jiesu_calendar_days_left", (), deps.tables.calendar.days_left(local(now).date()))
    samples = [*port.pool_samples(deps.db), calendar, *await _kept(request.app[ASKER], now=now)]
    body = generate_latest(REGISTRY) + generate_latest(Samples(samples))
    return web.Response(body=body, headers={hdrs.CONTENT_TYPE: CONTENT_TYPE_LATEST})


async def _kept(asker: Asker, *, now: datetime) -> list[Sample]:
    """The timetable's figures. A database that is away is a figure as well, not an error."""
    try:
        answer = await asker.ask("snapshot", _snapshot)
    except (SQLAlchemyError, OSError):
        return [Sample("jiesu_database_up", (), 0)]
    # Also where it had no connection left: it answered.
    found = [Sample("jiesu_database_up", (), 1)]
    kept = answer.said
    if kept is None:
        return found
    age = max((now - kept.measured_at).total_seconds(), 0.0)
    found.append(Sample("jiesu_snapshot_age_seconds", (), age))
    found.append(Sample("jiesu_snapshot_cost_seconds", (), kept.cost_seconds))
    return found + list(kept.samples)


async def _snapshot(db: Database) -> snapshot.Kept | None:
    async with db.reads() as session:
        return await snapshot.read(session)
