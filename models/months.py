"""月度三率 as published: a month's figures and the verdict on each ticket. Append-only."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Base, BigId


class MonthFigures(Base):
    """One published version of a month. Append-only: a correction is a new version with its reason."""

    __tablename__ = "month_figures"
    __table_args__ = (sa.UniqueConstraint("month", "version"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    month: Mapped[str] = mapped_column(sa.String(7), comment="2026-10, Beijing time")
    version: Mapped[int] = mapped_column(comment="1, 2, 3 … within the month")
    as_of: Mapped[datetime] = mapped_column(comment="only what had happened before is counted")
    published_at: Mapped[datetime]
    reason: Mapped[str | None] = mapped_column(sa.Text, comment="why it was corrected; null for the first")
    table_version: Mapped[str] = mapped_column(sa.String(40))
    sha256: Mapped[str] = mapped_column(sa.String(64), comment="of figures and verdicts, canonical JSON")
    content: Mapped[dict[str, Any]] = mapped_column(sa.JSON, comment="rows used, weights, lines")


class MonthVerdict(Base):
    """考核结论: one ticket in one published version, for one unit. Append-only."""

    __tablename__ = "month_verdict"
    __table_args__ = (sa.Index("ix_month_verdict_unit", "month_id", "unit_code"),)

    month_id: Mapped[int] = mapped_column(sa.ForeignKey("month_figures.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    no: Mapped[str] = mapped_column(sa.String(32))
    unit_code: Mapped[str | None] = mapped_column(sa.String(40))
    street_code: Mapped[str | None] = mapped_column(sa.String(12))
    district_code: Mapped[str | None] = mapped_column(sa.String(12))
    kind: Mapped[str | None] = mapped_column(sa.String(16))
    points: Mapped[dict[str, int]] = mapped_column(sa.JSON, comment="rate → 0 to 100")
    outs: Mapped[list[list[str]]] = mapped_column(sa.JSON, comment="[rate, cause, row, reason] each")
