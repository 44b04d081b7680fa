"""来源 at work: one row for each thing that a source does by itself, with its lease, its luck and its place.

What a source is (kind, schedule, settings, sealed credentials) stands in `models.appeals.Source`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Base, BigId


class SourceTask(Base):
    """One thing that a source does (pull, send …): whose turn, since when, how it went, how far it came.

    `lease_by` holds it until `lease_until`: no two processes do it at once. `failures` counts those since the
    last success; while `paused_until` lies ahead the breaker (断路) is open.
    """

    __tablename__ = "source_task"
    __table_args__ = (sa.Index("ix_source_task_next_at", "next_at"),)

    source_id: Mapped[int] = mapped_column(sa.ForeignKey("source.id"), primary_key=True)
    task: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    next_at: Mapped[datetime]
    lease_by: Mapped[str | None] = mapped_column(sa.String(80))
    lease_until: Mapped[datetime | None]
    tried_at: Mapped[datetime | None]
    succeeded_at: Mapped[datetime | None]
    lag_seconds: Mapped[int | None] = mapped_column(comment="age of the oldest that is still to come or go")
    said: Mapped[str | None] = mapped_column(sa.Text, comment="what the last success came to, in words")
    error: Mapped[str | None] = mapped_column(
        sa.Text, comment="why it failed last, for staff; never a citizen's words"
    )
    error_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0, server_default="0")
    paused_until: Mapped[datetime | None]
    cursor: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON, comment="how far it came; its own words")
    seen: Mapped[int] = mapped_column(BigId, default=0, server_default="0", comment="ever")
    stored: Mapped[int] = mapped_column(BigId, default=0, server_default="0", comment="ever")
