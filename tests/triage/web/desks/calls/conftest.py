"""Cases that wait to be rung, at a time of the day at which one rings."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from connectors.vault import Vault
from models.appeals import Appellant
from models.db import Database  # noqa: TC001  (a fixture's annotation)
from models.tickets import Ticket
from models.vocab_staff import Role
from tests.factories import TicketIn
from tests.triage.services.repeats.test_following import answered
from tests.triage.services.test_moving import ready
from tests.triage.web.test_dead import origin
from triage.clock import FixedClock
from triage.services.deps import Deps
from triage.settings import Settings

if TYPE_CHECKING:
    from tests.triage.web.conftest import Client, ClientOf
    from triage.rules.rows import Tables

#: The limit of the answer is over, that of 回访 is 2026-11-26 19:20.
LATER = datetime.fromisoformat("2026-11-24T10:00+08:00")
PHONE = "13800005678"
REACHED = {"outcome": "reached", "contacted": "yes", "solved": "yes", "satisfaction": "satisfied"}
DESK = "/desk/followup"


@pytest.fixture
def deps(db: Database, tables: Tables) -> Deps:
    return Deps(
        settings=Settings(), clock=FixedClock(LATER), tables=tables, db=db, vault=Vault({1: bytes(32)})
    )


@pytest.fixture
async def cases(deps: Deps) -> list[str]:
    """Three that wait to be rung, due at one moment; each with a phone."""
    found = await ready(deps.db, deps.tables, TicketIn(), TicketIn(), TicketIn())
    for no in found:
        await answered(deps.db, no)
        await phone(deps, no)
    return found


async def phone(deps: Deps, no: str) -> None:
    async with deps.db.writes.begin() as session:
        number = await session.scalar(sa.select(Ticket.appeal_id).where(Ticket.no == no))
        sealed = deps.vault.seal(PHONE, belongs_to=f"appellant.phone:{number}")
        await session.execute(sa.insert(Appellant).values(appeal_id=number, created_at=LATER, phone=sealed))


@pytest.fixture
async def anne(client_of: ClientOf) -> Client:
    return await client_of(Role.FOLLOW_UP, login="anne")


@pytest.fixture
async def bert(client_of: ClientOf) -> Client:
    return await client_of(Role.FOLLOW_UP, login="bert")


async def opened(client: Client, path: str = DESK) -> tuple[str, str]:
    answer = await client.get(path)
    assert answer.status == 200
    return answer.url.path, await answer.text()


async def sent(client: Client, page: str, path: str, form: str, **values: str) -> tuple[int, str, str]:
    """Send a form of the page: status, where it led, the page."""
    part = page.partition(f'action="{path}"')[2].partition("</form>")[0]
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', part))
    assert hidden, form
    answer = await client.post(path, data={**hidden, **values}, headers=origin(client))
    return answer.status, answer.url.path, await answer.text()


async def state_of(deps: Deps, no: str) -> str:
    async with deps.db.reads() as session:
        return str(await session.scalar(sa.select(Ticket.state).where(Ticket.no == no)))
