"""平台来话: an urge of the platform is one move, a withdrawal is asked of a person, each counts once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from connectors.hotline.orders import read_order
from models.appeals import Appeal, Source
from models.filters import all_seeing
from models.hotline import HotlineWord
from models.tickets import Ticket, TicketEvent
from models.viewing import Scope, Viewer
from models.vocab import AppealState, Move, Post, State, Tag
from models.vocab_sources import WordKind, WordState
from tests.triage.services.hotline.bed import KEY
from tests.triage.services.hotline.test_sending import move, tickets
from triage.errors import NotFound
from triage.rules.moves import Actor
from triage.services import intake, retrying
from triage.services.auditing import reading
from triage.services.hotline import puller, taking, words
from triage.services.intake import NewAppeal
from triage.services.moving import Person

if TYPE_CHECKING:
    from tests.triage.services.hotline.bed import Bed

HOTLINE = Person(Actor(Post.HOTLINE, None, "local:h"), "热线坐席 丙")
NOBODY = Viewer("nobody", Scope(units=frozenset({"110108"})))


async def order_of(bed: Bed, no: str) -> str:
    async with bed.deps.db.reads() as session:
        found = await session.scalar(
            sa.select(Appeal.external_id).join(Ticket, Ticket.appeal_id == Appeal.id).where(Ticket.no == no)
        )
    assert found is not None
    return found


async def told(bed: Bed, *numbers: str) -> None:
    """The platform lists orders again, and the task looks at what it said."""
    platform, now = puller.shipped_map("wide_table"), bed.clock.now()
    rows = [read_order(platform, bed.platform.ledger.rows[number], now=now) for number in numbers]
    async with bed.deps.db.writes.begin() as session:
        source = (await session.scalars(sa.select(Source.id).where(Source.key == KEY))).one()
        await taking.take(session, bed.deps.vault, (source, KEY), rows, via="push", now=now)
    bed.clock.by += timedelta(seconds=11)
    await bed.only("words")
    async with bed.deps.db.writes.begin() as session:
        await session.execute(
            sa.text("UPDATE source_task SET next_at = :now WHERE task = 'words'"), {"now": now}
        )
    await bed.run()
    assert (await bed.task("words")).error is None


async def kept(bed: Bed, kind: WordKind) -> list[HotlineWord]:
    async with bed.deps.db.reads() as session:
        query = sa.select(HotlineWord).where(HotlineWord.kind == kind.value).order_by(HotlineWord.id)
        return list(await session.scalars(query))


async def urges(bed: Bed) -> list[tuple[str, str]]:
    async with bed.deps.db.reads() as session:
        rows = await session.scalars(
            sa.select(TicketEvent).where(TicketEvent.tag == Tag.URGE.value).order_by(TicketEvent.id)
        )
        return [(row.data["values"]["note"], row.data["post"]) for row in rows]


async def test_an_urge_of_the_platform_is_one_move_by_its_number(bed: Bed) -> None:
    (no,) = await tickets(bed)
    number = await order_of(bed, no)
    bed.platform.ledger.urge(number, "CB01", updated=bed.platform.now())
    await told(bed, number)
    await told(bed, number)
    assert await urges(bed) == [("12345 平台催办，催办编号 CB01", "hotline")]
    bed.platform.ledger.urge(number, "CB02", updated=bed.platform.now() + 1)
    await told(bed, number, number)
    assert [note for note, _ in await urges(bed)] == [
        f"12345 平台催办，催办编号 {one}" for one in ("CB01", "CB02")
    ]
    assert [word.state for word in await kept(bed, WordKind.URGED)] == [WordState.DONE.value] * 2


async def test_an_urge_that_the_moves_do_not_allow_is_told_and_not_tried_again(small: Bed) -> None:
    (no,) = await tickets(small, state=State.DIVERTED)
    number = await order_of(small, no)
    small.platform.ledger.urge(number, "CB01", updated=small.platform.now())
    small.platform.ledger.rows["X"] = small.platform.ledger.rows[number] | {"orderNum": "X"}
    await told(small, number, "X")
    found = {word.order_no: word for word in await kept(small, WordKind.URGED)}
    assert found[number].state == WordState.PASSED.value
    assert found[number].why
    assert found["X"].state == WordState.WAITING.value, "no worker has read it yet"
    assert await urges(small) == []


async def test_a_withdrawn_order_is_asked_of_a_person_until_it_is_answered(bed: Bed) -> None:
    ended, again, known = await tickets(bed, 3)
    numbers = {no: await order_of(bed, no) for no in (ended, again, known)}
    await told(bed, *numbers.values())
    for number in numbers.values():
        bed.platform.ledger.touch(number, "撤单", updated=bed.platform.now() + 1)
    await told(bed, *numbers.values())
    await told(bed, *numbers.values())
    async with bed.deps.db.reads() as session:
        seen, count = await words.to_answer(session, all_seeing("t"))
        assert await words.to_answer(session, NOBODY) == ((), 0)
    assert count == 3
    assert [one.no for one in seen] == [ended, again, known]
    async with bed.deps.db.writes.begin() as session:
        with pytest.raises(NotFound):
            await words.dismiss(session, NOBODY, known, seen[2].id, now=bed.clock.now())
        with pytest.raises(NotFound):
            await words.dismiss(session, all_seeing("t"), again, seen[2].id, now=bed.clock.now())
        await words.dismiss(session, all_seeing("t"), known, seen[2].id, now=bed.clock.now())
    (entry,) = [row async for row in reading.every(bed.deps.db, reading.LedgerFilter(case_no=known))]
    assert (entry.who, entry.act, entry.detail) == ("t", "ticket.platform", {"kind": "withdrawn"})
    async with bed.deps.db.writes.begin() as session:
        await session.execute(sa.update(Ticket).where(Ticket.no == ended).values(state=State.DIVERTED.value))
    bed.platform.ledger.touch(numbers[again], "办理中", updated=bed.platform.now() + 2)
    await told(bed, numbers[again])
    found = await kept(bed, WordKind.WITHDRAWN)
    assert [(word.state, word.why, word.settled_by) for word in found] == [
        ("passed", "工单已结束", None),
        ("passed", "平台又恢复了这件工单", None),
        ("passed", "已看过，继续办理", "t"),
    ]
    bed.platform.ledger.touch(numbers[again], "撤单", updated=bed.platform.now() + 3)
    await told(bed, numbers[again])
    async with bed.deps.db.reads() as session:
        shown, _ = await words.to_answer(session, all_seeing("t"))
    assert [one.no for one in shown] == [again]


WITHDREW = {"withdrawn_by": "platform", "withdrawn_why": "other", "note": "平台撤单"}


async def test_of_a_merged_case_a_withdrawal_is_answered_by_it_until_it_is_undone(bed: Bed) -> None:
    head, mine, undone = await tickets(bed, 3)
    for no in (mine, undone):
        await move(bed, no, Move.MERGE, HOTLINE, other_ticket=head, reason="同一处同一事项")
        number = await order_of(bed, no)
        await told(bed, number)
        bed.platform.ledger.touch(number, "撤单", updated=bed.platform.now() + 1)
        await told(bed, number)
        await move(bed, no, Move.WITHDRAW, HOTLINE, **WITHDREW)
    await move(bed, undone, Move.UNDO, HOTLINE, reason="记错了一件")
    await told(bed, await order_of(bed, mine))
    found = await kept(bed, WordKind.WITHDRAWN)
    assert [(word.state, word.why) for word in found] == [("passed", "已按平台的要求办理"), ("asked", None)]


async def test_an_order_that_is_taken_up_again_after_a_withdrawal_is_asked_of_a_person(bed: Bed) -> None:
    no, other = await tickets(bed, 2)
    number = await order_of(bed, no)
    for one in (number, await order_of(bed, other)):
        await told(bed, one)
        bed.platform.ledger.touch(one, "撤单", updated=bed.platform.now() + 1)
        await told(bed, one)
    await move(bed, no, Move.WITHDRAW, HOTLINE, **WITHDREW)
    for one in (number, await order_of(bed, other), number):
        bed.platform.ledger.touch(one, "办理中", updated=bed.platform.now() + 2)
        await told(bed, one)
    (word,) = await kept(bed, WordKind.REHANDLED)
    assert (word.order_no, word.state) == (number, "asked")
    await move(bed, no, Move.TAKE_UP, HOTLINE, reason="平台恢复了")
    await told(bed, number)
    (word,) = await kept(bed, WordKind.REHANDLED)
    assert (word.state, word.why) == ("passed", "已按平台的要求办理")


async def test_other_words_are_asked_once_however_often_the_order_is_listed(small: Bed) -> None:
    (no,) = await tickets(small)
    number = await order_of(small, no)
    await told(small, number)
    small.platform.ledger.touch(number, "办理中", updated=small.platform.now() + 1)
    await told(small, number)
    (word,) = await kept(small, WordKind.CHANGED)
    assert (word.state, number in word.number) == ("asked", False)
    async with small.deps.db.reads() as session:
        (shown,) = await words.of_ticket(session, all_seeing("t"), word.ticket_id or 0)
        assert (shown.label, shown.order_no) == ("平台改了内容", number)
        assert await words.of_source(session, word.source_id) == ((shown,), 1)


async def by_hand(bed: Bed, no: str) -> str:
    """An order that a worker gave up, registered by hand as the case `no`; its number."""
    number, now = await order_of(bed, no), bed.clock.now()
    async with bed.deps.db.writes.begin() as session:
        own = (await session.scalars(sa.select(Appeal).where(Appeal.external_id == number))).one()
        own.external_id, own.dedupe_key = None, "form"
        await session.flush()
        item = NewAppeal(KEY, "夜间施工。", now, external_id=number)
        (given_up,) = (await intake.receive(session, bed.deps.vault, [item], now=now)).stored
        (await session.get_one(Appeal, given_up)).state = AppealState.DEAD.value
        await retrying.taken_over(session, given_up, by=own.id, now=now)
    return number


async def test_what_is_said_of_a_given_up_order_is_of_the_one_registered_by_hand(bed: Bed) -> None:
    (no,) = await tickets(bed)
    number = await by_hand(bed, no)
    bed.platform.ledger.urge(number, "CB01", updated=bed.platform.now())
    await told(bed, number)
    assert await urges(bed) == [("12345 平台催办，催办编号 CB01", "hotline")]
    bed.platform.ledger.touch(number, "撤单", updated=bed.platform.now() + 1)
    await told(bed, number)
    async with bed.deps.db.reads() as session:
        shown, count = await words.to_answer(session, all_seeing("t"))
    assert [(one.no, one.own_no, one.order_no) for one in shown] == [(no, no, number)]
    assert count == 1
