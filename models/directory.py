"""单位通讯录 (directory): under which numbers a unit is reached, and who answers there, in versions.

Official contacts of offices, no citizens' data; still in no log, no address and no ledger. Each save is a new
row and ends the one before, so that who changed what stays to be read; the newest `KEPT` of a unit are kept.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, aliased, mapped_column

from models.db import Base, BigId
from models.tickets import Ticket, TicketUnit
from models.units import Unit
from models.vocab import OPEN_STATES

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.ext.asyncio import AsyncSession

#: Versions of a unit that are kept, the one in force among them.
KEPT: Final = 20
#: Of a unit the newest cases that are looked at for whom it works with.
_SHARED: Final = 5000
_NOW: Final = "valid_to IS NULL"


class DirectoryEntry(Base):
    """What a unit says of itself, from then until the next version."""

    __tablename__ = "directory_entry"
    __table_args__ = (
        sa.Index("ix_directory_entry_unit", "unit_code", "valid_from"),
        sa.Index(
            "ix_directory_entry_now",
            "unit_code",
            unique=True,
            postgresql_where=sa.text(_NOW),
            sqlite_where=sa.text(_NOW),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    unit_code: Mapped[str] = mapped_column(sa.ForeignKey("unit.code"))
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None] = mapped_column(comment="null: in force")
    set_by: Mapped[str] = mapped_column(sa.String(64))
    confirmed_at: Mapped[datetime] = mapped_column(comment="上次核对")
    confirmed_by: Mapped[str] = mapped_column(sa.String(64))
    duty_phone: Mapped[str] = mapped_column(sa.String(80))
    office_phone: Mapped[str] = mapped_column(sa.String(80))
    hours: Mapped[str] = mapped_column(sa.String(60))
    remark: Mapped[str] = mapped_column(sa.String(200))
    steward: Mapped[str] = mapped_column(sa.String(40), comment="环保管家")
    steward_phone: Mapped[str] = mapped_column(sa.String(80))
    clerk: Mapped[str] = mapped_column(sa.String(40), comment="接诉即办专员")
    clerk_phone: Mapped[str] = mapped_column(sa.String(80))
    leader: Mapped[str] = mapped_column(sa.String(40), comment="带班领导")
    leader_phone: Mapped[str] = mapped_column(sa.String(80))


async def in_force(session: AsyncSession, units: Collection[str] | None = None) -> dict[str, DirectoryEntry]:
    """What stands now, of these units or of all: one query."""
    if units is not None and not units:
        return {}
    wanted = sa.select(DirectoryEntry).where(DirectoryEntry.valid_to.is_(None))
    if units is not None:
        wanted = wanted.where(DirectoryEntry.unit_code.in_(sorted(units)))
    return {row.unit_code: row for row in await session.scalars(wanted)}


async def versions(session: AsyncSession, unit: str) -> list[DirectoryEntry]:
    """The versions of a unit, the newest first."""
    wanted = sa.select(DirectoryEntry).where(DirectoryEntry.unit_code == unit)
    newest = wanted.order_by(DirectoryEntry.valid_from.desc(), DirectoryEntry.id.desc())
    return list(await session.scalars(newest))


async def lock(session: AsyncSession, unit: str) -> bool:
    """Of two who change a unit's entry at once the second sees what the first did; False: no such unit.

    Weaker than what a deletion takes: a dispatch that names the unit neither waits for it nor is waited for.
    """
    wanted = sa.select(Unit.code).where(Unit.code == unit).with_for_update(key_share=True)
    found = await session.scalar(wanted)
    return found is not None


async def prune(session: AsyncSession, unit: str) -> None:
    """Forget the versions before the newest `KEPT`."""
    newest = (
        sa.select(DirectoryEntry.id)
        .where(DirectoryEntry.unit_code == unit)
        .order_by(DirectoryEntry.valid_from.desc(), DirectoryEntry.id.desc())
        .limit(KEPT)
    )
    await session.execute(
        sa.delete(DirectoryEntry)
        .where(DirectoryEntry.unit_code == unit, DirectoryEntry.id.not_in(newest))
        .execution_options(synchronize_session=False)
    )


async def shared_with(
    session: AsyncSession, own: Collection[str], seen: sa.ColumnElement[bool]
) -> frozenset[str]:
    """The units that have a part in an open case in which one of one's own has one too, and which one sees.

    `seen`: `filters.may_see`. Of a unit the newest cases are looked at, `_SHARED` at most.
    """
    found: set[str] = set()
    for unit in sorted(own):
        newest = (
            sa.select(TicketUnit.ticket_id)
            .where(TicketUnit.unit_code == unit)
            .order_by(TicketUnit.ticket_id.desc())
            .limit(_SHARED)
            .subquery()
        )
        other = aliased(TicketUnit)
        wanted = (
            sa.select(other.unit_code)
            .distinct()
            .select_from(newest)
            .join(Ticket, Ticket.id == newest.c.ticket_id)
            .join(other, other.ticket_id == Ticket.id)
            .where(Ticket.state.in_(sorted(state.value for state in OPEN_STATES)), seen)
        )
        found.update(await session.scalars(wanted))
    return frozenset(found)
