"""交接班 past its time: the words go, the row stays; what nobody relieved stands. Both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.ledger import LedgerRow
from models.shift_notes import ShiftNote, ShiftTicket
from models.vocab_retention import Kept
from tests.factories import NOW
from tests.triage.services.test_shift_notes import deps, nos, relieve, tables, write
from triage.clock import FixedClock
from triage.rules import retention_rows
from triage.services import shift_keeping

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from triage.rules.rows import Problem
    from triage.services.deps import Deps

__all__ = ["deps", "nos", "tables"]


async def kept(deps: Deps) -> list[str | None]:
    async with deps.db.reads() as session:
        return list(await session.scalars(sa.select(ShiftNote.text).order_by(ShiftNote.id)))


async def test_the_words_of_what_was_relieved_go_in_time(
    deps: Deps, nos: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    days = retention_rows.row_of(deps.tables.retention, Kept.SHIFT, NOW).keep_days
    for number in range(3):
        done = await write(deps, "day", f"接过的{number}", nos[0])
        await relieve(deps, "night", done.id, at=NOW + timedelta(days=number // 2))
    await write(deps, "day", "没人接", nos[1])
    due = replace(deps, clock=FixedClock(NOW + timedelta(days=days)))
    assert await shift_keeping.Keeper(due).keep() is False
    assert None not in await kept(deps)
    late = replace(deps, clock=FixedClock(NOW + timedelta(days=days, seconds=1)))
    monkeypatch.setattr(shift_keeping, "BATCH", 1)
    keeper = shift_keeping.Keeper(late)
    assert [await keeper.keep() for _ in range(4)] == [True, True, False, False]
    assert await kept(deps) == [None, None, "接过的2", "没人接"]
    async with deps.db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(ShiftTicket)) == 2
        told = list(
            await session.scalars(sa.select(LedgerRow.reason).where(LedgerRow.act == "shift.forgotten"))
        )
    assert told == ["keep.shift", "keep.shift"]


async def test_a_site_s_own_table_of_before_loads_and_keeps_them(deps: Deps, nos: Sequence[str]) -> None:
    rows = tuple(row for row in deps.tables.retention if row.what is not Kept.SHIFT)
    problems: list[Problem] = []
    retention_rows.check(rows, problems)
    assert problems == []
    done = await write(deps, "day", "接过的", nos[0])
    await relieve(deps, "night", done.id, at=NOW)
    late = FixedClock(NOW + timedelta(days=4000))
    old = replace(deps, clock=late, tables=replace(deps.tables, retention=rows))
    assert await shift_keeping.Keeper(old).keep() is False
    assert await kept(deps) == ["接过的"]
