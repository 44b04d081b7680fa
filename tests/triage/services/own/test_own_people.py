"""What is open now, and by 经办人: the figures of the list, and of 我经办的."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import triage.tables
from connectors.vault import Vault
from models.counting import count_tickets
from models.filters import DueWindow, TicketFilter
from models.queries import Ask
from models.staff import Account
from models.units import Staff
from models.vocab import State
from models.vocab_keepers import Keeping
from models.vocab_staff import Role
from tests.factories import NOW, TicketIn, add_tickets
from tests.plans import plans, scanned
from tests.signed_in import add_person
from tests.triage.services.own.living import ECOLOGY, WANGJING, put
from triage.clock import FixedClock
from triage.services import keeping, reference
from triage.services.deps import Deps
from triage.services.own import people
from triage.services.staff import people as staff
from triage.settings import Settings
from triage.web.asking import day_of

if TYPE_CHECKING:
    from models.db import Database
    from models.viewing import Viewer
    from triage.services.own.people import Work

HOUR = timedelta(hours=1)


@pytest.fixture
async def deps(db: Database) -> Deps:
    made = Deps(Settings(), FixedClock(NOW), triage.tables.load(), db, Vault({1: bytes(32)}))
    await reference.sync(made)
    await add_person(made, "li", (Role.STREET, WANGJING), name="李四")
    await add_person(made, "wang", (Role.STREET, WANGJING), name="王五")
    return made


async def viewer(deps: Deps, login: str = "li") -> Viewer:
    async with deps.db.reads() as session:
        person = await staff.person_at(session, login, now=NOW)
    assert person is not None
    return staff.viewer_of(deps.tables, person, now=NOW)


async def take(deps: Deps, login: str, *numbers: str) -> None:
    for no in numbers:
        who = await viewer(deps, login)
        async with deps.db.writes.begin() as session:
            wish = keeping.Wish(no, Keeping.TAKE, None)
            await keeping.keep(session, deps.tables, who, wish, now=NOW)


async def work(deps: Deps, *, most: int = 50) -> Work:
    who = await viewer(deps)
    async with deps.db.reads() as session:
        units = await keeping.units_of(session, deps.tables, who, who.scope.own, now=NOW)
        return await people.work(session, who, WANGJING, units[WANGJING], now=NOW, most=most)


async def loads(deps: Deps) -> list[tuple[str, int, int]]:
    return [
        (one.who.name if one.who else "", one.load.open, one.load.overdue)
        for one in (await work(deps)).people
    ]  # fmt: skip


async def test_what_is_over_and_soon_over_is_what_the_list_says(deps: Deps) -> None:
    await add_tickets(
        deps.db, TicketIn(due=-HOUR), TicketIn(due=timedelta(0)), TicketIn(due=23 * HOUR),
        TicketIn(due=24 * HOUR), TicketIn(due=None, state=State.FEEDBACK), TicketIn(state=State.CLOSED),
        TicketIn(due=-HOUR, unit=ECOLOGY, assist=(WANGJING,)),
    )  # fmt: skip
    found = await work(deps)
    assert (found.open, found.overdue, found.soon) == (5, 1, 2)
    assert [case.due for case in found.pressing] == [NOW - HOUR, NOW, NOW + 23 * HOUR]
    who = await viewer(deps)
    listed = {}
    async with deps.db.reads() as session:
        for due in (None, DueWindow.OVERDUE):
            wanted = TicketFilter(unit_code=WANGJING, due=due)
            listed[due] = (await count_tickets(session, Ask(who, wanted, day_of(NOW)))).value
    assert listed == {None: 5, DueWindow.OVERDUE: 1}


async def test_who_has_least_comes_first_after_what_nobody_has(deps: Deps) -> None:
    one, two, three = await add_tickets(deps.db, TicketIn(due=-HOUR), TicketIn(), TicketIn())
    (helped,) = await add_tickets(deps.db, TicketIn(unit=ECOLOGY, assist=(WANGJING,)))
    await take(deps, "li", one, two, helped)
    # What the unit helps with counts for whom has it, as in 我经办的.
    assert await loads(deps) == [("", 1, 0), ("王五", 0, 0), ("李四", 3, 1)]
    assert [case.no for case in (await work(deps)).nobodys] == [three]


async def test_whose_account_is_disabled_has_none_and_theirs_are_to_be_given(deps: Deps) -> None:
    (no,) = await add_tickets(deps.db, TicketIn())
    await take(deps, "wang", no)
    async with deps.db.writes.begin() as session:
        gone = sa.select(Staff.id).where(Staff.login == "wang").scalar_subquery()
        await session.execute(sa.update(Account).where(Account.staff_id == gone).values(disabled_at=NOW))
    assert await loads(deps) == [("", 1, 0), ("李四", 0, 0)]


@pytest.mark.parametrize("state", [State.CLOSED, State.MERGED, State.TO_REASSIGN, State.REVIEW])
async def test_what_ended_or_left_the_unit_is_nobodys_work(deps: Deps, state: State) -> None:
    (no,) = await add_tickets(deps.db, TicketIn())
    await take(deps, "li", no)
    await put(deps.db, no, state=state.value)
    assert await loads(deps) == [("", 0, 0), ("李四", 0, 0), ("王五", 0, 0)]
    assert (await work(deps)).nobodys == ()


async def test_the_lists_are_cut_and_the_figures_are_not(deps: Deps) -> None:
    await add_tickets(deps.db, *[TicketIn(due=-HOUR)] * 3)
    found = await work(deps, most=2)
    assert (found.overdue, len(found.pressing), len(found.nobodys)) == (3, 2, 2)


async def test_what_is_open_is_found_by_an_index(deps: Deps) -> None:
    (no,) = await add_tickets(deps.db, TicketIn())
    await take(deps, "li", no)

    async def ask(_: object) -> None:
        await work(deps)

    found = "\n".join(await plans(deps.db, ask))
    assert found
    assert [table for table in ("ticket", "appeal", "ticket_unit") if scanned(found, table)] == []
