"""What a page says before somebody relies on it: until when a step is undone, what the network will get."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from models.vocab import State
from tests.factories import TicketIn, add_tickets
from triage.services import reference

if TYPE_CHECKING:
    from models.db import Database
    from tests.triage.web.conftest import Client
    from triage.services.deps import Deps

OFFLINE = re.compile(r'id="offline"[^>]*>([^<]+)<')


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough for pages."""
    return sqlite_db


@pytest.fixture
async def no(deps: Deps) -> str:
    (made,) = await add_tickets(deps.db, TicketIn(state=State.DISPATCHED))
    await reference.sync(deps)
    return made


async def moved(client: Client, no: str, move: str, values: dict[str, str], **post: str) -> None:
    answer = await client.post(
        f"/api/v1/tickets/{no}/moves",
        json={"move": move, "version": 1, "as": post, "values": values},
        headers={"Idempotency-Key": "told"},
    )
    assert answer.status == 200


async def undo(client: Client, no: str) -> dict[str, object]:
    answer = await client.get(f"/api/v1/tickets/{no}/moves?post=unit&unit=110105026")
    (found,) = [item for item in (await answer.json())["items"] if item["move"]["code"] == "undo"]
    return dict(found)


async def test_a_step_that_can_be_undone_says_which_and_until_when(client: Client, no: str) -> None:
    await moved(client, no, "sign", {}, post="unit", unit="望京街道办事处")
    hint = str((await undo(client, no))["hint"])
    assert hint.endswith("；上一步是“签收”，2026-11-23 16:10 前可以撤销")


async def test_the_form_on_the_page_says_it(client: Client, no: str) -> None:
    await moved(client, no, "urge", {"note": "诉求人又来电"}, post="hotline")
    page = await (await client.get(f"/desk/tickets/{no}")).text()
    form = page.partition('data-form="undo"')[2].partition("</form>")[0]
    assert "上一步是“催办”，2026-11-23 16:10 前可以撤销" in form


async def test_one_that_cannot_says_why(client: Client, no: str) -> None:
    found = await undo(client, no)
    assert (found["possible"], "前可以撤销" in str(found["hint"])) == (False, False)


@pytest.mark.parametrize("path", ["/desk/tickets/{no}", "/desk/bulk/new?no={no}"])
async def test_what_was_not_pressed_is_not_said_to_be_sent(client: Client, no: str, path: str) -> None:
    page = await (await client.get(path.format(no=no))).text()
    (told,) = OFFLINE.findall(page)
    assert "按过" in told
    assert "没按的不会" in told
