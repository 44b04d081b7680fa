"""二次派单 as whoever complained reads it: which unit has the case now, merged into another one too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.vocab import Move, Post
from tests.triage.web.citizen.steps import move_of
from tests.triage.web.citizen.test_apart import joined

if TYPE_CHECKING:
    from nlp.pipeline import Reader
    from tests.triage.web.citizen.conftest import Citizen
    from triage.services.deps import Deps

GOVERNMENT, ECOLOGY = "110105", "110105-ecology"


@pytest.mark.parametrize(("head", "names"), [("named", True), ("confidential", False)])
async def test_the_unit_is_named_also_to_who_waits_behind_an_open_case(
    citizen: Citizen,
    deps: Deps,
    reader: Reader,
    head: str,
    names: bool,  # noqa: FBT001  (a table)
) -> None:
    first, _ = await joined(citizen, deps, reader, head=head, mine="named")
    await move_of(deps, first, Post.HOTLINE, Move.REASSIGN, unit=GOVERNMENT, reason="请区里统筹")
    await move_of(deps, first, Post.UNIT, Move.PASS_ON, unit=ECOLOGY, reason="区里内部的话")
    await citizen.get("/citizen/case")
    assert ("区里转给承办单位：朝阳区生态环境局" in citizen.page) is names
    assert ("朝阳区生态环境局" in citizen.page) is names
    assert "区里内部的话" not in citizen.page
