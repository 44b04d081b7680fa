"""待审批: what waits, for whose answer, soonest first; and at a cost that does not grow with all there is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from models import counting, queries
from models.filters import TicketFilter, View
from models.queries import Ask
from models.tickets import Ticket
from models.viewing import Decides, Scope, TicketFacts, Viewer, sees
from models.vocab import Role, State, WishKind
from models.vocab_staff import Role as StaffRole
from models.waiting import OBJECTION_STATES, TO_ANSWER, WAITS, blind_among, raised, to_decide, waits_of
from tests.factories import NOW, TicketIn, add_tickets
from tests.models.test_queries import DAY, VIEWER
from tests.plans import plans, scanned
from tests.triage.rules.helpers import tables
from triage.rules import access, sighted
from triage.services.standings import stand

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.db import Database

STREET, OTHER = "110105026", "110108010"
HERE = frozenset({"110105"})
TABLES = tables()
WORKING = (State.SIGNED, State.CONTACTED, State.HANDLING)
EXTENSION = Decides(WishKind.EXTENSION, WORKING)
UNSEEN = Decides(WishKind.EXTENSION, WORKING, blind=True)
LEDGER = Decides(WishKind.LEDGER, (State.CONTACTED, State.HANDLING))
OBJECTION = Decides(WishKind.OBJECTION, OBJECTION_STATES)


async def wished(db: Database, no: str, **columns: Any) -> None:  # noqa: ANN401
    async with db.writes.begin() as session:
        await session.execute(sa.update(Ticket).where(Ticket.no == no).values(**columns))


async def page(
    db: Database,
    view: View,
    *decides: Decides,
    viewer: Viewer = VIEWER,
    **more: Any,  # noqa: ANN401
) -> queries.TicketPage:
    async with db.reads() as session:
        ask = Ask(viewer, TicketFilter(view=view, query=more.pop("query", "")), DAY, decides=decides)
        return await queries.ticket_page(session, ask, **more)


async def listed(db: Database, view: View, *decides: Decides, **more: Any) -> list[str]:  # noqa: ANN401
    found = await page(db, view, *decides, **more)
    return [row.no for row in found.rows]


@pytest.mark.parametrize(
    ("state", "asked", "waits"),
    [
        ("handling", "extend_ask", [WishKind.EXTENSION]),
        ("handling", "exclude_ask,ledger_ask", [WishKind.LEDGER, WishKind.EXCLUSION]),
        ("objected", None, [WishKind.OBJECTION]),
        ("arbitration", "exclude_ask", [WishKind.OBJECTION, WishKind.EXCLUSION]),
        ("to_reassign", None, []),
        ("handling", "something_of_a_newer_version", []),
    ],
)
def test_what_waits_is_told_by_the_row(state: str, asked: str | None, waits: list[WishKind]) -> None:
    assert list(waits_of(state, asked)) == waits


def test_of_what_waits_that_is_told_which_somebody_may_decide() -> None:
    one = Decides(WishKind.EXTENSION, WORKING, HERE)
    told = [
        to_decide([one], "handling", "extend_ask", district, blind=False)
        for district in ("110105", "110108", "", None)
    ]
    assert told == [(WishKind.EXTENSION,), (), (), ()]
    assert to_decide([EXTENSION], "handling", "extend_ask", None, blind=False) == (WishKind.EXTENSION,)
    assert to_decide([one], "objected", "extend_ask", "110105", blind=False) == ()
    assert to_decide([one], "handling", "ledger_ask", "110105", blind=False) == ()


async def test_what_is_written_out_is_what_the_row_tells(db: Database) -> None:
    made = await add_tickets(db, *(TicketIn(state=state) for state in State for _ in range(2)))
    for no in made[::2]:
        await wished(db, no, asked="exclude_ask")
    async with db.reads() as session:
        rows = await session.execute(sa.select(Ticket.no, Ticket.state, Ticket.asked))
        waits = {row.no for row in rows if waits_of(row.state, row.asked)}
        found = set(await session.scalars(sa.select(Ticket.no).where(sa.literal_column(WAITS))))
    assert found == waits
    assert len(waits) == len(State) + len(OBJECTION_STATES)
    assert set(await listed(db, View.ASKED)) == waits


async def test_the_soonest_answer_first_and_what_is_answered_last(db: Database) -> None:
    made = await add_tickets(db, *([TicketIn(state=State.HANDLING)] * 3), TicketIn(state=State.OBJECTED))
    (done, older) = await add_tickets(
        db, TicketIn(state=State.CLOSED, due=None), TicketIn(state=State.FEEDBACK, age=timedelta(days=3))
    )
    for no, hours in zip((*made, done), (30, -2, None, 5, -90), strict=True):
        by = None if hours is None else NOW + timedelta(hours=hours)
        await wished(db, no, answer_by=by, asked="exclude_ask")
    await wished(db, older, asked="exclude_ask")
    order = [made[1], made[3], made[0], made[2], done, older]
    assert await listed(db, View.ASKED) == order


async def test_pages_go_on_where_they_were_both_ways(db: Database) -> None:
    made = await add_tickets(db, *([TicketIn(state=State.HANDLING)] * 5), TicketIn(state=State.CLOSED))
    # Several end in one moment: the number decides.
    for no, hours in zip(made, (9, 3, 3, 7, 3, 1), strict=True):
        await wished(db, no, answer_by=NOW + timedelta(hours=hours), asked="ledger_ask")
    whole = await listed(db, View.ASKED)
    assert whole == [made[1], made[2], made[4], made[3], made[0], made[5]]
    first = await page(db, View.ASKED, limit=2)
    second = await page(db, View.ASKED, limit=2, after=first.after)
    third = await page(db, View.ASKED, limit=2, after=second.after)
    walked = [row.no for one in (first, second, third) for row in one.rows]
    assert (walked, third.after) == (whole, None)
    back = await page(db, View.ASKED, limit=2, before=third.before)
    assert [row.no for row in back.rows] == whole[2:4]


async def test_a_search_keeps_the_order(db: Database) -> None:
    made = await add_tickets(db, *([TicketIn(state=State.HANDLING)] * 4))
    for no, hours in zip(made, (9, 3, 5, 1), strict=True):
        await wished(db, no, answer_by=NOW + timedelta(hours=hours), asked="extend_ask")
    await wished(db, made[3], asked=None)
    whole = [made[1], made[2], made[0]]
    assert await listed(db, View.ASKED, query="打桩") == whole
    first = await page(db, View.ASKED, query="打桩", limit=2)
    rest = await page(db, View.ASKED, query="打桩", limit=2, after=first.after)
    assert [row.no for one in (first, rest) for row in one.rows] == whole


async def test_what_a_viewer_decides_is_what_is_listed_and_counted(db: Database) -> None:
    made = await add_tickets(
        db, *([TicketIn(state=State.HANDLING)] * 2), TicketIn(state=State.OBJECTED),
        TicketIn(state=State.MERGED),
        TicketIn(state=State.HANDLING, unit=OTHER, district="110108"), TicketIn(state=State.SIGNED),
    )  # fmt: skip
    for no, asked in zip(
        made, ("extend_ask", "ledger_ask", "extend_ask", "extend_ask", "extend_ask", None), strict=True
    ):
        await wished(db, no, asked=asked)
    extension, ledger, objected, merged, elsewhere, none = made
    here = Decides(WishKind.EXTENSION, WORKING, HERE)
    wanted = {
        (): set(),
        (EXTENSION,): {extension, elsewhere},
        (here,): {extension},
        (LEDGER,): {ledger},
        (here, OBJECTION): {extension, objected},
    }
    for decides, expected in wanted.items():
        assert set(await listed(db, View.DECIDE, *decides)) == expected
        async with db.reads() as session:
            bar = await counting.today(session, VIEWER, DAY, decides)
            total = await counting.count_tickets(
                session, Ask(VIEWER, TicketFilter(view=View.DECIDE), DAY, decides=decides)
            )
        assert bar.to_decide.value == total.value == len(expected)
    assert {merged, none}.isdisjoint(await listed(db, View.DECIDE, EXTENSION, LEDGER, OBJECTION))


async def test_the_district_is_the_leads_and_else_that_of_the_place(db: Database) -> None:
    """As `routing.district_having`: a place put right elsewhere moves no case."""
    moved, of_city = await add_tickets(
        db, TicketIn(state=State.HANDLING, district="110108"),
        TicketIn(state=State.HANDLING, unit="bj-desk", assist=(), copies=()),
    )  # fmt: skip
    for no in (moved, of_city):
        await wished(db, no, asked="extend_ask")
    here = Decides(WishKind.EXTENSION, WORKING, HERE)
    there = Decides(WishKind.EXTENSION, WORKING, frozenset({"110108"}))
    assert set(await listed(db, View.DECIDE, here)) == {moved, of_city}
    assert await listed(db, View.DECIDE, there) == []


@pytest.mark.parametrize(
    ("ticket", "blind"),
    [
        (TicketIn(), False),
        (TicketIn(copies=(), assist=()), False),
        (TicketIn(confidential=True), True),
        (TicketIn(confidential=True, assist=("110105",), copies=()), False),
        (TicketIn(confidential=True, unit="110105", copies=()), False),
        (TicketIn(unit="bj-desk", assist=(), copies=()), True),
        (TicketIn(unit="bj-desk", assist=(), copies=("110105",)), False),
        (TicketIn(unit="bj-desk", assist=("110105-ecology",), copies=()), False),
        (TicketIn(unit="bj-desk", assist=(OTHER,), copies=()), True),
        (TicketIn(unit="bj-desk", assist=("110105-ecology",), copies=(), confidential=True), True),
        (TicketIn(unit="bj-desk", assist=(), copies=("110105",), confidential=True), True),
        (TicketIn(unit="bj-desk", assist=(), copies=("110105",), district=None, street=None), True),
        # The lead's district has it, wherever the place is.
        (TicketIn(district="110108"), False),
        (TicketIn(unit=OTHER, assist=(), copies=("110105",), confidential=True), True),
    ],
)
async def test_what_the_centre_sees_is_one_rule_in_the_list_and_in_the_move(
    db: Database, ticket: TicketIn, *, blind: bool
) -> None:
    (no,) = await add_tickets(db, replace(ticket, state=State.HANDLING))
    await wished(db, no, asked="extend_ask")
    only = Decides(WishKind.EXTENSION, WORKING, blind=True)
    assert await listed(db, View.DECIDE, only) == [no] * blind
    async with db.reads() as session:
        row = (await session.scalars(sa.select(Ticket).where(Ticket.no == no))).one()
        s, _ = await stand(session, TABLES, row, now=NOW)
        assert await blind_among(session, [row.id]) == frozenset([row.id] * blind)
    secret = s.evolve(confidential=ticket.confidential)
    assert sighted.blind(TABLES, secret) is blind
    # The same by the predicate of sight.
    government = tuple(TABLES.units.get(code or "") for code in (ticket.unit, ticket.district))
    area = next((u.district_code for u in government if u is not None and u.district_code), None)
    parts = {**dict.fromkeys(ticket.copies, Role.COPY), **dict.fromkeys(ticket.assist, Role.ASSIST)}
    facts = TicketFacts({**parts, ticket.unit or "": Role.LEAD}, confidential=ticket.confidential)
    centre = access.viewer(
        TABLES, login="x", name="", roles=(StaffRole.BUREAU,), unit_code=area or "none", at=NOW.date()
    )
    assert sees(centre, facts) is not blind


async def test_nobody_is_asked_of_nothing(db: Database) -> None:
    async with db.reads() as session:
        assert await blind_among(session, []) == frozenset()


async def test_nobody_finds_or_counts_what_they_do_not_see(db: Database) -> None:
    open_one, secret, elsewhere = await add_tickets(
        db, TicketIn(state=State.HANDLING), TicketIn(state=State.HANDLING, confidential=True),
        TicketIn(state=State.HANDLING, unit=OTHER, assist=(), copies=()),
    )  # fmt: skip
    for no in (open_one, secret, elsewhere):
        await wished(db, no, asked="extend_ask")
    centre = Viewer("x", Scope(units=frozenset({"110105", STREET}), own=frozenset({"110105"})))
    assert await listed(db, View.DECIDE, EXTENSION, viewer=centre) == [open_one]
    async with db.reads() as session:
        bar = await counting.today(session, centre, DAY, (EXTENSION,))
    assert bar.to_decide.value == 1


async def test_when_each_was_raised_is_one_question(db: Database) -> None:
    async with db.reads() as session:
        assert await raised(session, []) == {}
        assert await raised(session, [(1, ())]) == {}


@pytest.mark.parametrize("view", [View.ASKED, View.DECIDE])
async def test_what_waits_is_found_without_walking_all_tickets(db: Database, view: View) -> None:
    handling = TicketIn(state=State.HANDLING)
    made = await add_tickets(db, *([handling] * 400), *([TicketIn(state=State.CLOSED, due=None)] * 400))
    for no in made[:3]:
        await wished(db, no, asked="extend_ask")
    async with db.writes.begin() as session:
        await session.execute(sa.text("ANALYZE"))
    ask = Ask(VIEWER, TicketFilter(view=view), DAY, decides=(EXTENSION, OBJECTION, UNSEEN))

    async def read(session: AsyncSession) -> None:
        await queries.ticket_page(session, ask, limit=50)
        await counting.count_tickets(session, ask)

    for plan in await plans(db, read):
        assert "ix_ticket_asked" in plan
        assert not scanned(plan, "ticket")


def test_the_states_in_which_an_answer_is_to_come_are_open() -> None:
    assert set(OBJECTION_STATES) < set(TO_ANSWER)
    assert State.ON_LEDGER not in TO_ANSWER
