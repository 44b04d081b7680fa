"""Months of the sums on PostgreSQL: made ahead; whatever day comes finds a place, then its month."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from models import migrate
from models.rollups import MEASURES, RollupDay
from models.vocab_trends import Axis
from tests.factories import TicketIn, add_tickets
from tests.triage.services.trends.helpers import deps_of, refreshed, sums
from triage.services.trends import figures, partitions, refreshing
from triage.services.trends.sources import Scope

if TYPE_CHECKING:
    from models.db import Database


async def places(db: Database) -> dict[str, int]:
    """Rows by the table they lie in."""
    async with db.reads() as session:
        rows = await session.execute(
            sa.text("SELECT tableoid::regclass::text, count(*) FROM rollup_day GROUP BY 1")
        )
        return {row[0]: row[1] for row in rows}


async def months(db: Database) -> set[str]:
    async with db.reads() as session:
        return set(
            await session.scalars(
                sa.text(
                    "SELECT inhrelid::regclass::text FROM pg_inherits "
                    "WHERE inhparent = 'rollup_day'::regclass"
                )
            )
        )


async def test_a_day_without_a_month_waits_in_the_rest_until_its_month_is_made(
    postgres_db: Database,
) -> None:
    db, deps = postgres_db, deps_of(postgres_db)
    await add_tickets(db, TicketIn(), TicketIn(age=timedelta(days=900)))
    await refreshed(deps)
    assert await places(db) == {"rollup_day_2026_11": 1, "rollup_day_rest": 1}
    kept = await sums(db)
    await partitions.poke(deps)
    assert await places(db) == {"rollup_day_2026_11": 1, "rollup_day_2024_06": 1}
    assert {"rollup_day_2027_01", "rollup_day_2027_02"} <= await months(db)
    assert await sums(db) == kept
    await refreshing.rebuild(deps)
    assert await sums(db) == kept
    assert (await places(db))["rollup_day_2024_06"] == 1
    async with db.reads() as session:
        wide = Scope(date(2024, 1, 2), date(2026, 12, 30))
        assert (await figures.told_by(session, wide, Axis.STREET))["110105026"].demands == 2
    assert await migrate.differences(db) == []


async def test_rows_of_before_are_copied_into_their_months(postgres_db: Database) -> None:
    db = postgres_db
    await migrate.downgrade(db, "0028")
    days = [date(2025, 1, 31), date(2025, 2, 1), date(2026, 11, 23)]
    old = MEASURES[: MEASURES.index("mood_read")]
    row = dict.fromkeys(old, 1) | {"district": "110105", "street": "", "kind": "NOI-01", "channel": "phone"}
    table = sa.table("rollup_day", *(sa.column(name) for name in ("day", *row)))
    async with db.writes.begin() as session:
        await session.execute(sa.insert(table), [row | {"day": day} for day in days])
    await migrate.upgrade(db)
    assert await places(db) == {
        "rollup_day_2025_01": 1, "rollup_day_2025_02": 1, "rollup_day_2026_11": 1,
    }  # fmt: skip
    async with db.reads() as session:
        found = await session.execute(sa.select(RollupDay.day, RollupDay.solved, RollupDay.angry))
        assert sorted(tuple(one) for one in found) == [(day, 1, 0) for day in days]
    await migrate.downgrade(db, "0028")
    async with db.reads() as session:
        assert await session.scalar(sa.text("SELECT count(*) FROM rollup_day")) == 3


async def test_one_plain_table_is_left_alone(sqlite_db: Database) -> None:
    assert await partitions.poke(deps_of(sqlite_db)) is False
