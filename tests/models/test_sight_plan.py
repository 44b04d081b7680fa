"""保密 in every list: what it costs does not jump with how many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.appeals import Appeal
from models.filters import may_see
from models.sums import in_sums
from models.tickets import Ticket
from models.viewing import Scope, Viewer
from models.vocab import AppealState, Channel
from tests.factories import NOW, TicketIn, add_tickets
from tests.plans import plans, scanned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.db import Database

CONDITIONS = {
    "the city": may_see(Viewer("x", Scope(everything=True))),
    "the city's own desk": may_see(Viewer("x", Scope(everything=True, own=frozenset({"bj-desk"})))),
    "a unit": may_see(Viewer("x", Scope(own=frozenset({"110105026"})))),
    "sums": in_sums(),
}

#: A join, for which PostgreSQL has many ways; SQLite has but one, and the list of all is not read for it.
ONE_BY_ONE: Mapping[str, Callable[[str], bool]] = {
    "postgresql": lambda plan: "Anti Join" in plan and "= (SubPlan" not in plan,
    "sqlite": lambda plan: not scanned(plan, "in_confidence") and not scanned(plan, "left_out"),
}


def in_confidence(number: int) -> dict[str, object]:
    """An appeal in confidence, not read yet."""
    return {
        "source_id": 1, "dedupe_key": f"h:{number}", "content_hash": str(number), "text": "匿名反映。",
        "channel": Channel.PHONE.value, "confidential": True, "received_at": NOW, "stored_at": NOW,
        "state": AppealState.WAITING.value, "attempts": 0,
    }  # fmt: skip


@pytest.mark.parametrize("who", CONDITIONS)
async def test_those_in_confidence_are_looked_for_one_by_one(db: Database, who: str) -> None:
    """As a list of all of them it is read anew for each ticket, once it outgrows the memory of a hash."""
    await add_tickets(db, *([TicketIn()] * 20))
    async with db.writes.begin() as session:
        await session.execute(sa.insert(Appeal), [in_confidence(number) for number in range(3000)])
    async with db.writes.begin() as session:
        await session.execute(sa.text("ANALYZE"))

    async def ask(session: AsyncSession) -> None:
        await session.scalars(sa.select(Ticket.id).where(CONDITIONS[who]).order_by(Ticket.id).limit(5))

    (plan,) = await plans(db, ask, memory="64kB")
    assert ONE_BY_ONE[db.dialect](plan)
