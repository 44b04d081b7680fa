"""媒体线索 as JSON: the list, and what is done with one."""

from __future__ import annotations

from typing import Any, Final

import orjson
from aiohttp import web

from models.vocab_leads import DropReason, LeadState
from models.vocab_staff import Permission
from triage.errors import BadInput, NotFound
from triage.services.leads import acting, listing, merging
from triage.web import access
from triage.web.asking import refuse_others
from triage.web.keys import DEPS, NAMES, VIEWER
from triage.web.leads import asks, pages
from triage.web.leads.views import LeadList, LeadMade, view

_MOST: Final = 200


def _json(value: object, status: int = 200) -> web.Response:
    body = orjson.dumps(value, option=orjson.OPT_UTC_Z)
    return web.Response(status=status, body=body, content_type="application/json", charset="utf-8")


async def listed(request: web.Request) -> web.Response:
    """线索列表. Raises BadInput."""
    refuse_others(request.query, ("state", "before", "limit"))
    state = asks.state(request.query.get("state", ""))
    before = asks.number(request.query, "before")
    asked = asks.number(request.query, "limit")
    limit = pages.PER_PAGE if asked is None else asked
    if not 1 <= limit <= _MOST:
        raise BadInput(f"参数 limit 应在 1 到 {_MOST} 之间")
    deps = request.app[DEPS]
    async with deps.db.reads() as session:
        found = await listing.leads(session, state=state, before=before, limit=limit + 1)
        seen = await merging.named_to(session, request[VIEWER], found)
    shown = found[:limit]
    more = shown[-1].lead.id if len(found) > limit else None
    return _json(LeadList(tuple(view(item, request.app[NAMES], seen) for item in shown), more))


async def acted(request: web.Request) -> web.Response:
    """处理一条线索. Raises BadInput, NotFound, LeadMoved, LeadRefused."""
    name = request.match_info["id"]
    if not (name.isascii() and name.isdigit() and len(name) < len(str(1 << 63))):
        raise NotFound("没有这条线索。")
    try:
        body = orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        raise BadInput("请求内容不是 JSON") from None
    wish = asks.wish(int(name), body)
    deps = request.app[DEPS]
    async with deps.db.writes.begin() as session:
        done = await acting.act(session, deps, request[VIEWER], wish, now=deps.clock.now())
    return _json(LeadMade(done.lead_id, done.version, done.state.value, done.appeal_id))


SCHEMAS: Final = (LeadList, LeadMade)

_TEXT: Final = {"type": "string", "maxLength": 40}
_NUMBER: Final = {"type": "integer", "minimum": 1, "maximum": 999_999_999_999_999_999}


def _parameter(name: str, where: str, words: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": where, "required": where == "path", "description": words, "schema": schema}


def _ref(name: str, words: str) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{name}"}
    return {"description": words, "content": {"application/json": {"schema": schema}}}


def paths(problems: dict[str, Any], problem: dict[str, Any]) -> dict[str, Any]:
    """The paths of leads for the OpenAPI document; `problem` is the answer of a refusal."""
    states = {"type": "string", "enum": [state.value for state in LeadState]}
    reasons = {"type": "string", "enum": [reason.value for reason in DropReason]}
    return {
        "/api/v1/leads": {
            "get": {
                "operationId": "listLeads",
                "summary": "媒体线索，新的在前",
                "parameters": [
                    _parameter("state", "query", "状态；不写为全部", states),
                    _parameter("before", "query", "上一次答复里的 before：下一页", _NUMBER),
                    _parameter("limit", "query", "每页条数，默认 50", {**_NUMBER, "maximum": _MOST}),
                ],
                "responses": {"200": _ref("LeadList", "一页线索"), **problems},
            }
        },
        "/api/v1/leads/{id}": {
            "post": {
                "operationId": "actOnLead",
                "summary": "处理一条线索：转为诉求、丢弃、合并、撤销",
                "parameters": [_parameter("id", "path", "线索编号", _NUMBER)],
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "required": ["act", "version"],
                                "additionalProperties": False,
                                "properties": {
                                    "act": {"type": "string", "enum": [act.value for act in asks.ACTS]},
                                    "version": {"type": "integer", "minimum": 1, "maximum": 999_999_999},
                                    "reason": {**reasons, "description": "丢弃的原因"},
                                    "into": {**_TEXT, "description": "合并到的线索编号或工单编号"},
                                },
                            }
                        }
                    },
                },
                "responses": {
                    "200": _ref("LeadMade", "处理后的线索"),
                    **problems,
                    "403": problem, "404": problem, "409": problem, "415": problem, "422": problem,
                },
            }
        },
    }  # fmt: skip


ROUTES: Final = (
    access.get("/desk/leads", pages.page, needs=Permission.LEADS),
    access.post("/desk/leads/unlike", pages.unlike, needs=Permission.LEADS),
    access.post("/desk/leads", pages.act, needs=Permission.LEADS),
    access.get("/api/v1/leads", listed, needs=Permission.LEADS),
    access.post("/api/v1/leads/{id}", acted, needs=Permission.LEADS),
)
