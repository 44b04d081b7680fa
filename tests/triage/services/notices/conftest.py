"""Dependencies over a real database whose clock can be moved on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from connectors.vault import Vault
from tests import factories
from tests.factories import NOW
from tests.triage.rules.helpers import tables
from triage.services.deps import Deps
from triage.settings import Settings

if TYPE_CHECKING:
    from datetime import datetime

    from models.db import Database


@dataclass
class Hands:
    """A clock that a test moves."""

    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment

    def on(self, **span: float) -> None:
        self.moment += timedelta(**span)


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
async def deps(db: Database, clock: Hands) -> Deps:
    await factories.add_reference(db)
    settings = Settings(message_seconds=1)
    return Deps(settings=settings, clock=clock, tables=tables(), db=db, vault=Vault({1: bytes(32)}))
