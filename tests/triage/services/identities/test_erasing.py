"""删除身份: what is due goes, what is needed stays, and the record says so."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import triage.tables
from connectors.vault import Vault
from models.appeals import Appeal, Appellant
from models.citizens import CitizenWord
from models.identities import Erasure
from models.rewards import Reward, RewardShare
from models.tickets import Ticket, TicketEvent
from models.viewing import all_seeing
from models.vocab import AppealState, State, Tag
from models.vocab_identities import IdentityField
from models.vocab_ledger import LedgerAct
from models.vocab_retention import Kept
from models.vocab_rewards import RewardState, ShareState
from tests.factories import NOW, TicketIn, add_appeal, add_tickets
from triage.clock import FixedClock
from triage.errors import BadInput, NotFound
from triage.rules import retention_rows
from triage.services.auditing import reading
from triage.services.deps import Deps
from triage.services.identities import erasing, holding
from triage.services.identities.holding import Holder
from triage.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.db import Database
    from models.ledger import LedgerRow

VAULT = Vault({1: bytes(32)})
ME = all_seeing("clerk")


def at(db: Database, *, days: int = 0) -> Deps:
    return Deps(Settings(), FixedClock(NOW + timedelta(days=days)), triage.tables.load(), db, VAULT)


async def case(db: Database, state: State = State.CLOSED) -> str:
    (no,) = await add_tickets(db, TicketIn(state=state))
    async with db.writes.begin() as session:
        number = await session.scalar(sa.select(Ticket.appeal_id).where(Ticket.no == no))
        assert number is not None
        await keep_person(session, number)
    return no


async def keep_person(session: AsyncSession, number: int) -> None:
    """Who is behind the appeal of this id."""
    phone = VAULT.seal("13800000001", belongs_to=f"appellant.phone:{number}")
    index = VAULT.phone_index("13800000001")
    person = {"appeal_id": number, "created_at": NOW, "phone": phone, "phone_index": index}
    await session.execute(sa.insert(Appellant).values(person))
    word = {"appeal_id": number, "key": "k", "text": "[手机号]", "original": phone, "at": NOW}
    await session.execute(sa.insert(CitizenWord).values(word))


async def kept(db: Database) -> tuple[int, int, int]:
    """How many phones, indexes and originals of added words there are."""
    async with db.reads() as session:
        counts = [
            await session.scalar(sa.select(sa.func.count(column)))
            for column in (Appellant.phone, Appellant.phone_index, CitizenWord.original)
        ]
    return tuple(count or 0 for count in counts)  # type: ignore[return-value]


async def entries(db: Database) -> list[LedgerRow]:
    return [row async for row in reading.every(db, reading.LedgerFilter())]


def keep_days(deps: Deps) -> int:
    return retention_rows.row_of(deps.tables.retention, Kept.IDENTITY, NOW).keep_days


async def test_what_is_past_its_time_goes_and_not_a_day_before(db: Database) -> None:
    await case(db)
    days = keep_days(at(db))
    await erasing.Eraser(at(db, days=days - 1)).keep()
    assert await kept(db) == (1, 1, 1)
    await erasing.Eraser(at(db, days=days + 1)).keep()
    assert await kept(db) == (0, 0, 0)
    (row,) = await entries(db)
    assert (row.act, row.detail) == (
        LedgerAct.ERASED.value, {"parts": ["phone", "phone_index"], "added_words": 1},
    )  # fmt: skip
    await erasing.Eraser(at(db, days=days + 2)).keep()
    assert len(await entries(db)) == 1


async def test_what_somebody_without_a_name_added_goes_too(db: Database) -> None:
    """No name and no phone with the form, and a phone in what they added: there is no row of an appellant."""
    await case(db)
    async with db.writes.begin() as session:
        await session.execute(sa.delete(Appellant))
    days = keep_days(at(db))
    await erasing.Eraser(at(db, days=days - 1)).keep()
    assert await kept(db) == (0, 0, 1)
    await erasing.Eraser(at(db, days=days + 1)).keep()
    assert await kept(db) == (0, 0, 0)
    (row,) = await entries(db)
    assert row.detail == {"parts": [], "added_words": 1}


async def test_what_was_added_after_it_was_erased_goes_in_its_turn(db: Database) -> None:
    """The case was opened again, its citizen added something, and it ended again."""
    no = await case(db)
    days = keep_days(at(db))
    await erasing.Eraser(at(db, days=days + 1)).keep()
    later = NOW + timedelta(days=days + 2)
    async with db.writes.begin() as session:
        ticket = (await session.scalars(sa.select(Ticket).where(Ticket.no == no))).one()
        event = {"ticket_id": ticket.id, "seq": 90, "at": later, "tag": Tag.CLOSE.value, "data": {}}
        await session.execute(sa.insert(TicketEvent).values(**event))
        await session.execute(sa.update(CitizenWord).values(original=b"sealed", at=later))
    await erasing.Eraser(at(db, days=days + 3)).keep()
    assert await kept(db) == (0, 0, 1), "not before its own time"
    async with db.writes.begin() as session:
        await erasing.ask(session, ME, no, "再次来函", now=later)
    await erasing.Eraser(at(db, days=days + 3)).keep()
    assert await kept(db) == (0, 0, 0)
    async with db.writes.begin() as session:
        await erasing.ask(session, ME, no, "又来函", now=later)
        assert await session.scalar(sa.select(Erasure.erased_at)) is not None, "there is nothing left"
        await session.execute(sa.update(CitizenWord).values(original=b"sealed", at=later))
    await erasing.Eraser(at(db, days=2 * days + 4)).keep()
    assert await kept(db) == (0, 0, 0)


async def test_an_open_case_keeps_its_people_whatever_was_asked(sqlite_db: Database) -> None:
    no = await case(sqlite_db, State.DISPATCHED)
    deps = at(sqlite_db, days=keep_days(at(sqlite_db)) + 1)
    async with sqlite_db.writes.begin() as session:
        await erasing.ask(session, ME, no, "来函 2026-12", now=NOW)
    await erasing.Eraser(deps).keep()
    assert await kept(sqlite_db) == (1, 1, 1)
    async with sqlite_db.writes.begin() as session:
        await session.execute(sa.update(Ticket).values(state=State.CLOSED.value))
    await erasing.Eraser(at(sqlite_db)).keep()
    assert await kept(sqlite_db) == (0, 0, 0)
    assert [row.act for row in await entries(sqlite_db)] == ["identity.erase_asked", "identity.erased"]
    async with sqlite_db.reads() as session:
        assert await session.scalar(sa.select(Erasure.erased_at)) == NOW


@pytest.mark.parametrize("mine", [State.MERGED, State.ARCHIVED])
@pytest.mark.parametrize(("head", "left"), [(State.HANDLING, 1), (State.CLOSED, 0)])
async def test_who_was_merged_into_an_open_case_stays(
    sqlite_db: Database, mine: State, head: State, left: int
) -> None:
    no = await case(sqlite_db, mine)
    (into,) = await add_tickets(sqlite_db, TicketIn(state=head))
    async with sqlite_db.writes.begin() as session:
        number = await session.scalar(sa.select(Ticket.id).where(Ticket.no == no))
        event = {"ticket_id": number, "seq": 90, "at": NOW, "tag": Tag.MERGE.value}
        await session.execute(sa.insert(TicketEvent).values(**event, data={"values": {"other_ticket": into}}))
        await erasing.ask(session, ME, no, "来函", now=NOW)
    await erasing.Eraser(at(sqlite_db)).keep()
    assert (await kept(sqlite_db))[0] == left


@pytest.mark.parametrize(
    ("state", "left"),
    [
        (RewardState.CANDIDATE, 1),
        (RewardState.APPROVING, 1),
        (RewardState.RECOVERING, 1),
        (RewardState.REFUSING, 1),
        (RewardState.REFUSED, 0),
    ],
)
async def test_who_may_be_rewarded_stays_until_that_is_decided(
    sqlite_db: Database, state: RewardState, left: int
) -> None:
    no = await case(sqlite_db)
    async with sqlite_db.writes.begin() as session:
        await rewarded(session, no, state)
        await erasing.ask(session, ME, no, "来函", now=NOW)
    await erasing.Eraser(at(sqlite_db)).keep()
    assert (await kept(sqlite_db))[0] == left


@pytest.mark.parametrize(
    ("state", "share", "left"),
    [
        (RewardState.NOTIFIED, ShareState.CLAIMED, 1),
        (RewardState.RECOVERED, ShareState.CLAIMED, 0),
        (RewardState.RECOVERED, ShareState.PAYING, 1),
        (RewardState.ARCHIVED, ShareState.FAILED, 0),
    ],
)
async def test_what_was_taken_back_for_fraud_keeps_nobody_for_ever(
    sqlite_db: Database, state: RewardState, share: ShareState, left: int
) -> None:
    no = await case(sqlite_db)
    async with sqlite_db.writes.begin() as session:
        reward = await rewarded(session, no, state)
        await session.flush()
        session.add(
            RewardShare(reward_id=reward.id, number=1, state=share.value, amount_fen=100, reminders=0)
        )
        await erasing.ask(session, ME, no, "来函", now=NOW)
    await erasing.Eraser(at(sqlite_db)).keep()
    assert (await kept(sqlite_db))[0] == left


async def rewarded(session: AsyncSession, no: str, state: RewardState) -> Reward:
    row = (await session.execute(sa.select(Ticket.id, Ticket.appeal_id).where(Ticket.no == no))).one()
    reward = Reward(
        no="R-1", version=1, state=state.value, root_ticket_id=row.id, winner_appeal_id=row.appeal_id,
        kind="NOI-01", reported_at=NOW, real_name=True, exclusions=[], parts=[], verdict={}, proof=[],
        checks=[], found_at=NOW,
    )  # fmt: skip
    session.add(reward)
    return reward


async def given_up(db: Database) -> str:
    """An appeal without a ticket. Gives the number it came with."""
    async with db.writes.begin() as session:
        number = await add_appeal(session, TicketIn(), state=AppealState.DEAD)
        await keep_person(session, number)
    return f"T-{number}"


async def test_who_never_became_a_case_goes_when_the_time_is_over(sqlite_db: Database) -> None:
    await given_up(sqlite_db)
    days = keep_days(at(sqlite_db))
    await erasing.Eraser(at(sqlite_db, days=days - 1)).keep()
    assert await kept(sqlite_db) == (1, 1, 1)
    async with sqlite_db.writes.begin() as session:
        await session.execute(sa.update(Appeal).values(state="waiting"))
    await erasing.Eraser(at(sqlite_db, days=days + 1)).keep()
    assert await kept(sqlite_db) == (1, 1, 1)
    async with sqlite_db.writes.begin() as session:
        await session.execute(sa.update(Appeal).values(state="dead"))
    await erasing.Eraser(at(sqlite_db, days=days + 1)).keep()
    assert await kept(sqlite_db) == (0, 0, 0)
    (row,) = await entries(sqlite_db)
    assert (row.act, row.case_no) == (LedgerAct.ERASED.value, None)


async def test_who_never_became_a_case_may_ask_for_it(sqlite_db: Database) -> None:
    no = await given_up(sqlite_db)
    async with sqlite_db.writes.begin() as session:
        with pytest.raises(NotFound):
            await erasing.ask(session, ME, "T-77", "来函", now=NOW)
        await erasing.ask(session, ME, no, "来函", now=NOW)
    await erasing.Eraser(at(sqlite_db)).keep()
    assert await kept(sqlite_db) == (0, 0, 0)


async def test_what_is_gone_is_told_as_not_there(sqlite_db: Database) -> None:
    no = await case(sqlite_db)
    async with sqlite_db.writes.begin() as session:
        await erasing.ask(session, ME, no, "来函", now=NOW)
    await erasing.Eraser(at(sqlite_db)).keep()
    async with sqlite_db.reads() as session:
        with pytest.raises(holding.NothingHeld):
            await holding.value_of(session, VAULT, Holder(no), 1, IdentityField.PHONE)


async def test_a_request_needs_a_case_and_a_reason(sqlite_db: Database) -> None:
    no = await case(sqlite_db)
    async with sqlite_db.writes.begin() as session:
        with pytest.raises(BadInput):
            await erasing.ask(session, ME, no, "  ", now=NOW)
        with pytest.raises(NotFound):
            await erasing.ask(session, ME, "20200101-00000001", "来函", now=NOW)
