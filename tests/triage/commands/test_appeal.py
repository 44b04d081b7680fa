"""`jiesu appeal import`, called as the command calls it, on an SQLite of its own."""

from __future__ import annotations

import asyncio
import json
import zipfile
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from models.appeals import Source
from models.db import open_database
from triage.cli import main
from triage.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

ROW = '{"id": "1", "text": "河水发黑发臭"}\n'


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory whose database is ready."""
    monkeypatch.setenv("JIESU_DATA_DIR", str(tmp_path / "data"))
    assert CliRunner().invoke(main, ["db", "upgrade"]).exit_code == 0
    return tmp_path


def put(folder: Path, content: str, name: str = "a.jsonl") -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def run(path: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["appeal", "import", str(path), *options])


def report(path: Path, *options: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(run(path, "--json", *options).stdout)
    return told


def sources() -> list[str]:
    async def read() -> list[str]:
        db = open_database(Settings().database)
        async with db.reads() as session:
            found = list(await session.scalars(sa.select(Source.key).order_by(Source.id)))
        await db.close()
        return found

    return asyncio.run(read())


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize(
    ("name", "told"), [("源" * 121, "超过上限 120"), ("\u200b ", "是空的"), ("", "是空的")]
)
def test_a_source_that_cannot_be_stored_is_refused(tmp_path: Path, name: str, told: str) -> None:
    refused = run(put(tmp_path, ROW), "--source", name)
    assert (refused.exit_code, sources()) == (1, [])
    assert told in refused.stderr


def test_a_long_file_name_is_shortened_and_still_tells_files_apart(data: Path) -> None:
    # 240 bytes, near what a file system allows for a name: as characters, past what a source may have.
    stem = "n" * 240
    status = [
        run(put(data, ROW, f"{stem}.jsonl")).exit_code,
        run(put(data, ROW.replace("发臭", "发绿"), f"{stem}2.jsonl")).exit_code,
    ]
    assert status == [0, 0]
    assert [len(source) for source in sources()] == [120, 120]


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_what_of_the_file_is_not_read_is_told(data: Path, dry: list[str]) -> None:
    """A column that nobody reads may be the one that says 匿名, and a second sheet half of the file."""
    book = openpyxl.Workbook()
    book.worksheets[0].append(["内容", "愿否公开"])
    book.worksheets[0].append(["噪音", "否"])
    book.create_sheet("二月").append(["内容"])
    book.save(data / "a.xlsx")
    said = run(data / "a.xlsx", *dry).stderr
    assert "选用“普通表格”：2 列中认出 1 列（内容）" in said
    assert "未使用的列（只随原文密封保存）：愿否公开" in said
    assert "另有工作表“二月”未导入" in said
    told = report(data / "a.xlsx", *dry)
    assert [told["map"], told["unused_columns"], told["other_sheets"]] == ["plain", ["愿否公开"], ["二月"]]
    assert "认出 1 列" in told["map_reason"]
    named = report(data / "a.xlsx", *dry, "--map", "plain")
    assert (named["map_reason"], named["unused_columns"]) == (None, ["愿否公开"])


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_a_workbook_that_breaks_off_gives_what_came_before(data: Path, dry: list[str]) -> None:
    book = openpyxl.Workbook()
    for row in [("编号", "内容"), *((str(n), f"噪音{n}") for n in range(700))]:
        book.worksheets[0].append(row)
    book.save(data / "whole.xlsx")
    with zipfile.ZipFile(data / "whole.xlsx") as whole, zipfile.ZipFile(data / "a.xlsx", "w") as broken:
        for name in whole.namelist():
            broken.writestr(name, whole.read(name).replace(b'<row r="602"', b'<row r="602"<<'))
    found = run(data / "a.xlsx", *dry)
    assert (found.exit_code, "第 601 行之后已损坏" in found.stderr) == (1, True)
    assert {"读到 600 行：新入库 600" in found.stdout, "试读 600 行" in found.stdout} == {True, False}
    told = report(data / "a.xlsx", *dry)
    assert (told["rows"], "第 601 行" in told["broken"]) == (600, True)
    again = report(data / "whole.xlsx", "--source", "a")
    assert (again["rows"], again["broken"]) == (700, None)


@pytest.mark.usefixtures("data")
def test_old_rows_are_left_out_in_words(tmp_path: Path) -> None:
    """The guide led to history here, and every old case became a live one."""
    lines = [f'{{"id": "{n}", "text": "河水发黑{n}", "time": "2019-05-01"}}\n' for n in range(12)]
    path = put(tmp_path, ROW.replace('"1"', '"n"') + "".join(lines))
    dry = run(path, "--dry-run")
    assert (dry.exit_code, "可入库 1，有误 0，过久未入库 12。没有写入" in dry.stdout) == (1, True)
    assert "不会入库（已登记过的除外）" in dry.stderr
    done = run(path)
    assert (done.exit_code, "新入库 1，已有 0，有误 0，过久未入库 12" in done.stdout) == (1, True)
    assert "注意：12 行（第 2、3、4、5、6、7、8、9、10、11……行）的时间在 30 天以前，没有入库" in done.stderr
    assert "--dispatch-old" in done.stderr
    assert report(path)["old"] == list(range(2, 14))
    asked = run(path, "--dispatch-old")
    assert (asked.exit_code, "新入库 12，已有 1，有误 0。" in asked.stdout) == (0, True)
