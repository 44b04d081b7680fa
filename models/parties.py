"""被反映对象: the companies and sites that complaints name, their spellings, and what was merged or split.

A spelling (`party_name`) belongs to one party at a time; a ticket is tied to the spelling, never to the
party. So merging two parties moves spellings, splitting moves some of them back, and no ticket's row changes.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

import models.tickets  # noqa: F401  (the table that foreign keys here name)
from models.db import Base, BigId


class Party(Base):
    """One company or site, under the spelling it is shown by."""

    __tablename__ = "party"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(120), comment="as it is shown")
    district_code: Mapped[str | None] = mapped_column(
        sa.String(12), comment="of the first case that named it"
    )
    street_code: Mapped[str | None] = mapped_column(sa.String(12))
    version: Mapped[int] = mapped_column(default=1, comment="counts what people did to it")
    merged_into: Mapped[int | None] = mapped_column(
        sa.ForeignKey("party.id"), comment="it has no spellings of its own now"
    )
    made_at: Mapped[datetime]


class PartyName(Base):
    """A spelling's form within a scope: what the same words mean wherever they are read."""

    __tablename__ = "party_name"
    __table_args__ = (sa.UniqueConstraint("form", "scope"), sa.Index("ix_party_name_party", "party_id"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    party_id: Mapped[int] = mapped_column(sa.ForeignKey("party.id"))
    form: Mapped[str] = mapped_column(sa.String(80), comment="normalised: nlp.party_names")
    scope: Mapped[str] = mapped_column(
        sa.String(12), comment="district code; empty: a registered name, one everywhere; ?: place unknown"
    )
    written: Mapped[str] = mapped_column(sa.String(120), comment="as it was first written")
    street_code: Mapped[str | None] = mapped_column(sa.String(12), comment="of the first case")
    made_at: Mapped[datetime]


class PartyKey(Base):
    """Two characters of a spelling: by these a likely other spelling is found."""

    __tablename__ = "party_key"
    __table_args__ = (sa.Index("ix_party_key_name", "name_id"),)

    key: Mapped[str] = mapped_column(sa.String(4), primary_key=True)
    name_id: Mapped[int] = mapped_column(sa.ForeignKey("party_name.id"), primary_key=True)


class PartyMention(Base):
    """A ticket whose party was looked for, and the spelling it names; null: it names none."""

    __tablename__ = "party_mention"
    __table_args__ = (
        sa.Index(
            "ix_party_mention_name",
            "name_id",
            "received_at",
            postgresql_where=sa.text("name_id IS NOT NULL"),
            sqlite_where=sa.text("name_id IS NOT NULL"),
        ),
        sa.Index(
            "ix_party_mention_received",
            "received_at",
            postgresql_where=sa.text("name_id IS NOT NULL"),
            sqlite_where=sa.text("name_id IS NOT NULL"),
        ),
    )

    ticket_id: Mapped[int] = mapped_column(sa.ForeignKey("ticket.id"), primary_key=True)
    name_id: Mapped[int | None] = mapped_column(sa.ForeignKey("party_name.id"))
    received_at: Mapped[datetime] = mapped_column(comment="of the ticket")


class PartyPair(Base):
    """Two spellings that may be one party's, the earlier one first."""

    __tablename__ = "party_pair"
    __table_args__ = (
        sa.CheckConstraint("a_id < b_id", name="order"),
        sa.CheckConstraint("state in ('proposed', 'merged', 'refused')", name="state"),
        sa.Index("ix_party_pair_b", "b_id"),
        sa.Index("ix_party_pair_state", "state", "score"),
    )

    a_id: Mapped[int] = mapped_column(sa.ForeignKey("party_name.id"), primary_key=True)
    b_id: Mapped[int] = mapped_column(sa.ForeignKey("party_name.id"), primary_key=True)
    score: Mapped[float] = mapped_column(comment="an order, no probability")
    why: Mapped[list[str]] = mapped_column(sa.JSON, comment="the reasons, in words")
    state: Mapped[str] = mapped_column(sa.String(12), comment="vocab_parties.PartyPairState")
    by: Mapped[str | None] = mapped_column(sa.String(64), comment="login of who decided; null: nobody yet")
    at: Mapped[datetime] = mapped_column(comment="of the proposal, then of the decision")


class PartyChange(Base):
    """归并, 拆分, 撤回: which spellings went from one party to another, by whom and why."""

    __tablename__ = "party_change"
    __table_args__ = (
        sa.Index("ix_party_change_from", "from_id"),
        sa.Index("ix_party_change_to", "to_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    act: Mapped[str] = mapped_column(sa.String(8), comment="vocab_parties.PartyAct")
    from_id: Mapped[int] = mapped_column(sa.ForeignKey("party.id"), comment="had the spellings before")
    to_id: Mapped[int] = mapped_column(sa.ForeignKey("party.id"), comment="has them since")
    names: Mapped[list[int]] = mapped_column(sa.JSON, comment="ids of party_name")
    reason: Mapped[str] = mapped_column(sa.Text)
    by: Mapped[str] = mapped_column(sa.String(64))
    at: Mapped[datetime]
    undoes: Mapped[int | None] = mapped_column(sa.ForeignKey("party_change.id"), unique=True)
