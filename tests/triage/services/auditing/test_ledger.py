"""审计台账: nothing can be changed, what was changed is found, and many writers make one chain."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import orjson
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from connectors.vault import Vault
from models.ledger import GENESIS, LedgerCheckpoint, LedgerRow
from models.vocab_ledger import LedgerAct, SubjectKind
from tests.factories import NOW
from triage.services import ledger
from triage.services.auditing import exporting, keeping, reading, verifying

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.db import Database

VAULT = Vault({1: bytes(32)})
SOURCE = ledger.Subject(SubjectKind.SOURCE, "hotline")


def note(session: AsyncSession, number: int = 1, **more: object) -> None:
    ledger.write(
        session, who=f"clerk{number % 3}", act=LedgerAct.SOURCE_CHANGED, subject=SOURCE,
        now=NOW + timedelta(days=number), detail={"number": number, "fields": ["url"], "on": True}, **more,  # type: ignore[arg-type]
    )  # fmt: skip


async def filled(db: Database, rows: int = 5) -> None:
    for number in range(rows):
        async with db.writes.begin() as session:
            note(session, number)


async def verdict(db: Database, vault: Vault = VAULT, **more: list[dict[str, object]]) -> verifying.Verdict:
    async with db.reads() as session:
        return await verifying.verify(session, vault.public_key, **more)


async def forge(db: Database, *statements: str) -> None:
    """Do what somebody with the whole database in hand could do."""
    off = {
        "postgresql": ["ALTER TABLE {} DISABLE TRIGGER USER"],
        "sqlite": ["DROP TRIGGER {}_no_update", "DROP TRIGGER {}_no_delete", "DROP TRIGGER {}_no_replace"],
    }[db.dialect]
    async with db.writes.begin() as session:
        for told in off:
            for table in ("ledger", "ledger_checkpoint"):
                await session.execute(sa.text(told.format(table)))
        for statement in statements:
            await session.execute(sa.text(statement))


async def test_a_chain_that_nobody_touched_is_whole(db: Database) -> None:
    await filled(db)
    async with db.writes.begin() as session:
        note(session, 7)
        note(session, 8, old="https://a", new="https://b", reason="换地址")
        await keeping.mark(session, VAULT, now=NOW)
    async with db.writes.begin() as session:
        point = await keeping.mark(session, VAULT, now=NOW)
    found = await verdict(db)
    assert (found.broken, found.rows, found.last, found.signed_to, found.checkpoints) == (None, 7, 7, 7, 2)
    assert point is not None
    async with db.writes.begin() as session:
        assert await keeping.mark(session, VAULT, now=NOW) is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger SET who = 'nobody' WHERE seq = 2",
        "DELETE FROM ledger WHERE seq = 2",
        "UPDATE ledger_checkpoint SET seq = 9",
        "DELETE FROM ledger_checkpoint",
    ],
)
async def test_the_database_refuses_changes(db: Database, statement: str) -> None:
    await filled(db, 3)
    async with db.writes.begin() as session:
        await keeping.mark(session, VAULT, now=NOW)
    with pytest.raises(DBAPIError, match="append-only"):
        async with db.writes.begin() as session:
            await session.execute(sa.text(statement))


async def test_sqlite_refuses_a_replacement_and_postgresql_an_emptying(
    sqlite_db: Database, postgres_db: Database
) -> None:
    copy = "INSERT OR REPLACE INTO ledger SELECT * FROM ledger WHERE seq = 1"
    for db, statement in ((sqlite_db, copy), (postgres_db, "TRUNCATE ledger")):
        await filled(db, 2)
        with pytest.raises(DBAPIError, match="append-only"):
            async with db.writes.begin() as session:
                await session.execute(sa.text(statement))


@pytest.mark.parametrize(
    ("statement", "broken", "why"),
    [
        ("UPDATE ledger SET who = 'nobody' WHERE seq = 3", 3, "内容与写入时不同"),
        ("UPDATE ledger SET detail = '{\"number\": 9}' WHERE seq = 4", 4, "内容与写入时不同"),
        ("DELETE FROM ledger WHERE seq = 2", 2, "缺少这一行"),
        ("DELETE FROM ledger WHERE seq = 1", 1, "缺少这一行"),
        ("DELETE FROM ledger WHERE seq = 5", 5, "末尾缺少"),
        ("UPDATE ledger SET previous = hash WHERE seq = 3", 3, "与前一行接不上"),
        ("UPDATE ledger_checkpoint SET signature = '00'", 5, "检查点的签名不对"),
    ],
)
async def test_the_first_row_that_was_touched_is_named(
    db: Database, statement: str, broken: int, why: str
) -> None:
    await filled(db)
    async with db.writes.begin() as session:
        await keeping.mark(session, VAULT, now=NOW)
    await forge(db, statement)
    found = await verdict(db)
    assert found.broken == broken
    assert why in (found.why or "")


async def test_a_chain_written_anew_is_told_by_its_signature_or_by_a_checkpoint_kept_outside(
    sqlite_db: Database,
) -> None:
    await filled(sqlite_db, 3)
    async with sqlite_db.writes.begin() as session:
        point = await keeping.mark(session, VAULT, now=NOW)
        assert point is not None
        kept: dict[str, object] = {"seq": point.seq, "hash": point.hash.hex()}
    await forge(sqlite_db, "DELETE FROM ledger", "DELETE FROM ledger_checkpoint")
    await filled(sqlite_db, 2)
    await filled(sqlite_db, 2)
    assert (await verdict(sqlite_db)).broken is None
    assert (await verdict(sqlite_db, kept=[kept])).broken == 3
    async with sqlite_db.writes.begin() as session:
        await keeping.mark(session, Vault({1: bytes([1]) * 32}), now=NOW)
    assert (await verdict(sqlite_db)).why == "检查点的签名不对"


async def test_what_is_rolled_back_was_never_written(db: Database) -> None:
    async with db.writes() as session:
        note(session)
        await session.rollback()
    async with db.writes.begin() as session:
        note(session, 2)
        savepoint = await session.begin_nested()
        note(session, 3)
        await savepoint.rollback()
        async with session.begin_nested():
            note(session, 4)
    async with db.reads() as session:
        rows = await reading.page(session, reading.LedgerFilter(), before=None, limit=9)
    assert [row.detail["number"] for row in rows] == [4, 2]
    assert rows[1].previous == GENESIS


async def test_who_only_reads_cannot_write(db: Database) -> None:
    async with db.reads() as session:
        with pytest.raises(RuntimeError):
            note(session)


async def test_many_writers_make_one_chain_and_do_not_deadlock(postgres_db: Database) -> None:
    """Each holds a row of its own work in another order than it wrote to the ledger."""
    await filled(postgres_db, 1)
    async with postgres_db.writes.begin() as session:
        await session.execute(sa.text("CREATE TABLE work (id int PRIMARY KEY, n int)"))
        await session.execute(sa.text("INSERT INTO work VALUES (0, 0), (1, 0)"))

    async def writer(number: int) -> None:
        for turn in range(5):
            async with postgres_db.writes.begin() as session:
                note(session, number)
                await session.execute(
                    sa.text("UPDATE work SET n = n + 1 WHERE id = :id"), {"id": (number + turn) % 2}
                )

    await asyncio.gather(*(writer(number) for number in range(8)))
    found = await verdict(postgres_db)
    assert (found.broken, found.rows) == (None, 41)


async def test_values_are_masked_once_more_and_the_address_is_kept(sqlite_db: Database) -> None:
    with ledger.coming_from("10.1.2.3"):
        async with sqlite_db.writes.begin() as session:
            note(session, reason="回电13800000001\0", new="我叫张伟，请回电")
    async with sqlite_db.reads() as session:
        (row,) = await reading.page(session, reading.LedgerFilter(who="clerk1"), before=None, limit=2)
    assert (row.reason, row.new, row.origin) == ("回电[手机号]", "我叫[姓名]，请回电", "10.1.2.3")


async def test_rows_past_their_time_go_and_the_rest_still_verifies(db: Database) -> None:
    await filled(db, 6)
    async with db.writes.begin() as session:
        await keeping.mark(session, VAULT, now=NOW)
    async with db.writes.begin() as session:
        gone = await keeping.prune(session, VAULT, before=NOW + timedelta(days=3), now=NOW)
    found = await verdict(db)
    assert (gone, found.broken, found.first, found.rows) == (3, None, 4, 4)
    async with db.writes.begin() as session:
        assert await keeping.prune(session, VAULT, before=NOW + timedelta(days=3), now=NOW) == 0
    await forge(db, "UPDATE ledger_checkpoint SET signature = '00' WHERE kind = 'prune'")
    assert (await verdict(db)).why == "清理记录的签名不对"


async def test_the_newest_row_always_stays(sqlite_db: Database) -> None:
    await filled(sqlite_db, 2)
    async with sqlite_db.writes.begin() as session:
        gone = await keeping.prune(session, VAULT, before=NOW + timedelta(days=99), now=NOW)
    assert gone == 1
    async with sqlite_db.reads() as session:
        points = (await session.scalars(sa.select(LedgerCheckpoint))).all()
        first = await session.scalar(sa.select(sa.func.min(LedgerRow.seq)))
    assert ([point.kind for point in points], first) == (["prune"], 2)


async def test_lines_of_json_hold_all_that_the_hash_covers(sqlite_db: Database) -> None:
    await filled(sqlite_db, 3)
    wanted = reading.LedgerFilter(since=NOW + timedelta(days=1), until=NOW + timedelta(days=2))
    told = [exporting.line(row, "jsonl") async for row in reading.every(sqlite_db, wanted)]
    sheet = [exporting.line(row, "csv") async for row in reading.every(sqlite_db, wanted)]
    (row,) = [orjson.loads(line) for line in told]
    assert (row["seq"], row["detail"]["number"], len(row["hash"])) == (2, 1, 64)
    assert "修改来源,来源,hotline" in sheet[0]
