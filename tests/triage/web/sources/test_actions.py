"""重试 and 不再发送 on the source's page: once, by whoever comes first, and in the ledger."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.appeals import Source
from models.db import Database  # noqa: TC001  (a fixture's annotation)
from models.hotline import HotlineAction
from models.tickets import Ticket
from models.vocab_sources import ActionState
from tests.factories import NOW, TicketIn, add_tickets
from triage.services.auditing import exporting, reading

if TYPE_CHECKING:
    from tests.triage.web.conftest import Client
    from triage.services.deps import Deps


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough for pages."""
    return sqlite_db


@pytest.fixture(params=[("refused", 1), ("waiting", 10)], ids=["refused", "stuck"])
async def action(deps: Deps, request: pytest.FixtureRequest) -> str:
    """An action that the platform refused, or that never arrived."""
    state, attempts = request.param
    await add_tickets(deps.db, TicketIn())
    async with deps.db.writes.begin() as session:
        ticket_id = (await session.scalars(sa.select(Ticket.id))).one()
        source = Source(key="city", name="市热线平台", kind="hotline", settings={}, version=1, created_at=NOW)
        session.add(source)
        await session.flush()
        row = HotlineAction(
            source_id=source.id, order_no="BJ1", seq=3, ticket_id=ticket_id, event_seq=1, kind="signed",
            day=NOW.date(), body={"at": NOW.isoformat()}, state=ActionState(state).value, created_at=NOW,
            available_at=NOW, attempts=attempts, error="平台没有答复。",
        )  # fmt: skip
        session.add(row)
        await session.flush()
        return str(row.id)


@pytest.mark.parametrize(("again", "then"), [("1", ("waiting", "重试")), ("0", ("dropped", "不再发送"))])
async def test_who_comes_second_is_told_and_the_first_stands_in_the_ledger(
    client: Client, deps: Deps, action: str, again: str, then: tuple[str, str]
) -> None:
    state, words = then
    page = await (await client.get("/desk/sources/city")).text()
    assert "第 3 号“签收”：平台没有答复。" in page
    token = re.findall(r'name="token" value="([^"]+)"', page)[0]
    form = {"token": token, "action": action, "again": again}
    first = await client.post("/desk/sources/city/actions", data=form)
    assert (first.status, first.url.path) == (200, "/desk/sources/city")
    for other in (again, "1", "0"):
        second = await client.post("/desk/sources/city/actions", data=form | {"again": other})
        text = await second.text()
        assert (second.status, "这个动作刚被别人处理过" in text, "接口地址" in text) == (409, True, True)
    async with deps.db.reads() as session:
        assert (await session.scalars(sa.select(HotlineAction.state))).one() == state
    (entry,) = [row async for row in reading.every(deps.db, reading.LedgerFilter())]
    assert (entry.act, entry.subject, exporting.act_label(entry.act)) == (
        "source.action", "city", "重试或放弃回传",
    )  # fmt: skip
    assert exporting.facts(entry) == f"平台编号：BJ1；动作号：3；内容：签收；做法：{words}"
