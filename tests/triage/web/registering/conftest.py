"""The clerk's form over a real server and a real database, as a browser without a script sends it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from aiohttp import FormData

from models.appeals import Appeal
from models.db import Database  # noqa: TC001  (a fixture's annotation)
from nlp.pipeline import Reader
from triage.services import reference
from triage.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.triage.web.conftest import Client
    from triage.services.deps import Deps

PAGE = "/desk/register"
PHONE = "13912340007"
GOOD = {
    "how": "visit", "title": "夜间施工", "received": "2026-11-23T15:30", "number": "",
    "text": "朝阳区望京街道望京北路的工地，这一周每天夜里十二点还在打桩，吵得睡不着。",
    "place": "望京北路南侧", "name": "李小明", "phone": "139 1234 0007", "do": "send",
}  # fmt: skip


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough for pages; the service is tested on both."""
    return sqlite_db


@pytest.fixture
async def deps(deps: Deps, tmp_path: Path) -> Deps:
    """With a file store of the test's own, and units."""
    found = replace(deps, settings=Settings(files_dir=tmp_path / "files", upload_megabytes=1, upload_files=2))
    await reference.sync(found)
    return found


@pytest.fixture(scope="session")
def reader() -> Reader:
    return Reader.load(weights=None)


@dataclass
class Clerk:
    """A browser without a script, as far as a form goes."""

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
        """The hidden fields of the form."""
        form = self.page.partition("data-register>")[2]
        return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))

    async def send(self, *files: tuple[str, bytes], path: str = PAGE, **more: str) -> str:
        """Send the form that is open, filled in."""
        return await self.post({**self.fields, **GOOD, **more}, files, path=path)

    async def post(
        self, fields: dict[str, Any], files: Sequence[tuple[str, bytes]] = (), path: str = PAGE
    ) -> str:
        form = FormData(quote_fields=False)
        for name, value in fields.items():
            form.add_field(name, str(value))
        # As browsers send an input that was left empty.
        for name, content in files or [("", b"")]:
            form.add_field("files", content, filename=name, content_type="image/jpeg")
        answer = await self.client.post(path, data=form)
        self.page, self.status, self.address = await answer.text(), answer.status, str(answer.url.relative())
        return self.page

    @property
    def faults(self) -> dict[str, str]:
        return dict(re.findall(r'<span class="fault" id="(\w+)-fault">([^<]+)</span>', self.page))


@pytest.fixture
def clerk(client: Client) -> Clerk:
    return Clerk(client)


async def appeals(deps: Deps) -> list[Appeal]:
    async with deps.db.reads() as session:
        return list(await session.scalars(sa.select(Appeal).order_by(Appeal.id)))
