"""平台来话 as it comes: what a batch of orders says anew of orders that are here, kept for `words`.

An urge and other words are known by their number or what they say. A status (撤单, 重新办理, 督办, closed) is
news when the order took it now, by the platform's own time of the change; where that time does not tell two
changes apart, by the status itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from models.appeals import Appeal
from models.db import ALL_TOGETHER, insert_of
from models.hotline import HotlineOrder, HotlineWord
from models.narrowed import withdrawn
from models.tickets import Ticket
from models.vocab_sources import OrderStatus, WordKind, WordState
from triage.services.hotline.words import ENDED

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.hotline.orders import Order
    from connectors.vault import Vault

#: Statuses that the platform's own word for them tells, for both leave the order open.
_MARKS: Final = (WordKind.REHANDLED, WordKind.SUPERVISED)
_STATUSES: Final = (WordKind.WITHDRAWN.value, WordKind.CLOSED.value, *(kind.value for kind in _MARKS))
_UNANSWERED: Final = frozenset({WordState.WAITING.value, WordState.ASKED.value})


@dataclass(frozen=True, slots=True)
class Changed:
    """Orders of a batch that say something else than what is stored; of them those with another address."""

    numbers: Collection[str]
    elsewhere: Collection[str] = ()


async def keep(
    session: AsyncSession,
    vault: Vault,
    source_id: int,
    orders: Sequence[Order],
    changed: Changed,
    *,
    latest: datetime,
    now: datetime,
) -> None:
    """Write what a batch says of orders that are here, each word once, in the batch's transaction.

    Before the batch's own statuses are noted: an order is withdrawn when it was not so before. `latest`: no
    change is later; what is known from beyond was misdated.
    """
    said = [(order, kind, number) for order in orders for kind, number in _of(vault, order, changed)]
    said += [
        (order, WordKind.REHANDLED, order.updated_at.isoformat())
        for order in await _back(session, source_id, orders)
    ]
    if not said:
        return
    numbers = sorted({order.number for order, _, _ in said})
    known = {
        # Of one that could not be read the time is ours: no copy is older.
        number: (status, foreign, None if refused else at)
        for number, status, foreign, at, refused in await session.execute(
            sa.select(
                HotlineOrder.order_no, HotlineOrder.status, HotlineOrder.foreign_status,
                HotlineOrder.updated_at, HotlineOrder.refused,
            ).where(HotlineOrder.source_id == source_id, HotlineOrder.order_no.in_(numbers))
        )
    }  # fmt: skip
    here = {
        number: state in ENDED
        for number, state in await session.execute(
            sa.select(Appeal.external_id, Ticket.state)
            .outerjoin(Ticket, Ticket.appeal_id == Appeal.id)
            .where(
                Appeal.source_id == source_id, Appeal.dedupe_key.in_([f"x:{number}" for number in numbers])
            )
        )
    }
    news = [
        (order, kind, number)
        for order, kind, number in said
        if order.number in here
        and _news(order, kind, known.get(order.number), ended=here[order.number], latest=latest)
    ]
    if not news:
        return
    before = await _before(session, source_id, sorted({order.number for order, _, _ in news}))
    rows: list[dict[str, Any]] = [
        {
            "source_id": source_id, "order_no": order.number, "kind": kind.value,
            "number": _numbered(number, before.get((order.number, kind.value, order.updated_at), ())),
            "said_at": order.updated_at, "seen_at": now, "state": WordState.WAITING.value,
        }
        for order, kind, number in news
    ]  # fmt: skip
    await session.execute(
        insert_of(session, HotlineWord).on_conflict_do_nothing(), rows, execution_options=ALL_TOGETHER
    )


async def _back(session: AsyncSession, source_id: int, orders: Sequence[Order]) -> list[Order]:
    """Of these the ones that the platform withdrew and takes up again, where 撤诉 stands here because of it.

    For a person: whether to take that back (取消撤诉), or to register another case.
    """
    open_now = {
        order.number: order for order in orders if order.status is OrderStatus.OPEN and not order.mark
    }
    before = await session.scalars(
        sa.select(HotlineOrder.order_no)
        .join(Appeal, Appeal.source_id == HotlineOrder.source_id)
        .join(Ticket, Ticket.appeal_id == Appeal.id)
        .where(
            HotlineOrder.source_id == source_id,
            HotlineOrder.order_no.in_(sorted(open_now)),
            HotlineOrder.status == OrderStatus.WITHDRAWN.value,
            Appeal.dedupe_key == sa.literal("x:").concat(HotlineOrder.order_no),
            withdrawn(Ticket.id),
        )
    )
    return [open_now[number] for number in before]


async def _before(
    session: AsyncSession, source_id: int, numbers: Sequence[str]
) -> dict[tuple[str, str, datetime], list[str]]:
    """How the words stand that statuses of these orders left before, by number, kind and time."""
    found: dict[tuple[str, str, datetime], list[str]] = {}
    for number, kind, at, state in await session.execute(
        sa.select(HotlineWord.order_no, HotlineWord.kind, HotlineWord.said_at, HotlineWord.state).where(
            HotlineWord.source_id == source_id, HotlineWord.order_no.in_(numbers),
            HotlineWord.kind.in_(_STATUSES),
        )
    ):  # fmt: skip
        found.setdefault((number, kind, at), []).append(state)
    return found


def _numbered(number: str, before: Sequence[str]) -> str:
    """A status said again at the time of one that was answered is another word; else it is that one."""
    answered = before and _UNANSWERED.isdisjoint(before)
    return f"{number}#{len(before) + 1}" if answered else number


def _of(vault: Vault, order: Order, changed: Changed) -> list[tuple[WordKind, str]]:
    found = [(WordKind.URGED, urge) for urge in order.urges]
    taken = [order.mark] if order.mark else []
    match order.status:
        case OrderStatus.WITHDRAWN:
            taken.append(WordKind.WITHDRAWN)
        case OrderStatus.CLOSED:
            taken.append(WordKind.CLOSED)
    found += [(kind, order.updated_at.isoformat()) for kind in taken]
    if order.number in changed.numbers and order.record is not None:
        # Known by the words themselves: an order that changed once is told once, however often it is listed.
        said = order.record.content_hash
        if order.number in changed.elsewhere:
            said += f"\0{order.record.address}"
        found.append((WordKind.CHANGED, vault.content_hash(said)))
    return found


def _news(
    order: Order,
    kind: WordKind,
    known: tuple[str, str | None, datetime | None] | None,
    *,
    ended: bool,
    latest: datetime,
) -> bool:
    """Whether a word is to be kept: the order took this status now, and this is no older copy.

    Nearly every order is closed over there once its ticket has ended here: that is no word.
    """
    if kind in {WordKind.URGED, WordKind.CHANGED}:
        return True
    if kind is WordKind.CLOSED and ended:
        return False
    if known is None:
        return True
    status, foreign, at = known
    same = foreign == order.foreign_status if kind in _MARKS else status == order.status.value
    mended = at is None and order.refused is None
    return not same and (mended or (at is not None and (at <= order.updated_at or at > latest)))
