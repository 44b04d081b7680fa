"""突发事件 at the desk: the list, one incident that grows before one's eyes, its card, what a person does."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from aiohttp import web

from models.vocab import OPEN_STATES, State
from models.vocab_incidents import LIVE_STATES, CallBy, IncidentAct, IncidentState
from models.vocab_staff import Permission
from triage.clock import show
from triage.errors import BadInput, TriageError
from triage.rules import incidents as rules
from triage.services.incidents import acting, merging, showing, telling
from triage.services.incidents.acting import OF_THE_WHOLE, Wish, own
from triage.web import access, guard
from triage.web.asking import refuse_others
from triage.web.desk import render
from triage.web.incidents import drawing
from triage.web.incidents.drawing import Bar, Drawing  # noqa: TC001  (shown by the template)
from triage.web.keys import DEPS, NAMES, VIEWER
from triage.web.place_picking import GROUND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.incidents import Incident
    from models.viewing import Viewer
    from triage.rules.rows import Tables
    from triage.services.incidents.showing import Whole

_FRESH: Final = timedelta(minutes=5)
_SEE_OTHER: Final = 303
_LONGEST_ID: Final = 18
_KILOMETRE: Final = 1000
#: Who decides about an incident.
DECIDE: Final = (Permission.INTAKE, Permission.SUPERVISE)
#: Streets that a card names.
_MOST_STREETS: Final = 8


@dataclass(frozen=True, slots=True)
class IncidentLine:
    """An incident as the list shows it."""

    address: str
    number: str
    state: str
    state_label: str
    where: str
    what: str
    calls: int
    first_at: datetime
    last_at: datetime
    confirm_by: datetime | None
    late: bool


@dataclass(frozen=True, slots=True)
class ListPage:
    """突发事件."""

    lines: tuple[IncidentLine, ...]
    tabs: tuple[tuple[str, str, bool], ...]
    more: str | None


@dataclass(frozen=True, slots=True)
class CallLine:
    """A call as the page shows it."""

    no: str
    title: str
    state: str
    state_label: str
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class EventLine:
    """What was done."""

    at: datetime
    label: str
    by: str
    words: str


@dataclass(frozen=True, slots=True)
class IncidentPage:
    """One incident."""

    id: int
    version: int
    line: IncidentLine
    cases: int
    seen: int
    listed: int
    reach: str
    found: str
    answer_by: datetime
    answer_late: bool
    reason: str | None
    map: Drawing | None
    bars: tuple[Bar, ...]
    bar_minutes: int
    streets: tuple[tuple[str, int], ...]
    calls: tuple[CallLine, ...]
    events: tuple[EventLine, ...]
    acts: tuple[tuple[str, str, bool], ...]
    may_move: bool
    may_bulk: bool
    heads: tuple[str, ...]
    most: int
    may_undo: bool
    in_part: bool
    may_take: bool
    live: bool
    error: str | None
    card: str
    token_field: str
    token: str
    as_of: datetime


async def listed(request: web.Request) -> web.Response:
    """突发事件列表. Raises BadInput."""
    refuse_others(request.query, ("tab", "before"))
    tab = request.query.get("tab", "live")
    if tab not in showing.TABS:
        raise BadInput(f"参数 tab 只能是：{'、'.join(showing.TABS)}")
    before = request.query.get("before")
    if before is not None and not (before.isdecimal() and len(before) <= _LONGEST_ID):
        raise BadInput("参数 before 应是数字")
    deps = request.app[DEPS]
    async with deps.db.reads() as session:
        found = await showing.listed(
            session, request[VIEWER], showing.TABS[tab][1], before=int(before) if before else None
        )
    shown, now = found[: showing.PER_PAGE], deps.clock.now()
    page = ListPage(
        lines=tuple(_line(deps.tables, incident, now) for incident in shown),
        tabs=tuple(
            (label, f"/desk/incidents?tab={name}", name == tab) for name, (label, _) in showing.TABS.items()
        ),
        more=f"/desk/incidents?tab={tab}&before={shown[-1].id}" if len(found) > len(shown) else None,
    )
    return render(request, "incidents/list.html", page=page)


async def one(request: web.Request) -> web.Response:
    """一个事件. Raises NotFound."""
    return await _shown(request, "incidents/one.html")


async def part(request: web.Request) -> web.Response:
    """What grows of it: counts, map, calls. Raises NotFound."""
    return await _shown(request, "incidents/live.html", "/part")


async def card(request: web.Request) -> web.Response:
    """事件卡, to print or to send on. Raises NotFound."""
    return await _shown(request, "incidents/card.html", "/card")


async def _shown(request: web.Request, template: str, end: str = "") -> web.Response:
    """A page of it; one that was given to another leads to the same page there."""
    refuse_others(request.query, ())
    into = await _home(request)
    if into != _id(request):
        return web.Response(status=_SEE_OTHER, headers={"Location": f"/desk/incidents/{into}{end}"})
    return await _page(request, template, into, None)


async def _home(request: web.Request) -> int:
    async with request.app[DEPS].db.reads() as session:
        return await merging.home(session, _id(request))


async def acted(request: web.Request) -> web.Response:
    """Do one thing with it; what is refused is shown with its reason and what was typed. Raises BadInput."""
    form = await request.post()
    said = {name: value for name, value in form.items() if isinstance(value, str)}
    try:
        wanted = IncidentAct(said.get("act", ""))
    except ValueError:
        raise BadInput("表单不完整，请刷新页面再提交") from None
    version = said.get("version", "")
    if not (version.isdecimal() and len(version) <= _LONGEST_ID):
        raise BadInput("表单不完整，请刷新页面再提交")
    deps = request.app[DEPS]
    wish = Wish(_id(request), int(version), wanted, said.get("reason"), said.get("ticket"))
    try:
        async with deps.db.writes.begin() as session:
            await acting.act(session, deps, request[VIEWER], wish, now=deps.clock.now())
    except TriageError as error:
        # Of one that was taken in meanwhile the page is where its calls are: what was typed is not lost.
        return await _page(request, "incidents/one.html", await _home(request), error, typed=said)
    address = f"/desk/incidents/{wish.incident_id}"
    return web.Response(status=_SEE_OTHER, headers={"Location": address})


def _id(request: web.Request) -> int:
    return int(request.match_info["id"])


async def _page(
    request: web.Request,
    template: str,
    number: int,
    error: TriageError | None,
    *,
    typed: Mapping[str, str] | None = None,
) -> web.Response:
    deps = request.app[DEPS]
    async with deps.db.reads() as session:
        found = await showing.whole(session, request[VIEWER], number)
    token = guard.token_of(request)
    now = deps.clock.now()
    page = await _view(request, found, now=now, token=token, error=error)
    status = error.status if error else web.HTTPOk.status_code
    # Back into the form it was typed in, not into another act's.
    kept = {name: (typed or {}).get(name, "") for name in ("act", "reason", "ticket")}
    return render(request, template, status=status, page=page, typed=kept)


async def _view(
    request: web.Request, whole: Whole, *, now: datetime, token: str, error: TriageError | None
) -> IncidentPage:
    tables, incident = request.app[DEPS].tables, whole.incident
    state = IncidentState(incident.state)
    line = _line(tables, incident, now)
    bars, minutes = drawing.bars([fact.at for fact in whole.facts])
    streets = _streets(request, whole)
    decides = request[VIEWER].may(*DECIDE)
    acts = [act for act in rules.acts(state) if whole.all_seen or act not in OF_THE_WHOLE] if decides else []
    row = next((row for row in tables.incidents.bursts if row.id == incident.row_id), None)
    return IncidentPage(
        id=incident.id,
        version=incident.version,
        line=line,
        cases=whole.open_cases,
        seen=len(whole.facts),
        listed=len(whole.calls),
        reach=_reach(incident),
        found=f"{row.title if row else ''}：{incident.callers} 人，平时约 {incident.usual:.2f} 人",
        answer_by=incident.answer_by,
        answer_late=state in LIVE_STATES and incident.answer_by <= now,
        reason=incident.reason,
        map=await _map(request, whole, now),
        bars=bars,
        bar_minutes=minutes,
        streets=streets,
        calls=tuple(
            CallLine(call.no, call.title, call.state, State(call.state).label, call.at, CallBy(call.by).label)
            for call in reversed(whole.calls)
        ),
        events=tuple(_event(event.at, event.act, event.by, event.data) for event in whole.events[::-1]),
        acts=tuple(
            (act.value, act.label, act in rules.REASONED)
            for act in acts
            if act not in {IncidentAct.ADD, IncidentAct.REMOVE, IncidentAct.TAKE}
        ),
        may_move=IncidentAct.ADD in acts,
        may_bulk=request[VIEWER].may(Permission.BULK),
        heads=tuple(call.no for call in whole.calls if State(call.state) in OPEN_STATES),
        most=request.app[DEPS].settings.bulk_most,
        may_undo=decides and _may_undo(whole, request[VIEWER]),
        in_part=decides and not whole.all_seen,
        may_take=IncidentAct.TAKE in acts,
        live=state in LIVE_STATES,
        error=error.detail if error else None,
        card=_card(line, incident, streets, len(whole.facts)),
        token_field=guard.FIELD,
        token=token,
        as_of=now,
    )


def _line(tables: Tables, incident: Incident, now: datetime) -> IncidentLine:
    state = IncidentState(incident.state)
    waits = state is IncidentState.PROPOSED
    return IncidentLine(
        address=f"/desk/incidents/{incident.id}",
        number=telling.number(incident),
        state=state.value,
        state_label=state.label,
        where=telling.where(tables, incident),
        what=telling.what(tables, incident),
        calls=incident.calls,
        first_at=incident.first_at,
        last_at=incident.last_at,
        confirm_by=incident.confirm_by if waits else None,
        late=waits and incident.confirm_by <= now,
    )


def _reach(incident: Incident) -> str:
    if incident.lon is None:
        return "没有更细的地点"
    if incident.reach < 1:
        return "有定位的来电都在同一点"
    if incident.reach >= _KILOMETRE:
        return f"半径约 {incident.reach / _KILOMETRE:.1f} 公里"
    return f"半径约 {incident.reach:.0f} 米"


async def _map(request: web.Request, whole: Whole, now: datetime) -> Drawing | None:
    incident = whole.incident
    if incident.lon is None or incident.lat is None:
        return None
    atlas = await request.app[GROUND].atlas()
    newest = whole.calls[-1].at if whole.calls else now
    points = [
        (call.lon, call.lat, newest - call.at < _FRESH)
        for call in whole.calls
        if call.lon is not None and call.lat is not None
    ]
    return drawing.draw(drawing.ground_of(atlas), (incident.lon, incident.lat), incident.reach, points)


def _streets(request: web.Request, whole: Whole) -> tuple[tuple[str, int], ...]:
    names = request.app[NAMES]
    counted = Counter(fact.street_code for fact in whole.facts)
    told = [
        (names.street(code) if code else "街道不明", count)
        for code, count in counted.most_common(_MOST_STREETS)
    ]
    rest = sum(counted.values()) - sum(count for _, count in told)
    return (*told, *((("其他街道", rest),) if rest else ()))


def _may_undo(whole: Whole, viewer: Viewer) -> bool:
    people = [event for event in whole.events if event.by is not None]
    if not people or people[-1].act == IncidentAct.UNDO:
        return False
    return whole.all_seen or own(people[-1], viewer)


def _event(at: datetime, act: str, by: str | None, data: dict[str, object]) -> EventLine:
    words = []
    match IncidentAct(act):
        case IncidentAct.OPENED:
            words.append(f"{data['minutes']} 分钟内 {data['callers']} 人反映")
        case IncidentAct.ATTACHED | IncidentAct.GREW | IncidentAct.LATE | IncidentAct.UNANSWERED:
            words.append(f"共 {data['calls']} 件")
        case IncidentAct.TAKE:
            words.append(f"{data['number']}")
        case IncidentAct.UNDO:
            words.append(f"撤销“{IncidentAct(str(data['act'])).label}”")
        case _:
            pass
    if data.get("reason"):
        words.append(str(data["reason"]))
    return EventLine(at, IncidentAct(act).label, by or "系统", "；".join(words))


def _card(line: IncidentLine, incident: Incident, streets: tuple[tuple[str, int], ...], seen: int) -> str:
    """The card as words, to paste into a message. Nothing that a citizen wrote.

    The count is of all calls; where the reader does not see them all, what is theirs says so.
    """
    told = "、".join(f"{name} {count} 件" for name, count in streets)
    part = f"（其中可见的 {seen} 件）" if seen < line.calls else ""
    return "\n".join([
        f"【突发事件卡】{line.number} {line.state_label}",
        f"地点：{line.where}（{_reach(incident)}）",
        f"种类：{line.what}",
        f"诉求：{line.calls} 件，首件 {show(incident.first_at)}，最近 {show(incident.last_at)}",
        *([f"分布{part}：{told}"] if told else []),
        f"时限（紧急）：{show(incident.answer_by)} 前反馈处置情况",
    ])  # fmt: skip


ROUTES: Final = (
    access.get("/desk/incidents", listed, needs=Permission.SEE_CASES),
    access.get(r"/desk/incidents/{id:[0-9]{1,18}}", one, needs=Permission.SEE_CASES),
    access.get(r"/desk/incidents/{id:[0-9]{1,18}}/part", part, needs=Permission.SEE_CASES),
    access.get(r"/desk/incidents/{id:[0-9]{1,18}}/card", card, needs=Permission.SEE_CASES),
    access.post(r"/desk/incidents/{id:[0-9]{1,18}}", acted, needs=DECIDE),
)
