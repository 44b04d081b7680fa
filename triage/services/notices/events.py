"""The events that services write, as notices see them: a move, and an automatic 催办."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from models.vocab import Clock, Move, State, Tag, WishKind
from models.vocab_notices import NoticeTo
from triage.rules.amending import LACK
from triage.rules.moves import SENDING
from triage.rules.wishes import raised_by
from triage.services.notices.telling import Happened, data_units

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.tickets import Ticket
    from triage.rules.acts import History
    from triage.rules.replay import Event
    from triage.rules.standing import Standing


#: The wish that a ruling answers.
_RULED: Final = {
    Move.EXTEND_GRANT: Move.EXTEND_ASK,
    Move.EXTEND_DENY: Move.EXTEND_ASK,
    Move.LEDGER_GRANT: Move.LEDGER_ASK,
    Move.LEDGER_DENY: Move.LEDGER_ASK,
    Move.EXCLUDE_GRANT: Move.EXCLUDE_ASK,
    Move.EXCLUDE_DENY: Move.EXCLUDE_ASK,
}


def moved(ticket: Ticket, event: Event, before: Standing, after: Standing) -> Happened:
    """A move: its units are those of the ticket after it; called is who was not called before.

    A merge or 撤诉 tells only units that had the case: what ended before it was sent out took it from nobody.
    """
    move = Move(event.data["move"])
    if _unheard(move, before, after):
        after = after.evolve(unit=None, assist=(), copies=())
    undone = Move(event.data["undone"]) if move is Move.UNDO else None
    ruled = before.asked.get(_RULED[move]) if move in _RULED else None
    wish = raised_by(move)
    until = event.data.get("undo_until") if wish or move is Move.WITHDRAW else None
    called = [call for call in after.calls if call not in before.calls]
    objection = after.objections[-1] if after.objections else None
    return Happened(
        no=ticket.no,
        seq=event.seq,
        tag=Tag(event.tag),
        kind=after.kind,
        district=ticket.district_code,
        street=ticket.street_code,
        urgency=after.urgency,
        due=_due(event, after, called[0].due if called else None),
        told=event.data[LACK]["title"] if LACK in event.data else (undone or move).label,
        parts={
            NoticeTo.LEAD: (after.unit,) if after.unit else (),
            NoticeTo.LOST: _lost(before, after) if undone in SENDING else (),
            NoticeTo.ASSIST: after.assist,
            NoticeTo.COPY: after.copies,
            NoticeTo.CALLED: [call.unit for call in called],
            NoticeTo.OBJECTOR: (objection.unit,) if objection else (),
            NoticeTo.ASKER: (ruled.by,) if ruled and ruled.by else (),
        },
        wish=wish,
        state=after.state,
        held=datetime.fromisoformat(until) if until else None,
        wanted=_wanted(wish, after),
    )


def _unheard(move: Move, before: Standing, after: Standing) -> bool:
    """Whether no unit has to hear of it: none had the case, or its work goes on for others."""
    match move:
        case Move.MERGE:
            return before.state is State.REVIEW
        case Move.WITHDRAW:
            return before.state is State.REVIEW or after.state is not State.CLOSED
        case Move.TAKE_UP:
            # Answered already: nobody has anything to go on with.
            return after.state in {State.REVIEW, State.FEEDBACK} or before.state is not State.CLOSED
        case _:
            return False


def supervised_still(told: Happened, event: Event, after: Standing) -> list[Happened]:
    """督办 that goes on under another lead: whoever has the case now is told of the visit (到场) by itself.

    Its district was told when it was ordered.
    """
    visit = after.running(Clock.ONSITE)
    if Move(event.data["move"]) not in SENDING or visit is None:
        return []
    return [replace(told, tag=Tag.SUPERVISE, due=visit.due, only=frozenset({NoticeTo.LEAD}))]


def _lost(before: Standing, after: Standing) -> tuple[str, ...]:
    """Who dealt with it and does no more."""
    still = {after.unit, *after.assist, *(call.unit for call in after.calls)}
    return tuple(code for code in (before.unit, *before.assist) if code and code not in still)


def placed(ticket: Ticket, event: Event, after: Standing, told: Sequence[str]) -> Happened:
    """The place of a city bureau's case was put right in another district: whoever is copied it since."""
    return Happened(
        no=ticket.no,
        seq=event.seq,
        tag=Tag.PLACED,
        kind=after.kind,
        district=ticket.district_code,
        street=ticket.street_code,
        urgency=after.urgency,
        due=after.wanted_by,
        parts={
            NoticeTo.LEAD: (after.unit,) if after.unit else (),
            NoticeTo.COPY: told,
        },
    )


def _due(event: Event, after: Standing, called: datetime | None) -> datetime | None:
    """The limit that the notice is about: of the call, of the visit, else of the answer."""
    if event.tag == Tag.SUPERVISE:
        onsite = after.clocks.get(Clock.ONSITE)
        return onsite.due if onsite else None
    return called or after.wanted_by


def _wanted(wish: WishKind | None, after: Standing) -> datetime | None:
    """When an answer is wanted: 异议 has a limit of its own, 延期 and 挂账 the unit's answer's, 剔除 none."""
    match wish:
        case WishKind.OBJECTION:
            review = after.clocks.get(Clock.OBJECTION)
            return review.due if review else after.wanted_by
        case WishKind.EXTENSION | WishKind.LEDGER:
            return after.wanted_by
        case _:
            return None


def reminded(history: History, row: Mapping[str, Any], due: datetime | None) -> Happened:
    """An automatic 催办, as the row of its event tells it. `due`: the limit, while it is to come."""
    data = row["data"]
    return Happened(
        no=history.no,
        seq=row["seq"],
        tag=Tag.REMINDED,
        kind=history.opened_kind or history.kind,
        district=history.district_code,
        street=history.street_code,
        urgency=history.urgency,
        due=due,
        told=data["told"],
        parts={
            NoticeTo.NAMED: data_units(data),
            NoticeTo.LEAD: (history.unit_code,) if history.unit_code else (),
        },
    )
