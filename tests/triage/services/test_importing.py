"""A whole file goes in: good rows stored, bad rows named, a second run adds nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import triage.tables
from connectors import files
from connectors.vault import Vault
from models.appeals import Appeal, Source
from triage.clock import FixedClock
from triage.services import importing
from triage.services.deps import Deps
from triage.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from models.db import Database

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)

CSV = """编号,标题,内容,时间,姓名,电话
A-1,夜间施工,工地半夜还在打桩。,2026-11-22 23:40,王强,13800000001
A-2,油烟,楼下餐馆油烟直排。,2026-13-45,,
A-3,,,2026-11-22 08:00,,
A-4,垃圾,垃圾三天没人清。,2026/11/21 9:05:00,,
"""


@pytest.fixture
def deps(db: Database) -> Deps:
    """Services' dependencies over the test's database."""
    return Deps(Settings(), FixedClock(NOW), triage.tables.load(), db, Vault({1: bytes(32)}))


async def run(
    deps: Deps, path: Path, *, source: str | None = None, dry_run: bool = False, dispatch_old: bool = False
) -> importing.ImportReport:
    rows = files.read_file(path, files.load_map("plain"))
    return await importing.import_rows(
        deps,
        rows,
        file=path.name,
        source=source,
        fallback_source=path.stem,
        dry_run=dry_run,
        dispatch_old=dispatch_old,
    )


def put(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with two good and two bad rows."""
    path = tmp_path / "十一月.csv"
    path.write_text(CSV, encoding="gb18030")
    return path


async def test_good_rows_go_in_and_bad_ones_are_named(deps: Deps, path: Path) -> None:
    report = await run(deps, path)
    async with deps.db.reads() as session:
        stored = (await session.scalars(sa.select(Appeal).order_by(Appeal.id))).all()
        source = await session.scalar(sa.select(Source.key))
    assert (report.rows, report.stored, report.repeated) == (4, 2, 0)
    assert [(bad.line, bad.column) for bad in report.bad] == [(3, "时间"), (4, "内容")]
    assert [appeal.external_id for appeal in stored] == ["A-1", "A-4"]
    assert stored[0].received_at == datetime(2026, 11, 22, 15, 40, tzinfo=UTC)
    assert source == "十一月"


async def test_of_the_callers_area_only_the_streets_code_is_kept_open(deps: Deps, tmp_path: Path) -> None:
    content = "id,内容,登记地区\nA-1,楼下太吵,朝阳区望京街道某园12号楼3单元501\nA-2,楼下太吵,某地\n"
    await run(deps, put(tmp_path / "a.csv", content))
    async with deps.db.reads() as session:
        stored = (await session.scalars(sa.select(Appeal).order_by(Appeal.id))).all()
    assert [appeal.caller_area for appeal in stored] == ["110105026", None]
    assert all("501" not in (appeal.address or "") + appeal.text for appeal in stored)


async def test_a_second_run_adds_nothing(deps: Deps, path: Path) -> None:
    await run(deps, path)
    again = await run(deps, path)
    assert (again.rows, again.stored, again.repeated, len(again.bad)) == (4, 0, 2, 2)


async def test_a_dry_run_writes_nothing(deps: Deps, path: Path) -> None:
    report = await run(deps, path, dry_run=True)
    async with deps.db.reads() as session:
        count = await session.scalar(sa.select(sa.func.count()).select_from(Appeal))
    assert (report.rows, report.stored, len(report.bad), count) == (4, 0, 2, 0)


async def test_the_same_file_under_another_name_is_not_stored_again(deps: Deps, path: Path) -> None:
    await run(deps, path)
    copy = put(path.with_name("十一月 副本.csv"), CSV + "A-5,扬尘,工地扬尘。,2026-11-22 08:00,,\n")
    report = await run(deps, copy)
    assert (report.stored, report.repeated, report.held, report.doubled) == (1, 2, {"十一月": 2}, {})


async def test_a_source_that_was_named_is_believed_and_the_likeness_told(deps: Deps, path: Path) -> None:
    await run(deps, path)
    report = await run(deps, path, source="区平台")
    assert (report.stored, report.repeated, report.held, report.doubled) == (2, 0, {}, {"十一月": 2})


async def test_the_same_words_under_another_number_are_another_appeal(deps: Deps, path: Path) -> None:
    await run(deps, path)
    other = put(path.with_name("另一份.csv"), CSV.replace("A-", "B-"))
    report = await run(deps, other)
    assert (report.stored, report.held) == (2, {})


async def test_a_known_number_with_other_content_is_a_bad_row(deps: Deps, path: Path) -> None:
    await run(deps, path)
    put(path, CSV.replace("没人清", "没人管") + "A-4,垃圾,又改了。,,,\n")
    report = await run(deps, path)
    assert [bad.sentence() for bad in report.bad if bad.column is None] == [
        "十一月.csv 第 5 行：编号已登记过但内容或地址不同，未覆盖",
        "十一月.csv 第 6 行：编号已登记过但内容或地址不同，未覆盖",
    ]
    assert (report.rows, report.stored, report.repeated, len(report.bad)) == (5, 0, 1, 4)
    assert report.changed == ["A-4", "A-4"]


async def test_another_address_is_a_bad_row_and_confidence_said_later_counts(
    deps: Deps, tmp_path: Path
) -> None:
    head = "编号,内容,地址,是否保密\n"
    await run(deps, put(tmp_path / "a.csv", f"{head}A-1,太吵,望京街道,否\nA-2,太吵,望京街道,否\n,油烟,,否\n"))
    later = f"{head}A-1,太吵,学院路街道,是\nA-2,太吵,,否\n,油烟,,是\n"
    report = await run(deps, put(tmp_path / "a.csv", later))
    assert [bad.sentence() for bad in report.bad] == ["a.csv 第 2 行：编号已登记过但内容或地址不同，未覆盖"]
    assert (report.stored, report.repeated, report.changed) == (0, 2, ["A-1"])
    copy = await run(deps, put(tmp_path / "更正.csv", f"{head}A-2,太吵,望京街道,是\n"))
    assert copy.held == {"a": 1}
    async with deps.db.reads() as session:
        stored = (await session.scalars(sa.select(Appeal).order_by(Appeal.id))).all()
    assert [(one.address, one.confidential) for one in stored] == [
        ("望京街道", True), ("望京街道", True), (None, True)
    ]  # fmt: skip


async def test_times_that_can_hardly_be_true_are_noted(deps: Deps, path: Path) -> None:
    rows = ("1,甲,甲,1999-12-31", "2,乙,乙,2000-01-01", "3,丙,丙,2026-11-23 16:09", "4,丁,丁,20261124")
    put(path, "\n".join(("编号,标题,内容,时间", *rows)))
    report = await run(deps, path, dry_run=True)
    assert report.notes == ["第 2 行：时间早于 2000 年，请核对", "第 5 行：时间在将来，请核对"]


OLD = """编号,内容,时间,是否保密
B-1,噪音,2026-10-24 15:59,
B-2,油烟,2026-10-24 16:00,
B-3,扬尘,2019-05-01,
,河水发黑,2019-05-01,
B-5,垃圾,,
"""


async def test_what_is_longer_ago_than_a_month_becomes_no_work(deps: Deps, tmp_path: Path) -> None:
    """Stored it would be dispatched, told of and counted as of today; 30 days to the minute are not over."""
    report = await run(deps, put(tmp_path / "a.csv", OLD))
    async with deps.db.reads() as session:
        stored = (await session.scalars(sa.select(Appeal.external_id).order_by(Appeal.id))).all()
    assert stored == ["B-2", "B-5"]
    assert (report.rows, report.stored, report.repeated, report.bad, report.old) == (5, 2, 0, [], [2, 4, 5])
    dry = await run(deps, put(tmp_path / "a.csv", OLD), dry_run=True)
    assert (dry.rows, dry.old) == (5, [2, 4, 5])
    asked = await run(deps, put(tmp_path / "a.csv", OLD), dispatch_old=True)
    assert (asked.stored, asked.repeated, asked.old) == (3, 2, [])


async def test_an_old_row_that_is_stored_goes_the_way_of_a_second_import(deps: Deps, tmp_path: Path) -> None:
    await run(deps, put(tmp_path / "a.csv", OLD), dispatch_old=True)
    later = OLD.replace("扬尘", "扬尘很大").replace("2019-05-01,\nB-5", "2019-05-01,是\nB-5")
    again = await run(deps, put(tmp_path / "a.csv", later))
    assert (again.stored, again.repeated, again.changed, again.old) == (0, 4, ["B-3"], [])
    async with deps.db.reads() as session:
        secret = (await session.scalars(sa.select(Appeal.text).where(Appeal.confidential))).all()
    assert secret == ["河水发黑"]
    # Under a source that was named it would be another appeal: left out, and not told as if it were stored.
    other = await run(deps, put(tmp_path / "a.csv", OLD), source="区平台")
    assert (other.stored, other.repeated, other.old) == (2, 0, [2, 4, 5])
    assert other.doubled == {"a": 2}
    copy = await run(deps, put(tmp_path / "b.csv", OLD))
    assert (copy.stored, copy.repeated, copy.old) == (0, 5, [])
