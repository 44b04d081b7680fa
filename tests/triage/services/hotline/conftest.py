"""The two sides of the exchange, over a real socket."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import TestServer

from connectors.hotline.reference.server import Platform, make_app
from tests.triage.services.hotline.bed import Ahead, Bed, make_deps

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from models.db import Database


@pytest.fixture
async def bed(db: Database) -> AsyncIterator[Bed]:
    """On both databases."""
    platform = Platform()
    clock = Ahead()
    async with TestServer(make_app(platform)) as server:
        url = str(server.make_url("")).rstrip("/")
        yield Bed(make_deps(db, clock, url), clock, platform, url)


@pytest.fixture
async def small(sqlite_db: Database) -> AsyncIterator[Bed]:
    """On SQLite alone: what no database decides."""
    platform = Platform()
    clock = Ahead()
    async with TestServer(make_app(platform)) as server:
        url = str(server.make_url("")).rstrip("/")
        yield Bed(make_deps(sqlite_db, clock, url), clock, platform, url)
