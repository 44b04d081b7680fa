"""Outgoing notices (通知): what is to be told to whom, what was handed over, every try, and addresses.

No row holds a phone or an address in the clear: contacts are sealed, a citizen is named by the appeal's id.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Base, BigId


class Notice(Base):
    """One thing to tell one recipient, written in the transaction of what happened."""

    __tablename__ = "notice"
    __table_args__ = (
        sa.Index(
            "ix_notice_waiting",
            "not_before",
            postgresql_where=sa.text("state = 'waiting'"),
            sqlite_where=sa.text("state = 'waiting'"),
        ),
        # Notices are kept: those of the last days are looked at each minute, whether somebody can be reached.
        sa.Index(
            "ix_notice_no_contact",
            "created_at",
            postgresql_where=sa.text("state = 'no_contact'"),
            sqlite_where=sa.text("state = 'no_contact'"),
        ),
        sa.Index("ix_notice_state", "state", "id"),
        sa.Index("ix_notice_recipient", "recipient_kind", "recipient", "id"),
        sa.Index("ix_notice_delivery", "delivery_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(
        sa.String(160), unique=True, comment="what it is about: written twice, it is one notice"
    )
    recipient_kind: Mapped[str] = mapped_column(sa.String(12), comment="vocab_notices.RecipientKind")
    recipient: Mapped[str] = mapped_column(sa.String(80), comment="unit code, post, or the appeal's id")
    template: Mapped[str] = mapped_column(sa.String(60), comment="of notices.yaml")
    urgency: Mapped[str] = mapped_column(sa.String(4))
    facts: Mapped[dict[str, Any]] = mapped_column(sa.JSON, comment="what the template says; nothing personal")
    created_at: Mapped[datetime]
    not_before: Mapped[datetime] = mapped_column(comment="end of its digest window and of quiet hours")
    state: Mapped[str] = mapped_column(sa.String(12), comment="vocab_notices.NoticeState")
    delivery_id: Mapped[int | None] = mapped_column(sa.ForeignKey("delivery.id"))


class Delivery(Base):
    """One message to one recipient over one medium: a notice or a digest of several."""

    __tablename__ = "delivery"
    __table_args__ = (
        sa.Index(
            "ix_delivery_due",
            "medium",
            "next_at",
            postgresql_where=sa.text("state = 'sending'"),
            sqlite_where=sa.text("state = 'sending'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(sa.String(40), unique=True, comment="the counterpart's idempotency key")
    recipient_kind: Mapped[str] = mapped_column(sa.String(12))
    recipient: Mapped[str] = mapped_column(sa.String(80))
    medium: Mapped[str] = mapped_column(sa.String(16), comment="vocab_notices.Medium")
    subject: Mapped[str] = mapped_column(sa.Text)
    text: Mapped[str] = mapped_column(sa.Text, comment="the same at every try")
    notices: Mapped[int] = mapped_column(comment="how many it tells of")
    state: Mapped[str] = mapped_column(sa.String(12), comment="vocab_notices.NoticeState")
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    next_at: Mapped[datetime] = mapped_column(comment="of the next try")
    claim: Mapped[str | None] = mapped_column(sa.String(40), comment="of the process that is sending it")
    claimed_until: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class DeliveryAttempt(Base):
    """One try of a delivery (发送记录). Without a result: the process ended before it knew one."""

    __tablename__ = "delivery_attempt"

    delivery_id: Mapped[int] = mapped_column(sa.ForeignKey("delivery.id"), primary_key=True)
    claim: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    result: Mapped[str | None] = mapped_column(sa.String(12), comment="vocab_notices.AttemptResult")
    code: Mapped[str | None] = mapped_column(sa.String(40), comment="ours, never the counterpart's words")


class Contact(Base):
    """联系方式 of a unit or post, one a medium. The address is sealed; `hint` is what people see of it."""

    __tablename__ = "contact"

    recipient_kind: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    recipient: Mapped[str] = mapped_column(sa.String(80), primary_key=True)
    medium: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    address: Mapped[bytes] = mapped_column(sa.LargeBinary, comment="sealed")
    hint: Mapped[str] = mapped_column(sa.String(80), comment="masked")
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(sa.String(64))
