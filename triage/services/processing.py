"""读取并派单: waiting appeals become tickets, a batch at a time.

Claim (short transaction) → read and decide (no transaction) → settle (one transaction: reading, ticket,
units, events, appeal done, outbox row gone). Whoever settles first wins; running twice changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import aliased

from connectors.ports import JobName
from models.appeals import Appeal, Appellant, Reading
from models.db import unstorable
from models.matters import alike_in_confidence
from models.outbox import DeadLetter, Outbox
from models.tickets import Ticket
from models.vocab import OPEN_STATES, AppealState
from triage import logs, metrics, tracing
from triage.errors import place_of
from triage.services import at_once, deciding, ticketing
from triage.services.patrol import carrying

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from nlp.pipeline import Reader
    from nlp.types import TextReading
    from triage.services.deciding import Decided
    from triage.services.deps import Deps

log = logs.get(__name__)

#: A dead letter says what failed and where, and nothing a citizen wrote.
_REASON_LIMIT: Final = 300
#: One IN list takes this many.
_CHUNK: Final = 1000
SAME_MATTER: Final = timedelta(days=30)


class WorkerLost(Exception):
    """Every worker that took this appeal ended before it could say what happened."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """An appeal held by this worker until its lease ends."""

    id: int
    title: str | None
    text: str
    address: str | None
    received_at: datetime
    stored_at: datetime
    attempts: int
    caller_area: str | None


@dataclass(frozen=True, slots=True)
class ProcessReport:
    """How many appeals became tickets, failed for now, and were given up."""

    done: int = 0
    failed: int = 0
    dead: int = 0

    def __add__(self, other: ProcessReport) -> ProcessReport:
        """Both together."""
        return ProcessReport(self.done + other.done, self.failed + other.failed, self.dead + other.dead)


async def process(deps: Deps, reader: Reader, ids: Sequence[int]) -> ProcessReport:
    """Turn those of `ids` that still wait, and that nobody holds, into tickets.

    What was tried before is claimed and read by itself, after the others: if it was what ended the worker, it
    takes no other with it again. The relay hands such out alone, but a job may have waited since before.
    """
    async with deps.db.reads() as session:
        alone = await read_alone(session, ids) if len(ids) > 1 else set()
    report = await _batch(deps, reader, [number for number in ids if number not in alone])
    for number in sorted(alone):
        report += await _batch(deps, reader, [number])
    return report


async def read_alone(session: AsyncSession, ids: Sequence[int]) -> set[int]:
    """Those of `ids` that may end their worker: tried before and still waiting, or given up for it once."""
    lost = sa.exists().where(
        DeadLetter.key == Appeal.id,
        DeadLetter.topic == JobName.READ_APPEALS.value,
        DeadLetter.reason.startswith(WorkerLost.__name__),
    )
    tried = sa.or_(Appeal.attempts > 0, lost)
    found: set[int] = set()
    for start in range(0, len(ids), _CHUNK):
        some = Appeal.id.in_(ids[start : start + _CHUNK])
        waits = Appeal.state == AppealState.WAITING.value
        found |= set(await session.scalars(sa.select(Appeal.id).where(some, waits, tried)))
    return found


async def _batch(deps: Deps, reader: Reader, ids: Sequence[int]) -> ProcessReport:
    """One claim, one reading, one settling."""
    if not ids:
        return ProcessReport()
    now = deps.clock.now()
    async with deps.db.writes.begin() as session:
        claimed = await claim(
            session, ids, now=now, until=now + timedelta(seconds=deps.settings.claim_seconds)
        )
    if not claimed:
        return ProcessReport()
    decided: list[Decided] = []
    # Tried more often than is allowed, and nobody came back to say why: it took its workers down with it.
    failures: list[tuple[Claimed, Exception]] = [
        (appeal, WorkerLost()) for appeal in claimed if appeal.attempts > deps.settings.max_attempts
    ]
    claimed = [appeal for appeal in claimed if appeal.attempts <= deps.settings.max_attempts]
    with tracing.span("read", texts=len(claimed)):
        readings = _read(reader, claimed)
    async with deps.db.reads() as session:
        ids_claimed = [appeal.id for appeal in claimed]
        matters = await open_matters(session, ids_claimed, now=now)
        sealed = await at_once.waiting(session, ids_claimed)
        patrolled = await carrying.waiting(session, ids_claimed)
    answered: set[int] = set()
    for appeal in claimed:
        try:
            reading = readings.get(appeal.id) or reader.read(
                *deciding.words_of(appeal), area=appeal.caller_area
            )
            known = matters.get(appeal.id, ())
            answer = sealed[appeal.id].opened(deps.vault) if appeal.id in sealed else None
            found = patrolled[appeal.id].opened(deps.vault) if appeal.id in patrolled else None
            decided.append(
                deciding.decide_appeal(
                    deps.tables, reading, appeal, now=now, matters=known, answer=answer, found=found
                )
            )
            answered |= {appeal.id} if answer or found else set()
        except Exception as error:  # noqa: BLE001  (one poisonous text must not stop its batch: recorded)
            # Not the trace: an error's message may quote what a citizen wrote.
            log.error("appeal_failed", appeal_id=appeal.id, attempts=appeal.attempts, reason=_reason(error))  # noqa: TRY400
            failures.append((appeal, error))
    with tracing.span("settle", tickets=len(decided)):
        done, unstored = await _settle(deps, decided, answered)
    failures += [(appeal, unstored[appeal.id]) for appeal in claimed if appeal.id in unstored]
    async with deps.db.writes.begin() as session:
        dead = await _record_failures(
            session, failures, now=deps.clock.now(), max_attempts=deps.settings.max_attempts
        )
    _observe(decided, unstored, claimed, now=deps.clock.now())
    for outcome, number in (("done", done), ("failed", len(failures) - dead), ("dead", dead)):
        metrics.APPEALS.labels(outcome).inc(number)
    return ProcessReport(done=done, failed=len(failures) - dead, dead=dead)


def _observe(
    decided: Sequence[Decided], unstored: Collection[int], claimed: Sequence[Claimed], *, now: datetime
) -> None:
    """Count what was stored: how sure the readings were, and how long each appeal had waited."""
    since = {appeal.id: appeal.stored_at for appeal in claimed}
    for item in decided:
        if item.appeal_id in unstored:
            continue
        waited = max((now - since[item.appeal_id]).total_seconds(), 0.0)
        metrics.DISPATCH_DELAY.labels(item.ticket["state"]).observe(waited)
        metrics.CONFIDENCE.labels("environmental").observe(item.reading["p_environmental"])
        if item.reading["environmental"]:
            metrics.CONFIDENCE.labels("kind").observe(item.reading["kind_confidence"])
            metrics.CONFIDENCE.labels("place").observe(item.reading["place_confidence"])


async def _settle(
    deps: Deps, decided: Sequence[Decided], answered: AbstractSet[int]
) -> tuple[int, dict[int, Exception]]:
    """Store the batch; each by itself when one cannot be stored, so that it holds up no other.

    `answered`: those whose answer goes from the sealed original to the ticket.
    """

    async def store(some: Sequence[Decided]) -> int:
        async with deps.db.writes.begin() as session:
            done = await ticketing.settle(session, deps.tables, some, now=deps.clock.now())
            if mine := answered & {item.appeal_id for item in some}:
                await at_once.forget(session, deps.vault, mine)
            return done

    try:
        return await store(decided), {}
    except DBAPIError as error:
        if not unstorable(error):
            raise
        log.error("batch_unstored", appeals=len(decided), reason=_reason(error))  # noqa: TRY400
    done = 0
    refused: dict[int, Exception] = {}
    for item in decided:
        try:
            done += await store([item])
        except DBAPIError as error:
            if not unstorable(error):
                raise
            log.error("appeal_unstored", appeal_id=item.appeal_id, reason=_reason(error))  # noqa: TRY400
            refused[item.appeal_id] = error
    return done, refused


async def open_matters(
    session: AsyncSession, ids: Sequence[int], *, now: datetime
) -> dict[int, set[deciding.Matter]]:
    """For each appeal the matters of the same caller (blind phone index) that are open and not old.

    Two hops over indexes; an appeal without a phone has none. R2.8 (A): the same matter within 30 days.
    A report in confidence is not weighed against what its sender says openly (`models.matters`).
    """
    mine, theirs = aliased(Appellant), aliased(Appellant)
    rows = await session.execute(
        sa.select(mine.appeal_id, Ticket.kind, Reading.kind.label("read"), Ticket.street_code)
        .join(theirs, sa.and_(theirs.phone_index == mine.phone_index, theirs.appeal_id != mine.appeal_id))
        .join(Ticket, Ticket.appeal_id == theirs.appeal_id)
        .outerjoin(Reading, Reading.id == Ticket.reading_id)
        .where(
            mine.appeal_id.in_(ids),
            alike_in_confidence(mine, theirs),
            Ticket.state.in_([state.value for state in OPEN_STATES]),
            Ticket.received_at >= now - SAME_MATTER,
        )
    )
    found: dict[int, set[deciding.Matter]] = {}
    for appeal_id, kind, read, street_code in rows:
        # As it was read too: who says the same again is read the same, whatever a clerk made of the first.
        found.setdefault(appeal_id, set()).update({(kind, street_code), (read, street_code)})
    return found


def _read(reader: Reader, claimed: Sequence[Claimed]) -> dict[int, TextReading]:
    """The readings of a batch; none when one of its texts made the models fail, to be found one by one."""
    try:
        readings = reader.read_many(
            [deciding.words_of(appeal) for appeal in claimed],
            areas=[appeal.caller_area for appeal in claimed],
        )
    except Exception as error:  # noqa: BLE001  (each text is then read alone, and the bad one recorded)
        log.error("batch_unread", appeals=len(claimed), reason=_reason(error))  # noqa: TRY400
        return {}
    return dict(zip((appeal.id for appeal in claimed), readings, strict=True))


async def claim(
    session: AsyncSession, ids: Sequence[int], *, now: datetime, until: datetime
) -> list[Claimed]:
    """Take a lease on the appeals of `ids` that wait and that nobody holds."""
    free = (
        sa.select(Appeal.id)
        .where(
            Appeal.id.in_(ids),
            Appeal.state == AppealState.WAITING.value,
            sa.or_(Appeal.claimed_until.is_(None), Appeal.claimed_until <= now),
        )
        .with_for_update(skip_locked=True)
    )
    rows = await session.execute(
        sa.update(Appeal)
        .where(Appeal.id.in_(free))
        .values(claimed_until=until, attempts=Appeal.attempts + 1)
        .returning(
            Appeal.id,
            Appeal.title,
            Appeal.text,
            Appeal.address,
            Appeal.received_at,
            Appeal.stored_at,
            Appeal.attempts,
            Appeal.caller_area,
        )
        .execution_options(synchronize_session=False)
    )
    return sorted((Claimed(**row._asdict()) for row in rows), key=lambda appeal: appeal.id)


async def _record_failures(
    session: AsyncSession,
    failures: Sequence[tuple[Claimed, Exception]],
    *,
    now: datetime,
    max_attempts: int,
) -> int:
    """Let failed appeals wait for their next try; after the last one, write the dead letter."""
    dead = [(appeal, error) for appeal, error in failures if appeal.attempts >= max_attempts]
    if dead:
        # Another worker, whose time had run out here, may have made its ticket meanwhile: that stands.
        given_up = await session.scalars(
            sa.update(Appeal)
            .where(
                Appeal.id.in_([appeal.id for appeal, _ in dead]), Appeal.state == AppealState.WAITING.value
            )
            .values(state=AppealState.DEAD.value)
            .returning(Appeal.id)
            .execution_options(synchronize_session=False)
        )
        ids = set(given_up)
        dead = [(appeal, error) for appeal, error in dead if appeal.id in ids]
    if dead:
        await session.execute(sa.delete(Outbox).where(Outbox.key.in_(ids)))
        await session.execute(
            sa.insert(DeadLetter),
            [
                {
                    "topic": JobName.READ_APPEALS.value,
                    "key": appeal.id,
                    "reason": _reason(error),
                    "detail": {"attempts": appeal.attempts},
                    "created_at": now,
                }
                for appeal, error in dead
            ],
        )
    return len(dead)


def _reason(error: Exception) -> str:
    return place_of(error)[:_REASON_LIMIT]
