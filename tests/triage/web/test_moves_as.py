"""A browser has one 当前身份 for all its windows: a move is made as whom the page shows, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.tickets import Ticket, TicketEvent
from models.vocab import State
from tests.factories import add_tickets
from tests.triage.web.desks.conftest import waiting
from tests.triage.web.desks.test_review import form_of as review_form
from tests.triage.web.test_moves import SAME_SITE, STREET, be, form_of, no
from triage.services import reference

if TYPE_CHECKING:
    from models.db import Database
    from tests.triage.web.conftest import Client
    from triage.services.deps import Deps

__all__ = ["no"]

OTHER = "身份已换成“热线坐席”，还没有提交：请核对后再提交"


async def urges(db: Database) -> list[str]:
    """The notes of 催办."""
    async with db.reads() as session:
        found = await session.scalars(sa.select(TicketEvent.data).where(TicketEvent.tag == "ticket:urge"))
        return [data["values"]["note"] for data in found]


async def test_changed_in_another_window_nothing_is_done_and_all_is_kept(
    client: Client, no: str, db: Database
) -> None:
    await be(client, no, post="supervisor")
    hidden = await form_of(client, no, "urge")
    await be(client, no, post="hotline")
    typed = {"note": "诉求人又来电"}
    answer = await client.post(f"/desk/tickets/{no}/moves", data={**hidden, **typed}, headers=SAME_SITE)
    text = await answer.text()
    assert (answer.status, OTHER in text, typed["note"] in text, await urges(db)) == (400, True, True, [])
    # Seen and sent again, it is the one's whom the page shows now.
    again = await form_of(client, no, "urge")
    assert again["as"] != hidden["as"]
    answer = await client.post(f"/desk/tickets/{no}/moves", data={**again, **typed}, headers=SAME_SITE)
    assert (answer.status, await urges(db)) == (200, ["诉求人又来电"])


async def test_a_form_that_the_other_identity_has_not_shows_the_words(
    client: Client, no: str, db: Database
) -> None:
    await be(client, no, **STREET)
    hidden = await form_of(client, no, "object")
    await be(client, no, post="hotline")
    typed = {"reason": "不在我街道<辖区>内", "clause": "条例第12条", "proposed_unit": "朝阳区生态环境局"}
    answer = await client.post(f"/desk/tickets/{no}/moves", data={**hidden, **typed}, headers=SAME_SITE)
    text = await answer.text()
    assert (answer.status, OTHER in text) == (400, True)
    assert '<noscript><p class="hint">写过的，没有提交：不在我街道&lt;辖区&gt;内</p>' in text
    async with db.reads() as session:
        assert (await session.scalars(sa.select(Ticket.state))).one() == State.DISPATCHED.value


async def test_what_was_made_before_is_told_so_as_anybody(client: Client, no: str, db: Database) -> None:
    """An answer that got lost, and the identity changed before the form was sent again."""
    await be(client, no, post="supervisor")
    data = {**await form_of(client, no, "urge"), "note": "诉求人又来电"}
    for _ in range(2):
        answer = await client.post(
            f"/desk/tickets/{no}/moves", data=data, headers=SAME_SITE, allow_redirects=False
        )
        assert (answer.status, answer.headers["Location"]) == (303, f"/desk/tickets/{no}?done=urge")
        await be(client, no, post="hotline")
    assert await urges(db) == ["诉求人又来电"]


async def test_a_page_from_before_says_nothing_and_is_taken(client: Client, no: str, db: Database) -> None:
    await be(client, no, post="supervisor")
    hidden = await form_of(client, no, "urge")
    await be(client, no, post="hotline")
    data = {**{name: value for name, value in hidden.items() if name != "as"}, "note": "诉求人又来电"}
    answer = await client.post(f"/desk/tickets/{no}/moves", data=data, headers=SAME_SITE)
    assert (answer.status, await urges(db)) == (200, ["诉求人又来电"])


@pytest.mark.parametrize(("now", "status", "state"), [("hotline", 400, "review"), ("", 200, "dispatched")])
async def test_the_review_is_made_as_whom_it_shows(  # noqa: PLR0917
    client: Client, deps: Deps, db: Database, now: str, status: int, state: str
) -> None:
    (no,) = await add_tickets(deps.db, waiting(30))
    await reference.sync(deps)
    page = await (await client.get(f"/desk/review/{no}")).text()
    form = review_form(page)
    data = {**form, "unit": "望京街道办事处", "urgency": form["graded"], "note": "请先联系物业"}
    data["as"] = f"supervisor|{now}|" * bool(now) or form["as"]
    answer = await client.post(f"/desk/review/{no}", data=data, headers=SAME_SITE)
    text = await answer.text()
    async with db.reads() as session:
        found = (await session.scalars(sa.select(Ticket.state))).one()
    assert (answer.status, found, (OTHER in text, "请先联系物业" in text)) == (
        status,
        state,
        (bool(now), bool(now)),
    )
