"""补报保密: what a source calls confidential later is so from then on, also where it was summed up before."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import triage.tables
from connectors.vault import Vault
from models import public
from models.appeals import Appeal, Appellant, Source
from models.filters import may_see
from models.incidents import Incident, IncidentCall, IncidentHour
from models.ledger import LedgerRow
from models.parties import PartyMention
from models.rollups import RollupTicket
from models.tickets import Ticket
from models.vocab_ledger import LedgerAct
from models.vocab_staff import Role
from tests.factories import NOW, TicketIn, add_tickets
from tests.triage.services.incidents.test_watching import ENOUGH, begun, smells
from tests.triage.services.trends.helpers import deps_of, sums
from triage.errors import BadInput, NotFound
from triage.rules import access
from triage.services import confiding
from triage.services.incidents import watching
from triage.services.parties import gathering
from triage.services.trends import refreshing

if TYPE_CHECKING:
    from models.db import Database
    from models.viewing import Viewer
    from triage.services.deps import Deps

TABLES = triage.tables.load()


def person(*roles: Role, unit: str | None = None) -> Viewer:
    return access.viewer(TABLES, login="clerk", name="甲", roles=roles, unit_code=unit, at=NOW.date())


CLERK = person(Role.CLERK)


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


async def asked(deps: Deps, no: str, viewer: Viewer = CLERK, reason: str = "本人来电，核对了编号") -> bool:
    async with deps.db.writes.begin() as session:
        return await confiding.ask(session, deps.vault, viewer, no, reason, now=NOW)


async def entries(deps: Deps) -> list[LedgerRow]:
    async with deps.db.reads() as session:
        return list(
            await session.scalars(
                sa.select(LedgerRow).where(LedgerRow.act == LedgerAct.CONFIDED.value).order_by(LedgerRow.seq)
            )
        )


async def sees_it(deps: Deps, no: str, viewer: Viewer) -> bool:
    async with deps.db.reads() as session:
        return await session.scalar(sa.select(Ticket.id).where(Ticket.no == no, may_see(viewer))) is not None


async def test_who_asks_later_is_heard_once_and_only_those_who_handle_it_see_it(deps: Deps) -> None:
    no, other = await add_tickets(deps.db, TicketIn(), TicketIn())
    district, street = person(Role.BUREAU, unit="110105"), person(Role.STREET, unit="110105026")
    viewers = (district, street, person(Role.BUREAU, unit="110105-ecology"), person(Role.FOLLOW_UP))
    assert [await sees_it(deps, no, one) for one in viewers] == [True] * 4
    assert (await asked(deps, no), await asked(deps, no)) == (True, False)
    assert [await sees_it(deps, no, one) for one in viewers] == [False, True, True, True], (
        "copied, lead, assist"
    )
    assert await sees_it(deps, other, district)
    (entry,) = await entries(deps)
    assert (entry.who, entry.old, entry.new, entry.case_no) == ("clerk", "不保密", "保密", no)
    assert entry.reason == "本人来电，核对了编号"
    with pytest.raises(NotFound):
        await asked(deps, no, district)


async def test_two_at_once_write_it_down_once(deps: Deps) -> None:
    (no,) = await add_tickets(deps.db, TicketIn())
    assert sorted(await asyncio.gather(asked(deps, no), asked(deps, no))) == [False, True]
    assert len(await entries(deps)) == 1


@pytest.mark.parametrize("reason", ["", " \n\t", "\0", "长" * (confiding.LONGEST_REASON + 1)])
async def test_it_is_not_done_without_a_reason_that_can_be_kept(deps: Deps, reason: str) -> None:
    (no,) = await add_tickets(deps.db, TicketIn())
    with pytest.raises(BadInput, match="理由"):
        await asked(deps, no, reason=reason)
    assert not await entries(deps)
    assert await sees_it(deps, no, person(Role.BUREAU, unit="110105"))


@pytest.mark.parametrize("no", ["", "20261123-99999999", "20261123-\0", "x" * 5000])
async def test_a_ticket_that_is_not_there_is_not_found(deps: Deps, no: str) -> None:
    with pytest.raises(NotFound):
        await asked(deps, no)


async def test_the_ledger_has_no_name_and_no_phone_of_who_asked(deps: Deps) -> None:
    (no,) = await add_tickets(deps.db, TicketIn())
    async with deps.db.writes.begin() as session:
        own = await session.scalar(sa.select(Ticket.appeal_id).where(Ticket.no == no))
        name = deps.vault.seal("欧阳小明", belongs_to=f"appellant.name:{own}")
        session.add(Appellant(appeal_id=own, name=name, created_at=NOW))
    assert await asked(deps, no, reason="欧阳小明从13812345678来电要求保密")
    (entry,) = await entries(deps)
    assert "来电要求保密" in (entry.reason or "")
    assert ("欧阳小明" in (entry.reason or ""), "13812345678" in (entry.reason or "")) == (False, False)


async def test_a_name_that_no_key_opens_stops_nobody_and_is_not_told(
    deps: Deps, caplog: pytest.LogCaptureFixture
) -> None:
    (no,) = await add_tickets(deps.db, TicketIn())
    async with deps.db.writes.begin() as session:
        own = await session.scalar(sa.select(Ticket.appeal_id).where(Ticket.no == no))
        sealed = Vault({2: bytes([7]) * 32}).seal("欧阳小明", belongs_to=f"appellant.name:{own}")
        session.add(Appellant(appeal_id=own, name=sealed, created_at=NOW))
    assert await asked(deps, no, reason="欧阳小明来电要求保密")
    (entry,) = await entries(deps)
    assert (entry.new, entry.reason) == ("保密", confiding.UNMASKED)
    (line,) = [record.getMessage() for record in caplog.records if "does_not_open" in record.getMessage()]
    assert "欧阳小明" not in line
    assert not await sees_it(deps, no, person(Role.BUREAU, unit="110105"))


async def test_what_was_asked_for_leaves_the_sums_and_public_pages_too(deps: Deps) -> None:
    await begun(deps)
    numbers = await add_tickets(
        deps.db, *(replace(call, party="北京绿泉餐饮有限公司") for call in smells(ENOUGH + 1))
    )
    await reckoned(deps)
    async with deps.db.reads() as session:
        row = (
            await session.execute(sa.select(Ticket.id, Ticket.appeal_id).where(Ticket.no == numbers[3]))
        ).one()
        one = public.PublicFilter(ids=(row.appeal_id,))
        assert await public.public_cases(session, one, limit=1)
    assert await asked(deps, numbers[3])
    async with deps.db.reads() as session:
        assert not await public.public_cases(session, one, limit=1)
    assert not await confiding.leave_sums(deps)
    async with deps.db.reads() as session:
        assert await session.scalar(sa.select(Incident.calls)) == ENOUGH
        assert await session.get(RollupTicket, row.id) is None
        assert (
            await session.scalar(sa.select(PartyMention.name_id).where(PartyMention.ticket_id == row.id))
        ) is None
