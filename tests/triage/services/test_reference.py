"""The units of the tables stand in the database before anybody is given a ticket of theirs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import triage.tables
from connectors.vault import Vault
from models import migrate, unit_queries
from models.db import open_database
from models.units import Area, Unit
from nlp.pipeline import Reader
from tests.factories import NOW
from triage import jobs
from triage.clock import FixedClock
from triage.commands import serve
from triage.services import reference
from triage.services.deps import Deps
from triage.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from models.db import Database

STREET = "110105026"


@pytest.fixture
def deps(db: Database) -> Deps:
    """The shipped tables over a database that knows none of their units."""
    return Deps(Settings(), FixedClock(NOW), triage.tables.load(), db, Vault({1: bytes(32)}))


async def lacking(deps: Deps) -> list[str]:
    async with deps.db.reads() as session:
        return await reference.lacking(session, deps.tables)


async def test_what_the_database_lacks_is_added_and_what_it_has_stays(deps: Deps) -> None:
    await reference.sync(deps)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.delete(Unit).where(Unit.code == STREET))
        await session.execute(sa.update(Unit).where(Unit.code == "110105").values(name="新版本的名称"))
    assert await lacking(deps) == [STREET]
    assert await reference.complete(deps)
    assert await lacking(deps) == []
    async with deps.db.reads() as session:
        kept = await session.scalar(sa.select(Unit.name).where(Unit.code == "110105"))
    assert kept == "新版本的名称"


async def test_a_schema_that_does_not_fit_is_left_alone_and_asked_again(deps: Deps) -> None:
    async with deps.db.writes.begin() as session:
        was = await session.scalar(sa.text("SELECT version_num FROM alembic_version"))
        await session.execute(sa.text("UPDATE alembic_version SET version_num = '0000'"))
    completer = reference.Completer()
    await completer.poke(deps)
    assert STREET in await lacking(deps)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.text("UPDATE alembic_version SET version_num = :was"), {"was": was})
    await completer.poke(deps)
    assert await lacking(deps) == []


async def test_an_area_is_one_row_whatever_the_codes_of_its_offices(deps: Deps) -> None:
    units = dict(deps.tables.units)
    old = units[STREET]
    units[STREET] = replace(old, valid_to=date(2026, 12, 31))
    units["wangjing-street-2027"] = replace(
        old, id="wangjing-street-2027", name="望京新街道办事处", valid_from=date(2027, 1, 1)
    )
    await reference.sync(replace(deps, tables=replace(deps.tables, units=units)))
    async with deps.db.reads() as session:
        named = await session.scalar(sa.select(Area.name).where(Area.code == STREET))
        longest = await session.scalar(sa.select(sa.func.max(sa.func.length(Area.code))))
    assert (named, longest) == ("望京新街道办事处", 9)


async def test_a_functional_area_without_an_office_has_its_name(deps: Deps) -> None:
    await reference.sync(deps)
    async with deps.db.reads() as session:
        named = await unit_queries.area_names(session, ["110115406", "110115403", STREET])
    assert named == {
        "110115406": "大兴国际机场", "110115403": "北京经济技术开发区", STREET: "望京街道办事处"
    }  # fmt: skip


def settings_of(tmp_path: Path) -> Settings:
    """Settings of a new database, migrated, that no table was ever brought to."""
    settings = Settings(data_dir=tmp_path)

    async def make() -> None:
        db = open_database(settings.database)
        await migrate.upgrade(db)
        await db.close()

    asyncio.run(make())
    return settings


def known(settings: Settings) -> bool:
    """Whether the database of the settings has the street."""

    async def ask() -> bool:
        db = open_database(settings.database)
        async with db.reads() as session:
            found = await session.scalar(sa.select(Unit.code).where(Unit.code == STREET))
        await db.close()
        return found is not None

    return asyncio.run(ask())


def test_the_web_has_the_units_before_it_serves(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    asyncio.run(serve.prepare(settings))
    assert known(settings)


def test_a_worker_has_the_units_before_its_first_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(tmp_path)
    monkeypatch.setattr(jobs, "load_reader", lambda _settings: Reader.load(weights=None))
    jobs.start(settings)
    jobs.read_appeals([])
    jobs.stop()
    assert known(settings)
