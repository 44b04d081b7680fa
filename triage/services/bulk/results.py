"""What a bulk job came to: its counts, its refusals by reason, its rows, for pages, programs and exports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.bulk import BulkJob, BulkResult
from models.filters import may_see
from models.tickets import Ticket
from models.units import Unit
from models.vocab import Field
from models.vocab_bulk import BulkRow
from models.vocab_staff import Permission
from triage.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Viewer

#: Reasons told apart; the rarer ones are told together.
MOST_REASONS: Final = 20
PAGE: Final = 100
#: Jobs that are listed.
LISTED: Final = 20
_EXPORT: Final = 1000


@dataclass(frozen=True, slots=True)
class Reason:
    """Why so many could not be moved. `others`: how many further reasons are folded into this line."""

    words: str
    count: int
    others: int = 0


@dataclass(frozen=True, slots=True)
class UnitCount:
    """How many tickets of a unit were moved: what its one notice would say."""

    code: str | None
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Row:
    """One ticket of a job."""

    seq: int
    no: str
    title: str
    unit: str | None
    urgency: str
    due_at: datetime | None
    state: BulkRow
    reason: str | None
    version: int | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Report:
    """A job with its counts by state, and the job that undoes it, when there is one that was confirmed."""

    job: BulkJob
    counts: Mapping[BulkRow, int]
    reasons: tuple[Reason, ...]
    units: tuple[UnitCount, ...]
    undone_by: int | None

    @property
    def decided(self) -> int:
        """How many rows are decided."""
        return self.job.total - self.counts.get(BulkRow.WAITING, 0)

    @property
    def wanted(self) -> int:
        """How many were to be moved when the job was confirmed, or can be while it is a draft."""
        never = sum(
            count for state, count in self.counts.items() if state in {BulkRow.REFUSED, BulkRow.CONFLICT}
        )
        return self.job.total - never


def may_see_job(viewer: Viewer) -> sa.ColumnElement[bool]:
    """Which jobs somebody sees: their own; all of them who supervise the whole city."""
    if viewer.scope.everything and viewer.may(Permission.SUPERVISE):
        return sa.true()
    return BulkJob.login == viewer.login


async def report(session: AsyncSession, viewer: Viewer, job_id: int) -> Report:
    """The whole picture of one job. Raises NotFound."""
    job = await session.scalar(sa.select(BulkJob).where(BulkJob.id == job_id, may_see_job(viewer)))
    if job is None:
        raise NotFound("没有这一批，或您无权查看。")
    rows = await session.execute(
        sa.select(BulkResult.state, sa.func.count())
        .where(BulkResult.job_id == job_id)
        .group_by(BulkResult.state)
    )
    counts = {BulkRow(state): count for state, count in rows}
    undone_by = await session.scalar(
        sa.select(sa.func.max(BulkJob.id)).where(BulkJob.undoes == job_id, BulkJob.started_at.is_not(None))
    )
    return Report(job, counts, await _reasons(session, job_id), await _units(session, job_id), undone_by)


async def head(session: AsyncSession, viewer: Viewer, job: BulkJob) -> Ticket | None:
    """Of 合并: the ticket that the others are merged into."""
    no = job.values.get(Field.OTHER_TICKET.value)
    found: Ticket | None = await session.scalar(sa.select(Ticket).where(Ticket.no == no, may_see(viewer)))
    return found


async def _reasons(session: AsyncSession, job_id: int) -> tuple[Reason, ...]:
    rows = (
        await session.execute(
            sa.select(BulkResult.reason, sa.func.count())
            .where(BulkResult.job_id == job_id, BulkResult.reason.is_not(None))
            .group_by(BulkResult.reason)
            .order_by(sa.func.count().desc(), BulkResult.reason)
        )
    ).all()
    found = [Reason(words or "", count) for words, count in rows]
    if len(found) <= MOST_REASONS:
        return tuple(found)
    rest = found[MOST_REASONS - 1 :]
    folded = Reason("其他原因，见下面逐张的结果", sum(one.count for one in rest), len(rest))
    return (*found[: MOST_REASONS - 1], folded)


async def _units(session: AsyncSession, job_id: int) -> tuple[UnitCount, ...]:
    rows = await session.execute(
        sa.select(Ticket.unit_code, sa.func.coalesce(sa.func.min(Unit.name), "未定承办单位"), sa.func.count())
        .select_from(BulkResult)
        .join(Ticket, Ticket.id == BulkResult.ticket_id)
        .outerjoin(Unit, Unit.code == Ticket.unit_code)
        .where(BulkResult.job_id == job_id, BulkResult.state == BulkRow.DONE.value)
        .group_by(Ticket.unit_code)
        .order_by(sa.func.count().desc(), Ticket.unit_code)
    )
    return tuple(UnitCount(*row) for row in rows)


async def page(
    session: AsyncSession,
    viewer: Viewer,
    job_id: int,
    *,
    after: int = 0,
    only: BulkRow | None = None,
    limit: int = PAGE,
) -> list[Row]:
    """The rows after a place, in order."""
    chosen = [BulkResult.job_id == job_id, BulkResult.seq > after, may_see(viewer)]
    if only is not None:
        chosen.append(BulkResult.state == only.value)
    rows = await session.execute(
        sa.select(
            BulkResult.seq, Ticket.no, Ticket.title, Unit.name, Ticket.urgency, Ticket.due_at,
            BulkResult.state, BulkResult.reason, BulkResult.version, BulkResult.at,
        )
        .join(Ticket, Ticket.id == BulkResult.ticket_id)
        .outerjoin(Unit, Unit.code == Ticket.unit_code)
        .where(*chosen)
        .order_by(BulkResult.seq)
        .limit(limit)
    )  # fmt: skip
    return [
        Row(
            row.seq, row.no, row.title, row.name, row.urgency, row.due_at, BulkRow(row.state), row.reason,
            row.version, row.at,
        )
        for row in rows
    ]  # fmt: skip


async def every_row(session: AsyncSession, viewer: Viewer, job_id: int) -> AsyncIterator[Row]:
    """All rows, for an export."""
    after = 0
    while rows := await page(session, viewer, job_id, after=after, limit=_EXPORT):
        for row in rows:
            yield row
        after = rows[-1].seq


async def latest(session: AsyncSession, viewer: Viewer, *, limit: int = LISTED) -> list[BulkJob]:
    """The newest jobs, drafts among them."""
    rows = await session.scalars(
        sa.select(BulkJob).where(may_see_job(viewer)).order_by(BulkJob.id.desc()).limit(limit)
    )
    return list(rows)
