"""CSRF, open redirects, paths, and what is sent beside what is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.tickets import Ticket
from tests.docs import access_matrix
from tests.triage.web.test_access_matrix import address

if TYPE_CHECKING:
    from tests.triage.web.attacks.conftest import World
    from triage.web.access import Declared

#: By key or signature, not by cookie (guard).
BY_KEY = ("/hooks/", "/open311/")


def changing() -> list[Declared]:
    """Every route that changes something for whoever has a cookie."""
    return [
        one
        for one in access_matrix.routes()
        if one.route.method not in {"GET", "HEAD"} and not one.route.path.startswith(BY_KEY)
    ]


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
    ids=str,
)
async def test_no_other_site_changes_anything(world: World, headers: dict[str, str]) -> None:
    token = world.token()
    found = {}
    for one in changing():
        api = one.route.path.startswith("/api/")
        answer = await world.client.request(
            one.route.method,
            address(one),
            headers=headers,
            allow_redirects=False,
            json={} if api else None,
            data=None if api else {"token": token},
        )
        found[one.route.method, one.route.path] = (answer.status, "不是从本系统的页面" in await answer.text())
    assert found == dict.fromkeys(found, (403, True))
    assert len(found) >= 40


async def test_a_form_without_its_token_changes_nothing(world: World) -> None:
    world.token()
    found = {}
    for one in changing():
        answer = await world.client.request(
            one.route.method, address(one), data={"token": "x" * 43}, allow_redirects=False
        )
        found[one.route.method, one.route.path] = answer.status
    # A form is no JSON: the API refuses its type.
    assert set(found.values()) == {403, 415}
    assert {path.split("/")[1] for (_, path), status in found.items() if status == 415} == {"api"}


@pytest.mark.parametrize(
    "back",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/citizen",
        "javascript:alert(1)",
        "/desk\\x",
    ],
)
async def test_nobody_is_led_away(world: World, back: str) -> None:
    answer = await world.client.post(
        "/desk/as", data={"token": world.token(), "post": "hotline", "back": back}, allow_redirects=False
    )
    assert (answer.status, answer.headers["Location"]) == (303, "/desk")
    size = await world.client.post(
        "/citizen/size", data={"token": world.token(), "large": "1", "back": back}, allow_redirects=False
    )
    assert size.headers["Location"] == "/citizen"


@pytest.mark.parametrize(
    "path",
    [
        "/static/..%2f..%2fapp.py",
        "/static/%2e%2e/app.py",
        "/static/..%5capp.py",
        "/static//etc/passwd",
        "/static/desk.css%00.py",
        "/desk/files/..%2f1",
        "/desk/files/1%2f..%2f2",
        "/desk/bulk/1/results...%2f",
        "/desk/tickets/..%2f..%2fstatic",
        "/desk/sources/..%2f..%2f",
        "/desk/month/..%2f/1.xlsx",
        "/citizen/files/..%2f1",
        "/open311/v2/requests/..%2f..%2fdesk.json",
    ],
)
async def test_no_path_leads_out(world: World, path: str) -> None:
    from yarl import URL  # noqa: PLC0415

    answer = await world.client.get(URL(path, encoded=True))
    text = await answer.text()
    assert answer.status in {400, 404}
    assert [word for word in ("make_app", "root:", "def ") if word in text] == []


MORE = {
    "state": "closed",
    "unit_code": "110108010",
    "confidential": "false",
    "flagged": "true",
    "asked": "extend_ask",
    "id": "1",
    "appeal_id": "1",
    "staff_id": "1",
    "roles": "admin",
    "permissions": "staff",
    "post": "system",
}


async def test_what_is_sent_beside_the_form_is_not_stored(world: World) -> None:
    async def row() -> tuple[object, ...]:
        async with world.deps.db.reads() as session:
            found = await session.execute(
                sa.select(
                    Ticket.unit_code, Ticket.flagged, Ticket.asked, Ticket.appeal_id, Ticket.state, Ticket.id
                ).where(Ticket.no == world.own)
            )
            return tuple(found.one())

    before = await row()
    no = world.own
    assert await world.form(
        f"/desk/tickets/{no}/moves", move="urge", version="1", key="k", note="请快办", **MORE
    ) in {
        303,
        400,
        422,
    }
    assert await row() == before
    version = 1
    for name, value in MORE.items():
        body = {"move": "urge", "version": version, "values": {"note": "x"}, "as": {"post": "hotline"}}
        top = await world.client.post(
            f"/api/v1/tickets/{no}/moves", json={**body, name: value}, headers={"Idempotency-Key": name}
        )
        inside = await world.client.post(
            f"/api/v1/tickets/{no}/moves",
            json={**body, "values": {"note": "x", name: value}},
            headers={"Idempotency-Key": f"{name}-2"},
        )
        source = await world.client.post(
            "/api/v1/sources",
            json={"key": "x1", "kind": "hotline", "name": "名", "settings": {}, name: value},
        )
        bulk = await world.client.post(
            "/api/v1/bulk",
            json={
                "move": "urge",
                "values": {"note": "x"},
                "as": {"post": "hotline"},
                "tickets": [no],
                name: "1",
            },
        )
        assert {top.status, inside.status, source.status, bulk.status} <= {400, 422}
    assert await row() == before
