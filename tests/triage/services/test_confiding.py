"""补报保密: what a source calls confidential later is so from then on, also where it was summed up before."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from models.appeals import Appeal, Source
from models.incidents import Incident, IncidentCall, IncidentHour
from models.ledger import LedgerRow
from models.parties import PartyMention
from models.rollups import RollupTicket
from models.tickets import Ticket
from models.vocab_ledger import LedgerAct
from tests.factories import NOW, add_tickets
from tests.triage.services.incidents.test_watching import ENOUGH, begun, smells
from tests.triage.services.trends.helpers import deps_of, sums
from triage.services import confiding
from triage.services.incidents import watching
from triage.services.parties import gathering
from triage.services.trends import refreshing

if TYPE_CHECKING:
    from models.db import Database
    from triage.services.deps import Deps


@pytest.fixture
def deps(db: Database) -> Deps:
    return deps_of(db)


async def reckoned(deps: Deps) -> None:
    """Everything that sums up has seen what there is."""
    await watching.watch(deps)
    await gathering.Gatherer(deps).catch_up()
    while await refreshing.refresh(deps):
        pass


async def confide(deps: Deps, place: int) -> tuple[int, int]:
    """The source calls its appeal of this place confidential. Gives its ticket, and how many are new."""
    async with deps.db.writes.begin() as session:
        row = (
            await session.execute(
                sa.select(Ticket.id, Appeal.dedupe_key, Source.key)
                .join(Appeal, Appeal.id == Ticket.appeal_id)
                .join(Source, Source.id == Appeal.source_id)
                .order_by(Ticket.id)
                .offset(place)
            )
        ).first()
        assert row is not None
        return row.id, await confiding.told(session, {(row.key, row.dedupe_key)}, now=NOW)


async def left(deps: Deps, column: Any) -> int:  # noqa: ANN401  (any column)
    async with deps.db.reads() as session:
        return await session.scalar(sa.select(sa.func.count(column))) or 0


async def test_it_leaves_the_sums_as_if_it_had_been_so_from_the_start(deps: Deps) -> None:
    await begun(deps)
    await add_tickets(deps.db, *(replace(call, party="北京绿泉餐饮有限公司") for call in smells(ENOUGH + 1)))
    await reckoned(deps)
    ticket, new = await confide(deps, 3)
    assert new == 1
    assert not await confiding.leave_sums(deps)
    async with deps.db.reads() as session:
        calls = await session.scalar(sa.select(Incident.calls))
        of_it = (
            await session.get(RollupTicket, ticket),
            await session.get(IncidentCall, ticket),
            await session.scalar(sa.select(PartyMention.name_id).where(PartyMention.ticket_id == ticket)),
        )
        hours = set(await session.scalars(sa.select(IncidentHour.count)))
        entry = (
            await session.scalars(sa.select(LedgerRow).where(LedgerRow.act == LedgerAct.CONFIDED.value))
        ).one()
    assert (calls, of_it, hours) == (ENOUGH, (None, None, None), {0})
    assert (entry.who, entry.old, entry.new) == ("system", "不保密", "保密")
    assert await left(deps, PartyMention.name_id) == ENOUGH
    kept_up = await sums(deps.db)
    await refreshing.rebuild(deps)
    assert await sums(deps.db) == kept_up
    await reckoned(deps)
    assert await left(deps, RollupTicket.ticket_id) == ENOUGH, "and it does not come back"
    assert await left(deps, IncidentCall.ticket_id) == ENOUGH
    assert await confide(deps, 3) == (ticket, 0), "it is written down once"
