"""Rows without a number: who says the same at another place is another one, who is known stays known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy import event

import triage.tables
from connectors import files
from connectors.records import RowRecord
from connectors.vault import Vault
from models.appeals import Appeal
from tests.plans import plans
from triage.clock import FixedClock
from triage.services import importing
from triage.services.deps import Deps
from triage.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.db import Database

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
HEAD = "内容,地址,时间,姓名,是否保密\n"
FIRST = "夜间施工,望京街道甲小区,2026-11-20,张三丰,否\n"
SECOND = "夜间施工,上地街道乙小区,2026-11-20,李四光,否\n"


@pytest.fixture
def deps(db: Database) -> Deps:
    """Services' dependencies over the test's database."""
    return Deps(Settings(), FixedClock(NOW), triage.tables.load(), db, Vault({1: bytes(32)}))


def rows_of(tmp_path: Path, content: str) -> list[RowRecord]:
    path = tmp_path / "a.csv"
    path.write_text(content, encoding="utf-8")
    return [row for row in files.read_file(path, files.load_map("plain")) if isinstance(row, RowRecord)]


async def put(
    deps: Deps, rows: Iterable[RowRecord], *, file: str = "a", source: str | None = None
) -> importing.ImportReport:
    return await importing.import_rows(deps, rows, file=f"{file}.csv", source=source, fallback_source=file)


def as_before(rows: Iterable[RowRecord]) -> list[RowRecord]:
    """The rows as they were read while address and name did not count."""
    return [replace(row, content_hash=row.former_hash or row.content_hash, former_hash=None) for row in rows]


async def kept(deps: Deps) -> list[tuple[str | None, bool]]:
    async with deps.db.reads() as session:
        found = await session.execute(sa.select(Appeal.address, Appeal.confidential).order_by(Appeal.id))
        return [(address, confidential) for address, confidential in found]


async def test_the_same_words_at_two_places_are_two_appeals(deps: Deps, tmp_path: Path) -> None:
    rows = rows_of(tmp_path, HEAD + FIRST + SECOND + FIRST)
    report = await put(deps, rows)
    assert (report.stored, report.repeated) == (2, 1)
    again = await put(deps, rows)
    assert (again.stored, again.repeated, again.bad) == (0, 3, [])
    renamed = await put(deps, rows, file="副本")
    assert (renamed.stored, renamed.held) == (0, {"a": 3})


async def test_two_names_at_one_place_are_two_appeals(deps: Deps, tmp_path: Path) -> None:
    report = await put(deps, rows_of(tmp_path, HEAD + FIRST + FIRST.replace("张三丰", "李四光")))
    assert (report.stored, report.repeated) == (2, 0)


async def test_what_was_stored_before_stays_known_and_who_was_lost_comes_in(
    deps: Deps, tmp_path: Path
) -> None:
    """Of two citizens with the same words the second was lost; the first must not come in twice now."""
    rows = rows_of(tmp_path, HEAD + FIRST + SECOND + "夜间施工,,2026-11-20,,否\n")
    assert (await put(deps, as_before(rows))).stored == 1
    renamed = await put(deps, rows[:1], file="副本")
    assert (renamed.stored, renamed.held) == (0, {"a": 1})
    report = await put(deps, rows)
    assert (report.stored, report.repeated) == (1, 2)
    again = await put(deps, rows)
    assert (again.stored, again.repeated) == (0, 3)


async def test_confidence_said_later_finds_what_was_stored_before(deps: Deps, tmp_path: Path) -> None:
    await put(deps, as_before(rows_of(tmp_path, HEAD + FIRST)))
    secret = rows_of(tmp_path, HEAD + (FIRST + SECOND).replace("否", "是"))
    report = await put(deps, secret)
    assert (report.stored, report.repeated) == (1, 1)
    assert await kept(deps) == [("望京街道甲小区", True), ("上地街道乙小区", True)]


async def test_with_a_name_it_is_not_whom_nothing_is_known_of(deps: Deps, tmp_path: Path) -> None:
    await put(deps, rows_of(tmp_path, HEAD + "夜间施工,,2026-11-20,,\n"))
    report = await put(deps, rows_of(tmp_path, HEAD + "夜间施工,,2026-11-20,张三丰,\n"))
    assert (report.stored, report.repeated) == (1, 0)


async def test_a_number_is_looked_up_without_the_list_of_sources(deps: Deps, tmp_path: Path) -> None:
    """Every file is a source for good: each batch cost its rows times all of them."""
    asked: list[str] = []
    rows = rows_of(tmp_path, "编号,内容\nA-1,噪音\nA-2,油烟\n")
    engine = deps.db.engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    await put(deps, rows)
    renamed = await put(deps, rows, file="副本")
    assert renamed.held == {"a": 2}
    known = [sql for sql in asked if "appeal.content_hash" in sql and "JOIN source" in sql]
    assert ["external_id IN" in sql and "SELECT source.id" not in sql for sql in known] == [True, True]


async def test_rows_without_a_number_are_looked_up_by_an_index_of_their_own(
    deps: Deps, tmp_path: Path
) -> None:
    rows = rows_of(tmp_path, HEAD + FIRST + SECOND)

    async def ask(_session: AsyncSession) -> None:
        await put(deps, rows)
        assert (await put(deps, rows, file="副本")).held == {"a": 2}

    found = await plans(deps.db, ask)
    assert len([plan for plan in found if "ix_appeal_no_number" in plan]) >= 2


async def test_a_phone_tells_two_apart_so_a_hidden_name_makes_no_second_case(
    deps: Deps, tmp_path: Path
) -> None:
    """保密 said later, with the name hidden by the platform: it is the case that is known."""
    head, row = HEAD.strip() + ",电话\n", FIRST.strip() + ",13800000000\n"
    assert (await put(deps, rows_of(tmp_path, head + row))).stored == 1
    hidden = row.replace("张三丰", "***").replace("否", "是")
    report = await put(deps, rows_of(tmp_path, head + hidden + hidden.replace("***", "")))
    assert (report.stored, report.repeated) == (0, 2)
    assert await kept(deps) == [("望京街道甲小区", True)]
