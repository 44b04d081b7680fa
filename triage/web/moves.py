"""Moves over HTTP: as JSON under /api/v1, as forms of the desk's ticket page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson
from aiohttp import web

from models import ticket_detail
from models.vocab import Field, Move, State
from triage.errors import BadInput, NotFound
from triage.rules.calendar import beijing
from triage.rules.fields import UNITS
from triage.services import moving, proposing, standings
from triage.services.moving import Wish
from triage.web import acting, asking, evidence, guard, move_forms
from triage.web.desks.live import BOARD
from triage.web.keys import CACHES, DEPS, VIEWER
from triage.web.move_views import MoveMade
from triage.web.views import Term

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from triage.rules.rows import Tables
    from triage.services.moving import Made, Person
    from triage.web.acting import Acting
    from triage.web.evidence import Evidence

KEY: Final = "Idempotency-Key"
_ASKED: Final = ("post", "unit", "name")
_BODY: Final = ("move", "version", "values", "as", "files")
#: A form's field for the identity that its page shows.
AS: Final = "as"
_DESK_FIELDS: Final = ("move", "version", "key", AS, guard.FIELD)


def as_json(value: Any) -> web.Response:  # noqa: ANN401  (a view)
    """A view as JSON."""
    body = orjson.dumps(value, option=orjson.OPT_UTC_Z)
    return web.Response(body=body, content_type="application/json", charset="utf-8")


async def listed(request: web.Request) -> web.Response:
    """GET …/moves: what can be done now, and why not for the rest. Raises NotFound, BadInput."""
    asking.refuse_others(request.query, _ASKED)
    deps = request.app[DEPS]
    viewer = request[VIEWER]
    now = deps.clock.now()
    on = beijing(now).date()
    who = acting.chosen(deps.tables, viewer, request.query, on=on) if request.query else acting.usual(viewer)
    async with deps.db.reads() as session:
        whole = await ticket_detail.whole_ticket(session, request[VIEWER], request.match_info["no"])
        if whole is None:
            raise NotFound("没有这张工单，或您无权查看。")
        proposal = await proposing.of_one(session, deps.tables, whole, day=on)
    standing = standings.stand_of(deps.tables, whole, now=now)
    return as_json(move_forms.move_list(deps.tables, whole.ticket, standing, who, at=now, proposal=proposal))


async def made(request: web.Request) -> web.Response:
    """POST …/moves: make one. Raises BadInput, NotFound, Refusal, Conflict, KeyReused."""
    deps = request.app[DEPS]
    body = await asking.json_object(request, _BODY)
    on = beijing(deps.clock.now()).date()
    who = acting.chosen(deps.tables, request[VIEWER], _mapping(body, "as"), on=on)
    wish = Wish(
        no=request.match_info["no"],
        move=move_of(body.get("move")),
        values=known_values(deps.tables, _mapping(body, "values"), on=on),
        version=_version(body.get("version")),
        key=request.headers.get(KEY, ""),
    )
    files = await evidence.kept_encoded(request, body.get("files"))
    return as_json(await _done(request, who.person(deps.tables), files.named(wish), files))


def _mapping(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = body.get(name) or {}
    if not isinstance(found, dict):
        raise BadInput(f"{name} 应是 JSON 对象")
    # Who acts is no value of the move, and a value of the move says nothing of who acts.
    known = set(_ASKED) if name == "as" else {field.value for field in Field}
    for key in found:
        if key not in known:
            raise BadInput(f"{name} 里不认识的键：{key[:40]}")
    return found


def move_of(value: object) -> Move:
    """A move by its code. Raises BadInput."""
    known = {move.value: move for move in Move}
    if not isinstance(value, str) or value not in known:
        raise BadInput(f"操作 move 只能是：{'、'.join(known)}")
    return known[value]


def _version(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise BadInput("版本 version 应是正整数：您看到的那一版")
    return value


def known_values(tables: Tables, values: Mapping[str, Any], *, on: date) -> dict[str, Any]:
    """Units by code; a whole name stands for the code of whoever has it that day."""
    found = dict(values)
    for field in UNITS:
        if isinstance(found.get(field.value), str) and found[field.value].strip():
            found[field.value] = acting.unit_code(tables, found[field.value].strip(), on=on)
    several = found.get(Field.ASSIST.value)
    if isinstance(several, str):
        parts = several.replace("，", ",").replace("、", ",").split(",")
        several = [part.strip() for part in parts if part.strip()]
    if isinstance(several, list):
        found[Field.ASSIST.value] = [
            acting.unit_code(tables, part, on=on) if isinstance(part, str) else part for part in several
        ]
    return found


async def _done(request: web.Request, person: Person, wish: Wish, files: Evidence | None = None) -> MoveMade:
    """Make the move, with the files that came along, and say where the ticket stands then."""
    deps = request.app[DEPS]
    now = deps.clock.now()
    async with deps.db.writes.begin() as session:
        result: Made = await moving.make(session, deps.tables, request[VIEWER], person, wish, now=now)
        if files is not None and not result.repeated:
            await files.register(session, wish.no, person.actor.login, now=now)
    # What was counted before is no longer so.
    request.app[CACHES].moved(request[VIEWER])
    request.app[BOARD].tell()
    async with deps.db.reads() as session:
        whole = await ticket_detail.whole_ticket(session, request[VIEWER], wish.no)
    state = None if whole is None else State(whole.ticket.state)
    return MoveMade(
        no=wish.no,
        move=Term(result.move.value, result.move.label),
        state=None if state is None else Term(state.value, state.label),
        version=result.version,
        repeated=result.repeated,
        due_at=None if whole is None else whole.ticket.due_at,
    )


def desk_wish(tables: Tables, no: str, form: Mapping[str, Any], *, on: date) -> tuple[Wish, dict[str, str]]:
    """What a form of the page asks for that day, and what was typed. Raises BadInput."""
    typed = {
        name: value for name, value in form.items() if isinstance(value, str) and name not in _DESK_FIELDS
    }
    key = form.get("key")
    wish = Wish(
        no=no,
        move=move_of(form.get("move")),
        values=known_values(tables, typed, on=on),
        version=_version(asking.number_of(form.get("version")) or 0),
        key=key if isinstance(key, str) else "",
    )
    return wish, typed


async def check_acting(request: web.Request, who: Acting, wish: Wish, form: Mapping[str, Any]) -> None:
    """A browser has one identity for all its windows: a form is made as whom its page shows. Raises BadInput.

    What was made before is told so, whoever asks; a page from before this field says nothing.
    """
    shown, deps = form.get(AS), request.app[DEPS]
    if not isinstance(shown, str) or not shown or shown == who.cookie():
        return
    async with deps.db.reads() as session:
        if await moving.was_made(session, wish.no, wish.key):
            return
    raise BadInput(f"身份已换成“{who.label(deps.tables)}”，还没有提交：请核对后再提交。")


async def desk_done(request: web.Request, who: Acting, wish: Wish, files: Evidence) -> MoveMade:
    """Make a form's move."""
    return await _done(request, who.person(request.app[DEPS].tables), files.named(wish), files)
