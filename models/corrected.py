"""A ticket's kind and place as people corrected them, in SQL: from the facts of the sums where there are any.

A ticket that the sums do not hold (yet, or because it was sent in confidence) is told as it was read. Whoever
selects these joins `RollupTicket` by `beside()`, as an outer join.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from models.rollups import RollupTicket
from models.tickets import Ticket

_R: Final = RollupTicket
_READ: Final = sa.case((Ticket.environmental, Ticket.kind))

#: None: no environmental matter, or not read.
KIND: Final[sa.ColumnElement[Any]] = sa.func.nullif(sa.func.coalesce(_R.kind, _READ), "")
DISTRICT: Final[sa.ColumnElement[Any]] = sa.func.nullif(
    sa.func.coalesce(_R.district, Ticket.district_code), ""
)
STREET: Final[sa.ColumnElement[Any]] = sa.func.nullif(sa.func.coalesce(_R.street, Ticket.street_code), "")
ENVIRONMENTAL: Final[sa.ColumnElement[bool]] = sa.case(
    (_R.corrected == 1, _R.kind != ""), else_=Ticket.environmental
)


def beside() -> sa.ColumnElement[bool]:
    """On what `RollupTicket` is joined to a ticket."""
    return _R.ticket_id == Ticket.id
