"""监控指标: what the timetable asks of the database, once for all, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import triage.tables
from connectors.vault import Vault
from models.appeals import Source
from models.drifting import DriftFigureRow
from models.hotline import HotlineOrder, Reconciliation
from models.notices import Delivery
from models.outbox import Outbox
from models.sources import SourceTask
from models.vocab import AppealState, State
from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_notices import NoticeState
from models.watching import TicketWatch
from tests.factories import NOW, TicketIn, add_appeal, add_tickets
from triage.clock import FixedClock, local
from triage.metrics import SNAPSHOT, Sample
from triage.services import ledger
from triage.services.deps import Deps
from triage.services.watch import snapshot
from triage.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.db import Database


@pytest.fixture
def deps(db: Database) -> Deps:
    """A timetable's."""
    tables = triage.tables.load()
    return Deps(settings=Settings(), clock=FixedClock(NOW), tables=tables, db=db, vault=Vault({1: bytes(32)}))


async def asked(db: Database) -> dict[tuple[str, tuple[str, ...]], float]:
    async with db.reads() as session:
        return {(one.name, one.labels): one.value for one in await snapshot.ask(session, now=NOW)}


async def fill(db: Database) -> None:
    """A ticket over its limit, one to review, an appeal given up, one that waits, a source that fails."""
    await add_tickets(
        db,
        TicketIn(due=timedelta(hours=-2)),
        TicketIn(due=None, unit=None, assist=(), copies=(), state=State.REVIEW, age=timedelta(hours=5)),
    )
    async with db.writes.begin() as session:
        await add_appeal(session, TicketIn(), state=AppealState.DEAD)
        waits = await add_appeal(session, TicketIn(age=timedelta(minutes=10)), state=AppealState.WAITING)
        ago = NOW - timedelta(minutes=10)
        row = {"topic": "read_appeals", "key": waits, "created_at": ago, "available_at": ago, "attempts": 1}
        await session.execute(sa.insert(Outbox), row)
        await session.execute(sa.update(TicketWatch).values(next_at=NOW - timedelta(seconds=90)))
        source = await session.scalar(sa.select(Source.id))
        task = {"source_id": source, "task": "pull", "next_at": NOW, "failures": 3, "lag_seconds": 70}
        await session.execute(sa.insert(SourceTask), task | {"paused_until": NOW + timedelta(minutes=1)})
        drift = {
            "day": NOW.date(),
            "figure": "kind",
            "psi": 0.31,
            "chance": 0.001,
            "level": "act",
            "texts": 900,
            "texts_before": 9000,
            "row_id": "x",
            "model_versions": ["m"],
            "measured_at": NOW,
        }
        await session.execute(sa.insert(DriftFigureRow), drift)
        unsent = {
            "key": "k",
            "recipient_kind": "unit",
            "recipient": "110105026",
            "medium": "sms",
            "subject": "x",
            "text": "x",
            "notices": 1,
            "state": NoticeState.SENDING.value,
            "attempts": 3,
            "created_at": NOW,
            "next_at": NOW - timedelta(minutes=2),
        }
        await session.execute(sa.insert(Delivery), unsent)
        await add_platform(session)
        for hours, verified in ((30, True), (2, False)):
            ledger.write(
                session, who="cron", act=LedgerAct.BACKED_UP, now=NOW - timedelta(hours=hours),
                subject=ledger.Subject(SubjectKind.BACKUP, "x"), detail={"verified": verified},
            )  # fmt: skip


async def add_platform(session: AsyncSession) -> None:
    """A platform with an order refused today and one long ago; a whole account, and one of half a day."""
    platform = Source(key="city", name="p", kind="hotline", enabled=True, settings={}, created_at=NOW)
    session.add(platform)
    await session.flush()
    for number, days in (("A", 0), ("B", 8)):
        seen = NOW - timedelta(days=days)
        session.add(
            HotlineOrder(
                source_id=platform.id, order_no=number, day=seen.date(), status="open", updated_at=seen,
                first_seen_at=seen, via="pull", attachments=[], refused="没有内容",
            )
        )  # fmt: skip
    for days, count in ((1, 4), (0, 9)):
        session.add(
            Reconciliation(
                source_id=platform.id, day=local(NOW).date() - timedelta(days=days), made_at=NOW, orders=9,
                actions=0, unmatched=count, detail={},
            )
        )  # fmt: skip


async def test_each_figure_tells_what_is_there(db: Database) -> None:
    await fill(db)
    found = await asked(db)
    assert found["jiesu_outbox_rows", ("pending",)] == 1
    assert found["jiesu_outbox_rows", ("handed_out",)] == 0
    assert found["jiesu_outbox_oldest_seconds", ()] == 600
    assert found["jiesu_appeal_oldest_waiting_seconds", ()] == 600
    assert found["jiesu_dead_letters", ()] == 1
    assert found["jiesu_review_tickets", ()] == 1
    assert found["jiesu_review_oldest_seconds", ()] == 5 * 3600
    assert found["jiesu_tickets_overdue", ("answer",)] == 1
    assert found["jiesu_clock_lag_seconds", ()] == 90
    assert found["jiesu_source_failures", ("1", "pull")] == 3
    assert found["jiesu_source_lag_seconds", ("1", "pull")] == 70
    assert found["jiesu_source_paused", ("1", "pull")] == 1
    assert found["jiesu_hotline_refused", ("2",)] == 1
    assert found["jiesu_hotline_unmatched", ("2",)] == 4, "today's is not whole"
    assert found["jiesu_notices_unsent_seconds", ()] == 120
    assert found["jiesu_notices_failing", ("sms",)] == 1
    assert found["jiesu_notices_ended", ("refused",)] == 0
    assert found["jiesu_drift_psi", ("kind",)] == 0.31
    assert found["jiesu_drift_level", ("kind",)] == 2
    assert found["jiesu_backup_age_seconds", ()] == 2 * 3600
    assert found["jiesu_backup_verified_age_seconds", ()] == 30 * 3600
    assert {name for name, _ in found} == set(SNAPSHOT)


async def test_who_never_made_a_backup_has_no_age_of_one(db: Database) -> None:
    """The alert asks whether the figure is there at all: 0 would say that all is well."""
    assert not {name for name, _ in await asked(db) if "backup" in name}


async def test_a_bound_ends_every_count(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "BOUND", 2)
    await add_tickets(db, *[TicketIn(due=timedelta(hours=-2))] * 3)
    assert (await asked(db))["jiesu_tickets_overdue", ("answer",)] == 2


async def test_it_is_asked_once_for_all_and_again_when_old(deps: Deps) -> None:
    await snapshot.poke(deps)
    await add_tickets(deps.db, TicketIn(due=timedelta(hours=-2)))
    soon = replace(deps, clock=FixedClock(NOW + snapshot.EVERY / 2))
    later = replace(deps, clock=FixedClock(NOW + snapshot.EVERY))
    overdue = Sample("jiesu_tickets_overdue", ("answer",), 1)
    kept = []
    for one in (soon, later):
        assert not await snapshot.poke(one)
        async with deps.db.reads() as session:
            row = await snapshot.read(session)
            assert row is not None
            kept.append((row.measured_at, overdue in row.samples))
    assert kept == [(NOW, False), (NOW + snapshot.EVERY, True)]


async def test_a_clock_set_back_silences_nobody(deps: Deps) -> None:
    await snapshot.poke(replace(deps, clock=FixedClock(NOW + timedelta(days=1))))
    await snapshot.poke(deps)
    async with deps.db.reads() as session:
        row = await snapshot.read(session)
    assert row is not None
    assert row.measured_at == NOW


@pytest.mark.parametrize(
    "table",
    [
        "outbox",
        "appeal",
        "ticket_watch",
        "notice",
        "delivery",
        "hotline_order",
        "hotline_reconciliation",
        "ledger",
    ],
)
async def test_postgresql_walks_an_index(postgres_db: Database, table: str) -> None:
    """Of a million rows none is looked at in vain: with scans forbidden where an index fits, none is left."""
    statements: list[tuple[str, Any]] = []

    @sa.event.listens_for(postgres_db.engine.sync_engine, "before_cursor_execute")
    def note(*args: Any) -> None:  # noqa: ANN401  (whatever the driver is given)
        statements.append((str(args[2]), args[3]))

    async with postgres_db.writes.begin() as session:
        await add_platform(session)
    async with postgres_db.reads() as session:
        await snapshot.ask(session, now=NOW)
    mine = [(text, values) for text, values in statements if f"FROM {table}" in text and "drift" not in text]
    assert mine
    async with postgres_db.engine.connect() as connection:
        await connection.exec_driver_sql("SET enable_seqscan = off")
        for text, values in mine:
            rows = await connection.exec_driver_sql(f"EXPLAIN {text}", values)
            plan = "\n".join(row[0] for row in rows)
            assert f"Seq Scan on {table}" not in plan, plan
