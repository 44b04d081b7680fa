"""批量办理: a move over many tickets, and what became of each. The database is the record of the work.

A job is a draft until somebody confirms it; while it runs, `handed_at` is the lease of the worker that has
it: a worker that was killed leaves rows that wait, and the next one goes on with them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

import models.tickets  # noqa: F401  (the tables that foreign keys here name)
from models.db import Base, BigId

_RUNNING = "state = 'running'"


class BulkJob(Base):
    """One move asked for over a list of tickets, by one person."""

    __tablename__ = "bulk_job"
    __table_args__ = (
        sa.Index(
            "ix_bulk_job_running",
            "handed_at",
            postgresql_where=sa.text(_RUNNING),
            sqlite_where=sa.text(_RUNNING),
        ),
        sa.Index("ix_bulk_job_undoes", "undoes"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    move: Mapped[str] = mapped_column(sa.String(16), comment="vocab.Move; undo: of the job `undoes`")
    values: Mapped[dict[str, Any]] = mapped_column(sa.JSON, comment="what was typed, masked")
    picked: Mapped[dict[str, str]] = mapped_column(
        sa.JSON, comment="the filter that chose the tickets, masked; empty: they were ticked"
    )
    post: Mapped[str] = mapped_column(sa.String(16), comment="vocab.Post of whoever acts")
    unit_code: Mapped[str | None] = mapped_column(sa.ForeignKey("unit.code"), comment="acted for")
    login: Mapped[str] = mapped_column(sa.String(64))
    name: Mapped[str] = mapped_column(sa.String(64))
    state: Mapped[str] = mapped_column(sa.String(12), comment="vocab_bulk.BulkState")
    undoes: Mapped[int | None] = mapped_column(sa.ForeignKey("bulk_job.id"))
    total: Mapped[int] = mapped_column(comment="tickets picked")
    made_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    handed_at: Mapped[datetime | None] = mapped_column(
        comment="handed to the queue, or last heard of; null: to be handed out"
    )
    trace: Mapped[str | None] = mapped_column(
        sa.String(55), comment="W3C traceparent of what started it; null: tracing is off"
    )


class BulkResult(Base):
    """One ticket of a job: the version that was seen, and what came of the move."""

    __tablename__ = "bulk_result"
    __table_args__ = (
        sa.UniqueConstraint("job_id", "ticket_id"),
        sa.Index("ix_bulk_result_state", "job_id", "state", "seq"),
    )

    job_id: Mapped[int] = mapped_column(sa.ForeignKey("bulk_job.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, comment="1, 2, 3 … in the order of the list")
    ticket_id: Mapped[int] = mapped_column(sa.ForeignKey("ticket.id"))
    seen: Mapped[int] = mapped_column(comment="version of the ticket that the preview saw")
    state: Mapped[str] = mapped_column(sa.String(12), comment="vocab_bulk.BulkRow")
    code: Mapped[str | None] = mapped_column(sa.String(40), comment="of the error")
    reason: Mapped[str | None] = mapped_column(sa.Text, comment="why not, with the clause")
    version: Mapped[int | None] = mapped_column(comment="of the ticket after the move")
    at: Mapped[datetime | None] = mapped_column(comment="when it was decided")
