"""回拨: accounts at providers of virtual numbers, and what is kept of each call-back."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

import models.tickets  # noqa: F401  (the table that a foreign key here names)
from models.db import Base, BigId


class NumbersProvider(Base):
    """虚拟号服务: an account at a provider. What it is told are citizens' numbers: two persons set it up."""

    __tablename__ = "numbers_provider"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(sa.String(40), unique=True)
    name: Mapped[str] = mapped_column(sa.String(60))
    enabled: Mapped[bool] = mapped_column(default=False)
    settings: Mapped[dict[str, str]] = mapped_column(sa.JSON, comment="plain texts by name")
    credentials: Mapped[bytes | None] = mapped_column(sa.LargeBinary, comment="sealed JSON; null: none")
    held: Mapped[str] = mapped_column(sa.String(200), default="", comment="names of the credentials")
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(sa.String(64), comment="login; another one switches it on")
    enabled_by: Mapped[str | None] = mapped_column(sa.String(64))


class CallBack(Base):
    """回拨: one press. Never the citizen's number; the virtual one, sealed, until its time is over."""

    __tablename__ = "call_back"
    __table_args__ = (
        sa.Index("ix_call_back_ticket", "ticket_id", "login"),
        sa.Index("ix_call_back_asked", "asked_at"),
        sa.Index(
            "ix_call_back_standing",
            "until",
            postgresql_where=sa.text("number IS NOT NULL"),
            sqlite_where=sa.text("number IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(sa.String(32), unique=True, comment="what the provider knows it by")
    ticket_id: Mapped[int] = mapped_column(sa.ForeignKey("ticket.id"))
    login: Mapped[str] = mapped_column(sa.String(64))
    provider_id: Mapped[int] = mapped_column(sa.ForeignKey("numbers_provider.id"))
    asked_at: Mapped[datetime]
    until: Mapped[datetime | None] = mapped_column(comment="of the virtual number; null: none was given")
    number: Mapped[bytes | None] = mapped_column(
        sa.LargeBinary, comment="sealed: the virtual number; null once over"
    )
    reference: Mapped[str | None] = mapped_column(sa.String(80), comment="the provider's own name for it")
    failure: Mapped[str | None] = mapped_column(sa.String(40), comment="a code of ours; null: none")
