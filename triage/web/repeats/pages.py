"""同一事项: the list of proposals, two tickets side by side, and the clerk's word on them."""

from __future__ import annotations

import asyncio
import re
import secrets
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003  (shown by the template)
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from aiohttp import web

from models import matters, placed
from models.vocab import Field, Move, State, Urgency
from models.vocab_matters import Proposal
from models.vocab_staff import Permission
from triage.errors import BadInput, TriageError
from triage.services import moving, standings
from triage.services.repeats import comparing, looking
from triage.services.repeats.comparing import Part  # noqa: TC001  (shown by the template)
from triage.web import access, guard, present
from triage.web.asking import day_of, number_of, refuse_others
from triage.web.desk import render
from triage.web.desks.live import BOARD
from triage.web.incidents import drawing
from triage.web.incidents.drawing import Drawing  # noqa: TC001  (shown by the template)
from triage.web.keys import CACHES, DEPS, NAMES, VIEWER
from triage.web.place_picking import GROUND
from triage.web.repeats import ways
from triage.web.repeats.box import PairLine, line, shown
from triage.web.ticket_page import acting_of
from triage.web.views import Due, Term  # noqa: TC001  (shown by the template)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from multidict import MultiDictProxy

    from models.matters import Proposed
    from models.ticket_detail import WholeTicket
    from triage.services.repeats.comparing import Compared, Gathered, Side
    from triage.settings import Settings

_SEE_OTHER: Final = 303
_KILOMETRE: Final = 1000
_NUMBER: Final = re.compile(r"[0-9-]{1,32}")
_PAIR: Final = re.compile(r"([0-9-]{1,32})\.([0-9-]{1,32})")


@dataclass(frozen=True, slots=True)
class Group:
    """Tickets that may all be the matter of one earlier ticket."""

    head_no: str
    head_title: str
    numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RepeatsPage:
    """待确认的同一事项; `groups`: heads that several wait to be merged into, all at once if wished."""

    lines: tuple[PairLine, ...]
    groups: tuple[Group, ...]
    more: str | None
    first: bool
    refused: tuple[str, str] | None
    token: str


@dataclass(frozen=True, slots=True)
class SideView:
    """One of the two tickets."""

    no: str
    state: str
    state_label: str
    received_at: datetime
    title: tuple[Part, ...]
    text: tuple[Part, ...]
    rest: str
    grade: Term
    due: Due | None
    supervised: bool
    kind: str
    place: str
    party: str
    unit: str
    version: int
    merged_into: str | None
    photos: tuple[int, ...]
    more_photos: int


@dataclass(frozen=True, slots=True)
class ComparePage:
    """Two tickets side by side; `a` came later."""

    a: SideView
    b: SideView
    p: float
    called: str
    why: tuple[str, ...]
    facts: tuple[str, ...]
    map: Drawing | None
    may_decide: bool
    merging: tuple[SideView, SideView] | None
    """Which would be merged into which: the later one, unless its clocks are the graver ones."""
    marked: bool
    split: SideView | None
    """The one that is merged into the other, which can be taken back."""
    done: bool
    """Whether it was just taken back."""
    refused: bool
    error: str | None
    token_field: str
    token: str
    key: str


async def listed(request: web.Request) -> web.Response:
    """待确认的同一事项, the likeliest first, or what comes `after` a pair (NO.NO).

    `a` and `b` are two that were just judged not to be one. Raises BadInput.
    """
    refuse_others(request.query, ("a", "b", "after"))
    after = request.query.get("after")
    place = _PAIR.fullmatch(after) if after is not None else None
    if after is not None and place is None:
        raise BadInput("参数 after 应是两个工单编号，中间一个点")
    a, b = request.query.get("a", ""), request.query.get("b", "")
    told = (a, b) if _NUMBER.fullmatch(a) and _NUMBER.fullmatch(b) else None
    async with request.app[DEPS].db.reads() as session:
        found = await matters.proposals(
            session, request[VIEWER], after=(place[1], place[2]) if place is not None else None
        )
        shown_pairs, groups = found[: matters.PAGE], tuple[Group, ...]()
        if request[VIEWER].may(Permission.BULK):
            heads = {pair.head.id for pair in shown_pairs}
            alike = await matters.proposals_of(session, request[VIEWER], heads)
            apart = await matters.refused_among(session, {pair.ticket.id for pair in alike})
            # Into what was found on patrol no demand is merged: that pair is merged the other way, by itself.
            groups = _groups([pair for pair in alike if not pair.patrol_head], apart)
    day = day_of(request.app[DEPS].clock.now())
    lines = tuple(line(pair, day) for pair in shown_pairs)
    more = f"/desk/repeats?after={lines[-1].no}.{lines[-1].head_no}" if len(found) > len(lines) else None
    page = RepeatsPage(lines, groups, more, after is None, told, guard.token_of(request))
    return render(request, "desk/repeats.html", page=page)


def _groups(pairs: Sequence[Proposed], apart: Collection[tuple[int, int]]) -> tuple[Group, ...]:
    """The largest first; a ticket that is like several heads stands with the likeliest alone.

    Of two that a person held for two matters (`apart`) only the likelier stands in a group.
    """
    others: dict[int, set[int]] = {}
    for one, other in apart:
        others.setdefault(one, set()).add(other)
        others.setdefault(other, set()).add(one)
    # The tickets of each head by id; a head of hundreds is gone through once.
    homes: dict[int, dict[int, Proposed]] = {}
    placed: set[int] = set()
    for pair in pairs:
        mine, ticket = homes.setdefault(pair.head.id, {}), pair.ticket.id
        if ticket not in placed and others.get(ticket, set()).isdisjoint(mine):
            mine[ticket] = pair
            placed.add(ticket)
    found = [
        Group(alike[0].head.no, alike[0].head.title, tuple(pair.ticket.no for pair in alike))
        for alike in (list(mine.values()) for mine in homes.values())
        if len(alike) > 1
    ]
    return tuple(sorted(found, key=lambda group: -len(group.numbers)))


async def compared(request: web.Request) -> web.Response:
    """两张工单并排; `done` says what was just done here. Raises NotFound, BadInput."""
    refuse_others(request.query, ("done",))
    return await _page(request, None)


async def merged(request: web.Request) -> web.Response:
    """合并: ticket `a` into `b`. What is refused is shown with its reason."""
    form = await request.post()
    head = request.match_info["b"]
    values = {Field.OTHER_TICKET.value: head, Field.REASON.value: "与原工单是同一事项"}
    error = await _moved(request, form, Move.MERGE, values)
    # The page of the ticket that goes on: what was merged away, and where it is taken back, is told there.
    done = urlencode({"done": Move.MERGE.value, "merged": request.match_info["a"]})
    return await _page(request, error) if error else _to(f"/desk/tickets/{quote(head)}?{done}")


async def split(request: web.Request) -> web.Response:
    """撤销合并: `a`, which is merged into `b`, is on its own again; their proposal waits as before."""
    form = await request.post()
    a, b, reason = request.match_info["a"], request.match_info["b"], form.get("reason")
    values = {Field.REASON.value: reason if isinstance(reason, str) else ""}
    error = await _moved(request, form, Move.SPLIT, values)
    done = urlencode({"done": Move.SPLIT.value})
    return await _page(request, error) if error else _to(f"/desk/compare/{quote(a)}/{quote(b)}?{done}")


async def _moved(
    request: web.Request, form: MultiDictProxy[Any], move: Move, values: dict[str, str]
) -> TriageError | None:
    """Make the move with ticket `a`; gives what was refused. Raises BadInput for a form that lacks fields."""
    deps = request.app[DEPS]
    now = deps.clock.now()
    a, b = request.match_info["a"], request.match_info["b"]
    version, key = number_of(form.get("version")), form.get("key")
    if version is None or not isinstance(key, str):
        raise BadInput("表单不完整，请刷新页面再提交")
    person = acting_of(request).person(deps.tables)
    wish = moving.Wish(no=a, move=move, values=values, version=version, key=key)
    try:
        async with deps.db.writes.begin() as session:
            found = await comparing.gather(session, request[VIEWER], a, b)
            made = await moving.make(session, deps.tables, request[VIEWER], person, wish, now=now)
            # Who changed the address would take it out of a third ticket. Sent twice it is out already.
            if move is Move.SPLIT and not made.repeated and found.merged_no != a:
                raise BadInput(f"{a} 没有并入 {b}，请刷新页面再看")
    except TriageError as error:
        return error
    request.app[BOARD].tell()
    request.app[CACHES].moved(request[VIEWER])
    return None


async def refused(request: web.Request) -> web.Response:
    """不是同一事项. Raises NotFound, BadInput."""
    await request.post()
    deps = request.app[DEPS]
    by = acting_of(request).person(deps.tables).actor.login
    async with deps.db.writes.begin() as session:
        await comparing.refuse(
            session,
            request[VIEWER],
            request.match_info["a"],
            request.match_info["b"],
            by=by,
            now=deps.clock.now(),
        )
    a, b = request.match_info["a"], request.match_info["b"]
    return _to(f"/desk/repeats?{urlencode({'a': a, 'b': b})}")


async def reopened(request: web.Request) -> web.Response:
    """撤销“不是同一事项”. Raises NotFound, BadInput."""
    await request.post()
    deps, a, b = request.app[DEPS], request.match_info["a"], request.match_info["b"]
    by = acting_of(request).person(deps.tables).actor.login
    async with deps.db.writes.begin() as session:
        await comparing.reopen(session, request[VIEWER], a, b, by=by, now=deps.clock.now())
    return _to(f"/desk/compare/{a}/{b}")


def _to(address: str) -> web.Response:
    return web.Response(status=_SEE_OTHER, headers={"Location": address})


def _compared(settings: Settings, gathered: Gathered) -> Compared:
    """The comparison, by the model that is loaded once per process."""
    return comparing.compare(looking.pair_reader(settings), gathered)


async def _page(request: web.Request, error: TriageError | None) -> web.Response:
    deps = request.app[DEPS]
    async with deps.db.reads() as session:
        gathered = await comparing.gather(
            session, request[VIEWER], request.match_info["a"], request.match_info["b"]
        )
    found = await asyncio.to_thread(_compared, request.app[DEPS].settings, gathered)
    token = guard.token_of(request)
    a, b = (_side(request, side) for side in (found.a, found.b))
    page = ComparePage(
        a=a,
        b=b,
        p=shown(found.likeness.p),
        called="很可能是同一事项" if found.likeness.same else "看来不是同一事项",
        why=found.likeness.why,
        facts=_facts(found),
        map=await _map(request, found),
        may_decide=request[VIEWER].may(Permission.INTAKE),
        merging=ways.merging(request, found, (a, b)),
        marked=found.marked,
        split=next((side for side in (a, b) if side.no == found.merged_no), None),
        done=request.query.get("done") == Move.SPLIT.value,
        refused=found.state is Proposal.REFUSED,
        error=error.detail if error else None,
        token_field=guard.FIELD,
        token=token,
        key=secrets.token_urlsafe(16),
    )
    response = render(request, "desk/compare.html", page=page)
    response.set_status(error.status if error else web.HTTPOk.status_code)
    guard.keep(response, token)
    return response


def _facts(found: Compared) -> tuple[str, ...]:
    """Distance, time and caller, in words."""
    apart = abs(found.a.whole.ticket.received_at - found.b.whole.ticket.received_at)
    told = [f"相隔 {apart.days} 天" if apart.days else "同一天之内"]
    told.append("同一来电人" if found.same_caller else "不同来电人，或没有登记电话")
    if found.metres is not None:
        told.append(_apart(found.metres))
    return tuple(told)


def _apart(metres: float) -> str:
    """Two places that are known no closer than a street have that street's one point: no 0 metres."""
    if metres < 1:
        return "两地定位到同一点（可能只精确到街道）"
    if metres >= _KILOMETRE:
        return f"两地相距约 {metres / _KILOMETRE:.1f} 公里"
    return f"两地相距约 {metres:.0f} 米"


async def _map(request: web.Request, found: Compared) -> Drawing | None:
    """Both places on one map, the later one fresh; None where neither has a point."""
    points = []
    for side, fresh in ((found.b, False), (found.a, True)):
        point = placed.point(side.whole.ticket, side.whole.reading)
        if point is not None:
            points.append((*point, fresh))
    if not points:
        return None
    middle = (sum(p[0] for p in points) / len(points), sum(p[1] for p in points) / len(points))
    atlas = await request.app[GROUND].atlas()
    return drawing.draw(drawing.ground_of(atlas), middle, (found.metres or 0) / 2, points)


def _side(request: web.Request, side: Side) -> SideView:
    whole, names, now = side.whole, request.app[NAMES], request.app[DEPS].clock.now()
    ticket = whole.ticket
    standing = standings.stand_of(request.app[DEPS].tables, whole, now=now)
    detail = whole.reading.detail if whole.reading else {}
    state = State(ticket.state)
    return SideView(
        no=ticket.no,
        state=state.value,
        state_label=state.label,
        received_at=ticket.received_at,
        title=side.title,
        text=side.text,
        rest=side.rest,
        grade=present.term(Urgency, ticket.urgency),
        due=present.due(ticket.due_at, ticket.due_clock, day_of(now)),
        supervised=standing.supervised,
        kind=names.kind(ticket.kind) if ticket.kind else "未识别",
        place=(detail.get("place") or {}).get("span") or "未识别",
        party=detail.get("party") or "未识别",
        unit=names.units.get(ticket.unit_code, ticket.unit_code) if ticket.unit_code else "无",
        version=ticket.version,
        merged_into=_merged_into(whole),
        photos=side.photos,
        more_photos=side.more_photos,
    )


def _merged_into(whole: WholeTicket) -> str | None:
    """The ticket it is merged into now."""
    if whole.ticket.state != State.MERGED:
        return None
    told = [event.data for event in whole.events if event.data.get("move") == Move.MERGE]
    number = told[-1]["values"].get(Field.OTHER_TICKET) if told else None
    return number if number in whole.others else None


ROUTES: Final = (
    access.get("/desk/repeats", listed, needs=Permission.SEE_CASES),
    access.get("/desk/compare/{a}/{b}", compared, needs=Permission.SEE_CASES),
    access.post("/desk/compare/{a}/{b}/merge", merged, needs=Permission.INTAKE),
    access.post("/desk/compare/{a}/{b}/split", split, needs=Permission.INTAKE),
    access.post("/desk/compare/{a}/{b}/refuse", refused, needs=Permission.INTAKE),
    access.post("/desk/compare/{a}/{b}/reopen", reopened, needs=Permission.INTAKE),
)
