"""回拨 after the citizen's phone was put right (更正): no virtual number leads to the wrong one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.vocab_identities import IdentityField
from tests.connectors.callback.provider import CITIZEN, OFFICER
from tests.triage.services.callbacks import test_pressing
from tests.triage.services.callbacks.test_pressing import HOTLINE, MINE, NOW, call, case, provider
from triage.services.callbacks import pressing
from triage.services.identities.amending import Amendment, amend

if TYPE_CHECKING:
    from datetime import datetime

    from connectors.callback.port import Binding
    from tests.connectors.callback.provider import Reference
    from triage.services.deps import Deps

deps, reference = test_pressing.deps, test_pressing.reference


async def put_right(deps: Deps, no: str, phone: str) -> None:
    async with deps.db.writes.begin() as session:
        wish = Amendment(no, IdentityField.PHONE, phone, "来电核实")
        await amend(session, deps.vault, wish, by="admin", now=NOW)


async def test_after_the_citizens_phone_is_put_right_no_number_leads_to_the_wrong_one(
    deps: Deps, reference: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was shown on, to everybody who had pressed, for as long as it lasts."""
    no, right = await case(deps), "13900000007"
    await provider(deps, reference)
    await call(deps, MINE, no)
    await call(deps, HOTLINE, no, mine="13911112222")
    await put_right(deps, no, right)
    async with deps.db.reads() as session:
        for viewer in (MINE, HOTLINE):
            assert await pressing.standing(session, deps.vault, viewer, 1, now=NOW) is None
    again = await call(deps, MINE, no, mine="")
    assert await reference.dial(OFFICER, again.number) == right
    bound = pressing._bound

    async def slow(deps: Deps, pressed: pressing._Pressed, *, now: datetime) -> Binding:
        binding = await bound(deps, pressed, now=now)
        await put_right(deps, no, "13900000008")
        return binding

    await put_right(deps, no, CITIZEN)
    with monkeypatch.context() as patch:
        patch.setattr(pressing, "_bound", slow)
        with pytest.raises(pressing.CallFailed, match="诉求人的电话更正了"):
            await call(deps, MINE, no, mine="")
