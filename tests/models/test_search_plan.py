"""Whatever way a search takes, index, walk or one after the other, it finds what a plain scan finds."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models import finding
from models.counting import count_tickets
from models.filters import Day, TicketFilter, View, all_seeing
from models.finding import WordStatistics
from models.queries import Ask, ticket_page
from models.vocab import State, Urgency
from tests.factories import NOW, TicketIn, add_tickets

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.db import Database
    from models.filters import Cursor

HOUR = timedelta(hours=1)
ASK_DAY = Day(NOW, NOW.replace(hour=16) - timedelta(days=1), NOW.replace(hour=16))
TEXTS = (
    "油烟管道在楼下，夜里打桩。",
    "油烟。烟管。管道。",
    "打桩的噪声很大。",
    "河水发绿。",
    "噪声，油烟管道外面有垃圾。",
)
COMMON = WordStatistics(rows=1e9, common=dict.fromkeys(("油烟", "烟管", "管道", "打桩", "噪声"), 0.5))
#: How a search may go: what is known of the words, and the bounds it obeys.
WAYS = {
    "index": (WordStatistics(), {}),
    "walk": (COMMON, {}),
    "short walks": (COMMON, {"SHORT_WINDOW": 5, "WINDOW": 9, "_DENSE": 0}),
    "walk, then index": (COMMON, {"SHORT_WINDOW": 4, "_DENSE": 3}),
    "crowded index, then walk": (WordStatistics(), {"MOST_HITS": 6, "SHORT_WINDOW": 5, "WINDOW": 11}),
}
LISTS = (
    TicketFilter(),
    TicketFilter(view=View.ALL),
    TicketFilter(view=View.HANDED_OVER),
    TicketFilter(view=View.REVIEW),
    TicketFilter(view=View.DISPATCHED, district_code="110108"),
    TicketFilter(urgency=Urgency.U1),
)


def tickets(rng: random.Random) -> list[TicketIn]:
    """Tickets in every state, with clocks and without, flagged and not, some due at the same moment."""
    states = (*[State.DISPATCHED] * 4, *[State.REVIEW] * 2, State.HANDED_OVER, State.DIVERTED)
    made = []
    for _ in range(40):
        state = rng.choice(states)
        clocks = {True: (rng.randrange(6) * HOUR, None), False: (None, None)}
        made.append(
            TicketIn(
                title=None,
                text=rng.choice(TEXTS),
                state=state,
                due=rng.choice(clocks[state in {State.DISPATCHED, State.REVIEW}]),
                flagged=rng.random() < 0.2,
                urgency=rng.choice(("U1", "U3")),
                district=rng.choice(("110105", "110108")),
            )
        )
    return made


def keeps(filters: TicketFilter) -> Callable[[sa.RowMapping], bool]:
    """The list's conditions once more, in Python."""
    opened = {"review", "dispatched"}
    views: dict[View, Callable[[sa.RowMapping], bool]] = {
        View.OPEN: lambda row: row["state"] in opened or bool(row["flagged"]),
        View.REVIEW: lambda row: row["state"] == "review" or bool(row["flagged"]),
        View.ALL: lambda _row: True,
    }

    def in_state(row: sa.RowMapping) -> bool:
        return bool(row["state"] == filters.view.value)

    in_view = views.get(filters.view, in_state)
    return lambda row: (
        in_view(row)
        and filters.district_code in {None, row["district_code"]}
        and filters.urgency in {None, row["urgency"]}
        and all(word in row["text"] for word in filters.query.split())
    )


async def scan(db: Database, filters: TicketFilter) -> list[int]:
    """The list, read whole and put in order by hand."""
    async with db.reads() as session:
        rows = await session.execute(
            sa.text(
                "SELECT t.id, t.state, t.flagged, t.due_at, t.district_code, t.urgency, a.text "
                "FROM ticket t JOIN appeal a ON a.id = t.appeal_id ORDER BY t.id"
            )
        )
        kept = list(filter(keeps(filters), rows.mappings().all()))
    if not filters.by_due:
        return [row["id"] for row in reversed(kept)]
    closed = [row["id"] for row in kept if row["state"] in {"handed_over", "diverted"}]
    opened = [row for row in kept if row["id"] not in closed]
    clocked = sorted((str(row["due_at"]), row["id"]) for row in opened if row["due_at"] is not None)
    return [*reversed(closed), *(i for _, i in clocked), *(r["id"] for r in opened if r["due_at"] is None)]


async def leaf(db: Database, ask: Ask) -> tuple[list[int], list[int]]:
    """All rows by pages of four, forward to the end and then back to the beginning."""
    forward: list[int] = []
    backward: list[int] = []
    last: Cursor | None = None
    async with db.reads() as session:
        page = await ticket_page(session, ask, limit=4)
        forward += [row.id for row in page.rows]
        while page.after is not None:
            page = await ticket_page(session, ask, after=page.after, limit=4)
            forward += [row.id for row in page.rows]
            last = page.before if page.rows else last
        while last is not None:
            page = await ticket_page(session, ask, before=last, limit=4)
            backward = [*(row.id for row in page.rows), *backward]
            last = page.before
    return forward, backward


@pytest.mark.parametrize("way", WAYS)
async def test_every_way_finds_what_a_scan_finds(
    db: Database, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    statistics, bounds = WAYS[way]
    for name, value in bounds.items():
        monkeypatch.setattr(finding, name, value)
    # On SQLite the statistics are the table's own: let them say the same.
    monkeypatch.setattr(finding, "FREQUENT", {"index": 5000}.get(way, 2))
    await add_tickets(db, *tickets(random.Random(7)))  # noqa: S311  (the same draw every time)
    for filters in LISTS:
        for query in ("油烟管道", "油烟", "打桩 油烟", "河水发绿", "没有"):
            asked = TicketFilter(
                filters.view, None, filters.district_code, None, filters.urgency, query=query
            )
            ask = Ask(all_seeing("desk"), asked, ASK_DAY, statistics)
            expected = await scan(db, asked)
            forward, backward = await leaf(db, ask)
            assert forward == expected
            assert backward == expected[: len(backward)]
            assert len(backward) in range(max(0, len(expected) - 4), len(expected) + 1)
            async with db.reads() as session:
                counted = await count_tickets(session, ask)
            assert counted.value == len(expected) or counted.more
