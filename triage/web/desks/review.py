"""审核台: the next ticket that waits for review, with what helps to decide, and one form that sends it on.

Whoever opens a ticket here holds it for a while, so that the next clerk is given another. The browser asks
for the next one while this one is read (it is held too). A kind or grade that a clerk changes is kept as a
correction (更正) and the ticket dispatched, in one transaction.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from aiohttp import hdrs, web

from models import corrections, holding, past_cases, ticket_detail
from models.vocab import Corrected, Field, Level, Move, State, Urgency
from models.vocab_staff import Permission
from nlp.types import source_text
from triage.errors import BadInput, NoRule, NotFound, TriageError
from triage.rules import answering
from triage.rules.calendar import beijing
from triage.rules.fields import Refusal
from triage.rules.rows import OWN
from triage.services import correcting, moving, proposing, standings
from triage.services.deciding import words_of
from triage.services.hotline import words
from triage.services.moving import Wish
from triage.web import access, asking, communities, guard, move_forms, present, remark_box
from triage.web import moves as moves_web
from triage.web.acting import unit_text
from triage.web.desk import render
from triage.web.desks import at_once, queue
from triage.web.desks.live import BOARD
from triage.web.desks.review_views import Form, Likely, Past, ReviewPage, Shown, Snippet
from triage.web.keys import CACHES, DEPS, NAMES, VIEWER
from triage.web.repeats import box
from triage.web.ticket_page import acting_of, acting_view
from triage.web.views import Term
from triage.web.words import Span, cut

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.ticket_detail import WholeTicket
    from triage.rules.rows import Tables, UnitRow
    from triage.web.move_views import MoveView

#: How long a ticket that was opened is kept from other clerks; opening it again keeps it longer.
HOLD: Final = timedelta(minutes=10)
#: Kinds of the model that are one key away.
LIKELY: Final = 3
#: Tickets tried for one that nobody else just took.
_TRIES: Final = 20
_MOST_SKIPPED: Final = 20
_SEE_OTHER: Final = 303
#: Of a row of the database.
_MOST_ID: Final = 2**63 - 1
_FOR_SCRIPT: Final = "application/json"
_ERRORS: Final = (
    Refusal, NoRule, BadInput, moving.Conflict, moving.KeyReused, correcting.CorrectedMeanwhile,
)  # fmt: skip
_PARAMETERS: Final = ("but", "done", "how")
#: What became of `done`, in `how`; else it was dispatched.
_ANSWERED: Final = "answered"
#: The fields of the form and what each was shown with.
_SHOWN: Final = {"kind": "held", "urgency": "graded", "unit": "offered", "assist": "offered_assist"}


@dataclass(frozen=True, slots=True)
class Tried:
    """A form that did not go through: what was typed, and why."""

    typed: dict[str, str]
    error: TriageError

    def kept(self, field: str) -> str | None:
        """What the clerk wrote there; None where the form was left as it was shown.

        A unit goes with the kind: with another kind it is the clerk's, also where it is the one shown.
        """
        field_touched = _touched(self.typed, field)
        with_kind = field in {Field.UNIT.value, Field.ASSIST.value} and _touched(self.typed, "kind")
        return self.typed.get(field) if field_touched or with_kind else None


def _touched(typed: Mapping[str, str], field: str) -> bool:
    return typed.get(field) != typed.get(_SHOWN[field])


async def following(request: web.Request) -> web.Response:
    """GET /desk/review: lead to the next ticket, held from now on; a page that says so when none waits."""
    asking.refuse_others(request.query, _PARAMETERS, many=("but",))
    but = tuple(no for no in request.query.getall("but", [])[:_MOST_SKIPPED] if len(no) <= 32)  # noqa: PLR2004
    deps, login = request.app[DEPS], _login(request)
    now = deps.clock.now()
    async with deps.db.reads() as session:
        found = await holding.waiting(session, request[VIEWER], login, now=now, limit=_TRIES, but=but)
    if len(but) > 1:
        # The first named may still be before the clerk; what was skipped before it is anybody's.
        async with deps.db.writes.begin() as session:
            await holding.let_go(session, login, but[1:])
    for ticket_id, no in found:
        async with deps.db.writes.begin() as session:
            if await holding.hold(session, ticket_id, login, now=now, span=HOLD):
                return _lead(no, request.query, but)
    return await _none(request)


def _lead(no: str, asked: Mapping[str, str], but: tuple[str, ...]) -> web.Response:
    told = [(name, asked[name]) for name in ("done", "how") if asked.get(name)]
    query = urlencode([*told, *(("but", other) for other in but)])
    place = f"/desk/review/{no}?{query}" if query else f"/desk/review/{no}"
    return web.Response(status=_SEE_OTHER, headers={"Location": place})


async def one(request: web.Request) -> web.Response:
    """GET /desk/review/{no}. Raises NotFound."""
    asking.refuse_others(request.query, _PARAMETERS, many=("but",))
    return await _page(request, None)


async def decided(request: web.Request) -> web.Response:
    """POST /desk/review/{no}: corrections and 派单 at once. Leads to the next, or shows why not."""
    deps, no = request.app[DEPS], request.match_info["no"]
    form = await request.post()
    typed = {name: value for name, value in form.items() if isinstance(value, str)}
    now, who = deps.clock.now(), acting_of(request)
    person = who.person(deps.tables)
    try:
        wish = _wish(deps.tables, no, typed, on=beijing(deps.clock.now()).date())
        await moves_web.check_acting(request, who, wish, typed)
        async with deps.db.writes.begin() as session:
            made = await moving.make(session, deps.tables, request[VIEWER], person, wish, now=now)
            if not made.repeated:
                await correcting.check_shown(
                    session, no, asking.number_of(typed.get("corrected"), most=_MOST_ID) or 0
                )
            said = _said(typed)
            if said and not made.repeated and await _read(session, request, no):
                await correcting.correct(session, deps.tables, request[VIEWER], no, said, at=now)
            await holding.release(session, made.no, now=now)
    except _ERRORS as error:
        return await _page(request, Tried(typed, error))
    request.app[CACHES].moved(request[VIEWER])
    request.app[BOARD].tell()
    if request.headers.get(hdrs.ACCEPT) == _FOR_SCRIPT:
        # Its browser has the next ticket already.
        return web.json_response({"done": no})
    return web.Response(status=_SEE_OTHER, headers={"Location": f"/desk/review?done={no}"})


async def answered(request: web.Request) -> web.Response:
    """POST /desk/review/{no}/answer: 当场答复. Leads to the next, or shows why not."""
    deps, no = request.app[DEPS], request.match_info["no"]
    form = await request.post()
    typed = {name: value for name, value in form.items() if isinstance(value, str)}
    now, who = deps.clock.now(), acting_of(request)
    wish = at_once.wish_of(no, typed)
    try:
        await moves_web.check_acting(request, who, wish, typed)
        async with deps.db.writes.begin() as session:
            await moving.make(session, deps.tables, request[VIEWER], who.person(deps.tables), wish, now=now)
            await holding.release(session, no, now=now)
    except _ERRORS as error:
        return await _page(request, None, answered=(typed, error))
    request.app[CACHES].moved(request[VIEWER])
    request.app[BOARD].tell()
    place = f"/desk/review?{urlencode({'done': no, 'how': _ANSWERED})}"
    return web.Response(status=_SEE_OTHER, headers={"Location": place})


def _told(request: web.Request) -> str:
    """What became of the ticket before this one."""
    return "已当场答复，10 分钟内可在它的工单页撤销" if request.query.get("how") == _ANSWERED else "已派单"


def _said(typed: Mapping[str, str]) -> dict[str, str]:
    """What the clerk says of the reading: what he changed of what was shown.

    The grade may be higher than the reading's, by a rule; the kind may be a colleague's correction.
    """
    said = {name: typed.get(name, "") for name in ("kind", "urgency") if _touched(typed, name)}
    return {name: value for name, value in said.items() if value}


async def _read(session: AsyncSession, request: web.Request, no: str) -> bool:
    """Whether there is a reading to correct."""
    return await corrections.read_ticket_for_update(session, request[VIEWER], no) is not None


def _wish(tables: Tables, no: str, typed: Mapping[str, str], *, on: date) -> Wish:
    values = {name: typed[name] for name in ("unit", "assist", "urgency", "note") if typed.get(name)}
    return Wish(
        no=no, move=Move.DISPATCH,
        values=moves_web.known_values(tables, values, on=on),
        version=asking.number_of(typed.get("version")) or 0, key=typed.get("key", ""),
    )  # fmt: skip


async def units_of(request: web.Request) -> web.Response:
    """GET /desk/review/{no}/units?kind=: whom the tables name for another kind. Raises NotFound, BadInput."""
    asking.refuse_others(request.query, ("kind",))
    deps, kind = request.app[DEPS], request.query.get("kind", "")
    if kind not in deps.tables.kinds:
        raise BadInput("参数 kind 不是种类的代码")
    async with deps.db.reads() as session:
        whole = await ticket_detail.whole_ticket(session, request[VIEWER], request.match_info["no"])
        if whole is None or whole.reading is None:
            raise NotFound("没有这张工单，或您无权查看。")
    today = beijing(deps.clock.now()).date()
    unit, assist = _units(deps.tables, whole, kind, today)
    return web.json_response({"unit": unit, "assist": assist})


def _login(request: web.Request) -> str:
    return request[VIEWER].login


async def _none(request: web.Request) -> web.Response:
    token = guard.token_of(request)
    return render(
        request, "desks/review.html",
        page=ReviewPage(
            ticket=None, pieces=(), likely=(), kinds=(), urgencies=(), form=None, held=None, why_not=None,
            answer=None, said=_told(request), remarks=None,
            platform=(), may_dismiss=False, same=(), past=(), snippets=(), queue=await queue.queue(request),
            skip="/desk/review", done=request.query.get("done"),
            acting=acting_view(request, acting_of(request)),
            here="/desk/review", token=token,
        ),
    )  # fmt: skip


async def _page(
    request: web.Request,
    tried: Tried | None,
    *,
    answered: tuple[dict[str, str], TriageError] | None = None,
) -> web.Response:
    deps, no = request.app[DEPS], request.match_info["no"]
    now, login = deps.clock.now(), _login(request)
    # Of one moment: the corrections that the form knows of are those its units were made of.
    async with deps.db.snapshots() as session:
        whole = await ticket_detail.whole_ticket(session, request[VIEWER], no)
        if whole is None:
            raise NotFound("没有这张工单，或您无权查看。")
        same = await box.box(session, request[VIEWER], whole.ticket.id, asking.day_of(now))
        platform = await words.of_ticket(session, request[VIEWER], whole.ticket.id)
        past = await past_cases.past_cases(session, request[VIEWER], whole.ticket.id)
        known = await corrections.of_ticket(session, whole.ticket.id)
        remarked = await remark_box.glimpse(request, session, whole)
    held = None
    if whole.ticket.state == State.REVIEW:
        async with deps.db.writes.begin() as session:
            if not await holding.hold(session, whole.ticket.id, login, now=now, span=HOLD):
                held = "别的坐席刚打开了这张工单：先看“下一张”，或与同事商量后再派。"
    day = asking.day_of(now)
    known_as = await communities.of_ticket(whole)
    view = present.ticket(whole, request.app[NAMES], day, request[VIEWER], communities=known_as)
    standing = standings.stand_of(deps.tables, whole, now=now)
    who = acting_of(request)
    today = beijing(now).date()
    proposal = proposing.of_whole(deps.tables, whole, known, day=today)
    found = move_forms.move_list(deps.tables, whole.ticket, standing, who, at=now, proposal=proposal)
    # Who may only look has no move at all.
    dispatch = next((item for item in found.items if item.move.code == Move.DISPATCH.value), None)
    told = whole.appeal.told_type
    held_now = correcting.as_held(whole.reading, known, told) if whole.reading else {}
    stands = held_now.get(Corrected.KIND) or ""
    kind = (tried.kept("kind") if tried else None) or stands
    spans = [Span(e.start, e.end, f"h-{e.head.code}", e.head.label) for e in view.evidence if e.weight > 0]
    names = request.app[NAMES]
    kept = answering.words_of(event.data for event in whole.events)
    but = [no, *request.query.getall("but", [])][:_MOST_SKIPPED]
    page = ReviewPage(
        ticket=view,
        pieces=cut(view.text, spans),
        likely=_likely(request, whole, kind, today),
        kinds=tuple(
            (parent, tuple(Term(code, names.kind(code)) for code in codes))
            for parent, codes in names.parents.items()
        ),
        urgencies=tuple(present.term(Urgency, urgency.value) for urgency in Urgency),
        form=_form(
            dispatch.fields if dispatch else (),
            standing.version,
            kind=kind,
            shown=Shown(stands, view.item.urgency.code, "", "", known[-1].id if known else 0),
            tried=tried,
            desk=deps.tables.unit(Level.DESK, OWN, "", today),
        ),
        held=held,
        why_not=_why_not(dispatch),
        answer=at_once.view(deps.tables, found, standing, words=kept, tried=answered, on=today),
        platform=platform,
        remarks=remarked,
        may_dismiss=True,
        same=same,
        past=tuple(map(_past, past)),
        snippets=tuple(
            Snippet(row.title, row.text, row.kinds, row.source, row.status.value)
            for row in sorted(deps.tables.snippets.snippets, key=lambda row: not row.kinds)
            if row.holds(today)
        ),
        queue=await queue.queue(request),
        skip=f"/desk/review?{urlencode([('but', other) for other in but])}",
        done=request.query.get("done"),
        said=_told(request),
        acting=acting_view(request, who),
        here=f"/desk/review/{no}",
        token=guard.token_of(request),
    )
    error = tried.error if tried else answered[1] if answered else None
    return render(request, "desks/review.html", status=error.status if error else 200, page=page)


def _past(one: past_cases.PastCase) -> Past:
    return Past(
        one.no, one.title, present.term(State, one.state), one.unit or "未定", one.opened_at, one.answer
    )


def _why_not(dispatch: MoveView | None) -> str | None:
    """Why the ticket cannot be sent on from here; None: it can."""
    if dispatch is None:
        return "您的角色只能查看，不能派单。"
    return None if dispatch.possible else dispatch.why


def _form(
    fields: tuple[Any, ...],
    version: int,
    *,
    kind: str,
    shown: Shown,
    tried: Tried | None,
    desk: UnitRow | None,
) -> Form:
    proposed = {field.name: field.value for field in fields}
    if desk is not None and proposed.get(Field.UNIT.value) in {desk.name, desk.code}:
        # 派单 refuses it: whom to send it to is what the clerk is to find out.
        proposed[Field.UNIT.value] = ""
    shown = replace(
        shown, unit=proposed.get(Field.UNIT.value, ""), assist=proposed.get(Field.ASSIST.value, "")
    )
    kept = {name: value for name in _SHOWN if tried and (value := tried.kept(name)) is not None}
    wrong = tried.error.field if tried and isinstance(tried.error, Refusal) else None
    return Form(
        kind=kind,
        urgency=kept.get("urgency") or shown.urgency,
        shown=shown,
        unit=kept.get("unit", shown.unit),
        assist=kept.get("assist", shown.assist),
        note=tried.typed.get("note", "") if tried else "",
        version=version,
        key=uuid.uuid4().hex,
        error=tried.error.detail if tried else None,
        wrong=wrong.value if wrong else None,
    )


def _likely(request: web.Request, whole: WholeTicket, kind: str, today: date) -> tuple[Likely, ...]:
    """The model's first kinds, each with the units that the catalogue names for it at this place."""
    reading, tables, names = whole.reading, request.app[DEPS].tables, request.app[NAMES]
    if reading is None:
        return ()
    found = []
    for number, guess in enumerate(reading.detail.get("kinds", ())[:LIKELY], start=1):
        code = guess["code"]
        unit, assist = _units(tables, whole, code, today)
        found.append(Likely(number, code, names.kind(code), float(guess["p"]), unit, assist, code == kind))
    return tuple(found)


def _units(tables: Tables, whole: WholeTicket, kind: str, today: date) -> tuple[str, str]:
    """Who leads and who assists for a kind, as the fields say it; empty where the tables say nothing."""
    text = source_text(*words_of(whole.appeal))
    route = proposing.route_at(tables, whole.ticket, text, kind, day=today)
    if route is None:
        return "", ""
    unit, *assist = (unit_text(tables, row.code, on=today) for row in (route.unit, *route.assist))
    return unit, "，".join(assist)


ROUTES: Final = (
    access.get("/desk/review", following, needs=Permission.INTAKE),
    access.get("/desk/review/queue", queue.part, needs=Permission.INTAKE),
    access.get("/desk/review/{no}", one, needs=Permission.INTAKE),
    access.get("/desk/review/{no}/units", units_of, needs=Permission.INTAKE),
    access.post("/desk/review/{no}", decided, needs=Permission.INTAKE),
    access.post("/desk/review/{no}/answer", answered, needs=Permission.INTAKE),
)
