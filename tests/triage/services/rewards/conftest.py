"""What the tests of rewards share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from connectors.vault import Vault
from tests.factories import NOW
from tests.triage.rules.helpers import tables
from triage.clock import FixedClock
from triage.services.deps import Deps
from triage.settings import Settings

if TYPE_CHECKING:
    from models.db import Database

#: A small Argon2: what is tested is not its strength.
SETTINGS = Settings(reward_hash_kib=8)


@pytest.fixture
def deps(db: Database) -> Deps:
    """On each kind of database."""
    return Deps(SETTINGS, FixedClock(NOW), tables(), db, Vault({1: bytes(32)}))


@pytest.fixture
def lite(sqlite_db: Database) -> Deps:
    """Where the SQL is the same."""
    return Deps(SETTINGS, FixedClock(NOW), tables(), sqlite_db, Vault({1: bytes(32)}))
