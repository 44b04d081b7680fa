"""重新办理, 督办 and 平台已办结: marks for a clerk, once for each time, until the case answers them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from models.filters import all_seeing
from models.tickets import Ticket, TicketEvent
from models.vocab import Move, Post, State, Tag
from models.vocab_sources import WordKind
from tests.triage.services.hotline.test_reconciling import compare
from tests.triage.services.hotline.test_sending import CALLER, move, tickets
from tests.triage.services.hotline.test_words import kept, order_of, told
from triage.rules.moves import Actor
from triage.services.hotline import reconciling, words
from triage.services.moving import Person

if TYPE_CHECKING:
    from tests.triage.services.hotline.bed import Bed
HOTLINE = Person(Actor(Post.HOTLINE, None, "local:h"), "热线坐席 丙")


async def says(bed: Bed, number: str, *statuses: str) -> None:
    """The platform lists an order with one status after the other."""
    for place, status in enumerate(statuses, start=1):
        bed.platform.ledger.touch(number, status, updated=bed.platform.now() + place)
        await told(bed, number)
        await told(bed, number)


async def ended(bed: Bed, no: str) -> None:
    async with bed.deps.db.writes.begin() as session:
        await session.execute(sa.update(Ticket).where(Ticket.no == no).values(state=State.CLOSED.value))


async def event(bed: Bed, no: str, tag: Tag) -> None:
    async with bed.deps.db.writes.begin() as session:
        ticket = (await session.scalars(sa.select(Ticket).where(Ticket.no == no))).one()
        last = await session.scalar(
            sa.select(sa.func.max(TicketEvent.seq)).where(TicketEvent.ticket_id == ticket.id)
        )
        seq, now = (last or 0) + 1, bed.clock.now()
        session.add(TicketEvent(ticket_id=ticket.id, seq=seq, at=now, tag=tag.value, data={}))


async def shown(bed: Bed, no: str) -> list[str]:
    """The marks on the ticket's page; that its words differ from the platform's is another matter."""
    async with bed.deps.db.reads() as session:
        ticket_id = (await session.scalars(sa.select(Ticket.id).where(Ticket.no == no))).one()
        found = await words.of_ticket(session, all_seeing("t"), ticket_id)
    return [one.kind for one in found if one.kind != WordKind.CHANGED.value]


@pytest.mark.parametrize(
    ("status", "kind", "tag"),
    [("重新办理", WordKind.REHANDLED, Tag.REHANDLE), ("督办", WordKind.SUPERVISED, Tag.SUPERVISE)],
)
async def test_a_status_that_asks_for_a_move_is_a_mark_until_it_is_made(
    bed: Bed, status: str, kind: WordKind, tag: Tag
) -> None:
    (no,) = await tickets(bed)
    number = await order_of(bed, no)
    await told(bed, number)
    await says(bed, number, status)
    assert await shown(bed, no) == [kind.value]
    async with bed.deps.db.reads() as session:
        asked, _ = await words.to_answer(session, all_seeing("t"))
    assert [one.no for one in asked] == [no]
    await event(bed, no, tag)
    await told(bed, number)
    assert await shown(bed, no) == []
    await says(bed, number, "办理中", status)
    assert await shown(bed, no) == [kind.value], "said again, it counts again"
    assert [word.why for word in await kept(bed, kind)] == ["已按平台的要求办理", None]


async def test_what_is_said_of_a_merged_ticket_stays_until_the_one_it_waits_for_has_ended(bed: Bed) -> None:
    head, *three = await tickets(bed, 4)
    watched, taken, over = three
    numbers = {no: await order_of(bed, no) for no in three}
    for no in three:
        await told(bed, numbers[no])
        await move(bed, no, Move.MERGE, HOTLINE, other_ticket=head, reason="同一处同一事项")
    await says(bed, numbers[watched], "督办")
    await says(bed, numbers[taken], "撤单")
    await says(bed, numbers[over], "已办结")
    assert [await shown(bed, no) for no in (head, *three)] == [["supervised"], [], ["withdrawn"], ["closed"]]
    async with bed.deps.db.reads() as session:
        asked, _ = await words.to_answer(session, all_seeing("t"))
    assert [(one.no, one.order_no) for one in asked] == [(head, numbers[watched]), (taken, numbers[taken])]
    await event(bed, head, Tag.SUPERVISE)
    await told(bed, numbers[watched])
    assert await shown(bed, head) == []
    assert [word.why for word in await kept(bed, WordKind.SUPERVISED)] == ["已按平台的要求办理"]
    await ended(bed, head)
    await told(bed, numbers[taken])
    assert [await shown(bed, no) for no in three] == [[], [], []]
    assert [word.why for word in await kept(bed, WordKind.CLOSED)] == ["并入的工单已结束"]
    await says(bed, numbers[over], "办理中", "已办结")
    assert await shown(bed, over) == [], "the case ended here first: that is no news"


async def test_only_handling_anew_answers_an_order_to_be_handled_anew(bed: Bed) -> None:
    head, mine = await tickets(bed, 2)
    number = await order_of(bed, mine)
    await told(bed, number)
    await move(bed, mine, Move.MERGE, HOTLINE, other_ticket=head, reason="同一处同一事项")
    await move(bed, head, Move.SIGN)
    await move(bed, head, Move.CONTACT, outcome="reached", told_citizen="phone")
    answer: dict[str, Any] = {"note": "已停工", "attachment": "照片 1", "told_citizen": "phone"}
    await move(bed, head, Move.FEEDBACK, **answer)
    await says(bed, number, "重新办理")
    await move(bed, head, Move.SUPPLEMENT, HOTLINE, lack="lack.evidence")
    await told(bed, number)
    assert await shown(bed, mine) == ["rehandled"], "what is sent back is another thing, and is none of it"
    await move(bed, head, Move.FEEDBACK, **answer)
    bed.clock.by += timedelta(days=40)
    unhappy: dict[str, Any] = {"contacted": "yes", "solved": "no", "satisfaction": "dissatisfied"}
    await move(bed, head, Move.FOLLOW_UP, CALLER, outcome="reached", **unhappy)
    await move(bed, head, Move.REHANDLE, HOTLINE, reason="夜里还在响")
    await told(bed, number)
    assert await shown(bed, mine) == []


async def test_what_was_to_be_supervised_comes_back_with_the_ticket_that_is_taken_out(bed: Bed) -> None:
    head, mine = await tickets(bed, 2)
    number = await order_of(bed, mine)
    await told(bed, number)
    await says(bed, number, "督办")
    await move(bed, mine, Move.MERGE, HOTLINE, other_ticket=head, reason="同一处同一事项")
    await told(bed, number)
    assert (await shown(bed, head), await shown(bed, mine)) == (["supervised"], [])
    await move(bed, mine, Move.SPLIT, HOTLINE, reason="不是同一处的烧烤店")
    await told(bed, number)
    assert (await shown(bed, head), await shown(bed, mine)) == ([], ["supervised"])


async def test_an_order_to_be_handled_anew_is_told_of_a_ticket_that_has_ended(bed: Bed) -> None:
    (no,) = await tickets(bed)
    number = await order_of(bed, no)
    await told(bed, number)
    await ended(bed, no)
    await says(bed, number, "已办结", "重新办理")
    assert await shown(bed, no) == ["rehandled"], "that it was closed there is no word: it ended here"
    async with bed.deps.db.reads() as session:
        (mark,), _ = await words.to_answer(session, all_seeing("t"))
    assert mark.ended
    async with bed.deps.db.writes.begin() as session:
        await words.dismiss(session, all_seeing("t"), no, mark.id, now=bed.clock.now())
    assert await shown(bed, no) == []


async def test_what_is_closed_over_there_and_runs_here_is_marked(bed: Bed) -> None:
    over, again = await tickets(bed, 2)
    for no in (over, again):
        number = await order_of(bed, no)
        await told(bed, number)
        await says(bed, number, "已办结")
        assert await shown(bed, no) == ["closed"]
    async with bed.deps.db.reads() as session:
        assert await words.to_answer(session, all_seeing("t")) == ((), 0), "nobody need act at once"
    await ended(bed, over)
    await says(bed, await order_of(bed, again), "办理中")
    assert [word.why for word in await kept(bed, WordKind.CLOSED)] == ["工单已结束", "平台又恢复了这件工单"]


async def test_the_days_account_lists_them_and_still_matches(bed: Bed) -> None:
    over, runs = await tickets(bed, 2)
    numbers = {no: await order_of(bed, no) for no in (over, runs)}
    await told(bed, *numbers.values())
    for number in numbers.values():
        await says(bed, number, "已办结")
    await ended(bed, over)
    day = (await bed.order(numbers[runs])).day
    report = await compare(bed, day)
    assert (report.differences.closed_there, report.unmatched) == ([numbers[runs]], 0)
    assert reconciling.said(report).endswith("，两边一致；平台已办结、这里还在办的工单 1。")
