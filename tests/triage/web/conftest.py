"""The web application over a real database, at a moment that stands still."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Protocol

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

import triage.tables
from connectors.vault import Vault
from tests import signed_in
from tests.factories import NOW
from triage.clock import FixedClock
from triage.services.deps import Deps
from triage.settings import Settings
from triage.web.app import make_app
from triage.web.keys import Caches

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from models.db import Database
    from models.vocab_staff import Role
    from triage.rules.rows import Tables

Client = TestClient[web.Request, web.Application]


class ClientOf(Protocol):
    """Makes a client of these roles, for a unit or the whole city."""

    async def __call__(self, *roles: Role, unit: str | None = None, login: str = "") -> Client: ...


@pytest.fixture(scope="session")
def tables() -> Tables:
    """The rule tables as shipped."""
    return triage.tables.load()


@pytest.fixture
def deps(db: Database, tables: Tables) -> Deps:
    """What handlers work with."""
    return Deps(settings=Settings(), clock=FixedClock(NOW), tables=tables, db=db, vault=Vault({1: bytes(32)}))


@pytest.fixture
async def server(deps: Deps) -> AsyncIterator[TestServer]:
    """A running application."""
    found = TestServer(make_app(deps, caches=Caches(count_patience=30)))
    async with found:
        yield found


@pytest.fixture
async def client(server: TestServer, deps: Deps) -> AsyncIterator[Client]:
    """A client whose person is signed in, with every role in the whole city."""
    cookies = {signed_in.COOKIE: await signed_in.sign_in(deps)}
    async with TestClient(server, cookies=cookies) as found:
        yield found


@pytest.fixture
async def stranger(server: TestServer) -> AsyncIterator[Client]:
    """A client that nobody has signed in with."""
    async with TestClient(server) as found:
        yield found


@pytest.fixture
async def client_of(server: TestServer, deps: Deps) -> AsyncIterator[ClientOf]:
    """Clients of any role and unit.

    client = await client_of(Role.STREET, unit="110105026")
    """
    async with AsyncExitStack() as stack:

        async def make(*roles: Role, unit: str | None = None, login: str = "") -> Client:
            cookies = {signed_in.COOKIE: await signed_in.sign_in(deps, *roles, unit=unit, login=login)}
            return await stack.enter_async_context(TestClient(server, cookies=cookies))

        yield make
