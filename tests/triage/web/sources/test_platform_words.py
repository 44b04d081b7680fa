"""平台来话 on 审核台, on the ticket's and on the source's page, until a clerk says that they know."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.appeals import Appeal, Source
from models.db import Database  # noqa: TC001  (a fixture's annotation)
from models.hotline import HotlineWord
from models.tickets import Ticket
from models.vocab import State
from models.vocab_sources import WordKind, WordState
from models.vocab_staff import Role
from tests.factories import NOW, TicketIn, add_tickets
from triage.services import reference

if TYPE_CHECKING:
    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps

UNITS = {Role.STREET: {"unit": "110105026"}}


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough for pages."""
    return sqlite_db


@pytest.fixture
async def no(deps: Deps) -> str:
    """A ticket at the street whose order the platform withdrew, and then changed."""
    (found,) = await add_tickets(deps.db, TicketIn(state=State.DISPATCHED))
    await reference.sync(deps)
    async with deps.db.writes.begin() as session:
        ticket_id = (await session.scalars(sa.select(Ticket.id))).one()
        source = Source(key="city", name="市热线平台", kind="hotline", settings={}, version=1, created_at=NOW)
        session.add(source)
        await session.flush()
        order = {"source_id": source.id, "external_id": "BJ1", "dedupe_key": "x:BJ1"}
        await session.execute(sa.update(Appeal).values(order))
        session.add_all(
            HotlineWord(
                source_id=source.id, order_no="BJ1", kind=kind.value, number=kind.value, said_at=NOW,
                seen_at=NOW, state=WordState.ASKED.value, ticket_id=ticket_id,
            )
            for kind in (WordKind.WITHDRAWN, WordKind.CHANGED)
        )  # fmt: skip
    return found


async def text_of(client: Client, path: str) -> str:
    answer = await client.get(path)
    assert answer.status == 200
    return await answer.text()


async def test_a_withdrawn_order_is_marked_until_somebody_knows(client: Client, deps: Deps, no: str) -> None:
    assert f'href="/desk/tickets/{no}#platform"' in await text_of(client, "/desk/review/queue")
    assert "等人处理（2 条）" in await text_of(client, "/desk/sources/city")
    page = await text_of(client, f"/desk/tickets/{no}")
    assert "平台撤单" in page
    assert "记撤诉，承办单位会收到通知" in page
    assert "平台改了内容" in page
    words = re.findall(r'name="word" value="(\d+)"', page)
    token = re.findall(r'name="token" value="([^"]+)"', page)[0]
    path = f"/desk/tickets/{no}/platform"
    assert (await client.post(path, data={"word": words[0]})).status == 403
    assert (await client.post(path, data={"word": "x", "token": token})).status == 400
    assert (await client.post(path, data={"word": "999", "token": token})).status == 404
    answer = await client.post(path, data={"word": words[0], "token": token})
    assert answer.url.path == f"/desk/tickets/{no}"
    assert "<b>平台撤单</b>" not in await answer.text()
    assert no not in await text_of(client, "/desk/review/queue")
    async with deps.db.reads() as session:
        word = await session.get(HotlineWord, int(words[0]))
    assert word is not None
    assert (word.state, word.why) == (WordState.PASSED.value, "已看过，继续办理")


@pytest.mark.parametrize(("role", "seen"), [(Role.CLERK, True), (Role.STREET, False)])
async def test_of_a_merged_order_the_number_is_shown_to_those_who_may_see_its_case(
    deps: Deps, client_of: ClientOf, no: str, role: Role, *, seen: bool
) -> None:
    (own,) = await add_tickets(deps.db, TicketIn(unit="110108010"))
    async with deps.db.writes.begin() as session:
        mine = sa.select(Ticket.appeal_id).where(Ticket.no == own).scalar_subquery()
        moved = sa.update(Appeal).where(Appeal.id != mine).values(external_id="BJ2", dedupe_key="x:BJ2")
        await session.execute(moved)
        source_id = (await session.scalars(sa.select(Source.id).where(Source.key == "city"))).one()
        order = {"source_id": source_id, "external_id": "BJ1", "dedupe_key": "x:BJ1"}
        await session.execute(sa.update(Appeal).where(Appeal.id == mine).values(order))
        await session.execute(sa.delete(HotlineWord).where(HotlineWord.kind == WordKind.CHANGED.value))
        await session.execute(sa.update(HotlineWord).values(kind=WordKind.SUPERVISED.value))
    page = await text_of(await client_of(role, **UNITS.get(role, {})), f"/desk/tickets/{no}")
    assert ("平台督办" in page, "BJ1" in page, "并入的一件（编号不显示）" in page) == (True, seen, not seen)


async def test_a_unit_reads_it_and_cannot_answer_for_the_hotline(client_of: ClientOf, no: str) -> None:
    street = await client_of(Role.STREET, unit="110105026")
    page = await text_of(street, f"/desk/tickets/{no}")
    assert "平台撤单" in page
    assert 'name="word"' not in page


@pytest.mark.parametrize(
    ("kind", "state", "told"),
    [
        (WordKind.REHANDLED, State.DISPATCHED, "回访后仍未解决的，用“重办”"),
        (WordKind.REHANDLED, State.MERGED, "诉求人已撤诉的（平台撤单又恢复），用“取消撤诉”"),
        (WordKind.REHANDLED, State.CLOSED, '<a href="/desk/register?number=BJ1">另行登记一件</a>'),
        (WordKind.SUPERVISED, State.DISPATCHED, "用“督办”写明要求和时间"),
        (WordKind.CLOSED, State.DISPATCHED, "平台那边不再等结果"),
    ],
)
async def test_each_mark_says_what_to_do(  # noqa: PLR0917  (two fixtures and a case)
    client: Client, deps: Deps, no: str, kind: WordKind, state: State, told: str
) -> None:
    async with deps.db.writes.begin() as session:
        await session.execute(sa.delete(HotlineWord).where(HotlineWord.kind == WordKind.CHANGED.value))
        await session.execute(sa.update(HotlineWord).values(kind=kind.value))
        await session.execute(sa.update(Ticket).values(state=state.value))
    page = await text_of(client, f"/desk/tickets/{no}")
    assert kind.label in page
    assert told in page
    queue = await text_of(client, "/desk/review/queue")
    acted_on = kind is not WordKind.CLOSED
    assert (f'href="/desk/tickets/{no}#platform"' in queue, kind.label in queue) == (acted_on, acted_on)


async def test_who_sets_up_the_source_learns_neither_the_case_nor_what_was_said_of_it(
    client: Client, client_of: ClientOf, no: str
) -> None:
    page = await text_of(await client_of(Role.ADMIN), "/desk/sources/city")
    assert ("等人处理（2 条）" in page, "平台编号 <code>BJ1</code>" in page) == (True, True)
    assert [words for words in (no, "平台撤单", "平台改了内容") if words in page] == []
    assert no in await text_of(client, "/desk/sources/city")
