"""批量办理 as JSON, under /api/v1/bulk: draft, look, start, cancel, take back."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from triage.clock import local
from triage.errors import BadInput
from triage.services.bulk import drafting, results, running
from triage.services.bulk.drafting import Plan
from triage.web import acting, asking
from triage.web import moves as moves_web
from triage.web.bulk import asks, pages, views
from triage.web.keys import CACHES, DEPS, NAMES, VIEWER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from triage.services.moving import Person

_CREATED: Final = 201
_DRAFT: Final = ("move", "values", "as", "tickets", "filter")


async def drafted(request: web.Request) -> web.Response:
    """POST /api/v1/bulk. Raises BadInput, NotFound."""
    deps, body = request.app[DEPS], await asking.json_object(request, _DRAFT)
    values = body.get("values") or {}
    if not isinstance(values, dict):
        raise BadInput("values 应是 JSON 对象")
    picked = asks.of_json(body, request.app[NAMES], most=deps.settings.bulk_most)
    move, person = moves_web.move_of(body.get("move")), _person(request, body)
    on = local(deps.clock.now()).date()
    plan = Plan(move, moves_web.known_values(deps.tables, values, on=on), person, picked.picked)
    made = await drafting.draft(deps, request[VIEWER], plan, await asks.ids_of(request, picked))
    return await _answer(request, made, status=_CREATED)


async def job(request: web.Request) -> web.Response:
    """GET /api/v1/bulk/{id}. Raises NotFound."""
    asking.refuse_others(request.query, ())
    return await _answer(request, asks.job_id(request))


async def rows(request: web.Request) -> web.Response:
    """GET /api/v1/bulk/{id}/rows. Raises NotFound, BadInput."""
    asking.refuse_others(request.query, ("after", "state"))
    number = asks.job_id(request)
    after, only = asks.place(request.query)
    async with request.app[DEPS].db.reads() as session:
        await results.report(session, request[VIEWER], number)
        found = await results.page(
            session, request[VIEWER], number, after=after, only=only, limit=results.PAGE + 1
        )
    return moves_web.as_json(views.rows_view(found, limit=results.PAGE))


async def started(request: web.Request) -> web.Response:
    """POST /api/v1/bulk/{id}/start. Raises NotFound, BadInput, NotYours."""
    return await _changed(request, running.start)


async def cancelled(request: web.Request) -> web.Response:
    """POST /api/v1/bulk/{id}/cancel. Raises NotFound, NotYours."""
    return await _changed(request, partial(running.cancel, tables=request.app[DEPS].tables))


async def undone(request: web.Request) -> web.Response:
    """POST /api/v1/bulk/{id}/undo: a draft. Raises NotFound, BadInput, NotYours."""
    body = await asking.json_object(request, ("as", "reason"))
    reason = body.get("reason") or ""
    if not isinstance(reason, str):
        raise BadInput("reason 应是文字")
    made = await pages.undo_of(request, asks.job_id(request), _person(request, body), reason.strip())
    return await _answer(request, made, status=_CREATED)


async def _changed(request: web.Request, step: Any) -> web.Response:  # noqa: ANN401  (start or cancel)
    deps, number = request.app[DEPS], asks.job_id(request)
    person = _person(request, await asking.json_object(request, ("as",)))
    async with deps.db.writes.begin() as session:
        await step(session, number, person, now=deps.clock.now())
    request.app[CACHES].moved(request[VIEWER])
    return await _answer(request, number)


def _person(request: web.Request, body: Mapping[str, Any]) -> Person:
    told = body.get("as") or {}
    if not isinstance(told, dict):
        raise BadInput("as 应是 JSON 对象")
    deps = request.app[DEPS]
    on = local(deps.clock.now()).date()
    return acting.chosen(deps.tables, request[VIEWER], told, on=on).person(deps.tables)


async def _answer(request: web.Request, number: int, *, status: int = 200) -> web.Response:
    async with request.app[DEPS].db.reads() as session:
        found = await results.report(session, request[VIEWER], number)
    response = moves_web.as_json(views.job_view(found))
    response.set_status(status)
    return response
