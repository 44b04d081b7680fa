"""来电查件 as JSON. POST: a phone stands in no address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson
from aiohttp import web

from triage.errors import BadInput
from triage.services import callers
from triage.web import access, asking
from triage.web.callers import views
from triage.web.desk import MAY_CALLERS
from triage.web.keys import DEPS, NAMES, VIEWER

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMAS: Final = (views.CallerCases,)


async def found(request: web.Request) -> web.Response:
    """POST /api/v1/callers. Raises BadInput naming the field, TooOften."""
    body = await asking.json_object(request, ("phone",))
    phone = body.get("phone")
    if not isinstance(phone, str):
        raise BadInput("phone 应是文字：来电号码")
    try:
        cases = await callers.look(request.app[DEPS], request[VIEWER], phone)
    except BadInput as error:
        raise BadInput(f"phone：{error.detail}") from None
    told = orjson.dumps(views.view(cases, request.app[NAMES]), option=orjson.OPT_UTC_Z)
    return web.Response(body=told, content_type="application/json", charset="utf-8")


def paths(
    answer: Callable[[str, str], dict[str, Any]],
    problem: Callable[[str], dict[str, Any]],
    problems: dict[str, Any],
) -> dict[str, Any]:
    """The path for the OpenAPI document."""
    phone = {
        "type": "string", "minLength": 1, "maxLength": callers.LONGEST,
        "description": "来电号码，怎样写都行：空格、短横、+86、全角；座机带区号",
    }  # fmt: skip
    body = {
        "type": "object", "required": ["phone"], "additionalProperties": False,
        "properties": {"phone": phone},
    }  # fmt: skip
    return {
        "/api/v1/callers": {
            "post": {
                "operationId": "findCaller",
                "summary": "来电查件：这个电话的诉求，最近的在前；每次记入台账（不记号码），与查看身份合计",
                "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
                "responses": {
                    "200": answer("CallerCases", "查到的；一件也没有时为空"),
                    **problems,
                    "415": problem("内容不是 application/json"),
                    "429": problem("一小时内查看太多次，detail 写明多久以后再试"),
                },
            }
        }
    }


ROUTES: Final = (access.post("/api/v1/callers", found, needs=MAY_CALLERS),)
