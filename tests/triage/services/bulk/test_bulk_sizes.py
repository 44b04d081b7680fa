"""批量办理: how many rows in one transaction, so that a case of thousands does not stop a job for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from connectors.vault import Vault
from tests.factories import NOW
from tests.triage.rules.helpers import tables
from triage.clock import FixedClock
from triage.services.bulk import running
from triage.services.deps import Deps
from triage.settings import Settings

if TYPE_CHECKING:
    from models.db import Database


@pytest.mark.parametrize(
    ("size", "took", "expected"),
    [(1, 0.01, 2), (16, 0.1, 25), (25, 0.5, 25), (25, 4.0, 12), (1, 30.0, 1), (1, 0.0, 2)],
    ids=["grows", "up to the most", "stays", "shrinks", "one at least", "no time at all"],
)
def test_the_next_chunk_is_as_large_as_the_time_allows(size: int, took: float, expected: int) -> None:
    assert running.next_size(size, took, most=25) == expected


async def test_a_turn_begins_with_one_row(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is cut off in the middle is undone: begun with as many again, no turn would come further."""
    asked: list[int] = []

    async def careful(_deps: Deps, _job_id: int, chunk: int) -> int | None:
        asked.append(chunk)
        return chunk if sum(asked) < 40 else None

    monkeypatch.setattr(running, "_careful", careful)
    deps = Deps(Settings(), FixedClock(NOW), tables(), sqlite_db, Vault({1: bytes(32)}))
    assert await running.run(deps, 1, seconds=60) == 31
    assert asked == [1, 2, 4, 8, 16, 25]
