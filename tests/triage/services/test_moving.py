"""Moves on real rows: one transaction, nothing lost between two clerks, sent twice and done once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import triage.tables
from connectors.vault import Vault
from models.filters import all_seeing
from models.tickets import MoveRequest, ObjectionRow, Ticket, TicketEvent, TicketUnit
from models.units import Staff
from models.vocab import Move, Post, State
from tests.factories import NOW, TicketIn, add_tickets
from triage.clock import FixedClock
from triage.errors import BadInput, NotFound
from triage.metrics import CLERK_DISPATCH
from triage.rules.fields import Refusal
from triage.rules.moves import Actor
from triage.services import move_rows, reference
from triage.services.deps import Deps
from triage.services.moving import SYSTEM, Conflict, KeyReused, Made, Person, Wish, make
from triage.services.standings import stand
from triage.settings import Settings

if TYPE_CHECKING:
    from datetime import datetime

    from models.db import Database
    from triage.rules.rows import Tables

VIEWER = all_seeing("local")
WANGJING = "110105026"
STREET = Person(Actor(Post.UNIT, WANGJING, "unit.wangjing"), "望京街道办事处")
HOTLINE = Person(Actor(Post.HOTLINE, None, "hotline.a"), "热线甲")
OTHER = Person(Actor(Post.HOTLINE, None, "hotline.b"), "热线乙")
CALLER = Person(Actor(Post.FOLLOW_UP, None, "follow.a"), "回访甲")
REACHED = {"outcome": "reached", "told_citizen": "phone"}
CALLED_AGAIN = {"note": "诉求人又来电"}
OBJECTION = {"reason": "该处不在我街道辖区内", "clause": "条例第12条", "proposed_unit": "110105-ecology"}


@pytest.fixture(scope="session")
def tables() -> Tables:
    return triage.tables.load()


async def do(  # noqa: PLR0917  (a move in one line is read at a glance)
    db: Database,
    tables: Tables,
    no: str,
    person: Person,
    move: Move,
    version: int,
    values: dict[str, Any] | None = None,
    *,
    key: str = "",
    at: datetime = NOW,
) -> Made:
    async with db.writes.begin() as session:
        wish = Wish(no, move, values or {}, version, key or f"{move}-{version}")
        return await make(session, tables, VIEWER, person, wish, now=at)


async def ready(db: Database, tables: Tables, *items: TicketIn) -> list[str]:
    """Tickets over all units of the tables."""
    made = await add_tickets(db, *items)
    vault = Vault({1: bytes(32)})
    await reference.sync(Deps(Settings(), FixedClock(NOW), tables, db, vault))
    return made


async def row(db: Database, no: str) -> Ticket:
    async with db.reads() as session:
        return (await session.execute(sa.select(Ticket).where(Ticket.no == no))).scalar_one()


async def holds(db: Database, tables: Tables, no: str) -> None:
    """The row and its units are what the events replay to."""
    async with db.reads() as session:
        ticket = (await session.execute(sa.select(Ticket).where(Ticket.no == no))).scalar_one()
        standing, added = await stand(session, tables, ticket, now=NOW)
        units = await session.execute(
            sa.select(TicketUnit.unit_code, TicketUnit.role, TicketUnit.due_at, TicketUnit.reported_at)
            .where(TicketUnit.ticket_id == ticket.id)
        )  # fmt: skip
        stored = sorted(tuple(unit) for unit in units)
    assert added == []
    wanted = move_rows.columns(tables, standing)
    assert {name: getattr(ticket, name) for name in wanted} == wanted
    assert stored == sorted(tuple(unit.values()) for unit in move_rows.unit_rows(standing))


async def test_a_whole_life_keeps_row_and_events_together(db: Database, tables: Tables) -> None:
    (no,) = await ready(db, tables, TicketIn())
    late = NOW + timedelta(days=1)
    steps: list[tuple[Person, Move, datetime, dict[str, Any]]] = [
        (STREET, Move.SIGN, NOW, {}),
        (STREET, Move.CONTACT, NOW, REACHED),
        (STREET, Move.WHISTLE, NOW, {
            "assist": ["110105-water"], "until": "2026-11-24T12:00", "reason": "排口归属要会商"
        }),
        (STREET, Move.FEEDBACK, NOW, {"note": "已清运", "attachment": "照片 1", "told_citizen": "phone"}),
        (CALLER, Move.FOLLOW_UP, late, {
            "outcome": "reached", "contacted": "yes", "solved": "yes", "satisfaction": "satisfied"
        }),
        (CALLER, Move.CLOSE, late, {}),
        (HOTLINE, Move.ARCHIVE, late, {}),
    ]  # fmt: skip
    for version, (person, move, at, values) in enumerate(steps, start=1):
        made = await do(db, tables, no, person, move, version, values, at=at)
        assert (made.version, made.repeated) == (version + 1, False)
        await holds(db, tables, no)
    ticket = await row(db, no)
    assert (ticket.state, ticket.due_at, ticket.version) == (State.ARCHIVED.value, None, 8)
    async with db.reads() as session:
        events = (await session.execute(sa.select(TicketEvent.seq, TicketEvent.tag).order_by("seq"))).all()
    assert [event.seq for event in events] == list(range(1, 14))
    assert [event.tag for event in events][4:7] == ["ticket:dispatched", "ticket:adopted", "ticket:sign"]


async def test_the_record_names_who_did_it(db: Database, tables: Tables) -> None:
    (no,) = await ready(db, tables, TicketIn())
    await do(db, tables, no, STREET, Move.SIGN, 1)
    async with db.reads() as session:
        found = (
            await session.execute(
                sa.select(Staff.name, Staff.unit_code, TicketEvent.data)
                .join(Staff, Staff.id == TicketEvent.staff_id)
                .where(TicketEvent.tag == "ticket:sign")
            )
        ).one()
    assert (found.name, found.unit_code) == ("望京街道办事处", WANGJING)
    assert (found.data["row"], found.data["table_version"]) == ("move.sign", tables.version)


async def test_the_timetable_urges_without_a_name(db: Database, tables: Tables) -> None:
    (no,) = await ready(db, tables, TicketIn())
    await do(db, tables, no, SYSTEM, Move.URGE, 1, {"note": "还剩一半时间"})
    with pytest.raises(Refusal, match="您现在的身份是系统"):
        await do(db, tables, no, SYSTEM, Move.SIGN, 2)
    async with db.reads() as session:
        staff = await session.scalar(sa.select(TicketEvent.staff_id).where(TicketEvent.tag == "ticket:urge"))
        assert (staff, await session.scalar(sa.select(sa.func.count()).select_from(Staff))) == (None, 0)
    await holds(db, tables, no)


async def test_a_later_version_is_a_conflict_that_says_what_changed(db: Database, tables: Tables) -> None:
    (no,) = await ready(db, tables, TicketIn())
    await do(db, tables, no, STREET, Move.SIGN, 1)
    with pytest.raises(Conflict) as caught:
        await do(db, tables, no, HOTLINE, Move.URGE, 1, CALLED_AGAIN)
    assert "16:00 望京街道办事处：签收" in caught.value.detail
    assert (caught.value.version, [change.label for change in caught.value.changes]) == (2, ["签收"])
    await holds(db, tables, no)


async def test_two_clerks_at_once_one_wins_and_nothing_is_lost(db: Database, tables: Tables) -> None:
    (no,) = await ready(db, tables, TicketIn())
    people = [HOTLINE, OTHER] * 4
    results = await asyncio.gather(
        *(
            do(db, tables, no, person, Move.URGE, 1, CALLED_AGAIN, key=f"k{number}")
            for number, person in enumerate(people)
        ),
        return_exceptions=True,
    )
    made = [result for result in results if isinstance(result, Made)]
    lost = [result for result in results if isinstance(result, Conflict)]
    assert (len(made), len(lost)) == (1, 7)
    assert all("催办" in conflict.detail for conflict in lost)
    assert (await row(db, no)).urges == 1
    await holds(db, tables, no)


async def test_each_clerk_who_looks_again_gets_through(db: Database, tables: Tables) -> None:
    (no,) = await ready(db, tables, TicketIn())

    async def insist(person: Person, number: int) -> None:
        done = False
        while not done:
            version = (await row(db, no)).version
            try:
                await do(db, tables, no, person, Move.URGE, version, CALLED_AGAIN, key=f"k{number}")
                done = True
            except Conflict:
                await asyncio.sleep(0)

    await asyncio.gather(*(insist(HOTLINE, number) for number in range(5)))
    assert (await row(db, no)).urges == 5
    await holds(db, tables, no)


async def test_a_flaky_phone_sends_twice_and_it_is_done_once(db: Database, tables: Tables) -> None:
    (no,) = await ready(db, tables, TicketIn())
    first = await do(db, tables, no, STREET, Move.SIGN, 1, key="phone-1")
    again = await do(db, tables, no, STREET, Move.SIGN, 1, key="phone-1")
    assert (first.repeated, again.repeated, again.version) == (False, True, 2)
    both = await asyncio.gather(
        *(do(db, tables, no, STREET, Move.CONTACT, 2, REACHED, key="phone-2") for _ in range(4))
    )
    assert sorted(made.repeated for made in both) == [False, True, True, True]
    with pytest.raises(KeyReused):
        await do(db, tables, no, STREET, Move.SIGN, 1, {"note": "换了内容"}, key="phone-1")
    async with db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(MoveRequest)) == 2
    await holds(db, tables, no)


async def test_a_refusal_leaves_nothing_behind(db: Database, tables: Tables) -> None:
    (no,) = await ready(db, tables, TicketIn())
    for move, values in ((Move.FEEDBACK, {}), (Move.OBJECT, {"reason": "不归我们管"})):
        with pytest.raises(Refusal, match="依据"):
            await do(db, tables, no, STREET, move, 1, values)
    for key in ("", "k" * 65):
        with pytest.raises(BadInput):
            async with db.writes.begin() as session:
                await make(session, tables, VIEWER, STREET, Wish(no, Move.SIGN, {}, 1, key), now=NOW)
    with pytest.raises(NotFound):
        await do(db, tables, "20261123-99999999", STREET, Move.SIGN, 1)
    async with db.reads() as session:
        counts = [
            await session.scalar(sa.select(sa.func.count()).select_from(t)) for t in (MoveRequest, Staff)
        ]
        assert counts == [0, 0]
        assert await session.scalar(sa.select(sa.func.max(TicketEvent.seq))) == 5


async def test_what_is_kept_of_a_wish_tells_no_number(db: Database, tables: Tables) -> None:
    """Whoever has the rows tries all numbers in the place of [手机号] in a second."""
    (no,) = await ready(db, tables, TicketIn())
    values = {"note": "请回电13800138000"}
    first = await do(db, tables, no, HOTLINE, Move.URGE, 1, values, key="k")
    again = await do(db, tables, no, HOTLINE, Move.URGE, 1, values, key="k")
    assert (first.repeated, again.repeated) == (False, True)
    async with db.reads() as session:
        kept = await session.scalar(sa.select(MoveRequest.digest))
        data = await session.scalar(sa.select(TicketEvent.data).where(TicketEvent.tag == "ticket:urge"))
    assert data is not None
    assert kept != Wish(no, Move.URGE, values, 1, "k").digest
    assert kept == Wish(no, Move.URGE, data["values"], 1, "k").digest
    with pytest.raises(KeyReused):
        await do(db, tables, no, HOTLINE, Move.URGE, 1, {"note": "请明天回电13800138000"}, key="k")


async def test_what_the_release_before_kept_of_a_wish_is_known(db: Database, tables: Tables) -> None:
    (no,) = await ready(db, tables, TicketIn())
    values = {"note": "请回电13800138000"}
    await do(db, tables, no, HOTLINE, Move.URGE, 1, values, key="k")
    async with db.writes.begin() as session:
        await session.execute(
            sa.update(MoveRequest).values(digest=Wish(no, Move.URGE, values, 1, "k").digest)
        )
    assert (await do(db, tables, no, HOTLINE, Move.URGE, 1, values, key="k")).repeated
    other = {"note": "请回电13900139000"}
    with pytest.raises(KeyReused):
        await do(db, tables, no, HOTLINE, Move.URGE, 1, other, key="k")


async def test_what_is_typed_is_masked_before_it_is_kept(db: Database, tables: Tables) -> None:
    (no,) = await ready(db, tables, TicketIn())
    await do(db, tables, no, HOTLINE, Move.URGE, 1, {"note": "请回电13800138000，身份证110105199001011237"})
    async with db.reads() as session:
        data = await session.scalar(sa.select(TicketEvent.data).where(TicketEvent.tag == "ticket:urge"))
    assert data is not None
    assert "13800138000" not in str(data)
    assert "110105199001011237" not in str(data)


async def test_a_merge_counts_one_more_who_waits_on_the_other_ticket(db: Database, tables: Tables) -> None:
    head, one, two = await ready(db, tables, TicketIn(), TicketIn(), TicketIn())
    for no in (one, two):
        await do(db, tables, no, HOTLINE, Move.MERGE, 1, {"other_ticket": head, "reason": "同一工地的事"})
        await holds(db, tables, no)
    await holds(db, tables, head)
    ticket = await row(db, head)
    assert (ticket.urges, ticket.version, (await row(db, one)).state) == (2, 3, "merged")
    for other in (one, "20261123-99999999", head):
        values = {"other_ticket": other, "reason": "同一工地的事"}
        with pytest.raises(Refusal, match="要并入的工单不存在"):
            await do(db, tables, head, HOTLINE, Move.MERGE, 3, values, key=other)


async def test_two_merges_crosswise_do_not_wait_for_each_other(db: Database, tables: Tables) -> None:
    one, two = await ready(db, tables, TicketIn(), TicketIn())
    results = await asyncio.wait_for(
        asyncio.gather(
            do(
                db,
                tables,
                one,
                HOTLINE,
                Move.MERGE,
                1,
                {"other_ticket": two, "reason": "同一工地的事"},
            ),
            do(db, tables, two, OTHER, Move.MERGE, 1, {"other_ticket": one, "reason": "同一工地的事"}),
            return_exceptions=True,
        ),
        30,
    )
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "Made"]


async def test_an_objection_is_kept_for_the_report(db: Database, tables: Tables) -> None:
    catalogue = next(r.id for r in tables.catalogue if r.role == "lead")
    (no,) = await ready(db, tables, TicketIn(decision={"row_ids": [catalogue, "answer.u3"]}))
    await do(db, tables, no, STREET, Move.OBJECT, 1, OBJECTION)
    await do(db, tables, no, HOTLINE, Move.OBJECT_UPHOLD, 2, {"reason": "建议有道理，应改派"})
    async with db.reads() as session:
        kept = (await session.execute(sa.select(ObjectionRow))).scalar_one()
    assert (kept.catalogue_row, kept.ruling, kept.proposed_unit) == (
        catalogue, "object_uphold", "110105-ecology"
    )  # fmt: skip
    await holds(db, tables, no)


async def test_an_undone_objection_is_no_objection(db: Database, tables: Tables) -> None:
    (no,) = await ready(db, tables, TicketIn())
    await do(db, tables, no, STREET, Move.OBJECT, 1, OBJECTION)
    await do(db, tables, no, STREET, Move.UNDO, 2, {"reason": "提交错了工单"})
    async with db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(ObjectionRow)) == 0
    await holds(db, tables, no)


async def test_a_clerks_dispatch_is_timed(db: Database, tables: Tables) -> None:
    """The worker's own way to a ticket is another figure: an alert watches that, and people take hours."""
    review = TicketIn(due=None, unit=None, assist=(), copies=(), state=State.REVIEW, age=timedelta(hours=2))
    (no,) = await ready(db, tables, review)

    def figures() -> tuple[float, float]:
        told = {s.name: s.value for family in CLERK_DISPATCH.collect() for s in family.samples}
        return told["jiesu_clerk_dispatch_seconds_count"], told["jiesu_clerk_dispatch_seconds_sum"]

    count, seconds = figures()
    await do(db, tables, no, HOTLINE, Move.DISPATCH, (await row(db, no)).version, {"unit": WANGJING})
    assert figures() == (count + 1, seconds + 7200)
