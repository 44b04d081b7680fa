"""`jiesu appeal import`, called as the command calls it, on an SQLite of its own."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

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
