"""Parquet files of months past say what the sums said, and are read without the database."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from models.rollups import RollupDay
from models.vocab_trends import Axis
from tests.factories import TicketIn, add_tickets
from tests.triage.services.trends.helpers import correct, deps_of, refreshed
from triage.cli import main
from triage.errors import BadInput
from triage.services.trends import archiving, figures
from triage.services.trends.sources import Scope

if TYPE_CHECKING:
    from pathlib import Path

    from models.db import Database


async def test_files_and_sums_agree(sqlite_db: Database, tmp_path: Path) -> None:
    deps = deps_of(sqlite_db)
    await add_tickets(
        sqlite_db,
        TicketIn(age=timedelta(days=60)),
        TicketIn(age=timedelta(days=30), kind="AIR-01"),
        TicketIn(age=timedelta(days=31), kind=None),
        TicketIn(),
    )
    await refreshed(deps)
    folder = tmp_path / "it's cold"
    done = await archiving.archive(deps, folder, before=date(2026, 11, 20))
    assert [(a.month, a.rows, a.demands) for a in done] == [
        (date(2026, 9, 1), 1, 1), (date(2026, 10, 1), 2, 2),
    ]  # fmt: skip
    assert sorted(path.suffix for path in folder.iterdir()) == [".parquet", ".parquet"]
    scope = Scope(date(2026, 9, 1), date(2026, 10, 31))
    async with sqlite_db.reads() as session:
        kept = await figures.told_by(session, scope, Axis.KIND)
    assert archiving.told_by(folder, scope.first, scope.last, Axis.KIND) == kept
    with pytest.raises(BadInput, match="没有冷存文件"):
        archiving.told_by(tmp_path, scope.first, scope.last, Axis.KIND)
    with pytest.raises(BadInput, match="只能按"):
        archiving.told_by(folder, scope.first, scope.last, Axis.DAY)
    said = CliRunner().invoke(
        main, ["trends", "cold", str(folder), "--from", "2026-09-01", "--to", "2026-10-31", "--by", "kind"]
    )
    assert said.exit_code == 0
    assert "NOI-01：诉求 1，工单 1，已解决 0" in said.output
    assert "未明：诉求 1" in said.output


async def test_a_month_that_lost_its_sums_does_not_take_the_place_of_its_file(
    sqlite_db: Database, tmp_path: Path
) -> None:
    deps = deps_of(sqlite_db)
    made = await add_tickets(sqlite_db, TicketIn(age=timedelta(days=30)), TicketIn(age=timedelta(days=31)))
    await refreshed(deps)
    before = date(2026, 11, 1)
    (whole,) = await archiving.archive(deps, tmp_path, before=before)
    again = await archiving.archive(deps, tmp_path, before=before)
    assert [one.demands for one in again] == [2]
    kept = whole.file.read_bytes()
    async with sqlite_db.writes.begin() as session:
        # As when the month's table was dropped: a later correction is all that the month holds.
        await session.execute(sa.delete(RollupDay))
    await correct(deps, made[0], {"kind": "AIR-01"})
    await refreshed(deps)
    with pytest.raises(archiving.FewerThanKept, match="有 2 件诉求，汇总里现在只有 0 件"):
        await archiving.archive(deps, tmp_path, before=before)
    assert whole.file.read_bytes() == kept
