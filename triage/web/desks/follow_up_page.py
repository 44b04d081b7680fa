"""What stands on 回访台: read at one moment, put into words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from models import files, holds, ringing, ticket_detail
from models.tickets import Ticket
from models.vocab import Move, Outcome, Role, State, Tag
from models.vocab_identities import IdentityField
from triage.clock import local, show
from triage.errors import NotFound, TriageError
from triage.rules import ringing as rules
from triage.rules.fields import Refusal
from triage.services import call_after as agreeing
from triage.services import following, proposing, standings
from triage.services.citizen import unsolved
from triage.services.citizen.told import ANSWERS, Happened, rounds, standing_events
from triage.services.desks import next_call
from triage.services.identities.showing import shown_text
from triage.web import call_after, communities, guard, move_forms, present, remark_box
from triage.web.asking import day_of
from triage.web.desk import render
from triage.web.desks.follow_up_views import Answer, FollowUpPage, Phone, Rest, Said, Try, WaitsView
from triage.web.identities import pages as identities
from triage.web.keys import DEPS, NAMES, VIEWER
from triage.web.words import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from aiohttp import web
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.ringing import Agreed, Resting
    from models.ticket_detail import WholeTicket
    from models.viewing import Viewer
    from triage.rules.rows import Tables
    from triage.services.desks.next_call import Waits
    from triage.web.acting import Acting
    from triage.web.move_views import MoveForm
    from triage.web.views import Term

#: Why whoever rings looks at the number, as it stands in the ledger unless they write another reason.
WORDS: Final = "回访办理结果"


@dataclass(frozen=True, slots=True)
class Tried:
    """A result that was not taken: what was typed, and why."""

    typed: Mapping[str, str]
    error: TriageError


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page shows beside its case."""

    tried: Tried | None
    after: tuple[Mapping[str, str], TriageError] | None
    phone: Phone | None
    skip: str
    but: tuple[str, ...]
    said: Said | None
    acting: Acting
    status: int


async def none(
    request: web.Request, said: Said | None, but: Sequence[str], *, looked: bool = False
) -> web.Response:
    """The page where no case may be rung now; `looked`: or perhaps some may, and none was taken.

    `but`: what was skipped, which stays so for who goes on from here.
    """
    deps, viewer = request.app[DEPS], request[VIEWER]
    now = deps.clock.now()
    async with deps.db.reads() as session:
        waits = await next_call.waits(session, deps.tables, viewer, now=now)
    token = guard.token_of(request)
    page = FollowUpPage(
        ticket=None, answer=None, tries=(), clocks=(), form=None, version=0, why_not=None, over=None,
        withdrawn=False, may_send_back=False, held=None, hints=(), identity=None, reachable=False, phone=None,
        after=None, remarks=None, waits=_waits(waits, now), skip=_beside(but), skipped=len(but), until="",
        said=said, acting="", here="/desk/followup", token=token, but=(),
        ready=max(waits.waiting.now.value - len(but), 0) if looked and waits.opens_at is None else 0,
    )  # fmt: skip
    response = render(request, "desks/follow_up.html", page=page)
    guard.keep(response, token)
    return response


def _beside(but: Sequence[str]) -> str:
    """The address of the next case that was not skipped."""
    return f"/desk/followup?{urlencode([('but', no) for no in but])}" if but else "/desk/followup"


async def case(request: web.Request, no: str, shown: Shown) -> web.Response:
    """The page of one case, held from now on where nobody else has it. Raises NotFound."""
    deps, viewer = request.app[DEPS], request[VIEWER]
    now = deps.clock.now()
    async with deps.db.reads() as session:
        whole = await ticket_detail.whole_ticket(session, viewer, no)
    if whole is None:
        raise NotFound("没有这张工单，或您无权查看。")
    waiting = agreeing.to_follow_whole(whole)
    held, mine = None, False
    if waiting:
        async with deps.db.writes.begin() as session:
            mine = await holds.hold(session, whole.ticket.id, viewer.login, now=now, span=next_call.HOLD)
            if not mine:
                held = await holds.holder(session, whole.ticket.id, viewer.login, now=now)
    # Read once more, by whoever holds it: what a colleague did a moment ago is on the page.
    async with deps.db.snapshots() as session:
        whole = await ticket_detail.whole_ticket(session, viewer, no)
        if whole is None:
            raise NotFound("没有这张工单，或您无权查看。")
        told = await unsolved.of_ticket(session, whole)
        agreed = (await ringing.agreed_of(session, [whole.ticket.id])).get(whole.ticket.id)
        answer = await _answer(session, viewer, whole)
        identity = await identities.box(request, session, whole, now)
        proposal = await proposing.of_one(session, deps.tables, whole, day=local(now).date())
        remarked = await remark_box.glimpse(request, session, whole)
        waits = await next_call.waits(session, deps.tables, viewer, now=now)
    known_as = await communities.of_ticket(whole)
    standing = standings.stand_of(deps.tables, whole, now=now)
    moves = move_forms.move_list(deps.tables, whole.ticket, standing, shown.acting, at=now, proposal=proposal)
    tries = _tries(viewer, whole)
    over = not agreeing.to_follow_whole(whole)
    free = held is None and not over
    form = _form(move_forms.forms(moves), shown.tried) if free else None
    token = guard.token_of(request)
    page = FollowUpPage(
        ticket=present.ticket(
            whole, request.app[NAMES], day_of(now), viewer, communities=known_as, told=told,
            call_after=agreed.at if agreed else None,
        ),
        answer=answer,
        tries=tries,
        clocks=move_forms.clocks(standing, now=now),
        form=form,
        version=standing.version,
        why_not=_why_not(shown.tried, form, next((i.why for i in moves.items if _calls(i.move)), None)),
        over=present.term(State, whole.ticket.state) if over else None,
        withdrawn=standing.withdrawn is not None,
        may_send_back=any(one.view.move.code == Move.SUPPLEMENT.value for one in move_forms.forms(moves)),
        held=held,
        hints=_hints(deps.tables, whole, agreed, tries, now) if free else (),
        identity=identity,
        reachable=IdentityField.PHONE.value in {one.value for one in identity.fields},
        phone=shown.phone or Phone(None, None, WORDS),
        after=call_after.form_of(deps.tables, whole, agreed, now=now, tried=shown.after) if free else None,
        remarks=remarked,
        waits=_waits(waits, now),
        skip=shown.skip,
        but=shown.but,
        ready=0,
        skipped=0,
        until=(now + next_call.HOLD).isoformat() if mine else "",
        said=shown.said,
        acting=shown.acting.label(deps.tables),
        here=f"/desk/followup/{no}",
        token=token,
    )  # fmt: skip
    response = render(request, "desks/follow_up.html", status=shown.status, page=page)
    guard.keep(response, token)
    return response


def _calls(move: Term) -> bool:
    return move.code == Move.FOLLOW_UP.value


def _form(forms: tuple[MoveForm, ...], tried: Tried | None) -> MoveForm | None:
    """The form of 回访, with what was typed where it was refused."""
    form = next((form for form in forms if _calls(form.view.move)), None)
    if form is None or tried is None:
        return form
    fields = tuple(
        replace(field, value=tried.typed.get(field.name, field.value)) for field in form.view.fields
    )
    wrong = tried.error.field if isinstance(tried.error, Refusal) else None
    return replace(
        form, view=replace(form.view, fields=fields), error=tried.error.detail,
        error_field=wrong.value if wrong else None,
    )  # fmt: skip


def _why_not(tried: Tried | None, form: MoveForm | None, why: str | None) -> str | None:
    """Why no result can be written now; after a result that was not taken, that."""
    if form is not None:
        return None
    return tried.error.detail if tried else why or "您的角色不能记回访结果。"


def _tries(viewer: Viewer, whole: WholeTicket) -> tuple[Try, ...]:
    events = [Happened(e.seq, e.seq, e.at, e.tag, e.data) for e in whole.events]
    stand = {event.seq for event in standing_events(events)}
    handled_by = _handled_by(whole)
    return tuple(
        Try(
            event.at, rules.part_of_day(event.at),
            next((one.label for one in Outcome if one.value == _value(event.data, "outcome")), ""),
            event.staff or "系统", shown_text(viewer, _value(event.data, "note"), handled_by=handled_by),
        )
        for event in whole.events
        if event.tag == Tag.FOLLOW_UP and event.seq in stand
    )  # fmt: skip


def _value(data: Mapping[str, object], name: str) -> str:
    values = data.get("values")
    return str(values.get(name) or "") if isinstance(values, dict) else ""


def _handled_by(whole: WholeTicket) -> list[str]:
    return [part.code for part in whole.units if part.role != Role.COPY.value]


async def _answer(session: AsyncSession, viewer: Viewer, whole: WholeTicket) -> Answer | None:
    """The answer that the citizen is asked about: the case's own, or that of the one it is merged into."""
    if whole.ticket.state != State.MERGED:
        return await _told(session, viewer, whole)
    top = await following.top(session, whole.ticket.id, whole.ticket.state)
    row = await session.get(Ticket, top[0]) if top else None
    head = await ticket_detail.whole_ticket(session, viewer, row.no) if row else None
    if head is None:
        return Answer(None, None, None, 0, behind=True, head=None, amended=0)
    found = await _told(session, viewer, head)
    return replace(found, behind=True, head=head.ticket.no) if found else None


async def _told(session: AsyncSession, viewer: Viewer, whole: WholeTicket) -> Answer | None:
    """Its newest words (更正反馈), with all that was sent.

    Since 重办: what completes a feedback (退回补充) stands beside what was sent with it.
    """
    stand = standing_events([Happened(e.seq, e.seq, e.at, e.tag, e.data) for e in whole.events])
    answers = [event for event in stand if event.tag in ANSWERS]
    if not answers:
        return None
    begun = max((event.seq for event in stand if event.tag == Tag.REHANDLE), default=0)
    sent = {event.seq for event in answers if event.seq > begun} or {answers[-1].seq}
    with_it = [
        one for one in await files.files_of_ticket(session, viewer, whole.ticket.no) if one.event_seq in sent
    ]  # fmt: skip
    newest = answers[-1]
    lead = next((part.name for part in whole.units if part.role == Role.LEAD.value), None)
    note = shown_text(viewer, _value(newest.data, "note"), handled_by=_handled_by(whole))
    return Answer(
        newest.at, lead, note, len(with_it), behind=False, head=None, amended=len(rounds(stand)) - 1
    )


def _hints(
    tables: Tables, whole: WholeTicket, agreed: Agreed | None, tries: tuple[Try, ...], now: datetime
) -> tuple[str, ...]:
    """Why the case rests, where somebody opened it all the same; and when it is better rung."""
    found = []
    opens = rules.rings_from(tables.clocks, now)
    if opens != now:
        found.append(f"现在不是打回访电话的时候：{show(opens)} 以后再打。")
    if agreed is not None and agreed.at > now:
        found.append(f"约定 {show(agreed.at)} 以后再打。")
    in_vain = [one.at for one in tries if one.outcome == Outcome.UNREACHABLE.label]
    since = [one for one in in_vain if one > _answered(whole)]
    if word := rules.other_part(since, now):
        found.append(f"{word}。")
    again = next_call.again_from(tables, [one.at for one in tries], now)
    if again is not None:
        # An agreed time may be reached before; whoever is reached then is written down at any time.
        found.append(
            f"离上一次太近：{show(again)} 以前没打通的不能记“未接通”：在“请几点以后再打”里改约到那以后，"
            "只按“先跳过”的，同事会接着打；打通的照常记。"
        )
    return tuple(found)


def _answered(whole: WholeTicket) -> datetime:
    told = [e.at for e in whole.events if e.tag in {Tag.FEEDBACK.value, Tag.HEAD_ANSWERED.value}]
    return max(told, default=whole.ticket.opened_at)


def _waits(found: Waits, now: datetime) -> WaitsView:
    waiting = found.waiting
    rests = (
        ("约定稍后", waiting.agreed), ("打过，间隔未到", waiting.tried), ("同事正在打", waiting.held),
        ("办理时限未满", waiting.early),
    )  # fmt: skip
    idle = not waiting.now.value
    soonest = min((rest.next_at for _, rest in rests if rest.next_at), default=None)
    return WaitsView(
        now=counted(waiting.now),
        none=idle and not any(rest.count.value for _, rest in rests),
        idle=idle,
        rests=tuple(_rest(label, rest) for label, rest in rests if rest.count.value),
        # Where nobody rings at that time of the day it is later: `opens_at` says from when.
        next_at=max(soonest, found.opens_at or soonest) if soonest and idle else None,
        opens_at=found.opens_at,
        hours=found.hours,
        as_of=show(now),
    )


def _rest(label: str, rest: Resting) -> Rest:
    return Rest(label, counted(rest.count), rest.next_at)
