"""Leads (线索): what media say, apart from appeals. A lead is in no list, count or rate of tickets.

`lead_item` holds every item ever seen by the hash of its address, so that a feed that is read every few
minutes adds each once. `media_exposure` is what the case keeps of a lead: since when the matter
was public (有奖举报 asks).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

import models.appeals  # noqa: F401  (the table that foreign keys here name)
from models.db import Base, BigId


class Lead(Base):
    """One matter as media tell it, with what was read of it and what an analyst decided."""

    __tablename__ = "lead"
    __table_args__ = (
        sa.Index("ix_lead_state", "state", "id"),
        sa.Index("ix_lead_seen_at", "seen_at"),
        sa.Index("ix_lead_merged", "merged_lead_id"),
        sa.Index(
            "ix_lead_unread",
            "hand_out_at",
            postgresql_where=sa.text("state = 'unread'"),
            sqlite_where=sa.text("state = 'unread'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    version: Mapped[int] = mapped_column(comment="counts its events")
    source: Mapped[str] = mapped_column(sa.String(120), comment="key of the source it was first seen in")
    url: Mapped[str | None] = mapped_column(sa.Text)
    url_hash: Mapped[str] = mapped_column(
        sa.String(64), unique=True, comment="sha256 of the address made plain"
    )
    title: Mapped[str | None] = mapped_column(sa.Text, comment="masked")
    text: Mapped[str] = mapped_column(sa.Text, comment="masked")
    published_at: Mapped[datetime | None] = mapped_column(comment="as the item says")
    seen_at: Mapped[datetime] = mapped_column(comment="when it was first taken here")
    exposed_at: Mapped[datetime] = mapped_column(comment="曝光时间: the earliest of it and its repeats")
    state: Mapped[str] = mapped_column(sa.String(12), comment="vocab_leads.LeadState")
    screened: Mapped[str | None] = mapped_column(
        sa.String(24), comment="dropped by rule: vocab_leads.DropReason"
    )
    repeats: Mapped[int] = mapped_column(default=0, comment="further reports that say nearly the same")
    environmental: Mapped[bool | None]
    p_environmental: Mapped[float | None]
    kind: Mapped[str | None] = mapped_column(sa.String(16))
    kind_confidence: Mapped[float | None]
    urgency: Mapped[str | None] = mapped_column(sa.String(4))
    district_code: Mapped[str | None] = mapped_column(sa.String(12))
    street_code: Mapped[str | None] = mapped_column(sa.String(12))
    place: Mapped[str | None] = mapped_column(sa.Text, comment="the words that say where")
    reading: Mapped[dict[str, Any] | None] = mapped_column(
        sa.JSON, comment="model, reasons for a person to look"
    )
    reason: Mapped[str | None] = mapped_column(sa.String(24), comment="vocab_leads.DropReason")
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None] = mapped_column(sa.String(64))
    appeal_id: Mapped[int | None] = mapped_column(sa.ForeignKey("appeal.id"), unique=True)
    merged_lead_id: Mapped[int | None] = mapped_column(sa.ForeignKey("lead.id"))
    merged_ticket_no: Mapped[str | None] = mapped_column(sa.String(32))
    attempts: Mapped[int] = mapped_column(default=0)
    hand_out_at: Mapped[datetime] = mapped_column(comment="unread: when a worker is asked (again)")
    trace: Mapped[str | None] = mapped_column(
        sa.String(55), comment="W3C traceparent of what took it in; null: tracing is off"
    )


class LeadItem(Base):
    """An item of a feed that was taken, once: same address, same item, whichever feed brings it."""

    __tablename__ = "lead_item"

    url_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    source: Mapped[str] = mapped_column(sa.String(120))
    lead_id: Mapped[int | None] = mapped_column(sa.ForeignKey("lead.id"), index=True)
    seen_at: Mapped[datetime]


class LeadBand(Base):
    """A piece of the fingerprint of a lead's text: near-same texts share at least one."""

    __tablename__ = "lead_band"

    value: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True)
    lead_id: Mapped[int] = mapped_column(sa.ForeignKey("lead.id"), primary_key=True, index=True)


class LeadEvent(Base):
    """What was done with a lead, in order. `data` says what undoing needs."""

    __tablename__ = "lead_event"

    lead_id: Mapped[int] = mapped_column(sa.ForeignKey("lead.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    act: Mapped[str] = mapped_column(sa.String(12), comment="vocab_leads.LeadAct")
    by: Mapped[str | None] = mapped_column(sa.String(64), comment="login; null: the system")
    data: Mapped[dict[str, Any]] = mapped_column(sa.JSON)


class MediaExposure(Base):
    """媒体曝光 of a case: by which lead, since when."""

    __tablename__ = "media_exposure"

    appeal_id: Mapped[int] = mapped_column(sa.ForeignKey("appeal.id"), primary_key=True)
    lead_id: Mapped[int] = mapped_column(sa.ForeignKey("lead.id"), primary_key=True, index=True)
    exposed_at: Mapped[datetime]
