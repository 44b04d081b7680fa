"""Why a ticket is as it is, in plain sentences: what was read, which rows decided, from which source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from models.appeals import Appeal, Reading
from models.tickets import Ticket, TicketEvent, TicketUnit
from models.units import Unit
from models.vocab import AppealType, ReviewReason, Role, State, Tag, Urgency
from triage.clock import show
from triage.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.rules.rows import Tables


async def explain(session: AsyncSession, tables: Tables, no: str) -> list[str]:
    """The lines that explain ticket `no`. Raises NotFound."""
    found = (
        await session.execute(
            sa.select(Ticket, Appeal, Reading)
            .join(Appeal, Appeal.id == Ticket.appeal_id)
            .outerjoin(Reading, Reading.id == Ticket.reading_id)
            .where(Ticket.no == no)
        )
    ).one_or_none()
    if found is None:
        raise NotFound(f"没有编号为 {no} 的工单")
    ticket, appeal, reading = found
    units = await session.execute(
        sa.select(TicketUnit.role, Unit.name)
        .join(Unit, Unit.code == TicketUnit.unit_code)
        .where(TicketUnit.ticket_id == ticket.id)
    )
    events = await session.scalars(
        sa.select(TicketEvent).where(TicketEvent.ticket_id == ticket.id).order_by(TicketEvent.seq)
    )
    return [
        f"工单 {ticket.no}：{ticket.title}",
        f"状态：{State(ticket.state).label}；等级：{ticket.urgency}（{Urgency(ticket.urgency).label}）",
        f"诉求时间：{show(appeal.received_at)}；登记时间：{show(appeal.stored_at)}",
        *_read(tables, reading),
        *(f"{Role(role).label}：{name}" for role, name in units),
        *_decided(ticket),
        "经过：",
        *(f"  {event.seq}. {show(event.at)} {Tag(event.tag).label}" for event in events),
    ]


def _read(tables: Tables, reading: Reading | None) -> Iterator[str]:
    if reading is None:
        return
    yield f"识别（模型 {reading.model_version}）："
    yield f"  环境类：{'是' if reading.environmental else '否'}，概率 {reading.p_environmental:.0%}"
    if reading.kind:
        name = tables.kind(reading.kind).name
        yield f"  种类：{reading.kind} {name}，把握 {reading.kind_confidence:.0%}"
    yield f"  类型：{AppealType(reading.appeal_type).label}；正文等级：{reading.urgency}"
    place: dict[str, Any] = reading.detail.get("place", {})
    where = " ".join(str(place[part]) for part in ("district", "street", "community") if place.get(part))
    yield f"  地点：{where or '未识别'}，把握 {reading.place_confidence:.0%}"
    words: dict[str, None] = {}
    for item in reading.detail.get("evidence", []):
        if item["weight"] > 0:
            words[item["text"]] = None
    if words:
        yield f"  依据的词：{'、'.join(words)}"


def _decided(ticket: Ticket) -> Iterator[str]:
    decision = ticket.decision
    yield f"决定（规则表 {ticket.table_version}）："
    yield from (f"  · {step}" for step in decision.get("steps", []))
    if decision.get("row_ids"):
        yield f"  条目：{'、'.join(decision['row_ids'])}"
    yield from (f"  来源：{source}" for source in decision.get("sources", []))
    if decision.get("review_reasons"):
        yield f"  需人工：{'、'.join(ReviewReason(code).label for code in decision['review_reasons'])}"
