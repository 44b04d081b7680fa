"""批量办理 on real rows: a dry draft, one result a ticket, nothing done twice, nothing lost beside clerks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import triage.tables
from connectors.fakes import MemoryQueue
from connectors.ports import JobName
from connectors.vault import Vault
from models.bulk import BulkJob, BulkResult
from models.filters import Day, TicketFilter, View, all_seeing
from models.notices import Notice
from models.queries import Ask
from models.tickets import Ticket, TicketEvent
from models.vocab import Move, Post, State
from models.vocab_bulk import BulkRow, BulkState
from models.vocab_staff import Role
from tests import signed_in
from tests.factories import NOW, TicketIn, add_tickets
from triage.errors import BadInput, NotFound
from triage.rules.moves import Actor
from triage.services import moving, reference
from triage.services.bulk import drafting, results, running
from triage.services.bulk.drafting import Plan
from triage.services.correcting import correct
from triage.services.deps import Deps
from triage.services.moving import Person, Wish
from triage.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.db import Database

VIEWER = all_seeing("local")
WANGJING = "110105026"
STREET = Person(Actor(Post.UNIT, WANGJING, "unit.wangjing"), "望京街道办事处")
HOTLINE = Person(Actor(Post.HOTLINE, None, "hotline.a"), "热线甲")
OTHER = Person(Actor(Post.HOTLINE, None, "hotline.b"), "热线乙")
URGE = {"note": "季度末统一催办"}
RESEND = timedelta(seconds=30)


@dataclass
class Hands:
    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
async def deps(db: Database, clock: Hands) -> Deps:
    found = Deps(Settings(), clock, triage.tables.load(), db, Vault({1: bytes(32)}))
    await reference.sync(found)
    await signed_in.add_person(found, "unit.wangjing", (Role.STREET, WANGJING), name="望京街道办事处")
    for login in ("hotline.a", "hotline.b"):
        await signed_in.add_person(found, login, (Role.CLERK, None))
    return found


async def ids(db: Database) -> list[int]:
    async with db.reads() as session:
        return list(await session.scalars(sa.select(Ticket.id).order_by(Ticket.id)))


async def drafted(
    deps: Deps,
    move: Move,
    person: Person = HOTLINE,
    values: dict[str, Any] | None = None,
    chosen: Sequence[int] | None = None,
) -> int:
    plan = Plan(move, values or {}, person)
    return await drafting.draft(deps, VIEWER, plan, await ids(deps.db) if chosen is None else chosen)


async def confirmed(deps: Deps, job_id: int, person: Person = HOTLINE) -> None:
    async with deps.db.writes.begin() as session:
        await running.start(session, job_id, person, now=deps.clock.now())


async def told(deps: Deps, job_id: int) -> results.Report:
    async with deps.db.reads() as session:
        return await results.report(session, VIEWER, job_id)


async def versions(db: Database) -> list[tuple[int, str]]:
    async with db.reads() as session:
        rows = await session.execute(sa.select(Ticket.version, Ticket.state).order_by(Ticket.id))
        return [tuple(row) for row in rows]  # type: ignore[misc]


async def tags(db: Database, tag: str) -> list[int]:
    """The tickets of all events of a sort."""
    async with db.reads() as session:
        return list(
            await session.scalars(
                sa.select(TicketEvent.ticket_id).where(TicketEvent.tag == tag).order_by(TicketEvent.ticket_id)
            )
        )


async def move(deps: Deps, no: str, person: Person, wanted: Move, version: int, **values: str) -> None:
    async with deps.db.writes.begin() as session:
        wish = Wish(no, wanted, values, version, f"{wanted}-{version}")
        await moving.make(session, deps.tables, VIEWER, person, wish, now=deps.clock.now())


async def test_a_draft_says_how_many_can_and_why_the_others_cannot(deps: Deps) -> None:
    numbers = await add_tickets(deps.db, TicketIn(), TicketIn(), TicketIn(unit="110108010"))
    await move(deps, numbers[1], STREET, Move.SIGN, 1)
    before = await versions(deps.db)
    found = await told(deps, await drafted(deps, Move.SIGN, STREET))
    assert found.job.state == BulkState.DRAFT.value
    assert found.counts == {BulkRow.WAITING: 1, BulkRow.REFUSED: 2}
    words = {reason.words: reason.count for reason in found.reasons}
    assert list(words.values()) == [1, 1]
    assert any("工单现在是“已签收”" in one and "依据：" in one for one in words)
    assert any("须由这张工单的主办单位办理" in one for one in words)
    assert await versions(deps.db) == before


async def test_a_confirmed_job_moves_each_ticket_once_and_says_so(deps: Deps) -> None:
    await add_tickets(deps.db, *[TicketIn() for _ in range(7)])
    job_id = await drafted(deps, Move.SIGN, STREET)
    assert await running.run(deps, job_id, seconds=60) == 0  # a draft is nobody's work
    await confirmed(deps, job_id, STREET)
    assert await running.run(deps, job_id, seconds=60, chunk=3) == 7
    assert await running.run(deps, job_id, seconds=60) == 0
    found = await told(deps, job_id)
    assert (found.job.state, found.counts) == (BulkState.DONE.value, {BulkRow.DONE: 7})
    assert [(unit.code, unit.count) for unit in found.units] == [(WANGJING, 7)]
    assert await versions(deps.db) == [(2, State.SIGNED.value)] * 7
    assert await tags(deps.db, "ticket:sign") == await ids(deps.db)
    async with deps.db.reads() as session:
        data = await session.scalar(
            sa.select(TicketEvent.data).where(TicketEvent.tag == "ticket:sign").limit(1)
        )
    assert data is not None
    assert data["batch"] == job_id


async def test_what_moved_since_the_draft_is_left_alone_and_said(deps: Deps) -> None:
    numbers = await add_tickets(deps.db, TicketIn(), TicketIn())
    job_id = await drafted(deps, Move.URGE, values=URGE)
    await confirmed(deps, job_id)
    await move(deps, numbers[0], STREET, Move.SIGN, 1)
    await running.run(deps, job_id, seconds=60)
    async with deps.db.reads() as session:
        rows = await results.page(session, VIEWER, job_id)
    assert [(row.state, row.version) for row in rows] == [(BulkRow.CONFLICT, None), (BulkRow.DONE, 2)]
    assert rows[0].reason == "预览之后这张工单又有变化（望京街道办事处：签收），没有再动它"
    assert len(await tags(deps.db, "ticket:urge")) == 1


async def test_two_workers_and_a_clerk_at_once_lose_nothing(deps: Deps) -> None:
    numbers = await add_tickets(deps.db, *[TicketIn() for _ in range(12)])
    first = await drafted(deps, Move.URGE, values=URGE)
    second = await drafted(deps, Move.URGE, OTHER, URGE, chosen=list(reversed(await ids(deps.db))))
    await confirmed(deps, first)
    await confirmed(deps, second, OTHER)

    async def clerk() -> list[str]:
        made = []
        for no in numbers:
            try:
                await move(deps, no, STREET, Move.SIGN, 1)
            except moving.Conflict:
                continue
            made.append(no)
        return made

    *_, signed = await asyncio.gather(
        running.run(deps, first, seconds=60, chunk=4),
        running.run(deps, first, seconds=60, chunk=4),
        running.run(deps, second, seconds=60, chunk=4),
        clerk(),
    )
    # Whoever had a job's row first worked; nothing is left over.
    for job_id in (first, second):
        await running.run(deps, job_id, seconds=60)
    one, two = await told(deps, first), await told(deps, second)
    done = one.counts.get(BulkRow.DONE, 0) + two.counts.get(BulkRow.DONE, 0)
    assert one.decided == two.decided == 12
    assert done + len(signed) == 12
    assert len(await tags(deps.db, "ticket:urge")) == done
    assert {version for version, _ in await versions(deps.db)} == {2}


async def test_cancelling_keeps_what_was_done_and_leaves_the_rest(deps: Deps, clock: Hands) -> None:
    await add_tickets(deps.db, *[TicketIn() for _ in range(5)])
    job_id = await drafted(deps, Move.URGE, values=URGE)
    await confirmed(deps, job_id)
    await running._chunk(deps, job_id, 2)
    async with deps.db.writes.begin() as session:
        await running.cancel(session, job_id, HOTLINE, tables=deps.tables, now=clock.now())
    assert await running.run(deps, job_id, seconds=60) == 0
    found = await told(deps, job_id)
    assert (found.job.state, found.counts) == (
        BulkState.CANCELLED.value, {BulkRow.DONE: 2, BulkRow.CANCELLED: 3}
    )  # fmt: skip
    with pytest.raises(BadInput, match="已经取消"):
        await confirmed(deps, job_id)


async def test_only_who_made_a_job_goes_on_with_it(deps: Deps) -> None:
    await add_tickets(deps.db, TicketIn())
    job_id = await drafted(deps, Move.URGE, values=URGE)
    with pytest.raises(running.NotYours, match="热线甲"):
        await confirmed(deps, job_id, OTHER)


async def test_the_whole_set_is_undone_but_for_what_moved_since(deps: Deps, clock: Hands) -> None:
    numbers = await add_tickets(deps.db, TicketIn(), TicketIn(), TicketIn())
    job_id = await drafted(deps, Move.SIGN, STREET)
    await confirmed(deps, job_id, STREET)
    await running.run(deps, job_id, seconds=60)
    clock.moment += timedelta(minutes=2)
    await move(deps, numbers[0], STREET, Move.HANDLE, 2)
    async with deps.db.reads() as session:
        job = await session.get_one(BulkJob, job_id)
    plan = Plan(Move.UNDO, {"reason": f"整批撤销第 {job_id} 批"}, STREET, undoes=job_id)
    undo = await drafting.draft_undo(deps, VIEWER, job, plan)
    assert (await told(deps, undo)).counts == {BulkRow.CONFLICT: 1, BulkRow.WAITING: 2}
    await confirmed(deps, undo, STREET)
    await running.run(deps, undo, seconds=60)
    assert await versions(deps.db) == [
        (3, State.HANDLING.value), (3, State.DISPATCHED.value), (3, State.DISPATCHED.value)
    ]  # fmt: skip
    assert (await told(deps, job_id)).undone_by == undo
    assert len(await tags(deps.db, "ticket:undo")) == 2


async def test_an_undo_that_comes_too_late_says_so(deps: Deps, clock: Hands) -> None:
    await add_tickets(deps.db, TicketIn())
    job_id = await drafted(deps, Move.SIGN, STREET)
    await confirmed(deps, job_id, STREET)
    await running.run(deps, job_id, seconds=60)
    clock.moment += timedelta(hours=1)
    async with deps.db.reads() as session:
        job = await session.get_one(BulkJob, job_id)
    plan = Plan(Move.UNDO, {"reason": "整批撤销"}, STREET, undoes=job_id)
    found = await told(deps, await drafting.draft_undo(deps, VIEWER, job, plan))
    assert found.counts == {BulkRow.REFUSED: 1}
    assert "已过可以撤销的时间" in found.reasons[0].words


async def test_each_goes_where_its_own_reading_proposes(deps: Deps) -> None:
    here = TicketIn(state=State.REVIEW, unit=None, decision={"proposed": {"unit": WANGJING, "assist": []}})
    there = {"proposed": {"unit": "110108010", "assist": []}}
    numbers = await add_tickets(
        deps.db, here, replace(here, decision=there), replace(here, decision={}), here, here
    )
    # A kind and a place were put right: not to the unit of the old ones.
    async with deps.db.writes.begin() as session:
        await correct(session, deps.tables, VIEWER, numbers[-2], {"kind": "NOI-02"}, at=NOW)
        await correct(session, deps.tables, VIEWER, numbers[-1], {"place": "110108022"}, at=NOW)
    job_id = await drafted(deps, Move.DISPATCH)
    found = await told(deps, job_id)
    assert found.counts == {BulkRow.WAITING: 4, BulkRow.REFUSED: 1}
    assert "“派单”必须写明承办单位" in found.reasons[0].words
    await confirmed(deps, job_id)
    await running.run(deps, job_id, seconds=60)
    async with deps.db.reads() as session:
        units = list(await session.scalars(sa.select(Ticket.unit_code).order_by(Ticket.id)))
    assert units == [WANGJING, "110108010", None, "110105-ecology", "110108022"]


@pytest.mark.parametrize(
    ("wanted", "values", "words"),
    [
        (Move.FEEDBACK, {}, "“反馈”不能批量办理"),
        (Move.CLEAR_FLAG, {}, "“解除关注”不能批量办理"),
        (Move.UNDO, {}, "“撤销”不能批量办理"),
        (Move.URGE, {}, "批量催办必须写明情况说明"),
        (Move.DISPATCH, {"urgency": "U1"}, "批量派单不能填“紧急程度”"),
    ],
)
async def test_what_is_each_tickets_own_is_not_typed_for_many(
    deps: Deps, wanted: Move, values: dict[str, str], words: str
) -> None:
    await add_tickets(deps.db, TicketIn())
    with pytest.raises(BadInput, match=words):
        await drafted(deps, wanted, values=values)


async def test_a_whole_filter_is_picked_in_order_and_never_cut_short(deps: Deps) -> None:
    await add_tickets(
        deps.db, *[TicketIn(due=timedelta(hours=hour)) for hour in (3, 1, 2)], TicketIn(kind="AIR-01")
    )
    day = Day(now=NOW, starts=NOW - timedelta(hours=16), ends=NOW + timedelta(hours=8))
    ask = Ask(VIEWER, TicketFilter(view=View.OPEN, kind="NOI-01"), day)
    first, second, third, _ = await ids(deps.db)
    async with deps.db.reads() as session:
        assert await drafting.pick(session, ask, most=3) == [second, third, first]
        with pytest.raises(BadInput, match="超过 2 张"):
            await drafting.pick(session, ask, most=2)
        with pytest.raises(NotFound, match="没有编号为 20261123-99999999 的工单"):
            await drafting.pick_numbers(session, VIEWER, ["20261123-99999999"])


async def test_jobs_are_handed_out_once_and_again_when_their_worker_is_gone(deps: Deps, clock: Hands) -> None:
    await add_tickets(deps.db, TicketIn())
    job_id = await drafted(deps, Move.URGE, values=URGE)
    queue = MemoryQueue()

    async def hand_out() -> int:
        async with deps.db.writes.begin() as session:
            return await running.hand_out(session, queue, now=clock.now(), resend=RESEND)

    assert await hand_out() == 0
    await confirmed(deps, job_id)
    assert (await hand_out(), await hand_out()) == (1, 0)
    clock.moment += RESEND + timedelta(seconds=1)
    assert await hand_out() == 1
    assert list(queue.jobs.values()) == [(JobName.RUN_BULK, (job_id,))] * 2


async def test_a_row_that_breaks_is_recorded_and_stops_no_other(deps: Deps) -> None:
    await add_tickets(deps.db, TicketIn(), TicketIn(), TicketIn())
    job_id = await drafted(deps, Move.URGE, values=URGE)
    await confirmed(deps, job_id)
    broken = (await ids(deps.db))[1]
    async with deps.db.writes.begin() as session:
        # A row that no code of ours writes.
        await session.execute(sa.update(Ticket).where(Ticket.id == broken).values(urgency="U9"))
    await running.run(deps, job_id, seconds=60)
    async with deps.db.reads() as session:
        rows = list(await session.scalars(sa.select(BulkResult).order_by(BulkResult.seq)))
    assert [row.state for row in rows] == ["done", "failed", "done"]
    assert "系统出错，没有办理" in (rows[1].reason or "")
    assert (await told(deps, job_id)).job.state == BulkState.DONE.value


async def noticed(db: Database) -> list[tuple[str, str, str]]:
    async with db.reads() as session:
        rows = await session.execute(
            sa.select(Notice.recipient, Notice.template, Notice.facts).order_by("id")
        )
        return [(unit, template, facts.get("told", "")) for unit, template, facts in rows]


async def test_each_unit_is_told_once_of_the_whole_job(deps: Deps) -> None:
    await add_tickets(deps.db, TicketIn(), TicketIn(), TicketIn(unit="110108010", district="110108"))
    job_id = await drafted(deps, Move.URGE, values=URGE)
    await confirmed(deps, job_id)
    await running.run(deps, job_id, seconds=60)
    said = f"张工单（批量办理第 {job_id} 批）"
    assert await noticed(deps.db) == [
        (WANGJING, "bulk", f"批量催办 2 {said}"), ("110108010", "bulk", f"批量催办 1 {said}")
    ]  # fmt: skip


async def test_a_district_is_told_of_the_cases_that_it_sees(deps: Deps) -> None:
    elsewhere = TicketIn(unit="110108010", assist=(), copies=())
    await add_tickets(deps.db, TicketIn(), elsewhere)
    until = (NOW + timedelta(days=2)).isoformat()
    job_id = await drafted(deps, Move.SUPERVISE, values={"reason": "多次反映没有解决", "until": until})
    await confirmed(deps, job_id)
    await running.run(deps, job_id, seconds=60)
    told = {unit: words.split()[1] for unit, _, words in await noticed(deps.db)}
    assert told == {WANGJING: "1", "110108010": "1", "110105": "1"}


async def test_what_tells_nobody_one_by_one_tells_nobody_in_bulk(deps: Deps) -> None:
    await add_tickets(deps.db, TicketIn())
    job_id = await drafted(deps, Move.SIGN, STREET)
    await confirmed(deps, job_id, STREET)
    await running.run(deps, job_id, seconds=60)
    assert await noticed(deps.db) == []


async def test_units_called_in_are_told_ticket_by_ticket(deps: Deps) -> None:
    (first, second) = await add_tickets(deps.db, TicketIn(), TicketIn())
    for no in (first, second):
        await move(deps, no, STREET, Move.SIGN, 1)
    called = {"assist": ["110105-water"], "until": "2026-11-24T12:00", "reason": "排口归属要会商"}
    job_id = await drafted(deps, Move.WHISTLE, STREET, called)
    await confirmed(deps, job_id, STREET)
    await running.run(deps, job_id, seconds=60)
    assert [unit for unit, *_ in await noticed(deps.db)] == ["110105-water"] * 2
