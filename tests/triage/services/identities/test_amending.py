"""更正 (个保法第四十六条): what was wrong goes, the right one opens the case, the ledger has both, masked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from connectors.vault import Vault
from models.appeals import Appellant
from models.rewards import Reward
from models.tickets import Ticket
from models.vocab import State
from models.vocab_identities import IdentityField
from models.vocab_ledger import LedgerAct
from models.vocab_rewards import RewardState
from tests.factories import NOW, TicketIn, add_tickets
from triage.errors import BadInput, NotFound
from triage.services.auditing import reading
from triage.services.citizen import cases
from triage.services.identities.amending import Amendment, RewardUnderWay, amend
from triage.services.identities.holding import NothingHeld

if TYPE_CHECKING:
    from models.db import Database

VAULT = Vault({1: bytes(32)})
NAME, PHONE = IdentityField.NAME, IdentityField.PHONE
WRONG, RIGHT = "13800000001", "13800000002"


async def case(db: Database, *, phone: str | None = WRONG) -> tuple[str, int]:
    """A ticket whose appellant left a name, and this phone."""
    (no,) = await add_tickets(db, TicketIn(state=State.HANDLING))
    async with db.writes.begin() as session:
        number = await session.scalar(sa.select(Ticket.appeal_id).where(Ticket.no == no))
        assert number is not None
        person = {
            "appeal_id": number, "created_at": NOW,
            "name": VAULT.seal("李小明", belongs_to=f"appellant.name:{number}"),
            "phone": phone and VAULT.seal(phone, belongs_to=f"appellant.phone:{number}"),
            "phone_index": phone and VAULT.phone_index(phone),
        }  # fmt: skip
        await session.execute(sa.delete(Appellant).where(Appellant.appeal_id == number))
        await session.execute(sa.insert(Appellant).values(person))
    return no, number


async def put_right(
    db: Database, no: str, field: IdentityField, value: str, reason: str = "当面核验"
) -> object:
    async with db.writes.begin() as session:
        return await amend(session, VAULT, Amendment(no, field, value, reason), by="admin", now=NOW)


async def test_the_right_phone_opens_the_case_and_the_wrong_one_no_more(db: Database) -> None:
    no, number = await case(db)
    assert await put_right(db, no, PHONE, "+86 138-0000-0002") == ("138****0001", "138****0002")
    async with db.reads() as session:
        assert await cases.find(session, VAULT, no, RIGHT) == number
        with pytest.raises(cases.NotYours):
            await cases.find(session, VAULT, no, WRONG)
        sealed = await session.scalar(sa.select(Appellant.phone))
    assert sealed is not None
    assert VAULT.open(sealed, belongs_to=f"appellant.phone:{number}") == RIGHT


async def test_the_ledger_has_both_shapes_and_the_reason_masked(db: Database) -> None:
    no, _ = await case(db)
    await put_right(db, no, NAME, " 李  晓明 ", f"来函 7 号，打 {WRONG} 核实")
    (entry,) = [row async for row in reading.every(db, reading.LedgerFilter())]
    assert (entry.act, entry.who, entry.case_no) == (LedgerAct.IDENTITY_CORRECTED.value, "admin", no)
    assert (entry.old, entry.new, entry.detail) == ("李**", "李**", {"field": "name"})
    assert entry.reason is not None
    assert WRONG not in entry.reason


@pytest.mark.parametrize(
    ("field", "value", "reason", "refusal"),
    [
        (PHONE, "12", "当面", BadInput),
        (PHONE, "not a phone", "当面", BadInput),
        (PHONE, RIGHT, "  ", BadInput),
        (NAME, " ", "当面", BadInput),
        (NAME, "明" * 41, "当面", BadInput),
        (IdentityField.ID_NUMBER, "110101199001011234", "当面", BadInput),
    ],
)
async def test_what_is_none_is_refused(
    sqlite_db: Database, field: IdentityField, value: str, reason: str, refusal: type[Exception]
) -> None:
    no, _ = await case(sqlite_db)
    with pytest.raises(refusal):
        await put_right(sqlite_db, no, field, value, reason)


async def test_nobody_is_given_an_identity_he_did_not_leave(sqlite_db: Database) -> None:
    """Anonymous, or erased: there is nothing to put right."""
    no, _ = await case(sqlite_db, phone=None)
    with pytest.raises(NothingHeld):
        await put_right(sqlite_db, no, PHONE, RIGHT)
    with pytest.raises(NotFound):
        await put_right(sqlite_db, "20991231-00000001", PHONE, RIGHT)


async def test_a_reward_is_nobody_elses_by_a_changed_phone(sqlite_db: Database) -> None:
    no, number = await case(sqlite_db)
    other, winner = await case(sqlite_db)
    # Of another report on the same case a refusal would tell, and that may be 保密.
    await rewarded(sqlite_db, no, winner)
    await put_right(sqlite_db, no, PHONE, RIGHT)
    with pytest.raises(RewardUnderWay):
        await put_right(sqlite_db, other, PHONE, RIGHT)
    await rewarded(sqlite_db, other, number)
    with pytest.raises(RewardUnderWay):
        await put_right(sqlite_db, no, PHONE, WRONG)


async def rewarded(db: Database, root: str, winner: int) -> None:
    async with db.writes.begin() as session:
        ticket_id = await session.scalar(sa.select(Ticket.id).where(Ticket.no == root))
        session.add(
            Reward(
                no=f"R-{winner}", version=1, state=RewardState.ARCHIVED.value, root_ticket_id=ticket_id,
                winner_appeal_id=winner, kind="NOI-01", reported_at=NOW, real_name=True, exclusions=[],
                parts=[], verdict={}, proof=[], checks=[], found_at=NOW,
            )
        )  # fmt: skip
