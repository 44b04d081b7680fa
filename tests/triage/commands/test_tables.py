"""`jiesu tables check` and `diff` in a process of their own."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import triage.tables
from tests.triage.commands.test_admin import jiesu
from triage.rules.parsing import FILES

if TYPE_CHECKING:
    from pathlib import Path


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
