"""`jiesu audit …`: whole, broken, exported for its owner alone, and held to a checkpoint kept outside."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from models import migrate
from models.vocab_ledger import LedgerAct, SubjectKind
from tests.factories import NOW
from triage.cli import main
from triage.services import ledger
from triage.settings import Settings
from triage.wiring import build

if TYPE_CHECKING:
    from pathlib import Path


def filled(*statements: str) -> None:
    """A database with a ledger of three rows; or what these statements make of it."""

    async def fill() -> None:
        deps = build(Settings())
        await migrate.upgrade(deps.db)
        for number in range(3 * (not statements)):
            async with deps.db.writes.begin() as session:
                ledger.write(
                    session, who="clerk", act=LedgerAct.SOURCE_CHANGED, now=NOW,
                    subject=ledger.Subject(SubjectKind.SOURCE, f"s{number}"),
                )  # fmt: skip
        async with deps.db.writes.begin() as session:
            for statement in statements:
                await session.execute(sa.text(statement))
        await deps.close()

    asyncio.run(fill())


@pytest.fixture(autouse=True)
def _own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIESU_DATA_DIR", str(tmp_path / "data"))


def test_the_whole_is_verified_and_what_is_broken_is_named(tmp_path: Path) -> None:
    filled()
    point = tmp_path / "point.json"
    result = CliRunner().invoke(main, ["audit", "checkpoint"])
    point.write_text(result.stdout, encoding="utf-8")
    result = CliRunner().invoke(main, ["audit", "verify", "--checkpoint", str(point)])
    assert (result.exit_code, "共 3 行；签名到第 3 行" in result.stdout) == (0, True)
    filled("DROP TRIGGER ledger_no_update", "UPDATE ledger SET who = 'x' WHERE seq = 2")
    result = CliRunner().invoke(main, ["audit", "verify"])
    assert (result.exit_code, result.stdout) == (1, "第 2 行有问题：内容与写入时不同；之前的 1 行都对\n")


def test_a_checkpoint_of_somebody_else_is_refused(tmp_path: Path) -> None:
    filled()
    told = json.loads(CliRunner().invoke(main, ["audit", "checkpoint"]).stdout)
    point = tmp_path / "point.json"
    point.write_text(json.dumps(told | {"hash": "00" * 32}), encoding="utf-8")
    result = CliRunner().invoke(main, ["audit", "verify", "--checkpoint", str(point)])
    assert (result.exit_code, "签名不是本系统的" in result.stderr) == (1, True)


def test_an_export_is_its_owners_alone_and_is_written_down(tmp_path: Path) -> None:
    filled()
    out = tmp_path / "ledger.csv"
    result = CliRunner().invoke(main, ["audit", "export", str(out), "--who", "clerk"])
    assert (result.exit_code, out.stat().st_mode & 0o777) == (0, 0o600)
    assert out.read_text("utf-8-sig").count("修改来源") == 3
    lines = tmp_path / "ledger.jsonl"
    CliRunner().invoke(main, ["audit", "export", str(lines)])
    rows = [json.loads(line) for line in lines.read_text("utf-8").splitlines()]
    assert [row["act"] for row in rows][-2:] == ["ledger.exported", "ledger.exported"]
    assert {row["origin"] for row in rows[-2:]} == {"command"}
