"""What a unit is called for: months, kinds, places, what comes again; 保密 by who deals with it alone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import triage.tables
from connectors.vault import Vault
from models.appeals import Reading
from models.filters import Scope, Viewer
from tests.factories import NOW, TicketIn, add_tickets
from tests.plans import plans, scanned
from tests.triage.services.own.living import ECOLOGY, WANGJING, put
from triage.clock import FixedClock
from triage.services import reference
from triage.services.deps import Deps
from triage.services.own import area, figures
from triage.services.own.area import Counts
from triage.settings import Settings

if TYPE_CHECKING:
    from models.db import Database
    from triage.services.own.area import Area

STREET = Viewer("li", Scope(units=frozenset({WANGJING}), own=frozenset({WANGJING})))
#: A superior: sees what the street has, and nothing of it that is in confidence.
DISTRICT = Viewer("qu", Scope(units=frozenset({"110105", WANGJING}), own=frozenset({"110105"})))
FUTONG, DAXILI = "110105026001", "110105026002"
DAY = timedelta(days=1)


@pytest.fixture
async def deps(db: Database) -> Deps:
    made = Deps(Settings(), FixedClock(NOW), triage.tables.load(), db, Vault({1: bytes(32)}))
    await reference.sync(made)
    return made


async def come(deps: Deps, *ages: timedelta, community: str | None = None, **item: Any) -> list[str]:  # noqa: ANN401
    """Cases that came so long ago, read in a community."""
    made = await add_tickets(deps.db, *(TicketIn(age=age, **item) for age in ages))
    async with deps.db.writes.begin() as session:
        newest = sa.select(Reading.id).order_by(Reading.id.desc()).limit(len(made)).scalar_subquery()
        await session.execute(
            sa.update(Reading).where(Reading.id.in_(newest)).values(community_code=community)
        )
    return made


async def told(deps: Deps, viewer: Viewer = STREET, month: str = "2026-11") -> Area:
    async with deps.db.reads() as session:
        asked = figures.asked_of(WANGJING, month, now=NOW)
        return await area.told(session, viewer, WANGJING, figures.spans(asked))


async def test_a_month_is_held_against_as_long_of_the_one_before_and_a_year_ago(deps: Deps) -> None:
    # NOW is the 23rd: of October only what came up to then is as long.
    await come(deps, DAY, 2 * DAY, 30 * DAY, 35 * DAY, 366 * DAY, 359 * DAY)
    assert (await told(deps)).total == Counts(2, 1, 1)
    # October whole against September whole.
    assert (await told(deps, month="2026-10")).total == Counts(2, 0, 0)


async def test_months_are_counted_as_the_list_counts_them(deps: Deps) -> None:
    await come(deps, DAY, 30 * DAY, 31 * DAY)
    await come(deps, DAY, unit=ECOLOGY, assist=(WANGJING,))
    async with deps.db.reads() as session:
        asked = figures.asked_of(WANGJING, "", now=NOW)
        found = await figures.received(session, STREET, asked)
    assert list(found) == [
        "2026-11", "2026-10", "2026-09", "2026-08", "2026-07", "2026-06", "2026-05", "2026-04", "2026-03",
        "2026-02", "2026-01", "2025-12", "2025-11",
    ]  # fmt: skip
    assert {month: of.count for month, of in found.items() if of.count} == {"2026-11": 1, "2026-10": 2}


async def test_kinds_and_places_with_most_cases_come_first(deps: Deps) -> None:
    await come(deps, DAY, DAY, community=FUTONG)
    await come(deps, DAY, community=FUTONG, kind="AIR-01")
    await come(deps, DAY, community=DAXILI)
    await come(deps, DAY, kind=None)
    found = await told(deps)
    assert [(line.kind, line.counts.now) for line in found.kinds] == [
        ("NOI-01", 3), (None, 1), ("AIR-01", 1),
    ]  # fmt: skip
    assert [(line.community, line.counts.now) for line in found.places] == [
        (FUTONG, 3), (None, 1), (DAXILI, 1),
    ]  # fmt: skip
    assert [(line.kind, line.community, line.counts.now) for line in found.again] == [("NOI-01", FUTONG, 2)]


async def test_a_place_that_a_person_put_right_counts_there(deps: Deps) -> None:
    first, second, third = await come(deps, DAY, DAY, DAY, community=FUTONG)
    await put(deps.db, first, community_code=DAXILI)
    # As code of before leaves it: a community of another street is none; '' is none either.
    await put(deps.db, second, community_code="110108010001")
    await put(deps.db, third, community_code="")
    found = await told(deps)
    assert {line.community: line.counts.now for line in found.places} == {DAXILI: 1, None: 2}


async def test_what_is_in_confidence_counts_for_who_deals_with_it_alone(deps: Deps) -> None:
    await come(deps, DAY, DAY, community=FUTONG, confidential=True)
    await come(deps, DAY, community=FUTONG)
    assert (await told(deps)).total.now == 3
    above = await told(deps, DISTRICT)
    assert above.total.now == 1
    assert above.again == ()


async def test_a_unit_without_cases_has_an_empty_month(deps: Deps) -> None:
    assert await told(deps) == area.Area(Counts(0, 0, 0), (), (), ())


async def test_no_more_lines_than_are_shown(deps: Deps) -> None:
    for number in range(area.MOST + 2):
        await come(deps, DAY, community=f"1101050260{number:02d}")
    assert len((await told(deps)).places) == area.MOST


async def test_cases_are_found_by_an_index(deps: Deps) -> None:
    await come(deps, DAY, community=FUTONG)

    async def ask(_: object) -> None:
        await told(deps)

    found = "\n".join(await plans(deps.db, ask))
    assert found
    assert [table for table in ("ticket", "appeal", "reading") if scanned(found, table)] == []
