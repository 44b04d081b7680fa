"""A browser without a script that reports, over a real server."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from aiohttp import FormData

from models.appeals import Appeal
from models.db import Database  # noqa: TC001  (a fixture's annotation)
from models.tickets import Ticket
from models.vocab_staff import Role
from nlp.pipeline import Reader
from triage.services import reference
from triage.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps

PAGE = "/desk/patrol"
STREET = "110105026"
GOOD = {
    "text": "望京北路边上一大堆生活垃圾没有人清，臭味很大。",
    "place": "望京街道望京北路",
    "handled": "0",
    "do": "send",
}
HANDLED = {"handled": "1", "note": "已当场清走垃圾两车，路面冲洗干净。"}


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough for pages; the service is tested on both."""
    return sqlite_db


@pytest.fixture
async def deps(deps: Deps, tmp_path: Path) -> Deps:
    """With a file store of the test's own, and units."""
    found = replace(deps, settings=Settings(files_dir=tmp_path / "files", upload_megabytes=1, upload_files=3))
    await reference.sync(found)
    return found


@pytest.fixture(scope="session")
def reader() -> Reader:
    return Reader.load(weights=None)


@dataclass
class Officer:
    """A browser without a script, as far as the form goes."""

    client: Client
    page: str = ""
    status: int = 0
    address: str = ""

    async def get(self, path: str = PAGE) -> str:
        answer = await self.client.get(path)
        self.page, self.status, self.address = await answer.text(), answer.status, str(answer.url.relative())
        return self.page

    @property
    def fields(self) -> dict[str, str]:
        form = self.page.partition("data-patrol>")[2]
        return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))

    async def send(
        self, *after: bytes, before: Sequence[bytes] = (), more: dict[str, str] | None = None
    ) -> str:
        """Send the form that is open, filled in."""
        return await self.post({**self.fields, **GOOD, **(more or {})}, after, before)

    async def post(
        self, fields: dict[str, Any], after: Sequence[bytes] = (), before: Sequence[bytes] = ()
    ) -> str:
        form = FormData(quote_fields=False)
        for name, value in fields.items():
            form.add_field(name, str(value))
        for name, some in (("files", before), ("after", after)):
            # As browsers send an input that was left empty.
            for content in some or [b""]:
                called = "IMG_1391234.jpg" if content else ""
                form.add_field(name, content, filename=called, content_type="image/jpeg")
        answer = await self.client.post(PAGE, data=form)
        self.page, self.status, self.address = await answer.text(), answer.status, str(answer.url.relative())
        return self.page

    @property
    def faults(self) -> dict[str, str]:
        return dict(re.findall(r'<span class="fault" id="(\w+)-fault">([^<]+)</span>', self.page))


@pytest.fixture
async def officer(client_of: ClientOf) -> Officer:
    return Officer(await client_of(Role.STREET, unit=STREET))


async def ticket_of(deps: Deps) -> Ticket:
    async with deps.db.reads() as session:
        return (await session.scalars(sa.select(Ticket))).one()


async def count(deps: Deps) -> int:
    async with deps.db.reads() as session:
        return await session.scalar(sa.select(sa.func.count(Appeal.id))) or 0
