"""Many tickets into one head at once, and all of them out again with one undo."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import triage.tables
from connectors.vault import Vault
from models.bulk import BulkJob
from models.tickets import Ticket
from models.vocab import Move, State
from models.vocab_bulk import BulkRow
from models.vocab_staff import Role
from tests import signed_in
from tests.factories import NOW, TicketIn, add_tickets
from tests.triage.services.bulk.test_bulk import (
    HOTLINE,
    VIEWER,
    WANGJING,
    Hands,
    confirmed,
    drafted,
    ids,
    noticed,
    told,
)
from tests.triage.services.repeats.test_following import act, answered
from tests.triage.services.test_moving import row
from triage.errors import BadInput, NotFound
from triage.rules import bulk as rules
from triage.services import reference
from triage.services.bulk import drafting, running
from triage.services.bulk.drafting import Plan
from triage.services.deps import Deps
from triage.settings import Settings

if TYPE_CHECKING:
    from models.db import Database


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
async def deps(db: Database, clock: Hands) -> Deps:
    found = Deps(Settings(), clock, triage.tables.load(), db, Vault({1: bytes(32)}))
    await reference.sync(found)
    await signed_in.add_person(found, HOTLINE.actor.login, (Role.CLERK, None))
    return found


async def test_many_into_one_and_one_undo_brings_all_back(deps: Deps, clock: Hands) -> None:
    flagged = TicketIn(flagged=True)
    head, *others, danger = await add_tickets(deps.db, *[TicketIn()] * 4, flagged)
    values = {"other_ticket": head, "reason": "同一突发事件"}
    job_id = await drafted(deps, Move.MERGE, HOTLINE, values)
    found = await told(deps, job_id)
    # The head itself stays as it is; what is flagged must be looked at first.
    assert found.counts == {BulkRow.WAITING: 3, BulkRow.REFUSED: 2}
    await confirmed(deps, job_id)
    assert await running.run(deps, job_id, seconds=60, chunk=2) == 3
    assert {(await row(deps.db, no)).state for no in others} == {State.MERGED.value}
    assert ((await row(deps.db, head)).urges, (await row(deps.db, danger)).state) == (3, "dispatched")
    clock.moment += timedelta(days=2)
    async with deps.db.reads() as session:
        job = await session.get_one(BulkJob, job_id)
    plan = Plan(rules.undo_of(Move.MERGE), {"reason": "不是一件事"}, HOTLINE, undoes=job_id)
    undo = await drafting.draft_undo(deps, VIEWER, job, plan)
    assert (await told(deps, undo)).counts == {BulkRow.WAITING: 3}
    await confirmed(deps, undo)
    assert await running.run(deps, undo, seconds=60) == 3
    assert {(await row(deps.db, no)).state for no in others} == {State.DISPATCHED.value}
    assert (await row(deps.db, head)).urges == 0
    assert (await told(deps, job_id)).undone_by == undo


async def test_the_undo_does_not_stumble_over_the_head_s_answer(deps: Deps, clock: Hands) -> None:
    """It writes on every ticket behind; nobody moved these. What somebody took out before stays as it is."""
    head, one, other = await add_tickets(deps.db, *[TicketIn()] * 3)
    values = {"other_ticket": head, "reason": "同一突发事件"}
    job_id = await drafted(deps, Move.MERGE, HOTLINE, values)
    await confirmed(deps, job_id)
    assert await running.run(deps, job_id, seconds=60) == 2
    await answered(deps.db, head, NOW + timedelta(minutes=5))
    await act(deps.db, one, HOTLINE, Move.SPLIT, {"reason": "是另一处的"}, at=NOW + timedelta(minutes=9))
    clock.moment += timedelta(days=2)
    async with deps.db.reads() as session:
        job = await session.get_one(BulkJob, job_id)
    plan = Plan(rules.undo_of(Move.MERGE), {"reason": "不是一件事"}, HOTLINE, undoes=job_id)
    undo = await drafting.draft_undo(deps, VIEWER, job, plan)
    assert (await told(deps, undo)).counts == {BulkRow.WAITING: 1, BulkRow.CONFLICT: 1}
    await confirmed(deps, undo)
    assert await running.run(deps, undo, seconds=60) == 1
    assert (await row(deps.db, other)).state == State.DISPATCHED.value


async def test_a_head_that_is_none_or_was_closed_is_refused(deps: Deps) -> None:
    closed, _ = await add_tickets(deps.db, TicketIn(state=State.CLOSED), TicketIn())
    chosen = (await ids(deps.db))[1:]
    values = {"other_ticket": closed, "reason": "同一突发事件"}
    found = await told(deps, await drafted(deps, Move.MERGE, HOTLINE, values, chosen))
    assert found.counts == {BulkRow.REFUSED: 1}
    with pytest.raises(NotFound):
        await drafted(deps, Move.MERGE, HOTLINE, values | {"other_ticket": "20261123-99999999"}, chosen)
    with pytest.raises(BadInput, match="必须写明"):
        await drafted(deps, Move.MERGE, HOTLINE, {"reason": "同一突发事件"}, chosen)


def test_only_a_merge_is_taken_back_by_a_split() -> None:
    assert rules.undo_of(Move.MERGE) is Move.SPLIT
    assert {rules.undo_of(move) for move in Move if move is not Move.MERGE} == {Move.UNDO}


async def test_a_merge_of_many_tells_those_that_had_the_cases(deps: Deps) -> None:
    head, *_, fresh = await add_tickets(deps.db, *([TicketIn()] * 3), TicketIn(state=State.REVIEW))
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Ticket).where(Ticket.no == fresh).values(dispatched_at=None))
    job_id = await drafted(deps, Move.MERGE, values={"other_ticket": head, "reason": "同一工地"})
    await confirmed(deps, job_id)
    await running.run(deps, job_id, seconds=60)
    said = f"批量合并 2 张工单（批量办理第 {job_id} 批）"
    assert {(unit, words) for unit, _, words in await noticed(deps.db)} == {
        (WANGJING, said), ("110105-ecology", said)
    }  # fmt: skip
