"""回访台: who has withdrawn (撤诉), and the newest words of an answer; what both are while somebody rings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.vocab import Move
from tests.factories import TicketIn
from tests.triage.services.repeats.test_following import act, answered, merged
from tests.triage.services.test_moving import HOTLINE, ready
from tests.triage.web.desks.calls.conftest import DESK, LATER, opened, phone
from tests.triage.web.test_dead import form_of, origin

if TYPE_CHECKING:
    from tests.triage.web.conftest import Client
    from triage.services.deps import Deps

BY = {"withdrawn_by": "caller", "withdrawn_why": "solved", "note": "诉求人来电说已经解决"}


@pytest.fixture
async def pair(deps: Deps) -> list[str]:
    """An answered case, and one that waits behind it; both with a phone."""
    head, one = await ready(deps.db, deps.tables, TicketIn(), TicketIn())
    await merged(deps.db, one, head)
    await answered(deps.db, head)
    for no in (head, one):
        await phone(deps, no)
    return [head, one]


async def test_who_has_withdrawn_is_rung_no_more(anne: Client, deps: Deps, pair: list[str]) -> None:
    head, one = pair
    _, page = await opened(anne, f"{DESK}/{head}")
    token = form_of(page)
    await act(deps.db, head, HOTLINE, Move.WITHDRAW, BY, at=LATER)
    _, page = await opened(anne, f"{DESK}/{head}")
    assert "诉求人已撤诉，不再回访" in page
    assert "待回访”" not in page
    for part in ('id="look"', 'id="result"', 'id="after"', "拨打"):
        assert part not in page
    data = {**token, "words": "回访办理结果"}
    answer = await anne.post(f"{DESK}/{head}/phone", data=data, headers=origin(anne))
    assert answer.status == 409
    wish = {"at": "2026-11-24T17:00:00+08:00", "seen": None}
    answer = await anne.post(f"/api/v1/tickets/{head}/call-after", json=wish)
    assert (answer.status, (await answer.json())["code"]) == (422, "not_to_follow")
    assert 'call-after">' not in (await opened(anne, f"/desk/tickets/{head}"))[1]
    assert "诉求人已撤诉" in (await opened(anne, f"/desk/tickets/{head}/call-after"))[1]
    # Who waits behind is rung as before.
    assert (await opened(anne))[0] == f"{DESK}/{one}"
    await act(deps.db, head, HOTLINE, Move.TAKE_UP, {"reason": "诉求人又来电要求办"}, at=LATER)
    assert 'id="look"' in (await opened(anne, f"{DESK}/{head}"))[1]
