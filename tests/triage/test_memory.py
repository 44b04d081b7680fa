"""What lives as long as the process is not looked through by the collector."""

from __future__ import annotations

import asyncio
import gc
import sys
from typing import TYPE_CHECKING

import pytest

from models import migrate
from models.db import open_database
from triage import memory
from triage.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Ring:
    """Garbage that only a full collection finds."""

    made = 0

    def __init__(self) -> None:
        self.me = self
        Ring.made += 1

    def __del__(self) -> None:
        Ring.made -= 1


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    """The tests' own process goes on collecting."""
    gc.unfreeze()
    yield
    gc.unfreeze()


def test_what_there_is_is_kept_and_its_garbage_is_not() -> None:
    kept = [object.__new__(Ring)]
    before = Ring.made
    Ring()
    assert memory.settle() > 1000
    assert Ring.made == before
    assert not any(item is kept[0] for item in gc.get_objects())


def test_in_a_hurry_nothing_is_collected() -> None:
    gc.collect()
    gc.disable()
    Ring()
    left = Ring.made
    frozen = memory.settle_quickly()
    gc.enable()
    assert (frozen > 1000, Ring.made) == (True, left)
    gc.unfreeze()
    gc.collect()
    assert Ring.made == left - 1


_PROCESSES = """
import gc, sys
from pathlib import Path

from aiohttp import web

from triage import logs
from triage.commands import processes, serve
from triage.settings import Settings

def tell(*_, **__):
    print(gc.get_freeze_count() > 100_000)

logs.set_up(level="ERROR", as_json=False)
web.run_app = processes.serve_queue = tell
settings = Settings(data_dir=Path(sys.argv[1]))
serve.serve(settings)
gc.unfreeze()
processes.work(settings)
"""


async def test_web_and_workers_settle_before_anybody_is_served(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    db = open_database(settings.database)
    await migrate.upgrade(db)
    await db.close()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PROCESSES, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    assert told.decode().split() == ["True", "True"]
