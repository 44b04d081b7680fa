"""已当场答复 of 登记诉求, stored: with others in one batch, called 保密 meanwhile, given up, taken over."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import triage.tables
from connectors.vault import Vault
from models.appeals import Appeal
from models.outbox import DeadLetter, Outbox
from models.tickets import Ticket, TicketEvent
from models.vocab import AppealState, Post
from models.vocab_identities import IdentityField
from nlp.pipeline import Reader
from tests.factories import NOW
from tests.triage.services.test_registering import CLERK, wish
from triage.clock import FixedClock
from triage.rules.moves import Actor
from triage.services import at_once, deciding, processing, reference, registering, ticketing
from triage.services.deps import Deps
from triage.services.identities import holding
from triage.services.move_rows import columns
from triage.services.moving import Person
from triage.services.standings import stand
from triage.settings import Settings

if TYPE_CHECKING:
    from models.db import Database

BY = Person(Actor(Post.HOTLINE, login="clerk"), "坐席甲")
QUESTION = {
    "title": "", "text": "咨询一下，朝阳区望京街道望京北路的工地夜间施工证明在哪里可以查？",
    "answered": True, "answer": "由街道受理，可以在工作日上午去查。", "told": "phone",
}  # fmt: skip
WORDS = QUESTION["answer"]


@pytest.fixture(scope="session")
def reader() -> Reader:
    return Reader.load(weights=None)


@pytest.fixture
async def deps(db: Database) -> Deps:
    made = Deps(Settings(), FixedClock(NOW), triage.tables.load(), db, Vault({1: bytes(32)}))
    await reference.sync(made)
    return made


async def register(deps: Deps, key: str, **more: Any) -> int:  # noqa: ANN401
    form = replace(wish(**more), key=key)
    async with deps.db.writes.begin() as session:
        return (await registering.register(session, deps, CLERK, form, by=BY, now=NOW)).appeal_id


async def tickets(deps: Deps) -> list[Ticket]:
    async with deps.db.reads() as session:
        return list(await session.scalars(sa.select(Ticket).order_by(Ticket.appeal_id)))


async def last_event(deps: Deps, ticket: Ticket) -> TicketEvent:
    async with deps.db.reads() as session:
        events = await session.scalars(
            sa.select(TicketEvent).where(TicketEvent.ticket_id == ticket.id).order_by(TicketEvent.seq)
        )
        return list(events)[-1]


@pytest.mark.parametrize("order", [(QUESTION, {}), ({}, QUESTION), (QUESTION, {}, QUESTION)])
async def test_one_that_was_answered_and_one_that_was_not_are_read_together(
    deps: Deps, reader: Reader, order: tuple[dict[str, Any], ...]
) -> None:
    ids = [await register(deps, f"key-{place}", **more) for place, more in enumerate(order)]
    report = await processing.process(deps, reader, ids)
    assert (report.done, report.failed) == (len(ids), 0)
    made = await tickets(deps)
    assert [ticket.state == "closed" for ticket in made] == [bool(more) for more in order]
    for ticket in made:
        async with deps.db.reads() as session:
            standing, _ = await stand(session, deps.tables, ticket, now=NOW)
        wanted = columns(deps.tables, standing)
        assert {name: getattr(ticket, name) for name in wanted} == wanted
        assert (ticket.urges, ticket.asked) == (0, None)


async def test_what_was_called_secret_while_it_was_read_is_left_to_a_person(
    deps: Deps, reader: Reader
) -> None:
    number = await register(deps, "key", **QUESTION)
    async with deps.db.writes.begin() as session:
        (held,) = await processing.claim(session, [number], now=NOW, until=NOW + timedelta(seconds=30))
        sealed = await at_once.waiting(session, [number])
    decided = deciding.decide_appeal(
        deps.tables, reader.read(*deciding.words_of(held)), held, now=NOW,
        answer=sealed[number].opened(deps.vault),
    )  # fmt: skip
    assert decided.answered is not None
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Appeal).values(confidential=True))
    async with deps.db.writes.begin() as session:
        assert await ticketing.settle(session, deps.tables, [decided], now=NOW) == 1
    (ticket,) = await tickets(deps)
    kept = (await last_event(deps, ticket)).data["registered_answer"]
    assert (ticket.state, ticket.version, kept["note"]) == ("review", 1, WORDS)
    assert "保密" in kept["why"]


async def given_up(deps: Deps) -> int:
    """One that a clerk answered, and that no worker could read."""
    number = await register(deps, "first", **QUESTION)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Appeal).values(state=AppealState.DEAD.value))
        await session.execute(sa.delete(Outbox))
        letter = {"topic": "read_appeals", "key": number, "reason": "MemoryError @ read:1"}
        await session.execute(sa.insert(DeadLetter).values(**letter, detail={}, created_at=NOW))
    return number


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"answered": False, "answer": "", "told": ""}, WORDS),
        ({"answer": "由区里受理，请到区里去查。"}, "由区里受理，请到区里去查。"),
    ],
)
async def test_what_was_answered_and_given_up_is_answered_in_its_place(
    deps: Deps, reader: Reader, more: dict[str, Any], words: str
) -> None:
    old = await given_up(deps)
    form = {**QUESTION, "failed": old, "number": "", **more}
    number = await register(deps, "second", **form)
    # Pressed twice it is the same, before it is read and after.
    assert await register(deps, "second", **form) == number
    await processing.process(deps, reader, [number])
    assert await register(deps, "second", **form) == number
    (ticket,) = await tickets(deps)
    event = await last_event(deps, ticket)
    assert (ticket.state, event.tag, event.data["values"]["note"]) == ("closed", "ticket:answer_now", words)


async def test_who_looks_at_the_original_words_reads_what_was_answered(deps: Deps) -> None:
    number = await register(deps, "key", **QUESTION)
    async with deps.db.reads() as session:
        told = await holding.value_of(
            session, deps.vault, holding.Holder("no"), number, IdentityField.ORIGINAL
        )
    assert f"登记时已当场答复：{WORDS}（电话）" in told
