"""退单 is met where a clerk works all day: beside the review, and among the tiles of the list."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from models.vocab import State
from models.vocab_staff import Role
from tests.factories import TicketIn, add_tickets
from tests.triage.web.desks.conftest import waiting
from triage.services import reference

if TYPE_CHECKING:
    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps

OBJECTED, TO_REASSIGN = TicketIn(state=State.OBJECTED), TicketIn(state=State.TO_REASSIGN)
QUEUE = "/desk/review/queue"


@pytest.fixture
async def sent_back(deps: Deps) -> list[str]:
    """One of each, another that is objected to in another district, and a confidential one."""
    made = await add_tickets(
        deps.db, OBJECTED, TO_REASSIGN,
        replace(OBJECTED, unit="110108010", assist=(), copies=(), district="110108", street="110108010"),
        replace(OBJECTED, confidential=True),
    )  # fmt: skip
    await reference.sync(deps)
    return made


async def text(client: Client, path: str) -> str:
    return await (await client.get(path)).text()


async def test_what_came_back_stands_beside_the_review(
    client: Client, deps: Deps, sent_back: list[str]
) -> None:
    queue = await text(client, QUEUE)
    assert re.findall(r'<a href="([^"]+)">([^<]+)</a> <b>(\d+)</b>', queue) == [
        ("/desk?state=objected", "退单，请审核", "3"), ("/desk?state=to_reassign", "退单成立，请改派", "1"),
    ]  # fmt: skip
    for no in sent_back:
        assert f'href="/desk/tickets/{no}"' in queue
    # With nothing to review it is told all the same, and with something too.
    assert "下面还有退回来的" in await text(client, "/desk/review")
    await add_tickets(deps.db, waiting(30))
    assert "退单，请审核" in await text(client, "/desk/review")


async def test_the_tiles_count_it_and_lead_to_it(client: Client, sent_back: list[str]) -> None:
    home = await text(client, "/desk")
    tiles = dict(re.findall(r'href="([^"]+)"[^>]*><span>[^<]+</span><b>([^<]+)</b>', home))
    assert (tiles["/desk?state=objected"], tiles["/desk?state=to_reassign"]) == ("3", "1")
    listed = await text(client, "/desk?state=to_reassign")
    assert re.findall(r'<tr data-no="([^"]+)"', listed) == [sent_back[1]]
    assert 'aria-current="page"><span>待改派' in listed


async def test_nobody_is_told_of_one_that_they_do_not_see(client_of: ClientOf, sent_back: list[str]) -> None:
    of_haidian = await client_of(Role.CLERK, unit="110108")
    queue = await text(of_haidian, QUEUE)
    assert [no for no in sent_back if no in queue] == [sent_back[2]]
    assert "请改派" not in queue
    assert "异议审核</span><b>1</b>" in await text(of_haidian, "/desk")
    # Copied, the district's people see no confidential one.
    of_chaoyang = await text(await client_of(Role.CLERK, unit="110105"), QUEUE)
    assert [no for no in sent_back if no in of_chaoyang] == sent_back[:2]


async def test_without_any_the_queue_says_nothing_of_it(client: Client, numbers: list[str]) -> None:
    assert numbers[0] in (queue := await text(client, QUEUE))
    assert "退单" not in queue
