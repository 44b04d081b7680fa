"""内部备注 on a ticket: written, taken back, the part that a page asks for anew; the same as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiohttp import hdrs, web

from models.vocab_remarks import Audience
from models.vocab_staff import Permission
from triage.errors import BadInput, NotFound, TriageError
from triage.rules.access import MOVERS
from triage.rules.calendar import beijing
from triage.services import moving, remarks
from triage.services.remarks import LONGEST, LONGEST_KEY, Wish, Written
from triage.web import access, acting, asking, guard, moves, remark_box, ticket_page
from triage.web.desk import render
from triage.web.keys import DEPS, VIEWER
from triage.web.moves import as_json
from triage.web.remark_box import TRIED, RemarkList, TriedRemark

if TYPE_CHECKING:
    from collections.abc import Callable

    from triage.web.acting import Acting

_SEE_OTHER: Final = 303
_BODY: Final = ("text", "audience", "key", "as")
_TAKEN_BEFORE: Final = "先前提交的那次已经记下，这次改过的没有记：请看上面的备注，需要时再写一条。"


async def part(request: web.Request) -> web.Response:
    """GET /desk/tickets/{no}/remarks/part: the lines without the page around them. Raises NotFound."""
    asking.refuse_others(request.query, ())
    async with request.app[DEPS].db.reads() as session:
        case = await remarks.case(session, request[VIEWER], request.match_info["no"])
        lines = await remark_box.lines(request, session, case, token=guard.token_of(request))
    return render(request, "desk/remark_list.html", remarks=lines)


async def written(request: web.Request) -> web.Response:
    """POST /desk/tickets/{no}/remarks: back to the ticket; or the ticket with what is wrong.

    Raises NotFound, PostNotYours.
    """
    form = await request.post()
    no, who = request.match_info["no"], ticket_page.acting_of(request)
    text, audience = str(form.get("text", "")), str(form.get("audience", ""))
    try:
        _check_shown(request, who, form.get(moves.AS))
        await _write(request, who, Wish(no, text, _audience(audience), str(form.get("key", ""))))
    except moving.KeyReused:
        return await _again(request, TriedRemark(text, audience, _TAKEN_BEFORE), moving.KeyReused())
    except (BadInput, remarks.NoPart) as error:
        return await _again(request, TriedRemark(text[: 2 * LONGEST], audience, error.detail), error)
    return _back(no, "remark")


async def taken_back(request: web.Request) -> web.Response:
    """POST …/remarks/{remark}/take-back: back to the ticket, or it with what is wrong. Raises NotFound."""
    no = request.match_info["no"]
    try:
        await _take_back(request)
    except (remarks.NotYours, remarks.TooLate) as error:
        return await ticket_page.page_with(request, error)
    try:
        async with request.app[DEPS].db.reads() as session:
            await remarks.case(session, request[VIEWER], no)
    except NotFound:
        # Taken back all the same; there is no page of it for them any more.
        return web.Response(status=_SEE_OTHER, headers={hdrs.LOCATION: "/desk"})
    return _back(no, "remark-back")


async def listed(request: web.Request) -> web.Response:
    """GET /api/v1/tickets/{no}/remarks, newest first. Raises NotFound."""
    asking.refuse_others(request.query, ())
    deps, viewer = request.app[DEPS], request[VIEWER]
    async with deps.db.reads() as session:
        case = await remarks.case(session, viewer, request.match_info["no"])
        found = await remarks.of_case(
            session, viewer, case, lasts=remark_box.lasts(request), now=deps.clock.now()
        )  # fmt: skip
    return as_json(RemarkList(case.no, remark_box.views(found), found.more))


async def written_json(request: web.Request) -> web.Response:
    """POST: the same as the form, for a program.

    Raises NotFound, NoPart, PostNotYours, KeyReused, BadInput.
    """
    deps = request.app[DEPS]
    body = await asking.json_object(request, _BODY)
    text, key = _words(body, "text"), _words(body, "key")
    told = body.get("as") or {}
    if not isinstance(told, dict):
        raise BadInput("as 应是对象：post 和 unit")
    on = beijing(deps.clock.now()).date()
    who = acting.chosen(deps.tables, request[VIEWER], told, on=on) if told else acting.usual(request[VIEWER])
    wish = Wish(request.match_info["no"], text, _audience(body.get("audience")), key)
    return as_json(await _write(request, who, wish))


async def taken_back_json(request: web.Request) -> web.Response:
    """POST: the same as the button. Raises NotFound, NotYours, TooLate, BadInput."""
    await asking.json_object(request, ())
    return as_json(await _take_back(request))


async def _write(request: web.Request, who: Acting, wish: Wish) -> Written:
    deps, viewer = request.app[DEPS], request[VIEWER]
    person = who.person(deps.tables)
    async with deps.db.writes.begin() as session:
        return await remarks.write(session, deps.tables, viewer, person, wish, now=deps.clock.now())


async def _take_back(request: web.Request) -> Written:
    deps, no = request.app[DEPS], request.match_info["no"]
    number = asking.number_of(request.match_info["remark"])
    if number is None:
        raise NotFound("没有这条备注，或您无权查看。")
    async with deps.db.writes.begin() as session:
        return await remarks.take_back(
            session, request[VIEWER], no, number, lasts=remark_box.lasts(request), now=deps.clock.now()
        )


def _check_shown(request: web.Request, who: Acting, shown: object) -> None:
    """A browser has one identity for all its windows: written as whom the page shows. Raises BadInput."""
    if isinstance(shown, str) and shown and shown != who.cookie():
        label = who.label(request.app[DEPS].tables)
        raise BadInput(f"身份已换成“{label}”，备注还没有记：请核对后再提交。")


async def _again(request: web.Request, tried: TriedRemark, error: TriageError) -> web.Response:
    request[TRIED] = tried
    return await ticket_page.page_with(request, error)


def _back(no: str, done: str) -> web.Response:
    place = f"/desk/tickets/{no}?done={done}"
    return web.Response(status=_SEE_OTHER, headers={hdrs.LOCATION: place})


def _words(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise BadInput(f"{name} 应是文字")
    return value


def _audience(value: object) -> Audience:
    known = {one.value: one for one in Audience}
    if not isinstance(value, str) or value not in known:
        raise BadInput(f"给谁看 audience 只能是：{'、'.join(f'{one.value} {one.label}' for one in Audience)}")
    return known[value]


def paths(
    answer: Callable[[str, str], dict[str, Any]],
    problem: Callable[[str], dict[str, Any]],
    problems: dict[str, Any],
    missing: dict[str, Any],
    number: dict[str, Any],
) -> dict[str, Any]:
    """The paths for the OpenAPI document."""
    who = {
        "type": "object", "additionalProperties": False,
        "properties": {
            "post": {"type": "string", "enum": [post.value for post in acting.POSTS]},
            "unit": {"type": "string"}, "name": {"type": "string"},
        },
    }  # fmt: skip
    body = {
        "type": "object", "required": ["text", "audience", "key"], "additionalProperties": False,
        "properties": {
            "text": {
                "type": "string", "minLength": 1, "maxLength": LONGEST,
                "description": "内容；电话、证件号记下前遮盖",
            },
            "audience": {
                "type": "string", "enum": [one.value for one in Audience],
                "description": "、".join(f"{one.value} {one.label}" for one in Audience),
            },
            "key": {
                "type": "string", "minLength": 1, "maxLength": LONGEST_KEY,
                "description": "提交编号：同一个编号再发一次，不会记两条",
            },
            "as": {**who, "description": "以什么身份；不写为您的第一个岗位和本单位"},
        },
    }  # fmt: skip
    reused = {"409": problem("这个提交编号用在了不同的内容上"), "415": problem("内容不是 application/json")}
    which = {
        "name": "remark", "in": "path", "required": True, "description": "备注编号",
        "schema": {"type": "integer", "minimum": 1},
    }  # fmt: skip
    late = {"415": problem("内容不是 application/json"), "422": problem("已过可以撤回的时间")}
    return {
        "/api/v1/tickets/{no}/remarks": {
            "get": {
                "operationId": "listRemarks",
                "summary": "内部备注，新的在前：给您看的，连同并入的工单的（保密的除外）",
                "parameters": [number],
                "responses": {"200": answer("RemarkList", "备注"), **problems, **missing},
            },
            "post": {
                "operationId": "writeRemark",
                "summary": "写一条内部备注；不改变工单的状态和时限，不给诉求人和平台",
                "parameters": [number],
                "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
                "responses": {"200": answer("Written", "记下的备注"), **problems, **missing, **reused},
            },
        },
        "/api/v1/tickets/{no}/remarks/{remark}/take-back": {
            "post": {
                "operationId": "takeBackRemark",
                "summary": "撤回自己刚写的备注：文字删掉，留一行“已撤回”",
                "parameters": [number, which],
                "requestBody": {"required": True, "content": {"application/json": {"schema": {
                    "type": "object", "additionalProperties": False,
                }}}},
                "responses": {"200": answer("Written", "撤回的备注"), **problems, **missing, **late},
            }
        },
    }  # fmt: skip


SCHEMAS: Final = (RemarkList, Written)
ROUTES: Final = (
    access.get("/desk/tickets/{no}/remarks/part", part, needs=Permission.SEE_CASES),
    access.post("/desk/tickets/{no}/remarks", written, needs=MOVERS),
    access.post("/desk/tickets/{no}/remarks/{remark}/take-back", taken_back, needs=MOVERS),
    access.get("/api/v1/tickets/{no}/remarks", listed, needs=Permission.SEE_CASES),
    access.post("/api/v1/tickets/{no}/remarks", written_json, needs=MOVERS),
    access.post("/api/v1/tickets/{no}/remarks/{remark}/take-back", taken_back_json, needs=MOVERS),
)
