"""The list of what may be one matter: its pages, and what can be merged with one press."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import sqlalchemy as sa

from models import matters
from models.matters import MatterPair
from tests.factories import NOW, add_tickets
from tests.triage.services.repeats.test_looking import AGAIN, FIRST
from tests.triage.web.test_repeats import hidden
from triage.services import reference

if TYPE_CHECKING:
    import pytest

    from tests.triage.web.conftest import Client
    from triage.services.deps import Deps


async def alike(deps: Deps, *pairs: tuple[int, int, float, str]) -> None:
    """Pairs as the search leaves them: the later ticket, the earlier, how likely, what became of it."""
    rows: list[dict[str, object]] = [
        {
            "ticket_id": later, "head_id": head, "p": p, "same_caller": False, "why": [], "state": state,
            "at": NOW, "model_version": "test",
        }
        for later, head, p, state in pairs
    ]  # fmt: skip
    async with deps.db.writes.begin() as session:
        await session.execute(sa.insert(MatterPair), rows)


async def test_several_that_are_like_one_can_be_merged_together(client: Client, deps: Deps) -> None:
    first, again, more = await add_tickets(deps.db, FIRST, AGAIN, AGAIN)
    await reference.sync(deps)
    await alike(deps, (2, 1, 0.9, "proposed"), (3, 1, 0.9, "proposed"))
    page = await (await client.get("/desk/repeats")).text()
    assert "<b>2 张</b>都像" in page
    data = {**hidden(page, "/desk/bulk"), "no": again}
    answer = await client.post("/desk/bulk", data=data, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/desk/bulk/1")
    draft = await (await client.get("/desk/bulk/1")).text()
    assert "确认合并 1 张" in draft
    assert first in draft
    assert more not in draft


async def test_two_that_are_two_matters_are_not_merged_into_a_third_with_one_press(
    client: Client, deps: Deps
) -> None:
    numbers = await add_tickets(deps.db, FIRST, *[AGAIN] * 4)
    await reference.sync(deps)
    proposed = [(n, 1, 0.9 - n / 100, "proposed") for n in (2, 3, 4, 5)]
    await alike(deps, *proposed, (4, 2, 0.7, "refused"))
    page = await (await client.get("/desk/repeats")).text()
    assert "<b>3 张</b>都像" in page
    form = page.split('action="/desk/bulk"')[1].split("</form>", maxsplit=1)[0]
    assert re.findall(r'name="no" value="([^"]*)"', form) == [numbers[1], numbers[2], numbers[4]]
    # It waits for its own word.
    assert f"/desk/compare/{numbers[3]}/{numbers[0]}" in page


async def test_all_that_waits_is_paged_and_its_groups_are_whole(
    client: Client, deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matters, "PAGE", 2)
    first, *others = await add_tickets(deps.db, FIRST, *[AGAIN] * 5)
    await reference.sync(deps)
    # Two of the same likelihood lie on both sides of a page's end.
    await alike(
        deps, *((n, 1, p, "proposed") for n, p in zip(range(2, 7), (0.9, 0.8, 0.8, 0.7, 0.6), strict=True))
    )
    found, address = [], "/desk/repeats"
    for _ in range(3):
        page = await (await client.get(address)).text()
        assert "<b>5 张</b>都像" in page
        found += re.findall(r'class="button plain" href="/desk/compare/([\d-]+)/', page)
        address = "".join(re.findall(r'rel="next" href="([^"]*)"', page))
    assert (found, address) == ([others[0], others[2], others[1], others[3], others[4]], "")
    last = await (await client.get(f"/desk/repeats?after={others[4]}.{first}")).text()
    assert ("后面没有了" in last, "没有待确认的" in last) == (True, False)
    assert "后面没有了" in await (await client.get(f"/desk/repeats?after={first}.{first}")).text()
    assert (await client.get("/desk/repeats?after=x")).status == 400
