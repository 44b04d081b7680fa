"""登记平台工单: orders of a platform go in, pulled or pushed, in the caller's transaction.

Whatever comes twice, late or out of order counts once: the appeal by its number within the source, the row of
the order by the platform's own time of its change. An order that cannot be taken in is kept with its reason.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from connectors.hotline.client import CLOCKS_APART
from models.appeals import Appeal
from models.db import ALL_TOGETHER, insert_of
from models.hotline import HotlineOrder
from models.identities import Erasure
from models.vocab import AppealType, Channel
from models.vocab_sources import OrderStatus
from triage.services import confiding, intake
from triage.services.hotline import hearing
from triage.services.identities.erasing import unlinked
from triage.services.importing import as_appeal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.hotline.orders import Order
    from connectors.vault import Vault


#: What a newer copy of an order says anew.
_TOLD: Final = ("status", "foreign_status", "updated_at", "attachments", "facts")
#: Machines of one platform may disagree by so much; a change that lies further ahead of its now is misdated.
_MACHINES_APART: Final = timedelta(minutes=5)
#: How an order came: by a push, whose now is that of its signature.
PUSHED: Final = "push"


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a batch. `refused`: number and reason; `passed`: closed or withdrawn over there."""

    stored: int = 0
    repeated: int = 0
    passed: int = 0
    changed: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()


async def take(
    session: AsyncSession,
    vault: Vault,
    source: tuple[int, str],
    orders: Sequence[Order],
    *,
    via: str,
    now: datetime,
    theirs: datetime | None = None,
) -> Taken:
    """Store what is new of some hundred orders, or nothing at all. `source`: its id and key.

    `theirs`: the platform's now, where it tells it; of a push, when it was signed.
    """
    if not orders:
        return Taken()
    latest = now + CLOCKS_APART if theirs is None else theirs + _MACHINES_APART
    # Always in one order: two batches that bring the same orders crosswise would wait for each other.
    newest = [_dated(order, latest, theirs or now) for order in _newest(orders)]
    # A push may be late: what a pull brought meanwhile lies behind its now and is no wrong date for that.
    believed = now + CLOCKS_APART if via == PUSHED else latest
    wanted = [order for order in newest if order.record is not None and order.status is OrderStatus.OPEN]
    items = [_appeal(order, source=source[1], now=now) for order in wanted]
    received = await intake.receive(session, vault, items, now=now)
    changed = {wanted[place].number for place in received.changed}
    elsewhere = {wanted[place].number for place in received.elsewhere}
    old = await _outdated(session, source[0], wanted, changed, latest=believed) if changed else set()
    changed -= old
    await _reports(session, source[0], newest)
    await _secrets(session, source[1], newest, now=now)
    words = hearing.Changed(changed, elsewhere)
    await hearing.keep(session, vault, source[0], newest, words, latest=believed, now=now)
    await _note(session, source[0], newest, changed, via=via, latest=believed, now=now)
    refused = tuple((order.number, order.refused) for order in newest if order.refused is not None)
    return Taken(
        stored=len(received.stored),
        repeated=len(orders) - len(newest) + received.repeated + len(old),
        passed=len(newest) - len(wanted) - len(refused),
        changed=tuple(sorted(changed)),
        refused=refused,
    )


def _newest(orders: Sequence[Order]) -> list[Order]:
    """Each number once, as it was changed last, of equals as told last; in the order of their numbers."""
    found: dict[str, Order] = {}
    for order in orders:
        known = found.get(order.number)
        if known is None or known.updated_at <= order.updated_at:
            found[order.number] = order
    return [found[number] for number in sorted(found)]


def _dated(order: Order, latest: datetime, clock: datetime) -> Order:
    """An order whose change lies in the platform's future: kept so, nothing it says later would be news."""
    return replace(order, updated_at=clock) if order.updated_at > latest else order


async def _outdated(
    session: AsyncSession, source_id: int, orders: Sequence[Order], among: set[str], *, latest: datetime
) -> set[str]:
    """Of these numbers those whose copy is older than what we know: its words are those of before."""
    rows = await session.execute(
        sa.select(HotlineOrder.order_no, HotlineOrder.updated_at).where(
            HotlineOrder.source_id == source_id, HotlineOrder.order_no.in_(sorted(among)),
            HotlineOrder.updated_at <= latest,
            # Of one that could not be read the time is ours.
            HotlineOrder.refused.is_(None),
        )
    )  # fmt: skip
    known = {number: at for number, at in rows}  # noqa: C416  (rows are no pairs for the type checker)
    return {o.number for o in orders if o.number in known and o.updated_at < known[o.number]}


def _appeal(order: Order, *, source: str, now: datetime) -> intake.NewAppeal:
    if order.record is None:
        raise ValueError("an order without a record has no appeal")
    appeal = as_appeal(order.record, source=source, now=now)
    # A platform that does not say how it was told: it is a telephone hotline.
    return replace(appeal, channel=Channel.PHONE) if appeal.channel is Channel.FILE else appeal


async def _reports(session: AsyncSession, source_id: int, orders: Sequence[Order]) -> None:
    """What the platform calls 举报 now is one, also where it did not say so at first; never the other way."""
    report = AppealType.REPORT
    numbers = [one.number for one in orders if one.record is not None and one.record.appeal_type is report]
    if not numbers:
        return
    keys = [f"x:{number}" for number in numbers]
    known = await session.scalars(
        sa.select(Appeal.id)
        .where(
            Appeal.source_id == source_id, Appeal.dedupe_key.in_(keys),
            Appeal.told_type.is_distinct_from(report.value),
        )
        .order_by(Appeal.id)
        .with_for_update()
    )  # fmt: skip
    ids = list(known)
    if ids:
        await session.execute(
            sa.update(Appeal)
            .where(Appeal.id.in_(ids))
            .values(told_type=report.value)
            .execution_options(synchronize_session=False)
        )


async def _secrets(session: AsyncSession, source: str, orders: Sequence[Order], *, now: datetime) -> None:
    """What the platform calls 保密 now is so, whatever else of it changed or ended; never taken back."""
    said = {(source, f"x:{one.number}") for one in orders if one.record is not None and one.record.secret}
    await confiding.told(session, said, now=now)


async def _erased(session: AsyncSession, source_id: int, orders: Sequence[Order]) -> set[str]:
    """The orders whose citizen was erased (删除身份): a later copy does not bring back what leads to them."""
    numbers = [order.number for order in orders if order.attachments]
    if not numbers:
        return set()
    rows = await session.scalars(
        sa.select(Appeal.external_id)
        .join(Erasure, Erasure.appeal_id == Appeal.id)
        .where(
            Appeal.source_id == source_id, Appeal.dedupe_key.in_([f"x:{number}" for number in numbers]),
            Erasure.erased_at.is_not(None),
        )
    )  # fmt: skip
    return {str(number) for number in rows}


async def _note(
    session: AsyncSession,
    source_id: int,
    orders: Sequence[Order],
    changed: set[str],
    *,
    via: str,
    latest: datetime,
    now: datetime,
) -> None:
    erased = await _erased(session, source_id, orders)
    rows: list[dict[str, Any]] = [
        {
            "source_id": source_id,
            "order_no": order.number,
            "day": order.day,
            "status": order.status.value,
            "foreign_status": order.foreign_status,
            "updated_at": order.updated_at,
            "first_seen_at": now,
            "via": via,
            "attachments": [unlinked(one) if order.number in erased else one for one in order.attachments],
            "facts": dict(order.facts) or None,
            "refused": order.refused,
            "changed_at": now if order.number in changed else None,
        }
        for order in orders
    ]
    insert = insert_of(session, HotlineOrder)
    told = insert.excluded
    await session.execute(
        insert.on_conflict_do_update(
            index_elements=["source_id", "order_no"],
            set_={
                **{name: told[name] for name in _TOLD},
                "refused": told.refused,
                "changed_at": sa.func.coalesce(told.changed_at, HotlineOrder.changed_at),
            },
            # What is older than what we know is passed over; mended, or with facts that were not read before,
            # it is news whatever its time. Not every platform's times tell two changes apart (minutes, or
            # none but the order's own): then the status does. What we know from the future was misdated.
            where=sa.or_(
                told.updated_at > HotlineOrder.updated_at,
                HotlineOrder.updated_at > latest,
                sa.and_(
                    told.updated_at == HotlineOrder.updated_at,
                    sa.or_(
                        told.status != HotlineOrder.status,
                        told.foreign_status.is_distinct_from(HotlineOrder.foreign_status),
                    ),
                ),
                sa.and_(HotlineOrder.refused.is_not(None), told.refused.is_(None)),
                sa.and_(
                    HotlineOrder.facts.is_(None),
                    told.facts.is_not(None),
                    told.updated_at == HotlineOrder.updated_at,
                ),
            ),
        ),
        rows,
        execution_options=ALL_TOGETHER,
    )
