"""附件 on the desk: sent, listed, shown as what they are; nothing that a browser would run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from aiohttp import FormData

from tests import pictures
from tests.factories import TicketIn, add_tickets
from triage.services.auditing import reading
from triage.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from models.db import Database
    from tests.triage.web.conftest import Client
    from triage.services.deps import Deps


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough here."""
    return sqlite_db


@pytest.fixture
def deps(deps: Deps, tmp_path: Path) -> Deps:
    """With a file store of the test's own."""
    from dataclasses import replace  # noqa: PLC0415

    return replace(deps, settings=Settings(files_dir=tmp_path / "files", upload_megabytes=1))


async def send(client: Client, no: str, *files: tuple[str, bytes], token: str | None = None) -> int:
    page = await client.get(f"/desk/tickets/{no}/files")
    # As browsers send names: their bytes, not percent signs.
    form = FormData(quote_fields=False)
    form.add_field("token", token or page.cookies["jiesu_token"].value)
    for name, content in files:
        form.add_field("files", content, filename=name, content_type="text/html")
    answer = await client.post(f"/desk/tickets/{no}/files", data=form, allow_redirects=False)
    return answer.status


async def test_a_file_is_sent_listed_and_shown(client: Client, deps: Deps) -> None:
    (no,) = await add_tickets(deps.db, TicketIn())
    assert await send(client, no, ("夜里.jpg", pictures.jpeg()), ("记录.pdf", b"%PDF-1.7\n")) == 303
    page = await (await client.get(f"/desk/tickets/{no}/files")).text()
    assert re.findall(r'href="/desk/files/(\d+)"', page) == ["1", "2"]
    photo = await client.get("/desk/files/1")
    assert photo.headers["Content-Type"] == "image/jpeg"
    assert photo.headers["X-Content-Type-Options"] == "nosniff"
    assert photo.headers["Cache-Control"] == "no-store"
    assert photo.headers["Content-Disposition"].startswith("inline;")
    assert [secret for secret in pictures.SECRETS if secret in await photo.read()] == []
    (entry,) = [row async for row in reading.every(deps.db, reading.LedgerFilter(case_no=no))]
    assert (entry.act, entry.detail, entry.origin) == ("ticket.files", {"files": 2}, "127.0.0.1")
    pdf = await client.get("/desk/files/2")
    assert pdf.headers["Content-Disposition"] == "attachment; filename*=UTF-8''%E8%AE%B0%E5%BD%95.pdf"
    assert [(await client.get(f"/desk/files/{n}/thumb")).status for n in (1, 2)] == [200, 404]


@pytest.mark.parametrize("address", ["0", "7", "x", "-1", "9" * 18, "9" * 40, "１", "1%00"])
async def test_no_other_number_shows_a_file(client: Client, address: str) -> None:
    assert (await client.get(f"/desk/files/{address}")).status == 404


async def test_what_is_refused_is_told_on_the_page(client: Client, deps: Deps) -> None:
    (no,) = await add_tickets(deps.db, TicketIn())
    assert await send(client, no, ("x.svg", b"<svg onload='alert(1)'/>")) == 400
    assert await send(client, no, ("big.jpg", b"\xff\xd8\xff" + bytes(1_000_001))) == 400
    assert await send(client, no) == 400
    assert "还没有附件" in await (await client.get(f"/desk/tickets/{no}/files")).text()


async def test_more_than_can_be_told_about_is_not_read(client: Client, deps: Deps) -> None:
    (no,) = await add_tickets(deps.db, TicketIn())
    assert await send(client, no, *[(f"{n}.jpg", bytes(1_000_000)) for n in range(12)]) == 413


async def test_no_ticket_no_files(client: Client, deps: Deps) -> None:
    (no,) = await add_tickets(deps.db, TicketIn())
    token = (await client.get(f"/desk/tickets/{no}/files")).cookies["jiesu_token"].value
    assert await send(client, "20261123-99999999", ("a.png", pictures.png()), token=token) == 404
    assert await send(client, no, ("a.png", pictures.png()), token="x" * 43) == 403


async def test_a_lost_file_is_told_not_hidden(client: Client, deps: Deps, tmp_path: Path) -> None:
    (no,) = await add_tickets(deps.db, TicketIn())
    await send(client, no, ("a.png", pictures.png()))
    for path in (tmp_path / "files").glob("??/*"):
        path.write_bytes(b"damaged")
    answer = await client.get("/desk/files/1")
    assert (answer.status, "附件库里没有它" in await answer.text()) == (404, True)
