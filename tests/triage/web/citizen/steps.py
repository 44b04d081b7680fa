"""What a citizen and staff do in these tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.filters import all_seeing
from models.tickets import Ticket, TicketEvent
from models.vocab import Move, Post, State, Tag
from triage.rules.moves import Actor
from triage.services import moving
from triage.services.moving import Person, Wish

if TYPE_CHECKING:
    from tests.triage.web.citizen.conftest import Citizen
    from triage.services.deps import Deps

PHONE = "13912340007"


async def track(citizen: Citizen, number: str, secret: str) -> int:
    """Ask for a case; the status of the answer."""
    await citizen.get("/citizen/track")
    await citizen.post("/citizen/track", {"number": number, "secret": secret})
    return citizen.status


async def ticket_of(deps: Deps) -> Ticket:
    """The only ticket there is."""
    async with deps.db.reads() as session:
        return (await session.scalars(sa.select(Ticket))).one()


async def move(deps: Deps, post: Post, name: Move, **values: str) -> None:
    """A move of staff on the only ticket."""
    await move_of(deps, (await ticket_of(deps)).no, post, name, **values)


async def move_of(deps: Deps, no: str, post: Post, name: Move, **values: str) -> None:
    """A move of staff on that ticket."""
    async with deps.db.reads() as session:
        ticket = (await session.scalars(sa.select(Ticket).where(Ticket.no == no))).one()
    who = Person(Actor(post, ticket.unit_code if post is Post.UNIT else None, f"test:{post}"), "王经办")
    async with deps.db.writes.begin() as session:
        wish = Wish(ticket.no, name, values, ticket.version, f"{name}-{ticket.version}")
        await moving.make(session, deps.tables, all_seeing("x"), who, wish, now=deps.clock.now())


async def contacted(deps: Deps, **told: str) -> None:
    """The unit has signed for the only ticket, and called its citizen: it reached them if nothing is told."""
    await move(deps, Post.UNIT, Move.SIGN)
    await move(deps, Post.UNIT, Move.CONTACT, **(told or {"outcome": "reached", "told_citizen": "phone"}))


async def answered(deps: Deps) -> None:
    """The only ticket has its answer, and is closed."""
    told = {"at": deps.clock.now(), "tag": Tag.FEEDBACK.value, "data": {"values": {"note": "已停工"}}}
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Ticket).values(state=State.CLOSED.value))
        number = await session.scalar(sa.select(Ticket.id))
        await session.execute(sa.insert(TicketEvent).values(ticket_id=number, seq=90, **told))
