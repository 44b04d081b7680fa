"""The desk as JSON, under /api/v1: the same list, ticket and units, and the document that describes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models import ringing, ticket_detail, unit_queries
from triage.clock import local
from triage.errors import BadInput, NotFound
from triage.services import keeping
from triage.services.citizen import unsolved
from triage.web import asking, communities, listing, present
from triage.web.asking import day_of
from triage.web.keys import DEPS, NAMES, VIEWER
from triage.web.moves import as_json
from triage.web.openapi import document
from triage.web.views import UnitList

if TYPE_CHECKING:
    from aiohttp import web

_LONGEST_UNIT_QUERY = 40


async def tickets(request: web.Request) -> web.Response:
    """工单列表. Raises BadInput naming a bad parameter."""
    names = request.app[NAMES]
    found = await listing.load(request, asking.read_strictly(request.query, names))
    return as_json(present.ticket_list(found.page, found.total, names, found.day))


async def ticket(request: web.Request) -> web.Response:
    """工单详情. Raises NotFound."""
    deps = request.app[DEPS]
    async with deps.db.reads() as session:
        whole = await ticket_detail.whole_ticket(session, request[VIEWER], request.match_info["no"])
        if whole is None:
            raise NotFound("没有这张工单，或您无权查看。")
        told = await unsolved.of_ticket(session, whole)
        agreed = (await ringing.agreed_of(session, [whole.ticket.id])).get(whole.ticket.id)
        kept = await keeping.of_tickets(session, deps.tables, [whole.ticket.id], now=deps.clock.now())
    names, day, known_as = request.app[NAMES], day_of(deps.clock.now()), await communities.of_ticket(whole)
    view = present.ticket(
        whole, names, day, request[VIEWER], communities=known_as, told=told,
        call_after=agreed.at if agreed else None, keepers=kept.get(whole.ticket.id),
    )  # fmt: skip
    return as_json(view)


async def units(request: web.Request) -> web.Response:
    """承办单位 by part of their name. Raises BadInput on a query that is too long or another parameter."""
    asking.refuse_others(request.query, ("q",))
    deps = request.app[DEPS]
    query = request.query.get("q", "").replace("\0", "")
    if len(query) > _LONGEST_UNIT_QUERY:
        raise BadInput(f"参数 q 过长：最多 {_LONGEST_UNIT_QUERY} 个字符")
    async with deps.db.reads() as session:
        rows = await unit_queries.find_units(session, query, on=local(deps.clock.now()).date())
    return as_json(UnitList(tuple(present.unit(row) for row in rows)))


async def openapi(request: web.Request) -> web.Response:
    """The OpenAPI 3.1 document of this API."""
    del request
    return as_json(document())
