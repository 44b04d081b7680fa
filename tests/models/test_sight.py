"""Who sees which case: the predicate in words and in SQL, and every way to a case, say the same.

Random staff (roles, unit) and random cases (parts of units, state, confidential) on both databases.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import triage.tables
from connectors.vault import Vault
from models.appeals import Appeal
from models.filters import may_see, may_see_unread
from models.notices import Notice
from models.tickets import Ticket, TicketUnit
from models.viewing import TicketFacts, Viewer, sees, sees_unread
from models.vocab import AppealState, Role, State, Tag, Urgency
from models.vocab_notices import NoticeTo
from models.vocab_staff import Permission
from models.vocab_staff import Role as StaffRole
from tests.factories import NOW, TicketIn, add_appeal, add_tickets
from triage.clock import FixedClock
from triage.rules import access
from triage.services.deps import Deps
from triage.services.due_lists import Window, due_list
from triage.services.notices import sight, telling
from triage.services.notices.telling import Happened
from triage.settings import Settings
from triage.web.app import make_app
from triage.web.keys import IDENTIFY, Caches

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from models.db import Database

TABLES = triage.tables.load()
UNITS = ("110105026", "110108010", "110105", "110105-ecology", "bj-desk")
LEADS = st.sampled_from(UNITS)
PARTS = st.lists(st.sampled_from(UNITS), unique=True, max_size=2).map(tuple)
WORD = "琉璃厂"
#: No shrinking: each example asks two databases.
QUICK = (Phase.explicit, Phase.generate)

people = st.builds(
    lambda roles, unit: access.viewer(
        TABLES, login="x", name="某人", roles=roles, unit_code=unit, at=NOW.date()
    ),
    st.sets(st.sampled_from(StaffRole), max_size=2),
    st.sampled_from((None, *UNITS, "110108", "nowhere")),
)
cases = st.builds(
    TicketIn,
    unit=LEADS,
    assist=PARTS,
    copies=PARTS,
    confidential=st.booleans(),
    text=st.sampled_from((f"{WORD}附近有异味，来源不明。", "夜里有施工的声音，睡不着。")),
    state=st.sampled_from((State.REVIEW, State.DISPATCHED, State.FEEDBACK, State.CLOSED)),
)


async def facts(db: Database) -> Mapping[str, tuple[TicketFacts, bool]]:
    """Of each ticket what decides who sees it, and whether the word stands in it: read row by row."""
    async with db.reads() as session:
        rows = await session.execute(
            sa.select(Ticket.no, Ticket.id, Appeal.confidential, Appeal.text).join(
                Appeal, Appeal.id == Ticket.appeal_id
            )
        )
        tickets = rows.all()
        parts: dict[int, dict[str, Role]] = {}
        for number, code, role in await session.execute(
            sa.select(TicketUnit.ticket_id, TicketUnit.unit_code, TicketUnit.role)
        ):
            parts.setdefault(number, {})[code] = Role(role)
    return {
        no: (TicketFacts(parts.get(number, {}), confidential=secret), WORD in text)
        for no, number, secret, text in tickets
    }


async def by_sql(db: Database, viewer: Viewer) -> set[str]:
    """What the condition lets through."""
    async with db.reads() as session:
        return set(await session.scalars(sa.select(Ticket.no).where(may_see(viewer))))


async def pages(client: TestClient[Any, Any], **query: str) -> tuple[set[str], int]:
    """A whole list as the API gives it, page by page, and its count."""
    found: set[str] = set()
    asked: dict[str, str] = {"limit": "7", **query}
    total = 0
    while True:
        page = await (await client.get("/api/v1/tickets", params=asked)).json()
        found |= {item["no"] for item in page["items"]}
        total = page["count"]["value"]
        if page["after"] is None:
            return found, total
        asked["after"] = page["after"]


async def shown(
    client: TestClient[Any, Any], known: Mapping[str, object], path: str, **query: str
) -> set[str]:
    """Which of the cases a page names."""
    answer = await client.get(path, params=query)
    assert answer.status == 200
    text = await answer.text()
    return {no for no in known if no in text}


@pytest.mark.parametrize("few", [3, 0], ids=["by-index", "by-walking"])
@settings(
    max_examples=12,
    deadline=None,
    phases=QUICK,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(viewers=st.lists(people, min_size=4, max_size=4), made=st.lists(cases, min_size=3, max_size=3))
async def test_the_condition_says_in_sql_what_the_predicate_says_in_words(
    db: Database, few: int, viewers: list[Viewer], made: list[TicketIn]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        # Both shapes of the condition, whatever the number of units.
        patch.setattr("models.filters._FEW_UNITS", few)
        await add_tickets(db, *made)
        known = await facts(db)
        for viewer in viewers:
            wanted = {no for no, (fact, _) in known.items() if sees(viewer, fact)}
            assert await by_sql(db, viewer) == wanted


@settings(
    max_examples=6,
    deadline=None,
    phases=QUICK,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(viewers=st.lists(people, min_size=3, max_size=3), made=st.lists(cases, min_size=4, max_size=4))
async def test_every_way_to_a_case_agrees(db: Database, viewers: list[Viewer], made: list[TicketIn]) -> None:
    await add_tickets(db, *made)
    known = await facts(db)
    deps = Deps(settings=Settings(), clock=FixedClock(NOW), tables=TABLES, db=db, vault=Vault({1: bytes(32)}))
    who: list[Viewer] = []

    async def identify(request: web.Request) -> Viewer | None:
        del request
        return who[0]

    app = make_app(deps, caches=Caches(count_patience=30))
    app[IDENTIFY] = identify
    app.cleanup_ctx.clear()
    async with TestClient(TestServer(app)) as client:
        for viewer in viewers:
            # One cache for all, as in a process; every permission, so that sight alone decides.
            who[:] = [
                Viewer(f"x{id(viewer)}", viewer.scope, permissions=frozenset(Permission), posts=viewer.posts)
            ]
            wanted = {no for no, (fact, _) in known.items() if sees(viewer, fact)}
            with_word = {no for no in wanted if known[no][1]}

            assert await pages(client, state="all") == (wanted, len(wanted))
            assert await pages(client, state="all", q=WORD) == (with_word, len(with_word))
            every = {"state": "all", "limit": "100"}
            assert await shown(client, known, "/desk/list", **every) == wanted
            assert await shown(client, known, "/desk/list", **every, q=WORD) == with_word
            assert await shown(client, known, "/desk/map") <= wanted
            assert await shown(client, known, "/desk/due") <= wanted
            assert await shown(client, known, "/desk/review/queue") <= wanted
            for no in known:
                status = 200 if no in wanted else 404
                assert (await client.get(f"/api/v1/tickets/{no}")).status == status
                assert (await client.get(f"/desk/tickets/{no}/files")).status == status
                assert (await client.get(f"/desk/tickets/{no}")).status == status
                assert (await client.get(f"/desk/review/{no}")).status == status
                assert (await client.get(f"/desk/review/{no}/units?kind=NOI-01")).status == status
                moves = await client.get(f"/api/v1/tickets/{no}/moves")
                assert moves.status == status
            async with db.reads() as session:
                window = Window(None, None, NOW, timedelta(hours=24))
                due = await due_list(session, TABLES, who[0], window)
            assert {line.no for line in due.lines} <= wanted


@settings(
    max_examples=12, deadline=None, phases=QUICK, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(made=st.lists(cases, min_size=4, max_size=4), tag=st.sampled_from((Tag.DISPATCHED, Tag.SUPERVISE)))
async def test_no_unit_hears_of_a_case_that_its_people_do_not_see(
    db: Database, made: list[TicketIn], tag: Tag
) -> None:
    numbers = await add_tickets(db, *made)
    known = await facts(db)
    # Whoever has or had a part, and whoever stands above the place.
    everybody = dict.fromkeys((NoticeTo.LEAD, NoticeTo.ASSIST, NoticeTo.COPY), (*UNITS, "110108"))
    happened = [
        Happened(no, 9, tag, "NOI-01", "110108", None, Urgency.U1, told="测试", parts=everybody)
        for no in numbers
    ]
    async with db.writes.begin() as session:
        await telling.tell(session, TABLES, happened, now=NOW)
        rows = await session.execute(sa.select(Notice.key, Notice.recipient))
        told = {(key.split(":")[0], unit) for key, unit in rows}
    for no in numbers:
        for unit in (*UNITS, "110108"):
            assert ((no, unit) in told) <= sees(sight.viewer_of(TABLES, unit, NOW.date()), known[no][0])
        # The unit that leads it always hears.
        assert {unit for unit, part in known[no][0].parts.items() if part is Role.LEAD} <= {
            unit for case, unit in told if case == no
        }


@settings(
    max_examples=3, deadline=None, phases=QUICK, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(viewers=st.lists(people, min_size=4, max_size=4), secret=st.booleans())
async def test_what_is_no_ticket_yet_is_seen_by_the_whole_city_alone(
    db: Database, viewers: list[Viewer], *, secret: bool
) -> None:
    async with db.writes.begin() as session:
        await add_appeal(session, TicketIn(confidential=secret), state=AppealState.DEAD)
    async with db.reads() as session:
        for viewer in viewers:
            rows = await session.scalars(sa.select(Appeal.confidential).where(may_see_unread(viewer)))
            every = await session.scalars(sa.select(Appeal.confidential))
            wanted = [one for one in every if sees_unread(viewer, confidential=one)]
            assert sorted(rows) == sorted(wanted)
