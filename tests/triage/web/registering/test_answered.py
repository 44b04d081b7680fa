"""已当场答复 in 登记诉求: closed as soon as it is read, kept for a person where that may not be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.appeals import Appellant
from models.filters import all_seeing
from models.tickets import Ticket, TicketEvent
from tests.factories import NOW
from tests.triage.web.open311.conftest import read_all
from tests.triage.web.registering.conftest import GOOD, Clerk, appeals
from triage.services.correcting import correct
from triage.services.move_rows import columns
from triage.services.standings import stand

if TYPE_CHECKING:
    from nlp.pipeline import Reader
    from triage.services.deps import Deps


QUESTION = {
    "title": "", "text": "咨询一下，朝阳区望京街道望京北路的工地夜间施工证明在哪里可以查？",
}  # fmt: skip
ANSWERED = {
    "answered": "1",
    "answer": "由街道受理，李小明可以在工作日上午去查，电话 13912340009",
    "told": "onsite",
}


async def ticket_of(deps: Deps) -> tuple[Ticket, list[TicketEvent]]:
    async with deps.db.reads() as session:
        ticket = (await session.scalars(sa.select(Ticket))).one()
        return ticket, list(await session.scalars(sa.select(TicketEvent).order_by(TicketEvent.seq)))


async def test_what_was_answered_at_the_counter_is_closed_when_it_is_read(
    clerk: Clerk, deps: Deps, reader: Reader
) -> None:
    assert "已当场答复" in await clerk.get()
    fields = clerk.fields
    await clerk.send(**QUESTION, **ANSWERED)
    assert await read_all(deps, reader) == 1
    ticket, events = await ticket_of(deps)
    last = events[-1]
    assert (ticket.state, ticket.due_at, ticket.version, last.tag) == ("closed", None, 2, "ticket:answer_now")
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert last.data["values"]["told_citizen"] == "onsite"
    # Masked as every note, and by the citizen's own name.
    assert [mark for mark in ("13912340009", "李小明") if mark in str(last.data)] == []
    async with deps.db.reads() as session:
        standing, added = await stand(session, deps.tables, ticket, now=NOW)
        original = (await session.scalars(sa.select(Appellant.original))).one()
    wanted = columns(deps.tables, standing)
    assert (added, {name: getattr(ticket, name) for name in wanted}) == ([], wanted)
    assert original is None, "nothing of it stays sealed"
    # The same form sent again is the same, with another answer it is told.
    await clerk.post({**fields, **GOOD, **QUESTION, **ANSWERED})
    assert clerk.address.endswith("?done=registered")
    page = clerk.page
    assert ("已办结" in page, "当场答复" in page, "撤销" in page) == (True, True, True)
    await clerk.post({**fields, **GOOD, **QUESTION, **ANSWERED, "answer": "由区里受理，请到区里去查"})
    assert clerk.address.endswith("?done=registered-before")


async def test_the_clerk_may_take_back_what_she_answered_at_the_counter(
    clerk: Clerk, deps: Deps, reader: Reader
) -> None:
    await clerk.get()
    await clerk.send(**QUESTION, **ANSWERED)
    await read_all(deps, reader)
    ticket, _ = await ticket_of(deps)
    page = await clerk.get(f"/desk/tickets/{ticket.no}")
    form = page.partition('data-form="undo"')[2].partition("</form>")[0]
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))
    answer = await clerk.client.post(
        f"/desk/tickets/{ticket.no}/moves", data={**hidden, "reason": "答错了一件"}
    )
    assert answer.url.query["done"] == "undo"
    assert (await ticket_of(deps))[0].state == "review"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (GOOD["text"], ("review", "这件是投诉")),
        ("朝阳区望京街道望京北路有人晕倒，明火浓烟，请问怎么办？", ("dispatched", "工单现在是“已派单”")),
        ("请问医保卡丢了在哪里补办？", ("handed_over", "已转办(非环境)")),
    ],
)
async def test_what_may_not_be_answered_at_once_keeps_the_words(
    clerk: Clerk, deps: Deps, reader: Reader, text: str, told: tuple[str, str]
) -> None:
    await clerk.get()
    await clerk.send(**{**QUESTION, "place": "", "text": text}, **ANSWERED)
    await read_all(deps, reader)
    ticket, events = await ticket_of(deps)
    assert (ticket.state, ticket.version) == (told[0], 1)
    kept = events[-1].data["registered_answer"]
    assert told[1] in kept["why"]
    page = await clerk.get(f"/desk/tickets/{ticket.no}")
    assert "登记时已当场答复：由街道受理" in page
    assert "没有这样办结" in page


async def test_what_a_clerk_answered_begins_the_answer_once_the_type_is_put_right(
    clerk: Clerk, deps: Deps, reader: Reader
) -> None:
    await clerk.get()
    await clerk.send(**{**QUESTION, "text": GOOD["text"]}, **ANSWERED)
    await read_all(deps, reader)
    ticket, _ = await ticket_of(deps)
    assert "answer-form" not in await clerk.get(f"/desk/review/{ticket.no}")
    async with deps.db.writes.begin() as session:
        await correct(
            session, deps.tables, all_seeing("k"), ticket.no, {"appeal_type": "咨询"}, at=deps.clock.now()
        )
    page = await clerk.get(f"/desk/review/{ticket.no}")
    assert "由街道受理，" in page.partition('id="answer-note"')[2].partition("</textarea>")[0]


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"answer": "已答复"}, "answer"),
        ({"told": ""}, "told"),
        ({"told": "pigeon"}, "told"),
        ({"answered": ""}, "answered"),
        ({"confidential": "1"}, "answered"),
        ({"answer": "长" * 1001}, "answer"),
    ],
)
async def test_what_is_wrong_with_an_answer_is_told_and_nothing_is_registered(
    clerk: Clerk, deps: Deps, more: dict[str, str], field: str
) -> None:
    await clerk.get()
    await clerk.send(**{**QUESTION, **ANSWERED, **more})
    assert (clerk.status, list(clerk.faults)) == (400, [field])
    assert await appeals(deps) == []
