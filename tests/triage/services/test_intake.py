"""登记: what is new is stored once, identities are sealed, every appeal owes one piece of work."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson
import pytest
import sqlalchemy as sa

from connectors.vault import Vault
from models.appeals import Appeal, Appellant
from models.outbox import Outbox
from triage.services import intake
from triage.services.intake import NewAppeal

if TYPE_CHECKING:
    from models.db import Database

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
VAULT = Vault({1: bytes(32)})

APPEAL = NewAppeal(
    source="测试",
    external_id="A-1",
    title="夜间施工",
    text="我叫欧阳小明，电话13800000001，望京西园四区旁边工地半夜还在打桩。",
    received_at=NOW,
    name="欧阳小明",
    phone="13800000001",
)


async def receive(db: Database, *items: NewAppeal) -> intake.Received:
    async with db.writes.begin() as session:
        return await intake.receive(session, VAULT, items, now=NOW)


async def count(db: Database, model: type[object]) -> int:
    async with db.reads() as session:
        return await session.scalar(sa.select(sa.func.count()).select_from(model)) or 0


async def test_an_appeal_and_its_work_are_stored_together(db: Database) -> None:
    received = await receive(db, APPEAL)
    async with db.reads() as session:
        outbox = (await session.scalars(sa.select(Outbox))).one()
    assert received.stored == (outbox.key,)
    assert (received.repeated, outbox.topic, outbox.dispatched_at) == (0, "read_appeals", None)


async def test_the_same_number_twice_is_one_appeal(db: Database) -> None:
    await receive(db, APPEAL)
    again = await receive(db, APPEAL)
    assert (again.stored, again.repeated, again.changed) == ((), 1, ())
    assert (await count(db, Appeal), await count(db, Outbox)) == (1, 1)


async def test_twice_within_one_batch_is_one_appeal(db: Database) -> None:
    received = await receive(db, APPEAL, APPEAL)
    assert (len(received.stored), received.repeated) == (1, 1)
    assert await count(db, Appeal) == 1


async def test_the_same_number_from_another_source_is_another_appeal(db: Database) -> None:
    received = await receive(db, APPEAL, replace(APPEAL, source="另一处"))
    assert len(received.stored) == 2


async def test_without_a_number_the_content_decides(db: Database) -> None:
    unnumbered = replace(APPEAL, external_id=None)
    received = await receive(db, unnumbered, unnumbered, replace(unnumbered, text="另一件事，垃圾没人清。"))
    assert (len(received.stored), received.repeated) == (2, 1)


async def test_changed_content_under_a_known_number_is_told_not_written(db: Database) -> None:
    await receive(db, APPEAL)
    received = await receive(db, replace(APPEAL, text="内容改了"))
    async with db.reads() as session:
        kept = await session.scalar(sa.select(Appeal.text))
    assert (received.stored, received.repeated, received.changed) == ((), 0, (0,))
    assert kept is not None
    assert "打桩" in kept


@pytest.mark.parametrize(
    ("known", "told", "elsewhere"),
    [
        ("望京街道12号", "望京 街道１２号", ()),
        ("望京街道12号", None, ()),
        ("望京街道12号", "学院路街道", (0,)),
        (None, "学院路街道", (0,)),
        ("欧阳小明家，电话13800000001", "欧阳小明家，电话13800000001", ()),
    ],
)
async def test_another_address_under_a_known_number_is_told_not_written(
    sqlite_db: Database, known: str | None, told: str | None, elsewhere: tuple[int, ...]
) -> None:
    await receive(sqlite_db, replace(APPEAL, address=known))
    received = await receive(sqlite_db, replace(APPEAL, address=told))
    assert (received.changed, received.elsewhere) == (elsewhere, elsewhere)
    assert received.repeated == 1 - len(elsewhere)


async def test_without_a_number_the_same_words_elsewhere_are_no_contradiction(sqlite_db: Database) -> None:
    here = replace(APPEAL, external_id=None, address="望京街道")
    received = await receive(sqlite_db, here, replace(here, address="学院路街道"))
    assert (len(received.stored), received.repeated, received.changed) == (1, 1, ())


async def test_identities_are_sealed_and_masked(db: Database) -> None:
    await receive(db, APPEAL)
    async with db.reads() as session:
        appeal = (await session.scalars(sa.select(Appeal))).one()
        person = (await session.scalars(sa.select(Appellant))).one()
    assert "13800000001" not in appeal.text
    assert "欧阳小明" not in appeal.text
    assert person.phone is not None
    assert person.original is not None
    assert VAULT.open(person.phone, belongs_to=f"appellant.phone:{appeal.id}") == "13800000001"
    original = orjson.loads(VAULT.open(person.original, belongs_to=f"appellant.original:{appeal.id}"))
    assert original["text"] == APPEAL.text
    assert person.phone_index == VAULT.phone_index("+86 138 0000 0001")


async def test_no_personal_data_lies_readable_in_any_column(db: Database) -> None:
    await receive(db, replace(APPEAL, id_number="999999199001011234", extra={"备注": "回拨13800000001"}))
    async with db.reads() as session:
        rows = [
            str(row)
            for table in ("appeal", "appellant", "outbox", "source")
            for row in await session.execute(sa.text(f"SELECT * FROM {table}"))  # noqa: S608
        ]
    text = "\n".join(rows)
    assert [secret for secret in ("13800000001", "欧阳小明", "999999199001011234") if secret in text] == []


async def test_an_appeal_that_identifies_nobody_has_no_appellant(db: Database) -> None:
    await receive(db, replace(APPEAL, name=None, phone=None, text="河水发黑发臭。", title=None))
    assert await count(db, Appellant) == 0


async def test_a_failed_batch_leaves_nothing(db: Database) -> None:
    naive = replace(APPEAL, received_at=datetime(2026, 1, 1))  # noqa: DTZ001  (naive on purpose)
    with pytest.raises(sa.exc.StatementError, match="aware"):
        await receive(db, replace(APPEAL, external_id="A-2"), naive)
    assert (await count(db, Appeal), await count(db, Outbox)) == (0, 0)


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("我叫王强，楼下有油烟", "王强", "我叫[姓名]，楼下有油烟"),
        ("请高兴地处理", "高兴", "请高兴地处理"),
        ("联系人：欧阳小明，欧阳小明再次来电", "欧阳小明", "联系人：[姓名]，欧某再次来电"),
    ],
)
def test_the_appellants_name_is_masked_where_it_is_a_name(text: str, name: str, expected: str) -> None:
    assert intake.mask(text, name=name) == expected
