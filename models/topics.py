"""专题: groups of cases and leads about the same, found anew each run and known again by who is in them.

A topic keeps its number as long as a third of the smaller of its old and new texts are the same. Texts are
named by ids; what they say is read when it is shown, within sight rules.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Base, BigId


class TopicRun(Base):
    """One finding of topics: over which texts, with what."""

    __tablename__ = "topic_run"
    __table_args__ = (sa.Index("ix_topic_run_level", "level", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    level: Mapped[str] = mapped_column(sa.String(8), comment="vocab_topics.TopicLevel")
    at: Mapped[datetime]
    since: Mapped[datetime] = mapped_column(comment="texts from then until `at`")
    tickets: Mapped[int]
    leads: Mapped[int]
    left_out: Mapped[int] = mapped_column(comment="older texts of the window that were too many to read")
    topics: Mapped[int]
    method: Mapped[str] = mapped_column(sa.String(80), comment="thresholds and version of the weights")


class Topic(Base):
    """A topic, across runs."""

    __tablename__ = "topic"
    __table_args__ = (sa.Index("ix_topic_last", "level", "last_run_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    level: Mapped[str] = mapped_column(sa.String(8), comment="vocab_topics.TopicLevel")
    title: Mapped[str] = mapped_column(sa.String(120))
    first_run_id: Mapped[int] = mapped_column(sa.ForeignKey("topic_run.id"))
    last_run_id: Mapped[int] = mapped_column(sa.ForeignKey("topic_run.id"), comment="the last that found it")


class TopicState(Base):
    """A topic in one run: how large, where, how it grows."""

    __tablename__ = "topic_state"
    __table_args__ = (sa.Index("ix_topic_state_topic", "topic_id", "run_id"),)

    run_id: Mapped[int] = mapped_column(sa.ForeignKey("topic_run.id"), primary_key=True)
    topic_id: Mapped[int] = mapped_column(sa.ForeignKey("topic.id"), primary_key=True)
    size: Mapped[int]
    leads: Mapped[int]
    later: Mapped[int] = mapped_column(comment="of the second half of the window")
    open: Mapped[int] = mapped_column(comment="tickets not closed")
    kind: Mapped[str | None] = mapped_column(sa.String(16), comment="the most frequent")
    words: Mapped[list[str]] = mapped_column(sa.JSON, comment="significant against the rest, strongest first")
    places: Mapped[list[list[object]]] = mapped_column(sa.JSON, comment="[district, street, count] each")
    weeks: Mapped[list[list[object]]] = mapped_column(sa.JSON, comment="[Monday, count] each")
    districts: Mapped[int]
    typical: Mapped[list[list[object]]] = mapped_column(sa.JSON, comment="[text kind, id] of the middle ones")


class TopicText(Base):
    """A text of a topic, as of the last run of its level."""

    __tablename__ = "topic_text"
    __table_args__ = (sa.Index("ix_topic_text_topic", "topic_id"),)

    level: Mapped[str] = mapped_column(sa.String(8), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(8), primary_key=True, comment="vocab_topics.TextKind")
    ref: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, comment="id of the ticket or lead")
    topic_id: Mapped[int] = mapped_column(sa.ForeignKey("topic.id"))


class ThemeChoice(Base):
    """每月一题: a decision on a candidate, with its reason and its run. Append-only; the last holds."""

    __tablename__ = "theme_choice"
    __table_args__ = (sa.Index("ix_theme_choice_topic", "topic_id", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    topic_id: Mapped[int] = mapped_column(sa.ForeignKey("topic.id"))
    run_id: Mapped[int] = mapped_column(sa.ForeignKey("topic_run.id"), comment="whose figures were seen")
    decision: Mapped[str] = mapped_column(sa.String(12), comment="vocab_topics.ThemeDecision")
    month: Mapped[str | None] = mapped_column(sa.String(7), comment="of which month it is the theme")
    reason: Mapped[str] = mapped_column(sa.Text)
    by: Mapped[str] = mapped_column(sa.String(64))
    at: Mapped[datetime]
