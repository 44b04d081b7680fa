"""重新拉取 on the page of a platform; and the list of sources says what could not be taken in."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.appeals import Source
from models.db import Database  # noqa: TC001  (a fixture's annotation)
from models.hotline import HotlineOrder
from models.sources import SourceTask
from tests.factories import NOW
from triage.clock import local

if TYPE_CHECKING:
    from tests.triage.web.conftest import Client
    from triage.services.deps import Deps


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough for pages."""
    return sqlite_db


@pytest.fixture
async def token(client: Client, deps: Deps) -> str:
    """A platform with a refused order, and the token of its page."""
    async with deps.db.writes.begin() as session:
        source = Source(
            key="city", name="市热线平台", kind="hotline", enabled=True, settings={}, version=1,
            created_at=NOW,
        )  # fmt: skip
        session.add(source)
        await session.flush()
        far = NOW + timedelta(days=1)
        session.add(SourceTask(source_id=source.id, task="pull", next_at=far))
        session.add(
            HotlineOrder(
                source_id=source.id, order_no="BJ1", day=NOW.date(), status="open", updated_at=NOW,
                first_seen_at=NOW, via="pull", attachments=[], refused="majorContent：没有内容",
            )
        )  # fmt: skip
    page = await (await client.get("/desk/sources/city")).text()
    return str(re.findall(r'name="token" value="([^"]+)"', page)[0])


async def test_a_moment_is_typed_and_the_cursor_goes_back(client: Client, deps: Deps, token: str) -> None:
    assert "运行中，1 件没有登记" in await (await client.get("/desk/sources")).text()
    path = "/desk/sources/city/rewind"
    since = local(NOW - timedelta(days=2)).replace(tzinfo=None)
    assert (await client.post(path, data={"since": since.isoformat()})).status == 403
    for wrong in ("", "昨天", "0001-01-01T00:00", "9999-12-31T23:59"):
        answer = await client.post(path, data={"since": wrong, "token": token})
        assert answer.status == 400
        assert "重新拉取" in await answer.text()
    answer = await client.post(path, data={"since": since.isoformat(), "token": token})
    assert "已从那时起重新拉取" in await answer.text()
    async with deps.db.reads() as session:
        task = (await session.scalars(sa.select(SourceTask))).one()
    assert task.cursor is not None
    assert (task.cursor["until"], task.next_at) == ((NOW - timedelta(days=2)).isoformat(), NOW)
