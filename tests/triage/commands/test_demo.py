"""The demo's pages are not empty: from made-up texts alone, by the services that a site runs."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

import triage.tables
from connectors.vault import Vault
from models.appeals import Appeal
from models.incidents import IncidentCall
from models.leads import Lead
from models.signals import Signal, SignalDay
from models.tickets import Ticket, TicketEvent
from models.topics import Topic
from models.viewing import all_seeing
from models.vocab_leads import LeadState
from models.vocab_topics import TopicLevel
from nlp.pipeline import Reader
from tests.factories import NOW
from triage.clock import FixedClock
from triage.commands import demo, demo_gathering, demo_patrol
from triage.commands.demo_gathering import QUESTION
from triage.demo import load_demo
from triage.services import processing, reference
from triage.services.deps import Deps
from triage.services.incidents import watching
from triage.services.leads import reading
from triage.services.parties import listing
from triage.services.parties.listing import PartyAsk
from triage.services.topics import finding
from triage.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from models.db import Database

WANGJING = "110105026"
FIRST = "demo-352"


@pytest.fixture
async def loaded(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> Deps:
    """The scenes of the demo as `jiesu demo` loads them, read by the shipped models."""
    scenes = [row for row in load_demo() if row.id >= FIRST or "百子园" in row.text or row.id == QUESTION]
    monkeypatch.setattr(demo, "load_demo", lambda: scenes)
    deps = Deps(Settings(), FixedClock(NOW), triage.tables.load(), sqlite_db, Vault({1: bytes(32)}))
    await reference.sync(deps)
    # The timetable runs before anything is there, and has looked through yesterday already.
    async with sqlite_db.writes.begin() as session:
        yesterday = (NOW - timedelta(days=1)).date()
        session.add(SignalDay(day=yesterday, series=0, found=0, at=NOW))
    await demo.load(deps)
    await demo_gathering.take_media(deps)
    reader = Reader.load()
    async with sqlite_db.reads() as session:
        appeals = list(await session.scalars(sa.select(Appeal.id)))
        leads = list(await session.scalars(sa.select(Lead.id)))
    for at in range(0, len(appeals), 50):
        await processing.process(deps, reader, appeals[at : at + 50])
    await reading.read(deps, reader, leads)
    later = replace(deps, clock=FixedClock(NOW + timedelta(minutes=2)))
    await demo_gathering.gather(later)
    return later


async def test_there_are_a_few_of_each(loaded: Deps) -> None:
    async with loaded.db.reads() as session:
        hot = set(await session.scalars(sa.select(Signal.place).where(Signal.what == "hot_community")))
        incidents = await session.execute(
            sa.select(IncidentCall.incident_id, sa.func.count())
            .where(IncidentCall.incident_id.is_not(None))
            .group_by(IncidentCall.incident_id)
        )
        bursts = sorted(count for _, count in incidents)
        leads = Counter(await session.scalars(sa.select(Lead.state)))
        topics = await session.scalar(sa.select(sa.func.count(Topic.id)))
        led = await session.scalar(
            sa.select(sa.func.count()).select_from(Ticket).where(Ticket.unit_code == WANGJING)
        )
        parties = await listing.parties(session, all_seeing("local"), PartyAsk(NOW - timedelta(days=365)))
    assert {"110105026034", "110105026045", "110105016070"} <= hot
    assert bursts == [7, 7]
    assert leads == {LeadState.WAITING: 5, LeadState.DROPPED: 1}
    assert (topics or 0) >= 2
    assert (led or 0) >= 9
    async with loaded.db.reads() as session:
        asked = sa.select(Ticket.state).join(Appeal).where(Appeal.external_id == QUESTION)
        told = await session.scalar(
            sa.select(TicketEvent.data)
            .join(Ticket, Ticket.id == TicketEvent.ticket_id)
            .where(TicketEvent.tag == "ticket:answer_now")
        )
        assert await session.scalar(asked) == "closed"
    assert "通告为准" in (told or {})["values"]["note"]
    # In how many texts a party is read is the reader's affair: here they are known, and by what stands there.
    named = {line.name: line.cases for line in parties}
    assert min(named["子虚建筑有限公司"], named["甲乙丙烤串店"]) >= 4


async def test_officers_report_once_however_often_it_is_loaded(sqlite_db: Database, tmp_path: Path) -> None:
    settings = Settings(files_dir=tmp_path / "files")
    deps = Deps(settings, FixedClock(NOW), triage.tables.load(), sqlite_db, Vault({1: bytes(32)}))
    await reference.sync(deps)
    assert await demo_patrol.report(deps) == len(demo_patrol.SCENES)
    await demo_patrol.report(replace(deps, clock=FixedClock(NOW + timedelta(days=1))))
    async with sqlite_db.reads() as session:
        ids = list(await session.scalars(sa.select(Appeal.id)))
    await processing.process(deps, Reader.load(), ids)
    async with sqlite_db.reads() as session:
        made = await session.execute(sa.select(Ticket.state, Ticket.unit_code).order_by(Ticket.id))
        states = [(row.state, row.unit_code) for row in made]
    assert states[0] == ("closed", WANGJING)
    assert ("signed", WANGJING) in states
    assert len(states) == len(demo_patrol.SCENES)


async def test_a_step_in_which_the_timetable_was_quicker_ends_nothing(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    deps = Deps(Settings(), FixedClock(NOW), triage.tables.load(), sqlite_db, Vault({1: bytes(32)}))
    await reference.sync(deps)
    found: list[object] = []

    async def taken(_deps: Deps) -> bool:
        raise IntegrityError("INSERT", {}, Exception("there already"))

    async def find(_deps: Deps, level: object, **_: object) -> None:
        found.append(level)

    monkeypatch.setattr(watching, "watch", taken)
    monkeypatch.setattr(finding, "find", find)
    # Nothing was counted yet, so yesterday cannot be looked through either.
    await demo_gathering.gather(deps)
    assert found == list(TopicLevel)
