"""`jiesu hotline rewind`: the cursor of a platform is put back from the terminal."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from models import migrate
from models.appeals import Source
from models.sources import SourceTask
from triage.cli import main
from triage.clock import BEIJING
from triage.settings import Settings
from triage.wiring import build

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIESU_DATA_DIR", str(tmp_path / "data"))


def made() -> None:
    """A database with a platform, where the settings say."""

    async def fill() -> None:
        deps = build(Settings())
        await migrate.upgrade(deps.db)
        now = deps.clock.now()
        async with deps.db.writes.begin() as session:
            source = Source(key="city", name="p", kind="hotline", settings={}, version=1, created_at=now)
            session.add(source)
            await session.flush()
            session.add(SourceTask(source_id=source.id, task="pull", next_at=now + timedelta(days=1)))
        await deps.close()

    asyncio.run(fill())


def cursor() -> dict[str, Any] | None:
    async def read() -> dict[str, Any] | None:
        deps = build(Settings())
        async with deps.db.reads() as session:
            found = await session.scalar(sa.select(SourceTask.cursor))
        await deps.close()
        return found

    return asyncio.run(read())


def test_the_day_is_beijings_and_a_wrong_one_moves_nothing() -> None:
    made()
    day = datetime.now(BEIJING).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=3)
    wrong = CliRunner().invoke(main, ["hotline", "rewind", "city", "--since", "2020-01-01"])
    assert (wrong.exit_code, "90 天以内" in wrong.stderr) == (1, True)
    assert cursor() is None
    good = CliRunner().invoke(main, ["hotline", "rewind", "city", "--since", f"{day:%Y-%m-%d}"])
    assert good.exit_code == 0, good.stderr
    found = cursor()
    assert found is not None
    assert datetime.fromisoformat(found["until"]) == day
