"""A run with marked identities, from intake to a look at each: logs, queue, errors and ledger hold none.

The marks are names and numbers that stand nowhere else. What is grepped is everything that leaves a process
or is kept beside the sealed rows.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

import triage.tables
from connectors.fakes import MemoryQueue
from connectors.vault import Vault
from models.everything import metadata
from models.tickets import Ticket, TicketEvent
from models.units import Staff
from models.viewing import all_seeing
from models.vocab_identities import IdentityField
from nlp.pipeline import Reader
from tests.factories import NOW
from triage.clock import FixedClock
from triage.services import intake, ledger, processing, reference, relay
from triage.services.auditing import exporting, reading
from triage.services.citizen import cases
from triage.services.deps import Deps
from triage.services.identities import revealing
from triage.services.identities.holding import Holder
from triage.services.identities.revealing import Reason
from triage.settings import Settings

if TYPE_CHECKING:
    from models.db import Database
    from nlp.types import TextReading

NAME, PHONE, ID_NUMBER, PLATE = "欧阳示例", "13987654321", "110105198503072321", "京N98765"
MARKS = (NAME, PHONE, ID_NUMBER, "98765", "示例苑1705")
#: A factory's: whoever reports it from inside sits behind it.
ADDRESS = "203.0.113.77"
TEXT = (
    f"我叫{NAME}，电话{PHONE}，身份证{ID_NUMBER}，家住示例苑17号楼1705室，车牌{PLATE}。"
    "朝阳区望京街道一处工地每天夜里打桩，噪声很大。"
)


class Broken:
    """A reader whose error says all it was given, and more."""

    model_version = "broken"

    def read(self, title: str | None, text: str, *, area: str | None = None) -> TextReading:
        raise RuntimeError(f"{TEXT} {title} {text} {area}")


def found_in(text: str) -> list[str]:
    return [mark for mark in MARKS if mark in text]


@pytest.fixture
def deps(sqlite_db: Database) -> Deps:
    tables = triage.tables.load()
    return Deps(Settings(), FixedClock(NOW), tables, sqlite_db, Vault({1: bytes(32)}))


async def case(deps: Deps) -> str:
    """Through intake and reading, as any appeal. Gives the ticket's number."""
    await reference.sync(deps)
    item = intake.NewAppeal(
        source="marked", text=TEXT, title=f"{NAME}反映夜间施工", received_at=NOW, name=NAME, phone=PHONE,
        id_number=ID_NUMBER, extra={"回电": PHONE},
    )  # fmt: skip
    queue = MemoryQueue()
    async with deps.db.writes.begin() as session:
        received = await intake.receive(session, deps.vault, [item], now=NOW)
    async with deps.db.writes.begin() as session:
        await relay.relay(session, queue, now=NOW, batch=10, depth=10)
    assert found_in(repr(vars(queue))) == []
    broken: Any = Broken()
    assert (await processing.process(deps, broken, received.stored)).failed == 1
    later = replace(deps, clock=FixedClock(NOW + timedelta(hours=1)))
    assert (await processing.process(later, Reader.load(), received.stored)).done == 1
    async with deps.db.reads() as session:
        return str(await session.scalar(sa.select(Ticket.no)))


async def test_logs_queue_and_ledger_hold_no_identity(deps: Deps, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    no = await case(deps)
    person = all_seeing("clerk")
    seen = [
        await revealing.look(
            deps, person, Holder(no), field=field, reason=Reason("law", f"核对 {PHONE} 和 {ID_NUMBER}")
        )
        for field in (IdentityField.NAME, IdentityField.PHONE, IdentityField.ID_NUMBER)
    ]
    assert seen == [NAME, PHONE, ID_NUMBER]
    told = [exporting.line(row, "jsonl") async for row in reading.every(deps.db, reading.LedgerFilter())]
    assert len(told) == len(seen)
    assert found_in("".join(told)) == []
    assert caplog.records
    assert found_in("\n".join(record.getMessage() for record in caplog.records)) == []


async def test_what_is_stored_in_the_clear_holds_no_identity(deps: Deps) -> None:
    """Every table as it lies there, sealed columns as their bytes."""
    await case(deps)
    async with deps.db.reads() as session:
        for table in metadata.sorted_tables:
            for row in await session.execute(sa.select(table)):
                assert found_in(repr(tuple(row))) == [], table.name


async def test_what_a_citizen_does_holds_no_address(deps: Deps) -> None:
    """追加 and 催办 as the edge makes them: the address stands nowhere, also not for the audit."""
    await case(deps)
    later = NOW + timedelta(hours=2)
    with ledger.coming_from(ADDRESS):
        async with deps.db.writes.begin() as session:
            appeal_id = await session.scalar(sa.select(Ticket.appeal_id)) or 0
            await cases.add(session, deps, appeal_id, "今夜又在打桩", "added", now=later)
            await cases.urge(session, deps, appeal_id, "urged", now=later)
    async with deps.db.reads() as session:
        moves = await session.scalars(sa.select(TicketEvent.tag).join(Staff).where(Staff.login == "citizen"))
        assert len(list(moves)) == 2
        for table in metadata.sorted_tables:
            for row in await session.execute(sa.select(table)):
                assert ADDRESS not in repr(tuple(row)), table.name


async def test_an_error_of_the_database_holds_no_identity(deps: Deps) -> None:
    with pytest.raises(DBAPIError) as caught:
        async with deps.db.writes.begin() as session:
            await session.execute(sa.text("INSERT INTO nowhere VALUES (:a, :b)"), {"a": NAME, "b": PHONE})
    assert found_in(str(caught.value)) == []
