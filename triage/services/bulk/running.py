"""A bulk job is worked off: confirmed, handed to the queue, done in short transactions, cancelled.

The rows are the record. Each chunk is one transaction that locks its tickets in order of id (so that two
jobs, or a job and a clerk who merges, never wait for each other in a circle), makes the moves and writes
their results. A worker killed in the middle leaves the chunk undone and the rows waiting. One worker has a
job at a time: the job's own row is locked.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from connectors.ports import JobName
from models import merged
from models.bulk import BulkJob, BulkResult
from models.db import unstorable
from models.filters import Scope, Viewer, may_see
from models.tickets import Ticket
from models.vocab import Move, Post
from models.vocab_bulk import BulkRow, BulkState
from models.vocab_ledger import LedgerAct, SubjectKind
from triage import logs, tracing
from triage.errors import BadInput, NotFound, TriageError, place_of
from triage.rules import bulk as rules
from triage.rules.moves import Actor
from triage.services import following, ledger, moving
from triage.services.bulk import digest, drafting
from triage.services.move_rows import LostRow
from triage.services.moving import Conflict, Person, Wish
from triage.services.staff import people

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.ports import JobQueue
    from triage.rules.bulk import BulkMove
    from triage.rules.rows import Tables
    from triage.services.deps import Deps

log = logs.get(__name__)

#: Tickets in one transaction: a clerk who wants one of them waits for so many at most.
CHUNK: Final = 25
#: And for so many seconds, about: one row of a case of thousands may take as long as a hundred others.
_AIM: Final = 2.0
#: Jobs handed out at once.
_AT_ONCE: Final = 20


class NotYours(TriageError):
    """这一批是别的身份建的，只能由原来的身份继续。"""

    code = "not_yours"
    status = 403


@dataclass(frozen=True, slots=True)
class _Came:
    """What came of one row."""

    seq: int
    state: BulkRow
    code: str | None = None
    reason: str | None = None
    version: int | None = None


def person_of(job: BulkJob) -> Person:
    """Who asked for the job."""
    return Person(Actor(Post(job.post), job.unit_code, job.login), job.name)


async def viewer_of(session: AsyncSession, tables: Tables, job: BulkJob, *, now: datetime) -> Viewer:
    """A job may do and see what whoever asked for it may now: not what they might when they asked.

    Whose account has ended or lost its roles, their job makes no further move.
    """
    login = job.login.partition(":")[0]
    person = await people.person_at(session, login, now=now)
    if person is None:
        return Viewer(login, Scope())
    return people.viewer_of(tables, person, now=now)


async def locked(session: AsyncSession, job_id: int) -> BulkJob:
    """The job, locked. Raises NotFound."""
    job = await session.scalar(sa.select(BulkJob).where(BulkJob.id == job_id).with_for_update())
    if job is None:
        raise NotFound("没有这一批。")
    return job


async def start(session: AsyncSession, job_id: int, person: Person, *, now: datetime) -> None:
    """Confirm a draft: from now on workers may take it. Doing so twice changes nothing."""
    job = await locked(session, job_id)
    check_owner(job, person)
    if job.state in {BulkState.RUNNING.value, BulkState.DONE.value}:
        return
    if job.state != BulkState.DRAFT.value:
        raise BadInput("这一批已经取消，请重新选择工单")
    waiting = sa.select(BulkResult.seq).where(
        BulkResult.job_id == job_id, BulkResult.state == BulkRow.WAITING.value
    )
    if await session.scalar(waiting.limit(1)) is None:
        raise BadInput("没有一张可以办理，不用提交")
    job.state, job.started_at, job.handed_at = BulkState.RUNNING.value, now, None
    job.trace = tracing.current()
    ledger.write(
        session, who=person.actor.login or "system", act=LedgerAct.BULK_MADE, now=now,
        subject=ledger.Subject(SubjectKind.TICKET, f"bulk-{job_id}"),
        detail={"move": job.move, "tickets": job.total, "post": job.post, "undoes": job.undoes},
    )  # fmt: skip


async def cancel(
    session: AsyncSession, job_id: int, person: Person, *, tables: Tables, now: datetime
) -> None:
    """What was not done yet is not done any more. Doing so twice changes nothing."""
    job = await locked(session, job_id)
    check_owner(job, person)
    if job.state not in {BulkState.DRAFT.value, BulkState.RUNNING.value}:
        return
    job.state, job.ended_at, job.handed_at = BulkState.CANCELLED.value, now, None
    await session.execute(
        sa.update(BulkResult)
        .where(BulkResult.job_id == job_id, BulkResult.state == BulkRow.WAITING.value)
        .values(state=BulkRow.CANCELLED.value, at=now)
    )
    await digest.tell(session, tables, job, now=now)


def check_owner(job: BulkJob, person: Person) -> None:
    """Only whoever made a job goes on with it. Raises NotYours."""
    if job.login != person.actor.login:
        raise NotYours(f"这一批是“{job.name}”建的，请先换回那个身份")


async def hand_out(session: AsyncSession, queue: JobQueue, *, now: datetime, resend: timedelta) -> int:
    """Queue the jobs that nobody works on, and those whose worker was not heard of. Raises QueueDown."""
    rows = (
        await session.execute(
            sa.select(BulkJob.id, BulkJob.trace)
            .where(
                # Written out: only so does the partial index fit.
                sa.literal_column("bulk_job.state = 'running'"),
                sa.or_(BulkJob.handed_at.is_(None), BulkJob.handed_at < now - resend),
            )
            .order_by(BulkJob.id)
            .limit(_AT_ONCE)
            .with_for_update(skip_locked=True)
        )
    ).all()
    for row in rows:
        # A key of its own each time, as in `relay`: RQ keeps the id of a job whose worker was killed.
        key = f"bulk-{row.id}-{int(now.timestamp() * 1_000_000)}"
        with tracing.handing("relay bulk", [row.trace], job=row.id):
            enqueue = partial(queue.enqueue, key=key, trace=tracing.current())
            await asyncio.to_thread(enqueue, JobName.RUN_BULK, [row.id])
    if rows:
        ids = [row.id for row in rows]
        await session.execute(sa.update(BulkJob).where(BulkJob.id.in_(ids)).values(handed_at=now))
    return len(rows)


async def run(deps: Deps, job_id: int, *, seconds: float, chunk: int = CHUNK) -> int:
    """Work on a job for so long, then leave the rest to the next turn. Gives how many rows were decided.

    Safe to run twice, and at once: what is decided is passed over. Begun with one row: what is cut off in
    the middle is undone, and with as many again the next turn would come no further.
    """
    until = time.monotonic() + seconds
    decided, size = 0, 1
    while (began := time.monotonic()) < until:
        count = await _careful(deps, job_id, min(size, chunk))
        if count is None:
            return decided
        decided += count
        size = next_size(size, time.monotonic() - began, most=chunk)
    async with deps.db.writes.begin() as session:
        await session.execute(
            sa.update(BulkJob)
            .where(BulkJob.id == job_id, BulkJob.state == BulkState.RUNNING.value)
            .values(handed_at=None)
        )
    return decided


def next_size(size: int, took: float, *, most: int) -> int:
    """How many rows to decide next after `size` of them took so long: twice as many, within the time."""
    within = int(size * _AIM / took) if took > 0 else most
    return max(1, min(2 * size, within, most))


async def _careful(deps: Deps, job_id: int, chunk: int) -> int | None:
    """A chunk; row by row when one of it cannot be stored; the one that cannot is recorded, not hidden."""
    try:
        return await _chunk(deps, job_id, chunk)
    except DBAPIError as error:
        if not unstorable(error):
            raise  # the database is away, or chose another: the next turn goes on
        failure: Exception = error
    except Exception as error:  # noqa: BLE001  (one bad row must not stop the others: recorded below)
        failure = error
    if chunk > 1:
        log.error("bulk_chunk_failed", job=job_id, rows=chunk, reason=place_of(failure))
        for done in range(chunk):
            if await _careful(deps, job_id, 1) is None:
                return done or None
        return chunk
    log.error("bulk_row_failed", job=job_id, reason=place_of(failure))
    return await _record(deps, job_id, failure)


async def _chunk(deps: Deps, job_id: int, size: int) -> int | None:
    """Decide up to `size` rows in one transaction. None: there is nothing left, or another worker has it."""
    now = deps.clock.now()
    async with deps.db.writes.begin() as session:
        job = await _mine(session, job_id)
        if job is None:
            return None
        rows = list(
            await session.scalars(
                sa.select(BulkResult)
                .where(BulkResult.job_id == job_id, BulkResult.state == BulkRow.WAITING.value)
                .order_by(BulkResult.seq)
                .limit(size)
            )
        )
        if not rows:
            job.state, job.ended_at, job.handed_at = BulkState.DONE.value, now, None
            await digest.tell(session, deps.tables, job, now=now)
            log.info("bulk_job_done", job=job_id, move=job.move, total=job.total)
            return None
        job.handed_at = now
        by_id = {row.ticket_id: row for row in rows}
        viewer = await viewer_of(session, deps.tables, job, now=now)
        heads = await moving.heads_of(session, Move(job.move), list(by_id), job.values)
        behind: set[int] = set()
        if Move(job.move) in following.SETTLING:
            behind = await merged.behind_ids(session, list(by_id))
        seen = sa.and_(Ticket.id.in_(list(by_id)), may_see(viewer))
        others = sa.or_(Ticket.no.in_(heads), Ticket.id.in_(behind))
        locked = await session.scalars(
            sa.select(Ticket).where(sa.or_(seen, others)).order_by(Ticket.id).with_for_update()
        )
        # Heads, and what waits behind, are locked with the others, in one order; they are moved only when
        # they were picked, and may be seen.
        tickets = [ticket for ticket in locked if ticket.id in by_id]
        move = Move(job.move)
        bulk = rules.bulk_moves(deps.tables, at=now).get(move)
        proposals = await drafting.proposals_of(session, deps.tables, bulk, tickets, now=now) if bulk else {}
        work = _Work(
            job, viewer, bulk, deps.tables, now, digest.digested(deps.tables, move, at=now), proposals
        )
        came = [await _one(session, work, ticket, by_id.pop(ticket.id)) for ticket in tickets]
        came += [
            _Came(row.seq, BulkRow.REFUSED, NotFound.code, "没有这张工单，或您无权查看。")
            for row in by_id.values()
        ]
        await _write(session, job_id, came, at=now)
        return len(rows)


async def _mine(session: AsyncSession, job_id: int) -> BulkJob | None:
    """The job, locked, if it still runs and nobody else is at it."""
    job: BulkJob | None = await session.scalar(
        sa.select(BulkJob)
        .where(BulkJob.id == job_id, BulkJob.state == BulkState.RUNNING.value)
        .with_for_update(skip_locked=True)
    )
    return job


@dataclass(frozen=True, slots=True)
class _Work:
    """What is the same for all rows of a chunk. `bulk` is None for an undo."""

    job: BulkJob
    viewer: Viewer
    bulk: BulkMove | None
    tables: Tables
    now: datetime
    silent: bool
    proposals: Mapping[int, Mapping[str, Any]]


async def _one(session: AsyncSession, work: _Work, ticket: Ticket, row: BulkResult) -> _Came:
    """Make the move on one ticket. What refuses it refused before anything was written."""
    job, values = work.job, dict(work.job.values)
    if work.bulk is not None:
        values = rules.values_for(work.bulk, values, work.proposals.get(ticket.id, {}))
    wish = Wish(
        ticket.no, Move(job.move), values, row.seen, f"bulk-{job.id}", batch=job.id, silent=work.silent
    )
    person = person_of(job)
    try:
        made = await moving.make(session, work.tables, work.viewer, person, wish, now=work.now)
    except LostRow:
        raise  # something was written: the chunk must not be kept
    except Conflict as conflict:
        words = "；".join(f"{change.by}：{change.label}" for change in conflict.changes) or "有更新"
        reason = f"预览之后这张工单又有变化（{words}），没有再动它"
        return _Came(row.seq, BulkRow.CONFLICT, conflict.code, reason)
    except TriageError as refusal:
        return _Came(row.seq, BulkRow.REFUSED, refusal.code, refusal.detail)
    return _Came(row.seq, BulkRow.DONE, version=made.version)


async def _write(session: AsyncSession, job_id: int, came: Sequence[_Came], *, at: datetime) -> None:
    """The results, by their keys."""
    rows = [
        {
            "job_id": job_id, "seq": one.seq, "state": one.state.value, "code": one.code,
            "reason": one.reason, "version": one.version, "at": at,
        }
        for one in came
    ]  # fmt: skip
    await session.execute(sa.update(BulkResult), rows)


async def _record(deps: Deps, job_id: int, failure: Exception) -> int | None:
    """The first row that waits is the one that failed: it says so, and the others go on."""
    async with deps.db.writes.begin() as session:
        if await _mine(session, job_id) is None:
            return None
        seq = await session.scalar(
            sa.select(sa.func.min(BulkResult.seq)).where(
                BulkResult.job_id == job_id, BulkResult.state == BulkRow.WAITING.value
            )
        )
        if seq is None:
            return None
        words = f"系统出错，没有办理；请告知管理员：{place_of(failure)}"
        came = _Came(seq, BulkRow.FAILED, type(failure).__name__[:40], words)
        await _write(session, job_id, [came], at=deps.clock.now())
    return 1
