"""What a database will not keep is told from one that is away, whatever class the driver gives it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from models.appeals import Source
from models.db import away, unstorable
from tests.factories import NOW

if TYPE_CHECKING:
    from models.db import Database


async def error_of(db: Database, statement: Any, *rows: dict[str, Any]) -> Exception:  # noqa: ANN401
    with pytest.raises(sa.exc.DBAPIError) as caught:
        async with db.writes.begin() as session:
            await session.execute(statement, rows)
    return caught.value


async def test_a_constraint_is_no_absence(db: Database) -> None:
    twice = [{"key": "a", "name": "a", "created_at": NOW}] * 2
    assert unstorable(await error_of(db, sa.insert(Source), *twice))


@pytest.mark.parametrize("more", [{"key": "x" * 121}, {"key": "a\x00"}, {"id": 2**70, "key": "a"}])
async def test_nor_is_a_value_that_has_no_room(postgres_db: Database, more: dict[str, Any]) -> None:
    """The driver's class of these is that of everything else."""
    said = await error_of(postgres_db, sa.insert(Source), {"name": "a", "created_at": NOW, **more})
    assert not isinstance(said, sa.exc.DataError | sa.exc.IntegrityError)
    assert unstorable(said)


async def test_another_error_is_none(db: Database) -> None:
    assert not unstorable(await error_of(db, sa.text("INSERT INTO nowhere (a) VALUES (:a)"), {"a": 1}))
    assert not unstorable(ConnectionResetError())


async def test_what_is_away_is_told_from_what_was_asked_wrongly(db: Database) -> None:
    """A pool without a free connection is no class of the driver's, and ended whoever asked."""
    assert away(ConnectionResetError())
    assert away(sa.exc.TimeoutError("QueuePool limit"))
    assert away(sa.exc.OperationalError("SELECT", {}, Exception("database is locked")))
    assert not away(
        await error_of(db, sa.insert(Source), *[{"key": "a", "name": "a", "created_at": NOW}] * 2)
    )
    assert not away(ValueError())


async def test_a_table_that_is_not_there_is_a_fault_of_ours(postgres_db: Database) -> None:
    assert not away(await error_of(postgres_db, sa.text("INSERT INTO nowhere (a) VALUES (:a)"), {"a": 1}))
