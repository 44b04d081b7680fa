"""`jiesu keys …`: from one key to the next while everything opens, and no key goes that is needed."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING
from unittest import mock

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from connectors.keys import FileKeys
from models import migrate
from models.rewards import Reward, RewardBatch, RewardPayment, RewardShare
from tests.factories import NOW
from triage.cli import main
from triage.services import intake
from triage.services.identities import rotating
from triage.services.rewards.claiming import place_of
from triage.services.rewards.keys import RewardKeys
from triage.services.rewards.paying import payee_of
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


def test_a_ring_that_the_service_could_not_read_any_more_is_left_and_nothing_is_noted(tmp_path: Path) -> None:
    before = (tmp_path / "data" / "vault.key").read_bytes()
    foreign = mock.Mock(st_uid=4242, st_gid=4242)
    with mock.patch("os.fstat", return_value=foreign), mock.patch("os.fchown", side_effect=PermissionError):
        refused = keys("add")
    assert (refused.exit_code, "请用它的所有者或 root 运行" in refused.stderr) == (1, True)
    assert (tmp_path / "data" / "vault.key").read_bytes() == before
    assert "共 0 行" in CliRunner().invoke(main, ["audit", "verify"]).stdout


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


async def claim_and_pay(settings: Settings) -> None:
    """One part, claimed and handed to the bank; sealed with the ring of rewards."""
    deps, vault = build(settings), RewardKeys(settings).vault
    async with deps.db.writes.begin() as session:
        reward = Reward(
            no="J2026ABCDEFGHJK", version=1, state="notified", root_ticket_id=1, winner_appeal_id=1,
            kind="WAT-02", reported_at=NOW, real_name=True, exclusions=[], parts=[], verdict={}, proof=[],
            checks=[], found_at=NOW,
        )  # fmt: skip
        batch = RewardBatch(no="P1", sha256="", payments=1, total_fen=1, by="payer", at=NOW)
        session.add_all([reward, batch])
        await session.flush()
        share = RewardShare(reward_id=reward.id, number=1, state="paying", amount_fen=1, reminders=0)
        session.add(share)
        await session.flush()
        share.claimant = vault.seal("谁", belongs_to=place_of(share.id))
        session.add(RewardPayment(
            batch_id=batch.id, line=1, share_id=share.id, reference="P1-0001", amount_fen=1, state="claimed",
            payee=vault.seal("谁", belongs_to=payee_of("P1-0001")),
        ))  # fmt: skip
    await deps.close()


async def reads_all(settings: Settings) -> list[str]:
    """Who claimed and who is paid, opened with the ring as it is."""
    deps, vault = build(settings), RewardKeys(settings).vault
    async with deps.db.reads() as session:
        share = (await session.scalars(sa.select(RewardShare))).one()
        payment = (await session.scalars(sa.select(RewardPayment))).one()
    await deps.close()
    return [
        vault.open(share.claimant or b"", belongs_to=place_of(share.id)),
        vault.open(payment.payee, belongs_to=payee_of("P1-0001")),
    ]


def test_the_keys_of_rewards_go_the_same_way_and_apart_from_those_of_identities(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that opened the ring before reads what the new key seals, without a restart."""
    monkeypatch.setattr("connectors.keys.LOOK_AGAIN_SECONDS", 0.0)
    asyncio.run(claim_and_pay(Settings()))
    running = RewardKeys(Settings()).vault
    assert "下一步：jiesu keys rotate --reward" in keys("add", "--reward").stdout
    assert "1 号密钥正用于写入" in keys("retire", "1", "--destroy", "--reward").stderr
    assert "看过 2 行，改了 2 个值" in keys("rotate", "--reward").stdout
    told = keys("list", "--reward").stdout
    assert "2：用于写入，2 个值在用" in told
    assert "reward_payment 看过 1 行，改 1 个值" in told
    assert running.seals_with.key_id == 2
    told = keys("list").stdout
    assert "1：用于写入，1 个值在用" in told
    assert "reward_" not in told
    monkeypatch.setattr(rotating, "SETTLED_AFTER", rotating.SETTLED_AFTER * 0)
    assert "已停用 1 号密钥" in keys("retire", "1", "--destroy", "--reward").stdout
    assert asyncio.run(reads_all(Settings())) == ["谁", "谁"]
    assert FileKeys(tmp_path / "data" / "vault.key").ring().keys.keys() == {1}


def test_a_key_of_rewards_is_added_to_the_file_of_the_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rewards.keys"
    path.write_text(f"\ufeff4:{base64.b64encode(bytes(32)).decode()}\n", "utf-8")
    monkeypatch.setenv("JIESU_REWARD_KEYS_FILE", str(path))
    assert "已添加密钥 5" in keys("add", "--reward").stdout
    assert FileKeys(path).ring().keys.keys() == {4, 5}
    assert not (tmp_path / "data" / "reward.key").exists()
