"""更正反馈 and 退回补充 on real rows: clocks, who is told, who waits behind, undoing, two at once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import triage.tables
from models import past_cases
from models.filters import all_seeing
from models.matters import MatterKey
from models.notices import Notice
from models.tickets import Ticket, TicketEvent
from models.vocab import Clock, Move, State, Tag, Urgency
from tests.factories import NOW, TicketIn
from tests.triage.services.repeats.test_following import (
    AWAY,
    HAPPY,
    LATER,
    UNHAPPY,
    act,
    answered,
    listed,
    merged,
)
from tests.triage.services.test_moving import CALLER, HOTLINE, STREET, WANGJING, do, holds, ready, row
from triage.clock import show
from triage.rules.fields import Refusal
from triage.services.moving import Conflict
from triage.services.standings import stand
from triage.services.supervising import sweep
from triage.web.move_forms import clocks

if TYPE_CHECKING:
    from datetime import datetime

    from models.db import Database
    from triage.rules.rows import Tables
    from triage.rules.standing import Standing
    from triage.services.moving import Person

OTHER_WORDS = {"note": "已到现场处理，约定下周复查，电话 13912340007", "reason": "漏写了复查"}
BACK = {"lack": "lack.evidence"}
FULL = {"note": "已到现场处理并拍照", "attachment": "照片 2", "told_citizen": "phone"}
HOUR = timedelta(hours=1)


@pytest.fixture(scope="session")
def tables() -> Tables:
    return triage.tables.load()


async def standing(db: Database, tables: Tables, no: str) -> Standing:
    async with db.reads() as session:
        ticket = (await session.scalars(sa.select(Ticket).where(Ticket.no == no))).one()
        found, _ = await stand(session, tables, ticket, now=NOW)
    return found


async def notices(db: Database) -> list[tuple[str, str, Any]]:
    async with db.reads() as session:
        rows = await session.scalars(sa.select(Notice).order_by(Notice.id))
        return [(one.template, one.recipient, one.facts.get("told")) for one in rows]


async def swept(db: Database, tables: Tables, at: datetime) -> None:
    async with db.writes.begin() as session:
        await sweep(session, tables, now=at)


async def reminded(db: Database) -> list[tuple[int, int]]:
    """(run, percent) of what was said of 回访, in order."""
    async with db.reads() as session:
        rows = await session.scalars(
            sa.select(TicketEvent.data).where(TicketEvent.tag == Tag.REMINDED.value).order_by(TicketEvent.seq)
        )
        return [(d["run"], d["percent"]) for d in rows if d["clock"] == Clock.FOLLOW_UP.value]


async def test_an_amendment_moves_no_clock_and_the_first_feedback_stays(db: Database, tables: Tables) -> None:
    (no,) = await ready(db, tables, TicketIn())
    await answered(db, no)
    before, was = await standing(db, tables, no), await row(db, no)
    await act(db, no, STREET, Move.AMEND, OTHER_WORDS, at=NOW + HOUR)
    await act(db, no, STREET, Move.AMEND, OTHER_WORDS | {"attachment": "照片 3"}, at=NOW + 2 * HOUR)
    await holds(db, tables, no)
    after, now = await standing(db, tables, no), await row(db, no)
    assert (after.clocks, after.answer_by, after.state) == (before.clocks, before.answer_by, State.FEEDBACK)
    assert (now.due_at, now.due_clock, now.answer_by) == (was.due_at, was.due_clock, was.answer_by)
    assert (after.amended, after.supplements) == (2, 0)
    assert after.answer["attachment"] == "照片 3"
    assert after.answer["told_citizen"] == "phone", "what an amendment does not tell stays as it was told"
    async with db.reads() as session:
        tags = (Tag.FEEDBACK.value, Tag.AMEND.value)
        told = [
            data["values"]
            for data in await session.scalars(
                sa.select(TicketEvent.data).where(TicketEvent.tag.in_(tags)).order_by(TicketEvent.seq)
            )
        ]
    assert [values["note"][:6] for values in told] == ["已到现场处理", "已到现场处理", "已到现场处理"]
    assert "13912340007" not in str(told)
    assert await notices(db) == []


async def test_a_second_person_s_page_is_told_of_an_amendment(db: Database, tables: Tables) -> None:
    (no,) = await ready(db, tables, TicketIn())
    await answered(db, no)
    seen = (await row(db, no)).version
    await act(db, no, STREET, Move.AMEND, OTHER_WORDS)
    with pytest.raises(Conflict, match="更正反馈"):
        await do(db, tables, no, CALLER, Move.FOLLOW_UP, seen, UNHAPPY, at=LATER)
    with pytest.raises(Conflict, match="更正反馈"):
        await do(db, tables, no, HOTLINE, Move.SUPPLEMENT, seen, BACK)


async def test_what_is_sent_back_has_a_short_limit_and_the_unit_is_told(db: Database, tables: Tables) -> None:
    (no,) = await ready(db, tables, TicketIn(urgency=Urgency.U3))
    await answered(db, no)
    first = (await standing(db, tables, no)).clocks[Clock.ANSWER]
    limit = (await row(db, no)).answer_by
    await act(db, no, CALLER, Move.SUPPLEMENT, BACK, at=NOW + HOUR)
    await holds(db, tables, no)
    ticket = await row(db, no)
    assert (ticket.state, ticket.due_clock) == (State.HANDLING.value, Clock.ANSWER.value)
    assert (ticket.due_at, ticket.answer_by) == (NOW + HOUR + timedelta(hours=24), limit)
    assert await notices(db) == [("supplement", WANGJING, "未附佐证")]
    async with db.reads() as session:
        told = await session.scalar(sa.select(Notice.facts))
    assert told is not None
    assert told["due"] == show(NOW + HOUR + timedelta(hours=24)), "the unit's limit"
    await act(db, no, STREET, Move.FEEDBACK, FULL, at=NOW + 2 * HOUR)
    await holds(db, tables, no)
    ticket, now = await row(db, no), await standing(db, tables, no)
    assert (ticket.state, ticket.answer_by) == (State.FEEDBACK.value, limit)
    assert now.clocks[Clock.ANSWER] == first, "in time or not, as the first feedback was"
    assert now.clocks[Clock.FOLLOW_UP].due == (limit or NOW) + timedelta(days=3)
    with pytest.raises(Refusal, match="最多 1 次"):
        await act(db, no, HOTLINE, Move.SUPPLEMENT, BACK, at=NOW + 3 * HOUR)


@pytest.mark.parametrize(
    ("sent_back", "first"),
    [
        # In time: what was reminded of then is no word of the next; late: that it was is told of once.
        (timedelta(hours=44), [(1, 50)]),
        (timedelta(days=4), [(1, 50), (1, 100)]),
    ],
)
async def test_the_next_follow_up_has_reminders_of_its_own(
    db: Database, tables: Tables, sent_back: timedelta, first: list[tuple[int, int]]
) -> None:
    (no,) = await ready(db, tables, TicketIn(urgency=Urgency.U3))
    await answered(db, no)
    # Dispatched an hour ago: seven days in all, then three for 回访.
    ends = NOW - HOUR + timedelta(days=7)
    for hours in (1, 42):
        await swept(db, tables, ends + timedelta(hours=hours))
    at = ends + sent_back
    await act(db, no, CALLER, Move.SUPPLEMENT, BACK, at=at)
    await swept(db, tables, at + HOUR / 2)
    assert await reminded(db) == first
    await act(db, no, STREET, Move.FEEDBACK, FULL, at=at + HOUR)
    await swept(db, tables, at + HOUR + timedelta(hours=46))
    await swept(db, tables, at + HOUR + timedelta(hours=73))
    assert await reminded(db) == [*first, (2, 50), (2, 100)], "its points are counted anew"


@pytest.mark.parametrize(("first", "late"), [(HOUR, False), (timedelta(days=30), True)])
async def test_the_clock_says_of_the_first_feedback_whether_it_was_in_time(
    db: Database,
    tables: Tables,
    first: timedelta,
    late: bool,  # noqa: FBT001  (a table)
) -> None:
    (no,) = await ready(db, tables, TicketIn(urgency=Urgency.U3))
    await answered(db, no, at=NOW + first)
    at = NOW + first + HOUR
    await act(db, no, CALLER, Move.SUPPLEMENT, BACK, at=at)
    short = {one.label: one for one in clocks(await standing(db, tables, no), now=at + timedelta(days=2))}
    assert (short["退回补充时限"].late, Clock.ANSWER.label in short) == (True, False)
    # The other way round than the first: completed late, or at once.
    await act(db, no, STREET, Move.FEEDBACK, FULL, at=at + (HOUR if late else timedelta(days=2)))
    shown = {one.label: one.late for one in clocks(await standing(db, tables, no), now=at + 2 * HOUR)}
    assert (shown[Clock.ANSWER.label], "退回补充时限" in shown) == (late, False)


async def test_the_row_that_was_chosen_is_kept_beside_the_values(db: Database, tables: Tables) -> None:
    """Releases that do not know the field show what they know of the event."""
    (no,) = await ready(db, tables, TicketIn())
    await answered(db, no)
    await act(db, no, HOTLINE, Move.SUPPLEMENT, {"lack": "lack.other", "reason": "没有说清复查到几时"})
    async with db.reads() as session:
        data = await session.scalar(
            sa.select(TicketEvent.data).where(TicketEvent.tag == Tag.SUPPLEMENT.value)
        )
    assert data is not None
    assert (data["values"], data["lack"]) == (
        {"reason": "没有说清复查到几时"}, {"id": "lack.other", "title": "其他"}
    )  # fmt: skip


async def test_sent_back_by_mistake_it_is_taken_back_in_ten_minutes(db: Database, tables: Tables) -> None:
    (no,) = await ready(db, tables, TicketIn())
    await answered(db, no)
    before = await standing(db, tables, no)
    await act(db, no, HOTLINE, Move.SUPPLEMENT, BACK)
    await act(db, no, HOTLINE, Move.UNDO, {"reason": "佐证其实有的"}, at=NOW + timedelta(minutes=9))
    await holds(db, tables, no)
    after = await standing(db, tables, no)
    assert (after.state, after.clocks, after.answer_by) == (before.state, before.clocks, before.answer_by)
    # It did not happen: it may be sent back once.
    await act(db, no, HOTLINE, Move.SUPPLEMENT, BACK, at=NOW + HOUR)
    with pytest.raises(Refusal, match="已过可以撤销的时间"):
        await act(db, no, HOTLINE, Move.UNDO, {"reason": "佐证其实有的"}, at=NOW + 2 * HOUR)


async def test_once_the_unit_acted_there_is_nothing_to_take_back(db: Database, tables: Tables) -> None:
    (no,) = await ready(db, tables, TicketIn())
    await answered(db, no)
    await act(db, no, HOTLINE, Move.SUPPLEMENT, BACK)
    await act(db, no, STREET, Move.FEEDBACK, FULL)
    with pytest.raises(Refusal, match="不能撤销"):
        await act(db, no, HOTLINE, Move.UNDO, {"reason": "佐证其实有的"})


async def test_who_waits_behind_waits_again_until_it_is_complete(db: Database, tables: Tables) -> None:
    head, one, last = await ready(db, tables, TicketIn(), TicketIn(), TicketIn())
    await merged(db, last, one)
    await merged(db, one, head)
    await answered(db, head)
    await act(db, head, STREET, Move.AMEND, OTHER_WORDS)
    assert await listed(db) == {head, one, last}
    await act(db, head, HOTLINE, Move.SUPPLEMENT, BACK)
    assert await listed(db) == set()
    await act(db, head, HOTLINE, Move.UNDO, {"reason": "佐证其实有的"})
    assert await listed(db) == {head, one, last}
    await act(db, head, HOTLINE, Move.SUPPLEMENT, BACK, at=NOW + HOUR)
    await act(db, head, STREET, Move.FEEDBACK, FULL, at=NOW + 2 * HOUR)
    assert await listed(db) == {head, one, last}
    for no in (head, one, last):
        await holds(db, tables, no)


@pytest.mark.parametrize("call", [UNHAPPY, AWAY])
async def test_once_somebody_behind_was_rung_the_answer_stands(
    db: Database, tables: Tables, call: dict[str, str]
) -> None:
    head, one = await ready(db, tables, TicketIn(), TicketIn())
    await merged(db, one, head)
    await answered(db, head)
    await act(db, one, CALLER, Move.FOLLOW_UP, call)
    for who, move, values in ((STREET, Move.AMEND, OTHER_WORDS), (HOTLINE, Move.SUPPLEMENT, BACK)):
        with pytest.raises(Refusal, match="已经开始回访"):
            await act(db, head, who, move, values)
    await act(db, one, CALLER, Move.UNDO, {"reason": "拨错了号码"})
    await act(db, head, STREET, Move.AMEND, OTHER_WORDS)
    assert (await standing(db, tables, head)).amended == 1


async def test_what_was_asked_behind_of_an_answer_before_stands_in_nobody_s_way(
    db: Database, tables: Tables
) -> None:
    head, one = await ready(db, tables, TicketIn(), TicketIn())
    await merged(db, one, head)
    await answered(db, head)
    await act(db, one, CALLER, Move.FOLLOW_UP, UNHAPPY)
    await act(db, head, CALLER, Move.FOLLOW_UP, UNHAPPY, at=LATER)
    await act(db, head, HOTLINE, Move.REHANDLE, {"reason": "夜里还在响"}, at=LATER)
    await act(db, head, STREET, Move.FEEDBACK, FULL, at=LATER)
    await act(db, head, STREET, Move.AMEND, OTHER_WORDS, at=LATER)
    assert (await standing(db, tables, head)).amended == 1


@pytest.mark.parametrize(
    ("who", "move", "values"), [(STREET, Move.AMEND, OTHER_WORDS), (HOTLINE, Move.SUPPLEMENT, BACK)]
)
async def test_a_caller_who_is_archived_behind_stands_in_the_way_of_that_answer_alone(
    db: Database, tables: Tables, who: Person, move: Move, values: dict[str, str]
) -> None:
    head, one = await ready(db, tables, TicketIn(), TicketIn())
    await merged(db, one, head)
    await answered(db, head)
    await act(db, one, CALLER, Move.FOLLOW_UP, HAPPY)
    await act(db, one, HOTLINE, Move.ARCHIVE, at=LATER)
    with pytest.raises(Refusal, match="已经开始回访"):
        await act(db, head, who, move, values, at=LATER)
    await act(db, head, CALLER, Move.FOLLOW_UP, UNHAPPY, at=LATER)
    await act(db, head, HOTLINE, Move.REHANDLE, {"reason": "夜里还在响"}, at=LATER)
    await act(db, head, STREET, Move.FEEDBACK, FULL, at=LATER + HOUR)
    await act(db, head, who, move, values, at=LATER + HOUR)
    now = await standing(db, tables, head)
    assert (now.amended, now.supplements) == ((1, 0) if move is Move.AMEND else (0, 1))


async def test_a_merged_case_has_nothing_of_its_own_to_amend(db: Database, tables: Tables) -> None:
    head, one = await ready(db, tables, TicketIn(), TicketIn())
    await merged(db, one, head)
    await answered(db, head)
    for who, move, values in ((STREET, Move.AMEND, OTHER_WORDS), (HOTLINE, Move.SUPPLEMENT, BACK)):
        with pytest.raises(Refusal, match="已合并"):
            await act(db, one, who, move, values)


async def test_past_cases_tell_the_newest_words(db: Database, tables: Tables) -> None:
    no, later = await ready(db, tables, TicketIn(), TicketIn())
    await answered(db, no)
    await act(db, no, STREET, Move.AMEND, {"note": "已责令整改并复查", "reason": "办理结果写错了"})
    mine, other = await row(db, no), await row(db, later)
    async with db.writes.begin() as session:
        session.add_all(MatterKey(ticket_id=one.id, key=42) for one in (mine, other))
    async with db.reads() as session:
        (found,) = await past_cases.past_cases(session, all_seeing("x"), other.id)
    assert (found.no, found.answer) == (no, "已责令整改并复查")
