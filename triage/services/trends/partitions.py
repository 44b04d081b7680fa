"""月分区 of `rollup_day` on PostgreSQL: a month is a table of its own, made before its first day.

Whatever day comes (an old letter, a clock far ahead) finds a place: days without a month of their own are in
`rollup_day_rest`, and move out of it when their month is made. SQLite has one plain table. Within the lock of
the sums' cursor, so nobody counts meanwhile; readers wait only for the moment a month is hung in.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.rollups import RollupCursor, RollupDay, RollupTicket
from triage import logs
from triage.clock import local

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.services.deps import Deps

log = logs.get(__name__)

TABLE: Final = RollupDay.__tablename__
REST: Final = f"{TABLE}_rest"
#: Months that are there before they begin.
AHEAD: Final = 3
_LONGEST: Final = timedelta(days=20 * 366)


def named(month: date) -> str:
    """The table of a month."""
    return f"{TABLE}_{month:%Y_%m}"


def following(month: date) -> date:
    """The first day of the next month."""
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1)


def ahead(today: date) -> list[date]:
    """This month and the next ones."""
    found = [today.replace(day=1)]
    while len(found) <= AHEAD:
        found.append(following(found[-1]))
    return found


async def poke(deps: Deps) -> bool:
    """One turn of the timetable: make the months that are missing. Never more at once."""
    if deps.db.dialect != "postgresql":
        return False
    wanted = ahead(local(deps.clock.now()).date())
    async with deps.db.reads() as session:
        missing = await _missing(session, wanted)
        stray = await session.scalar(
            sa.select(sa.exists(sa.select(sa.text("1")).select_from(sa.table(REST))))
        )
    if missing or stray:
        async with deps.db.writes.begin() as session:
            await session.execute(sa.select(RollupCursor.version).with_for_update())
            await make(session, wanted)
    return False


async def of_facts(deps: Deps) -> None:
    """Make the months of everything that is counted, before the sums are made anew; PostgreSQL alone."""
    if deps.db.dialect != "postgresql":
        return
    async with deps.db.reads() as session:
        first = await session.scalar(sa.select(sa.func.min(RollupTicket.day)))
        last = await session.scalar(sa.select(sa.func.max(RollupTicket.day)))
    if first is None or last is None:
        return
    # What is older than that finds its place in the rest, and then a month of its own by and by.
    months = [max(first, last - _LONGEST).replace(day=1)]
    while following(months[-1]) <= last:
        months.append(following(months[-1]))
    async with deps.db.writes.begin() as session:
        await session.execute(sa.select(RollupCursor.version).with_for_update())
        await make(session, months)


async def make(session: AsyncSession, months: Iterable[date]) -> list[date]:
    """Make what is missing of these months, and of those with days in the rest. Gives those made."""
    in_rest = await session.scalars(sa.text(f"SELECT DISTINCT date_trunc('month', day)::date FROM {REST}"))  # noqa: S608
    made = await _missing(session, sorted({*months, *in_rest.all()}))
    for month in made:
        name, until = named(month), following(month)
        # Names and days are ours and plain: DDL takes no parameters.
        span = f"day >= DATE '{month}' AND day < DATE '{until}'"
        await session.execute(
            sa.text(f"CREATE TABLE {name} (LIKE {TABLE} INCLUDING DEFAULTS INCLUDING COMMENTS)")
        )
        await session.execute(sa.text(f"ALTER TABLE {name} ADD CHECK ({span})"))
        await session.execute(
            sa.text(
                f"WITH moved AS (DELETE FROM {REST} WHERE {span} RETURNING *) INSERT INTO {name} "  # noqa: S608
                "SELECT * FROM moved"
            )
        )
        await session.execute(
            sa.text(f"ALTER TABLE {TABLE} ATTACH PARTITION {name} FOR VALUES FROM ('{month}') TO ('{until}')")
        )
    if made:
        log.info("rollup_months_made", first=str(made[0]), months=len(made))
    return made


async def _missing(session: AsyncSession, months: Iterable[date]) -> list[date]:
    there = set(
        await session.scalars(
            sa.text(
                "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = CAST(:t AS regclass)"
            ),
            {"t": TABLE},
        )
    )
    return [month for month in months if named(month) not in there]
