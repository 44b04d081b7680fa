"""经办人 on a ticket: 我来办, 交给…, 放下 for the unit's own people; the same as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aiohttp import hdrs, web

from models import ticket_detail
from models.vocab import OPEN_STATES
from models.vocab_keepers import Keeping
from models.vocab_staff import Permission
from triage.errors import BadInput, NotFound
from triage.services import keeping
from triage.services.keeping import Kept, Wish
from triage.web import access, asking, ticket_page
from triage.web.desks.live import BOARD
from triage.web.keeper_box import KeeperBox, boxes
from triage.web.keys import CACHES, DEPS, VIEWER
from triage.web.moves import as_json

if TYPE_CHECKING:
    from collections.abc import Callable

_SEE_OTHER: Final = 303
_BODY: Final = ("keeping", "seen", "unit", "to")
_LONGEST: Final = 40


@dataclass(frozen=True, slots=True)
class KeeperList:
    """Of a ticket the units whose keeper whoever asks may name, each with its people. `open`: whether now."""

    no: str
    open: bool
    units: tuple[KeeperBox, ...]


async def pressed(request: web.Request) -> web.Response:
    """POST /desk/tickets/{no}/keeper: done, and back to the ticket; or the ticket with what is wrong.

    Raises NotFound, NotOfTheUnit.
    """
    form = await request.post()
    wish = Wish(
        request.match_info["no"], _keeping(form.get("keeping")), _account(form.get("seen") or None, "seen"),
        _unit(form.get("unit") or None), _account(form.get("to") or None, "to"),
    )  # fmt: skip
    try:
        kept = await _done(request, wish)
    except (keeping.KeeperChanged, keeping.NotOpen, BadInput) as error:
        return await ticket_page.page_with(request, error)
    said = "keeper-same" if kept.repeated else f"keeper-{wish.keeping}"
    place = f"/desk/tickets/{kept.no}?done={said}"
    return web.Response(status=_SEE_OTHER, headers={hdrs.LOCATION: place})


async def listed(request: web.Request) -> web.Response:
    """GET /api/v1/tickets/{no}/keeper: whom one's units may name, by name. Raises NotFound."""
    asking.refuse_others(request.query, ())
    deps, viewer = request.app[DEPS], request[VIEWER]
    now = deps.clock.now()
    async with deps.db.reads() as session:
        whole = await ticket_detail.whole_ticket(session, viewer, request.match_info["no"])
        if whole is None:
            raise NotFound("没有这张工单，或您无权查看。")
        keepers = await keeping.of_tickets(session, deps.tables, [whole.ticket.id], now=now)
        parts = keeping.parts_of(whole)
        mine = await keeping.units_of(session, deps.tables, viewer, parts, now=now)
    found = boxes(parts, mine, keepers.get(whole.ticket.id, {}), viewer)
    return as_json(KeeperList(whole.ticket.no, whole.ticket.state in OPEN_STATES, found))


async def pressed_json(request: web.Request) -> web.Response:
    """POST: the same as the form, for a program.

    Raises NotFound, NotOfTheUnit, NotOpen, KeeperChanged, BadInput.
    """
    body = await asking.json_object(request, _BODY)
    if "seen" not in body:
        raise BadInput("缺 seen：您看到的经办人的账号编号，没有人经办写 null")
    wish = Wish(
        request.match_info["no"], _keeping(body.get("keeping")), _account(body["seen"], "seen"),
        _unit(body.get("unit")), _account(body.get("to"), "to"),
    )  # fmt: skip
    return as_json(await _done(request, wish))


async def _done(request: web.Request, wish: Wish) -> Kept:
    deps, viewer = request.app[DEPS], request[VIEWER]
    if wish.to is None and wish.keeping is Keeping.GIVE:
        raise BadInput("交给谁(to)：请从本单位的承办人里选一位")
    async with deps.db.writes.begin() as session:
        kept = await keeping.keep(session, deps.tables, viewer, wish, now=deps.clock.now())
    request.app[CACHES].moved(viewer)
    request.app[BOARD].tell()
    return kept


def _keeping(value: object) -> Keeping:
    known = {one.value: one for one in Keeping}
    if not isinstance(value, str) or value not in known:
        raise BadInput(f"keeping 只能是：{'、'.join(known)}")
    return known[value]


def _account(value: object, name: str) -> int | None:
    """An account's number, of a form or of JSON. Raises BadInput."""
    if value is None:
        return None
    found = value if type(value) is int else asking.number_of(value)
    if found is None or not 0 < found <= asking.MOST_NUMBER:
        raise BadInput(f"{name} 应是账号编号")
    return found


def _unit(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise BadInput("unit 应是单位编码")
    return value


def paths(
    answer: Callable[[str, str], dict[str, Any]],
    problem: Callable[[str], dict[str, Any]],
    problems: dict[str, Any],
    missing: dict[str, Any],
    number: dict[str, Any],
) -> dict[str, Any]:
    """The path for the OpenAPI document."""
    account = {"type": ["integer", "null"], "minimum": 1, "maximum": asking.MOST_NUMBER}
    body = {
        "type": "object", "required": ["keeping", "seen"], "additionalProperties": False,
        "properties": {
            "keeping": {
                "type": "string", "enum": [one.value for one in Keeping],
                "description": "、".join(f"{one.value} {one.label}" for one in Keeping),
            },
            "seen": {**account, "description": "您看到的经办人的账号编号；没有人经办为 null"},
            "to": {**account, "description": "交给谁，keeping 为 give 时写"},
            "unit": {
                "type": ["string", "null"], "maxLength": _LONGEST,
                "description": "您的哪个单位；只有一个时可不写",
            },
        },
    }  # fmt: skip
    refused = {
        "409": problem("别人先改了：detail 说明现在谁在经办；没有改动"),
        "415": problem("内容不是 application/json"),
        "422": problem("工单已经结束，不再定经办人"),
    }
    return {
        "/api/v1/tickets/{no}/keeper": {
            "get": {
                "operationId": "listKeepers",
                "summary": "本单位能定的经办人：现在是谁，可以交给谁",
                "parameters": [number],
                "responses": {"200": answer("KeeperList", "本单位在这张工单上的部分"), **problems, **missing},
            },
            "post": {
                "operationId": "keepTicket",
                "summary": "定经办人：我来办、交给同事、放下；不改变工单的状态和时限",
                "parameters": [number],
                "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
                "responses": {"200": answer("Kept", "现在的经办人"), **problems, **missing, **refused},
            },
        }
    }


SCHEMAS: Final = (KeeperList, Kept)
ROUTES: Final = (
    access.post("/desk/tickets/{no}/keeper", pressed, needs=Permission.HANDLE),
    access.get("/api/v1/tickets/{no}/keeper", listed, needs=Permission.HANDLE),
    access.post("/api/v1/tickets/{no}/keeper", pressed_json, needs=Permission.HANDLE),
)
