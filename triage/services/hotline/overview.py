"""A platform's exchange at a glance, for its page: what waits, what was refused, the last days' accounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.hotline import REFUSED, HotlineAction, HotlineOrder, Reconciliation
from models.vocab_sources import ActionKind
from triage.services.hotline import reconciling, sending, words

if TYPE_CHECKING:
    from datetime import date, datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.services.hotline.words import Asked

SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class HeldAction:
    """An action that the platform refused for good, or that came to nothing however often it was sent."""

    id: int
    order_no: str
    seq: int
    label: str
    why: str


@dataclass(frozen=True, slots=True)
class RefusedOrder:
    """An order that could not be taken in, or that came again with other words."""

    order_no: str
    day: date
    why: str


@dataclass(frozen=True, slots=True)
class Account:
    """A day's reconciliation: the sentence, and the numbers of each sort that did not match."""

    day: date
    made_at: datetime
    unmatched: int
    said: str
    lists: tuple[tuple[str, int, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Exchange:
    """Everything. Lists show the first `SHOWN`; the counts are whole."""

    waiting: int
    oldest: datetime | None
    refused_actions: tuple[HeldAction, ...]
    refused_count: int
    stuck_actions: tuple[HeldAction, ...]
    stuck_count: int
    refused_orders: tuple[RefusedOrder, ...]
    order_count: int
    accounts: tuple[Account, ...]
    asked: tuple[Asked, ...]
    asked_count: int


async def of_source(session: AsyncSession, source_id: int, *, now: datetime) -> Exchange:
    """The exchange of one source."""
    waiting, oldest = await sending.standing(session, source_id, now=now)
    chosen = (HotlineAction.source_id == source_id, sa.text(f"hotline_action.{REFUSED}"))
    stuck = sending.stuck(source_id)
    bad = (HotlineOrder.source_id == source_id, HotlineOrder.refused.is_not(None))
    orders = await session.scalars(
        sa.select(HotlineOrder).where(*bad).order_by(HotlineOrder.first_seen_at.desc()).limit(SHOWN)
    )
    last = (
        sa.select(sa.func.max(Reconciliation.id))
        .where(Reconciliation.source_id == source_id)
        .group_by(Reconciliation.day)
    )
    accounts = await session.scalars(
        sa.select(Reconciliation)
        .where(Reconciliation.id.in_(last))
        .order_by(Reconciliation.id.desc())
        .limit(7)
    )
    asked, asked_count = await words.of_source(session, source_id)
    return Exchange(
        waiting=waiting,
        oldest=oldest,
        refused_actions=await _held(session, *chosen),
        refused_count=await _count(session, HotlineAction, *chosen),
        stuck_actions=await _held(session, *stuck),
        stuck_count=await _count(session, HotlineAction, *stuck),
        refused_orders=tuple(RefusedOrder(row.order_no, row.day, row.refused or "") for row in orders),
        order_count=await _count(session, HotlineOrder, *bad),
        accounts=tuple(_account(row) for row in accounts),
        asked=asked,
        asked_count=asked_count,
    )


async def _held(
    session: AsyncSession, *chosen: sa.ColumnElement[bool] | sa.TextClause
) -> tuple[HeldAction, ...]:
    rows = await session.scalars(
        sa.select(HotlineAction).where(*chosen).order_by(HotlineAction.id).limit(SHOWN)
    )
    labels = {kind.value: kind.label for kind in ActionKind}
    return tuple(
        HeldAction(row.id, row.order_no, row.seq, labels.get(row.kind, row.kind), row.error or "")
        for row in rows
    )


async def _count(
    session: AsyncSession,
    table: type[HotlineAction | HotlineOrder],
    *chosen: sa.ColumnElement[bool] | sa.TextClause,
) -> int:
    return await session.scalar(sa.select(sa.func.count()).select_from(table).where(*chosen)) or 0


def _account(row: Reconciliation) -> Account:
    counts, numbers = row.detail["counts"], row.detail["numbers"]
    lists = tuple(
        (label, counts[name], tuple(numbers[name][:SHOWN]))
        for name, label in reconciling.LABELS.items()
        if counts.get(name)
    )
    told = f"平台工单 {row.orders} 件、动作 {row.actions} 个，"
    said = told + (f"{row.unmatched} 处对不上" if row.unmatched else "两边一致")
    fetched = row.detail.get("fetched", {})
    if fetched.get("asked"):
        said += f"，按编号补取 {fetched['asked']} 件、新登记 {fetched['stored']} 件"
    if fetched.get("why"):
        said += f"，{fetched['why'].removesuffix('。')}"
    return Account(row.day, row.made_at, row.unmatched, said, lists)
