"""Every role over every route of a real application: let in or refused exactly as declared."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

import triage.tables
from connectors.vault import Vault
from models.vocab_staff import Role
from tests.docs import access_matrix
from tests.factories import NOW
from triage.clock import FixedClock
from triage.services.deps import Deps
from triage.settings import Settings
from triage.web.access import NotAllowed, NotSignedIn
from triage.web.app import make_app
from triage.web.keys import IDENTIFY, Caches

if TYPE_CHECKING:
    from aiohttp import ClientResponse, web

    from models.db import Database
    from models.viewing import Viewer
    from triage.web.access import Declared

TABLES = triage.tables.load()
PATTERN = re.compile(r"\{(\w+)(?::([^{}]*(?:\{[^{}]*\}[^{}]*)*))?\}")
CHOICE = re.compile(r"(\w+)(?:\|\w+)+")
FILLED = {
    "no": "20261123-00000001", "a": "20261123-00000001", "b": "20261123-00000002", "month": "2026-10",
    "name": "desk.css", "kind": "feed", "key": "city", "source": "city", "format": "json",
    "panel": "volume", "year": "2026",
}  # fmt: skip
#: Fewer than this and somebody has opened the house.
LEAST_REFUSED = 400


def address(one: Declared) -> str:
    """A path of the route."""
    return PATTERN.sub(_filled, one.route.path)


def _filled(found: re.Match[str]) -> str:
    """A value that fits: of a choice (`{form:xlsx|docx}`) the first."""
    choice = CHOICE.fullmatch(found[2] or "")
    return choice[1] if choice else FILLED.get(found[1], "1")


async def words(answer: ClientResponse) -> str:
    """What an answer says; a stream of events never ends, so nothing is read of it."""
    if answer.content_type == "text/event-stream":
        answer.close()
        return ""
    return await answer.text(errors="replace")


async def outcome(client: TestClient[Any, Any], one: Declared) -> str:
    """Refused for want of a person, or of the permission; or let in, whatever became of it then."""
    answer = await client.request(one.route.method, address(one), allow_redirects=False)
    text = await words(answer)
    # The pages of signing in lead to each other by themselves.
    to_login = (
        answer.status == 303
        and answer.headers["Location"].startswith("/login")
        and not address(one).startswith("/login")
    )
    told = {NotAllowed().detail: "no permission", NotSignedIn().detail: "nobody"}
    refusals = [name for words, name in told.items() if words in text and answer.status in {401, 403}]
    return "nobody" if to_login else (refusals or ["in"])[0]


@pytest.mark.parametrize("role", [None, *Role], ids=lambda role: role.value if role else "nobody")
async def test_each_route_lets_in_whom_it_says(sqlite_db: Database, role: Role | None) -> None:
    who = access_matrix.viewer(TABLES, role) if role else None

    async def identify(request: web.Request) -> Viewer | None:
        del request
        return who

    deps = Deps(Settings(), FixedClock(NOW), TABLES, sqlite_db, Vault({1: bytes(32)}))
    app = make_app(deps, caches=Caches(count_patience=30))
    app[IDENTIFY] = identify
    refusal = "no permission" if who else "nobody"
    async with TestClient(TestServer(app)) as client:
        found = {
            (one.route.method, one.route.path): await outcome(client, one) for one in access_matrix.routes()
        }
    assert found == {
        (one.route.method, one.route.path): "in" if one.need.met_by(who) else refusal
        for one in access_matrix.routes()
    }


def test_most_pairs_are_refused() -> None:
    assert access_matrix.refused() >= LEAST_REFUSED
