"""A ticket's kind and place as people corrected them, in SQL.

The place is the ticket's own (`models.placed`). The kind is told by the facts of the sums where there are
any, so that it agrees with them: of a ticket that the sums do not hold (yet, or because it was sent in
confidence) by its own (`models.kind_in_force`).
Whoever selects these joins `RollupTicket` by `beside()`, as an outer join.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from models.rollups import RollupTicket
from models.tickets import Ticket

_R: Final = RollupTicket
_OWN: Final = sa.case((Ticket.environmental, Ticket.kind))

#: None: no environmental matter, or not read.
KIND: Final[sa.ColumnElement[Any]] = sa.func.nullif(sa.func.coalesce(_R.kind, _OWN), "")
DISTRICT: Final[sa.ColumnElement[Any]] = sa.type_coerce(Ticket.district_code, sa.String())
STREET: Final[sa.ColumnElement[Any]] = sa.type_coerce(Ticket.street_code, sa.String())
ENVIRONMENTAL: Final[sa.ColumnElement[bool]] = sa.case(
    (_R.corrected == 1, _R.kind != ""), else_=Ticket.environmental
)


def beside() -> sa.ColumnElement[bool]:
    """On what `RollupTicket` is joined to a ticket."""
    return _R.ticket_id == Ticket.id
