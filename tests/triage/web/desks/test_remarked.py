"""内部备注 on 审核台 and 回访台: how many, the newest, the way to the form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from models.vocab import State
from models.vocab_staff import Role
from tests.factories import TicketIn, add_tickets

if TYPE_CHECKING:
    from models.db import Database
    from tests.triage.web.conftest import Client, ClientOf


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough for pages."""
    return sqlite_db


async def text(client: Client, address: str) -> str:
    return await (await client.get(address)).text()


async def remark(client: Client, no: str, words: str) -> None:
    page = await text(client, f"/desk/tickets/{no}")
    form = re.findall(r'<form[^>]*data-form="remark".*?</form>', page, re.DOTALL)[0]
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))
    sent = {**hidden, "audience": "own", "text": words}
    answer = await client.post(f"/desk/tickets/{no}/remarks", data=sent, allow_redirects=False)
    assert answer.status == 303


@pytest.mark.parametrize(
    ("state", "role", "address"),
    [
        (State.REVIEW, Role.CLERK, "/desk/review/"),
        (State.FEEDBACK, Role.FOLLOW_UP, "/desk/followup/"),
    ],
)
async def test_the_newest_stand_beside_the_case(
    db: Database, client_of: ClientOf, state: State, role: Role, address: str
) -> None:
    (no,) = await add_tickets(db, TicketIn(state=state, flagged=state is State.REVIEW))
    colleague, client = await client_of(Role.CLERK, login="c"), await client_of(role, login="r")
    page = await text(client, f"{address}{no}")
    assert ("内部备注 0 条" in page, f'href="/desk/tickets/{no}#remarks"' in page) == (True, True)
    for number in range(4):
        await remark(colleague, no, f"<i>第{number}次没打通")
    page = await text(client, f"{address}{no}")
    assert ("内部备注 4 条" in page, "看全部、写备注" in page, "只给本单位看" in page) == (True, True, True)
    shown = [f"&lt;i&gt;第{number}次没打通" in page for number in range(4)]
    assert shown == [False, True, True, True]
    assert "take-back" not in page
