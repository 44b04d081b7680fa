"""保密 stays with a case that is merged across it: what the other's readers and the other's sender learn."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.filters import all_seeing
from models.ticket_detail import whole_ticket
from models.tickets import Ticket, TicketEvent
from models.viewing import Scope
from models.vocab import Move, Post
from tests.factories import TicketIn, add_tickets
from tests.triage.web.citizen.conftest import GOOD, Citizen
from tests.triage.web.citizen.steps import move_of
from tests.triage.web.open311.conftest import read_all
from triage.web import present
from triage.web.asking import day_of
from triage.web.names import names_of

if TYPE_CHECKING:
    from nlp.pipeline import Reader
    from triage.services.deps import Deps

OTHER = {"text": GOOD["text"] + "另一家的邻居", "name": "赵大海", "phone": "13912340008"}


async def joined(citizen: Citizen, deps: Deps, reader: Reader, *, head: str, mine: str) -> tuple[str, str]:
    """One's own case merged into another's; the manner of each. Gives the numbers, the head's first."""
    await citizen.report(**OTHER, manner=head)
    await read_all(deps, reader)
    await citizen.report(manner=mine)
    await read_all(deps, reader)
    async with deps.db.reads() as session:
        first, own = await session.scalars(sa.select(Ticket.no).order_by(Ticket.id))
    await move_of(deps, own, Post.HOTLINE, Move.MERGE, other_ticket=first, reason="同一处同一事项")
    return first, own


async def shown(deps: Deps, no: str, scope: Scope) -> str:
    """The ticket as its page and the API have it."""
    viewer = replace(all_seeing("x"), scope=scope)
    async with deps.db.reads() as session:
        whole = await whole_ticket(session, viewer, no)
    assert whole is not None
    names = names_of(deps.tables)
    return repr(present.ticket(whole, names, day_of(deps.clock.now()), viewer, communities={}))


async def urges(deps: Deps, no: str) -> list[str]:
    async with deps.db.reads() as session:
        rows = await session.scalars(
            sa.select(TicketEvent.data)
            .join(Ticket, Ticket.id == TicketEvent.ticket_id)
            .where(Ticket.no == no, TicketEvent.tag == "ticket:urge")
            .order_by(TicketEvent.seq)
        )
        return [data["values"]["note"] for data in rows]


async def test_a_confidential_case_tells_nothing_on_the_open_one(
    citizen: Citizen, deps: Deps, reader: Reader
) -> None:
    head, own = await joined(citizen, deps, reader, head="named", mine="confidential")
    await citizen.get("/citizen/case")
    await citizen.post("/citizen/case/add", {"key": "k" * 32, "text": "昨晚又响到三点"})
    await citizen.post("/citizen/case/urge", {"key": "u-" + "x" * 32})
    assert "昨晚又响到三点" in citizen.page
    assert await urges(deps, head) == ["诉求人网上补充，内容见其本单", "诉求人网上催办"]
    page = await shown(deps, head, Scope(everything=True))
    assert ("多一位诉求人等待答复" in page, own in page, "昨晚又响到三点" in page) == (True, False, False)
    assert f"工单 {own} 并入本单" in await shown(deps, head, Scope(everything=True, secret=True))


async def test_ones_own_urges_are_counted_on_ones_own_page_alone(
    citizen: Citizen, deps: Deps, reader: Reader
) -> None:
    """保密 in an open head: not named there, and counted all the same; also once that is merged further."""
    head, own = await joined(citizen, deps, reader, head="named", mine="confidential")
    await citizen.get("/citizen/case")
    for key in ("u-" + "x" * 32, "u-" + "y" * 32, "u-" + "y" * 32):
        await citizen.post("/citizen/case/urge", {"key": key})
    await citizen.post("/citizen/case/add", {"key": "k" * 32, "text": "昨晚又响到三点"})
    await move_of(deps, head, Post.HOTLINE, Move.URGE, note="诉求人网上催办")
    assert "已记 2 次" in await citizen.get("/citizen/case")
    async with deps.db.reads() as session:
        rows = await session.scalars(
            sa.select(TicketEvent.data).where(TicketEvent.tag == "ticket:urge").order_by(TicketEvent.seq)
        )
        marks = [data.get("mark") for data in rows]
    assert [mark is None for mark in marks] == [False, False, True, True]
    # Nothing tells that the two are of one, nor of whom.
    assert len(set(marks[:2])) == 2
    page = await shown(deps, head, Scope(everything=True))
    assert (own in page, str(marks[0]) in page) == (False, False)


async def test_urges_of_before_its_head_was_merged_further_are_counted(
    citizen: Citizen, deps: Deps, reader: Reader
) -> None:
    head, own = await joined(citizen, deps, reader, head="named", mine="named")
    await citizen.get("/citizen/case")
    await citizen.post("/citizen/case/urge", {"key": "u-" + "x" * 32})
    assert f"诉求人网上催办（并入的工单 {own}）" in await urges(deps, head)
    (further,) = await add_tickets(deps.db, TicketIn())
    await move_of(deps, head, Post.HOTLINE, Move.MERGE, other_ticket=further, reason="同一处同一事项")
    await citizen.get("/citizen/case")
    await citizen.post("/citizen/case/urge", {"key": "u-" + "z" * 32})
    assert "已记 2 次" in await citizen.get("/citizen/case")


async def test_what_was_noted_before_is_shown_to_who_may_see_that_case_alone(
    citizen: Citizen, deps: Deps, reader: Reader
) -> None:
    head, own = await joined(citizen, deps, reader, head="named", mine="confidential")
    note = f"诉求人网上补充（并入的工单 {own}）：昨晚又响到三点"
    await move_of(deps, head, Post.HOTLINE, Move.URGE, note=note)
    page = await shown(deps, head, Scope(everything=True))
    assert ("诉求人网上补充" in page, own in page, "昨晚又响到三点" in page) == (True, False, False)
    assert note in await shown(deps, head, Scope(everything=True, secret=True))


async def test_a_confidential_head_tells_the_other_sender_only_how_far_it_is(
    citizen: Citizen, deps: Deps, reader: Reader
) -> None:
    head, own = await joined(citizen, deps, reader, head="confidential", mine="named")
    await move_of(deps, head, Post.UNIT, Move.SIGN)
    await move_of(deps, head, Post.UNIT, Move.CONTACT, outcome="reached", told_citizen="phone")
    await move_of(
        deps, head, Post.UNIT, Move.FEEDBACK, note="已责令停工", attachment="照片 1 号", told_citizen="phone"
    )
    page = await citizen.get("/citizen/case")
    told = [
        words for words in ("已责令停工", "承办单位签收：", "一起办理的工单：承办单位签收") if words in page
    ]
    assert ("一起办理的工单：承办单位答复" in page, told) == (True, [])
    assert "提交评价" in page
    await citizen.post("/citizen/case/rate", {"solved": "yes", "satisfaction": "satisfied"})
    assert "<p>满意 <small>" in citizen.page
    assert head not in await shown(deps, own, Scope(everything=True))
    assert head in await shown(deps, own, Scope(everything=True, secret=True))
