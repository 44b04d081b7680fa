"""What `admit` lets in, and that no route is without a declaration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from models.viewing import all_seeing
from models.vocab_staff import Permission
from triage.web import access
from triage.web.app import make_app
from triage.web.keys import IDENTIFY

if TYPE_CHECKING:
    from models.viewing import Viewer
    from triage.services.deps import Deps


async def nobody(request: web.Request) -> Viewer | None:
    """Not signed in."""
    del request
    return None


async def shown(request: web.Request) -> web.Response:
    """A page of a test."""
    return web.Response(text=request.path)


def test_an_application_with_an_undeclared_route_does_not_start() -> None:
    app = web.Application()
    app.router.add_get("/late", shown)

    with pytest.raises(access.Undeclared, match="/late"):
        access.install(app, (access.get("/x", shown, needs=Permission.STAFF),))
    with pytest.raises(access.Undeclared):
        access.install(web.Application(), (web.get("/x", shown),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wanted", "safe"),
    [
        ("/desk/tickets/20261126-00000001?done=sign", "/desk/tickets/20261126-00000001?done=sign"),
        ("/desk?q=1", "/desk?q=1"),
        ("/", "/"),
        (None, "/desk"),
        ("", "/desk"),
        ("https://evil.example/desk", "/desk"),
        ("//evil.example/desk", "/desk"),
        ("/\\evil.example", "/desk"),
        ("/desk//evil", "/desk"),
        ("/desk/../static/x", "/desk"),
        ("/deskevil", "/desk"),
        ("/citizen", "/desk"),
        ("/desk\r\nSet-Cookie: a=b", "/desk"),
        ("javascript:alert(1)", "/desk"),
    ],
)
def test_only_pages_of_the_desk_are_led_to(wanted: str | None, safe: str) -> None:
    assert access.safe_next(wanted) == safe


async def test_without_a_person_pages_lead_to_the_login_and_programs_are_told(deps: Deps) -> None:
    app = make_app(deps)
    app[IDENTIFY] = nobody
    async with TestClient(TestServer(app)) as client:
        page = await client.get("/desk/due?within=2h", allow_redirects=False)
        form = await client.post("/desk/as", data={"post": "hotline"}, allow_redirects=False)
        program = await client.get("/api/v1/tickets")
        told = await program.json()
        probe = await client.get("/healthz")
        citizen = await client.get("/citizen")

    assert (page.status, page.headers["Location"]) == (303, "/login?next=/desk/due%3Fwithin%3D2h")
    assert (form.status, form.headers["Location"]) == (303, "/login")
    assert (program.status, told["code"]) == (401, "not_signed_in")
    assert (probe.status, citizen.status) == (200, 200)


async def test_without_the_permission_one_is_refused_in_words(deps: Deps) -> None:
    async def analyst(request: web.Request) -> Viewer | None:
        del request
        found = all_seeing("a")
        return type(found)("a", found.scope, permissions=frozenset({Permission.LEADS}))

    app = make_app(deps)
    app[IDENTIFY] = analyst
    async with TestClient(TestServer(app)) as client:
        page = await client.get("/desk/sources")
        text = await page.text()
        home = await client.get("/", allow_redirects=False)

    assert page.status == 403
    assert "您的角色没有这项权限" in text
    assert 'href="/desk/leads"' in text
    assert 'href="/desk/sources"' not in text
    # Nothing of a refusal leads to another one.
    assert '<a class="brand" href="/desk/leads">' in text
    assert '<a class="button" href="/desk/leads">回到媒体线索</a>' in text
    assert 'href="/desk"' not in text
    assert home.headers["Location"] == "/desk/leads"
