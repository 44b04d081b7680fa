"""make_app(deps): the web application, its keys, middlewares and routes, all in one place."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

import jinja2
from aiohttp import web

from models.vocab_staff import Permission
from triage.clock import local, show
from triage.errors import NotFound
from triage.rules.access import MOVERS
from triage.services.rewards.keys import RewardKeys
from triage.web import (
    access,
    api,
    asking_beside,
    attachments,
    call_after,
    confiding,
    corrections,
    dead,
    desk,
    health,
    keeping,
    list_export,
    metrics,
    moves,
    objection_page,
    place_picking,
    remarks,
    site_places,
    sizes,
    ticket_page,
)
from triage.web.audit import checking as audit_checking
from triage.web.audit import moves as audit_moves
from triage.web.audit import pages as audit
from triage.web.bulk.routes import ROUTES as BULK
from triage.web.cache import Cache
from triage.web.callbacks import pages as callbacks
from triage.web.callbacks import providers as number_providers
from triage.web.callers import pages as callers
from triage.web.citizen import case as citizen
from triage.web.citizen import withdrawing as citizen_withdrawing
from triage.web.desks import follow_up, handover, live, mine, review
from triage.web.directory import api as directory_api
from triage.web.directory import pages as directory
from triage.web.identities import amending as identity_amending
from triage.web.identities import pages as identities
from triage.web.incidents import pages as incidents
from triage.web.keys import CACHES, DEPS, FILES, LIFECYCLE, NAMES, TEMPLATES, Caches, Lifecycle
from triage.web.leads import api as leads
from triage.web.middlewares import MIDDLEWARES, dress_streams
from triage.web.names import names_of
from triage.web.open311 import server as open311
from triage.web.open_data import pages as open_data
from triage.web.outgoing import notices
from triage.web.own import asks as own_asks
from triage.web.own import pages as own
from triage.web.parties import pages as parties
from triage.web.patrol import pages as patrol
from triage.web.registering import pages as registering
from triage.web.repeats import pages as repeats
from triage.web.reporting import pages as reporting
from triage.web.reports.routes import ROUTES as REPORTS
from triage.web.rewards.common import KEYS as REWARD_KEYS
from triage.web.rewards.routes import ROUTES as REWARDS
from triage.web.signin import routes as signin
from triage.web.sources import api as source_api
from triage.web.sources import hooks
from triage.web.sources import page as source_page
from triage.web.sources import words as platform_words
from triage.web.topics import pages as topics
from triage.web.trends import pages as trends
from triage.web.trends.routes import ROUTES as TRENDS
from triage.wiring import open_files

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from triage.services.deps import Deps

HERE: Final = Path(__file__).parent
STATIC: Final = HERE / "static"
_FILES: Final = frozenset(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*") if path.is_file())
#: A form or a move is small; those that carry files get more (`attachments.make_room`).
_BODY_LIMIT: Final = 64 * 1024


def make_app(
    deps: Deps,
    *,
    drain_seconds: float = health.DRAIN_SECONDS,
    caches: Caches | None = None,
    warm: bool = False,
) -> web.Application:
    """The application over `deps`; it closes them when it ends.

    `warm`: what the first ticket page needs is loaded in the background from the start on.
    """
    app = web.Application(middlewares=MIDDLEWARES, client_max_size=_BODY_LIMIT)
    app.on_response_prepare.append(dress_streams)
    app[DEPS] = deps
    app[FILES] = open_files(deps.settings)
    app[REWARD_KEYS] = RewardKeys(deps.settings)
    app[NAMES] = names_of(deps.tables)
    app[TEMPLATES] = _templates()
    app[CACHES] = caches or Caches()
    app[LIFECYCLE] = Lifecycle()
    signin.install(app)
    app[place_picking.GROUND] = place_picking.Ground(deps.settings)
    if warm:
        app.cleanup_ctx.append(place_picking.warmed)
    app.cleanup_ctx.append(_closing)
    app.cleanup_ctx.append(health.queue_probe)
    app.cleanup_ctx.append(asking_beside.asker)
    app.cleanup_ctx.append(health.drain_on_sigterm(drain_seconds))
    app[live.BOARD] = live.board_of(app)
    app[trends.PANELS] = Cache(seconds=60, size=100)
    own_asks.install(app)
    access.install(app, ROUTES)
    return app


async def _static(request: web.Request) -> web.StreamResponse:
    """A file of ours. Raises NotFound: aiohttp's own static route answers in a shape of its own."""
    name = request.match_info["name"]
    if name not in _FILES:
        raise NotFound("没有这个文件。")
    return web.FileResponse(STATIC / name)


#: Every address there is. A subject adds its own with one line.
ROUTES: Final = (
    access.get("/", desk.home, needs=access.SIGNED_IN),
    access.get("/desk", desk.tickets, needs=Permission.SEE_CASES),
    access.get("/desk/list", desk.tickets_part, needs=Permission.SEE_CASES),
    *list_export.ROUTES,
    access.get("/desk/tickets/{no}", ticket_page.ticket, needs=Permission.SEE_CASES),
    access.post("/desk/tickets/{no}/moves", ticket_page.moved, needs=MOVERS),
    access.post("/desk/as", ticket_page.act_as, needs=MOVERS),
    access.get("/desk/objections", objection_page.page, needs=Permission.REPORTS),
    access.get("/desk/dead", dead.dead, needs=Permission.INTAKE),
    access.post("/desk/dead/retry", dead.retry, needs=Permission.INTAKE),
    *callers.ROUTES,
    *registering.ROUTES,
    *patrol.ROUTES,
    *live.ROUTES,
    *handover.ROUTES,
    *review.ROUTES,
    *follow_up.ROUTES,
    *call_after.ROUTES,
    *mine.ROUTES,
    *own.ROUTES,
    *sizes.ROUTES,
    *directory.ROUTES,
    *directory_api.ROUTES,
    *notices.ROUTES,
    *audit.ROUTES,
    *audit_checking.ROUTES,
    *audit_moves.ROUTES,
    *identities.ROUTES,
    *identity_amending.ROUTES,
    *callbacks.ROUTES,
    *number_providers.ROUTES,
    *repeats.ROUTES,
    *incidents.ROUTES,
    *leads.ROUTES,
    *parties.ROUTES,
    *topics.ROUTES,
    *reporting.ROUTES,
    *open_data.ROUTES,
    access.get("/api/v1/tickets", api.tickets, needs=Permission.SEE_CASES),
    access.get("/api/v1/tickets/{no}", api.ticket, needs=Permission.SEE_CASES),
    access.get("/api/v1/tickets/{no}/moves", moves.listed, needs=Permission.SEE_CASES),
    access.post("/api/v1/tickets/{no}/moves", moves.made, needs=MOVERS),
    access.post("/desk/tickets/{no}/corrections", corrections.post_form, needs=Permission.CORRECT),
    access.post("/api/v1/tickets/{no}/corrections", corrections.post_json, needs=Permission.CORRECT),
    *confiding.ROUTES,
    *keeping.ROUTES,
    *remarks.ROUTES,
    *place_picking.ROUTES,
    *site_places.ROUTES,
    access.get("/api/v1/units", api.units, needs=access.SIGNED_IN),
    access.get("/api/v1/openapi.json", api.openapi, needs=access.SIGNED_IN),
    *BULK,
    *REPORTS,
    *TRENDS,
    access.open_to_all("GET", "/healthz", health.healthz),
    access.open_to_all("GET", "/readyz", health.readyz),
    access.open_to_all("GET", "/metrics", metrics.metrics),
    *hooks.ROUTES,
    *source_api.ROUTES,
    *source_page.ROUTES,
    *platform_words.ROUTES,
    access.open_to_all("GET", "/static/{name:[^?#]+}", _static),
    *attachments.ROUTES,
    *open311.ROUTES,
    *citizen.ROUTES,
    *citizen_withdrawing.ROUTES,
    *REWARDS,
    *signin.ROUTES,
)


async def _closing(app: web.Application) -> AsyncIterator[None]:
    """Stop counting and let go of the database when the application ends."""
    yield
    await app[CACHES].close()
    await app[trends.PANELS].close()
    await app[DEPS].close()


@functools.cache
def _templates() -> jinja2.Environment:
    """The pages, read and compiled once a process; nothing in them depends on an application."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["moment"] = show
    environment.filters["iso"] = _iso
    environment.filters["short_moment"] = _short
    environment.filters["percent"] = _percent
    # A changed file has a changed address, so browsers may keep it.
    environment.globals["asset"] = {
        name: f"/static/{name}?v={hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"
        for name in sorted(_FILES)
    }
    return environment


def _iso(moment: datetime) -> str:
    return local(moment).isoformat(timespec="seconds")


def _short(moment: datetime) -> str:
    """`11-23 08:05`, Beijing time: the year only matters on the ticket page."""
    return local(moment).strftime("%m-%d %H:%M")


def _percent(share: float) -> str:
    return f"{share * 100:.0f}%"
