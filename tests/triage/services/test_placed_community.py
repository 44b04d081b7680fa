"""A community that a person picked is part of the ticket's place: point, sums, list, and the way back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import triage.tables
from models import placed
from models.appeals import Reading
from models.corrections import Correction
from models.counted import Counted
from models.filters import all_seeing
from models.ledger import LedgerRow
from models.rollups import RollupMonthCommunity
from models.tickets import Ticket
from nlp.gazetteer import Gazetteer, PlaceName
from nlp.place_point import Atlas
from tests.factories import NOW, TicketIn, add_reference, add_tickets
from tests.triage.services.trends.helpers import deps_of, refreshed
from triage.services import site_places
from triage.services.correcting import AS_READ, correct
from triage.services.desks.open_places import open_cases
from triage.services.site_places import Wish
from triage.services.trends import gathering

if TYPE_CHECKING:
    from models.db import Database
    from triage.rules.rows import Tables

CLERK = all_seeing("local")
WANGJING, QINGHE = "110105026", "110108017"
READ, OTHER = "110105026038", "110105026035"
#: The registry knows no points of communities: they come with a site's own names.
ATLAS = Atlas(Gazetteer.load(), (PlaceName("方舟苑", OTHER, lon=116.455, lat=40.005),))
POINT = (116.47, 39.99)


@pytest.fixture(scope="module")
def tables() -> Tables:
    return triage.tables.load()


@pytest.fixture
async def no(db: Database) -> str:
    """A ticket of 望京街道 that was read to a community of it."""
    await add_reference(db)
    (found,) = await add_tickets(db, TicketIn())
    async with db.writes.begin() as session:
        await session.execute(sa.update(Reading).values(community_code=READ))
    return str(found)


async def pick(
    db: Database, tables: Tables, no: str, code: str, at: tuple[float, float] | None = None
) -> bool:
    wish = Wish(code, lon=at and at[0], lat=at and at[1])
    async with db.writes.begin() as session:
        return await site_places.pick(session, tables, CLERK, no, wish, gazetteer=ATLAS.gazetteer, at=NOW)


async def community(db: Database) -> tuple[str | None, str]:
    """The community in force, and the one that sums count."""
    async with db.reads() as session:
        ticket, reading = (
            await session.execute(sa.select(Ticket, Reading).join(Reading, Reading.id == Ticket.reading_id))
        ).one()
        (counted,) = (await gathering.facts(session, [ticket.id])).values()
        return placed.community(ticket, reading), counted.fact.community


async def drawn(db: Database) -> tuple[float | None, float | None]:
    async with db.reads() as session:
        (case,) = await open_cases(session, CLERK, ATLAS)
        return case.lon, case.lat


def middle(code: str) -> tuple[float, float]:
    point = ATLAS.point(code, None)
    assert point is not None
    return point.lon, point.lat


async def test_a_community_of_the_same_street_is_kept_counted_and_drawn(
    db: Database, tables: Tables, no: str
) -> None:
    assert await community(db) == (READ, READ)
    assert await drawn(db) == POINT
    assert await pick(db, tables, no, OTHER)
    assert await community(db) == (OTHER, OTHER)
    assert await drawn(db) == middle(OTHER) != middle(WANGJING)
    assert not await pick(db, tables, no, OTHER)
    async with db.reads() as session:
        (kept,) = await session.scalars(sa.select(Correction))
        (entry,) = await session.scalars(sa.select(LedgerRow))
    assert (kept.old, kept.new, kept.community) == (WANGJING, WANGJING, OTHER)
    assert entry.detail == {"field": "place"}


async def test_the_point_that_was_pressed_in_a_community_is_its_point(
    db: Database, tables: Tables, no: str
) -> None:
    await pick(db, tables, no, OTHER, (116.48, 40.0))
    assert await drawn(db) == (116.48, 40.0)
    # Of another community it is none.
    await pick(db, tables, no, READ)
    assert await drawn(db) == POINT


@pytest.mark.parametrize("back", [AS_READ, READ])
async def test_a_community_that_is_taken_back_leaves_what_was_read(
    db: Database, tables: Tables, no: str, back: str
) -> None:
    await pick(db, tables, no, OTHER)
    assert await pick(db, tables, no, back)
    assert await community(db) == (READ, READ)
    assert await drawn(db) == POINT
    async with db.reads() as session:
        said = (await session.scalars(sa.select(Correction.community).order_by(Correction.id))).all()
    assert said == [OTHER, None]


async def test_a_street_that_is_picked_is_no_community_of_it(db: Database, tables: Tables, no: str) -> None:
    assert await pick(db, tables, no, WANGJING)
    assert await community(db) == (None, "")
    assert not await pick(db, tables, no, WANGJING)
    assert await drawn(db) == middle(WANGJING)


async def test_the_same_street_said_by_json_says_nothing_of_the_community(
    db: Database, tables: Tables, no: str
) -> None:
    await pick(db, tables, no, OTHER)
    async with db.writes.begin() as session:
        assert await correct(session, tables, CLERK, no, {"place": WANGJING}, at=NOW) == []
    assert await community(db) == (OTHER, OTHER)
    async with db.writes.begin() as session:
        await correct(session, tables, CLERK, no, {"place": QINGHE}, at=NOW)
    assert await community(db) == (None, "")


async def test_the_list_behind_a_figure_of_the_community_holds_the_corrected_one(
    db: Database, tables: Tables, no: str
) -> None:
    async def listed(code: str) -> list[str]:
        counted = Counted(NOW.date() - timedelta(days=2), NOW.date() + timedelta(days=2), community=code)
        async with db.reads() as session:
            return list(await session.scalars(sa.select(Ticket.no).where(counted.condition())))

    deps = deps_of(db)
    await refreshed(deps)
    assert (await listed(READ), await listed(OTHER)) == ([no], [])
    await pick(db, tables, no, OTHER)
    await refreshed(deps)
    assert (await listed(READ), await listed(OTHER)) == ([], [no])
    async with db.reads() as session:
        rows = await session.execute(sa.select(RollupMonthCommunity.community, RollupMonthCommunity.demands))
        assert {code: number for code, number in rows if number} == {OTHER: 1}
    await pick(db, tables, no, AS_READ)
    await refreshed(deps)
    assert (await listed(READ), await listed(OTHER)) == ([no], [])


async def test_a_community_elsewhere_is_counted_there(db: Database, tables: Tables, no: str) -> None:
    there = next(code for code in ATLAS.gazetteer.places if code.startswith(QINGHE) and len(code) == 12)
    await pick(db, tables, no, there)
    assert await community(db) == (there, there)
    # From there back to the street that was read, without a community.
    await pick(db, tables, no, WANGJING)
    assert await community(db) == (None, "")


async def test_what_an_older_release_said_after_it_ends_the_community(
    db: Database, tables: Tables, no: str
) -> None:
    """It moves the ticket and leaves its community, which is none of the street's; healing takes it away."""
    await pick(db, tables, no, OTHER, (116.48, 40.0))
    number = sa.select(Ticket.id).scalar_subquery()
    said = {"field": "place", "new": QINGHE, "by": "local", "at": NOW, "model_version": "x"}
    async with db.writes.begin() as session:
        await session.execute(sa.insert(Correction).values(ticket_id=number, appeal_id=number, **said))
        there = {"district_code": "110108", "street_code": QINGHE, "lon": 116.35, "lat": 40.03}
        await session.execute(sa.update(Ticket).values(**there))
    assert await community(db) == (None, "")
    async with db.writes.begin() as session:
        await placed.heal(session)
    async with db.reads() as session:
        row = (await session.execute(sa.select(Ticket.community_code, Ticket.lon, Ticket.lat))).one()
    assert tuple(row) == (None, 116.35, 40.03)
