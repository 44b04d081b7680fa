"""事件 (突发、群体): an incident, its calls, what was done with it; and what is usual where and when.

`incident_call` holds each ticket once as bursts see it, by family, square of the grid and time: the calls
around a new one are found by an index, never by a scan. Rows that belong to no incident are cleared after a
few days. `incident_hour` counts what is usual by hour; the calls of an incident are not usual and are taken
out of it again (and put back when a person says that it was none).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

import models.tickets  # noqa: F401  (the table that foreign keys here name)
from models.db import Base, BigId

#: 尚未结束, written out: only so do both databases see that the partial index fits.
LIVE = "incident.state NOT IN ('closed', 'dismissed')"
_LIVE_HERE = LIVE.replace("incident.", "")


class IncidentWatch(Base):
    """Where the watch stands: one row. Whoever holds it watches; a second process leaves it alone."""

    __tablename__ = "incident_watch"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    after_id: Mapped[int] = mapped_column(sa.BigInteger, comment="tickets up to this one are not looked at")
    since: Mapped[datetime] = mapped_column(comment="from when on what is usual was counted")
    looked_at: Mapped[datetime] = mapped_column(comment="of the last batch")


class Incident(Base):
    """One event that many call about."""

    __tablename__ = "incident"
    __table_args__ = (
        sa.CheckConstraint(
            "state in ('proposed', 'confirmed', 'scaled', 'closed', 'dismissed')", name="state"
        ),
        sa.Index("ix_incident_state", "state", "id"),
        sa.Index(
            "ix_incident_live",
            "last_at",
            postgresql_where=sa.text(_LIVE_HERE),
            sqlite_where=sa.text(_LIVE_HERE),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    version: Mapped[int] = mapped_column(comment="counts its events")
    state: Mapped[str] = mapped_column(sa.String(12), comment="vocab_incidents.IncidentState")
    scope: Mapped[str] = mapped_column(sa.String(12), comment="vocab_incidents.BurstScope of the row")
    family: Mapped[str] = mapped_column(sa.String(8), comment="NOI of NOI-01; - for what has no kind")
    kind: Mapped[str | None] = mapped_column(sa.String(16), comment="that most of its calls have")
    district_code: Mapped[str | None] = mapped_column(sa.String(12))
    street_code: Mapped[str | None] = mapped_column(sa.String(12))
    lon: Mapped[float | None] = mapped_column(comment="WGS-84 degrees: the middle of its calls")
    lat: Mapped[float | None]
    reach: Mapped[float] = mapped_column(comment="metres from the middle to the farthest call")
    first_at: Mapped[datetime] = mapped_column(comment="of its first call")
    last_at: Mapped[datetime] = mapped_column(comment="of its last call")
    opened_at: Mapped[datetime]
    calls: Mapped[int] = mapped_column(comment="tickets that belong to it: demands")
    told_calls: Mapped[int] = mapped_column(comment="how many there were when it was last told of")
    row_id: Mapped[str] = mapped_column(sa.String(60), comment="of incidents.yaml: the row that found it")
    callers: Mapped[int] = mapped_column(comment="when it was found")
    usual: Mapped[float] = mapped_column(comment="callers that such a stretch of time usually has there")
    chance: Mapped[float] = mapped_column(comment="of so many, if nothing were the matter")
    confirm_by: Mapped[datetime] = mapped_column(comment="紧急 (U1): by when a person must have looked")
    answer_by: Mapped[datetime] = mapped_column(comment="紧急 (U1): by when what was done must be told")
    answer_next_at: Mapped[datetime | None] = mapped_column(
        comment="the next warning of answer_by; null: none"
    )
    answer_told_at: Mapped[datetime | None] = mapped_column(comment="warnings up to then were told")
    late_told: Mapped[bool] = mapped_column(default=False, comment="that nobody looked in time was told")
    reason: Mapped[str | None] = mapped_column(sa.Text, comment="of the last decision, masked")
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None] = mapped_column(sa.String(64))


class IncidentTold(Base):
    """A unit that was alerted: it hears how the incident goes on, and may open its page."""

    __tablename__ = "incident_told"

    incident_id: Mapped[int] = mapped_column(sa.ForeignKey("incident.id"), primary_key=True)
    unit_code: Mapped[str] = mapped_column(sa.String(40), primary_key=True, comment="that was alerted")
    at: Mapped[datetime] = mapped_column(comment="for the first time")


class IncidentCall(Base):
    """A ticket as bursts see it, and the incident it belongs to."""

    __tablename__ = "incident_call"
    __table_args__ = (
        sa.Index("ix_incident_call_square", "family", "square", "at"),
        sa.Index("ix_incident_call_district", "family", "district_code", "at"),
        sa.Index(
            "ix_incident_call_incident",
            "incident_id",
            "at",
            postgresql_where=sa.text("incident_id IS NOT NULL"),
            sqlite_where=sa.text("incident_id IS NOT NULL"),
        ),
    )

    ticket_id: Mapped[int] = mapped_column(sa.ForeignKey("ticket.id"), primary_key=True)
    at: Mapped[datetime] = mapped_column(comment="when the citizen spoke")
    family: Mapped[str] = mapped_column(sa.String(8))
    square: Mapped[str | None] = mapped_column(sa.String(16), comment="of the grid; null: no point is known")
    district_code: Mapped[str | None] = mapped_column(sa.String(12))
    lon: Mapped[float | None]
    lat: Mapped[float | None]
    incident_id: Mapped[int | None] = mapped_column(sa.ForeignKey("incident.id"))
    by: Mapped[str | None] = mapped_column(sa.String(12), comment="vocab_incidents.CallBy")
    kept_out: Mapped[bool] = mapped_column(
        default=False, comment="a person took it out: it does not attach by itself again"
    )


class IncidentHour(Base):
    """How many calls of a family a square or a district had in an hour, those of incidents left out."""

    __tablename__ = "incident_hour"
    __table_args__ = (sa.Index("ix_incident_hour_hour", "hour"),)

    family: Mapped[str] = mapped_column(sa.String(8), primary_key=True)
    area: Mapped[str] = mapped_column(sa.String(16), primary_key=True, comment="a square or a district")
    hour: Mapped[datetime] = mapped_column(primary_key=True, comment="its beginning")
    count: Mapped[int]


class IncidentEvent(Base):
    """What was done with an incident, in order. `data` says what undoing needs."""

    __tablename__ = "incident_event"

    incident_id: Mapped[int] = mapped_column(sa.ForeignKey("incident.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    act: Mapped[str] = mapped_column(sa.String(12), comment="vocab_incidents.IncidentAct")
    by: Mapped[str | None] = mapped_column(sa.String(64), comment="login; null: the system")
    data: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
