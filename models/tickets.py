"""工单: the ticket, the units on it, and its append-only events."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

import models.appeals
import models.units  # noqa: F401  (the tables that foreign keys here name must be known wherever tickets are)
from models.db import Base, BigId

# Written out, not built with parameters: only so do both databases see that the partial index fits.
#: What a person must look at: waiting for review, or sent on at once and flagged.
ATTENTION: Final = "(ticket.state = 'review' OR ticket.flagged)"
#: Sent away with a flag: an emergency that was handed over at once. NOT IN: with IN, SQLite takes an
#: index on the state and sorts.
_CLOSED: Final = "('diverted', 'handed_over', 'closed', 'archived', 'merged')"
_OPEN: Final = (
    "('review', 'dispatched', 'signed', 'contacted', 'handling', 'objected', 'to_reassign', "
    "'arbitration', 'on_ledger', 'feedback', 'followed_up')"
)
FLAGGED_CLOSED: Final = f"(ticket.flagged AND ticket.state NOT IN {_OPEN})"
#: Somebody still has to act (`vocab.OPEN_STATES`). NOT IN, for the same reason.
OPEN: Final = f"(ticket.state NOT IN {_CLOSED})"
#: Open, and no clock runs: waiting for 回访, or for 办结; the last of every list.
UNCLOCKED: Final = f"(ticket.due_at IS NULL AND {OPEN})"
#: 待回访: answered, or merged into a case that is and the own citizen not followed up yet.
TO_FOLLOW: Final = (
    "(ticket.state = 'feedback' OR (ticket.state = 'merged' AND ticket.due_clock = 'follow_up'))"
)
#: A wish waits for an answer: 延期, 挂账 or 剔除.
ASKED: Final = "(ticket.asked IS NOT NULL)"

#: 吹哨, 提级: called in, and not there yet; of `ticket_unit`.
CALLED: Final = "(ticket_unit.due_at IS NOT NULL AND ticket_unit.reported_at IS NULL)"

#: Events that call a unit in (吹哨, 提级) or on the spot (督办); of `ticket_event`.
CALL_EVENTS: Final = "(ticket_event.tag IN ('ticket:whistle', 'ticket:escalate', 'ticket:supervise'))"


def _partial(name: str, condition: str, *columns: str) -> sa.Index:
    where = sa.text(condition.replace("ticket.", ""))
    return sa.Index(name, *columns, postgresql_where=where, sqlite_where=where)


class Ticket(Base):
    """A ticket: one per appeal. Keeps the rows and the table version that decided it."""

    __tablename__ = "ticket"
    __table_args__ = (
        # Each index serves one way of looking at the desk list, ending in the keyset (due_at, id).
        sa.Index("ix_ticket_due", "due_at", "id"),
        sa.Index("ix_ticket_state_due", "state", "due_at", "id"),
        sa.Index("ix_ticket_unit_due", "unit_code", "due_at", "id"),
        sa.Index("ix_ticket_district_due", "district_code", "due_at", "id"),
        # Two common filters together: without it 1,000,000 rows took 218 ms at p99, with it 57 ms.
        sa.Index("ix_ticket_district_kind_due", "district_code", "kind", "due_at", "id"),
        sa.Index("ix_ticket_kind_due", "kind", "due_at", "id"),
        sa.Index("ix_ticket_urgency_due", "urgency", "due_at", "id"),
        sa.Index("ix_ticket_state_new", "state", "id"),
        # Newest first, one filter. What was handed over often has neither kind nor unit: walking by number
        # would look at all of it.
        sa.Index("ix_ticket_state_kind_new", "state", "kind", "id"),
        sa.Index("ix_ticket_state_unit_new", "state", "unit_code", "id"),
        sa.Index("ix_ticket_state_district_new", "state", "district_code", "id"),
        sa.Index("ix_ticket_state_urgency_new", "state", "urgency", "id"),
        # What people must look at is little beside what there is.
        _partial("ix_ticket_unclocked", UNCLOCKED, "due_at", "id"),
        _partial("ix_ticket_attention", ATTENTION, "due_at", "id"),
        _partial("ix_ticket_flagged_closed", FLAGGED_CLOSED, "id"),
        _partial("ix_ticket_asked", ASKED, "id"),
        _partial("ix_ticket_to_follow", TO_FOLLOW, "due_at", "id"),
        # "20261123" in the search: the tickets opened on a day.
        sa.Index("ix_ticket_opened", "opened_at", "id"),
        sa.Index("ix_ticket_search", "search", postgresql_using="gin").ddl_if(dialect="postgresql"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    no: Mapped[str] = mapped_column(sa.String(32), unique=True)
    appeal_id: Mapped[int] = mapped_column(sa.ForeignKey("appeal.id"), unique=True)
    reading_id: Mapped[int | None] = mapped_column(sa.ForeignKey("reading.id"))
    version: Mapped[int] = mapped_column(default=1)
    state: Mapped[str] = mapped_column(sa.String(16), comment="vocab.State")
    level: Mapped[str | None] = mapped_column(sa.String(16), comment="vocab.Level of the lead unit")
    unit_code: Mapped[str | None] = mapped_column(sa.ForeignKey("unit.code"), comment="lead (主办)")
    title: Mapped[str] = mapped_column(sa.Text)
    environmental: Mapped[bool]
    kind: Mapped[str | None] = mapped_column(sa.String(16))
    appeal_type: Mapped[str] = mapped_column(sa.String(16))
    urgency: Mapped[str] = mapped_column(sa.String(4), comment="the grade that sets the clocks")
    district_code: Mapped[str | None] = mapped_column(sa.String(12))
    street_code: Mapped[str | None] = mapped_column(sa.String(12))
    community_code: Mapped[str | None] = mapped_column(
        sa.String(12), comment="that a person put it in; null: as models.placed says"
    )
    lon: Mapped[float | None] = mapped_column(
        comment="WGS-84 degrees, where a person put it on the map; null: as models.placed says"
    )
    lat: Mapped[float | None]
    divert: Mapped[str | None] = mapped_column(sa.String(24), comment="vocab.Divert, proposed or done")
    flagged: Mapped[bool] = mapped_column(
        default=False, comment="dispatched at once, to be looked at as well"
    )
    received_at: Mapped[datetime]
    opened_at: Mapped[datetime]
    dispatched_at: Mapped[datetime | None]
    dispatch_by: Mapped[datetime | None]
    answer_by: Mapped[datetime | None]
    due_at: Mapped[datetime | None] = mapped_column(comment="the clock that runs now; null when none does")
    due_clock: Mapped[str | None] = mapped_column(
        sa.String(16), comment="vocab.Clock: which one ends at due_at"
    )
    urges: Mapped[int] = mapped_column(default=0, server_default="0", comment="催办, counted")
    asked: Mapped[str | None] = mapped_column(
        sa.String(60), comment="moves (vocab.Move) that wait for an answer, with commas; null: none"
    )
    table_version: Mapped[str] = mapped_column(sa.String(40))
    decision: Mapped[dict[str, Any]] = mapped_column(
        sa.JSON, comment="row ids, review reasons, and the Chinese sentences that explain each choice"
    )
    search: Mapped[str | None] = mapped_column(
        TSVECTOR().with_variant(sa.Text(), "sqlite"),
        deferred=True,
        comment="bigrams; SQLite keeps them in ticket_search",
    )


class TicketUnit(Base):
    """A unit's part in a ticket: 主办, 协办 or 抄送."""

    __tablename__ = "ticket_unit"
    __table_args__ = (
        sa.Index("ix_ticket_unit_unit", "unit_code", "ticket_id"),
        _partial(
            "ix_ticket_unit_called", "due_at IS NOT NULL AND reported_at IS NULL", "due_at", "ticket_id"
        ),
    )

    ticket_id: Mapped[int] = mapped_column(sa.ForeignKey("ticket.id"), primary_key=True)
    unit_code: Mapped[str] = mapped_column(sa.ForeignKey("unit.code"), primary_key=True)
    role: Mapped[str] = mapped_column(sa.String(8), comment="vocab.Role")
    due_at: Mapped[datetime | None] = mapped_column(comment="called in by 吹哨 or 提级: by when")
    reported_at: Mapped[datetime | None] = mapped_column(comment="报到")


class TicketEvent(Base):
    """What happened to a ticket. Append-only: the database refuses change and removal."""

    __tablename__ = "ticket_event"
    __table_args__ = (
        sa.UniqueConstraint("ticket_id", "seq"),
        _partial("ix_ticket_event_calls", CALL_EVENTS.replace("ticket_event.", ""), "at"),
        # A month that is closed, and 办理记录 by days.
        sa.Index("ix_ticket_event_at", "at", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    ticket_id: Mapped[int] = mapped_column(sa.ForeignKey("ticket.id"))
    seq: Mapped[int] = mapped_column(comment="1, 2, 3 … within the ticket")
    at: Mapped[datetime]
    tag: Mapped[str] = mapped_column(sa.String(40), comment="vocab.Tag")
    staff_id: Mapped[int | None] = mapped_column(sa.ForeignKey("staff.id"), comment="null: the system")
    data: Mapped[dict[str, Any]] = mapped_column(sa.JSON)


class ObjectionRow(Base):
    """派单异议 as its events tell it, kept for the report of catalogue rows that lose objections."""

    __tablename__ = "objection"
    __table_args__ = (sa.Index("ix_objection_at", "at"),)

    ticket_id: Mapped[int] = mapped_column(sa.ForeignKey("ticket.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, comment="of the event that raised it")
    at: Mapped[datetime]
    unit_code: Mapped[str] = mapped_column(sa.ForeignKey("unit.code"))
    proposed_unit: Mapped[str] = mapped_column(sa.ForeignKey("unit.code"))
    catalogue_row: Mapped[str | None] = mapped_column(
        sa.String(80), comment="the row that sent it there; null: a person did"
    )
    clause: Mapped[str] = mapped_column(sa.Text)
    reason: Mapped[str] = mapped_column(sa.Text)
    ruling: Mapped[str | None] = mapped_column(sa.String(16), comment="vocab.Move; null: not ruled yet")
    ruled_at: Mapped[datetime | None]
    ruled_unit: Mapped[str | None] = mapped_column(sa.String(40), comment="whom an arbitration named")
    ruling_reason: Mapped[str | None] = mapped_column(sa.Text)


class MoveRequest(Base):
    """A wish that was granted, by the key its sender gave it: sent twice, it is done once. Goes in a week."""

    __tablename__ = "move_request"

    ticket_id: Mapped[int] = mapped_column(sa.ForeignKey("ticket.id"), primary_key=True)
    key: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    digest: Mapped[str] = mapped_column(sa.String(64), comment="of the move and its values")
    version: Mapped[int] = mapped_column(comment="of the ticket after it")
    at: Mapped[datetime]
