"""吹哨与督办 and 退单分析 for whoever sees no case: an analyst's counts are true, and name nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from models.filters import all_seeing
from models.sums import told_none
from models.vocab import Move, Post
from models.vocab_staff import Role
from tests.factories import NOW, TicketIn, add_tickets
from triage.rules import access
from triage.rules.moves import Actor
from triage.services import calling, moving, objections, reference
from triage.services.moving import Person, Wish

if TYPE_CHECKING:
    from models.db import Database
    from models.viewing import Viewer
    from tests.triage.web.conftest import ClientOf
    from triage.rules.rows import Tables
    from triage.services.deps import Deps

STREET = Person(Actor(Post.UNIT, "110105026", "unit.wangjing"), "望京街道办事处")
WHISTLE = {"assist": ["110105-water"], "until": "2026-11-23T18:00", "reason": "排口归属要会商"}
OBJECTION = {"reason": "不在辖区", "clause": "条例第12条", "proposed_unit": "110105-ecology"}
PAGES = ("/desk/calls", "/desk/objections")


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough: the conditions are those of lists and sums."""
    return sqlite_db


@pytest.fixture
async def numbers(deps: Deps) -> list[str]:
    """Two that a street whistled for, two that it sent back; of each pair one is confidential."""
    pair = (TicketIn(), replace(TicketIn(), confidential=True))
    made = await add_tickets(deps.db, *pair, *pair)
    await reference.sync(deps)
    for no in made[:2]:
        await moved(deps, no, (Move.SIGN, {}), (Move.WHISTLE, WHISTLE))
    for no in made[2:]:
        await moved(deps, no, (Move.OBJECT, OBJECTION))
    return made


async def moved(deps: Deps, no: str, *steps: tuple[Move, dict[str, Any]]) -> None:
    for version, (move, values) in enumerate(steps, start=1):
        async with deps.db.writes.begin() as session:
            wish = Wish(no, move, values, version, f"{move}")
            at = NOW - timedelta(minutes=30)
            await moving.make(session, deps.tables, all_seeing("local"), STREET, wish, now=at)


def who(tables: Tables, role: Role, unit: str | None = None) -> Viewer:
    return access.viewer(tables, login="a", name="", roles=[role], unit_code=unit, at=date(2026, 11, 23))


async def test_an_analyst_is_told_how_many_and_not_which(deps: Deps, numbers: list[str]) -> None:
    later = NOW + timedelta(hours=4)
    analyst, clerk = who(deps.tables, Role.ANALYST), who(deps.tables, Role.CLERK)
    async with deps.db.reads() as session:
        sums, cases = [
            await calling.report(session, deps.tables, viewer, "2026-11", now=later)
            for viewer in (analyst, clerk)
        ]
        raised = [
            await objections.report(session, deps.tables, viewer, "2026-11") for viewer in (analyst, clerk)
        ]
    assert [(side.name, side.calls, side.broken) for side in sums.called] == [("朝阳区水务局", 1, 1)]
    assert (sums.broken, sums.breaches) == (1, ())
    # Whoever sees confidential reports counts them, and is told which.
    assert (cases.broken, sorted(one.no for one in cases.breaches)) == (2, sorted(numbers[:2]))
    assert [found.raised for found in raised] == [1, 2]


async def test_the_pages_of_an_analyst_say_what_happened(client_of: ClientOf, numbers: list[str]) -> None:
    client = await client_of(Role.ANALYST)
    calls, raised = [await (await client.get(path)).text() for path in PAGES]
    assert "朝阳区水务局" in calls
    assert "退单 <b>1</b> 次" in raised
    assert [no for no in numbers if no in calls + raised] == []
    assert all("您的角色只看汇总：保密举报不计" in page for page in (calls, raised))


@pytest.mark.usefixtures("numbers")
@pytest.mark.parametrize("path", PAGES)
async def test_who_counts_nothing_is_told_so_and_no_nought(client_of: ClientOf, path: str) -> None:
    of_district = await (await (await client_of(Role.ANALYST, unit="110105")).get(path)).text()
    assert "这里没有可以给您看的数" in of_district
    for words in ("这个月没有", "退单 <b>0</b> 次", "超期 0 项"):
        assert words not in of_district
    # A bureau that had no part in it is told a true nought of its own.
    water = await (await (await client_of(Role.BUREAU, unit="110108-water")).get(path)).text()
    assert "这里没有可以给您看的数" not in water
    assert "这个月没有" in water


@pytest.mark.parametrize(
    ("role", "unit", "none"),
    [
        (Role.ANALYST, None, False),
        (Role.ANALYST, "110105", True),
        (Role.CLERK, None, False),
        (Role.BUREAU, "110105-water", False),
        (Role.BUREAU, None, True),
        (Role.ADMIN, None, True),
    ],
)
def test_for_whom_a_count_would_always_be_nought(
    tables: Tables, role: Role, unit: str | None, *, none: bool
) -> None:
    assert told_none(who(tables, role, unit)) is none
