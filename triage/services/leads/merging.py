"""Which tickets that leads were merged into somebody is told by their number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.filters import may_see
from models.sums import in_sums
from models.tickets import Ticket

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Viewer
    from triage.services.leads.listing import Found


async def named_to(session: AsyncSession, viewer: Viewer, found: Iterable[Found]) -> frozenset[str]:
    """Of these leads' tickets those that the viewer could have merged them into, as `acting` decides.

    An analyst sees no cases and says by its number which one a report is about. A confidential one is there
    for nobody who may not see it, also when a colleague who may merged the lead.
    """
    numbers = {one.lead.merged_ticket_no for one in found if one.lead.merged_ticket_no}
    if not numbers:
        return frozenset()
    rows = await session.scalars(
        sa.select(Ticket.no).where(Ticket.no.in_(numbers), sa.or_(may_see(viewer), in_sums()))
    )
    return frozenset(rows)
