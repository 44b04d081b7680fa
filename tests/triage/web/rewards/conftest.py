"""The pages of rewards over a real server; who looks is said by a cookie of the test."""

from __future__ import annotations

import base64
import dataclasses
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from models.db import Database  # noqa: TC001  (a fixture's annotation)
from models.viewing import ALL, Scope, all_seeing
from models.vocab_staff import Permission
from nlp.pipeline import Reader
from tests.triage.web.citizen.conftest import Citizen, Clock
from triage.services import reference
from triage.settings import Settings
from triage.web.app import make_app
from triage.web.keys import IDENTIFY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aiohttp import web

    from models.viewing import Viewer
    from tests.triage.web.conftest import Client
    from triage.services.deps import Deps

#: Login → what they may do. Two of them review.
STAFF = {
    "handler": {Permission.REWARD_HANDLE, Permission.SEE_CASES},
    "legal": {Permission.REWARD_REVIEW},
    "finance": {Permission.REWARD_REVIEW},
    "head": {Permission.REWARD_APPROVE},
    "payer": {Permission.REWARD_PAY},
    "clerk": {Permission.SEE_CASES},
    "chaoyang": {Permission.REWARD_HANDLE, Permission.REWARD_REVIEW},
    "haidian": {Permission.REWARD_HANDLE, Permission.REWARD_REVIEW},
    "haidian-payer": {Permission.REWARD_PAY},
}
#: Whoever is not of the whole city.
SCOPES = {
    "chaoyang": Scope(units=frozenset({"110105", "110105026"})),
    "haidian": Scope(units=frozenset({"110108", "110108010"})),
    "haidian-payer": Scope(units=frozenset({"110108", "110108010"})),
}


async def who(request: web.Request) -> Viewer | None:
    """Whoever the cookie names."""
    login = request.cookies.get("who", "")
    permissions = STAFF.get(login)
    if permissions is None:
        return None
    return dataclasses.replace(
        all_seeing(login), permissions=frozenset(permissions), scope=SCOPES.get(login, ALL)
    )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough for pages."""
    return sqlite_db


@pytest.fixture
async def deps(deps: Deps, tmp_path: Path, clock: Clock) -> Deps:
    keys = SecretStr("7:" + base64.b64encode(bytes(range(32))).decode())
    found = replace(
        deps,
        clock=clock,
        settings=Settings(
            files_dir=tmp_path / "files", upload_megabytes=1, reward_keys=keys, reward_hash_kib=8
        ),
    )
    await reference.sync(found)
    return found


@pytest.fixture
def app(deps: Deps) -> web.Application:
    found = make_app(deps)
    found[IDENTIFY] = who
    return found


@pytest.fixture
async def client(app: web.Application) -> AsyncIterator[Client]:
    async with TestClient(TestServer(app)) as found:
        yield found


@pytest.fixture
def citizen(client: Client) -> Citizen:
    return Citizen(client)


@pytest.fixture(scope="session")
def reader() -> Reader:
    return Reader.load(weights=None)
