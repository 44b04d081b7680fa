"""`jiesu nlp corrections export`: a file for its owner, and words when there is no database yet."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import triage.tables
from models import migrate
from models.filters import all_seeing
from tests.factories import NOW, TicketIn, add_reference, add_tickets
from triage.cli import main
from triage.services.correcting import correct
from triage.settings import Settings
from triage.wiring import build


def filled() -> None:
    """A database with one corrected ticket, where the settings say."""

    async def fill() -> None:
        deps = build(Settings())
        await migrate.upgrade(deps.db)
        await add_reference(deps.db)
        (no,) = await add_tickets(deps.db, TicketIn(kind="NOI-01"))
        async with deps.db.writes.begin() as session:
            tables = triage.tables.load()
            await correct(session, tables, all_seeing("local"), no, {"kind": "NOI-02"}, at=NOW)
        await deps.close()

    asyncio.run(fill())


@pytest.fixture(autouse=True)
def _own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIESU_DATA_DIR", str(tmp_path / "data"))


def test_the_file_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    filled()
    out = tmp_path / "corrections.jsonl"
    out.write_text("of before, for all to read\n" * 100, "utf-8")
    out.chmod(0o644)
    result = CliRunner().invoke(main, ["nlp", "corrections", "export", "--out", str(out)])
    assert result.exit_code == 0
    assert "写出 1 条" in result.stdout
    assert out.stat().st_mode & 0o777 == 0o600
    (row,) = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert (row["kind"], row["environmental"], row["id"].split("-")[0]) == ("NOI-02", True, "correction")


def test_a_device_is_written_to_and_left_as_it_is() -> None:
    filled()
    before = Path("/dev/null").stat().st_mode
    result = CliRunner().invoke(main, ["nlp", "corrections", "export", "--out", "/dev/null"])
    assert "写出 1 条" in result.stdout
    assert Path("/dev/null").stat().st_mode == before


def test_a_day_later_than_all_corrections_gives_none(tmp_path: Path) -> None:
    filled()
    out = tmp_path / "none.jsonl"
    result = CliRunner().invoke(
        main, ["nlp", "corrections", "export", "--out", str(out), "--since", "2026-11-24"]
    )
    assert "写出 0 条" in result.stdout
    assert out.read_text("utf-8") == ""


def test_without_a_database_it_says_what_to_run(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["nlp", "corrections", "export", "--out", str(tmp_path / "x")])
    assert result.exit_code == 1
    assert "jiesu db upgrade" in result.stderr
