"""`jiesu keys …`: from one key to the next while everything opens, and no key goes that is needed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from connectors.keys import FileKeys
from models import migrate
from tests.factories import NOW
from triage.cli import main
from triage.services import intake
from triage.services.identities import rotating
from triage.settings import Settings
from triage.wiring import build

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


@pytest.fixture(autouse=True)
def _filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIESU_DATA_DIR", str(tmp_path / "data"))

    async def fill() -> None:
        deps = build(Settings())
        await migrate.upgrade(deps.db)
        item = intake.NewAppeal(source="t", text="工地夜里施工", received_at=NOW, phone="13800000001")
        async with deps.db.writes.begin() as session:
            await intake.receive(session, deps.vault, [item], now=NOW)
        await deps.close()

    asyncio.run(fill())


def keys(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["keys", *arguments])


def test_a_key_is_added_takes_over_and_the_old_one_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "已添加密钥 2" in keys("add").stdout
    assert "1：用于写入，1 个值在用" in keys("list").stdout
    assert "1 号密钥正用于写入" in keys("retire", "1", "--destroy").stderr
    assert "改了 1 个值" in keys("rotate").stdout
    told = keys("list").stdout
    assert "2：用于写入，1 个值在用" in told
    assert "1：只用于打开，0 个值在用" in told
    assert "还不到 10 分钟" in keys("retire", "1", "--destroy").stderr
    monkeypatch.setattr(rotating, "SETTLED_AFTER", rotating.SETTLED_AFTER * 0)
    kept = tmp_path / "old.key"
    assert "已停用 1 号密钥" in keys("retire", "1", "--keep", str(kept)).stdout
    assert kept.stat().st_mode & 0o777 == 0o600
    assert "  1：" not in keys("list").stdout
    result = CliRunner().invoke(main, ["audit", "verify"])
    assert "共 3 行" in result.stdout


def test_a_key_that_is_needed_does_not_go(tmp_path: Path) -> None:
    keys("add")
    file = FileKeys(tmp_path / "data" / "vault.key")
    file.save(file.ring().led_by(2))
    assert "1 号密钥还在用：appellant 1 个" in keys("retire", "1", "--destroy").stderr
    assert keys("retire", "9", "--destroy").exit_code == 1


def test_keys_of_the_environment_are_written_to_a_file_for_their_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (tmp_path / "data" / "vault.key").read_text("ascii").strip()
    monkeypatch.setenv("JIESU_VAULT_KEYS", text)
    assert "--out" in keys("add").stderr
    out = tmp_path / "new.key"
    assert keys("add", "--out", str(out)).exit_code == 0
    assert (out.stat().st_mode & 0o777, out.read_text("ascii").startswith(text)) == (0o600, True)
    monkeypatch.setenv("JIESU_VAULT_KEYS", out.read_text("ascii").strip())
    assert "移到 JIESU_VAULT_KEYS 的最前面" in keys("rotate").stderr
