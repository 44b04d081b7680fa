"""New tables over stored tickets: how many would move, with numbers; nothing is written."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import triage.tables
from models.vocab import State
from tests import factories
from tests.factories import NOW, TicketIn
from tests.triage.rules.helpers import moment, tables
from tests.triage.rules.test_table_diff import changed
from triage.services.replaying import Question, endings, replay
from triage.services.replaying import moment as decided_at

if TYPE_CHECKING:
    from pathlib import Path

    from models.db import Database

_BACK = (
    "rows:\n  - id: back.noise\n    kind: NOI-01\n    districts: ['110105']\n    function: housing\n"
    "    valid_from: 2027-01-01\n    source: 试用清单\n    status: A\n"
)


async def test_open_and_last_months_tickets_are_counted_with_numbers(db: Database, tmp_path: Path) -> None:
    new = changed(tmp_path, "reclaimed.yaml", "rows: []", _BACK[:-1])
    open_now = await factories.add_tickets(db, *(TicketIn() for _ in range(7)))
    (old,) = await factories.add_tickets(db, TicketIn(age=timedelta(days=40)))
    await factories.add_tickets(db, TicketIn(kind="AIR-01", street="110108010", district="110108"))
    at = decided_at(tables(), new, NOW)
    assert at == moment("2027-01-01 00:00")
    async with db.reads() as session:
        still, last = await replay(session, Question(tables(), new, at), now=NOW)
    assert (still.tickets, still.changed, still.rerouted) == (9, 8, 8)
    assert (last.tickets, last.rerouted) == (1, 1)
    assert last.most[0].sample == [old]
    first = next(moved for moved in still.most if moved.effect.what == "主办")
    assert (first.count, first.kind, first.rows) == (8, "NOI-01", {"back.noise"})
    assert first.sample == open_now[:5]


async def test_the_same_tables_move_nothing(db: Database) -> None:
    await factories.add_tickets(db, TicketIn())
    async with db.reads() as session:
        still, _ = await replay(
            session, Question(tables(), tables(), decided_at(tables(), tables(), NOW)), now=NOW
        )
    assert (still.tickets, still.changed, still.most) == (1, 0, [])


async def test_open_tickets_of_units_that_end_are_told_with_what_can_be_done(
    db: Database, tmp_path: Path
) -> None:
    (row,) = [
        line
        for line in (triage.tables.HERE / "units.csv").read_text("utf-8").splitlines()
        if line.startswith("110105026,")
    ]
    new = changed(tmp_path, "units.csv", row, row.replace(",2020-01-01,,", ",2020-01-01,2026-12-31,"))
    numbers = await factories.add_tickets(
        db, TicketIn(state=State.SIGNED), TicketIn(state=State.HANDLING), TicketIn(state=State.CLOSED),
        TicketIn(unit="110105-ecology"),
    )  # fmt: skip
    async with db.reads() as session:
        (found,) = await endings(session, Question(tables(), new, decided_at(tables(), new, NOW)))
    assert (found.code, found.last, found.tickets, found.movable) == ("110105026", date(2026, 12, 31), 2, 1)
    assert found.sample == numbers[:2]
