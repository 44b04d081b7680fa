"""The list's reads: filters, keyset pages both ways, counts with a cap, search, one ticket whole."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.counting import count_tickets, today
from models.filters import Cursor, Day, DueWindow, TicketFilter, View, all_seeing, conditions, segments
from models.finding import Search, WordStatistics
from models.lines import Count
from models.queries import Ask, TicketPage, ticket_page
from models.ticket_detail import whole_ticket
from models.tickets import OPEN, UNCLOCKED, Ticket
from models.unit_queries import find_units
from models.vocab import OPEN_STATES, AppealState, State, Urgency
from tests.factories import NOW, TicketIn, add_appeal, add_reference, add_tickets

if TYPE_CHECKING:
    from models.db import Database

VIEWER = all_seeing("desk")
DAY = Day(NOW, NOW.replace(hour=16) - timedelta(days=1), NOW.replace(hour=16))
HOUR = timedelta(hours=1)
#: Every word counts as frequent: the walk is taken even on a small table.
ALL_FREQUENT = WordStatistics(rows=1e9, common={"打桩": 1.0, "油烟": 1.0, "噪声": 1.0, "夜里": 1.0})


def ask(filters: TicketFilter | None = None, statistics: WordStatistics | None = None) -> Ask:
    return Ask(VIEWER, filters or TicketFilter(), DAY, statistics or WordStatistics())


async def page(db: Database, filters: TicketFilter | None = None, **options: object) -> TicketPage:
    async with db.reads() as session:
        return await ticket_page(session, ask(filters), **options)  # type: ignore[arg-type]


async def numbers(db: Database, filters: TicketFilter | None = None) -> list[str]:
    return [row.no for row in (await page(db, filters)).rows]


async def count(db: Database, filters: TicketFilter | None = None, cap: int = 1000) -> Count:
    async with db.reads() as session:
        return await count_tickets(session, ask(filters), cap=cap)


async def test_the_most_pressing_stands_first_and_what_has_no_clock_last(db: Database) -> None:
    late, none, soon = await add_tickets(
        db, TicketIn(due=9 * HOUR), TicketIn(due=None), TicketIn(due=-HOUR, state=State.REVIEW)
    )
    assert await numbers(db) == [soon, late, none]


async def test_closed_ones_stand_newest_first(db: Database) -> None:
    item = TicketIn(state=State.DIVERTED, due=None)
    first, second, _ = await add_tickets(db, item, item, TicketIn())
    assert await numbers(db, TicketFilter(view=View.DIVERTED)) == [second, first]


async def test_each_filter_keeps_only_its_own(db: Database) -> None:
    plain, other = await add_tickets(
        db,
        TicketIn(),
        TicketIn(
            unit="110108010",
            district="110108",
            kind="AIR-11",
            urgency="U1",
            due=HOUR,
            state=State.REVIEW,
            assist=(),
            copies=(),
        ),
    )
    for filters in (
        TicketFilter(unit_code="110108010"),
        TicketFilter(district_code="110108"),
        TicketFilter(kind="AIR-11"),
        TicketFilter(urgency=Urgency.U1),
        TicketFilter(view=View.REVIEW),
        TicketFilter(due=DueWindow.SOON),
        TicketFilter(review_only=True),
    ):
        assert await numbers(db, filters) == [other]
    assert await numbers(db, TicketFilter(view=View.DISPATCHED)) == [plain]
    assert await numbers(db, TicketFilter(view=View.ALL)) == [other, plain]


async def test_review_only_also_shows_what_was_dispatched_and_flagged(db: Database) -> None:
    (flagged, _) = await add_tickets(db, TicketIn(flagged=True), TicketIn())
    assert await numbers(db, TicketFilter(review_only=True)) == [flagged]


async def test_a_flagged_one_is_seen_whatever_became_of_it(db: Database) -> None:
    away = TicketIn(state=State.HANDED_OVER, unit=None, due=None, urgency="U1", flagged=True)
    first, plain, flagged, review, last = await add_tickets(
        db, away, TicketIn(), TicketIn(flagged=True), TicketIn(state=State.REVIEW), away
    )
    await add_tickets(db, replace(away, flagged=False))
    waiting = [last, first, flagged, review]
    assert await numbers(db) == [last, first, plain, flagged, review]
    assert await numbers(db, TicketFilter(review_only=True)) == waiting
    assert await numbers(db, TicketFilter(view=View.REVIEW)) == waiting
    assert await numbers(db, TicketFilter(view=View.HANDED_OVER, review_only=True)) == [last, first]
    assert await numbers(db, TicketFilter(view=View.ALL, review_only=True)) == [last, review, flagged, first]
    assert await numbers(db, TicketFilter(due=DueWindow.TODAY)) == [plain, flagged, review]
    async with db.reads() as session:
        assert (await today(session, VIEWER, DAY)).review == Count(4, more=False)


def test_what_is_open_is_said_twice_and_alike() -> None:
    closed = {state.value for state in State if state not in OPEN_STATES}
    assert set(re.findall(r"'(\w+)'", OPEN)) == closed == set(re.findall(r"'(\w+)'", UNCLOCKED))


async def test_what_waits_is_read_from_its_own_index(db: Database) -> None:
    """With a parameter in the condition neither database would see that the partial index fits."""
    wanted = {"ix_ticket_attention", "ix_ticket_flagged_closed", "ix_ticket_unclocked"}
    plans: list[str] = []
    explain = {"postgresql": "EXPLAIN ", "sqlite": "EXPLAIN QUERY PLAN "}[db.dialect]
    await add_tickets(db, *([TicketIn()] * 300), *([TicketIn(flagged=True, state=State.HANDED_OVER)] * 2))
    async with db.writes.begin() as session:
        await session.execute(sa.text("ANALYZE"))
    async with db.reads() as session:
        review, everything = TicketFilter(view=View.REVIEW), TicketFilter()
        parts = [(review, part) for part in segments(review)[:2]] + [(everything, segments(everything)[2])]
        for filters, segment in parts:
            read = (
                sa.select(Ticket.id)
                .where(*conditions(filters, VIEWER, DAY, (), ()), *segment.where())
                .order_by(*segment.order(Ticket, backwards=False))
                .limit(50)
                .compile(session.get_bind(), compile_kwargs={"literal_binds": True})
            )
            plans += [str(row) for row in await session.execute(sa.text(f"{explain}{read}"))]
    assert {name for name in wanted if name in " ".join(plans)} == wanted


@pytest.mark.parametrize(
    ("window", "expected"),
    [(DueWindow.OVERDUE, [-1]), (DueWindow.SOON, [0, 119]), (DueWindow.TODAY, [0, 119, 120, 479])],
)
async def test_due_windows_are_half_open(db: Database, window: DueWindow, expected: list[int]) -> None:
    minutes = [-1, 0, 119, 120, 479, 480]
    made = await add_tickets(db, *(TicketIn(due=timedelta(minutes=m)) for m in minutes))
    wanted = [made[minutes.index(m)] for m in expected]
    assert await numbers(db, TicketFilter(due=window)) == wanted


async def walk(db: Database, filters: TicketFilter, limit: int) -> tuple[list[list[str]], list[list[str]]]:
    """All pages forwards, then all pages backwards from the last."""
    forward = [await page(db, filters, limit=limit)]
    while forward[-1].after:
        forward.append(await page(db, filters, limit=limit, after=forward[-1].after))
    backward = [forward[-1]]
    while backward[-1].before:
        backward.append(await page(db, filters, limit=limit, before=backward[-1].before))
    backward.reverse()
    return [[r.no for r in p.rows] for p in forward], [[r.no for r in p.rows] for p in backward]


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
@pytest.mark.parametrize("filters", [TicketFilter(), TicketFilter(view=View.ALL), TicketFilter(query="打桩")])
async def test_pages_lose_and_repeat_nothing_either_way(
    db: Database, filters: TicketFilter, limit: int
) -> None:
    dues = [3 * HOUR, 3 * HOUR, None, HOUR, None, 3 * HOUR, 2 * HOUR]
    states = [State.REVIEW, State.DISPATCHED] * 4
    await add_tickets(db, *(TicketIn(due=d, state=s) for d, s in zip(dues, states, strict=False)))
    await add_tickets(db, *([TicketIn(state=State.HANDED_OVER, due=None, flagged=True)] * 2))
    whole = await numbers(db, filters)
    forward, backward = await walk(db, filters, limit)
    assert [no for part in forward for no in part] == whole
    assert [no for part in backward for no in part] == whole
    assert len(whole) == len(dues) + 2


async def test_a_cursor_of_another_list_is_refused(db: Database) -> None:
    with pytest.raises(ValueError, match="another list"):
        await page(db, TicketFilter(view=View.REVIEW), after=Cursor(1, None, 5))
    with pytest.raises(ValueError, match="another list"):
        await page(db, after=Cursor(9, None, 5))


def test_cursors_survive_the_address() -> None:
    for cursor in (Cursor(0, NOW + timedelta(microseconds=1), 7), Cursor(2, None, 9)):
        assert Cursor.decode(cursor.encode()) == cursor


@pytest.mark.parametrize(
    "text", ["", "0", "x..1", "0.x.1", "0..99999999999999999999", "0.999999999999999999.1", "0.1.1\n"]
)
def test_made_up_cursors_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a cursor"):
        Cursor.decode(text)


async def test_counts_stop_at_the_cap(db: Database) -> None:
    await add_tickets(db, *([TicketIn()] * 3), TicketIn(due=None))
    assert await count(db) == Count(4, more=False)
    assert await count(db, cap=4) == Count(4, more=False)
    assert await count(db, cap=3) == Count(3, more=True)
    assert await count(db, TicketFilter(query="打桩")) == Count(4, more=False)
    assert await count(db, TicketFilter(query="打桩"), cap=2) == Count(2, more=True)
    assert await count(db, TicketFilter(query="？")) == Count(0, more=False)


async def test_the_summary_bar(db: Database) -> None:
    await add_tickets(
        db,
        TicketIn(state=State.REVIEW, due=HOUR),
        TicketIn(due=-HOUR),
        TicketIn(due=100 * HOUR, age=timedelta(days=2)),
        TicketIn(state=State.HANDED_OVER, due=None),
    )
    async with db.writes.begin() as session:
        await add_appeal(session, TicketIn(), state=AppealState.WAITING)
        await add_appeal(session, TicketIn(), state=AppealState.DEAD)
    async with db.reads() as session:
        bar = await today(session, VIEWER, DAY)
    assert [bar.review.value, bar.due_today.value, bar.overdue.value] == [1, 1, 1]
    assert [bar.received.value, bar.waiting.value, bar.dead.value] == [3, 1, 1]


SMOKE = TicketIn(title="饭店油烟", text="学院路一家饭店油烟直排居民楼，夜里也不停。")
DRUM = TicketIn(title=None, text="广场舞音响开到很晚，PM2.5 检测亭旁边。")


@pytest.mark.parametrize("statistics", [WordStatistics(), ALL_FREQUENT], ids=["index", "walk"])
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("油烟", [1]),
        ("烟", [1]),
        ("夜里", [0, 1]),
        ("打桩 噪声", [0]),
        ("打桩 油烟", []),
        ("桩打", []),
        ("ＰＭ2.5", [2]),
        ("pm2", [2]),
        ("广场舞音响开到很晚", [2]),
        ("音响 广场舞", [2]),
        ("音响广场舞", []),
        ("20261123-00000002", [1]),
        ("2026112300000002", [1]),
        ("20261123-00000009", []),
        ("20261123", [0, 1, 2]),
        ("20261124", []),
        ("T-2", [1]),
        ("t-2", [1]),
        ("T-9", []),
        ("00000003", [2]),
        ("3", [2]),
        ("没有这回事", []),
        ("！！", []),
        ("'&|!:*\"", []),
    ],
)
async def test_search_finds_by_words_phrases_and_numbers(
    db: Database, query: str, expected: list[int], statistics: WordStatistics
) -> None:
    made = await add_tickets(db, TicketIn(), SMOKE, DRUM)
    async with db.reads() as session:
        found = await ticket_page(session, ask(TicketFilter(query=query), statistics))
    assert [row.no for row in found.rows] == [made[i] for i in expected]


NARROW = TicketFilter(view=View.DISPATCHED, unit_code="110105026", urgency=Urgency.U4, due=DueWindow.SOON)


@pytest.mark.parametrize("query", ["20261123-00000001", "2026112300000001", "T-1"])
async def test_a_whole_number_finds_its_ticket_under_any_filter(db: Database, query: str) -> None:
    away = TicketIn(state=State.HANDED_OVER, unit=None, due=None)
    (no, _) = await add_tickets(db, away, away)
    found = await page(db, replace(NARROW, query=query))
    assert ([row.no for row in found.rows], found.by_number) == ([no], True)
    assert await count(db, replace(NARROW, query=query)) == Count(1, more=False)
    assert not (await page(db, replace(NARROW, query="T-3"))).by_number


@pytest.mark.parametrize(
    "query",
    ["W20261123-482107", "W20261123482107", "20261123-482107", "20261123482107", "ｗ20261123－482107 "],
)
async def test_the_number_that_a_citizen_was_given_finds_the_ticket(db: Database, query: str) -> None:
    made = await add_tickets(db, TicketIn(), TicketIn())
    async with db.writes.begin() as session:
        await session.execute(sa.text("UPDATE appeal SET external_id = 'W20261123482107' WHERE id = 1"))
    found = await page(db, replace(NARROW, query=query))
    assert ([row.no for row in found.rows], found.by_number) == ([made[0]], True)


async def test_a_number_from_outside_that_is_short_does_not_hide_our_own(db: Database) -> None:
    made = await add_tickets(db, *([TicketIn()] * 3))
    async with db.writes.begin() as session:
        await session.execute(sa.text("UPDATE appeal SET external_id = '3' WHERE id = 1"))
    assert await numbers(db, TicketFilter(query="3")) == [made[2], made[0]]


async def test_pairs_that_match_out_of_order_are_no_hit(db: Database) -> None:
    apart = replace(SMOKE, text="油烟管道。烟管外面，管道旁有垃圾。", title="甲")
    (together, _) = await add_tickets(
        db, replace(SMOKE, text="油烟管道在楼下。"), replace(apart, text="油烟。烟管。管道。")
    )
    assert await numbers(db, TicketFilter(query="油烟管道")) == [together]


async def test_a_search_that_keeps_failing_its_re_check_gives_a_short_page_and_a_way_on(db: Database) -> None:
    scattered = TicketIn(title="乙", text="油烟。烟管。管道。")
    await add_tickets(db, *([scattered] * 450), replace(SMOKE, text="油烟管道在楼下。"))
    first = await page(db, TicketFilter(query="油烟管道"), limit=1)
    async with db.reads() as session:
        second = await ticket_page(session, ask(TicketFilter(query="油烟管道")), after=first.after, limit=1)
    assert (first.rows, first.short, second.short) == ((), True, False)
    assert [row.title for row in second.rows] == [SMOKE.title]


async def test_search_obeys_the_filters(db: Database) -> None:
    await add_tickets(db, TicketIn(), replace(SMOKE, urgency="U1"))
    assert await numbers(db, TicketFilter(query="夜里", urgency=Urgency.U4)) == []
    assert len(await numbers(db, TicketFilter(query="夜里", urgency=Urgency.U1))) == 1


def test_what_a_query_is_read_as() -> None:
    assert Search.parse("  ") is None
    for number in ("20261123-00000017", "2026112300000017", "２０２６１１２３－00000017"):
        whole = Search.parse(number)
        assert whole is not None
        assert (whole.number, whole.day) == ("20261123-00000017", None)
    day = Search.parse("20261123")
    assert day is not None
    assert day.day == (NOW.replace(hour=16) - timedelta(days=1), NOW.replace(hour=16))
    assert [made and made.day for made in map(Search.parse, ("20261323", "00010101", "2026112"))] == [
        None
    ] * 3
    parsed = Search.parse("油烟管")
    assert parsed is not None
    assert (parsed.words, parsed.exact) == (("油烟", "烟管"), False)


def test_prefixes_are_expected_as_often_as_all_they_begin() -> None:
    statistics = WordStatistics(rows=100, common={"烟气": 0.2, "烟味": 0.3, "油烟": 0.4})
    assert statistics.expected(["烟*"]) == pytest.approx(50)
    assert statistics.expected(["烟*", "罕见"]) == 0


async def test_units_are_found_by_part_of_their_name(db: Database) -> None:
    await add_reference(db)
    async with db.reads() as session:
        found = await find_units(session, "街道", on=NOW.date())
        exact = await find_units(session, "朝阳区望京", on=NOW.date())
        none = await find_units(session, "100%_", on=NOW.date())
        before = await find_units(session, "街道", on=NOW.date().replace(year=2019))
    assert [unit.name for unit in found] == ["望京街道办事处", "学院路街道办事处"]
    assert [(unit.code, unit.district) for unit in exact] == [("110105026", "朝阳区")]
    assert (none, before) == ([], [])


async def test_one_ticket_whole(db: Database) -> None:
    (no,) = await add_tickets(db, TicketIn(identity=True))
    async with db.reads() as session:
        whole = await whole_ticket(session, VIEWER, no)
        assert await whole_ticket(session, VIEWER, "20261123-99999999") is None
    assert whole is not None
    assert {part.role: part.name for part in whole.units} == {
        "lead": "望京街道办事处",
        "assist": "朝阳区生态环境局",
        "cc": "朝阳区人民政府",
    }
    assert [event.seq for event in whole.events] == [1, 2, 3, 4, 5]
    assert (whole.registered.name, whole.registered.phone, whole.registered.id_number) == (True, True, False)
    assert whole.areas == {"110105": "朝阳区人民政府", "110105026": "望京街道"}
