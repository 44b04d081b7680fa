"""态势信号: what was noticed in the figures, what a person made of it, and the forecast of the next month."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Base, BigId


class Signal(Base):
    """One signal. The same thing noticed again on later days is the same row: `last_day` moves.

    So do score and `told`, until a person decides: these stay as they were decided on.
    """

    __tablename__ = "signal"
    __table_args__ = (
        sa.CheckConstraint("state in ('new', 'acknowledged', 'dismissed')", name="state"),
        sa.Index("ix_signal_subject", "what", "kind", "district", "place", "last_day"),
        sa.Index("ix_signal_state", "state", "last_day", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    what: Mapped[str] = mapped_column(sa.String(16), comment="vocab_trends.SignalKind")
    kind: Mapped[str] = mapped_column(sa.String(16))
    district: Mapped[str] = mapped_column(sa.String(12))
    place: Mapped[str] = mapped_column(sa.String(40), comment="street, community or grid; '': none")
    first_day: Mapped[date] = mapped_column(sa.Date, comment="the first day it was noticed for")
    last_day: Mapped[date] = mapped_column(sa.Date)
    score: Mapped[float] = mapped_column(comment="of the last day; how it is reckoned stands in `told`")
    told: Mapped[dict[str, Any]] = mapped_column(sa.JSON, comment="its numbers, and the sentences with them")
    row_id: Mapped[str] = mapped_column(sa.String(80), comment="the row of signals.yaml that set its limits")
    state: Mapped[str] = mapped_column(sa.String(16), comment="vocab_trends.SignalState")
    made_at: Mapped[datetime]
    by: Mapped[str | None] = mapped_column(sa.String(64), comment="login of who decided")
    decided_at: Mapped[datetime | None]
    reason: Mapped[str | None] = mapped_column(sa.Text)


class SignalDay(Base):
    """A day that was looked through: how many series were tested and what was found."""

    __tablename__ = "signal_day"

    day: Mapped[date] = mapped_column(sa.Date, primary_key=True)
    series: Mapped[int]
    found: Mapped[int]
    at: Mapped[datetime]


class Forecast(Base):
    """What is expected of a month, by kind and district, with its interval. Kept as it was made."""

    __tablename__ = "forecast"

    month: Mapped[date] = mapped_column(sa.Date, primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    district: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    expected: Mapped[float]
    low: Mapped[float] = mapped_column(comment="four of five months are expected between low and high")
    high: Mapped[float]
    method: Mapped[str] = mapped_column(sa.String(40))
    made_at: Mapped[datetime]
