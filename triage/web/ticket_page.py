"""工单详情: the desk's page of one ticket, with the forms of everything that can be done now.

A form that is refused comes back with its reason and what was typed; a conflict says what changed meanwhile.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiohttp import web

from models import ringing, ticket_detail
from models.vocab import OPEN_STATES, Clock, Move, Post
from models.vocab_staff import Permission
from triage.clock import show
from triage.errors import BadInput, NoRule, NotFound, TriageError
from triage.rules import snippet_rows
from triage.rules.calendar import beijing
from triage.rules.fields import FREE, Refusal
from triage.services import call_after, keeping, moving, proposing, standings
from triage.services.citizen import unsolved
from triage.services.hotline import showing, words
from triage.services.leads import listing as lead_listing
from triage.web import (
    acting,
    answers_box,
    attachments,
    communities,
    corrections,
    evidence,
    guard,
    keeper_box,
    move_forms,
    place_picking,
    present,
    remark_box,
    said,
)
from triage.web import moves as moves_web
from triage.web.asking import day_of
from triage.web.confiding import MAY_CONFIDE
from triage.web.desk import render
from triage.web.directory import box as duty_box
from triage.web.identities import pages as identities
from triage.web.keys import DEPS, NAMES, VIEWER
from triage.web.repeats import box
from triage.web.words import Piece, Span, cut

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from models.ringing import Agreed
    from triage.rules.snippet_rows import SnippetRow
    from triage.services.attachments import FileLimits
    from triage.services.hotline.showing import PlatformOrder
    from triage.services.hotline.words import Asked
    from triage.services.leads.listing import Exposure
    from triage.web.acting import Acting
    from triage.web.answers_box import AnswersView
    from triage.web.corrections import CorrectingView
    from triage.web.directory.box import DutyBox
    from triage.web.identities.pages import IdentityBox
    from triage.web.keeper_box import KeeperBox
    from triage.web.move_views import AskedView, BarredView, ClockView, MoveForm, MoveList, ObjectionView
    from triage.web.place_picking import PickingView
    from triage.web.remark_box import RemarkBox
    from triage.web.repeats.box import PairLine
    from triage.web.views import Term, TicketView

_SEE_OTHER: Final = 303
_TAKEN_BEFORE: Final = "先前提交的那次已经收到，这次改过的没有提交：请先看办理记录，需要时再提交。"
_NUMBER: Final = re.compile(r"[0-9-]{1,32}")


@dataclass(frozen=True, slots=True)
class ActingView:
    """当前身份 and what it can be changed to."""

    label: str
    post: str
    unit: str
    name: str
    posts: tuple[Term, ...]
    local: bool
    code: str
    """The same as a form carries it."""


@dataclass(frozen=True, slots=True)
class TicketPage:
    """Everything the ticket's template shows; `pieces` is the text cut where evidence begins and ends."""

    ticket: TicketView
    pieces: tuple[Piece, ...]
    legend: tuple[Term, ...]
    as_of: str
    moves: MoveList
    forms: tuple[MoveForm, ...]
    barred: tuple[BarredView, ...]
    templates: tuple[tuple[str, str], ...]
    points: tuple[tuple[str, str], ...]
    """答复要点, for 当场答复."""
    technical: bool
    turn: str | None
    turn_why: str | None
    asked: tuple[AskedView, ...]
    clocks: tuple[ClockView, ...]
    clock_names: tuple[str, str]
    objections: tuple[ObjectionView, ...]
    acting: ActingView
    token: str
    limits: FileLimits
    done: str | None
    taken: bool
    merged: str | None
    notice: str | None
    lost: tuple[str, ...]
    """What was written freely in a form that is no longer there; a script keeps it by itself."""
    urges: int
    correcting: CorrectingView | None
    platform: tuple[Asked, ...]
    order: PlatformOrder | None
    may_dismiss: bool
    may_leads: bool
    same: tuple[PairLine, ...]
    exposures: tuple[Exposure, ...]
    reports: tuple[Exposure, ...]
    picking: PickingView | None
    identity: IdentityBox
    answers: AnswersView | None
    also_unsolved: int
    """How many say so whose tickets stand merged into this one (`unsolved.behind`)."""
    agreed: Agreed | None
    """约定时间 for 回访; `may_agree`: the viewer may set one now."""
    may_agree: bool
    may_confide: bool
    """本人要求保密 is offered."""
    remarks: RemarkBox
    keepers: tuple[KeeperBox, ...]
    """经办人, for each unit that the viewer may name one for; `keeper_open`: while the ticket is."""
    keeper_open: bool
    duty: DutyBox
    """值班电话 of the lead and of those that assist."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A form that did not go through: what was typed, and why."""

    move: Move
    typed: dict[str, str]
    error: TriageError


async def ticket(request: web.Request) -> web.Response:
    """工单详情. What a colleague gave to whoever opens it is new no more. Raises NotFound."""
    return await _page(request, None)


async def page_with(request: web.Request, error: TriageError) -> web.Response:
    """The page as it stands, with why something else on it was not done. Raises NotFound."""
    return await _page(request, None, error)


async def moved(request: web.Request) -> web.Response:
    """A form of the page. Leads back to the page, or shows it again with the reason. Raises NotFound."""
    deps = request.app[DEPS]
    no = request.match_info["no"]
    form = await request.post()
    wish, typed = moves_web.desk_wish(deps.tables, no, form, on=beijing(deps.clock.now()).date())
    who = acting_of(request)
    try:
        await moves_web.check_acting(request, who, wish, form)
        files = await evidence.kept(request, form)
        made = await moves_web.desk_done(request, who, wish, files)
    except moving.KeyReused:
        # What was sent first had arrived; whoever went on writing (moves.js) sends the same key again.
        return await _page(request, Tried(wish.move, typed, moving.KeyReused(_TAKEN_BEFORE)))
    except (Refusal, NoRule, BadInput, moving.Conflict) as error:
        return await _page(request, Tried(wish.move, typed, error))
    if made.state is None:
        return render(request, "desk/gone.html", made=made)
    place = f"/desk/tickets/{no}?done={made.move.code}"
    return web.Response(status=_SEE_OTHER, headers={"Location": place})


async def act_as(request: web.Request) -> web.Response:
    """Choose 当前身份. Raises BadInput."""
    form = await request.post()
    deps = request.app[DEPS]
    who = acting.chosen(deps.tables, request[VIEWER], form, on=beijing(deps.clock.now()).date())
    back = form.get("back")
    safe = back if isinstance(back, str) and moves_of_here(back) else "/desk"
    response = web.Response(status=_SEE_OTHER, headers={"Location": safe})
    response.set_cookie(acting.COOKIE, who.cookie(), httponly=True, samesite="Strict", path="/")
    return response


def moves_of_here(path: str) -> bool:
    """Whether a path is one of the desk's own: nobody is led elsewhere."""
    return path.startswith("/desk") and path.isprintable() and "\\" not in path


def acting_of(request: web.Request) -> Acting:
    """当前身份 of this browser."""
    deps, cookie = request.app[DEPS], request.cookies.get(acting.COOKIE)
    return acting.of_cookie(deps.tables, request[VIEWER], cookie, on=beijing(deps.clock.now()).date())


async def _page(
    request: web.Request, tried: Tried | None, refused: TriageError | None = None
) -> web.Response:
    deps, who = request.app[DEPS], acting_of(request)
    now = deps.clock.now()
    no, token = request.match_info["no"], guard.token_of(request)
    async with deps.db.reads() as session:
        whole = await ticket_detail.whole_ticket(session, request[VIEWER], no)
        if whole is None:
            raise NotFound("没有这张工单，或您无权查看。")
        same = await box.box(session, request[VIEWER], whole.ticket.id, day_of(now))
        may_correct = request[VIEWER].may(Permission.CORRECT)
        platform = await words.of_ticket(session, request[VIEWER], whole.ticket.id)
        correcting = await corrections.view(
            session, no, whole.ticket.id, whole.reading, whole.appeal.told_type,
            names=request.app[NAMES], token=token, may=may_correct,
        )  # fmt: skip
        exposures = await lead_listing.of_case(session, request[VIEWER], whole)
        identity = await identities.box(request, session, whole, now)
        told = await unsolved.of_ticket(session, whole)
        also_unsolved = await unsolved.behind(session, whole)
        remarked = await remark_box.box(request, session, whole, who, token=token)
        agreed = (await ringing.agreed_of(session, [whole.ticket.id])).get(whole.ticket.id)
        proposal = await proposing.of_one(session, deps.tables, whole, day=beijing(now).date())
        kept = (await keeping.of_tickets(session, deps.tables, [whole.ticket.id], now=now)).get(
            whole.ticket.id, {}
        )
        parts = keeping.parts_of(whole)
        duty = await duty_box.box(session, deps.tables, request[VIEWER], whole, now=now)
        people = await keeping.units_of(session, deps.tables, request[VIEWER], parts, now=now)
        order = await showing.of_appeal(session, whole.appeal, links=identity.refused is None)
    await keeper_box.opened(request, whole.ticket.id, kept, now)
    picking = await place_picking.view(request, whole, token=token) if may_correct else None
    standing = standings.stand_of(deps.tables, whole, now=now)
    read_as = present.words_for(whole, request[VIEWER])
    answers = await asyncio.to_thread(answers_box.view, whole, request.app[NAMES], read_as)
    known_as = await communities.of_ticket(whole)
    view = present.ticket(
        whole,
        request.app[NAMES],
        day_of(now),
        request[VIEWER],
        communities=known_as,
        told=told,
        call_after=agreed.at if agreed else None,
        keepers=kept,
    )
    spans = [
        Span(e.start, e.end, f"h-{e.head.code}", f"{e.head.label}：{_value(request, e.head.code, e.value)}")
        for e in view.evidence
        if e.weight > 0
    ]
    heads = {e.head.code: e.head for e in view.evidence if e.weight > 0}
    found = move_forms.move_list(deps.tables, whole.ticket, standing, who, at=now, proposal=proposal)
    error = tried.error if tried else refused
    field = error.field if isinstance(error, Refusal) else None
    forms = move_forms.forms(
        found, tried=tried.move if tried else None, typed=tried.typed if tried else None,
        error=error.detail if error else None, error_field=field.value if field else None,
        wanted=request.query.get("move"),
    )  # fmt: skip
    shown = remarked.error is not None or (tried is not None and any(form.error for form in forms))
    page = TicketPage(
        ticket=view,
        pieces=cut(view.text, spans),
        legend=tuple(heads[code] for code in (head.value for head in present.HEADS) if code in heads),
        as_of=show(now),
        moves=found,
        forms=forms,
        barred=move_forms.barred(found),
        technical=request[VIEWER].may(Permission.SOURCES),
        templates=_words(deps.tables.snippets.answers, whole.ticket.kind, beijing(now).date()),
        points=_words(deps.tables.snippets.snippets, whole.ticket.kind, beijing(now).date()),
        turn=move_forms.whose_turn(deps.tables, standing, at=now),
        turn_why=move_forms.why_not_yet(deps.tables, found, standing, who.post, at=now),
        asked=move_forms.asked(deps.tables, standing, at=now),
        clocks=move_forms.clocks(standing, now=now),
        clock_names=(Clock.DISPATCH.label, Clock.ANSWER.label),
        objections=move_forms.objections(deps.tables, standing),
        acting=acting_view(request, who),
        token=token,
        limits=attachments.limits_of(request),
        done=said.done(request.query.get("done", "")),
        taken=isinstance(error, moving.KeyReused),
        merged=_merged(request),
        notice=error.detail if error and not shown else None,
        lost=tuple(tried.typed[name] for name in FREE if tried.typed.get(name))
        if tried and not shown
        else (),
        urges=standing.urges,
        correcting=correcting,
        platform=platform,
        order=order,
        may_dismiss=request[VIEWER].may(Permission.INTAKE),
        may_leads=request[VIEWER].may(Permission.LEADS),
        same=same,
        exposures=tuple(one for one in exposures if not one.proposed),
        reports=tuple(one for one in exposures if one.proposed),
        picking=picking,
        identity=identity,
        answers=answers,
        also_unsolved=also_unsolved,
        agreed=agreed,
        may_agree=request[VIEWER].may(Permission.FOLLOW_UP) and call_after.to_follow_whole(whole),
        may_confide=request[VIEWER].may(*MAY_CONFIDE) and not whole.appeal.confidential,
        remarks=remarked,
        keepers=keeper_box.boxes(parts, people, kept, request[VIEWER]),
        keeper_open=whole.ticket.state in OPEN_STATES,
        duty=duty,
    )
    response = render(request, "desk/ticket.html", status=error.status if error else 200, page=page)
    guard.keep(response, token)
    return response


def acting_view(request: web.Request, who: Acting) -> ActingView:
    """The same in words, with what it can be changed to."""
    tables = request.app[DEPS].tables
    unit = tables.units.get(who.unit or "")
    return ActingView(
        label=who.label(tables), post=who.post.value if who.post else "", unit=unit.name if unit else "",
        name=who.name, posts=tuple(present.term(Post, post.value) for post in acting.posts_of(who.who)),
        local=who.local, code=who.cookie(),
    )  # fmt: skip


def _words(rows: Sequence[SnippetRow], kind: str | None, on: date) -> tuple[tuple[str, str], ...]:
    return tuple((row.title, row.text) for row in snippet_rows.chosen(rows, kind, on))


def _merged(request: web.Request) -> str | None:
    """The ticket that was just merged into this one."""
    no = request.query.get("merged", "")
    return no if _NUMBER.fullmatch(no) else None


def _value(request: web.Request, head: str, value: str) -> str:
    """What evidence speaks for, in words."""
    if head == "kind":
        return request.app[NAMES].kind(value)
    if head == "environmental":
        return "环境类" if value.lower() in {"true", "1", "yes", "environmental"} else value
    return value
