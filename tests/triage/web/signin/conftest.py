"""Signing in over a real server: a browser without a script, with a clock that is moved by hand."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import TestClient

from models.db import Database  # noqa: TC001  (a fixture's annotation)
from models.vocab_staff import Permission
from tests import signed_in
from tests.factories import add_reference
from tests.triage.services.staff.conftest import CHEAP, Clock
from triage.services import reference

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from aiohttp.test_utils import TestServer

    from tests.triage.web.conftest import Client
    from triage.services.deps import Deps


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough for pages; the services run on both."""
    return sqlite_db


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def deps(deps: Deps, clock: Clock) -> Deps:
    await add_reference(deps.db)
    found = replace(deps, clock=clock, settings=CHEAP)
    await reference.sync(found)
    return found


def without_codes(deps: Deps) -> Deps:
    """As if an auditor needed no code: for what is the same whether there is one or not."""
    rows = deps.tables.signins
    fewer = tuple(replace(row, code_for=row.code_for - {Permission.AUDIT}) for row in rows)
    return replace(deps, tables=replace(deps.tables, signins=fewer))


@dataclass
class Hand:
    """A browser without a script: reads a page, fills in its form, keeps its cookies."""

    client: Client
    page: str = ""
    status: int = 0
    address: str = ""

    async def get(self, path: str) -> str:
        answer = await self.client.get(path)
        self.page, self.status, self.address = await answer.text(), answer.status, str(answer.url.relative())
        return self.page

    async def post(self, path: str, **fields: str) -> str:
        (token,) = set(re.findall(r'name="token" value="([^"]+)"', self.page))
        answer = await self.client.post(path, data={"token": token, **fields})
        self.page, self.status, self.address = await answer.text(), answer.status, str(answer.url.relative())
        return self.page

    async def sign_in(self, login: str, password: str, wanted: str = "") -> str:
        await self.get(wanted or "/login")
        next_ = re.findall(r'name="next" value="([^"]*)"', self.page)[0]
        return await self.post("/login", login=login, password=password, next=next_)

    @property
    def session(self) -> str:
        """The value of the session's cookie."""
        found = {cookie.key: cookie.value for cookie in self.client.session.cookie_jar}
        return found.get(signed_in.COOKIE, "")


@pytest.fixture
async def browser(server: TestServer) -> AsyncIterator[Callable[[], Hand]]:
    """Makes browsers, none of them signed in."""
    made: list[Client] = []

    def make() -> Hand:
        made.append(TestClient(server))
        return Hand(made[-1])

    yield make
    for client in made:
        await client.session.close()


@pytest.fixture
async def hand(browser: Callable[[], Hand]) -> Hand:
    """A browser."""
    return browser()
