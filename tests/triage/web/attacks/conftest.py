"""A city with two streets, and whoever a test says is looking."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest
from aiohttp import FormData
from aiohttp.test_utils import TestClient, TestServer

from models.viewing import Viewer, all_seeing
from tests import pictures
from tests.factories import NOW, TicketIn, add_tickets
from triage.rules import access
from triage.services import reference
from triage.settings import Settings
from triage.web import guard
from triage.web.app import make_app
from triage.web.keys import IDENTIFY, Caches

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aiohttp import web

    from models.db import Database
    from models.vocab_staff import Role
    from tests.triage.web.conftest import Client
    from triage.services.deps import Deps

WANGJING, XUEYUAN = "110105026", "110108010"
ELSEWHERE = TicketIn(
    title="学院路餐馆油烟", unit=XUEYUAN, district="110108", street=XUEYUAN, assist=(), copies=("110108",)
)


@dataclass
class World:
    """The application and who looks; `own` and `other` are cases of two streets, `secret` of the other."""

    deps: Deps
    client: Client
    own: str
    other: str
    secret: str
    who: list[Viewer] = field(default_factory=lambda: [all_seeing("root")])

    def become(self, role: Role, unit: str | None = None, login: str = "officer") -> Viewer:
        """From now on somebody with this role looks."""
        self.who[:] = [
            access.viewer(
                self.deps.tables, login=login, name="某人", roles=(role,), unit_code=unit, at=NOW.date()
            )
        ]
        return self.who[0]

    async def form(self, path: str, **fields: str) -> int:
        """Send a form as a page of ours would; the status of the answer."""
        token = self.token()
        answer = await self.client.post(path, data={guard.FIELD: token, **fields}, allow_redirects=False)
        return answer.status

    def token(self) -> str:
        """The token of this browser."""
        self.client.session.cookie_jar.update_cookies({guard.COOKIE: "t" * 43})
        return "t" * 43

    async def attach(self, no: str, name: str) -> int:
        """A picture for a case."""
        form = FormData(quote_fields=False)
        form.add_field(guard.FIELD, self.token())
        form.add_field("files", pictures.png(), filename=name, content_type="image/png")
        return (await self.client.post(f"/desk/tickets/{no}/files", data=form, allow_redirects=False)).status


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database: the predicate itself is held to both in `tests/models/test_sight.py`."""
    return sqlite_db


@pytest.fixture
async def world(deps: Deps, tmp_path: Path) -> AsyncIterator[World]:
    """Two streets, three cases."""
    deps = replace(deps, settings=Settings(files_dir=tmp_path / "files"))
    await reference.sync(deps)
    own, other, secret = await add_tickets(
        deps.db, TicketIn(), ELSEWHERE, replace(ELSEWHERE, title="保密的一件", confidential=True)
    )
    who: list[Viewer] = [all_seeing("root")]

    async def identify(request: web.Request) -> Viewer | None:
        del request
        return who[0]

    app = make_app(deps, caches=Caches(count_patience=30))
    app[IDENTIFY] = identify
    async with TestClient(TestServer(app)) as client:
        yield World(deps, client, own, other, secret, who)
