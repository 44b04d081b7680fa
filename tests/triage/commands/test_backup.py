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
    # cron throws away what is not a fault, and removes old backups after a 0.
    assert (done.exit_code, "已备份到" in done.stdout) == (3, True)
    assert (
        "注意：有 1 个附件，数据库里登记了，附件库里没有或已损坏，备份里也就没有：abababababab" in done.stderr
    )
    known = typed("backup", str(tmp_path / "two.jiesu-backup"), "--lost", "1")
    assert (known.exit_code, "注意：有 1 个附件" in known.stderr) == (0, True)
    ledger = tmp_path / "ledger.jsonl"
    assert typed("audit", "export", str(ledger)).exit_code == 0
    told = [json.loads(line) for line in ledger.read_text("utf-8").splitlines()]
    made = [one["detail"] for one in told if one["act"] == "backup.made"]
    assert [(one["files"], one["files_missing"]) for one in made] == [(0, 1)] * 2


def test_a_second_backup_key_has_the_next_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both files put together open what either sealed; two keys of one number are refused."""
    first, second, both = tmp_path / "first", tmp_path / "second", tmp_path / "both"
    assert typed("keys", "backup", str(first)).exit_code == 0
    monkeypatch.setenv("JIESU_BACKUP_KEYS_FILE", str(first))
    old = tmp_path / "old.jiesu-backup"
    assert typed("backup", str(old)).exit_code == 0
    told = typed("keys", "backup", str(second)).stdout
    assert "2 号备份密钥" in told
    assert "最前面" in told
    both.write_text(second.read_text() + first.read_text())
    monkeypatch.setenv("JIESU_BACKUP_KEYS_FILE", str(both))
    assert "加密用备份密钥 2 号" in typed("backup", str(tmp_path / "new.jiesu-backup")).stdout
    assert typed("restore", str(old), "--check").exit_code == 0
    both.write_text(second.read_text().replace("2:", "1:", 1) + first.read_text())
    refused = typed("backup", str(tmp_path / "no.jiesu-backup"))
    assert refused.exit_code == 1
    assert "备份密钥有误：1 号密钥写了两次" in refused.stderr


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
