"""Figures of the watch (监控): what the timetable last asked of the database, in one row for all."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Base

#: There is one row.
THE_ROW: Final = 1


class WatchSnapshot(Base):
    """The figures as they stood at a moment: asked once, answered by every web process from one read."""

    __tablename__ = "watch_snapshot"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    measured_at: Mapped[datetime]
    cost_seconds: Mapped[float] = mapped_column(comment="how long asking took")
    figures: Mapped[list[Any]] = mapped_column(
        sa.JSON, comment="[name, [label values], value]; nothing personal"
    )
