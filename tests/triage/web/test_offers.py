"""What a page offers, its reader may do: no link or form of any page leads a role to a refusal."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import pytest
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request

from models.viewing import ALL
from models.vocab_staff import Role
from tests.docs import access_matrix
from tests.factories import add_tickets
from tests.triage.services.repeats.test_looking import AGAIN, FIRST
from triage.services import reference
from triage.services.repeats import looking
from triage.web import access
from triage.web.app import make_app
from triage.web.keys import DECLARED, IDENTIFY, Caches

if TYPE_CHECKING:
    from aiohttp import web

    from models.db import Database
    from models.viewing import Viewer
    from triage.services.deps import Deps

PAGES: Final = (
    "/desk", "/desk/tickets/{a}", "/desk/tickets/{a}/files", "/desk/compare/{b}/{a}", "/desk/repeats",
    "/desk/due", "/desk/own", "/desk/map", "/desk/incidents", "/desk/bulk", "/desk/trends", "/desk/signals",
    "/desk/topics", "/desk/parties", "/desk/leads", "/desk/rewards", "/desk/reports", "/desk/calls",
    "/desk/month", "/desk/objections", "/desk/notices", "/desk/places", "/desk/dead", "/desk/sources",
    "/desk/staff", "/desk/audit", "/desk/review/{a}", "/desk/register",
    "/desk/callers",
)  # fmt: skip
LINK: Final = re.compile(r'<a\b[^>]*?href="(/[^"]*)"')
FORM: Final = re.compile(r'<form\b[^>]*?method="post"[^>]*?>')
ACTION: Final = re.compile(r'\baction="(/[^"]*)"')
BUTTON: Final = re.compile(r'\bformaction="(/[^"]*)"')


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough."""
    return sqlite_db


def offered(page: str) -> set[tuple[str, str]]:
    """Method and address of what can be pressed."""
    posts = [ACTION.search(form) for form in FORM.findall(page)]
    found = {("POST", one[1]) for one in posts if one} | {("POST", one) for one in BUTTON.findall(page)}
    return found | {("GET", one) for one in LINK.findall(page)}


async def need_of(app: web.Application, method: str, address: str) -> access.Need:
    """What the route of an address asks for. Raises KeyError for an address that leads nowhere."""
    match = await app.router.resolve(make_mocked_request(method, urlsplit(address).path))
    return app[DECLARED][access.key_of(match.route)]


async def test_no_page_offers_what_its_reader_is_refused(deps: Deps) -> None:
    first, again = await add_tickets(deps.db, FIRST, AGAIN)
    await reference.sync(deps)
    await looking.Finder(deps).catch_up()
    who: list[Viewer] = []

    async def identify(request: web.Request) -> Viewer | None:
        del request
        return who[-1]

    app = make_app(deps, caches=Caches(count_patience=30))
    app[IDENTIFY] = identify
    async with TestClient(TestServer(app)) as client:
        for role in Role:
            # As far as the city, so that the pages have something on them.
            who.append(replace(access_matrix.viewer(deps.tables, role), scope=ALL))
            for page in PAGES:
                text = await (await client.get(page.format(a=first, b=again))).text()
                wrong = {
                    (method, address)
                    for method, address in offered(text)
                    if not (await need_of(app, method, address)).met_by(who[-1])
                }
                assert (role.value, page, wrong) == (role.value, page, set())
