"""Which database it is, rows know: nobody above them takes one database's own words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

import triage
from models.appeals import Source
from models.db import insert_of
from tests.factories import NOW

if TYPE_CHECKING:
    from models.db import Database

TRIAGE = Path(triage.__path__[0])
#: Who takes them all the same, and why.
ALLOWED = {"services/ticketing.py": "an array of words is bound, which SQLite does not have"}


async def test_what_is_there_may_stay_or_change(db: Database) -> None:
    row = {"key": "one", "name": "first", "created_at": NOW}
    async with db.writes.begin() as session:
        for name in ("first", "second"):
            insert = insert_of(session, Source).values({**row, "name": name})
            await session.execute(insert.on_conflict_do_nothing(index_elements=["key"]))
        assert list(await session.scalars(sa.select(Source.name))) == ["first"]
        insert = insert_of(session, Source).values({**row, "name": "third"})
        told = {"name": insert.excluded.name}
        await session.execute(insert.on_conflict_do_update(index_elements=["key"], set_=told))
    async with db.reads() as session:
        assert list(await session.scalars(sa.select(Source.name))) == ["third"]


def test_nobody_above_rows_speaks_one_databases_own_words() -> None:
    takes = {
        str(page.relative_to(TRIAGE))
        for page in TRIAGE.rglob("*.py")
        if "sqlalchemy.dialects" in page.read_text(encoding="utf-8")
    }
    assert takes == set(ALLOWED)
