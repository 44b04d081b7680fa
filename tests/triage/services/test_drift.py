"""Drift is measured once a day from the stored readings, over whole days of Beijing, and kept."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa
from click.testing import CliRunner

import triage.tables
from connectors.vault import Vault
from models import drifting, migrate
from models.appeals import Reading
from models.drifting import DriftFigureRow
from tests.factories import TicketIn, add_reference, add_tickets
from triage.cli import main
from triage.clock import FixedClock
from triage.services import drift
from triage.services.deps import Deps
from triage.settings import Settings
from triage.wiring import build

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from models.db import Database

#: 00:30 in Beijing on the 24th: yesterday is the 23rd.
NOW = datetime(2026, 11, 23, 16, 30, tzinfo=UTC)
YESTERDAY = date(2026, 11, 23)
TABLES = triage.tables.load()
NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


def deps_of(db: Database) -> Deps:
    return Deps(
        settings=Settings(),
        clock=FixedClock(NOW),
        tables=TABLES,
        db=db,
        vault=Vault({1: bytes(32)}),
    )


async def readings(db: Database, kind: str, *, at: datetime, count: int) -> None:
    """So many readings of a kind at a moment, beside the appeal that the factory made."""
    async with db.writes.begin() as session:
        first = (await session.scalars(sa.select(Reading).order_by(Reading.id).limit(1))).one()
        columns = {
            column.key: getattr(first, column.key)
            for column in sa.inspect(Reading).columns
            if column.key != "id"
        }
        row = {**columns, "kind": kind, "created_at": at, "environmental": True, "kind_confidence": 0.85}
        await session.execute(sa.insert(Reading), [row] * count)


async def filled(db: Database, *, kind_yesterday: str) -> None:
    """Four weeks of building noise, and yesterday's kind."""
    await add_reference(db)
    await add_tickets(db, TicketIn(age=timedelta(days=400)))
    async with db.writes.begin() as session:
        await session.execute(sa.update(Reading).values(created_at=NOON - timedelta(days=400)))
    for days in range(1, 29):
        await readings(db, "NOI-01", at=NOON - timedelta(days=days), count=10)
    await readings(db, kind_yesterday, at=NOON, count=60)


async def levels(db: Database) -> dict[str, str]:
    async with db.reads() as session:
        return {row.figure: row.level for row in await drifting.latest(session, since=YESTERDAY)}


def day_before(days: int) -> date:
    return YESTERDAY - timedelta(days=days)


async def days(db: Database) -> list[date]:
    """The days that were measured, newest first."""
    async with db.reads() as session:
        rows = await drifting.latest(session, since=day_before(100))
    return sorted({row.day for row in rows}, reverse=True)


async def test_a_day_unlike_those_before_is_told_once(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    await filled(db, kind_yesterday="AIR-07")
    assert await drift.poke(deps_of(db)) is True
    assert await levels(db) == {
        "environmental": "steady",
        "kind": "act",
        "review": "steady",
        "confidence": "steady",
    }
    assert "readings_drift" in caplog.text
    assert await drift.poke(deps_of(db)) is False


async def test_a_day_like_those_before_is_steady(db: Database) -> None:
    await filled(db, kind_yesterday="NOI-01")
    await drift.poke(deps_of(db))
    assert (await levels(db))["kind"] == "steady"
    async with db.reads() as session:
        (kind,) = [row for row in await drifting.latest(session, since=YESTERDAY) if row.figure == "kind"]
    assert (kind.texts, kind.texts_before, kind.row_id) == (60, 280, "drift.kind")


async def test_a_day_begins_and_ends_at_midnight_in_beijing(db: Database) -> None:
    await filled(db, kind_yesterday="NOI-01")
    midnight = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)
    await readings(db, "NOI-01", at=midnight - timedelta(seconds=1), count=3)
    await readings(db, "NOI-01", at=midnight, count=5)
    await readings(db, "NOI-01", at=midnight + timedelta(days=1), count=7)
    await drift.poke(deps_of(db))
    async with db.reads() as session:
        (kind,) = [row for row in await drifting.latest(session, since=YESTERDAY) if row.figure == "kind"]
    assert (kind.texts, kind.texts_before) == (65, 283)


async def test_days_without_a_timetable_are_measured_afterwards(db: Database) -> None:
    await filled(db, kind_yesterday="AIR-07")
    async with db.writes.begin() as session:
        await session.execute(
            sa.insert(DriftFigureRow), await drift.measure(session, TABLES, day_before(20), at=NOW)
        )
        await session.execute(
            sa.insert(DriftFigureRow), await drift.measure(session, TABLES, day_before(3), at=NOW)
        )
    deps = deps_of(db)
    assert [await drift.poke(deps) for _ in range(14)] == [True] * 13 + [False]
    assert await days(db) == [YESTERDAY, *(day_before(back) for back in range(1, 14)), day_before(20)]


async def test_days_before_the_first_that_was_measured_are_nobodys(db: Database) -> None:
    deps = deps_of(db)
    assert [await drift.poke(deps) for _ in range(2)] == [True, False]
    assert await days(db) == [YESTERDAY]


async def test_days_without_thresholds_are_not_measured(db: Database) -> None:
    assert await drift.poke(replace(deps_of(db), tables=replace(TABLES, drifts=()))) is False
    assert await days(db) == []


async def test_an_empty_database_says_too_few(db: Database) -> None:
    await drift.poke(deps_of(db))
    assert set((await levels(db)).values()) == {"too_few"}


async def test_two_timetables_measure_a_day_once(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await drift.poke(deps_of(db))

    async def not_yet(*_args: object) -> list[date]:
        return [YESTERDAY]

    monkeypatch.setattr("models.drifting.unmeasured", not_yet)
    assert await drift.poke(deps_of(db)) is False
    async with db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(DriftFigureRow)) == 4


def test_the_command_shows_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIESU_DATA_DIR", str(tmp_path / "data"))

    async def fill() -> None:
        deps = build(Settings())
        await migrate.upgrade(deps.db)
        await drift.poke(deps)
        await deps.close()

    asyncio.run(fill())
    told = json.loads(CliRunner().invoke(main, ["nlp", "drift", "--json"]).stdout.splitlines()[-1])
    assert {(row["figure"], row["level"]) for row in told} == {
        (figure, "too_few") for figure in ("environmental", "kind", "review", "confidence")
    }
    assert "条数太少" in CliRunner().invoke(main, ["nlp", "drift"]).stdout
