"""What takes part in sums over many cases: the one predicate of incidents, trends and parties.

Whoever works on confidential reports (保密举报) sees them one by one. A sum is shown to more people than
that, and who knows the cases that they may see has only to subtract: so they are in none. Published 三率,
the workbook of a month and rewards count them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.appeals import Appeal
from models.tickets import Ticket

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

#: Under a name of its own, also where the query around it reads appeals; few, read by their own index.
_SECRET: Final = sa.alias(Appeal.__table__, "left_out")


def in_sums() -> ColumnElement[bool]:
    """The condition on `ticket`."""
    return Ticket.appeal_id.not_in(sa.select(_SECRET.c.id).where(_SECRET.c.confidential))
