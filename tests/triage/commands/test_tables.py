"""`jiesu tables check` and `diff` in a process of their own."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

import triage.tables
from tests.triage.commands.test_admin import jiesu
from triage.commands import tables as module
from triage.rules.parsing import FILES

if TYPE_CHECKING:
    from pathlib import Path

#: The last day of the holidays as shipped.
LAST = date(max(triage.tables.load().calendar.years), 12, 31)


def test_a_new_table_directory_is_compared_and_bad_ones_are_refused(tmp_path: Path) -> None:
    data, new = tmp_path / "data", tmp_path / "new"
    new.mkdir()
    for name in FILES:
        shutil.copy(triage.tables.HERE / name, new / name)
    path = new / "rates.yaml"
    path.write_text(path.read_text("utf-8").replace("count: 10", "count: 20", 1), "utf-8")
    jiesu(data, "db", "upgrade")
    told = jiesu(data, "tables", "diff", str(new))
    assert told.returncode == 0
    assert "条目变动 1 处" in told.stdout
    assert "改动 group.advanced（count）" in told.stdout
    assert "未结工单 0 件：0 件会有变化，其中 0 件按新表应由别的单位主办（已派的不会自动改派）" in told.stdout
    path.write_text("rows: []\n", "utf-8")
    refused = jiesu(data, "tables", "diff", str(new))
    assert refused.returncode == 1
    assert "rates.yaml:1" in refused.stdout


def test_warnings_do_not_refuse(tmp_path: Path) -> None:
    answer = jiesu(tmp_path, "tables", "check")
    assert answer.returncode == 0
    assert "提醒：situations.yaml:" in answer.stdout
    assert "规则表没有问题，版本 " in answer.stdout


@pytest.mark.parametrize(
    ("before", "told"), [(60, []), (59, ["还有 59 天"]), (0, ["还有 0 天"]), (-9, ["还有 0 天"])]
)
def test_holidays_that_end_soon_are_a_warning(
    before: int, told: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    warned = module._warn_of_the_end(triage.tables.load(), LAST - timedelta(days=before))
    said = capsys.readouterr().out
    assert (warned, [words for words in told if words in said]) == (len(told), told)
    assert said.startswith("提醒：holidays.yaml：" * len(told))
