"""What the demo's clerk leaves: a remark and a note, once, and none where there are no demo accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import triage.tables
from connectors.vault import Vault
from models.remarks import TicketRemark
from models.shift_notes import ShiftNote, ShiftTicket
from models.staff import Account
from models.vocab_staff import Role
from tests.factories import NOW, TicketIn, add_tickets
from tests.signed_in import add_person
from triage.clock import FixedClock
from triage.commands import demo_words
from triage.services import reference
from triage.services.deps import Deps
from triage.settings import Settings

if TYPE_CHECKING:
    from models.db import Database


async def counts(db: Database) -> list[int]:
    async with db.reads() as session:
        return [
            await session.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for table in (TicketRemark, ShiftNote, ShiftTicket)
        ]


@pytest.mark.parametrize(("demo", "left"), [(True, [1, 1, 1]), (False, [0, 0, 0])])
async def test_one_of_each_and_once(sqlite_db: Database, demo: bool, left: list[int]) -> None:  # noqa: FBT001
    deps = Deps(Settings(), FixedClock(NOW), triage.tables.load(), sqlite_db, Vault({1: bytes(32)}))
    await add_tickets(sqlite_db, TicketIn())
    await reference.sync(deps)
    await add_person(deps, "clerk", (Role.CLERK, None), name="演示坐席")
    async with sqlite_db.writes.begin() as session:
        await session.execute(sa.update(Account).values(demo=demo))
    for _ in range(2):
        await demo_words.leave(deps)
        assert await counts(sqlite_db) == left
