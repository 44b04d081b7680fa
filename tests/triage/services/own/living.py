"""Cases of a unit that live through a month: what tests of 本单位数据 say of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from models.tickets import Ticket, TicketEvent
from tests.factories import NOW, TicketIn, add_tickets

if TYPE_CHECKING:
    from datetime import datetime

    from models.db import Database

WANGJING: Final = "110105026"
XUEYUANLU: Final = "110108010"
ECOLOGY: Final = "110105-ecology"

Life = tuple[tuple[str, timedelta, dict[str, Any]], ...]


def said(**values: str) -> dict[str, Any]:
    """What a follow-up brought."""
    return {"values": {"outcome": "reached", "contacted": "yes", **values}}


#: Everything in time, and the citizen content; times after it was dispatched.
GOOD: Final[Life] = (
    ("ticket:contact", timedelta(hours=2), {"values": {"outcome": "reached"}}),
    ("ticket:feedback", timedelta(days=2), {}),
    ("ticket:follow_up", timedelta(days=4), said(solved="yes", satisfaction="satisfied")),
)
#: Called two days after, not solved, content by halves.
BAD: Final[Life] = (
    ("ticket:contact", timedelta(days=2), {"values": {"outcome": "reached"}}),
    ("ticket:feedback", timedelta(days=2, hours=1), {}),
    ("ticket:follow_up", timedelta(days=4), said(solved="no", satisfaction="fair")),
)


async def lived(db: Database, since: timedelta, *lives: Life, **item: Any) -> list[str]:  # noqa: ANN401
    """Cases that came so long before `NOW`, each with its life."""
    made = await add_tickets(db, *(replace(TicketIn(age=since), **item) for _ in lives))
    for no, life in zip(made, lives, strict=True):
        await happened(db, no, *((tag, NOW - since + after, data) for tag, after, data in life))
    return made


async def happened(db: Database, no: str, *events: tuple[str, datetime, dict[str, Any]]) -> None:
    """Further events of a case."""
    async with db.writes.begin() as session:
        ticket = await session.scalar(sa.select(Ticket.id).where(Ticket.no == no))
        last = await session.scalar(
            sa.select(sa.func.max(TicketEvent.seq)).where(TicketEvent.ticket_id == ticket)
        )
        await session.execute(
            sa.insert(TicketEvent),
            [
                {"ticket_id": ticket, "seq": (last or 0) + at, "at": when, "tag": tag, "data": data}
                for at, (tag, when, data) in enumerate(events, start=1)
            ],
        )


async def put(db: Database, no: str, **values: Any) -> None:  # noqa: ANN401
    """A case's row as it then is."""
    async with db.writes.begin() as session:
        await session.execute(sa.update(Ticket).where(Ticket.no == no).values(**values))
