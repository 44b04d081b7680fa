"""What a worker does with new leads: read, screen out what is not ours, put the rest before an analyst."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from connectors.ports import JobName
from models.leads import Lead
from models.vocab_leads import DropReason, LeadAct, LeadState
from triage import logs, tracing
from triage.rules.calendar import beijing
from triage.rules.lead_rows import row_of
from triage.services.leads.taking import tell

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.ports import JobQueue
    from nlp.pipeline import Reader
    from nlp.types import TextReading
    from triage.rules.lead_rows import LeadRow
    from triage.services.deps import Deps

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class _Held:
    id: int
    title: str | None
    text: str
    published_at: datetime | None
    seen_at: datetime
    attempts: int

    @property
    def dated(self) -> datetime:
        """Its own date: what repeats say of theirs makes no report of today an old one."""
        return min(self.published_at or self.seen_at, self.seen_at)


async def hand_out(
    session: AsyncSession, queue: JobQueue, *, now: datetime, batch: int, again: timedelta
) -> int:
    """Ask workers to read what is unread; what came to nothing is asked `again`. Raises QueueDown.

    What was tried before is read alone: if it was what ended the worker, it takes no other with it again.
    """
    rows = (
        await session.execute(
            sa.select(Lead.id, Lead.attempts, Lead.trace)
            .where(Lead.state == LeadState.UNREAD.value, Lead.hand_out_at <= now)
            .order_by(Lead.id)
            .limit(batch)
            .with_for_update(skip_locked=True)
        )
    ).all()
    ids = [row.id for row in rows]
    if ids:
        await session.execute(
            sa.update(Lead)
            .where(Lead.id.in_(ids))
            .values(hand_out_at=now + again)
            .execution_options(synchronize_session=False)
        )
        fresh = [row for row in rows if not row.attempts]
        for part in [*([fresh] if fresh else []), *([row] for row in rows if row.attempts)]:
            key = f"leads-{part[0].id}-{part[-1].id}-{int(now.timestamp())}"
            with tracing.handing("relay leads", [row.trace for row in part], leads=len(part)):
                enqueue = partial(queue.enqueue, key=key, trace=tracing.current())
                await asyncio.to_thread(enqueue, JobName.READ_LEADS, [row.id for row in part])
    return len(ids)


async def read(deps: Deps, reader: Reader, ids: Sequence[int]) -> int:
    """Read the leads of `ids` that are unread. Gives how many were. Safe to run twice."""
    now = deps.clock.now()
    lease = timedelta(seconds=deps.settings.claim_seconds)
    async with deps.db.writes.begin() as session:
        claimed = await _claim(session, ids, until=now + lease)
        held = [item for item in claimed if item.attempts <= deps.settings.max_attempts]
        for item in claimed:
            if item.attempts > deps.settings.max_attempts:
                # Whoever read it ended before it could say so, as often as may be.
                await _give_up(session, item)
    if not held:
        return 0
    readings = _read(reader, held)
    row = row_of(deps.tables.leads, beijing(now).date())
    done = 0
    async with deps.db.writes.begin() as session:
        for item in held:
            reading = readings.get(item.id)
            if reading is not None:
                done += await _settle(session, row, item, reading, now=deps.clock.now())
            elif item.attempts >= deps.settings.max_attempts:
                await _give_up(session, item)
    return done


async def _claim(session: AsyncSession, ids: Sequence[int], *, until: datetime) -> list[_Held]:
    free = (
        sa.select(Lead.id)
        .where(Lead.id.in_(ids), Lead.state == LeadState.UNREAD.value)
        .with_for_update(skip_locked=True)
    )
    rows = await session.execute(
        sa.update(Lead)
        .where(Lead.id.in_(free))
        .values(attempts=Lead.attempts + 1, hand_out_at=until)
        .returning(Lead.id, Lead.title, Lead.text, Lead.published_at, Lead.seen_at, Lead.attempts)
        .execution_options(synchronize_session=False)
    )
    return sorted((_Held(*row) for row in rows), key=lambda item: item.id)


def _read(reader: Reader, held: Sequence[_Held]) -> dict[int, TextReading]:
    """The readings; a text that the models fail at is alone without one."""
    found: dict[int, TextReading] = {}
    for item in held:
        try:
            found[item.id] = reader.read(item.title, item.text)
        except Exception as error:  # noqa: BLE001  (recorded: the lead is tried again, then shown unread)
            log.error("lead_unread", lead_id=item.id, error=type(error).__name__)  # noqa: TRY400
    return found


def screen(row: LeadRow, reading: TextReading, dated: datetime, now: datetime) -> DropReason | None:
    """Why a report of such a date is not put before an analyst; None: it is."""
    if reading.topic.p_environmental * 100 < row.least_environmental:
        return DropReason.NOT_ENVIRONMENTAL
    if dated < now - timedelta(days=row.oldest_days):
        return DropReason.OLD
    place = reading.place
    if place.district_code is None and place.outside and not row.outside:
        return DropReason.ELSEWHERE
    return None


async def _settle(
    session: AsyncSession, row: LeadRow, item: _Held, reading: TextReading, *, now: datetime
) -> int:
    topic, place = reading.topic, reading.place
    screened = screen(row, reading, item.dated, now)
    state = LeadState.DROPPED if screened else LeadState.WAITING
    values = {
        "screened": screened.value if screened else None,
        "reason": screened.value if screened else None,
        "environmental": topic.environmental,
        "p_environmental": topic.p_environmental,
        "kind": topic.kind,
        "kind_confidence": topic.kind_confidence,
        "urgency": topic.urgency.value,
        "district_code": place.district_code,
        "street_code": place.street_code,
        "place": place.span or place.outside,
        "reading": {
            "model_version": reading.model_version,
            "row": row.id,
            "review_reasons": [reason.value for reason in reading.review_reasons],
            "place_confidence": round(place.confidence, 4),
            "party": topic.party,
            "when": topic.when,
        },
    }
    if not await _store(session, item, state, values):
        return 0
    act = LeadAct.SCREENED if screened else LeadAct.READ
    data = {"row": row.id, **({"reason": screened.value} if screened else {})}
    await tell(session, item.id, act, at=now, data=data)
    return 1


async def _give_up(session: AsyncSession, item: _Held) -> None:
    """It can be confirmed by hand all the same: nothing is lost for a reader's fault."""
    log.error("lead_given_up", lead_id=item.id, attempts=item.attempts)
    await _store(session, item, LeadState.WAITING, {"reading": {"failed": True}})


async def _store(session: AsyncSession, item: _Held, state: LeadState, values: dict[str, Any]) -> bool:
    """Whether the lead was still unread, and is no longer."""
    done = await session.execute(
        sa.update(Lead)
        .where(Lead.id == item.id, Lead.state == LeadState.UNREAD.value)
        .values(state=state.value, **values)
        .returning(Lead.id)
        .execution_options(synchronize_session=False)
    )
    return done.one_or_none() is not None
