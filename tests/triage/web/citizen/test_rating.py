"""评价: each answer of a case is rated by its sender, once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.citizens import CitizenRating
from models.tickets import Ticket, TicketEvent
from models.vocab import Move, Post, State
from tests import signed_in
from tests.triage.web.citizen.steps import PHONE, answered, contacted, move, ticket_of, track
from tests.triage.web.open311.conftest import read_all

if TYPE_CHECKING:
    from nlp.pipeline import Reader
    from tests.triage.web.citizen.conftest import Citizen, Clock
    from triage.services.deps import Deps


async def test_it_is_rated_when_there_is_an_answer_and_once(
    citizen: Citizen, deps: Deps, reader: Reader
) -> None:
    await citizen.report()
    await read_all(deps, reader)
    page = await citizen.get("/citizen/case")
    assert "提交评价" not in page
    await citizen.post("/citizen/case/rate", {"solved": "yes", "satisfaction": "satisfied"})
    assert (citizen.status, "还没有办理结果" in citizen.page) == (409, True)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Ticket).values(state=State.CLOSED.value))
    # Ended without an answer, for example diverted and archived: nothing to say something about.
    assert "提交评价" not in await citizen.get("/citizen/case")
    await answered(deps)
    await citizen.get("/citizen/case")
    await citizen.post("/citizen/case/rate", {"solved": "maybe", "satisfaction": "satisfied"})
    assert (citizen.status, "请选问题是否解决" in citizen.page) == (400, True)
    for satisfaction, told in (
        ("dissatisfied", "谢谢您的评价。"),
        ("satisfied", "您已评价过，以第一次为准。"),
    ):
        await citizen.post(
            "/citizen/case/rate", {"solved": "no", "satisfaction": satisfaction, "note": "还在响 13800001111"}
        )
        assert told in citizen.page
    async with deps.db.reads() as session:
        rating = (await session.scalars(sa.select(CitizenRating))).one()
    assert (rating.solved, rating.satisfaction, "1380000" in (rating.note or "")) == (
        "no",
        "dissatisfied",
        False,
    )
    assert "<h2>您的评价</h2><p>不满意 <small>" in citizen.page
    # Over is over.
    await citizen.post("/citizen/case/urge", {"key": "u-" + "x" * 32})
    assert citizen.status == 409


async def test_each_answer_is_rated_once(citizen: Citizen, deps: Deps, reader: Reader, clock: Clock) -> None:
    await citizen.report()
    await read_all(deps, reader)
    clock.later(minutes=5)
    await contacted(deps)
    answer = {"note": "已停工", "attachment": "照片 1 号", "told_citizen": "phone"}
    await move(deps, Post.UNIT, Move.FEEDBACK, **answer)
    await citizen.get("/citizen/case")
    said = {"solved": "no", "satisfaction": "dissatisfied"}
    await citizen.post("/citizen/case/rate", said)
    assert ("提交评价" in citizen.page, "不满意 <small>" in citizen.page) == (False, True)
    clock.later(days=8)
    await move(deps, Post.FOLLOW_UP, Move.FOLLOW_UP, outcome="reached", contacted="yes", **said)
    await move(deps, Post.HOTLINE, Move.REHANDLE, reason="没有解决")
    # What was open in this browser closed after half an hour.
    no = (await ticket_of(deps)).no
    await track(citizen, no, PHONE)
    assert ("退回重办" in citizen.page, "提交评价" in citizen.page) == (True, False)
    await move(deps, Post.UNIT, Move.FEEDBACK, **answer)
    assert "提交评价" in await citizen.get("/citizen/case")
    await citizen.post("/citizen/case/rate", {"solved": "yes", "satisfaction": "satisfied"})
    assert re.findall(r"<p>(不?满意) <small>", citizen.page) == ["不满意", "满意"]
    async with deps.db.reads() as session:
        answers = list(await session.scalars(sa.select(CitizenRating.answer).order_by(CitizenRating.at)))
        events = list(
            await session.scalars(sa.select(TicketEvent.id).where(TicketEvent.tag == "ticket:feedback"))
        )
    assert answers == sorted(events)
    await signed_in.renewed(deps)
    desk = await (await citizen.client.get(f"/desk/tickets/{no}/files")).text()
    assert ("没有解决，不满意" in desk, "已解决，满意" in desk) == (True, True)


async def test_what_was_answered_in_time_is_not_called_late_until_it_is_closed(
    citizen: Citizen, deps: Deps, reader: Reader, clock: Clock
) -> None:
    """Nobody is called before the limit is over (条例 art. 23), so each case waits beyond it for 回访."""
    await citizen.report()
    await read_all(deps, reader)
    clock.later(minutes=5)
    await contacted(deps)
    ticket = await ticket_of(deps)
    assert "最晚答复" in await citizen.get("/citizen/case")
    late = ticket.answer_by - deps.clock.now() if ticket.answer_by else None
    assert late is not None
    clock.later(seconds=int(late.total_seconds()))
    await track(citizen, ticket.no, PHONE)
    assert "已经超过时限" in citizen.page
    clock.later(seconds=-60)
    await move(deps, Post.UNIT, Move.FEEDBACK, note="已停工", attachment="照片 1 号", told_citizen="phone")
    clock.later(hours=3)
    await track(citizen, ticket.no, PHONE)
    assert ("接下来会回访您是否满意" in citizen.page, "最晚答复" in citizen.page) == (True, False)
    assert "已经超过时限" not in citizen.page


async def test_calls_that_nobody_answered_are_not_told_as_if_they_had_been(
    citizen: Citizen, deps: Deps, reader: Reader, clock: Clock
) -> None:
    await citizen.report()
    await read_all(deps, reader)
    clock.later(minutes=5)
    await contacted(deps, outcome="unreachable")
    no = (await ticket_of(deps)).no
    await track(citizen, no, PHONE)
    assert "承办单位联系诉求人，没有接通" in citizen.page
    await move(deps, Post.UNIT, Move.CONTACT, outcome="reached", told_citizen="phone")
    await move(deps, Post.UNIT, Move.FEEDBACK, note="已停工", attachment="照片 1 号", told_citizen="phone")
    for _ in range(3):
        clock.later(days=8)
        await move(deps, Post.FOLLOW_UP, Move.FOLLOW_UP, outcome="unreachable")
    await track(citizen, no, PHONE)
    assert (await ticket_of(deps)).state == State.FOLLOWED_UP
    assert citizen.page.count("回访，没有接通") == 3
    assert ("回访多次没有接通" in citizen.page, "已经回访，正在办结" in citizen.page) == (True, False)
    assert "可以在这里评价" in citizen.page
    await citizen.post("/citizen/case/rate", {"solved": "yes", "satisfaction": "satisfied"})
    assert ("回访多次没有接通" in citizen.page, "可以在这里评价" in citizen.page) == (True, False)
