"""约定时间 over HTTP: a page and a form of the desk, the same as JSON; for whoever follows up (回访)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from aiohttp import hdrs, web

from models import ringing, ticket_detail
from models.vocab_staff import Permission
from triage.clock import BEIJING, local
from triage.errors import BadInput, NotFound, TriageError
from triage.rules import ringing as rules
from triage.rules.calendar import beijing
from triage.services import call_after
from triage.services.call_after import LONGEST_WORDS, AfterLimit, CallAfterSet, Wish
from triage.web import access, asking, guard
from triage.web.desk import render
from triage.web.desks.live import BOARD
from triage.web.keys import CACHES, DEPS, VIEWER
from triage.web.moves import as_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from models.ringing import Agreed
    from models.ticket_detail import WholeTicket
    from triage.rules.rows import Tables

_SEE_OTHER: Final = 303
_BODY: Final = ("at", "seen", "words", "late")
_LONGEST: Final = 40
#: As a form sends a moment, by Beijing's clock.
_FORM: Final = "%Y-%m-%dT%H:%M"
_YEARS: Final = range(2000, 2101)
_DAYS: Final = ("今天", "明天")


@dataclass(frozen=True, slots=True)
class Offer:
    """A time that is one press away."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class AfterForm:
    """The form, begun with what stands or with what was typed when it was refused.

    `late`: the box that says it is known to be after the limit is shown. `over`: the limit, where it is over
    already. `seen`: what stands, as a wish says.
    """

    agreed: Agreed | None
    seen: str
    offers: tuple[Offer, ...]
    value: str
    words: str
    most: int
    days: int
    hours: str
    first: str
    last: str
    late: bool
    over: datetime | None
    error: str | None


@dataclass(frozen=True, slots=True)
class AfterPage:
    """The page of one ticket; `form` is null where nobody waits to be rung."""

    no: str
    title: str
    form: AfterForm | None
    token: str


def form_of(
    tables: Tables,
    whole: WholeTicket,
    agreed: Agreed | None,
    *,
    now: datetime,
    tried: tuple[Mapping[str, str], TriageError] | None = None,
) -> AfterForm | None:
    """The form; None where the ticket waits for no 回访."""
    if not call_after.to_follow_whole(whole):
        return None
    row = tables.clocks.ring(beijing(now).date())
    limits = call_after.limits_of(whole.ticket)
    typed, error = tried or ({}, None)
    standing = _form(agreed.at) if agreed else ""
    return AfterForm(
        agreed=agreed,
        seen=_form(agreed.at) if agreed else "",
        offers=tuple(
            Offer(_form(at), _label(at, now, late=late)) for at, late in rules.offered(row, now, limits)
        ),
        value=(typed.get("quick") or typed.get("at") or "")[:_LONGEST] if tried else standing,
        words=typed.get("words", "")[: 2 * LONGEST_WORDS] if tried else agreed.words if agreed else "",
        most=LONGEST_WORDS,
        days=row.days_ahead,
        hours=rules.hours(row),
        first=_form(now),
        last=_form(now + timedelta(days=row.days_ahead)),
        late=isinstance(error, AfterLimit),
        over=limits.due if limits.due is not None and limits.due < now else None,
        error=error.detail if error else None,
    )


def _form(moment: datetime) -> str:
    return local(moment).strftime(_FORM)


def _label(at: datetime, now: datetime, *, late: bool) -> str:
    days = (local(at).date() - local(now).date()).days
    return f"{_DAYS[days]} {local(at):%H:%M}{'（晚于回访时限）' if late else ''}"


async def page(request: web.Request) -> web.Response:
    """GET /desk/tickets/{no}/call-after. Raises NotFound."""
    return await _page(request, None)


async def pressed(request: web.Request) -> web.Response:
    """POST: set, change or clear it, and back to the ticket. Raises NotFound."""
    typed = await typed_of(request)
    try:
        done = await form_done(request, typed)
    except (BadInput, AfterLimit, call_after.CallAfterChanged, call_after.NotToFollow) as error:
        return await _page(request, (typed, error))
    said = "call-after" if done.at else "call-after-cleared"
    place = f"/desk/tickets/{done.no}?done={said}"
    return web.Response(status=_SEE_OTHER, headers={hdrs.LOCATION: place})


async def typed_of(request: web.Request) -> dict[str, str]:
    """The words of a form."""
    form = await request.post()
    return {name: value for name, value in form.items() if isinstance(value, str)}


async def form_done(request: web.Request, typed: Mapping[str, str]) -> CallAfterSet:
    """What a form asks for. Raises what `call_after.set_time` raises."""
    # A time that is one press away is what was pressed, whatever stands in the field.
    text = typed.get("quick") or typed.get("at") or ""
    wish = Wish(
        request.match_info["no"],
        None if typed.get("clear") == "1" else _of_form(text, "约定时间"),
        _of_form(typed["seen"], "seen") if typed.get("seen") else None,
        typed.get("words", ""),
        # What is offered by one press says itself that it is after the limit.
        typed.get("late") == "1" or bool(typed.get("quick")),
    )  # fmt: skip
    return await _done(request, wish)


async def _done(request: web.Request, wish: Wish) -> CallAfterSet:
    deps, viewer = request.app[DEPS], request[VIEWER]
    async with deps.db.writes.begin() as session:
        done = await call_after.set_time(session, deps.tables, viewer, wish, now=deps.clock.now())
    request.app[CACHES].moved(viewer)
    request.app[BOARD].tell()
    return done


async def _page(request: web.Request, tried: tuple[Mapping[str, str], TriageError] | None) -> web.Response:
    deps, token = request.app[DEPS], guard.token_of(request)
    async with deps.db.reads() as session:
        whole = await ticket_detail.whole_ticket(session, request[VIEWER], request.match_info["no"])
        if whole is None:
            raise NotFound("没有这张工单，或您无权查看。")
        agreed = (await ringing.agreed_of(session, [whole.ticket.id])).get(whole.ticket.id)
    shown = AfterPage(
        whole.ticket.no, whole.ticket.title,
        form_of(deps.tables, whole, agreed, now=deps.clock.now(), tried=tried), token,
    )  # fmt: skip
    status = tried[1].status if tried else 200
    response = render(request, "desks/call_after.html", page=shown, status=status)
    guard.keep(response, token)
    return response


async def pressed_json(request: web.Request) -> web.Response:
    """POST: the same as the form, for a program.

    Raises NotFound, NotToFollow, AfterLimit, CallAfterChanged, BadInput.
    """
    body = await asking.json_object(request, _BODY)
    for name in ("at", "seen"):
        if name not in body:
            raise BadInput(f"缺 {name}：带时区的时间，没有写 null")
    words, late = body.get("words", ""), body.get("late", False)
    if not isinstance(words, str):
        raise BadInput("words 应是文字")
    if not isinstance(late, bool):
        raise BadInput("late 应是 true 或 false")
    wish = Wish(
        request.match_info["no"], _of_json(body["at"], "at"), _of_json(body["seen"], "seen"), words, late
    )
    return as_json(await _done(request, wish))


def _of_form(text: str, name: str) -> datetime:
    """By Beijing's clock. Raises BadInput."""
    if not text:
        raise BadInput(f"{name}：请选一个时间，或写明几月几日几点")
    moment = _moment(text, f"{name}：应形如 2026-11-23T17:00")
    return (moment if moment.tzinfo else moment.replace(tzinfo=BEIJING)).astimezone(UTC)


def _of_json(value: object, name: str) -> datetime | None:
    if value is None:
        return None
    told = f"{name} 应是带时区的时间，如 2026-11-23T17:00:00+08:00"
    if not isinstance(value, str):
        raise BadInput(told)
    moment = _moment(value, told)
    if moment.tzinfo is None:
        raise BadInput(told)
    return moment.astimezone(UTC)


def _moment(text: str, told: str) -> datetime:
    """To the minute. Raises BadInput."""
    try:
        moment = datetime.fromisoformat(text[:_LONGEST].strip())
    except ValueError:
        raise BadInput(told) from None
    if moment.year not in _YEARS:
        raise BadInput(told)
    return moment.replace(second=0, microsecond=0)


def paths(
    answer: Callable[[str, str], dict[str, Any]],
    problem: Callable[[str], dict[str, Any]],
    problems: dict[str, Any],
    missing: dict[str, Any],
    number: dict[str, Any],
) -> dict[str, Any]:
    """The path for the OpenAPI document."""
    moment = {"type": ["string", "null"], "format": "date-time", "maxLength": _LONGEST}
    body = {
        "type": "object", "required": ["at", "seen"], "additionalProperties": False,
        "properties": {
            "at": {**moment, "description": "几点以后再打，带时区；null 是清除约定"},
            "seen": {**moment, "description": "您看到的约定时间（工单的 call_after）；没有约定为 null"},
            "words": {"type": "string", "maxLength": LONGEST_WORDS, "description": "说明，不写姓名电话"},
            "late": {"type": "boolean", "description": "知道它晚于回访时限，仍这样约"},
        },
    }  # fmt: skip
    refused = {
        "409": problem("别人先改了：detail 说明现在的约定；没有改动"),
        "415": problem("内容不是 application/json"),
        "422": problem("工单不是待回访，或晚于回访时限而没有写 late"),
    }
    return {
        "/api/v1/tickets/{no}/call-after": {
            "post": {
                "operationId": "setCallAfter",
                "summary": "约定回访时间：几点以后再打，更改，清除；不改变工单的状态和时限",
                "parameters": [number],
                "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
                "responses": {"200": answer("CallAfterSet", "现在的约定"), **problems, **missing, **refused},
            },
        }
    }


SCHEMAS: Final = (CallAfterSet,)
ROUTES: Final = (
    access.get("/desk/tickets/{no}/call-after", page, needs=Permission.FOLLOW_UP),
    access.post("/desk/tickets/{no}/call-after", pressed, needs=Permission.FOLLOW_UP),
    access.post("/api/v1/tickets/{no}/call-after", pressed_json, needs=Permission.FOLLOW_UP),
)
