"""Automatic 催办: nothing is missed after downtime, nothing is sent twice, nobody has to tell the sweep."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from models.filters import all_seeing
from models.tickets import Ticket, TicketEvent
from models.vocab import State, Tag
from models.watching import Reminder, TicketWatch
from tests import factories
from tests.factories import NOW, TicketIn
from tests.triage.rules.helpers import tables
from triage.services.supervising import due_by_unit, sweep

if TYPE_CHECKING:
    from models.db import Database

_VIEWER = all_seeing("test")


async def _sweep(db: Database, now: datetime) -> tuple[int, int]:
    async with db.writes.begin() as session:
        return await sweep(session, tables(), now=now)


async def _reminded(db: Database) -> list[tuple[str, int, list[int]]]:
    """(clock, percent, folded percents) of every event, in order."""
    async with db.reads() as session:
        rows = await session.scalars(
            sa.select(TicketEvent.data)
            .where(TicketEvent.tag == Tag.REMINDED.value)
            .order_by(TicketEvent.at, TicketEvent.id)
        )
        return [(data["clock"], data["percent"], data["also"]) for data in rows]


async def _event(db: Database, no: str, tag: str, at: datetime, **data: Any) -> None:  # noqa: ANN401  (JSON)
    async with db.writes.begin() as session:
        ticket_id = await session.scalar(sa.select(Ticket.id).where(Ticket.no == no))
        last = await session.scalar(
            sa.select(sa.func.max(TicketEvent.seq)).where(TicketEvent.ticket_id == ticket_id)
        )
        await session.execute(
            sa.insert(TicketEvent),
            {"ticket_id": ticket_id, "seq": int(last or 0) + 1, "at": at, "tag": tag, "data": data},
        )


async def _u1(db: Database) -> str:
    """A U1 ticket dispatched at NOW: to be signed in 15 minutes, contacted in 30, answered in two hours."""
    (no,) = await factories.add_tickets(db, TicketIn(urgency="U1", age=timedelta(0)))
    return no


async def test_each_point_is_sent_once_as_it_comes(db: Database) -> None:
    await _u1(db)
    sent = [(minute, (await _sweep(db, NOW + timedelta(minutes=minute)))[1]) for minute in range(130)]
    assert [minute for minute, count in sent if count] == [8, 12, 15, 23, 24, 30, 45, 60, 96, 120]
    told = await _reminded(db)
    assert sorted((clock, percent) for clock, percent, _ in told) == sorted(
        (clock, percent)
        for clock in ("sign", "contact", "answer")
        for percent in (50, 80, 100, 150, 200)
        if (clock, percent) not in {("answer", 150), ("answer", 200)}
    )
    assert all(also == [] for _, _, also in told)


@pytest.mark.parametrize(
    ("minute", "told"),
    [
        (14, []),
        (16, [("sign", 100, [50, 80])]),
        (25, [("sign", 150, [50, 80, 100])]),
    ],
)
async def test_a_clock_that_was_stopped_late_while_the_sweep_was_away_is_told_of(
    db: Database, minute: int, told: list[tuple[str, int, list[int]]]
) -> None:
    no = await _u1(db)
    await _event(db, no, "ticket:sign", NOW + timedelta(minutes=minute))
    for _ in range(2):
        await _sweep(db, NOW + timedelta(minutes=26))
    assert [found for found in await _reminded(db) if found[0] == "sign"] == told


async def test_the_grade_that_is_given_on_dispatch_makes_no_dispatch_late(db: Database) -> None:
    """U3 in 审核 for four hours, then dispatched as U1: its day to be dispatched was not over."""
    waiting = TicketIn(urgency="U1", age=timedelta(hours=4), state=State.REVIEW)
    (no,) = await factories.add_tickets(db, waiting)
    # As it is opened in 审核: the event tells the grade.
    await _event(db, no, Tag.REVIEW.value, NOW - timedelta(hours=4), opening={"urgency": "U3"})
    await _event(db, no, "ticket:dispatch", NOW, unit="110105026")
    await _sweep(db, NOW + timedelta(minutes=1))
    assert await _reminded(db) == []
    await _sweep(db, NOW + timedelta(minutes=9))
    assert [clock for clock, *_ in await _reminded(db)] == ["sign"]


async def test_an_hour_of_downtime_loses_nothing_and_sends_nothing_twice(db: Database) -> None:
    await _u1(db)
    await _sweep(db, NOW + timedelta(minutes=9))
    assert await _reminded(db) == [("sign", 50, [])]
    await _sweep(db, NOW + timedelta(minutes=69))
    assert await _reminded(db) == [
        ("sign", 50, []),
        ("sign", 200, [80, 100, 150]),
        ("contact", 200, [50, 80, 100, 150]),
        ("answer", 50, []),
    ]
    assert (await _sweep(db, NOW + timedelta(minutes=69)))[1] == 0
    async with db.reads() as session:
        rows = await session.execute(sa.select(Reminder.clock, Reminder.percent, Reminder.folded))
        kept = {tuple(row) for row in rows}
    assert {(clock, percent) for clock, percent, folded in kept if folded} == {
        *(("sign", percent) for percent in (80, 100, 150)),
        *(("contact", percent) for percent in (50, 80, 100, 150)),
    }
    assert len(kept) == 11


async def test_who_was_told_goes_up_to_district_and_city(db: Database) -> None:
    no = await _u1(db)
    await _event(db, no, "ticket:sign", NOW)
    await _event(db, no, "ticket:contact", NOW)
    for minutes in (60, 120, 240):
        await _sweep(db, NOW + timedelta(minutes=minutes))
    async with db.reads() as session:
        rows = await session.scalars(
            sa.select(TicketEvent.data).where(TicketEvent.tag == Tag.REMINDED.value).order_by(TicketEvent.seq)
        )
        told = [data["units"] for data in rows]
    assert told == [
        {"unit": "110105026"},
        {"unit": "110105026", "district": "110105"},
        {"unit": "110105026", "district": "110105", "city": "bj-desk"},
    ]


async def test_what_happens_to_a_ticket_is_noticed_by_itself(db: Database) -> None:
    no = await _u1(db)
    await _sweep(db, NOW)
    await _event(db, no, "ticket:sign", NOW + timedelta(minutes=1))
    await _event(db, no, "ticket:contact", NOW + timedelta(minutes=2), values={"outcome": "reached"})
    assert await _sweep(db, NOW + timedelta(minutes=59)) == (1, 0)
    assert await _sweep(db, NOW + timedelta(minutes=61)) == (1, 1)
    assert await _reminded(db) == [("answer", 50, [])]
    await _event(db, no, "ticket:feedback", NOW + timedelta(minutes=70))
    await _sweep(db, NOW + timedelta(hours=3))
    assert [told for told in await _reminded(db) if told[0] == "answer"] == [("answer", 50, [])]


async def test_a_second_handling_has_reminders_of_its_own(db: Database) -> None:
    no = await _u1(db)
    await _event(db, no, "ticket:sign", NOW + timedelta(minutes=1))
    await _event(db, no, "ticket:contact", NOW + timedelta(minutes=1))
    await _event(db, no, "ticket:feedback", NOW + timedelta(minutes=70))
    await _event(db, no, "ticket:follow_up", NOW + timedelta(minutes=130), solved=False)
    await _event(db, no, "ticket:rehandle", NOW + timedelta(minutes=140))
    await _sweep(db, NOW + timedelta(minutes=171))
    async with db.reads() as session:
        rows = await session.execute(sa.select(Reminder.clock, Reminder.run, Reminder.percent))
        assert {tuple(row) for row in rows} == {("answer", 2, 50)}


async def test_the_key_allows_a_reminder_once(db: Database) -> None:
    await _u1(db)
    await _sweep(db, NOW + timedelta(minutes=8))
    columns = [column for column in sa.inspect(Reminder).columns if column.name != "id"]
    again = sa.insert(Reminder).from_select([c.name for c in columns], sa.select(*columns))
    async with db.writes() as session:
        with pytest.raises(IntegrityError):
            await session.execute(again)


async def test_tickets_without_a_clock_are_left_alone(db: Database) -> None:
    await factories.add_tickets(db, TicketIn(state=State.DIVERTED, due=None, age=timedelta(days=30)))
    assert await _sweep(db, NOW) == (1, 0)
    assert await _sweep(db, NOW) == (0, 0)
    async with db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(TicketWatch)) == 0


async def test_large_work_is_done_in_parts(db: Database) -> None:
    await factories.add_tickets(db, *(TicketIn(urgency="U1", age=timedelta(hours=5)) for _ in range(7)))
    done = []
    for _ in range(4):
        async with db.writes.begin() as session:
            done.append(await sweep(session, tables(), now=NOW, batch=3))
    assert [looked for looked, _ in done] == [3, 3, 1, 0]
    assert sum(sent for _, sent in done) == 21


async def test_what_is_overdue_or_due_soon_by_unit(db: Database) -> None:
    await factories.add_tickets(
        db,
        TicketIn(due=timedelta(hours=-1)),
        TicketIn(due=timedelta(hours=1)),
        TicketIn(due=timedelta(hours=30)),
        TicketIn(unit="110108010", due=timedelta(minutes=5)),
        TicketIn(unit=None, state=State.REVIEW, due=timedelta(0)),
        TicketIn(unit="110108010", due=None, state=State.DIVERTED),
    )
    async with db.reads() as session:
        found = await due_by_unit(session, _VIEWER, now=NOW, within=timedelta(hours=24))
    assert [(row.name, row.overdue, row.soon) for row in found] == [
        ("望京街道办事处", 1, 1), ("未定承办单位", 1, 0), ("学院路街道办事处", 0, 1),
    ]  # fmt: skip
    assert found[0].oldest == NOW - timedelta(hours=1)


async def test_a_ticket_accepted_again_is_reminded_of_its_dispatch_limit_from_registration(
    db: Database,
) -> None:
    item = TicketIn(state=State.REVIEW, unit=None, assist=(), copies=(), due=timedelta(hours=23))
    (no,) = await factories.add_tickets(db, item)
    await _event(db, no, "ticket:diverted", NOW)
    assert await _sweep(db, NOW + timedelta(minutes=30)) == (1, 0)
    await _event(db, no, "ticket:accept", NOW + timedelta(hours=1))
    await _sweep(db, NOW + timedelta(hours=22, minutes=59))
    assert await _reminded(db) == [("dispatch", 80, [50])]
    await _sweep(db, NOW + timedelta(hours=23))
    assert (await _reminded(db))[1:] == [("dispatch", 100, [])]
