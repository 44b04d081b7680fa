"""Media leads (线索) and tickets about one matter: by which keys leads are found, and which pairs may be.

The keys are those of tickets (`models.matters`), so a lead finds earlier calls and a call an earlier lead,
each by index. A pair is a proposal; merging is the analyst's (`triage.services.leads.acting`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Base
from models.filters import may_see
from models.leads import Lead
from models.matters import LOOKED_AT, PER_KEY, WEIGHED
from models.tickets import Ticket
from models.vocab_leads import LeadState
from models.vocab_matters import Proposal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.viewing import Viewer


class LeadSeen(Base):
    """A lead whose matter was looked for among the tickets."""

    __tablename__ = "lead_seen"

    lead_id: Mapped[int] = mapped_column(sa.ForeignKey("lead.id"), primary_key=True)
    at: Mapped[datetime]


class LeadKey(Base):
    """One key of a lead's matter."""

    __tablename__ = "lead_key"

    key: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, comment="as of matter_key")
    lead_id: Mapped[int] = mapped_column(sa.ForeignKey("lead.id"), primary_key=True, index=True)


class LeadPair(Base):
    """A lead and a ticket that may be one matter."""

    __tablename__ = "lead_pair"
    __table_args__ = (
        sa.CheckConstraint("state in ('proposed', 'refused')", name="state"),
        sa.Index("ix_lead_pair_ticket", "ticket_id"),
    )

    lead_id: Mapped[int] = mapped_column(sa.ForeignKey("lead.id"), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(sa.ForeignKey("ticket.id"), primary_key=True)
    p: Mapped[float] = mapped_column(comment="that they are one matter")
    why: Mapped[list[str]] = mapped_column(sa.JSON, comment="the reasons, in words")
    state: Mapped[str] = mapped_column(sa.String(16), comment="proposed or refused; merged is the lead's")
    by: Mapped[str | None] = mapped_column(sa.String(64), comment="login of who refused")
    at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Likely:
    """A ticket and a lead that may be one matter, as pages show them."""

    lead_id: int
    lead_title: str
    lead_version: int
    ticket_no: str
    ticket_title: str
    p: float
    why: tuple[str, ...]


async def unseen(session: AsyncSession, *, since: datetime, limit: int) -> list[Lead]:
    """Leads that wait for an analyst and whose matter was not looked for, the oldest first."""
    rows = await session.scalars(
        sa.select(Lead)
        .where(
            Lead.state == LeadState.WAITING.value,
            Lead.seen_at >= since,
            ~sa.exists().where(LeadSeen.lead_id == Lead.id),
        )
        .order_by(Lead.id)
        .limit(limit)
    )
    return list(rows)


async def candidates(session: AsyncSession, keys: Sequence[int], *, since: datetime) -> list[Lead]:
    """Leads that wait and share keys, those that share most first; at most `WEIGHED`.

    What is decided takes no place from those that wait, as far as the newest `LOOKED_AT` of a key.
    """
    if not keys:
        return []
    shared = sa.union_all(*(_of_key(key, since=since) for key in keys)).subquery()
    counted = (
        sa.select(shared.c.lead_id, sa.func.count().label("keys"))
        .group_by(shared.c.lead_id)
        .order_by(sa.desc("keys"), shared.c.lead_id.desc())
        .limit(PER_KEY)
        .subquery()
    )
    rows = await session.scalars(
        sa.select(Lead)
        .join(counted, counted.c.lead_id == Lead.id)
        .order_by(counted.c["keys"].desc(), Lead.id.desc())
        .limit(WEIGHED)
    )
    return list(rows)


def _of_key(key: int, *, since: datetime) -> sa.Select[tuple[int]]:
    """The newest leads of a key that wait."""
    newest = (
        sa.select(LeadKey.lead_id)
        .where(LeadKey.key == key)
        .order_by(LeadKey.lead_id.desc())
        .limit(LOOKED_AT)
        .subquery()
    )
    found = (
        sa.select(newest.c.lead_id)
        .join(Lead, Lead.id == newest.c.lead_id)
        .where(Lead.state == LeadState.WAITING.value, Lead.seen_at >= since)
        .order_by(newest.c.lead_id.desc())
        .limit(PER_KEY)
        .subquery()
    )
    return sa.select(found.c.lead_id)


async def likely(
    session: AsyncSession,
    viewer: Viewer,
    *,
    leads: Sequence[int] = (),
    ticket_id: int | None = None,
) -> list[Likely]:
    """What is proposed of these leads, or of a ticket, likeliest first; `PER_KEY` of each at most."""
    mine = LeadPair.lead_id.in_(leads) if ticket_id is None else LeadPair.ticket_id == ticket_id
    each = LeadPair.lead_id if ticket_id is None else LeadPair.ticket_id
    order = (LeadPair.p.desc(), Ticket.id.desc())
    numbered = (
        sa.select(
            Lead.id, sa.func.coalesce(Lead.title, sa.func.substr(Lead.text, 1, 40)).label("lead_title"),
            Lead.version, Ticket.no, Ticket.title, LeadPair.p, LeadPair.why, Ticket.id.label("ticket_id"),
            sa.func.row_number().over(partition_by=each, order_by=order).label("place"),
        )
        .join(Lead, Lead.id == LeadPair.lead_id)
        .join(Ticket, Ticket.id == LeadPair.ticket_id)
        .where(
            mine,
            LeadPair.state == Proposal.PROPOSED.value,
            Lead.state == LeadState.WAITING.value,
            may_see(viewer),
        )
        .subquery()
    )  # fmt: skip
    c = numbered.c
    rows = await session.execute(
        sa.select(c.id, c.lead_title, c.version, c.no, c.title, c.p, c.why)
        .where(c.place <= PER_KEY)
        .order_by(c.p.desc(), c.ticket_id.desc())
    )
    return [Likely(*row[:6], tuple(row.why)) for row in rows]
