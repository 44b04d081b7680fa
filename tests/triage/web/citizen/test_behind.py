"""查进度 of a case that was merged and then archived: it follows the other one as before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.tickets import Ticket, TicketEvent
from models.vocab import Move, Post
from tests.triage.web.citizen.conftest import GOOD, Citizen
from tests.triage.web.citizen.steps import move_of, ticket_of
from tests.triage.web.open311.conftest import read_all

if TYPE_CHECKING:
    from nlp.pipeline import Reader
    from triage.services.deps import Deps

CONTENT = {"outcome": "reached", "contacted": "yes", "solved": "yes", "satisfaction": "satisfied"}


async def test_an_archived_merged_case_still_follows_the_other(
    citizen: Citizen, deps: Deps, reader: Reader
) -> None:
    await citizen.report(text=GOOD["text"] + "另一家的邻居", name="赵大海", phone="13912340008")
    await read_all(deps, reader)
    head = (await ticket_of(deps)).no
    await citizen.report()
    await read_all(deps, reader)
    async with deps.db.reads() as session:
        mine = await session.scalar(sa.select(Ticket.no).order_by(Ticket.id.desc()).limit(1))
    assert mine is not None
    await move_of(deps, mine, Post.HOTLINE, Move.MERGE, other_ticket=head, reason="同一处同一事项")
    await move_of(deps, mine, Post.FOLLOW_UP, Move.FOLLOW_UP, **CONTENT)
    await move_of(deps, mine, Post.HOTLINE, Move.ARCHIVE)
    page = await citizen.get("/citizen/case")
    assert "已并入一起办理。那件工单现在：已派给承办单位，等对方签收。" in page
    assert ("这件诉求已经结束" in page, "提交评价" in page) == (False, False)
    await citizen.post("/citizen/case/urge", {"key": "u-" + "x" * 32})
    assert ("已催办" in citizen.page, "催办 <small>已记 1 次" in citizen.page) == (True, True)
    async with deps.db.reads() as session:
        urged = await session.scalar(
            sa.select(Ticket.no)
            .join(TicketEvent, TicketEvent.ticket_id == Ticket.id)
            .where(TicketEvent.tag == "ticket:urge")
        )
    assert urged == head
    await move_of(deps, head, Post.UNIT, Move.SIGN)
    await move_of(deps, head, Post.UNIT, Move.CONTACT, outcome="reached", told_citizen="phone")
    answer = {"note": "已责令停工", "attachment": "照片 1 号", "told_citizen": "phone"}
    await move_of(deps, head, Post.UNIT, Move.FEEDBACK, **answer)
    page = await citizen.get("/citizen/case")
    assert ("一起办理的工单：承办单位答复" in page, "<q>已责令停工</q>" in page) == (True, True)
    await citizen.post("/citizen/case/rate", {"solved": "yes", "satisfaction": "satisfied"})
    assert ("提交评价" in citizen.page, "<p>满意 <small>" in citizen.page) == (False, True)
