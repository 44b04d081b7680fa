"""`jiesu identity correct` as it is typed: the new value by a prompt, and told masked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from models import migrate
from models.appeals import Appellant
from models.tickets import Ticket
from tests.factories import NOW, TicketIn, add_tickets
from triage.cli import main
from triage.settings import Settings
from triage.wiring import build

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


@pytest.fixture
def no(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A ticket whose appellant left a wrong phone."""
    monkeypatch.setenv("JIESU_DATA_DIR", str(tmp_path))

    async def fill() -> str:
        deps = build(Settings())
        await migrate.upgrade(deps.db)
        (made,) = await add_tickets(deps.db, TicketIn())
        async with deps.db.writes.begin() as session:
            number = await session.scalar(sa.select(Ticket.appeal_id))
            phone = deps.vault.seal("13800000001", belongs_to=f"appellant.phone:{number}")
            person = {"appeal_id": number, "created_at": NOW, "phone": phone}
            await session.execute(sa.insert(Appellant).values(person))
        await deps.close()
        return made

    return asyncio.run(fill())


def correct(no: str, typed: str) -> Result:
    arguments = ["identity", "correct", no, "--field", "phone", "--reason", "当面核验"]
    return CliRunner().invoke(main, arguments, input=typed)


def test_the_new_phone_is_typed_and_told_masked(no: str) -> None:
    done = correct(no, "13800000002\n")
    assert done.exit_code == 0
    assert f"已更正 {no} 的电话：138****0001 → 138****0002" in done.stdout
    verified = CliRunner().invoke(main, ["audit", "verify"])
    assert "1 行" in verified.stdout


def test_what_is_no_phone_is_refused_in_words(no: str) -> None:
    refused = correct(no, "123\n")
    assert (refused.exit_code, "电话不对" in refused.stderr) == (1, True)
    assert "没有这张工单" in correct("20991231-00000001", "13800000002\n").stderr
