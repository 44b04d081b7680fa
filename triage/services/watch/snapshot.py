"""The watch's figures (监控指标): asked of the database by the timetable, kept in one row, read by the web.

Every question is one walk along an index and ends at a bound, so that a million tickets cost what a thousand
do. Web processes read the row: how often they are scraped costs the database nothing more.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.appeals import Appeal, Source
from models.bulk import BulkJob
from models.db import insert_of
from models.drifting import DriftFigureRow
from models.ledger import LedgerRow
from models.notices import Contact, Delivery, Notice
from models.outbox import Outbox, registered_by_hand
from models.sources import SourceTask
from models.tickets import Ticket
from models.vocab import AppealState, State, Urgency
from models.vocab_bulk import BulkState
from models.vocab_drift import DriftLevel
from models.vocab_ledger import LedgerAct
from models.vocab_notices import NoticeState
from models.vocab_sources import SourceKind
from models.watch_snapshot import THE_ROW, WatchSnapshot
from models.watching import TicketWatch
from triage.metrics import Sample
from triage.services.hotline import figures

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.services.deps import Deps

#: Counting ends here: who has more than this waiting needs no exact number.
BOUND: Final = 50_000
EVERY: Final = timedelta(seconds=15)
#: A delivery that was tried so often and not taken tells of a gateway that is away, not of a bad moment.
_FAILING: Final = 3
#: One that was put off for longer waits for the end of quiet hours: nobody need be woken for it.
_SOON: Final = timedelta(hours=1)
#: So far back is looked for one that was proved: two months of a backup each night.
_BACKUPS: Final = 60
_ENDED: Final = (NoticeState.GIVEN_UP, NoticeState.REFUSED)
#: Of those that could reach nobody so many are looked at, the newest: urgent ones of the last day among them.
_UNREACHED: Final = 5000
_URGENT: Final = (Urgency.U1.value, Urgency.U2.value)
_LEVELS: Final = {DriftLevel.WATCH.value: 1, DriftLevel.ACT.value: 2}
#: Written out: only so do the partial indexes fit.
_WAITING: Final[sa.ColumnElement[bool]] = sa.text(f"appeal.state = '{AppealState.WAITING.value}'")  # type: ignore[assignment]
_DEAD: Final[sa.ColumnElement[bool]] = sa.text(f"appeal.state = '{AppealState.DEAD.value}'")  # type: ignore[assignment]
_UNSENT: Final[sa.ColumnElement[bool]] = sa.text(f"delivery.state = '{NoticeState.SENDING.value}'")  # type: ignore[assignment]
_UNTOLD: Final[sa.ColumnElement[bool]] = sa.text(f"notice.state = '{NoticeState.WAITING.value}'")  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Kept:
    """The row as the web reads it."""

    measured_at: datetime
    cost_seconds: float
    samples: tuple[Sample, ...]


async def poke(deps: Deps) -> bool:
    """Ask anew when the figures are old, and keep them. Gives False: there is never more to do at once."""
    now = deps.clock.now()
    async with deps.db.reads() as session:
        last = await session.scalar(sa.select(WatchSnapshot.measured_at).where(WatchSnapshot.id == THE_ROW))
        # Two timetables take turns by themselves; a clock that was set back must not silence both.
        if last is not None and timedelta(0) <= now - last < EVERY:
            return False
        started = time.perf_counter()
        samples = await ask(session, now=now)
        cost = time.perf_counter() - started
    values = {
        "id": THE_ROW,
        "measured_at": now,
        "cost_seconds": cost,
        "figures": [[sample.name, list(sample.labels), sample.value] for sample in samples],
    }
    async with deps.db.writes.begin() as session:
        await session.execute(
            insert_of(session, WatchSnapshot)
            .values(values)
            .on_conflict_do_update(
                index_elements=["id"], set_={key: values[key] for key in values if key != "id"}
            )
        )
    return False


async def read(session: AsyncSession) -> Kept | None:
    """The figures as kept; None before the first."""
    row = await session.get(WatchSnapshot, THE_ROW)
    if row is None:
        return None
    found = tuple(Sample(name, tuple(labels), value) for name, labels, value in row.figures)
    return Kept(row.measured_at, row.cost_seconds, found)


async def ask(session: AsyncSession, *, now: datetime) -> list[Sample]:
    """Every figure as it stands."""
    found = [*await _outbox(session, now), *await _tickets(session, now), *await _beside(session, now)]
    found += [*await _sources(session, now), *await _platforms(session, now), *await _backups(session, now)]
    return found + list(await _drift(session))


async def _outbox(session: AsyncSession, now: datetime) -> Iterator[Sample]:
    pending = await _many(session, sa.select(Outbox.id).where(Outbox.dispatched_at.is_(None)))
    handed = await _many(session, sa.select(Outbox.id).where(Outbox.dispatched_at.is_not(None)))
    oldest = await session.scalar(sa.select(Outbox.created_at).order_by(Outbox.id).limit(1))
    waits = await session.scalar(sa.select(Appeal.stored_at).where(_WAITING).order_by(Appeal.id).limit(1))
    dead = await _many(session, sa.select(Appeal.id).where(_DEAD, ~registered_by_hand(Appeal.id)))
    return iter(
        (
            Sample("jiesu_outbox_rows", ("pending",), pending),
            Sample("jiesu_outbox_rows", ("handed_out",), handed),
            Sample("jiesu_outbox_oldest_seconds", (), _age(oldest, now)),
            Sample("jiesu_appeal_oldest_waiting_seconds", (), _age(waits, now)),
            Sample("jiesu_dead_letters", (), dead),
        )
    )


async def _tickets(session: AsyncSession, now: datetime) -> list[Sample]:
    review = Ticket.state == State.REVIEW.value
    count = await _many(session, sa.select(Ticket.id).where(review))
    oldest = await session.scalar(sa.select(Ticket.opened_at).where(review).order_by(Ticket.id).limit(1))
    late = sa.select(Ticket.due_clock).where(Ticket.due_at < now).limit(BOUND).subquery()
    by_clock = await session.execute(sa.select(late.c.due_clock, sa.func.count()).group_by(late.c.due_clock))
    behind = await session.scalar(sa.select(sa.func.min(TicketWatch.next_at)))
    return [
        Sample("jiesu_review_tickets", (), count),
        Sample("jiesu_review_oldest_seconds", (), _age(oldest, now)),
        *(Sample("jiesu_tickets_overdue", (clock or "none",), number) for clock, number in by_clock),
        Sample("jiesu_clock_lag_seconds", (), _age(behind, now)),
    ]


async def _beside(session: AsyncSession, now: datetime) -> list[Sample]:
    untold = await session.scalar(sa.select(sa.func.min(Notice.not_before)).where(_UNTOLD))
    running = BulkJob.state == BulkState.RUNNING.value
    return [
        Sample("jiesu_notices_waiting_seconds", (), _age(untold, now)),
        *await _deliveries(session, now),
        Sample("jiesu_bulk_jobs", (), await _many(session, sa.select(BulkJob.id).where(running))),
    ]


async def _deliveries(session: AsyncSession, now: datetime) -> list[Sample]:
    """What was grouped and is not taken, of every grade: due and not sent, tried in vain, ended in vain."""
    unsent = sa.select(Delivery.medium, Delivery.next_at, Delivery.attempts).where(_UNSENT).limit(BOUND)
    due = await session.scalar(sa.select(sa.func.min(unsent.subquery().c.next_at)))
    tried = unsent.where(Delivery.attempts >= _FAILING, Delivery.next_at <= now + _SOON).subquery()
    failing = await session.execute(sa.select(tried.c.medium, sa.func.count()).group_by(tried.c.medium))
    return [
        Sample("jiesu_notices_unsent_seconds", (), _age(due, now)),
        *(Sample("jiesu_notices_failing", (medium,), number) for medium, number in failing),
        *[
            Sample(
                "jiesu_notices_ended",
                (state.value,),
                await _many(session, sa.select(Notice.id).where(Notice.state == state.value)),
            )
            for state in _ENDED
        ],
        Sample("jiesu_notices_ended", (NoticeState.NO_CONTACT.value,), await _unreached(session, now)),
    ]


async def _unreached(session: AsyncSession, now: datetime) -> int:
    """Urgent notices of the last day that could reach nobody; of a site that keeps no addresses none."""
    if await session.scalar(sa.select(Contact.recipient).limit(1)) is None:
        return 0
    newest = (
        sa.select(Notice.urgency, Notice.created_at)
        .where(Notice.state == NoticeState.NO_CONTACT.value)
        .order_by(Notice.id.desc())
        .limit(_UNREACHED)
        .subquery()
    )
    urgent = sa.select(sa.func.count()).where(
        newest.c.urgency.in_(_URGENT), newest.c.created_at > now - timedelta(days=1)
    )
    return await session.scalar(urgent) or 0


async def _sources(session: AsyncSession, now: datetime) -> Iterator[Sample]:
    """Sources by their number: a source may be called after a file, and a file after a citizen."""
    rows = (
        await session.execute(
            sa.select(
                SourceTask.source_id,
                SourceTask.task,
                SourceTask.failures,
                SourceTask.lag_seconds,
                SourceTask.paused_until,
            )
        )
    ).all()
    return (
        Sample(name, (str(row.source_id), row.task), value)
        for row in rows
        for name, value in (
            ("jiesu_source_failures", row.failures),
            ("jiesu_source_lag_seconds", row.lag_seconds or 0),
            ("jiesu_source_paused", int(row.paused_until is not None and row.paused_until > now)),
        )
    )


async def _platforms(session: AsyncSession, now: datetime) -> list[Sample]:
    """Of each 12345 platform that is switched on: one that was left mends nothing any more."""
    on = sa.select(Source.id).where(Source.kind == SourceKind.HOTLINE.value, Source.enabled.is_(True))
    found: list[Sample] = []
    for source_id in (await session.scalars(on)).all():
        label = (str(source_id),)
        count = await figures.refused(session, source_id, now=now, most=BOUND)
        found.append(Sample("jiesu_hotline_refused", label, count))
        found.append(Sample("jiesu_hotline_unmatched", label, await figures.unmatched(session, source_id)))
    return found


async def _backups(session: AsyncSession, now: datetime) -> list[Sample]:
    """When the last backup was made, and the last that was proved; of the ledger, which has each."""
    made = (
        sa.select(LedgerRow.at, LedgerRow.detail)
        .where(LedgerRow.act == LedgerAct.BACKED_UP.value)
        .order_by(LedgerRow.seq.desc())
        .limit(_BACKUPS)
    )
    rows = (await session.execute(made)).all()
    proved = [row.at for row in rows if row.detail.get("verified") is True]
    return [
        *(Sample("jiesu_backup_age_seconds", (), _age(row.at, now)) for row in rows[:1]),
        *(Sample("jiesu_backup_verified_age_seconds", (), _age(at, now)) for at in proved[:1]),
    ]


async def _drift(session: AsyncSession) -> Iterator[Sample]:
    last = sa.select(sa.func.max(DriftFigureRow.day)).scalar_subquery()
    rows = await session.execute(
        sa.select(DriftFigureRow.figure, DriftFigureRow.psi, DriftFigureRow.level).where(
            DriftFigureRow.day == last
        )
    )
    return (
        sample
        for figure, psi, level in rows.all()
        for sample in (
            Sample("jiesu_drift_psi", (figure,), psi),
            Sample("jiesu_drift_level", (figure,), _LEVELS.get(level, 0)),
        )
    )


async def _many(session: AsyncSession, rows: sa.Select[int]) -> int:
    bounded = rows.limit(BOUND).subquery()
    return await session.scalar(sa.select(sa.func.count()).select_from(bounded)) or 0


def _age(moment: datetime | None, now: datetime) -> float:
    """Seconds since a moment; 0 when there is none, or when it lies ahead."""
    return 0.0 if moment is None else max((now - moment).total_seconds(), 0.0)
