"""未诉先办 in figures: what was found on patrol before anybody complained, by street and kind.

Counted from the tickets themselves: they are few, and in no sum of demands. 保密 takes no part, as in every
sum. `later`: those of which a demand within 30 days was merged into it or proposed as the same matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from models.appeals import Appeal, Source
from models.matters import MatterPair
from models.sums import in_sums
from models.tickets import Ticket
from models.vocab import Channel, State
from models.vocab_matters import Proposal
from triage.clock import BEIJING
from triage.services.patrol.carrying import SOURCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.services.trends.sources import Scope

LATER: Final = timedelta(days=30)
_DAY: Final = timedelta(days=1)
#: One IN list takes this many.
_CHUNK: Final = 1000
_ENDED: Final = (State.CLOSED.value, State.ARCHIVED.value)


@dataclass(frozen=True, slots=True)
class Line:
    """A street's findings of one kind; None is what is not known."""

    district: str | None
    street: str | None
    kind: str | None
    found: int
    ended: int
    later: int


async def lines(session: AsyncSession, scope: Scope) -> list[Line]:
    """What was found in the scope's days, most first; narrowed by its kinds, district and street."""
    start, end = (datetime.combine(day, time(), BEIJING) for day in (scope.first, scope.last + _DAY))
    rows = await session.execute(
        sa.select(Ticket.id, Ticket.district_code, Ticket.street_code, Ticket.kind, Ticket.state)
        .join(Appeal, Appeal.id == Ticket.appeal_id)
        .where(
            # By the key of what makes an appeal one within its source: the rest of the city is not looked at.
            Appeal.source_id == sa.select(Source.id).where(Source.key == SOURCE).scalar_subquery(),
            Ticket.received_at >= start,
            Ticket.received_at < end,
            in_sums(),
            *_narrowed(scope),
        )
    )
    tickets = rows.all()
    complained = await _complained(session, [row.id for row in tickets])
    sums: dict[tuple[str | None, str | None, str | None], list[int]] = {}
    for number, district, street, kind, state in tickets:
        found = sums.setdefault((district, street, kind), [0, 0, 0])
        found[0] += 1
        found[1] += state in _ENDED
        found[2] += number in complained
    lines = [Line(*key, *found) for key, found in sums.items()]
    return sorted(lines, key=lambda one: (-one.found, one.district or "", one.street or "", one.kind or ""))


def _narrowed(scope: Scope) -> list[sa.ColumnElement[bool]]:
    found = []
    if scope.district is not None:
        found.append(Ticket.district_code == scope.district)
    if scope.street is not None:
        found.append(Ticket.street_code == scope.street)
    if scope.kinds is not None:
        found.append(Ticket.kind.in_(scope.kinds))
    return found


async def _complained(session: AsyncSession, ids: Sequence[int]) -> set[int]:
    """Those that a demand was held to be the same as, which came within 30 days after them."""
    mine, other = aliased(Ticket), aliased(Ticket)
    found: set[int] = set()
    for begin in range(0, len(ids), _CHUNK):
        rows = await session.execute(
            sa.select(MatterPair.head_id, mine.received_at, other.received_at.label("later"))
            .join(mine, mine.id == MatterPair.head_id)
            .join(other, other.id == MatterPair.ticket_id)
            .join(Appeal, Appeal.id == other.appeal_id)
            .where(
                MatterPair.head_id.in_(ids[begin : begin + _CHUNK]),
                MatterPair.state != Proposal.REFUSED.value,
                Appeal.channel != Channel.PATROL.value,
                ~Appeal.confidential,
            )
        )
        found |= {head for head, at, later in rows if timedelta() <= later - at <= LATER}
    return found
