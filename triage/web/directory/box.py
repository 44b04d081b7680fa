"""值班电话 where the need arises: beside 承办单位 on a ticket's page, and by unit in 到期清单.

Whoever sees a case reads how its units are reached; so sight of the case is asked before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models import directory
from models.vocab import OPEN_STATES, Role, Urgency
from triage.web.directory.views import item

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.ticket_detail import WholeTicket
    from models.viewing import Viewer
    from triage.rules.rows import Tables
    from triage.web.directory.views import DirectoryItem, PhoneView


@dataclass(frozen=True, slots=True)
class DutyBox:
    """Of a ticket its lead and helpers, by code, and how each is reached."""

    units: Mapping[str, DirectoryItem]
    open: bool
    """Shown without a press: U1, and late."""
    on_spot: tuple[str, ...]
    """现场可找: whom the kind names to be spoken to there; they are no units."""


async def box(
    session: AsyncSession, tables: Tables, viewer: Viewer, whole: WholeTicket, *, now: datetime
) -> DutyBox:
    """What the ticket's page shows: one query."""
    parts = {part.code: part.name for part in whole.units if part.role != Role.COPY.value}
    stand = await directory.in_force(session, parts)
    ticket, kind = whole.ticket, tables.kinds.get(whole.ticket.kind or "")
    late = ticket.due_at is not None and ticket.due_at < now and ticket.state in OPEN_STATES
    return DutyBox(
        {code: item(code, name, stand.get(code), viewer, now=now) for code, name in parts.items()},
        late and ticket.urgency == Urgency.U1.value,
        kind.contacts if kind is not None else (),
    )


@dataclass(frozen=True, slots=True)
class Ring:
    """Under what a unit is rung, and whose number that is: 值班, or 办公, where at night nobody answers."""

    label: str
    phones: tuple[PhoneView, ...]


async def numbers(
    session: AsyncSession, viewer: Viewer, units: Collection[str], *, now: datetime
) -> dict[str, Ring]:
    """Of each unit that said so the number to ring: that of its duty desk, else of its office."""
    stand = await directory.in_force(session, units)
    found = {code: item(code, "", row, viewer, now=now) for code, row in stand.items()}
    return {
        code: Ring("值班", one.duty) if one.duty else Ring("办公", one.office) for code, one in found.items()
    }
