"""The bench of rewards at its smallest: a race, a kill after each step of a payment, a run that may leak."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
import structlog

from bench import rewards, rewards_kills, rewards_leaks
from models import migrate
from models.db import open_database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from models.db import Database


@pytest.fixture
def url() -> Iterator[str]:
    """An SQLite file that other processes open too."""
    with rewards.lite() as found:
        yield found


@pytest.fixture
async def pressed(url: str) -> AsyncIterator[Database]:
    db = open_database(url)
    await migrate.upgrade(db)
    yield db
    await db.close()


@pytest.fixture
def _logs_as_before() -> Iterator[None]:
    """The run listens to every log line."""
    root, kept = logging.getLogger(), structlog.get_config()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**kept)


async def test_fifty_first_reports_at_once_have_one_winner_also_on_replay(pressed: Database) -> None:
    raced = await rewards.races(pressed, 1)
    assert (len(raced.winners), raced.doubled, raced.moved) == (1, 0, 0)
    assert raced.winners != [None]


async def test_killed_between_export_and_import_nothing_is_paid_twice(pressed: Database, url: str) -> None:
    del pressed
    assert await rewards_kills.run(url, 1, ("gather:after", "fetch:after", "take:before")) == 0


@pytest.mark.usefixtures("_logs_as_before")
async def test_a_full_run_leaves_no_reporter_outside_the_schema_of_rewards(
    pressed: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    leaks, looked = await rewards_leaks.run(pressed)
    assert (leaks, capsys.readouterr().out) == (0, "")
    assert looked > 0
