"""A place that a person put right is the ticket's: list, count, map, incidents, sums follow, and go back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import triage.tables
from models import incident_reads, placed, ticket_detail
from models.appeals import Reading
from models.corrections import Correction
from models.counting import count_tickets
from models.filters import Day, Scope, TicketFilter, Viewer, all_seeing
from models.incidents import IncidentWatch
from models.ledger import LedgerRow
from models.queries import Ask, ticket_page
from models.tickets import Ticket
from nlp.gazetteer import Gazetteer
from nlp.place_point import Atlas
from tests.factories import NOW, TicketIn, add_reference, add_tickets
from triage.services import site_places
from triage.services.correcting import AS_READ, correct
from triage.services.desks.open_places import open_cases
from triage.services.site_places import Wish
from triage.services.trends import gathering

if TYPE_CHECKING:
    from models.db import Database
    from triage.rules.rows import Tables

CLERK = all_seeing("local")
#: Of the street that leads the case, and of one that has no part in it.
LEADS, OTHER = (Viewer(code, Scope(units=frozenset({code}))) for code in ("110105026", "110108010"))
DAY = Day(NOW, datetime(2026, 11, 22, 16, tzinfo=UTC), datetime(2026, 11, 23, 16, tzinfo=UTC))
ATLAS = Atlas(Gazetteer.load())
READ = (116.47, 39.99)
CHAOYANG, HAIDIAN, QINGHE, WANGJING = "110105", "110108", "110108017", "110105026"


@pytest.fixture(scope="module")
def tables() -> Tables:
    return triage.tables.load()


@pytest.fixture
async def no(db: Database) -> str:
    await add_reference(db)
    (found,) = await add_tickets(db, TicketIn())
    return str(found)


async def say(db: Database, tables: Tables, no: str, place: str) -> list[Correction]:
    async with db.writes.begin() as session:
        return await correct(session, tables, CLERK, no, {"place": place}, at=NOW + timedelta(minutes=1))


async def pick(db: Database, tables: Tables, no: str, wish: Wish) -> None:
    async with db.writes.begin() as session:
        await site_places.pick(session, tables, CLERK, no, wish, gazetteer=ATLAS.gazetteer, at=NOW)


async def listed(db: Database, district: str, viewer: Viewer = CLERK) -> tuple[list[str | None], int]:
    """The districts that the lines of a district's list tell, and how many it counts."""
    async with db.reads() as session:
        ask = Ask(viewer, TicketFilter(district_code=district), DAY)
        rows = (await ticket_page(session, ask)).rows
        return [row.district_code for row in rows], (await count_tickets(session, ask)).value


async def drawn(db: Database, district: str) -> list[tuple[str | None, float | None, float | None]]:
    async with db.reads() as session:
        cases = await open_cases(session, CLERK, ATLAS, unit=None, district=district)
        return [(case.street, case.lon, case.lat) for case in cases]


async def test_list_count_and_map_follow_a_place_that_was_put_right(
    db: Database, tables: Tables, no: str
) -> None:
    assert await listed(db, CHAOYANG) == ([CHAOYANG], 1)
    assert await drawn(db, CHAOYANG) == [(WANGJING, *READ)]
    await say(db, tables, no, QINGHE)
    assert await listed(db, CHAOYANG) == ([], 0)
    assert await listed(db, HAIDIAN) == ([HAIDIAN], 1)
    middle = ATLAS.point(QINGHE, None)
    assert middle is not None
    assert (await drawn(db, CHAOYANG), await drawn(db, HAIDIAN)) == ([], [(QINGHE, middle.lon, middle.lat)])
    # A district alone leaves no street.
    await say(db, tables, no, HAIDIAN)
    middle = ATLAS.point(HAIDIAN, None)
    assert middle is not None
    assert await drawn(db, HAIDIAN) == [(None, middle.lon, middle.lat)]


async def test_the_map_of_a_district_keeps_what_its_units_lead(db: Database, tables: Tables, no: str) -> None:
    async def own(district: str) -> list[str | None]:
        async with db.reads() as session:
            return [case.street for case in await open_cases(session, CLERK, ATLAS, own=district)]

    await say(db, tables, no, QINGHE)
    assert (await own(CHAOYANG), await own(HAIDIAN)) == ([QINGHE], [QINGHE])
    assert await own("110106") == []


@pytest.mark.parametrize(
    ("new", "place"), [(QINGHE, (HAIDIAN, QINGHE)), (HAIDIAN, (HAIDIAN, None)), ("", (None, None))]
)
async def test_a_correction_of_an_older_release_becomes_the_tickets_place(
    db: Database, tables: Tables, no: str, new: str, place: tuple[str | None, str | None]
) -> None:
    """It writes the correction alone; what nobody corrected and what agrees stays, with its point."""
    other, agrees = await add_tickets(db, TicketIn(), TicketIn())
    await pick(db, tables, str(agrees), Wish(WANGJING, lon=116.48, lat=40.0))
    await say(db, tables, no, "110106")
    async with db.writes.begin() as session:
        said = {"field": "place", "new": new, "by": "local", "at": NOW, "model_version": "x"}
        number = sa.select(Ticket.id).where(Ticket.no == no).scalar_subquery()
        await session.execute(sa.insert(Correction).values(ticket_id=number, appeal_id=number, **said))
    for _ in range(2):
        async with db.writes.begin() as session:
            await placed.heal(session)
    async with db.reads() as session:
        rows = await session.execute(
            sa.select(Ticket.no, Ticket.district_code, Ticket.street_code, Ticket.lon)
        )
        found = {row.no: (row.district_code, row.street_code, row.lon) for row in rows}
    assert found == {
        no: (*place, None), other: (CHAOYANG, WANGJING, None), agrees: (CHAOYANG, WANGJING, 116.48),
    }  # fmt: skip


async def test_the_same_place_said_again_leaves_the_point_that_was_pressed(
    db: Database, tables: Tables, no: str
) -> None:
    await pick(db, tables, no, Wish(QINGHE, lon=116.35, lat=40.03))
    assert await say(db, tables, no, QINGHE) == []
    assert await drawn(db, HAIDIAN) == [(QINGHE, 116.35, 40.03)]


async def test_who_may_see_the_ticket_does_not_change(db: Database, tables: Tables, no: str) -> None:
    await say(db, tables, no, QINGHE)
    assert await listed(db, HAIDIAN, LEADS) == ([HAIDIAN], 1)
    assert await listed(db, HAIDIAN, OTHER) == ([], 0)


@pytest.mark.parametrize("back", [AS_READ, WANGJING])
async def test_a_correction_that_is_taken_back_leaves_what_was_read(
    db: Database, tables: Tables, no: str, back: str
) -> None:
    await pick(db, tables, no, Wish(QINGHE, lon=116.35, lat=40.03))
    assert await drawn(db, HAIDIAN) == [(QINGHE, 116.35, 40.03)]
    (kept,) = await say(db, tables, no, back)
    assert (kept.old, kept.new) == (QINGHE, WANGJING)
    assert await listed(db, HAIDIAN) == ([], 0)
    assert await listed(db, CHAOYANG) == ([CHAOYANG], 1)
    assert await drawn(db, CHAOYANG) == [(WANGJING, *READ)]
    assert await say(db, tables, no, back) == []


async def test_a_correction_of_no_place_is_taken_back_to_no_place(
    db: Database, tables: Tables, no: str
) -> None:
    async with db.writes.begin() as session:
        nothing = {"district_code": None, "street_code": None}
        await session.execute(sa.update(Reading).values(**nothing, lon=None, lat=None))
        await session.execute(sa.update(Ticket).values(nothing))
    await say(db, tables, no, QINGHE)
    (kept,) = await say(db, tables, no, AS_READ)
    assert (kept.old, kept.new) == (QINGHE, "")
    async with db.reads() as session:
        ticket = (await session.scalars(sa.select(Ticket))).one()
        (counted,) = (await gathering.facts(session, [ticket.id])).values()
    assert (ticket.district_code, ticket.street_code, ticket.lon) == (None, None, None)
    assert (counted.fact.district, counted.fact.street) == ("", "")


async def test_another_spot_of_the_same_street_moves_the_point_alone_and_is_told(
    db: Database, tables: Tables, no: str
) -> None:
    await pick(db, tables, no, Wish(WANGJING, lon=116.48, lat=40.0))
    assert await drawn(db, CHAOYANG) == [(WANGJING, 116.48, 40.0)]
    async with db.reads() as session:
        (entry,) = await session.scalars(sa.select(LedgerRow))
    assert entry.detail == {"field": "point"}
    await say(db, tables, no, AS_READ)
    assert await drawn(db, CHAOYANG) == [(WANGJING, *READ)]


async def test_incidents_are_looked_for_where_the_place_is_put(db: Database, tables: Tables, no: str) -> None:
    async def seen() -> list[tuple[str | None, float | None]]:
        watch = IncidentWatch(id=1, after_id=0, since=NOW, looked_at=NOW)
        async with db.reads() as session:
            found = await incident_reads.unseen(session, watch, limit=9)
        return [(ticket.district, ticket.lon) for ticket in found]

    assert await seen() == [(CHAOYANG, 116.47)]
    await say(db, tables, no, QINGHE)
    assert await seen() == [(HAIDIAN, None)]
    await pick(db, tables, no, Wish(QINGHE, lon=116.35, lat=40.03))
    assert await seen() == [(HAIDIAN, 116.35)]


async def test_sums_forget_the_community_only_while_the_place_is_another(
    db: Database, tables: Tables, no: str
) -> None:
    async def community() -> str:
        async with db.reads() as session:
            numbers = list(await session.scalars(sa.select(Ticket.id)))
            (counted,) = (await gathering.facts(session, numbers)).values()
            return counted.fact.community

    async with db.writes.begin() as session:
        await session.execute(sa.update(Reading).values(community_code="110105026038"))
    assert await community() == "110105026038"
    await say(db, tables, no, QINGHE)
    assert await community() == ""
    await say(db, tables, no, AS_READ)
    assert await community() == "110105026038"


async def test_the_point_in_python_is_that_of_the_database(db: Database, tables: Tables, no: str) -> None:
    async def point() -> tuple[float, float] | None:
        async with db.reads() as session:
            whole = await ticket_detail.whole_ticket(session, CLERK, no)
            assert whole is not None
            columns = placed.point_columns()
            row = (
                await session.execute(
                    sa.select(*columns).join_from(Ticket, Reading, Reading.id == Ticket.reading_id)
                )
            ).one()
            found = placed.point(whole.ticket, whole.reading)
        assert found == (None if row[0] is None else tuple(row))
        return found

    assert await point() == READ
    await say(db, tables, no, QINGHE)
    assert await point() is None
    await pick(db, tables, no, Wish(QINGHE, lon=116.35, lat=40.03))
    assert await point() == (116.35, 40.03)
