"""来电查件 by each number of a field that holds more than one, or an extension."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.appeals import Appellant
from models.caller_numbers import CallerNumber
from models.vocab import State
from tests.factories import NOW, TicketIn
from tests.triage.services.test_callers import (
    CLERK,
    FOLLOW_UP,
    OTHER,
    PHONE,
    TABLES,
    VAULT,
    cases,
    numbers,
)
from triage.clock import FixedClock
from triage.services import callers, intake
from triage.services.deps import Deps
from triage.services.identities import erasing
from triage.services.intake import NewAppeal
from triage.settings import Settings

if TYPE_CHECKING:
    from models.db import Database


@pytest.fixture
def deps(db: Database) -> Deps:
    return Deps(Settings(), FixedClock(NOW), TABLES, db, VAULT)


KEPT = {
    "010-87654321转801": ("010-87654321", "87654321", "+86 10 8765 4321", "010-87654321-801"),
    "13800005678/13800005679": ("13800005678", "138 0000 5679"),
    "13800005678、010-87654321（王先生）": ("13800005678", "87654321", "01087654321"),
    "87654321": ("010-87654321", "8765 4321"),
    "010-87654321": ("87654321",),
}


@pytest.mark.parametrize("kept", KEPT)
async def test_each_number_of_a_field_is_found_by_its_own(deps: Deps, kept: str) -> None:
    async with deps.db.writes.begin() as session:
        item = NewAppeal("platform", "夜里打桩很吵。", NOW, external_id="P-1", name="李小明", phone=kept)
        (appeal_id,) = (await intake.receive(session, VAULT, [item], now=NOW)).stored
    for typed in KEPT[kept]:
        found = await callers.look(deps, FOLLOW_UP, typed)
        assert [one.appeal_id for one in found.cases] == [appeal_id], typed
    assert (await callers.look(deps, FOLLOW_UP, "13911112222")).cases == ()


#: Another city's numbers, and a mobile: spellings whose last eight digits are a number of this city.
ELSEWHERE = {
    "+86 21 8765 4321": "021-87654321",
    "0311—87654321": "0311-87654321",
    "021 - 87654321": "+86 21 8765 4321",
    "021-87654321": "021 - 87654321",
    "0311—87654321转8": "0311—87654321",
    "138—87654321": "13887654321",
    "13887654321": "138—87654321",
}


@pytest.mark.parametrize("kept", ELSEWHERE)
async def test_another_citys_number_is_none_of_this_one(deps: Deps, kept: str) -> None:
    """Neither is its case found by the number of this city, nor this city's by it."""
    items = [
        NewAppeal("platform", "夜里打桩很吵。", NOW, external_id="P-1", phone=kept),
        NewAppeal("platform", "路灯不亮。", NOW, external_id="P-2", phone="010-87654321"),
    ]
    async with deps.db.writes.begin() as session:
        theirs, here = (await intake.receive(session, VAULT, items, now=NOW)).stored
    for typed in (kept, ELSEWHERE[kept]):
        found = await callers.look(deps, FOLLOW_UP, typed)
        assert [one.appeal_id for one in found.cases] == [theirs], typed
    for typed in ("87654321", "010-87654321", "+86 10 8765 4321"):
        found = await callers.look(deps, FOLLOW_UP, typed)
        assert [one.appeal_id for one in found.cases] == [here], typed


async def test_what_is_corrected_or_erased_is_found_by_no_number_of_before(deps: Deps) -> None:
    """Also by a process that knows nothing of these rows."""
    async with deps.db.writes.begin() as session:
        item = NewAppeal("platform", "夜里打桩很吵。", NOW, external_id="P-1", phone=f"{PHONE}/{OTHER}")
        (appeal_id,) = (await intake.receive(session, VAULT, [item], now=NOW)).stored
    assert len((await callers.look(deps, FOLLOW_UP, OTHER)).cases) == 1
    corrected = sa.update(Appellant).where(Appellant.appeal_id == appeal_id)
    async with deps.db.writes.begin() as session:
        await session.execute(corrected.values(phone_index=VAULT.phone_index("13911112222")))
    assert (await callers.look(deps, FOLLOW_UP, OTHER)).cases == ()
    async with deps.db.writes.begin() as session:
        await session.execute(corrected.values(phone_index=None))
    assert (await callers.look(deps, FOLLOW_UP, OTHER)).cases == ()


async def test_of_an_erased_person_no_number_is_kept(deps: Deps) -> None:
    (no,) = await cases(deps, TicketIn(state=State.CLOSED, due=None), phone=f"{PHONE}/{OTHER}")
    async with deps.db.writes.begin() as session:
        index, whole = VAULT.phone_index(OTHER), VAULT.phone_index(f"{PHONE}/{OTHER}")
        session.add(CallerNumber(number_index=index, appeal_id=1, phone_index=whole))
    assert await numbers(deps, phone=OTHER) == [no]
    async with deps.db.writes.begin() as session:
        await erasing.ask(session, CLERK, no, "来函 7 号", now=NOW)
        assert await erasing.erase(session, 1, why="本人要求", now=NOW)
        assert list(await session.scalars(sa.select(CallerNumber))) == []
