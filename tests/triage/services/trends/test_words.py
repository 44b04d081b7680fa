"""New words from a day's texts: also those that come up slowly, a call a day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.rollups import RollupWord, RollupWordDay
from tests.factories import NOW, TicketIn, add_tickets
from tests.triage.services.trends.helpers import deps_of
from triage.services.trends import words

if TYPE_CHECKING:
    from models.db import Database

#: Sunday, the day before NOW.
SUNDAY = date(2026, 11, 22)
DULL, SLOW, ONCE = "楼下施工扰民", "楼下施工扰民，有臭豆腐", "楼下施工扰民，有鞭炮"


def said(text: str, days: int) -> TicketIn:
    return TicketIn(age=timedelta(days=days), text=text)


async def counted(db: Database) -> None:
    deps = deps_of(db, NOW)
    while await words.poke(deps):
        pass


async def test_a_word_of_one_call_a_day_is_new_after_weeks(db: Database) -> None:
    calls = [said(DULL, n) for n in range(1, 36) for _ in range(5)]
    calls += [said(SLOW, n) for n in range(1, 15)]
    await add_tickets(db, *calls, said(ONCE, 9), said(ONCE, 8))
    await counted(db)
    async with db.reads() as session:
        found, now, before = await words.compared(session, SUNDAY - timedelta(days=13), SUNDAY)
        kept = set(await session.scalars(sa.select(RollupWord.word)))
    assert (now, before) == (14 * 5 + 14 + 2, 21 * 5)
    assert {word.word: word.now for word in found} == {"臭豆腐": 14}
    # What two calls of a week say is gone with it.
    assert "鞭炮" not in kept


async def test_until_its_week_is_over_a_rare_word_is_kept(sqlite_db: Database) -> None:
    await add_tickets(sqlite_db, said(ONCE, 8), said(ONCE, 2))
    deps = deps_of(sqlite_db, NOW)
    for day in (SUNDAY - timedelta(days=7), SUNDAY - timedelta(days=1)):
        await words.count_day(deps, day)
    async with sqlite_db.reads() as session:
        kept = {(row.day, row.word) for row in await session.scalars(sa.select(RollupWord))}
    await words.count_day(deps, SUNDAY)
    async with sqlite_db.reads() as session:
        left = (await session.scalars(sa.select(RollupWord.word))).all()
        days = await session.scalar(sa.select(sa.func.count(RollupWordDay.day)))
    assert (SUNDAY - timedelta(days=1), "鞭炮") in kept
    assert {day for day, _ in kept} == {SUNDAY - timedelta(days=1)}
    assert (left, days) == ([], 3)
