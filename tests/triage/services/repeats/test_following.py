"""回访 of who waits behind a case: listed once it is answered, whichever way the merge went."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import triage.tables
from models.counting import count_tickets
from models.filters import Day, Scope, TicketFilter, View, Viewer, all_seeing
from models.queries import Ask, ticket_page
from models.tickets import Ticket, TicketEvent
from models.vocab import Move, State, Tag
from tests.factories import NOW, TicketIn
from tests.triage.services.test_moving import CALLER, HOTLINE, REACHED, STREET, do, holds, ready, row
from triage.rules.fields import Refusal
from triage.rules.move_rows import MoveTable
from triage.rules.rows import ClockName
from triage.rules.running import runs
from triage.services.due_lists import Window, due_list
from triage.services.histories import by_ids

if TYPE_CHECKING:
    from models.db import Database
    from triage.rules.rows import Tables

TABLES = triage.tables.load()
DAY = Day(NOW, NOW - timedelta(hours=9), NOW + timedelta(hours=15))
LATER = NOW + timedelta(days=9)
SAME = {"reason": "同一处同一事项"}
ANSWER = {"note": "已到现场处理", "attachment": "照片 1", "told_citizen": "phone"}
UNHAPPY = {"outcome": "reached", "contacted": "yes", "solved": "no", "satisfaction": "dissatisfied"}
HAPPY = UNHAPPY | {"solved": "yes", "satisfaction": "satisfied"}
AWAY = {"outcome": "unreachable"}
WRONG = {"reason": "点错了一张工单"}


@pytest.fixture(scope="session")
def tables() -> Tables:
    return TABLES


async def act(db: Database, no: str, who: Any, move: Move, values: Any = None, at: Any = NOW) -> None:  # noqa: ANN401, PLR0917  (a step in one line)
    version = (await row(db, no)).version
    await do(db, TABLES, no, who, move, version, values, key=f"{move}-{version}", at=at)


async def merged(db: Database, no: str, head: str) -> None:
    await act(db, no, HOTLINE, Move.MERGE, SAME | {"other_ticket": head})


async def answered(db: Database, head: str, at: Any = NOW) -> None:  # noqa: ANN401
    await act(db, head, STREET, Move.SIGN, at=at)
    await act(db, head, STREET, Move.CONTACT, REACHED, at=at)
    await act(db, head, STREET, Move.FEEDBACK, ANSWER, at=at)


async def listed(db: Database, viewer: Viewer | None = None) -> set[str]:
    """The numbers under 待回访; the count says as many."""
    ask = Ask(viewer or all_seeing("local"), TicketFilter(view=View.FEEDBACK), DAY)
    async with db.reads() as session:
        page = await ticket_page(session, ask)
        count = await count_tickets(session, ask)
    numbers = {line.no for line in page.rows}
    assert count.value == len(numbers)
    return numbers


async def test_everybody_behind_a_case_is_listed_once_it_is_answered(db: Database, tables: Tables) -> None:
    head, one, other = await ready(db, tables, TicketIn(), TicketIn(), TicketIn())
    await merged(db, one, head)
    await merged(db, other, head)
    assert await listed(db) == set()
    await answered(db, head)
    assert await listed(db) == {head, one, other}
    mine = await row(db, one)
    assert (mine.state, mine.due_clock, mine.due_at) == ("merged", "follow_up", (await row(db, head)).due_at)
    await act(db, one, CALLER, Move.FOLLOW_UP, UNHAPPY)
    assert await listed(db) == {head, other}
    for no in (head, one, other):
        await holds(db, tables, no)


async def test_who_is_merged_into_an_answered_case_is_listed_at_once(db: Database, tables: Tables) -> None:
    head, one = await ready(db, tables, TicketIn(), TicketIn())
    await answered(db, head)
    await merged(db, one, head)
    assert await listed(db) == {head, one}
    await holds(db, tables, one)


async def test_a_merge_of_merges_is_followed_to_its_end(db: Database, tables: Tables) -> None:
    head, middle, last = await ready(db, tables, TicketIn(), TicketIn(), TicketIn())
    await merged(db, last, middle)
    await merged(db, middle, head)
    await answered(db, head)
    assert await listed(db) == {head, middle, last}
    await act(db, middle, HOTLINE, Move.SPLIT, {"reason": "不是同一处的烧烤店"})
    # What waits behind the one that was taken out waits for its answer again.
    assert await listed(db) == {head}
    assert [(await row(db, no)).due_clock for no in (middle, last)] == ["sign", None]
    await answered(db, middle)
    assert await listed(db) == {head, middle, last}
    for no in (head, middle, last):
        await holds(db, tables, no)


async def test_who_left_one_case_for_another_beside_it_is_told_all_the_same(
    db: Database, tables: Tables
) -> None:
    one, beside, caller, head = await ready(db, tables, TicketIn(), TicketIn(), TicketIn(), TicketIn())
    await merged(db, caller, beside)
    await act(db, caller, HOTLINE, Move.SPLIT, {"reason": "不是同一处的烧烤店"})
    await merged(db, caller, one)
    await merged(db, beside, head)
    await merged(db, one, head)
    await answered(db, head)
    assert await listed(db) == {head, one, beside, caller}
    await act(db, head, CALLER, Move.FOLLOW_UP, UNHAPPY, at=LATER)
    await act(db, head, CALLER, Move.REHANDLE, {"reason": "油烟仍然扰民"}, at=LATER)
    assert await listed(db) == set()


async def test_undoing_the_merge_takes_it_off_the_list_and_keeps_what_was_said(
    db: Database, tables: Tables
) -> None:
    head, one = await ready(db, tables, TicketIn(), TicketIn())
    await act(db, one, HOTLINE, Move.URGE, {"note": "诉求人又来电"})
    before = await row(db, one)
    await merged(db, one, head)
    await answered(db, head)
    await act(db, one, CALLER, Move.FOLLOW_UP, AWAY)
    await act(db, one, HOTLINE, Move.SPLIT, {"reason": "不是同一处的烧烤店"})
    after = await row(db, one)
    assert (after.state, after.due_at, after.due_clock) == (before.state, before.due_at, "sign")
    assert await listed(db) == {head}
    await holds(db, tables, one)


async def test_a_case_that_is_handled_anew_asks_again_only_who_was_not_content(
    db: Database, tables: Tables
) -> None:
    head, sad, glad = await ready(db, tables, TicketIn(), TicketIn(), TicketIn())
    await merged(db, sad, head)
    await merged(db, glad, head)
    await answered(db, head)
    await act(db, sad, CALLER, Move.FOLLOW_UP, UNHAPPY)
    await act(db, glad, CALLER, Move.FOLLOW_UP, HAPPY)
    await act(db, head, CALLER, Move.FOLLOW_UP, UNHAPPY, at=LATER)
    await act(db, head, CALLER, Move.REHANDLE, {"reason": "油烟仍然扰民"}, at=LATER)
    assert await listed(db) == set()
    await act(db, head, STREET, Move.FEEDBACK, ANSWER, at=LATER + timedelta(days=1))
    assert await listed(db) == {head, sad}


async def test_the_third_call_in_vain_is_the_last(db: Database, tables: Tables) -> None:
    head, one = await ready(db, tables, TicketIn(), TicketIn())
    await merged(db, one, head)
    await answered(db, head)
    for number in range(2):
        await act(db, one, CALLER, Move.FOLLOW_UP, AWAY, at=NOW + timedelta(hours=5 * number))
        assert one in await listed(db)
    await act(db, one, CALLER, Move.FOLLOW_UP, AWAY, at=NOW + timedelta(hours=10))
    assert one not in await listed(db)


async def test_nobody_is_archived_without_having_been_asked(db: Database, tables: Tables) -> None:
    head, one = await ready(db, tables, TicketIn(), TicketIn())
    await merged(db, one, head)
    with pytest.raises(Refusal, match="还没有反馈"):
        await act(db, one, HOTLINE, Move.ARCHIVE)
    await act(db, one, CALLER, Move.FOLLOW_UP, AWAY)
    with pytest.raises(Refusal, match="还没有反馈"):
        await act(db, one, HOTLINE, Move.ARCHIVE)
    await answered(db, head)
    with pytest.raises(Refusal, match="还没有回访过这位诉求人"):
        await act(db, one, HOTLINE, Move.ARCHIVE)
    await act(db, one, CALLER, Move.FOLLOW_UP, UNHAPPY)
    with pytest.raises(Refusal, match="必须写明理由"):
        await act(db, one, HOTLINE, Move.ARCHIVE)
    await act(db, one, HOTLINE, Move.ARCHIVE, {"reason": "两次到现场都没有超标，已当面说明"})
    assert (await row(db, one)).state == "archived"


async def test_who_was_content_before_the_answer_needs_no_second_call(db: Database, tables: Tables) -> None:
    head, one = await ready(db, tables, TicketIn(), TicketIn())
    await merged(db, one, head)
    await act(db, one, CALLER, Move.FOLLOW_UP, HAPPY)
    await act(db, one, HOTLINE, Move.ARCHIVE)
    await answered(db, head)
    assert await listed(db) == {head}
    assert (await row(db, one)).state == "archived"


async def test_the_list_shows_no_more_than_the_viewer_may_see(db: Database, tables: Tables) -> None:
    elsewhere = TicketIn(unit="110108010", street="110108010", district="110108", assist=(), copies=())
    head, one = await ready(db, tables, TicketIn(), elsewhere)
    await merged(db, one, head)
    await answered(db, head)
    assert await listed(db) == {head, one}
    assert await listed(db, Viewer("unit.wangjing", Scope(units=frozenset({"110105026"})))) == {head}


async def test_the_sweep_counts_the_same_clock(db: Database, tables: Tables) -> None:
    head, one = await ready(db, tables, TicketIn(), TicketIn())
    await merged(db, one, head)
    await answered(db, head)
    due = (await row(db, one)).due_at
    async with db.reads() as session:
        ticket_id = await session.scalar(sa.select(Ticket.id).where(Ticket.no == one))
        (history,) = (await by_ids(session, [ticket_id or 0])).values()
        window = Window(None, None, NOW, timedelta(days=60))
        lines = (await due_list(session, TABLES, all_seeing("local"), window, clock="follow_up")).lines
    (run,) = runs(TABLES, history, ClockName.FOLLOW_UP)
    assert (run.due, run.stopped) == (due, None)
    assert {line.no for line in lines} == {head, one}
    await act(db, one, CALLER, Move.FOLLOW_UP, UNHAPPY, at=NOW + timedelta(hours=1))
    async with db.reads() as session:
        (history,) = (await by_ids(session, [ticket_id or 0])).values()
    assert [run.stopped for run in runs(TABLES, history, ClockName.FOLLOW_UP)] == [NOW + timedelta(hours=1)]


async def test_an_answer_writes_one_event_for_each_who_waits(db: Database, tables: Tables) -> None:
    head, *others = await ready(db, tables, TicketIn(), TicketIn(), TicketIn(), TicketIn())
    for no in others:
        await merged(db, no, head)
    await answered(db, head)
    async with db.reads() as session:
        told = await session.execute(
            sa.select(Ticket.no, sa.func.count().label("times"))
            .join(TicketEvent, TicketEvent.ticket_id == Ticket.id)
            .where(TicketEvent.tag == Tag.HEAD_ANSWERED.value)
            .group_by(Ticket.no)
        )
        assert {row.no: row.times for row in told} == dict.fromkeys(others, 1)


async def test_a_merge_into_a_case_leaves_its_unit_the_undo_of_its_own_step(
    db: Database, tables: Tables
) -> None:
    head, one, other = await ready(db, tables, TicketIn(), TicketIn(), TicketIn())
    await act(db, head, STREET, Move.SIGN)
    await merged(db, one, head)
    await merged(db, other, head)
    await act(db, other, HOTLINE, Move.SPLIT, {"reason": "不是同一处的烧烤店"})
    await act(db, head, STREET, Move.UNDO, WRONG)
    mine = await row(db, head)
    assert (mine.state, mine.urges) == ("dispatched", 1)
    await holds(db, tables, head)


async def test_what_closes_a_case_under_those_who_joined_it_is_not_undone(
    db: Database, tables: Tables
) -> None:
    """收回受理 taken back within its minutes: who was merged meanwhile would be in a case that nobody has."""
    head, one = await ready(db, tables, TicketIn(state=State.REVIEW, unit=None, assist=()), TicketIn())
    await act(
        db,
        head,
        HOTLINE,
        Move.DIVERT,
        {"divert": "explain", "reason": "解释说明即可", "told_citizen": "phone"},
    )
    await act(db, head, HOTLINE, Move.ACCEPT, {"reason": "分流有误"})
    await merged(db, one, head)
    with pytest.raises(Refusal, match="没有可以撤销的上一步"):
        await act(db, head, HOTLINE, Move.UNDO, WRONG)
    await holds(db, tables, head)


async def test_an_answer_that_is_undone_is_taken_from_who_joined_since_too(
    db: Database, tables: Tables
) -> None:
    """By a table of one's own: as shipped 反馈 cannot be undone."""
    undoable = tuple(replace(move, undo_minutes=10) for move in tables.moves.rows)
    own = replace(tables, moves=MoveTable(undoable))
    head, one, other = await ready(db, own, TicketIn(), TicketIn(), TicketIn())
    await merged(db, one, head)
    await act(db, head, STREET, Move.SIGN)
    await act(db, head, STREET, Move.CONTACT, REACHED)
    version = (await row(db, head)).version
    await do(db, own, head, STREET, Move.FEEDBACK, version, ANSWER)
    await merged(db, other, head)
    assert await listed(db) == {head, one, other}
    await do(db, own, head, STREET, Move.UNDO, version + 2, WRONG)
    assert await listed(db) == set()
    assert {(await row(db, no)).due_clock for no in (one, other)} == {None}
    for no in (head, one, other):
        await holds(db, own, no)
