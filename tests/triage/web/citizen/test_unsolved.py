"""没有解决, said on the web: on the ticket's page, in the list, in the due list and as JSON, until 回访."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.tickets import Ticket
from models.vocab import Move, Post
from tests import signed_in
from tests.triage.web.citizen.conftest import GOOD
from tests.triage.web.citizen.steps import contacted, move, move_of, ticket_of
from tests.triage.web.open311.conftest import read_all

if TYPE_CHECKING:
    from nlp.pipeline import Reader
    from tests.triage.web.citizen.conftest import Citizen, Clock
    from triage.services.deps import Deps

ANSWER = {"note": "已停工", "attachment": "照片 1 号", "told_citizen": "phone"}
MARK = '<span class="flag urged">网上说没有解决</span>'


async def desk(citizen: Citizen, address: str) -> str:
    return await (await citizen.client.get(address)).text()


async def test_who_rings_knows_it_before(citizen: Citizen, deps: Deps, reader: Reader, clock: Clock) -> None:
    await citizen.report()
    await read_all(deps, reader)
    clock.later(minutes=5)
    await contacted(deps)
    await move(deps, Post.UNIT, Move.FEEDBACK, **ANSWER)
    no = (await ticket_of(deps)).no
    await citizen.get("/citizen/case")
    note = "<b>还在响</b>，联系我 13800001111"
    said = {"solved": "no", "satisfaction": "very_dissatisfied", "note": note}
    await signed_in.renewed(deps)
    assert "unsolved" not in await desk(citizen, f"/desk/tickets/{no}")
    await citizen.post("/citizen/case/rate", said)
    assert "谢谢您的评价" in citizen.page
    page = await desk(citizen, f"/desk/tickets/{no}")
    for words in (
        '<a class="flag urged" href="#unsolved">网上说没有解决</a>',
        "没有解决，很不满意：",
        "回访时请先问清",
    ):
        assert words in page
    assert ("<b>还在响" in page, "&lt;b&gt;还在响" in page, "13800001111" in page) == (False, True, False)
    assert MARK in await desk(citizen, "/desk?state=feedback")
    assert MARK in await desk(citizen, "/desk/list?state=feedback&q=打桩")
    (line,) = (await (await citizen.client.get("/api/v1/tickets?state=feedback")).json())["items"]
    whole = await (await citizen.client.get(f"/api/v1/tickets/{no}")).json()
    assert line["unsolved"] == whole["item"]["unsolved"] == {"code": "unsolved", "label": "网上说没有解决"}
    assert (whole["rated"]["stands"], whole["rated"]["called"]) == (True, False)
    clock.later(days=8)
    await signed_in.renewed(deps)
    assert MARK in await desk(citizen, "/desk/due?hours=168&clock=follow_up")
    reached = {"outcome": "reached", "contacted": "yes", "solved": "yes", "satisfaction": "satisfied"}
    await move(deps, Post.FOLLOW_UP, Move.FOLLOW_UP, **reached)
    await signed_in.renewed(deps)
    page = await desk(citizen, f"/desk/tickets/{no}")
    assert ("之后已回访" in page, "flag urged" in page) == (True, False)
    assert MARK not in await desk(citizen, "/desk?state=followed_up")


async def test_of_one_that_is_closed_the_page_asks_nobody_to_ring(
    citizen: Citizen, deps: Deps, reader: Reader, clock: Clock
) -> None:
    await citizen.report()
    await read_all(deps, reader)
    clock.later(minutes=5)
    await contacted(deps)
    await move(deps, Post.UNIT, Move.FEEDBACK, **ANSWER)
    no = (await ticket_of(deps)).no
    await citizen.get("/citizen/case")
    await citizen.post("/citizen/case/rate", {"solved": "no", "satisfaction": "dissatisfied", "note": ""})
    for state, sentence, marked in (
        ("followed_up", "回访已经做完，办结前请先看。", True),
        ("closed", "工单已办结，不再回访。", False),
    ):
        async with deps.db.writes.begin() as session:
            await session.execute(sa.update(Ticket).values(state=state))
        await signed_in.renewed(deps)
        page = await desk(citizen, f"/desk/tickets/{no}")
        assert (sentence in page, "回访时请先问清" in page, "flag urged" in page) == (True, False, marked)
        assert (MARK in await desk(citizen, f"/desk?state={state}")) is marked


async def test_the_head_is_told_how_many_and_their_words_where_they_may_be_read(
    citizen: Citizen, deps: Deps, reader: Reader, clock: Clock
) -> None:
    await citizen.report(text=GOOD["text"] + "另一家的邻居", name="赵大海", phone="13912340008")
    await read_all(deps, reader)
    await citizen.report()
    await read_all(deps, reader)
    async with deps.db.reads() as session:
        head, own = await session.scalars(sa.select(Ticket.no).order_by(Ticket.id))
    clock.later(minutes=5)
    await move_of(deps, own, Post.HOTLINE, Move.MERGE, other_ticket=head, reason="同一处同一事项")
    await move_of(deps, head, Post.UNIT, Move.SIGN)
    await move_of(deps, head, Post.UNIT, Move.CONTACT, outcome="reached", told_citizen="phone")
    await move_of(deps, head, Post.UNIT, Move.FEEDBACK, **ANSWER)
    await citizen.get("/citizen/case")
    await citizen.post(
        "/citizen/case/rate", {"solved": "no", "satisfaction": "dissatisfied", "note": "夜里照旧"}
    )
    await signed_in.renewed(deps)
    page = await desk(citizen, f"/desk/tickets/{head}")
    assert ("并入的工单里有 1 位诉求人" in page, 'id="unsolved"' in page) == (True, False)
    assert "没有解决，不满意：夜里照旧" in await desk(citizen, f"/desk/tickets/{head}/files")
    assert 'id="unsolved"' in await desk(citizen, f"/desk/tickets/{own}")
    listed = await desk(citizen, "/desk?state=feedback")
    assert listed.count(MARK) == 1
    assert MARK in listed.partition(f'data-no="{own}"')[2].partition("</tr>")[0]
    async with deps.db.writes.begin() as session:
        await session.execute(sa.text("UPDATE appeal SET confidential = true WHERE id = 2"))
    assert "并入的工单里有" not in await desk(citizen, f"/desk/tickets/{head}")
    assert "夜里照旧" not in await desk(citizen, f"/desk/tickets/{head}/files")
