"""What passes is told as such: a database that starts, stops, is busy or full; a fault of ours is not."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy.exc import DBAPIError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from models.db import open_database
from tests import signed_in
from triage.web import away
from triage.web.app import make_app
from triage.web.middlewares import identify, tell_errors

if TYPE_CHECKING:
    from models.db import Database
    from triage.services.deps import Deps

#: Whoever it is: the database is asked.
SOMEBODY = {signed_in.COOKIE: "x" * 43}


class Said(Exception):
    """What a driver raises, with the server's code."""

    def __init__(self, sqlstate: str | None) -> None:
        """Take the code."""
        super().__init__("words")
        self.sqlstate = sqlstate


def wrapped(sqlstate: str | None, kind: type[DBAPIError] = DBAPIError) -> DBAPIError:
    return kind("SELECT 1", {}, Said(sqlstate))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (wrapped("57P03"), "database_away"),
        (wrapped("57P01"), "database_away"),
        (wrapped("08003"), "database_away"),
        (wrapped(None, InternalError), "database_away"),
        (wrapped(None, OperationalError), "database_away"),
        (ConnectionResetError(), "database_away"),
        (PoolTimeout(), "crowded"),
        (ExceptionGroup("tasks", [PoolTimeout(), PoolTimeout()]), "crowded"),
        (wrapped("40P01"), "database_busy"),
        (wrapped("55P03"), "database_busy"),
        (wrapped("53100"), "database_busy"),
    ],
)
def test_what_passes_is_told_as_such(error: Exception, code: str) -> None:
    found = away.told(error)
    assert found is not None
    assert (found.code, found.status) == (code, 503)


@pytest.mark.parametrize(
    "error",
    [
        wrapped("23505"),
        wrapped("42P01"),
        wrapped(None),
        wrapped("XX000", InternalError),
        ValueError(),
        ExceptionGroup("tasks", [PoolTimeout(), ValueError()]),
    ],
)
def test_a_fault_of_ours_is_not(error: Exception) -> None:
    assert away.told(error) is None


async def test_a_full_disk_is_no_database_away(sqlite_db: Database) -> None:
    async with sqlite_db.engine.connect() as connection:
        await connection.execute(sa.text("PRAGMA max_page_count = 1"))
        with pytest.raises(OperationalError) as caught:
            await connection.execute(sa.text("CREATE TABLE more AS SELECT zeroblob(100000) AS room"))
        await connection.execute(sa.text("PRAGMA max_page_count = 1000000"))
    found = away.told(caught.value)
    assert found is not None
    assert found.code == "database_busy"


async def test_who_gets_no_connection_is_told_soon_and_may_come_again(
    postgres_db: Database, deps: Deps
) -> None:
    url = postgres_db.engine.url.render_as_string(hide_password=False)
    # One connection, and the five that a pool may have beside.
    small = open_database(url, pool_size=1, pool_wait=0.1)
    app = make_app(replace(deps, db=small))
    async with TestClient(TestServer(app), cookies=SOMEBODY) as client, AsyncExitStack() as held:
        for _ in range(6):
            await (await held.enter_async_context(small.reads())).execute(sa.text("SELECT 1"))
        refused = await client.get("/api/v1/tickets")
        assert (refused.status, (await refused.json())["code"]) == (503, "crowded")
        assert refused.headers["Retry-After"] == "5"
        assert "请过几秒再试" in await (await client.get("/desk")).text()
        await held.aclose()
        assert (await client.get("/api/v1/tickets")).status == 401


async def test_a_fault_of_ours_is_logged_by_its_frames_and_not_its_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A driver's message quotes the row that it refused: a name, a phone, what a citizen wrote."""

    async def broken(_request: web.Request) -> web.Response:
        try:
            int("张三 13800000001")
        except ValueError as error:
            raise RuntimeError("张三") from error
        raise AssertionError

    async def side_by_side(request: web.Request) -> web.Response:
        async with asyncio.TaskGroup() as tasks:
            await tasks.create_task(broken(request))
        raise AssertionError

    app = web.Application(middlewares=[identify, tell_errors])
    app.router.add_get("/one", broken)
    app.router.add_get("/several", side_by_side)
    async with TestClient(TestServer(app)) as client:
        for path in ("/one", "/several"):
            answer = await client.get(path, headers={"Accept": "application/json"})
            assert answer.status == 500
    told = [one.getMessage() for one in caplog.records if "request_failed" in one.getMessage()]
    assert ["RuntimeError @ broken" in told[0], "ExceptionGroup" in told[1]] == [True, True]
    for one in told:
        assert "ValueError" in one
        assert "web/test_away.py" in one
        assert " broken" in one
    assert [word for word in ("张三", "13800000001") if word in caplog.text] == []
