"""The citizen's page over a real server and a real database."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import FormData

from models.db import Database  # noqa: TC001  (a fixture's annotation)
from nlp.pipeline import Reader
from tests.factories import NOW
from triage.services import reference
from triage.settings import Settings
from triage.web.citizen import report

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from tests.triage.web.conftest import Client
    from triage.services.deps import Deps


@dataclass
class Clock:
    """A clock that is moved by hand."""

    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment

    def later(self, **span: int) -> None:
        self.moment += timedelta(**span)


@pytest.fixture(autouse=True)
def _nobody_reads_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """The receipt waits a moment for a worker; here there is none to wait for."""
    monkeypatch.setattr(report, "_PATIENCE_SECONDS", 0.0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough for pages."""
    return sqlite_db


@pytest.fixture
async def deps(deps: Deps, tmp_path: Path, clock: Clock) -> Deps:
    """With a file store of the test's own, units, and a clock that is moved by hand."""
    found = replace(
        deps, clock=clock, settings=Settings(files_dir=tmp_path / "files", upload_megabytes=1, upload_files=2)
    )
    await reference.sync(found)
    return found


@pytest.fixture(scope="session")
def reader() -> Reader:
    return Reader.load(weights=None)


GOOD = {
    "text": "朝阳区望京街道望京北路的工地，这一周每天夜里十二点还在打桩，吵得睡不着。",
    "place": "望京北路南侧",
    "manner": "named",
    "name": "李小明",
    "phone": "139 1234 0007",
    "do": "send",
}


@dataclass
class Citizen:
    """A browser without a script, as far as a form goes."""

    client: Client
    page: str = ""
    status: int = 0
    address: str = ""
    cookies: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str) -> str:
        answer = await self.client.get(path)
        self.page, self.status, self.address = await answer.text(), answer.status, str(answer.url.relative())
        return self.page

    def hidden(self, name: str) -> str:
        """The value of a hidden field of the page, the last of that name."""
        return str(re.findall(rf'name="{name}" value="([^"]*)"', self.page)[-1])

    async def post(self, path: str, fields: dict[str, Any], files: Sequence[tuple[str, bytes]] = ()) -> str:
        form = FormData(quote_fields=False)
        for name, value in {"token": self.hidden("token"), **fields}.items():
            form.add_field(name, str(value))
        # As browsers send an input that was left empty.
        for name, content in files or [("", b"")]:
            form.add_field("files", content, filename=name, content_type="image/jpeg")
        answer = await self.client.post(path, data=form)
        self.page, self.status, self.address = await answer.text(), answer.status, str(answer.url.relative())
        return self.page

    async def report(self, *files: tuple[str, bytes], **more: str) -> str:
        """Fill in a form and send it."""
        await self.get("/citizen/report")
        return await self.post("/citizen/report", {**GOOD, "key": self.hidden("key"), **more}, files)

    @property
    def receipt(self) -> str:
        return str(re.findall(r'<b class="number">([^<]+)</b>', self.page)[0])

    @property
    def code(self) -> str:
        return str(re.findall(r'<b class="number">([^<]+)</b>', self.page)[1])

    @property
    def faults(self) -> dict[str, str]:
        return dict(re.findall(r'<span class="fault" id="(\w+)-fault">([^<]+)</span>', self.page))


@pytest.fixture
def citizen(client: Client) -> Citizen:
    return Citizen(client)
