"""`jiesu reward inspections …`: a list goes in once, is listed, and goes out again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from models import migrate
from triage.cli import main
from triage.settings import Settings
from triage.wiring import build

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


@pytest.fixture(autouse=True)
def _ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIESU_DATA_DIR", str(tmp_path / "data"))

    async def upgraded() -> None:
        deps = build(Settings())
        await migrate.upgrade(deps.db)
        await deps.close()

    asyncio.run(upgraded())


def lists(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["reward", "inspections", *arguments])


def test_a_list_goes_in_once_is_listed_and_goes_out_again(tmp_path: Path) -> None:
    path = tmp_path / "春季督察.csv"
    path.write_text("单位名称,行政区,列入日期\n甲厂,朝阳区,2026-03-01\n乙厂,某区,2026-03-01\n", "utf-8")
    dry = lists("import", str(path), "--source", "京环督〔2026〕1号", "--dry-run")
    assert (dry.exit_code, "没有写入" in dry.stdout) == (1, True)
    assert "还没有清单" in lists("list").stdout
    first, again = (lists("import", str(path), "--source", "京环督〔2026〕1号") for _ in range(2))
    assert "春季督察.csv 第 3 行 行政区：没有这个区" in first.stderr
    assert "读到 2 行：新入 1，已有 0，有误 1" in first.stdout
    assert "新入 0，已有 1，有误 1" in again.stdout
    assert "春季督察：1 行，2026-03-01 至 2026-03-01，依据 京环督〔2026〕1号" in lists("list").stdout
    assert "没有删除" in lists("remove", "春季督察").stdout
    assert "已删除" in lists("remove", "春季督察", "--commit").stdout
    assert "没有清单“春季督察”" in lists("remove", "春季督察").stderr
