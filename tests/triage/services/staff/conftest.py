"""Accounts over a real database, with hashes that cost nothing and a clock that is moved by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

import triage.tables
from connectors.shared_counts import SharedCounts
from connectors.vault import Vault
from models.db import Database  # noqa: TC001  (a fixture's annotation)
from tests.factories import NOW, add_reference
from triage.services.deps import Deps
from triage.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

#: The same algorithm, as little work as it can do.
CHEAP = Settings(
    password_memory_kib=8, password_passes=1, password_lanes=1, redis_url="redis://127.0.0.1:1/0"
)


@dataclass
class Clock:
    """A clock that is moved by hand."""

    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment

    def later(self, **span: float) -> datetime:
        self.moment += timedelta(**span)
        return self.moment


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def deps(db: Database, clock: Clock) -> Deps:
    await add_reference(db)
    return Deps(CHEAP, clock, triage.tables.load(), db, Vault({1: bytes(32)}))


@pytest.fixture
async def counts(deps: Deps) -> AsyncIterator[SharedCounts]:
    """No Redis answers there: the database counts."""
    found = SharedCounts(deps.settings.redis)
    yield found
    await found.close()
