"""恢复之后的奖励: what was paid after the backup is not paid again, nor told of again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import orjson
import pytest
import sqlalchemy as sa

from connectors import bank_file
from connectors.fakes import MemoryMessenger
from connectors.vault import Vault
from models.rewards import RewardBatch, RewardEvent, RewardNotice
from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_rewards import RewardAct, ShareState
from tests.factories import NOW
from tests.triage.rules.helpers import tables
from tests.triage.services.rewards import bed
from tests.triage.services.rewards.bank import fetched, gathered, paid, taken
from triage.clock import FixedClock
from triage.commands import after_restore
from triage.errors import BadInput
from triage.services import ledger
from triage.services.auditing import exporting, reading
from triage.services.backup import rewarded, settling
from triage.services.backup.rewarded import Parts, Went
from triage.services.deps import Deps
from triage.services.rewards import paying, telling
from triage.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from models.db import Database

HOUR = timedelta(hours=1)
#: The backup is of NOW; the old house ran on.
LATER = NOW + HOUR
UNTIL = NOW + 2 * HOUR
SETTINGS = Settings(reward_hash_kib=8)


@pytest.fixture
def deps(db: Database) -> Deps:
    """On each kind of database."""
    return Deps(SETTINGS, FixedClock(NOW), tables(), db, Vault({1: bytes(32)}))


@pytest.fixture
def lite(sqlite_db: Database) -> Deps:
    """Where the SQL is the same."""
    return Deps(SETTINGS, FixedClock(NOW), tables(), sqlite_db, Vault({1: bytes(32)}))


async def notified(deps: Deps) -> str:
    """A reward that waits to be claimed. Gives its number."""
    (no,) = await bed.reports(deps.db)
    await bed.named(deps, no)
    await bed.sweep(deps)
    return (await bed.approved(deps)).no


async def lines(deps: Deps) -> list[str]:
    """The ledger as it leaves the house."""
    return [exporting.line(row, "jsonl") async for row in reading.every(deps.db, reading.LedgerFilter())]


async def found(deps: Deps, told: Sequence[Went] = ()) -> Parts:
    async with deps.db.reads() as session:
        return await rewarded.find(session, told)


async def held(deps: Deps, *told: Went) -> Parts:
    async with deps.db.writes.begin() as session:
        return await rewarded.hold(session, told, by="root", now=deps.clock.now())


async def batches(deps: Deps) -> list[RewardBatch]:
    async with deps.db.reads() as session:
        return list(await session.scalars(sa.select(RewardBatch).order_by(RewardBatch.id)))


def bank_says(batch: RewardBatch, result: str) -> bytes:
    line = f"{batch.no}-0001,{bank_file.yuan(batch.total_fen)},{result},B1,账号不存在"
    return "\r\n".join([",".join(bank_file.IN), line, ""]).encode()


async def test_the_export_tells_what_went_and_the_house_that_wrote_it_knows_it(lite: Deps) -> None:
    no = await notified(lite)
    await bed.claimed(lite)
    before = await lines(lite)
    assert rewarded.read(before) == []
    assert await found(lite) == Parts(payable=(f"{no} 第 1 份",))
    batch = await gathered(lite)
    assert rewarded.read(await lines(lite)) == [Went(no, 1, RewardAct.EXPORT, NOW)]
    await paid(lite, batch.no)
    told = rewarded.read(await lines(lite))
    assert told == [Went(no, 1, RewardAct.PAY, NOW)]
    assert await found(lite, told) == await held(lite, *told) == Parts()


def test_what_the_bank_sent_back_last_is_not_held() -> None:
    row = {"act": "reward.paid", "subject_kind": "reward", "subject": "J1", "at": NOW.isoformat()}
    acts = [{"act": "export", "share": 1}, {"bank": "称未支付成功", "share": 1}, {"act": "fail", "share": 1}]
    told = [orjson.dumps(row | {"detail": detail}).decode() for detail in acts]
    assert [len(rewarded.read(told[:number])) for number in range(4)] == [0, 1, 1, 0]
    told += [
        orjson.dumps(row | {"detail": {"bank": said, "share": 1}}).decode()
        for said in ("先称失败、后称成功", "先称失败、后称成功，另一人确认未支付成功")
    ]
    (unsure,) = rewarded.read(told[:4])
    assert (unsure.disputed, len(rewarded.read(told))) == (True, 0)
    with pytest.raises(BadInput, match="第 2 行"):
        rewarded.read(["20261126-00000007", '{"act": "reward.paid"'])


async def test_what_went_to_the_bank_after_the_backup_is_held_until_its_answer(deps: Deps) -> None:
    no = await notified(deps)
    await bed.claimed(deps)
    went = Went(no, 1, RewardAct.EXPORT, LATER)
    back = bed.at(deps, UNTIL)
    assert await found(back, [went]) == Parts(held=(f"{no} 第 1 份",))
    unsure = replace(went, disputed=True)
    assert (await found(back, [unsure])).unclear == (await held(back, unsure)).unclear == (f"{no} 第 1 份",)
    parts = await held(back, went)
    (batch,) = await batches(deps)
    assert parts == Parts(held=(f"{no} 第 1 份（流水号 {batch.no}-0001）",))
    assert batch.no.startswith("R")
    assert await held(back, went) == Parts(), "known by now"
    with pytest.raises(BadInput, match="没有已登记待支付的奖励"):
        await gathered(back)
    with pytest.raises(paying.BankFileRefused, match="恢复前已经取走"):
        await fetched(back, batch.no)
    refused = bank_says(batch, "失败")
    assert (await taken(back, batch.no, refused)).waiting == 1, "two people say that it was not paid"
    assert (await taken(back, batch.no, bank_says(batch, "成功"))).paid == 1
    (share,) = await bed.shares(deps)
    assert (share.state, share.paid_at) == (ShareState.PAID, UNTIL)
    entries = [row async for row in reading.every(deps.db, reading.LedgerFilter())]
    assert {one for row in entries for one in row.detail} <= set(exporting.FACTS)


async def test_what_the_bank_paid_is_paid_though_the_backup_has_it_unclaimed(deps: Deps) -> None:
    no = await notified(deps)
    settled = await settling.settle(
        bed.at(deps, UNTIL),
        [],
        [Went(no, 1, RewardAct.PAY, LATER)],
        until=NOW + timedelta(days=89),
        by="root",
    )
    assert len(settled.rewards.held) == 1
    (share,) = await bed.shares(deps)
    assert (share.state, share.paid_at, share.reminders) == (ShareState.PAID, LATER, 0)
    async with deps.db.reads() as session:
        last = sa.select(RewardEvent).order_by(RewardEvent.seq.desc()).limit(1)
        event = (await session.scalars(last)).one()
    assert (event.act, event.by) == ("pay", "")


async def test_what_the_backup_knows_otherwise_is_named(lite: Deps) -> None:
    no = await notified(lite)
    await bed.claimed(lite)
    await gathered(lite)
    told = [
        Went(no, 1, RewardAct.PAY, LATER),
        Went(no, 2, RewardAct.PAY, LATER),
        Went("J9", 1, RewardAct.EXPORT, LATER),
    ]
    names = (f"{no} 第 1 份", f"{no} 第 2 份", "J9 第 1 份")
    assert await found(lite, told) == await held(lite, *told) == Parts(unclear=names)
    (share,) = await bed.shares(lite)
    assert share.state == ShareState.PAYING


async def test_a_message_that_was_due_by_then_is_taken_for_sent_and_no_other(deps: Deps) -> None:
    await notified(deps)
    async with deps.db.writes.begin() as session:
        due = await session.scalar(sa.select(RewardNotice.next_at))
    assert due is not None
    assert (await settling.find(deps, until=due - HOUR)).notices == 0
    assert (await settling.settle(deps, [], until=due - HOUR, by="me")).notices == 0
    assert (await settling.find(deps, until=due)).notices == 1
    assert (await settling.settle(deps, [], until=due, by="me")).notices == 1
    messenger = MemoryMessenger()
    await telling.send(bed.at(deps, due + timedelta(days=1)), messenger)
    assert messenger.sent == {}


async def test_a_reminder_of_the_time_between_is_written_as_of_then_and_not_sent(deps: Deps) -> None:
    await notified(deps)
    until = NOW + timedelta(days=31)
    await settling.settle(bed.at(deps, until + HOUR), [], until=until, by="me")
    (share,) = await bed.shares(deps)
    assert share.reminders == 1
    async with deps.db.reads() as session:
        states = list(await session.scalars(sa.select(RewardNotice.state).order_by(RewardNotice.id)))
        moment = await session.scalar(sa.select(RewardEvent.at).where(RewardEvent.act == "remind"))
    assert (states, moment) == (["presumed", "presumed"], until)
    messenger = MemoryMessenger()
    for day in (1, 2):
        await bed.tick(bed.at(deps, until + timedelta(days=day)))
        await telling.send(bed.at(deps, until + timedelta(days=day)), messenger)
    assert messenger.sent == {}


async def key_of(deps: Deps, at: datetime) -> str:
    """The key under which the next message goes out."""
    messenger = MemoryMessenger()
    async with deps.db.writes.begin() as session:
        reward = await bed.the_reward(deps)
        await session.execute(sa.delete(RewardNotice))
        await telling.write(session, deps.tables, reward, now=at)
        await session.execute(sa.update(RewardNotice).values(id=7))
    await telling.send(bed.at(deps, at + timedelta(days=1)), messenger)
    (key,) = messenger.sent
    return key


async def test_a_number_that_is_given_again_after_a_restore_is_another_message(deps: Deps) -> None:
    """The gateway knows its key from the old house: it swallowed the message to somebody else."""
    await notified(deps)
    before = await key_of(deps, LATER)
    assert before == deps.vault.content_hash("answer_waits\0007")[:32], "as the release before has it"
    async with deps.db.writes.begin() as session:
        subject = ledger.Subject(SubjectKind.BACKUP, "x")
        ledger.write(session, who="root", act=LedgerAct.RESTORED, subject=subject, now=UNTIL)
    assert await key_of(deps, LATER) == before, "written before: the gateway may have it already"
    after = await key_of(deps, UNTIL + HOUR)
    assert after == await key_of(deps, UNTIL + HOUR) != before


def test_the_command_names_what_a_payer_has_to_ask_the_bank(capsys: pytest.CaptureFixture[str]) -> None:
    parts = Parts(("J1 第 1 份",), ("J2 第 1 份",), tuple(f"J{number} 第 1 份" for number in range(3, 90)))
    after_restore._tell_rewards(parts, "不再支付", by_ledger=False)
    told = capsys.readouterr().out
    assert "不再支付：J1 第 1 份" in told
    assert "请与银行核对：J2 第 1 份" in told
    assert "87 份奖励登记了、等待支付，没有给另存的台账" in told
    assert "J52 第 1 份……" in told
    after_restore._tell_rewards(Parts(), "", by_ledger=True)
    assert capsys.readouterr().out == ""
