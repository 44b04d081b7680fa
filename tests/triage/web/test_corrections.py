"""Corrections by form and by JSON: kept, shown, and taken from no other site's page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.corrections import Correction
from tests.factories import TicketIn, add_reference, add_tickets
from triage.web.guard import FIELD

if TYPE_CHECKING:
    from models.db import Database
    from tests.triage.web.conftest import Client


@pytest.fixture
async def no(db: Database) -> str:
    """A ticket's number."""
    await add_reference(db)
    (number,) = await add_tickets(db, TicketIn(kind="NOI-01"))
    return str(number)


async def news(db: Database) -> list[tuple[str, str]]:
    async with db.reads() as session:
        rows = await session.execute(sa.select(Correction.field, Correction.new).order_by(Correction.id))
        return [(field, new) for field, new in rows]


async def test_json_is_kept_and_told_back(client: Client, db: Database, no: str) -> None:
    response = await client.post(
        f"/api/v1/tickets/{no}/corrections", json={"kind": "NOI-02", "urgency": "U2"}
    )
    assert response.status == 201
    items = (await response.json())["items"]
    assert [(item["field"], item["old"], item["new"]) for item in items] == [
        ("kind", "NOI-01", "NOI-02"),
        ("urgency", "U3", "U2"),
    ]
    assert await news(db) == [("kind", "NOI-02"), ("urgency", "U2")]


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (("kind=NOI-02", "application/json"), "不是 JSON"),
        (("[1]", "application/json"), "应是一个对象"),
        (('{"kind": 5}', "application/json"), "应是一个对象"),
        (('{"kind": "X"}', "application/json"), "污染种类"),
        (("{}", "application/json"), "没有要更正的内容"),
    ],
)
async def test_what_is_wrong_with_json_is_said(
    client: Client, db: Database, no: str, sent: tuple[str, str], told: str
) -> None:
    response = await client.post(
        f"/api/v1/tickets/{no}/corrections", data=sent[0], headers={"Content-Type": sent[1]}
    )
    assert response.status == 400
    assert told in (await response.json())["detail"]
    assert await news(db) == []


async def test_a_number_that_is_none_is_not_found(client: Client) -> None:
    response = await client.post("/api/v1/tickets/20261123-99999999/corrections", json={"kind": "NOI-02"})
    assert response.status == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example", "Content-Type": "application/json"},
        {"Sec-Fetch-Site": "cross-site", "Content-Type": "application/json"},
        {"Sec-Fetch-Site": "same-site", "Content-Type": "application/json"},
    ],
)
async def test_json_of_another_sites_page_is_refused(
    client: Client, db: Database, no: str, headers: dict[str, str]
) -> None:
    body = '{"kind": "NOI-02"}'
    response = await client.post(f"/api/v1/tickets/{no}/corrections", data=body, headers=headers)
    assert response.status == 403
    assert await news(db) == []


def origin(client: Client) -> dict[str, str]:
    return {"Origin": str(client.make_url("/")).rstrip("/"), "Sec-Fetch-Site": "same-origin"}


async def form_of(client: Client, no: str, **values: str) -> dict[str, str]:
    """What the form on the ticket's page sends."""
    text = await (await client.get(f"/desk/tickets/{no}")).text()
    token = re.search(rf'name="{FIELD}" value="([A-Za-z0-9_-]+)"', text)
    assert token is not None
    return {FIELD: token[1], **values}


async def test_the_form_leads_back_to_the_ticket_which_shows_what_was_said(
    client: Client, db: Database, no: str
) -> None:
    form = await form_of(client, no, kind="NOI-02", environmental="", other="x")
    response = await client.post(
        f"/desk/tickets/{no}/corrections", data=form, headers=origin(client), allow_redirects=False
    )
    assert (response.status, response.headers["Location"]) == (303, f"/desk/tickets/{no}#corrections")
    assert await news(db) == [("kind", "NOI-02")]
    page = await (await client.get(f"/desk/tickets/{no}")).text()
    assert "<b>工业噪声</b>" in page


async def test_a_form_without_its_token_is_refused(client: Client, db: Database, no: str) -> None:
    response = await client.post(
        f"/desk/tickets/{no}/corrections", data={"kind": "NOI-02"}, headers=origin(client)
    )
    assert response.status == 403
    assert await news(db) == []


async def test_an_empty_form_is_told(client: Client, db: Database, no: str) -> None:
    form = await form_of(client, no)
    response = await client.post(f"/desk/tickets/{no}/corrections", data=form, headers=origin(client))
    assert response.status == 400
    assert "没有要更正的内容" in await response.text()
    assert await news(db) == []
