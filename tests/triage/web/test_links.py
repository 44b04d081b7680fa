"""No page leads its reader to where they may not go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.appeals import Appeal
from models.vocab_staff import Role
from tests.factories import TicketIn, add_tickets
from tests.triage.services.leads.test_matching import reported
from tests.triage.services.repeats.test_looking import FIRST
from triage.services import reference
from triage.services.repeats import looking

if TYPE_CHECKING:
    from models.db import Database
    from tests.triage.web.conftest import ClientOf
    from triage.services.deps import Deps


@pytest.mark.parametrize(
    ("role", "may"),
    [(Role.CLERK, (True, True)), (Role.FOLLOW_UP, (False, True)), (Role.REWARD, (False, False))],
)
async def test_the_list_offers_what_a_role_may_do(
    client_of: ClientOf, deps: Deps, db: Database, role: Role, may: tuple[bool, bool]
) -> None:
    retry, bulk = may
    await add_tickets(deps.db, TicketIn(), TicketIn())
    await reference.sync(deps)
    async with db.writes.begin() as session:
        await session.execute(sa.update(Appeal).where(Appeal.id == 1).values(state="dead"))
    client = await client_of(role)
    page = await (await client.get("/desk")).text()
    assert ("处理失败" in page, 'href="/desk/dead"' in page) == (True, retry)
    assert ('action="/desk/bulk/new"' in page, 'type="checkbox" name="no"' in page) == (bulk, bulk)
    assert (await client.get("/desk/dead")).status == {True: 200, False: 403}[retry]
    assert (await client.get("/desk/bulk/new")).status == {True: 200, False: 403}[bulk]


@pytest.mark.parametrize(("role", "may"), [(Role.CLERK, True), (Role.FOLLOW_UP, False)])
async def test_who_may_not_work_on_leads_is_led_to_the_report_itself(
    client_of: ClientOf, deps: Deps, role: Role, may: object
) -> None:
    await reference.sync(deps)
    await reported(deps)
    (no,) = await add_tickets(deps.db, FIRST)
    await looking.Finder(deps).catch_up()
    client = await client_of(role)
    page = await (await client.get(f"/desk/tickets/{no}")).text()
    told = page.partition("媒体报道可能说的是这件事")[2].partition("</p>")[0]
    assert ("/desk/leads" in told, 'href="https://' in told) == (may, not may)
