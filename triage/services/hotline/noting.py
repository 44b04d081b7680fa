"""记下要回传的动作: a move of a platform's ticket leaves a row for the sender, in the move's own transaction.

Which moves are told: the seven of R7.3, 当场答复 as two of them, 更正反馈 as a further 反馈, and 撤诉 that
ended a case as 办结 (not what the platform itself asked for). The ticket's row is locked by the move, so the
action numbers of an order are given out one after another. What can still be undone waits until it no
longer can (unless the source says otherwise): undone before that, it is never sent; after, a further 阶段反馈
says so, as when what was answered at once is taken up again (受理), or what was withdrawn (取消撤诉).
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from models.appeals import Appeal, Source
from models.hotline import HotlineAction
from models.tickets import TicketEvent
from models.vocab import Field, Move, State, Tag
from models.vocab_sources import ActionKind, ActionState, SourceKind
from models.vocab_withdrawal import WithdrawnBy, WithdrawnWhy
from triage.clock import local
from triage.rules import withdrawing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.tickets import Ticket
    from triage.rules.replay import Event
    from triage.rules.rows import Tables

OF_MOVE: Final[Mapping[Move, ActionKind]] = {
    Move.SIGN: ActionKind.SIGNED,
    Move.OBJECT: ActionKind.OBJECTION,
    Move.EXTEND_ASK: ActionKind.EXTENSION,
    Move.PROGRESS: ActionKind.PROGRESS,
    Move.FEEDBACK: ActionKind.FEEDBACK,
    Move.CLOSE: ActionKind.CLOSED,
    Move.FOLLOW_UP: ActionKind.FOLLOW_UP,
}
#: 当场答复 ends a case in one move: the platform is told the answer, then that it is closed. 更正反馈 is a
#: further 反馈, behind the first, whole as the answer now stands: the first keeps its number and its time.
_KINDS: Final[Mapping[str, tuple[ActionKind, ...]]] = {
    **{move.value: (kind,) for move, kind in OF_MOVE.items()},
    Move.ANSWER_NOW.value: (ActionKind.FEEDBACK, ActionKind.CLOSED),
    Move.AMEND.value: (ActionKind.FEEDBACK,),
}
UNDONE: Final = "已撤销"
#: How what a platform was told is taken back, by the move that does.
_HOW: Final[Mapping[str, str]] = {
    Move.ACCEPT.value: "已收回，重新受理：已撤销",
    Move.TAKE_UP.value: "撤诉已取消，继续办理：已撤销",
}


async def note(
    session: AsyncSession,
    tables: Tables,
    ticket: Ticket,
    event: Event,
    *,
    answer: Mapping[str, Any] | None = None,
    now: datetime,
) -> None:
    """Write what the platform is to be told of this event; nothing for others and for other tickets.

    `answer`: what the answer tells after it, as amended; an amendment names only what it changes.
    """
    move = str(event.data.get("move"))
    kinds = _KINDS.get(move, ())
    if move == Move.WITHDRAW.value:
        kinds = withdrawn_told(event)
    undone = await _undone(session, ticket.id, event)
    if not kinds and undone is None:
        return
    order = (
        await session.execute(
            sa.select(Source.id, Source.settings, Appeal.external_id)
            .join(Appeal, Appeal.source_id == Source.id)
            .where(
                Appeal.id == ticket.appeal_id,
                Source.kind == SourceKind.HOTLINE.value,
                Appeal.external_id.is_not(None),
            )
        )
    ).one_or_none()
    if order is None:
        return
    body = _body(tables, ticket, event)
    if move == Move.AMEND.value:
        body = {**(answer or {}), **body}
    available = now
    if undone is not None:
        told = await _undo(session, ticket.id, undone)
        if not told:
            return
        how = _HOW.get(move, UNDONE)
        named = "、".join(f"第 {one.seq} 号动作“{_label(one)}”" for one in told)
        kinds, body = (ActionKind.PROGRESS,), body | {"note": f"{how}{named}"}
    elif order.settings.get("hold_undo", "yes") != "no" and (until := event.data.get("undo_until")):
        available = datetime.fromisoformat(until)
    last = await session.scalar(
        sa.select(sa.func.max(HotlineAction.seq)).where(
            HotlineAction.source_id == order.id, HotlineAction.order_no == order.external_id
        )
    )
    session.add_all(
        HotlineAction(
            source_id=order.id,
            order_no=order.external_id,
            seq=(last or 0) + number,
            ticket_id=ticket.id,
            event_seq=event.seq,
            kind=kind.value,
            day=local(event.at).date(),
            body=body,
            state=ActionState.WAITING.value,
            created_at=now,
            available_at=available,
            attempts=0,
        )
        for number, kind in enumerate(kinds, start=1)
    )


async def _undone(session: AsyncSession, ticket_id: int, event: Event) -> int | None:
    """The event that this one takes back: by 撤销, by 受理 of what was answered at once, by 取消撤诉."""
    move = event.data.get("move")
    if move == Move.UNDO.value:
        undone: int | None = event.data.get("undoes")
        return undone
    of = {Move.ACCEPT.value: Tag.ANSWER_NOW, Move.TAKE_UP.value: Tag.WITHDRAW}.get(str(move))
    if of is None or event.data.get("from") != State.CLOSED.value:
        return None
    found: int | None = await session.scalar(
        sa.select(sa.func.max(TicketEvent.seq)).where(
            TicketEvent.ticket_id == ticket_id, TicketEvent.tag == of.value
        )
    )
    return found


def withdrawn_told(event: Event) -> tuple[ActionKind, ...]:
    """What a platform is told of 撤诉: the end of a case, unless it withdrew the order itself."""
    ends = event.data.get("to") == State.CLOSED.value
    own = event.data.get(withdrawing.SAID, {}).get(Field.WITHDRAWN_BY) == WithdrawnBy.PLATFORM
    return (ActionKind.CLOSED,) if ends and not own else ()


def _body(tables: Tables, ticket: Ticket, event: Event) -> dict[str, Any]:
    """What the move was told (its free words are masked already), by whom and when."""
    unit = event.data.get("by_unit") or ticket.unit_code
    row = tables.units.get(unit or "")
    values = dict(event.data.get("values") or {})
    if why := event.data.get(withdrawing.SAID, {}).get(Field.WITHDRAWN_WHY):
        said = f"：{values['note']}" if values.get("note") else ""
        values["note"] = f"诉求人撤诉（{WithdrawnWhy(why).label}）{said}"
    return {
        **values,
        "at": event.at.isoformat(),
        "unit": unit,
        "unit_name": row.name if row else None,
    }


async def _undo(session: AsyncSession, ticket_id: int, event_seq: int) -> list[HotlineAction]:
    """Drop the actions of an undone event; gives those that the platform may have already."""
    actions = await session.scalars(
        sa.select(HotlineAction)
        .where(HotlineAction.ticket_id == ticket_id, HotlineAction.event_seq == event_seq)
        .order_by(HotlineAction.seq)
        .with_for_update()
    )
    told = []
    for action in actions:
        if action.attempts == 0 and action.state == ActionState.WAITING.value:
            action.state, action.error = ActionState.DROPPED.value, UNDONE
        elif action.state != ActionState.DROPPED.value:
            told.append(action)
    return told


def _label(action: HotlineAction) -> str:
    return next((kind.label for kind in ActionKind if kind.value == action.kind), action.kind)
