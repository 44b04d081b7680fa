"""受理日期, 街道, 受理渠道, 督办中, 重办过: list, count and search narrowed alike; no years are read."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from models import finding
from models.appeals import Appeal
from models.counting import count_tickets
from models.filters import MOST_DAYS, Clock, Cursor, Day, TicketFilter, View, all_seeing, segments
from models.finding import WordStatistics
from models.queries import Ask, ticket_page
from models.tickets import Ticket, TicketEvent
from models.vocab import Channel, State, Tag
from tests.factories import NOW, TicketIn, add_tickets
from tests.plans import plans, scanned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.db import Database

ONE_DAY = timedelta(days=1)
DAY = Day(NOW, NOW.replace(hour=16) - ONE_DAY, NOW.replace(hour=16))
FREQUENT = WordStatistics(rows=1e9, common={"打桩": 1.0})
MONTH: dict[str, Any] = {"received_from": date(2026, 11, 1), "received_to": date(2026, 11, 30)}


def at(*moment: int) -> timedelta:
    """How old what was said at this moment (UTC) is."""
    return NOW - datetime(*moment, tzinfo=UTC)  # type: ignore[arg-type,misc]


def ask(filters: TicketFilter, statistics: WordStatistics | None = None) -> Ask:
    units = frozenset({"110105026"})
    return Ask(all_seeing("desk"), filters, DAY, statistics or WordStatistics(), keeps=units)


async def numbers(db: Database, filters: TicketFilter) -> list[str]:
    """The list; its count must be the same."""
    async with db.reads() as session:
        page = await ticket_page(session, ask(filters))
        count = await count_tickets(session, ask(filters))
    assert (count.value, count.more) == (len(page.rows), False)
    return [row.no for row in page.rows]


async def told(db: Database, no: str, *events: tuple[Tag, dict[str, Any]]) -> None:
    """Add events to a ticket, after its first five."""
    async with db.writes.begin() as session:
        ticket_id = await session.scalar(sa.select(Ticket.id).where(Ticket.no == no))
        await session.execute(
            sa.insert(TicketEvent),
            [
                {"ticket_id": ticket_id, "seq": seq, "at": NOW, "tag": tag.value, "data": data}
                for seq, (tag, data) in enumerate(events, start=6)
            ],
        )


@pytest.mark.parametrize("view", [View.OPEN, View.ALL, View.DISPATCHED])
async def test_days_are_those_of_beijing_and_both_are_included(db: Database, view: View) -> None:
    before, first, last, after = await add_tickets(
        db,
        TicketIn(age=at(2026, 11, 9, 15, 59, 59)),
        TicketIn(age=at(2026, 11, 9, 16)),
        TicketIn(age=at(2026, 11, 11, 15, 59, 59)),
        TicketIn(age=at(2026, 11, 11, 16)),
    )
    since, until = date(2026, 11, 10), date(2026, 11, 11)
    between = TicketFilter(view=view, received_from=since, received_to=until)
    assert set(await numbers(db, between)) == {first, last}
    assert set(await numbers(db, TicketFilter(view=view, received_from=since))) == {first, last, after}
    assert set(await numbers(db, TicketFilter(view=view, received_to=until))) == {before, first, last}


@pytest.mark.parametrize("days", [{}, MONTH])
@pytest.mark.parametrize("view", [View.OPEN, View.ALL])
async def test_street_and_channel_keep_only_their_own(db: Database, view: View, days: dict[str, Any]) -> None:
    plain, elsewhere, written = await add_tickets(
        db,
        TicketIn(),
        TicketIn(district="110108", street="110108010"),
        TicketIn(channel=Channel.LETTER, title=None, text="来信说夜里打桩。"),
    )
    there = TicketFilter(view=view, district_code="110108", street_code="110108010", **days)
    letters = TicketFilter(view=view, channel=Channel.LETTER, **days)
    assert await numbers(db, there) == [elsewhere]
    assert await numbers(db, letters) == [written]
    assert plain not in await numbers(
        db, TicketFilter(view=view, channel=Channel.LETTER, query="打桩", **days)
    )


@pytest.mark.parametrize("days", [{}, MONTH])
@pytest.mark.parametrize("view", [View.OPEN, View.ALL])
async def test_supervised_is_until_the_unit_was_on_the_spot(
    db: Database, view: View, days: dict[str, Any]
) -> None:
    now, _came, back, again, _never = await add_tickets(db, *[TicketIn()] * 5)
    await told(db, now, (Tag.SUPERVISE, {}))
    await told(db, _came, (Tag.SUPERVISE, {}), (Tag.ONSITE, {}))
    await told(db, back, (Tag.SUPERVISE, {}), (Tag.ONSITE, {}), (Tag.UNDO, {"undoes": 7}))
    await told(db, again, (Tag.SUPERVISE, {}), (Tag.ONSITE, {}), (Tag.SUPERVISE, {}))
    assert set(await numbers(db, TicketFilter(view=view, supervised=True, **days))) == {now, back, again}


@pytest.mark.parametrize("days", [{}, MONTH])
@pytest.mark.parametrize("view", [View.OPEN, View.ALL])
async def test_handled_again_stays_so_unless_it_was_taken_back(
    db: Database, view: View, days: dict[str, Any]
) -> None:
    once, undone, other, _plain = await add_tickets(db, *[TicketIn()] * 4)
    await told(db, once, (Tag.REHANDLE, {}), (Tag.FEEDBACK, {}), (Tag.UNDO, {"undoes": 7}))
    await told(db, undone, (Tag.REHANDLE, {}), (Tag.UNDO, {"undoes": 6}))
    await told(db, other, (Tag.HEAD_REOPENED, {}))
    assert await numbers(db, TicketFilter(view=view, rehandled=True, **days)) == [once]


async def leaf(db: Database, asked: Ask, limit: int) -> tuple[list[str], list[str]]:
    """The list by pages, forward to the end, and back from there."""
    async with db.reads() as session:
        pages = [await ticket_page(session, asked, limit=limit)]
        while pages[-1].after is not None:
            pages.append(await ticket_page(session, asked, after=pages[-1].after, limit=limit))
        back = [pages[-1]]
        while back[-1].before is not None:
            back.append(await ticket_page(session, asked, before=back[-1].before, limit=limit))
    forward = [row.no for page in pages for row in page.rows]
    return forward, [row.no for page in reversed(back) for row in page.rows]


#: The inverted index, or the walk; on SQLite the words are counted by the table itself.
WAYS = {"index": (WordStatistics(), 5_000), "walk": (FREQUENT, 2)}


@pytest.mark.parametrize("limit", [1, 2, 4])
@pytest.mark.parametrize("query", ["", "打桩", "夜里 打桩"])
@pytest.mark.parametrize("way", WAYS)
async def test_a_list_of_days_goes_by_the_time_of_the_appeal_and_loses_nothing(
    db: Database, monkeypatch: pytest.MonkeyPatch, way: str, query: str, limit: int
) -> None:
    """Not by number: what was imported late would stand first, and years lie before an older month."""
    statistics, frequent = WAYS[way]
    monkeypatch.setattr(finding, "FREQUENT", frequent)
    ages = [3, 1, 2, 2, 5, 1, 40, 4]
    made = await add_tickets(
        db, *(TicketIn(age=days * ONE_DAY, state=State.CLOSED, due=None) for days in ages)
    )
    filters = TicketFilter(view=View.CLOSED, query=query, **MONTH)
    expected = [made[at] for at in sorted(range(8), key=lambda at: (ages[at], -at)) if ages[at] != 40]
    forward, backward = await leaf(db, ask(filters, statistics), limit)
    assert forward == expected
    assert backward == expected[: len(backward)]
    assert len(backward) >= len(expected) - limit


async def test_the_place_of_another_order_is_refused(db: Database) -> None:
    filters = TicketFilter(view=View.ALL, **MONTH)
    async with db.reads() as session:
        with pytest.raises(ValueError, match="another list"):
            await ticket_page(session, ask(filters), after=Cursor(0, None, 5))
    # One has no more stretches than the other, and a place of one by number may have a time as well.
    await add_tickets(db, *(TicketIn(state=State.CLOSED) for _ in range(3)))
    asked = [ask(TicketFilter(view=View.ALL, **days)) for days in ({}, MONTH)]
    async with db.reads() as session:
        by_number, by_days = [(await ticket_page(session, one, limit=1)).after for one in asked]
        for one, place in zip(asked, (by_days, by_number), strict=True):
            with pytest.raises(ValueError, match="another list"):
                await ticket_page(session, one, after=place)
            with pytest.raises(ValueError, match="another list"):
                await ticket_page(session, one, before=place)
    assert [part.clock for part in segments(filters)] == [Clock.RECEIVED]
    assert [part.clock for part in segments(TicketFilter(**MONTH))] == [Clock.ANY, Clock.RUNS, Clock.NONE]


FIRST = date(2026, 1, 1)


@pytest.mark.parametrize(
    ("filters", "unbounded"),
    [
        (TicketFilter(channel=Channel.WEB, rehandled=True), False),
        (TicketFilter(view=View.DECIDE, channel=Channel.WEB), False),
        (TicketFilter(view=View.CLOSED, supervised=True, street_code="110105026"), False),
        (TicketFilter(view=View.CLOSED, channel=Channel.WEB), True),
        (TicketFilter(view=View.ALL, rehandled=True, received_from=FIRST), True),
        (TicketFilter(view=View.ALL, rehandled=True, received_to=FIRST), True),
        (
            TicketFilter(
                view=View.ALL, channel=Channel.WEB, received_from=FIRST,
                received_to=FIRST + (MOST_DAYS - 1) * ONE_DAY,
            ),
            False,
        ),
        (
            TicketFilter(
                view=View.ALL, channel=Channel.WEB, received_from=FIRST,
                received_to=FIRST + MOST_DAYS * ONE_DAY,
            ),
            True,
        ),
    ],
)  # fmt: skip
def test_what_has_no_index_is_asked_of_some_days(filters: TicketFilter, *, unbounded: bool) -> None:
    assert filters.unbounded is unbounded


async def fill(db: Database, number: int) -> None:
    """So many tickets more, one in ten open, over a thousand days."""
    await add_tickets(db, TicketIn(), TicketIn(state=State.CLOSED, due=None))
    async with db.writes.begin() as session:
        (appeal,) = (await session.execute(sa.select(Appeal.__table__).limit(1))).mappings()
        rows = (await session.execute(sa.select(Ticket.__table__).order_by(Ticket.id))).mappings().all()
        at = {n: NOW - n * 1_000 * ONE_DAY / number for n in range(number)}
        appeals = [
            {**appeal, "id": 10 + n, "dedupe_key": f"x:{n}", "external_id": None, "received_at": at[n]}
            for n in range(number)
        ]
        tickets = [
            {
                **rows[n % 10 > 0], "id": 10 + n, "appeal_id": 10 + n, "no": f"{n}", "reading_id": None,
                "received_at": at[n], "opened_at": at[n], "district_code": ("110105", "110108")[n % 3 == 0],
                "street_code": ("110105026", "110108010")[n % 300 == 0],
            }
            for n in range(number)
        ]  # fmt: skip
        event = {"at": NOW, "tag": Tag.READ.value, "data": {}}
        events = [{**event, "ticket_id": 10 + n, "seq": seq} for n in range(number) for seq in (1, 2)]
        for table, values in ((Appeal, appeals), (Ticket, tickets), (TicketEvent, events)):
            await session.execute(sa.insert(table), values)


STREET: dict[str, Any] = {"district_code": "110108", "street_code": "110108010"}
#: What is asked; the index it goes by; the tables (or their other names) that are not read from end to end.
PLANS = [
    *[
        (TicketFilter(view=view, **MONTH, **more), "ix_appeal_received_at", ("ticket", "appeal", "told"))
        for view in (View.CLOSED, View.ALL)
        for more in ({}, {"channel": Channel.MEDIA}, {"rehandled": True})
    ],
    # By days or by district, whichever has fewer.
    *[
        (TicketFilter(view=view, **MONTH, **STREET), "ix_", ("ticket", "appeal"))
        for view in (View.CLOSED, View.ALL)
    ],
    *[
        (TicketFilter(**more), "due_at", ("appeal", "whose", "ticket_event", "told"))
        for more in ({"channel": Channel.MEDIA}, {"rehandled": True}, MONTH)
    ],
    *[
        # All of that index, which has little: it is partial.
        (TicketFilter(view=view, supervised=True), "ix_ticket_event_calls", ("later", "undoing"))
        for view in (View.OPEN, View.CLOSED, View.ALL)
    ],
    (TicketFilter(view=View.CLOSED, **STREET), "_district_", ("ticket",)),
]


async def test_no_filter_reads_years(db: Database) -> None:
    assert await otherwise(db, PLANS) == []


async def test_postgresql_looks_up_one_by_one_what_is_few(postgres_db: Database) -> None:
    """督办中, 我经办的. By IN it would walk the list until it had met as many as it takes for granted."""
    wanted = [
        (TicketFilter(view=view, supervised=supervised, mine=not supervised), "ANY ((InitPlan", ("ticket",))
        for view in (View.OPEN, View.CLOSED, View.ALL)
        for supervised in (True, False)
    ]
    assert await otherwise(postgres_db, wanted) == []


async def otherwise(
    db: Database, wanted: Sequence[tuple[TicketFilter, str, tuple[str, ...]]]
) -> list[object]:
    """Of a list of years, the questions whose page or count goes another way."""
    await fill(db, 3_000)
    async with db.writes.begin() as session:
        # PostgreSQL does so by itself; of SQLite nobody asks it.
        await session.execute(sa.text({"postgresql": "ANALYZE"}.get(db.dialect, "SELECT 1")))
    wrong: list[object] = []
    for filters, index, tables in wanted:

        async def read(session: AsyncSession, filters: TicketFilter = filters) -> None:
            await ticket_page(session, ask(filters))
            await count_tickets(session, ask(filters))

        plan = "\n".join(await plans(db, read))
        whole = [name for name in tables if scanned(plan, name)]
        wrong += [(filters, index, whole, plan)] * (index not in plan or whole != [])
    return wrong
