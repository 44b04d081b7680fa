"""What pages and the API show of bulk jobs. The API's schema is made from these classes too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003  (read at run time: the OpenAPI document)
from typing import TYPE_CHECKING

from models.vocab import Move, Urgency
from models.vocab_bulk import BulkRow, BulkState
from triage.web import present
from triage.web.views import Term

if TYPE_CHECKING:
    from triage.services.bulk.results import Report, Row


@dataclass(frozen=True, slots=True)
class BulkReason:
    """Why so many cannot be moved."""

    words: str
    count: int


@dataclass(frozen=True, slots=True)
class BulkUnit:
    """How many tickets of a unit were moved."""

    code: str | None
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class BulkJobView:
    """批量办理: one move over many tickets. A draft has moved nothing; `waiting` is how many can be moved.

    `undoes`: it takes back that job. `undone_by`: that job took it back.
    """

    id: int
    move: Term
    state: Term
    by: str
    total: int
    waiting: int
    done: int
    refused: int
    conflict: int
    failed: int
    cancelled: int
    reasons: tuple[BulkReason, ...]
    units: tuple[BulkUnit, ...]
    undoes: int | None
    undone_by: int | None
    made_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class BulkRowView:
    """What became of one ticket; `reason` says in Chinese why not, with the clause.

    `urgency` and `due_at`: its grade and the nearest due time that runs, as they are now.
    """

    seq: int
    no: str
    title: str
    unit: str | None
    urgency: Term
    due_at: datetime | None
    state: Term
    reason: str | None
    version: int | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class BulkRows:
    """Rows of a job; pass `after` back for the next ones."""

    items: tuple[BulkRowView, ...]
    after: int | None


def job_view(found: Report) -> BulkJobView:
    """A job for whoever asks."""
    job, counts = found.job, found.counts
    move, state = Move(job.move), BulkState(job.state)
    return BulkJobView(
        id=job.id,
        move=Term(move.value, move.label),
        state=Term(state.value, state.label),
        by=job.name,
        total=job.total,
        waiting=counts.get(BulkRow.WAITING, 0),
        done=counts.get(BulkRow.DONE, 0),
        refused=counts.get(BulkRow.REFUSED, 0),
        conflict=counts.get(BulkRow.CONFLICT, 0),
        failed=counts.get(BulkRow.FAILED, 0),
        cancelled=counts.get(BulkRow.CANCELLED, 0),
        reasons=tuple(BulkReason(one.words, one.count) for one in found.reasons),
        units=tuple(BulkUnit(one.code, one.name, one.count) for one in found.units),
        undoes=job.undoes,
        undone_by=found.undone_by,
        made_at=job.made_at,
        started_at=job.started_at,
        ended_at=job.ended_at,
    )


def row_view(row: Row) -> BulkRowView:
    """A row for whoever asks."""
    state = Term(row.state.value, row.state.label)
    return BulkRowView(
        row.seq, row.no, row.title, row.unit, present.term(Urgency, row.urgency), row.due_at,
        state, row.reason, row.version, row.at,
    )  # fmt: skip


def rows_view(rows: list[Row], *, limit: int) -> BulkRows:
    """A page of rows, asked for with one more than `limit`."""
    shown = tuple(row_view(row) for row in rows[:limit])
    return BulkRows(shown, shown[-1].seq if len(rows) > limit else None)
