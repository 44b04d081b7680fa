"""Waiting appeals become tickets: once each, with everything that decided, however often it is run."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

import triage.tables
from connectors.vault import Vault
from models.appeals import Appeal, Reading
from models.filters import all_seeing
from models.outbox import DeadLetter, Outbox
from models.search import to_fts5, to_tsquery
from models.tickets import Ticket, TicketEvent, TicketUnit
from models.units import Unit
from models.vocab import State, Tag
from nlp.pipeline import Reader
from triage.clock import FixedClock
from triage.services import deciding, intake, processing, reference, retrying, ticketing
from triage.services.deps import Deps
from triage.services.move_rows import columns
from triage.services.standings import stand
from triage.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from models.db import Database
    from nlp.types import TextReading

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
VAULT = Vault({1: bytes(32)})

STAFF = all_seeing("desk")
BARBECUE = "朝阳区望京街道望京西园四区楼下每天晚上有人占道露天烧烤，烟熏火燎，开不了窗户，请城管尽快处理。"
WAGES = "公司拖欠三个月工资不发，劳动仲裁一直没有结果，请帮忙要回工资。"


@pytest.fixture(scope="session")
def reader() -> Reader:
    """The real models, loaded once."""
    return Reader.load()


@pytest.fixture
async def deps(db: Database) -> Deps:
    """Services' dependencies, with units and areas in the database."""
    made = Deps(Settings(), FixedClock(NOW), triage.tables.load(), db, VAULT)
    await reference.sync(made)
    return made


async def load(deps: Deps, *texts: str) -> list[int]:
    items = [intake.NewAppeal(source="测试", text=text, received_at=NOW) for text in texts]
    async with deps.db.writes.begin() as session:
        return list((await intake.receive(session, VAULT, items, now=NOW)).stored)


async def rows(deps: Deps, model: type[Any]) -> list[Any]:
    async with deps.db.reads() as session:
        return list(await session.scalars(sa.select(model)))


async def test_an_environmental_appeal_is_dispatched_with_its_reasons(deps: Deps, reader: Reader) -> None:
    ids = await load(deps, BARBECUE)
    report = await processing.process(deps, reader, ids)
    (ticket,) = await rows(deps, Ticket)
    (reading,) = await rows(deps, Reading)
    units = {unit.role: unit.unit_code for unit in await rows(deps, TicketUnit) if unit.role == "lead"}
    assert (report.done, report.failed, report.dead) == (1, 0, 0)
    assert (ticket.state, ticket.kind, ticket.district_code) == (State.DISPATCHED, "AIR-07", "110105")
    assert (ticket.due_at, ticket.answer_by) == (NOW + timedelta(hours=2), NOW + timedelta(days=7))
    assert ticket.due_clock == "sign"
    assert units == {"lead": ticket.unit_code}
    assert ticket.table_version == deps.tables.version == reading.table_version
    assert reading.model_version == reader.model_version
    assert ticket.decision["row_ids"]
    assert ticket.decision["steps"]


async def test_signing_and_first_contact_run_from_a_dispatch_that_nobody_made(
    deps: Deps, reader: Reader
) -> None:
    await processing.process(deps, reader, await load(deps, BARBECUE))
    (ticket,) = await rows(deps, Ticket)
    async with deps.db.reads() as session:
        standing, added = await stand(session, deps.tables, ticket, now=NOW)
        opening = await session.scalar(
            sa.select(TicketEvent.data).where(TicketEvent.tag == Tag.DISPATCHED.value)
        )
    assert added == []
    assert opening is not None
    wanted = columns(deps.tables, standing)
    assert {name: getattr(ticket, name) for name in wanted} == wanted
    running = {clock.value: (run.due, run.rule) for clock, run in standing.clocks.items()}
    assert running == {
        "sign": (NOW + timedelta(hours=2), "sign.U3@2020-01-01"),
        "contact": (NOW + timedelta(hours=24), "contact.U3@2020-01-01"),
        "answer": (NOW + timedelta(days=7), "answer.U3@2023-01-01"),
    }
    assert "U3（一般）应在派单后 2 小时内签收：" in opening["opening"]["clocks"]["sign"]["spelled"]


async def test_the_callers_area_is_a_hint_that_a_person_confirms(deps: Deps, reader: Reader) -> None:
    text = "八里庄楼下每天晚上有人占道露天烧烤，烟熏火燎，开不了窗户，请城管尽快处理。"
    item = intake.NewAppeal(source="测试", text=text, received_at=NOW, caller_area="110108")
    async with deps.db.writes.begin() as session:
        ids = list((await intake.receive(session, VAULT, [item], now=NOW)).stored)
    await processing.process(deps, reader, ids)
    (reading,) = await rows(deps, Reading)
    (ticket,) = await rows(deps, Ticket)
    assert (reading.street_code, reading.detail["place"]["hinted"]) == ("110108005", True)
    assert ticket.state == State.REVIEW.value


async def test_what_is_not_environmental_goes_back_to_the_hotline(deps: Deps, reader: Reader) -> None:
    await processing.process(deps, reader, await load(deps, WAGES))
    (ticket,) = await rows(deps, Ticket)
    assert (ticket.state, ticket.unit_code) == (State.HANDED_OVER, None)
    assert (ticket.due_at, ticket.due_clock) == (None, None)


async def test_running_twice_changes_nothing(deps: Deps, reader: Reader) -> None:
    ids = await load(deps, BARBECUE, WAGES)
    await processing.process(deps, reader, ids)
    again = await processing.process(deps, reader, ids)
    assert again.done == 0
    assert len(await rows(deps, Ticket)) == 2
    assert await rows(deps, Outbox) == []
    assert {appeal.state for appeal in await rows(deps, Appeal)} == {"done"}


async def test_two_workers_at_once_make_one_ticket_each(deps: Deps, reader: Reader) -> None:
    ids = await load(deps, *(f"{BARBECUE}第{number}次反映。" for number in range(20)))
    await asyncio.gather(*(processing.process(deps, reader, ids) for _ in range(3)))
    tickets = await rows(deps, Ticket)
    assert sorted(ticket.appeal_id for ticket in tickets) == sorted(ids)


async def test_a_held_appeal_is_left_alone_until_its_lease_ends(deps: Deps, reader: Reader) -> None:
    ids = await load(deps, BARBECUE)
    async with deps.db.writes.begin() as session:
        await processing.claim(session, ids, now=NOW, until=NOW + timedelta(seconds=30))
    assert (await processing.process(deps, reader, ids)).done == 0
    later = replace(deps, clock=FixedClock(NOW + timedelta(seconds=30)))
    assert (await processing.process(later, reader, ids)).done == 1


async def test_a_late_worker_that_lost_its_lease_adds_no_second_ticket(deps: Deps, reader: Reader) -> None:
    """Both held the same appeal (one lease ran out while its worker slept); only one may settle."""
    ids = await load(deps, BARBECUE)
    async with deps.db.writes.begin() as session:
        (held,) = await processing.claim(session, ids, now=NOW, until=NOW + timedelta(seconds=30))
    reading = reader.read(*deciding.words_of(held))
    decided = deciding.decide_appeal(deps.tables, reading, held, now=NOW)
    overtaking = replace(deps, clock=FixedClock(NOW + timedelta(hours=1)))
    assert (await processing.process(overtaking, reader, ids)).done == 1
    async with deps.db.writes.begin() as session:
        assert await ticketing.settle(session, deps.tables, [decided], now=NOW) == 0
    assert len(await rows(deps, Ticket)) == 1


class Poisoned:
    """A reader that chokes on one text."""

    model_version = "poisoned"

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def read(self, title: str | None, text: str, *, area: str | None = None) -> TextReading:
        if "毒" in text:
            raise RuntimeError(f"cannot read {text}")
        return self.reader.read(title, text, area=area)

    def read_many(
        self, items: Iterable[tuple[str | None, str]], *, areas: Sequence[str | None]
    ) -> list[TextReading]:
        return [self.read(*item, area=area) for item, area in zip(items, areas, strict=True)]


async def test_a_poisonous_text_ends_as_a_dead_letter_and_stops_nobody(
    deps: Deps, reader: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    ids = await load(deps, BARBECUE, "毒文本13800000001")
    poisoned: Any = Poisoned(reader)
    reports = [
        await processing.process(
            replace(deps, clock=FixedClock(NOW + timedelta(minutes=minute))), poisoned, ids
        )
        for minute in range(3)
    ]
    (letter,) = await rows(deps, DeadLetter)
    assert [(report.done, report.failed, report.dead) for report in reports] == [
        (1, 1, 0),
        (0, 1, 0),
        (0, 0, 1),
    ]
    assert "appeal_failed" in caplog.text
    assert "毒文本" not in caplog.text
    assert letter.key == ids[1]
    assert letter.reason.startswith("RuntimeError @ read:")
    assert await rows(deps, Outbox) == []


async def test_a_row_that_cannot_be_stored_holds_up_no_other(deps: Deps, reader: Reader) -> None:
    """The database does not know one of the units: only its own appeal waits, and is given up at last."""
    elsewhere = "海淀区上地街道上地东里楼下每天晚上有人占道露天烧烤，烟熏火燎，开不了窗户，请城管尽快处理。"
    ids = await load(deps, BARBECUE, elsewhere)
    code = next(
        unit.code for unit in deps.tables.units.values() if unit.street_code and "上地街道" in unit.name
    )
    async with deps.db.writes.begin() as session:
        await session.execute(sa.delete(Unit).where(Unit.code == code))
    reports = [
        await processing.process(
            replace(deps, clock=FixedClock(NOW + timedelta(minutes=minute))), reader, ids
        )
        for minute in range(3)
    ]
    (ticket,) = await rows(deps, Ticket)
    (letter,) = await rows(deps, DeadLetter)
    assert [(report.done, report.failed, report.dead) for report in reports] == [
        (1, 1, 0),
        (0, 1, 0),
        (0, 0, 1),
    ]
    assert (ticket.appeal_id, letter.key) == (ids[0], ids[1])
    assert letter.reason.startswith("IntegrityError")


async def test_an_appeal_that_takes_every_worker_down_is_given_up(deps: Deps, reader: Reader) -> None:
    ids = await load(deps, BARBECUE)
    for minute in range(3):
        at = NOW + timedelta(minutes=minute)
        async with deps.db.writes.begin() as session:
            await processing.claim(session, ids, now=at, until=at + timedelta(seconds=30))
    later = replace(deps, clock=FixedClock(NOW + timedelta(minutes=3)))
    report = await processing.process(later, reader, ids)
    (letter,) = await rows(deps, DeadLetter)
    assert (report.done, report.dead) == (0, 1)
    assert letter.reason.startswith("WorkerLost")


class Deadly:
    """A reader whose worker one text ends, as a full memory or an alarm does: no error that anybody takes."""

    def __init__(self, real: Reader) -> None:
        """Read with this one otherwise."""
        self.real = real

    def read_many(
        self, texts: Sequence[tuple[str | None, str]], areas: Sequence[str | None]
    ) -> list[TextReading]:
        """Read them all, or end."""
        if any(text.startswith("毒文本") for _, text in texts):
            raise SystemExit
        return self.real.read_many(texts, areas=areas)


async def test_a_text_that_ends_its_worker_takes_no_other_with_it_again(deps: Deps, reader: Reader) -> None:
    """Also in a job that was queued before the first try: the relay hands such texts out alone by then."""
    ids = await load(deps, BARBECUE, "毒文本：" + BARBECUE, WAGES)
    for minute in range(4):
        later = replace(deps, clock=FixedClock(NOW + timedelta(minutes=minute)))
        with suppress(SystemExit):
            await processing.process(later, cast("Reader", Deadly(reader)), ids)
    (letter,) = await rows(deps, DeadLetter)
    assert (letter.key, letter.reason.startswith("WorkerLost")) == (ids[1], True)
    assert {ticket.appeal_id for ticket in await rows(deps, Ticket)} == {ids[0], ids[2]}


async def test_a_second_call_of_the_same_caller_about_the_same_matter_is_told_its_progress(
    deps: Deps, reader: Reader
) -> None:
    async def call(phone: str, number: str, *, confidential: bool = False) -> None:
        item = intake.NewAppeal(
            source="测试", external_id=number, text=BARBECUE, received_at=NOW, phone=phone,
            confidential=confidential,
        )  # fmt: skip
        async with deps.db.writes.begin() as session:
            stored = (await intake.receive(session, VAULT, [item], now=NOW)).stored
        await processing.process(deps, reader, stored)

    await call("13800000001", "1")
    await call("138 0000 0001", "2")
    await call("13800000002", "3")
    # Who reports in confidence is not told apart by what they said openly.
    await call("13800000001", "4", confidential=True)
    tickets = sorted(await rows(deps, Ticket), key=lambda ticket: ticket.appeal_id)
    assert [ticket.divert for ticket in tickets] == [None, "inform_progress", None, None]
    assert tickets[1].state == State.REVIEW


async def test_who_calls_again_is_known_though_the_first_kind_was_put_right(
    deps: Deps, reader: Reader
) -> None:
    """The same words are misread the same way: they were dispatched a second time."""
    for number in ("1", "2"):
        item = intake.NewAppeal(
            source="测试", external_id=number, text=BARBECUE, received_at=NOW, phone="13800000001"
        )
        async with deps.db.writes.begin() as session:
            stored = (await intake.receive(session, VAULT, [item], now=NOW)).stored
        await processing.process(deps, reader, stored)
        async with deps.db.writes.begin() as session:
            await session.execute(sa.update(Ticket).where(Ticket.divert.is_(None)).values(kind="WAT-02"))
    tickets = sorted(await rows(deps, Ticket), key=lambda ticket: ticket.appeal_id)
    assert [ticket.divert for ticket in tickets] == [None, "inform_progress"]


async def test_what_was_given_up_is_run_again_when_the_fault_is_mended(deps: Deps, reader: Reader) -> None:
    one_try = replace(deps, settings=Settings(max_attempts=1))
    ids = await load(deps, BARBECUE, "毒文本：路边焚烧垃圾，浓烟滚滚。")
    poisoned: Any = Poisoned(reader)
    assert (await processing.process(one_try, poisoned, ids)).dead == 1
    later = NOW + timedelta(hours=1)
    async with deps.db.writes.begin() as session:
        (letter,) = await retrying.given_up(session, STAFF)
        again = [await retrying.retry(session, STAFF, now=later) for _ in range(2)]
    assert (letter.id, letter.reason[:12], again) == (ids[1], "RuntimeError", [1, 0])
    (waiting,) = [appeal for appeal in await rows(deps, Appeal) if appeal.state == "waiting"]
    (owed,) = await rows(deps, Outbox)
    assert (waiting.id, waiting.attempts, waiting.claimed_until) == (ids[1], 0, None)
    assert (owed.key, owed.topic, owed.dispatched_at) == (ids[1], "read_appeals", None)
    assert [row.rerun_at for row in await rows(deps, DeadLetter)] == [later]
    assert (await processing.process(deps, reader, ids)).done == 1


async def test_a_ticket_tells_its_story_in_append_only_events(deps: Deps, reader: Reader) -> None:
    await processing.process(deps, reader, await load(deps, BARBECUE))
    events = sorted(await rows(deps, TicketEvent), key=lambda event: event.seq)
    assert [(event.seq, event.tag) for event in events] == [
        (1, "appeal:spoken"),
        (2, "appeal:received"),
        (3, "appeal:read"),
        (4, "ticket:opened"),
        (5, "ticket:dispatched"),
    ]


async def test_an_appeal_that_came_late_was_registered_when_it_came(deps: Deps, reader: Reader) -> None:
    """A file brings words of yesterday: due times count from their arrival here, and the story says so."""
    spoken = NOW - timedelta(days=1)
    item = intake.NewAppeal(source="测试", text=BARBECUE, received_at=spoken)
    async with deps.db.writes.begin() as session:
        ids = (await intake.receive(session, VAULT, [item], now=NOW)).stored
    await processing.process(deps, reader, ids)
    events = sorted(await rows(deps, TicketEvent), key=lambda event: event.seq)
    assert [(event.tag, event.at) for event in events[:2]] == [
        ("appeal:spoken", spoken),
        ("appeal:received", NOW),
    ]


async def test_a_ticket_is_found_by_two_characters(deps: Deps, reader: Reader) -> None:
    await processing.process(deps, reader, await load(deps, BARBECUE, WAGES))
    column: sa.ColumnElement[str] = sa.literal_column("search")
    statements: dict[str, sa.Executable] = {
        "postgresql": sa.select(Ticket.appeal_id).where(
            column.op("@@")(sa.cast(to_tsquery(["烧烤"]), postgresql.TSQUERY))
        ),
        "sqlite": sa.text(
            "SELECT appeal_id FROM ticket WHERE id IN"
            " (SELECT rowid FROM ticket_search WHERE words MATCH :words)"
        ).bindparams(words=to_fts5(["烧烤"])),
    }
    async with deps.db.reads() as session:
        found = list(await session.scalars(statements[deps.db.dialect]))
        first = await session.scalar(sa.select(sa.func.min(Appeal.id)))
    assert found == [first]
