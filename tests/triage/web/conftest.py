"""The web application over a real database, at a moment that stands still."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

import triage.tables
from connectors.vault import Vault
from tests.factories import NOW
from triage.clock import FixedClock
from triage.services.deps import Deps
from triage.settings import Settings
from triage.web.app import make_app
from triage.web.keys import Caches

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from models.db import Database
    from triage.rules.rows import Tables

Client = TestClient[web.Request, web.Application]


@pytest.fixture(scope="session")
def tables() -> Tables:
    """The rule tables as shipped."""
    return triage.tables.load()


@pytest.fixture
def deps(db: Database, tables: Tables) -> Deps:
    """What handlers work with."""
    return Deps(settings=Settings(), clock=FixedClock(NOW), tables=tables, db=db, vault=Vault({1: bytes(32)}))


@pytest.fixture
async def client(deps: Deps) -> AsyncIterator[Client]:
    """A client of a running application."""
    async with TestClient(TestServer(make_app(deps, caches=Caches(count_patience=30)))) as found:
        yield found
