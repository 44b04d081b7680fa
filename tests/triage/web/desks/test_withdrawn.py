"""撤诉 at the desk: its form, one press on a platform's 撤单, what the page and the API say, who may."""

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


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough for pages."""
    return sqlite_db


async def one(deps: Deps, *, word: bool = False, **more: object) -> str:
    (no,) = await add_tickets(deps.db, TicketIn(**{"state": State.DISPATCHED, **more}))  # type: ignore[arg-type]
    await reference.sync(deps)
    async with deps.db.writes.begin() as session:
        ticket = (await session.scalars(sa.select(Ticket).where(Ticket.no == no))).one()
        source = Source(key="city", name="市热线平台", kind="hotline", settings={}, version=1, created_at=NOW)
        session.add(source)
        await session.flush()
        order = {"source_id": source.id, "external_id": "BJ1", "dedupe_key": "x:BJ1"}
        await session.execute(sa.update(Appeal).where(Appeal.id == ticket.appeal_id).values(order))
        session.add_all(
            [
                HotlineWord(
                    source_id=source.id, order_no="BJ1", kind=WordKind.WITHDRAWN.value, number="1",
                    said_at=NOW, seen_at=NOW, state=WordState.ASKED.value, ticket_id=ticket.id,
                )
            ]
            * word
        )  # fmt: skip
    return no


def form_of(page: str, marker: str) -> dict[str, str]:
    part = page.partition(marker)[2].partition("</form>")[0]
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', part))


async def text_of(client: Client, path: str) -> str:
    answer = await client.get(path)
    assert answer.status == 200
    return await answer.text()


async def test_the_form_is_on_the_page_and_what_was_done_is_told(client: Client, deps: Deps) -> None:
    no = await one(deps)
    page = await text_of(client, f"/desk/tickets/{no}?move=withdraw")
    form = form_of(page, 'data-form="withdraw"')
    assert 'data-move="withdraw" open' in page
    assert all(words in page for words in ("本人来电", "平台撤单", "已自行解决", "误报", "不愿继续"))
    typed = {"withdrawn_by": "caller", "withdrawn_why": "other"}
    answer = await client.post(f"/desk/tickets/{no}/moves", data={**form, **typed})
    told = await answer.text()
    assert (answer.status, "请在情况说明里写清楚" in told) == (422, True)
    form = form_of(told, 'data-form="withdraw"')
    answer = await client.post(
        f"/desk/tickets/{no}/moves", data={**form, **typed, "note": "诉求人已经搬走，不再住这里"}
    )
    told = await answer.text()
    assert "承办单位会收到通知" in told
    assert "已撤诉 <time" in told
    assert "谁提出撤诉：本人来电；撤诉原因：其他；情况说明：诉求人已经搬走" in told
    assert 'data-move="take_up"' in told
    found = await (await client.get(f"/api/v1/tickets/{no}")).json()
    assert found["withdrawn"] is not None
    assert found["item"]["state"]["code"] == "closed"
    form = form_of(told, 'data-form="take_up"')
    answer = await client.post(f"/desk/tickets/{no}/moves", data={**form, "reason": "诉求人又来电要求办"})
    told = await answer.text()
    assert "已取消撤诉" in told
    assert "已撤诉 <time" not in told


async def test_a_platform_s_withdrawal_is_noted_with_one_press(client: Client, deps: Deps) -> None:
    no = await one(deps, word=True)
    page = await text_of(client, f"/desk/tickets/{no}")
    assert "记撤诉（平台撤单）" in page
    form = form_of(page.partition('id="platform"')[2], "<p class=")
    assert form["withdrawn_by"] == "platform"
    answer = await client.post(f"/desk/tickets/{no}/moves", data=form)
    told = await answer.text()
    assert (answer.status, "已撤诉 <time" in told, 'id="platform"' in told) == (200, True, False)


async def test_on_the_review_desk_it_leads_to_the_ticket(client: Client, deps: Deps) -> None:
    no = await one(deps, word=True, state=State.REVIEW, unit="bj-desk", assist=(), copies=())
    page = await text_of(client, f"/desk/review/{no}")
    assert f'href="/desk/tickets/{no}?move=withdraw"' in page


async def test_of_an_emergency_the_press_comes_back_and_asks_for_words(client: Client, deps: Deps) -> None:
    no = await one(deps, word=True, urgency="U1")
    page = await text_of(client, f"/desk/tickets/{no}")
    form = form_of(page.partition('id="platform"')[2], "<p class=")
    answer = await client.post(f"/desk/tickets/{no}/moves", data=form)
    told = await answer.text()
    assert (answer.status, "危险不因诉求人撤诉而消失" in told) == (422, True)
    assert "平台撤单</textarea>" in told


@pytest.mark.parametrize(
    ("role", "may"),
    [(Role.CLERK, True), (Role.FOLLOW_UP, True), (Role.STREET, False), (Role.SUPERVISOR, False)],
)
async def test_it_is_for_those_who_speak_with_citizens(
    deps: Deps, client_of: ClientOf, role: Role, *, may: bool
) -> None:
    no = await one(deps, word=True)
    of = {"unit": "110105026"} if role is Role.STREET else {}
    page = await text_of(await client_of(role, **of), f"/desk/tickets/{no}")
    assert ('data-form="withdraw"' in page, "记撤诉（平台撤单）" in page) == (may, may)


async def test_a_merged_caller_s_is_noted_and_the_matter_goes_on(client: Client, deps: Deps) -> None:
    head = await one(deps)
    (own,) = await add_tickets(deps.db, TicketIn(state=State.DISPATCHED))
    page = await text_of(client, f"/desk/tickets/{own}?move=merge")
    form = form_of(page, 'data-form="merge"')
    await client.post(
        f"/desk/tickets/{own}/moves", data={**form, "other_ticket": head, "reason": "同一处同一事项"}
    )
    page = await text_of(client, f"/desk/tickets/{own}")
    assert "只撤这位诉求人的那一份" in page
    form = form_of(page, 'data-form="withdraw"')
    answer = await client.post(
        f"/desk/tickets/{own}/moves", data={**form, "withdrawn_by": "caller", "withdrawn_why": "unwilling"}
    )
    told = await answer.text()
    assert ('class="state merged"' in told, "已撤诉 <time" in told) == (True, True)
    assert "现在等待：<b>回访员" not in told
