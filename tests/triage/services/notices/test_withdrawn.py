"""撤诉: whom it tells and what, not before it can no longer be taken back, nothing of what was."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.notices import Notice
from models.vocab import Move, State
from tests import factories
from tests.factories import TicketIn
from tests.triage.services.notices.test_events import HOTLINE, STREET, do
from tests.triage.services.notices.test_moot import in_the_morning, states
from triage.services import reference

if TYPE_CHECKING:
    from tests.triage.services.notices.conftest import Hands
    from triage.services.deps import Deps

BY = {"withdrawn_by": "caller", "withdrawn_why": "mistake", "note": "诉求人说记错了地方"}


async def dispatched(deps: Deps, **more: object) -> str:
    told = {"age": timedelta(0), "assist": (), "copies": (), **more}
    (no,) = await factories.add_tickets(deps.db, TicketIn(**told))  # type: ignore[arg-type]
    await reference.sync(deps)
    return no


async def test_the_unit_hears_that_what_goes_on_is_its_own_duty(deps: Deps) -> None:
    no = await dispatched(deps, urgency="U2")
    await do(deps, no, HOTLINE, Move.WITHDRAW, 1, **BY)
    async with deps.db.reads() as session:
        (told,) = (await session.scalars(sa.select(Notice))).all()
    assert (told.template, told.recipient) == ("withdrawn", STREET)
    assert told.not_before >= deps.clock.now() + timedelta(minutes=10), "it may be undone until then"
    row = next(row for row in deps.tables.notices.templates if row.name == "withdrawn")
    assert "是否继续查处由承办单位依职权决定" in row.text


async def test_before_it_was_dispatched_nobody_hears(deps: Deps) -> None:
    no = await dispatched(deps, state=State.REVIEW, unit="bj-desk")
    await do(deps, no, HOTLINE, Move.WITHDRAW, 1, **BY)
    await do(deps, no, HOTLINE, Move.TAKE_UP, 2, reason="诉求人又来电要求办")
    assert await states(deps) == set()


async def test_where_others_wait_the_unit_s_work_goes_on_and_it_hears_nothing(deps: Deps) -> None:
    no, other = await dispatched(deps), await dispatched(deps, state=State.REVIEW, unit="bj-desk")
    await do(deps, other, HOTLINE, Move.MERGE, 1, other_ticket=no, reason="同一处同一事项")
    await do(deps, no, HOTLINE, Move.WITHDRAW, 2, **BY)
    assert {template for template, *_ in await states(deps)} & {"withdrawn"} == set()


async def test_what_was_undone_or_taken_up_is_told_to_nobody(deps: Deps, clock: Hands) -> None:
    clock.on(hours=7)
    one, other = await dispatched(deps), await dispatched(deps)
    for no in (one, other):
        await do(deps, no, HOTLINE, Move.WITHDRAW, 1, **BY)
    await do(deps, one, HOTLINE, Move.UNDO, 2, reason="记错了一件")
    clock.on(hours=0.5)
    await do(deps, other, HOTLINE, Move.TAKE_UP, 2, reason="诉求人又来电要求办")
    await do(deps, other, HOTLINE, Move.WITHDRAW, 3, **BY)
    await in_the_morning(deps, clock, STREET)
    async with deps.db.reads() as session:
        rows = await session.execute(sa.select(Notice.key, Notice.state).order_by(Notice.key))
        found = [state for _, state in rows]
    assert sorted(found) == ["moot", "moot", "moot", "sent"]


async def test_who_never_heard_of_it_hears_nothing_when_it_is_taken_back(deps: Deps, clock: Hands) -> None:
    no, heard = await dispatched(deps), await dispatched(deps)
    await do(deps, heard, HOTLINE, Move.WITHDRAW, 1, **BY)
    clock.on(hours=1)
    await in_the_morning(deps, clock, STREET)
    await do(deps, no, HOTLINE, Move.WITHDRAW, 1, **BY)
    for one in (no, heard):
        await do(deps, one, HOTLINE, Move.TAKE_UP, 2, reason="诉求人又来电要求办")
    clock.on(hours=8)
    await in_the_morning(deps, clock)
    async with deps.db.reads() as session:
        rows = await session.execute(sa.select(Notice.key, Notice.template, Notice.state))
        found = {(key.split(":")[0] == heard, template): state for key, template, state in rows}
    assert found == {
        (True, "withdrawn"): "sent",
        (True, "taken_up"): "sent",
        (False, "withdrawn"): "moot",
        (False, "taken_up"): "moot",
    }
