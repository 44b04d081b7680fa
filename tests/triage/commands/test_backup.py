"""`jiesu backup`, `jiesu restore`, `jiesu keys backup` as they are typed."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from models import migrate
from models.files import Attachment
from tests.factories import NOW, TicketIn, add_tickets
from triage import datadir
from triage.cli import main
from triage.commands.run import only_one
from triage.services.backup import measuring
from triage.settings import Settings
from triage.wiring import build

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


def typed(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture(autouse=True)
def _made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIESU_DATA_DIR", str(tmp_path / "data"))

    async def prepare() -> None:
        deps = build(Settings())
        await migrate.upgrade(deps.db)
        await deps.close()

    asyncio.run(prepare())


def test_from_key_to_a_restored_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, one = tmp_path / "backup.key", tmp_path / "one.jiesu-backup"
    assert "jiesu keys backup" in typed("backup", str(one)).stderr
    assert typed("keys", "backup", str(key)).exit_code == 0
    assert key.stat().st_mode & 0o777 == 0o600
    assert "写不了" in typed("keys", "backup", str(key)).stderr
    monkeypatch.setenv("JIESU_BACKUP_KEYS_FILE", str(key))
    (tmp_path / "cold").mkdir()
    (tmp_path / "cold" / "rollup-day-2024-01.parquet").write_bytes(b"PAR1")
    told = typed("backup", str(one), "--verify", "--also", str(tmp_path / "cold")).stdout
    assert "其他文件 1 个" in told
    assert "身份信息密钥 1 号" in told
    assert "已试恢复并核对" in told
    assert "注意" not in told
    assert "已经存在" in typed("backup", str(one)).stderr
    assert "可以恢复（只校验，没有改动）" in typed("restore", str(one), "--check").stdout
    assert "不是空的" in typed("restore", str(one)).stderr

    (tmp_path / "new").mkdir()
    shutil.copy(tmp_path / "data" / "vault.key", tmp_path / "new" / "vault.key")
    monkeypatch.setenv("JIESU_DATA_DIR", str(tmp_path / "new"))
    assert "已恢复" in typed("restore", str(one)).stdout
    laid = list((tmp_path / "new").glob("restored-*/also/0/rollup-day-2024-01.parquet"))
    assert [path.read_bytes() for path in laid] == [b"PAR1"]
    # The backup itself is in the first ledger, the restore in the second.
    assert "1 行" in typed("audit", "verify").stdout
    assert "没有改动" in typed("after-restore", "--until", "2026-11-26 08:30").stdout
    assert "还没有到" in typed("after-restore", "--until", "2999-01-01 00:00").stderr
    (tmp_path / "erased").write_text("20261126-00000001\n", encoding="utf-8-sig")
    after = ("after-restore", "--until", "2026-11-26 08:30", "--erased", str(tmp_path / "erased"), "--commit")
    with datadir.in_use(Settings().database):
        assert "先停下 jiesu 各进程" in typed(*after).stderr
    settled = typed(*after).stdout
    assert "没有找到这些编号（备份以后才登记的）：20261126-00000001。" in settled
    assert "可以启动各进程了" in settled
    with only_one(tmp_path / "new" / "run.lock"):
        assert "正由另一个 jiesu run 使用" in typed("restore", str(one), "--replace").stderr
    assert "没有备份文件" in typed("restore", str(tmp_path / "none"), "--check").stderr


def test_a_restore_to_an_older_schema_stands_in_the_ledger_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, one = tmp_path / "backup.key", tmp_path / "one.jiesu-backup"
    assert typed("keys", "backup", str(key)).exit_code == 0
    monkeypatch.setenv("JIESU_BACKUP_KEYS_FILE", str(key))
    assert "已退回" in typed("db", "downgrade", "--commit").stdout
    assert "已备份" in typed("backup", str(one)).stdout
    assert "已恢复" in typed("restore", str(one), "--replace").stdout
    assert typed("db", "upgrade").exit_code == 0
    ledger = tmp_path / "ledger.jsonl"
    assert typed("audit", "export", str(ledger)).exit_code == 0
    acts = [json.loads(line)["act"] for line in ledger.read_text("utf-8").splitlines()]
    assert acts == ["backup.restored", "ledger.exported"]
    assert "共 2 行" in typed("audit", "verify").stdout


def test_attachments_that_lack_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = tmp_path / "backup.key"
    assert typed("keys", "backup", str(key)).exit_code == 0
    monkeypatch.setenv("JIESU_BACKUP_KEYS_FILE", str(key))

    async def photograph() -> None:
        deps = build(Settings())
        await add_tickets(deps.db, TicketIn())
        at = {"at": NOW, "by": "citizen", "media_type": "image/jpeg", "name": "a.jpg", "size": 5}
        async with deps.db.writes.begin() as session:
            values = {"appeal_id": 1, "owner": "appeal", "sha256": "ab" * 32, **at}
            await session.execute(sa.insert(Attachment).values(values))
        await deps.close()

    asyncio.run(photograph())
    done = typed("backup", str(tmp_path / "one.jiesu-backup"))
    assert done.exit_code == 0
    assert (
        "注意：有 1 个附件，数据库里登记了，附件库里没有或已损坏，备份里也就没有：abababababab" in done.stdout
    )


def test_sigterm_leaves_no_plain_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = tmp_path / "backup.key"
    assert typed("keys", "backup", str(key)).exit_code == 0
    monkeypatch.setenv("JIESU_BACKUP_KEYS_FILE", str(key))
    before = signal.getsignal(signal.SIGTERM)
    seen: list[Path] = []

    def told_to_stop(_copy: Path, _told: object) -> None:
        seen.extend((tmp_path / "data").glob(".backup-*/copy.db"))
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(measuring, "of_sqlite", told_to_stop)
    assert typed("backup", str(tmp_path / "one.jiesu-backup")).exit_code == 128 + signal.SIGTERM
    assert len(seen) == 1
    assert list((tmp_path / "data").glob(".backup-*")) == []
    assert list(tmp_path.glob("*one*")) == []
    assert signal.getsignal(signal.SIGTERM) is before
