"""The exchange with a 12345 platform: orders seen, actions told back, nonces of its pushes, reconciliations.

None of these rows holds who complained: that is sealed with the appeal.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Base, BigId

#: Written out, for indexes and for the queries that are to use them.
WAITING = "state = 'waiting'"
REFUSED = "state = 'refused'"
#: Words of a platform that nobody has answered.
UNANSWERED = "state IN ('waiting', 'asked')"


class HotlineOrder(Base):
    """平台工单: an order that a platform showed us, taken in or not; its appeal has the same number."""

    __tablename__ = "hotline_order"
    __table_args__ = (
        sa.Index("ix_hotline_order_day", "source_id", "day"),
        sa.Index(
            "ix_hotline_order_refused",
            "source_id",
            "first_seen_at",
            postgresql_where=sa.text("refused IS NOT NULL"),
            sqlite_where=sa.text("refused IS NOT NULL"),
        ),
    )

    source_id: Mapped[int] = mapped_column(sa.ForeignKey("source.id"), primary_key=True)
    order_no: Mapped[str] = mapped_column(sa.String(200), primary_key=True)
    day: Mapped[date] = mapped_column(comment="in Beijing, by the platform's own time of the order")
    status: Mapped[str] = mapped_column(sa.String(16), comment="vocab_sources.OrderStatus")
    foreign_status: Mapped[str | None] = mapped_column(sa.String(40))
    updated_at: Mapped[datetime] = mapped_column(comment="by the platform's clock")
    first_seen_at: Mapped[datetime]
    via: Mapped[str] = mapped_column(sa.String(8), comment="pull or push: how it came first")
    attachments: Mapped[list[dict[str, Any]]] = mapped_column(
        sa.JSON, comment="references: id, type, size, address, and why one is not accepted"
    )
    facts: Mapped[dict[str, str] | None] = mapped_column(
        sa.JSON(none_as_null=True),
        comment="vocab_sources.OrderFact by name: the platform's deadline, grade, 督办",
    )
    refused: Mapped[str | None] = mapped_column(
        sa.Text, comment="why it was not taken in; never a citizen's words"
    )
    changed_at: Mapped[datetime | None] = mapped_column(
        comment="it came again with other words; what was stored first stands"
    )


class HotlineAction(Base):
    """回传动作: one move told back. Order number and action number are its key on both sides."""

    __tablename__ = "hotline_action"
    __table_args__ = (
        sa.UniqueConstraint("source_id", "order_no", "seq"),
        # The sender looks at what waits, the page at what was refused: little beside what there is.
        sa.Index(
            "ix_hotline_action_waiting",
            "source_id",
            "available_at",
            postgresql_where=sa.text(WAITING),
            sqlite_where=sa.text(WAITING),
        ),
        sa.Index(
            "ix_hotline_action_refused",
            "source_id",
            "id",
            postgresql_where=sa.text(REFUSED),
            sqlite_where=sa.text(REFUSED),
        ),
        sa.Index("ix_hotline_action_day", "source_id", "day"),
        sa.Index("ix_hotline_action_ticket", "ticket_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    source_id: Mapped[int] = mapped_column(sa.ForeignKey("source.id"))
    order_no: Mapped[str] = mapped_column(sa.String(200))
    seq: Mapped[int] = mapped_column(comment="action number: 1, 2, 3 … of the order")
    ticket_id: Mapped[int] = mapped_column(sa.ForeignKey("ticket.id"))
    event_seq: Mapped[int] = mapped_column(comment="of the ticket's event that it tells of")
    kind: Mapped[str] = mapped_column(sa.String(16), comment="vocab_sources.ActionKind")
    day: Mapped[date] = mapped_column(comment="of the event, in Beijing: it is reconciled by this")
    body: Mapped[dict[str, Any]] = mapped_column(
        sa.JSON, comment="moment, unit and what the move was told (masked), in our words"
    )
    state: Mapped[str] = mapped_column(sa.String(16), comment="vocab_sources.ActionState")
    created_at: Mapped[datetime]
    available_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    acknowledged_at: Mapped[datetime | None]
    receipt: Mapped[str | None] = mapped_column(sa.String(120), comment="the platform's number for it")
    error: Mapped[str | None] = mapped_column(sa.Text, comment="why not, in words for staff")


class HotlineWord(Base):
    """平台来话: 催办, 撤单 or other words of an order that is here; each counts once by its number."""

    __tablename__ = "hotline_word"
    __table_args__ = (
        sa.UniqueConstraint("source_id", "order_no", "kind", "number"),
        sa.Index(
            "ix_hotline_word_unanswered",
            "source_id",
            "id",
            postgresql_where=sa.text(UNANSWERED),
            sqlite_where=sa.text(UNANSWERED),
        ),
        sa.Index("ix_hotline_word_ticket", "ticket_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    source_id: Mapped[int] = mapped_column(sa.ForeignKey("source.id"))
    order_no: Mapped[str] = mapped_column(sa.String(200))
    kind: Mapped[str] = mapped_column(sa.String(16), comment="vocab_sources.WordKind")
    number: Mapped[str] = mapped_column(
        sa.String(64), comment="the platform's number of an urge; else the time, or a keyed hash of the words"
    )
    said_at: Mapped[datetime] = mapped_column(comment="by the platform's clock")
    seen_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(sa.String(16), comment="vocab_sources.WordState")
    ticket_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("ticket.id"), comment="once the order has one"
    )
    settled_at: Mapped[datetime | None]
    settled_by: Mapped[str | None] = mapped_column(sa.String(64), comment="login; null: by itself")
    why: Mapped[str | None] = mapped_column(sa.Text, comment="what came of it, in words for staff")


class HotlineNonce(Base):
    """A nonce that a platform's push was signed with: it counts once."""

    __tablename__ = "hotline_nonce"
    __table_args__ = (sa.Index("ix_hotline_nonce_seen_at", "seen_at"),)

    source_id: Mapped[int] = mapped_column(sa.ForeignKey("source.id"), primary_key=True)
    nonce: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    seen_at: Mapped[datetime]


class Reconciliation(Base):
    """对账: what one side had of a day and the other lacked. Kept; a later one of the day is another row."""

    __tablename__ = "hotline_reconciliation"
    __table_args__ = (sa.Index("ix_hotline_reconciliation_day", "source_id", "day"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    source_id: Mapped[int] = mapped_column(sa.ForeignKey("source.id"))
    day: Mapped[date]
    made_at: Mapped[datetime]
    orders: Mapped[int] = mapped_column(comment="that the platform told of")
    actions: Mapped[int] = mapped_column(comment="that the platform told of")
    unmatched: Mapped[int] = mapped_column(comment="orders and actions that one side lacks")
    detail: Mapped[dict[str, Any]] = mapped_column(sa.JSON, comment="the numbers, up to a thousand of a sort")
