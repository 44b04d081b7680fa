"""jiesu ticket mend: rows of an older version stand as their events say, without waiting for a move."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

import triage.tables
from models.vocab import Move
from tests.factories import NOW, TicketIn
from tests.triage.services.repeats.test_following import answered, listed, merged
from tests.triage.services.test_moving import HOTLINE, do, holds, ready, row
from triage.services import following, mending
from triage.services.mending import Mended

if TYPE_CHECKING:
    from models.db import Database
    from triage.rules.rows import Tables

TABLES = triage.tables.load()


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough: the statements are those of the moves."""
    return sqlite_db


@pytest.fixture(scope="session")
def tables() -> Tables:
    return TABLES


async def mended(db: Database, *, commit: bool) -> Mended:
    done = Mended()
    async with db.writes.begin() as session:
        while found := await mending.batch(session, TABLES, after=done.last, now=NOW, commit=commit, size=2):
            done += found
    return done


async def test_an_old_due_time_is_made_anew_without_a_move(db: Database, tables: Tables) -> None:
    old, moved = await ready(db, tables, TicketIn(due=timedelta(days=6)), TicketIn(due=timedelta(days=6)))
    before = await row(db, old)
    await do(db, tables, moved, HOTLINE, Move.URGE, 1, {"note": "诉求人又来电"})
    assert await mended(db, commit=False) == Mended(2, 1, 0, 2)
    assert (await row(db, old)).due_at == before.due_at
    assert await mended(db, commit=True) == Mended(2, 1, 0, 2)
    after, other = await row(db, old), await row(db, moved)
    assert (after.due_at, after.due_clock, after.version) == (other.due_at, other.due_clock, before.version)
    assert await mended(db, commit=True) == Mended(2, 0, 0, 2)


async def test_callers_behind_a_case_answered_by_an_older_version_are_listed(
    db: Database, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    head, middle, last = await ready(db, tables, TicketIn(), TicketIn(), TicketIn())
    await merged(db, last, middle)
    await merged(db, middle, head)
    with monkeypatch.context() as older:
        older.setattr(following, "SETTLING", frozenset())
        await answered(db, head)
    assert await listed(db) == {head}
    assert (await mended(db, commit=False)).callers == 2
    assert (await mended(db, commit=True)).callers == 2
    assert await listed(db) == {head, middle, last}
    assert (await mended(db, commit=True)).callers == 0
    for no in (middle, last):
        await holds(db, tables, no)
