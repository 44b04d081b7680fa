"""记下要回传的动作: a move of a platform's ticket leaves a row for the sender, in the move's own transaction.

Which moves are told: the seven of R7.3. The ticket's row is locked by the move, so the action numbers of an
order are given out one after another. What can still be undone waits until it no longer can (unless the
source says otherwise): undone before that, it is never sent; after, a further 阶段反馈 says so.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from models.appeals import Appeal, Source
from models.hotline import HotlineAction
from models.vocab import Move
from models.vocab_sources import ActionKind, ActionState, SourceKind
from triage.clock import local

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
UNDONE: Final = "已撤销"


async def note(session: AsyncSession, tables: Tables, ticket: Ticket, event: Event, *, now: datetime) -> None:
    """Write what the platform is to be told of this event; nothing for others and for other tickets."""
    move = event.data.get("move")
    kind = next((kind for known, kind in OF_MOVE.items() if known.value == move), None)
    undone = event.data.get("undoes") if move == Move.UNDO.value else None
    if kind is None and undone is None:
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
    available = now
    if undone is not None:
        told = await _undo(session, ticket.id, undone)
        if told is None:
            return
        kind, body = ActionKind.PROGRESS, body | {"note": f"{UNDONE}第 {told.seq} 号动作“{_label(told)}”"}
    elif order.settings.get("hold_undo", "yes") != "no" and (until := event.data.get("undo_until")):
        available = datetime.fromisoformat(until)
    last = await session.scalar(
        sa.select(sa.func.max(HotlineAction.seq)).where(
            HotlineAction.source_id == order.id, HotlineAction.order_no == order.external_id
        )
    )
    session.add(HotlineAction(
        source_id=order.id,
        order_no=order.external_id,
        seq=(last or 0) + 1,
        ticket_id=ticket.id,
        event_seq=event.seq,
        kind=(kind or ActionKind.PROGRESS).value,
        day=local(event.at).date(),
        body=body,
        state=ActionState.WAITING.value,
        created_at=now,
        available_at=available,
        attempts=0,
    ))  # fmt: skip


def _body(tables: Tables, ticket: Ticket, event: Event) -> dict[str, Any]:
    """What the move was told (its free words are masked already), by whom and when."""
    unit = event.data.get("by_unit") or ticket.unit_code
    row = tables.units.get(unit or "")
    values = dict(event.data.get("values") or {})
    return {
        **values,
        "at": event.at.isoformat(),
        "unit": unit,
        "unit_name": row.name if row else None,
    }


async def _undo(session: AsyncSession, ticket_id: int, event_seq: int) -> HotlineAction | None:
    """Drop the action of an undone event; gives it when the platform may have it already."""
    told = await session.scalar(
        sa.select(HotlineAction)
        .where(HotlineAction.ticket_id == ticket_id, HotlineAction.event_seq == event_seq)
        .order_by(HotlineAction.seq.desc())
        .limit(1)
        .with_for_update()
    )
    if told is None or told.state == ActionState.DROPPED.value:
        return None
    if told.attempts == 0 and told.state == ActionState.WAITING.value:
        told.state, told.error = ActionState.DROPPED.value, UNDONE
        return None
    return told


def _label(action: HotlineAction) -> str:
    return next((kind.label for kind in ActionKind if kind.value == action.kind), action.kind)
