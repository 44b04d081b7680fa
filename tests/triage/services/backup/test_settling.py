"""恢复之后: what was sent is not sent again, what is due anew is, who was erased is, who was in is out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import triage.tables
from connectors.vault import Vault
from models.appeals import Appeal, Appellant, Source
from models.identities import Erasure
from models.notices import Delivery, Notice
from models.staff import SignInSession
from models.tickets import Ticket, TicketEvent
from models.viewing import all_seeing
from models.vocab import State, Tag
from models.vocab_ledger import LedgerAct
from models.vocab_notices import NoticeState
from tests import signed_in
from tests.factories import NOW, TicketIn, add_tickets
from triage.clock import FixedClock
from triage.errors import BadInput
from triage.services.auditing import exporting, reading
from triage.services.backup import settling
from triage.services.deps import Deps
from triage.services.identities import erasing
from triage.services.notices import logbook
from triage.services.notices.sending import gather
from triage.settings import Settings

if TYPE_CHECKING:
    from datetime import datetime

    from models.db import Database

MINUTE = timedelta(minutes=1)
#: The backup is of NOW; the old house ran two hours more, and is back a day later.
UNTIL = NOW + timedelta(hours=2)
BACK = NOW + timedelta(days=1)


@pytest.fixture
def deps(db: Database) -> Deps:
    """The restored house, a day later."""
    tables = triage.tables.load()
    return Deps(Settings(), FixedClock(BACK), tables=tables, db=db, vault=Vault({1: bytes(32)}))


def notice(key: str, **others: object) -> dict[str, object]:
    told = {"recipient_kind": "unit", "recipient": "110105026", "template": "reminded", "urgency": "U3"}
    row = {
        "key": key,
        "facts": {},
        "created_at": NOW,
        "not_before": NOW,
        "state": "waiting",
        "delivery_id": None,
    }
    return told | row | others


async def add_notices(db: Database) -> None:
    """One that was due, one that is not yet, one on its way, one that is tried again only later."""
    made = {
        "recipient_kind": "unit", "recipient": "110105026", "medium": "sms", "subject": "x", "text": "x",
        "notices": 1, "state": "sending", "attempts": 1, "created_at": NOW,
    }  # fmt: skip
    async with db.writes.begin() as session:
        for number, minutes in ((1, 1), (2, 300)):
            row = made | {"id": number, "key": f"d{number}", "next_at": NOW + minutes * MINUTE}
            await session.execute(sa.insert(Delivery), row)
        rows = [
            notice("due", not_before=NOW + MINUTE),
            notice("later", not_before=UNTIL + MINUTE),
            notice("on its way", state="sending", delivery_id=1),
            notice("tried later", state="sending", delivery_id=2),
            notice("sent", state="sent"),
        ]
        await session.execute(sa.insert(Notice), rows)


async def states(db: Database) -> dict[str, str]:
    async with db.reads() as session:
        rows = await session.execute(sa.select(Notice.key, Notice.state).where(~Notice.key.contains(":")))
        return {row.key: row.state for row in rows}


async def test_what_was_due_by_then_is_taken_for_told_and_nothing_else(deps: Deps) -> None:
    await add_notices(deps.db)
    found = await settling.find(deps, until=UNTIL)
    assert found.notices == 2
    assert (await states(deps.db))["due"] == "waiting"
    done = await settling.settle(deps, [], until=UNTIL, by="me")
    assert done.notices == 2
    assert await states(deps.db) == {
        "due": "presumed",
        "later": "waiting",
        "on its way": "presumed",
        "tried later": "sending",
        "sent": "sent",
    }
    async with deps.db.reads() as session:
        ended = await session.execute(sa.select(Delivery.state, Delivery.ended_at).order_by(Delivery.id))
        assert [tuple(row) for row in ended] == [("presumed", BACK), ("sending", None)]
    assert (await settling.settle(deps, [], until=UNTIL, by="me")).notices == 0


async def test_a_person_may_send_again_what_was_taken_for_told(deps: Deps) -> None:
    await add_notices(deps.db)
    await settling.settle(deps, [], until=UNTIL, by="me")
    async with deps.db.writes.begin() as session:
        assert await logbook.again(session, all_seeing("me"), state=NoticeState.PRESUMED, now=BACK) == 2
    assert (await settling.find(deps, until=BACK)).notices == 4


async def test_everybody_signs_in_anew(deps: Deps) -> None:
    """A sign-in that was revoked after the backup is valid again in what was restored."""
    await signed_in.sign_in(deps)
    assert (await settling.find(deps, until=UNTIL)).sessions == 1
    assert (await settling.settle(deps, [], until=UNTIL, by="me")).sessions == 1
    async with deps.db.reads() as session:
        rows = await session.execute(sa.select(SignInSession.ended_at, SignInSession.end_why))
        assert [tuple(row) for row in rows] == [(BACK, "revoked")]


async def test_reminders_of_the_time_between_are_written_as_of_then_and_go_out_once(deps: Deps) -> None:
    await add_tickets(deps.db, TicketIn(urgency="U1", age=timedelta(0)))
    done = await settling.settle(deps, [], until=UNTIL, by="me")
    assert (done.tickets, done.reminders > 0) == (1, True)
    async with deps.db.reads() as session:
        moments = await session.scalars(
            sa.select(TicketEvent.at).where(TicketEvent.tag == Tag.REMINDED.value).distinct()
        )
        assert list(moments) == [UNTIL]
        due = sa.select(sa.func.count()).where(Notice.state == "waiting", Notice.not_before <= UNTIL)
        assert await session.scalar(due) == 0
        kept = sa.select(sa.func.count()).where(Notice.state == "presumed")
        assert await session.scalar(kept)
    assert not await gather(replace(deps, clock=FixedClock(UNTIL)), ())


@pytest.mark.parametrize("until", [UNTIL, NOW + timedelta(hours=7)], ids=["digest", "23:00"])
async def test_a_reminder_of_then_that_waits_for_its_digest_or_the_morning_is_told_too(
    deps: Deps, until: datetime
) -> None:
    """Its window ends after `until`; what waited at the backup and is due later goes out."""
    await add_notices(deps.db)
    await add_tickets(deps.db, TicketIn(urgency="U3", age=timedelta(days=9)))
    async with deps.db.writes.begin() as session:
        await session.execute(sa.insert(Notice), [notice("much later", not_before=until + MINUTE)])
    done = await settling.settle(deps, [], until=until, by="me")
    assert done.reminders > 0
    async with deps.db.reads() as session:
        told = await session.execute(
            sa.select(Notice.state, Notice.not_before > until).where(Notice.key.contains(":")).distinct()
        )
        assert [tuple(row) for row in told] == [("presumed", True)]
        counted = sa.select(sa.func.count()).where(Notice.state == "presumed")
        assert await session.scalar(counted) == done.notices
    assert (await states(deps.db))["much later"] == "waiting"


async def person_of(db: Database, state: State) -> tuple[str, int]:
    (no,) = await add_tickets(db, TicketIn(state=state, identity=True))
    async with db.reads() as session:
        number = await session.scalar(sa.select(Ticket.appeal_id).where(Ticket.no == no))
    assert number is not None
    return no, number


async def test_who_asked_after_the_backup_is_erased_again(deps: Deps) -> None:
    over, number = await person_of(deps.db, State.CLOSED)
    still, _ = await person_of(deps.db, State.HANDLING)
    given_anew, other = await person_of(deps.db, State.CLOSED)
    early = settling.Asked(given_anew, "x", NOW - timedelta(days=900))
    asked = [settling.Asked(no, "来函 3 号", UNTIL) for no in (over, still, "20991231-00000001")]
    done = await settling.settle(deps, [*asked, early], until=UNTIL, by="me")
    assert (done.erased, done.later, done.unknown) == (1, (still,), ("20991231-00000001", given_anew))
    async with deps.db.reads() as session:
        phones = await session.execute(sa.select(Appellant.appeal_id, Appellant.phone, Appellant.name))
        left = {row.appeal_id: row.phone or row.name for row in phones}
        assert left[number] is None
        assert left[other] is not None
        waits = await erasing.asked_for(session)
        assert waits == []
    entries = [row async for row in reading.every(deps.db, reading.LedgerFilter())]
    (entry,) = [row for row in entries if row.act == LedgerAct.RESTORE_SETTLED.value]
    assert entry.detail["erased"] == 1
    assert set(entry.detail) <= set(exporting.FACTS)


async def unread(db: Database, key: str, **others: object) -> int:
    """As the backup has an appeal that the old house read only afterwards. Gives its id."""
    row = {
        "dedupe_key": key, "content_hash": key, "text": "x", "channel": "web", "confidential": False,
        "received_at": NOW, "stored_at": NOW, "state": "waiting", "attempts": 0,
    }  # fmt: skip
    async with db.writes.begin() as session:
        source = Source(key=key, name=key, created_at=NOW)
        session.add(source)
        await session.flush()
        made = sa.insert(Appeal).values(row | {"source_id": source.id} | others).returning(Appeal.id)
        return (await session.execute(made)).scalar_one()


async def test_of_an_appeal_that_the_backup_has_unread_the_wish_is_noted_by_its_id(deps: Deps) -> None:
    no = "20261123-00000009"
    appeal = await unread(deps.db, "one")
    other = await unread(deps.db, "other", stored_at=UNTIL + MINUTE)
    asked = [settling.Asked(no, "来函 3 号", UNTIL, number) for number in (appeal, other, 999_999)]
    done = await settling.settle(deps, asked, until=UNTIL, by="me")
    assert (done.erased, done.later, done.unknown) == (0, (no,), (no, no))
    async with deps.db.writes.begin() as session:
        noted = await session.execute(sa.select(Erasure.appeal_id, Erasure.reason, Erasure.erased_at))
        assert [tuple(row) for row in noted] == [(appeal, "来函 3 号", None)]
        await session.execute(sa.update(Appeal).where(Appeal.id == appeal).values(state="dead"))
    async with deps.db.reads() as session:
        assert await erasing.asked_for(session) == [appeal]
    again = await settling.settle(deps, asked[:1], until=UNTIL, by="me")
    assert (again.erased, again.later) == (1, ())


async def test_a_number_that_several_given_up_appeals_have_is_not_said_to_be_unneeded(deps: Deps) -> None:
    await unread(deps.db, "one", state="dead", external_id="X-7")
    await unread(deps.db, "other", state="dead", external_id="X-7")
    done = await settling.settle(deps, [settling.Asked("X-7", "x", UNTIL)], until=UNTIL, by="me")
    assert (done.erased, done.later, done.unknown, done.unclear) == (0, (), (), ("X-7",))


async def test_the_list_is_the_ledgers_export_or_plain_numbers(deps: Deps) -> None:
    no, appeal = await person_of(deps.db, State.CLOSED)
    async with deps.db.writes.begin() as session:
        await erasing.ask(session, all_seeing("me"), no, "来函 9 号", now=NOW)
    lines = [exporting.line(row, "jsonl") async for row in reading.every(deps.db, reading.LedgerFilter())]
    assert settling.read([*lines, "", "20261126-00000007\n"], until=UNTIL) == [
        settling.Asked(no, "来函 9 号", NOW, appeal),
        settling.Asked("20261126-00000007", "恢复后重新登记", UNTIL),
    ]


async def test_a_ledger_as_csv_is_refused_not_taken_for_numbers(deps: Deps) -> None:
    no, _ = await person_of(deps.db, State.CLOSED)
    async with deps.db.writes.begin() as session:
        await erasing.ask(session, all_seeing("me"), no, "来函 9 号", now=NOW)
    rows = [exporting.line(row, "csv") async for row in reading.every(deps.db, reading.LedgerFilter())]
    for lines in ([exporting.head("csv")], rows):
        with pytest.raises(BadInput, match="第 1 行"):
            settling.read(lines, until=UNTIL)


@pytest.mark.parametrize("line", ["{", "{}", '{"act": "identity.erase_asked", "case_no": "x"}', "{1: 2}"])
def test_a_line_that_is_neither_is_named(line: str) -> None:
    with pytest.raises(BadInput, match="第 2 行"):
        settling.read(["20261126-00000007", line], until=UNTIL)
