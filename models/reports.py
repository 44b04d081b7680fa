"""报告: drafted from figures, edited and signed off by a person, then frozen; and what is open to the public.

A signed report never changes: a correction is a new edition. Its figures are kept with it, with the version
of the sums they were read from.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Base, BigId


class Report(Base):
    """One edition of a report of a period."""

    __tablename__ = "report"
    __table_args__ = (
        sa.UniqueConstraint("kind", "period", "edition"),
        sa.Index("ix_report_made", "made_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(8), comment="vocab_reports.ReportKind")
    period: Mapped[str] = mapped_column(sa.String(10), comment="2026-11-25, 2026-W47 or 2026-10, Beijing")
    edition: Mapped[int] = mapped_column(comment="1, then corrections")
    issue: Mapped[int] = mapped_column(comment="期数: number of the period within its year")
    state: Mapped[str] = mapped_column(sa.String(8), comment="vocab_reports.ReportState")
    version: Mapped[int] = mapped_column(comment="counts the drafts")
    facts: Mapped[dict[str, Any]] = mapped_column(
        sa.JSON, comment="the figures, each with what is shown of it"
    )
    sections: Mapped[list[dict[str, Any]]] = mapped_column(sa.JSON, comment="headings and their sentences")
    data_version: Mapped[str] = mapped_column(
        sa.String(80), comment="of the sums, and of the published month"
    )
    as_of: Mapped[datetime] = mapped_column(comment="up to when everything is counted")
    table_version: Mapped[str] = mapped_column(sa.String(40))
    made_at: Mapped[datetime]
    signed_at: Mapped[datetime | None]
    signed_by: Mapped[str | None] = mapped_column(sa.String(64))
    sha256: Mapped[str | None] = mapped_column(sa.String(64), comment="of figures and text, once signed")


class ReportDraft(Base):
    """A draft as it was saved. Append-only."""

    __tablename__ = "report_draft"

    report_id: Mapped[int] = mapped_column(sa.ForeignKey("report.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    sections: Mapped[list[dict[str, Any]]] = mapped_column(sa.JSON)
    by: Mapped[str] = mapped_column(sa.String(64), comment="login; system: drafted from figures")
    at: Mapped[datetime]


class OpenMonth(Base):
    """A month as it is open to the public: small numbers hidden, never changed once published."""

    __tablename__ = "open_month"

    month: Mapped[str] = mapped_column(sa.String(7), primary_key=True)
    least: Mapped[int] = mapped_column(comment="smaller counts are not told")
    published_at: Mapped[datetime]
    cells: Mapped[list[dict[str, Any]]] = mapped_column(
        sa.JSON, comment="district, kind and count each; count null: hidden"
    )
    sha256: Mapped[str] = mapped_column(sa.String(64))
