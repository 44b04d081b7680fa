"""批量办理 on the desk: choose a move, see who can and who cannot, confirm, watch, take back."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from aiohttp import web

from models.vocab import Field, Move, Urgency
from models.vocab_bulk import BulkRow, BulkState
from models.vocab_staff import Permission
from triage.clock import local, show
from triage.errors import BadInput, NotFound, TriageError
from triage.rules import bulk as rules
from triage.services.bulk import drafting, results, running
from triage.services.bulk.drafting import Plan
from triage.web import asking, guard
from triage.web import moves as moves_web
from triage.web.bulk import asks, forms, views
from triage.web.desk import render
from triage.web.keys import CACHES, DEPS, NAMES, VIEWER
from triage.web.move_notes import said
from triage.web.ticket_page import acting_of, acting_view
from triage.web.views import Term

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.bulk import BulkJob
    from models.tickets import Ticket
    from triage.services.moving import Person
    from triage.web.bulk.asks import Chosen
    from triage.web.bulk.views import BulkJobView, BulkRows
    from triage.web.move_views import FieldView
    from triage.web.ticket_page import ActingView

_SEE_OTHER: Final = 303
_NO_FIELDS: Final = ("token", "move", "no")


@dataclass(frozen=True, slots=True)
class NewPage:
    """The page on which a move is chosen for many tickets."""

    hidden: tuple[tuple[str, str], ...]
    #: Of these tickets alone: a draft for others is not theirs.
    selection: str
    what: str
    ticked: int
    moves: tuple[Term, ...]
    move: Term | None
    fields: tuple[FieldView, ...]
    hint: str
    source: str
    undoable: bool
    secret_stays: bool
    acting: ActingView
    here: str
    back: str
    token: str
    error: str | None
    most: int


@dataclass(frozen=True, slots=True)
class JobPage:
    """One job: its draft, its progress or its end."""

    job: BulkJobView
    rows: BulkRows
    only: Term | None
    filters: tuple[tuple[Term, int], ...]
    percent: int
    what: str
    values: tuple[str, ...]
    undoable: bool
    mine: bool
    may_export: bool
    acting: ActingView
    token: str
    as_of: str
    error: str | None
    first: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class JobLine:
    """A job in the list of the newest."""

    id: int
    move: str
    state: Term
    by: str
    total: int
    made_at: str


async def new(request: web.Request) -> web.Response:
    """GET /desk/bulk/new. Raises BadInput."""
    known = {*asks.FILTERS, "no", "move", "limit", "after", "before"}
    for name in request.query:
        if name not in known:
            raise BadInput(f"不认识的参数：{name[:40]}")
    return _new(
        request, asks.chosen(request.query, request.app[NAMES]), request.query.get("move", ""), {}, None
    )


def _new(
    request: web.Request, picked: Chosen, move: str, typed: Mapping[str, Any], error: TriageError | None
) -> web.Response:
    deps, token = request.app[DEPS], guard.token_of(request)
    now, who = deps.clock.now(), acting_of(request)
    offered = forms.choices(deps.tables, who.post, at=now) if who.post else ()
    chosen = next((term for term in offered if term.code == move), offered[0] if offered else None)
    bulk = None if chosen is None else rules.bulk_moves(deps.tables, at=now)[Move(chosen.code)]
    hidden = tuple(("no", no) for no in picked.numbers) or tuple(picked.asked.parameters().items())
    page = NewPage(
        hidden=hidden,
        selection=_selection(hidden),
        what="" if picked.numbers else forms.spelled(picked.asked.filters, request.app[NAMES]),
        ticked=len(picked.numbers),
        moves=offered,
        move=chosen,
        fields=() if bulk is None else forms.fields(bulk, typed),
        hint="；".join(dict.fromkeys(row.hint for row in bulk.rows)) if bulk else "",
        source="；".join(dict.fromkeys(row.source for row in bulk.rows)) if bulk else "",
        undoable=bulk is not None and bulk.undoable,
        secret_stays=bulk is not None and bulk.secret_stays,
        acting=acting_view(request, who),
        here=str(request.rel_url) if request.method == "GET" else "/desk",
        back=picked.asked.address("/desk"),
        token=token,
        error=error.detail if error else None,
        most=deps.settings.bulk_most,
    )
    response = render(request, "desk/bulk_new.html", status=error.status if error else 200, page=page)
    guard.keep(response, token)
    return response


def _selection(hidden: tuple[tuple[str, str], ...]) -> str:
    """A name for what was picked: the same for the same tickets, or the same filter."""
    return hashlib.sha256(urlencode(sorted(hidden)).encode()).hexdigest()[:16]


async def drafted(request: web.Request) -> web.Response:
    """POST /desk/bulk: judge every ticket, change none; leads to the draft."""
    deps, form = request.app[DEPS], await request.post()
    picked, move = (
        asks.chosen(form, request.app[NAMES], before=asks.BEFORE),
        moves_web.move_of(form.get("move")),
    )
    typed = {
        name: value
        for name, value in form.items()
        if isinstance(value, str) and name not in _NO_FIELDS and not name.startswith(asks.BEFORE)
    }
    person = acting_of(request).person(deps.tables)
    on = local(deps.clock.now()).date()
    try:
        plan = Plan(move, moves_web.known_values(deps.tables, typed, on=on), person, picked.picked)
        made = await drafting.draft(deps, request[VIEWER], plan, await asks.ids_of(request, picked))
    except (BadInput, NotFound) as error:
        return _new(request, picked, move.value, typed, error)
    return _to(made)


def _to(job_id: int) -> web.Response:
    return web.Response(status=_SEE_OTHER, headers={"Location": f"/desk/bulk/{job_id}"})


async def job(request: web.Request) -> web.Response:
    """GET /desk/bulk/{id}. Raises NotFound, BadInput."""
    asking.refuse_others(request.query, ("after", "state"))
    return await _job(request, "desk/bulk_job.html", None)


async def part(request: web.Request) -> web.Response:
    """GET /desk/bulk/{id}/part: what a refresh of the page changes. Raises NotFound, BadInput."""
    asking.refuse_others(request.query, ("after", "state"))
    return await _job(request, "desk/bulk_part.html", None)


async def _job(request: web.Request, template: str, error: TriageError | None) -> web.Response:
    deps, token, number = request.app[DEPS], guard.token_of(request), asks.job_id(request)
    after, only = asks.place(request.query)
    async with deps.db.reads() as session:
        found = await results.report(session, request[VIEWER], number)
        rows = await results.page(
            session, request[VIEWER], number, after=after, only=only, limit=results.PAGE + 1
        )
        head = await results.head(session, request[VIEWER], found.job)
    row, view = found.job, views.job_view(found)
    shown = views.rows_view(rows, limit=results.PAGE)
    who, here = acting_of(request), f"/desk/bulk/{number}"
    state = f"&state={only.value}" if only else ""
    finished = view.done + view.failed + view.cancelled
    of = finished + view.waiting
    page = JobPage(
        job=view,
        rows=shown,
        only=Term(only.value, only.label) if only else None,
        filters=tuple((Term(s.value, s.label), found.counts[s]) for s in BulkRow if found.counts.get(s)),
        percent=100 * finished // of if of else 100,
        what=_what(request, row),
        values=(
            *(said(Field(name), v, request.app[NAMES]) for name, v in row.values.items()),
            *_graded(head),
        ),
        undoable=_undoable(request, row, view),
        mine=who.post is not None and who.person(deps.tables).actor.login == row.login,
        may_export=request[VIEWER].may(Permission.EXPORT),
        acting=acting_view(request, who),
        token=token,
        as_of=show(deps.clock.now()),
        error=error.detail if error else None,
        first=f"{here}?{state[1:]}" if after else None,
        after=f"{here}?after={shown.after}{state}" if shown.after else None,
    )
    response = render(request, template, status=error.status if error else 200, page=page)
    guard.keep(response, token)
    return response


def _graded(head: Ticket | None) -> tuple[str, ...]:
    if head is None:
        return ()
    due = f"，现在的时限到 {show(head.due_at)}" if head.due_at else ""
    return (f"那张的定级 {head.urgency} {Urgency(head.urgency).label}{due}",)


def _what(request: web.Request, row: BulkJob) -> str:
    if row.undoes:
        return f"第 {row.undoes} 批办成的工单"
    if not row.picked:
        return "在列表里选中的工单"
    return forms.spelled(asking.kept(row.picked), request.app[NAMES])


def _undoable(request: web.Request, row: BulkJob, view: BulkJobView) -> bool:
    """Whether taking back makes sense: something was done, the move allows it, nobody did it yet."""
    deps = request.app[DEPS]
    known = rules.bulk_moves(deps.tables, at=deps.clock.now())
    ended = row.state in {BulkState.DONE.value, BulkState.CANCELLED.value}
    bulk = known.get(Move(row.move))
    return bool(ended and view.done and view.undone_by is None and bulk and bulk.undoable)


async def started(request: web.Request) -> web.Response:
    """POST /desk/bulk/{id}/start: workers may take it."""
    return await _changed(request, running.start)


async def cancelled(request: web.Request) -> web.Response:
    """POST /desk/bulk/{id}/cancel: what is not done yet is left."""
    return await _changed(request, partial(running.cancel, tables=request.app[DEPS].tables))


async def _changed(request: web.Request, step: Any) -> web.Response:  # noqa: ANN401  (start or cancel)
    deps, number = request.app[DEPS], asks.job_id(request)
    person = acting_of(request).person(deps.tables)
    try:
        async with deps.db.writes.begin() as session:
            await step(session, number, person, now=deps.clock.now())
    except (BadInput, running.NotYours) as error:
        return await _job(request, "desk/bulk_job.html", error)
    request.app[CACHES].moved(request[VIEWER])
    return _to(number)


async def undone(request: web.Request) -> web.Response:
    """POST /desk/bulk/{id}/undo: a draft that takes the whole set back. Raises NotFound."""
    deps, number = request.app[DEPS], asks.job_id(request)
    person = acting_of(request).person(deps.tables)
    try:
        made = await undo_of(request, number, person, "")
    except (BadInput, running.NotYours) as error:
        return await _job(request, "desk/bulk_job.html", error)
    return _to(made)


async def undo_of(request: web.Request, number: int, person: Person, reason: str) -> int:
    """Draft the undo of a job. Raises NotFound, BadInput, NotYours."""
    deps = request.app[DEPS]
    async with deps.db.reads() as session:
        job = (await results.report(session, request[VIEWER], number)).job
    running.check_owner(job, person)
    if job.state not in {BulkState.DONE.value, BulkState.CANCELLED.value}:
        raise BadInput("这一批还没有办完：先取消，或等它办完再撤销")
    said = {"reason": reason or f"整批撤销批量办理第 {number} 批"}
    plan = Plan(rules.undo_of(Move(job.move)), said, person, undoes=number)
    return await drafting.draft_undo(deps, request[VIEWER], job, plan)


async def listed(request: web.Request) -> web.Response:
    """GET /desk/bulk: the newest jobs."""
    asking.refuse_others(request.query, ())
    async with request.app[DEPS].db.reads() as session:
        jobs = await results.latest(session, request[VIEWER])
    lines = tuple(
        JobLine(
            id=one.id, move=Move(one.move).label, state=Term(one.state, BulkState(one.state).label),
            by=one.name, total=one.total, made_at=show(one.made_at),
        )
        for one in jobs
    )  # fmt: skip
    return render(request, "desk/bulk_list.html", lines=lines, most=results.LISTED)
