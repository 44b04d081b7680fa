"""Open311 over a real server and a real database, with a worker that reads what comes in."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.appeals import Appeal
from models.db import Database  # noqa: TC001  (a fixture's annotation)
from models.vocab import AppealState
from nlp.pipeline import Reader
from tests.factories import add_reference
from triage.clock import SystemClock
from triage.services import processing, reference
from triage.services.open311 import keys

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from triage.services.deps import Deps

BASE = "/open311/v2"


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough for most; what asks the database itself runs on both."""
    return sqlite_db


@pytest.fixture
def deps(deps: Deps) -> Deps:
    """With a clock that goes: the suite compares with its own."""
    return replace(deps, clock=SystemClock())


@pytest.fixture
async def key(deps: Deps) -> str:
    """An api_key that may post."""
    await add_reference(deps.db)
    async with deps.db.writes.begin() as session:
        return await keys.make(session, deps.vault, "tests", now=deps.clock.now())


@pytest.fixture(scope="session")
def reader() -> Reader:
    """The lexicon's reader: what it says of a text is another subject."""
    return Reader.load(weights=None)


async def read_all(deps: Deps, reader: Reader) -> int:
    """Turn what waits into tickets. Gives how many."""
    async with deps.db.reads() as session:
        ids = list(
            await session.scalars(sa.select(Appeal.id).where(Appeal.state == AppealState.WAITING.value))
        )
    return (await processing.process(deps, reader, ids)).done


@pytest.fixture
async def worker(deps: Deps, reader: Reader) -> AsyncIterator[None]:
    """Something that reads, twice a second, until the test ends."""
    await reference.sync(deps)

    # Told to stop, not cut off: a connection cut while it opens is nobody's to close.
    stop = asyncio.Event()

    async def work() -> None:
        while not stop.is_set():
            await read_all(deps, reader)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 0.5)

    task = asyncio.create_task(work())
    yield
    stop.set()
    await task
