"""Keys of moves go after a week, ticket by ticket, and what was done is not done again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from connectors.vault import Vault
from models.tickets import MoveRequest
from models.vocab import Move
from tests.factories import NOW, TicketIn
from tests.triage.services.test_moving import HOTLINE, do, ready, tables
from triage.clock import FixedClock
from triage.services import move_keys
from triage.services.deps import Deps
from triage.services.moving import Conflict
from triage.settings import Settings

if TYPE_CHECKING:
    from models.db import Database
    from triage.rules.rows import Tables

__all__ = ["tables"]

#: No older than a week yet.
LATER = NOW + move_keys.KEPT


async def test_old_keys_go_in_batches_and_new_ones_stay(
    db: Database, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(move_keys, "BATCH", 2)
    numbers = await ready(db, tables, TicketIn(), TicketIn(), TicketIn())
    for no in numbers:
        for version in (1, 2, 3):
            await do(db, tables, no, HOTLINE, Move.URGE, version, {"note": "请回电"})
    await do(db, tables, numbers[0], HOTLINE, Move.URGE, 4, {"note": "请回电"}, at=NOW + timedelta(hours=2))
    for at, kept in ((LATER, 10), (LATER + timedelta(hours=1), 1)):
        forgetter = move_keys.Forgetter(Deps(Settings(), FixedClock(at), tables, db, Vault({1: bytes(32)})))
        more = [await forgetter.keep() for _ in range(5)]
        assert (more[0], more[-1]) == (True, False)
        assert await left(db) == kept


async def test_a_wish_whose_key_is_forgotten_is_not_done_again(db: Database, tables: Tables) -> None:
    (no,) = await ready(db, tables, TicketIn())
    await do(db, tables, no, HOTLINE, Move.URGE, 1, {"note": "请回电"}, key="k")
    late = LATER + timedelta(hours=1)
    deps = Deps(Settings(), FixedClock(late), tables, db, Vault({1: bytes(32)}))
    assert not await move_keys.Forgetter(deps).keep()
    with pytest.raises(Conflict):
        await do(db, tables, no, HOTLINE, Move.URGE, 1, {"note": "请回电"}, key="k", at=late)


async def left(db: Database) -> int:
    async with db.reads() as session:
        return await session.scalar(sa.select(sa.func.count()).select_from(MoveRequest)) or 0
