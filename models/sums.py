"""What takes part in sums over many cases: the one predicate of incidents, trends and parties.

Whoever works on confidential reports (保密举报) sees them one by one. A sum is shown to more people than
that, and who knows the cases that they may see has only to subtract: so they are in none. Published 三率,
the workbook of a month and rewards count them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.appeals import Appeal
from models.filters import may_see
from models.tickets import Ticket
from models.vocab import Channel
from models.vocab_staff import Permission

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from models.viewing import Viewer

#: Under a name of its own, also where the query around it reads appeals.
_SECRET: Final = sa.alias(Appeal.__table__, "left_out")


#: Whoever sees no cases is told of a party from so many on (k-anonymity).
LEAST_TOLD: Final = 5


def sums_only(viewer: Viewer) -> bool:
    """Whether somebody is told sums of the whole city without seeing a case: an analyst of no unit.

    They get counts over `in_sums`, and sentences masked twice; which case may be opened says `may_see` alone.
    """
    return (
        viewer.may(Permission.TRENDS)
        and not viewer.may(Permission.SEE_CASES)
        and viewer.unit_code is None
        and not viewer.scope.units
    )


def in_sums() -> ColumnElement[bool]:
    """The condition on `ticket`."""
    # By EXISTS, as in `filters.may_see`.
    secret = sa.exists().where(_SECRET.c.id == Ticket.appeal_id, _SECRET.c.confidential)
    return ~secret.correlate(Ticket)


def in_demands() -> ColumnElement[bool]:
    """The condition on `ticket` of sums of demands (诉求): what nobody asked for (巡查发现) is none."""
    left_out = sa.or_(_SECRET.c.confidential, _SECRET.c.channel == Channel.PATROL.value)
    return ~sa.exists().where(_SECRET.c.id == Ticket.appeal_id, left_out).correlate(Ticket)


def counted_for(viewer: Viewer) -> ColumnElement[bool]:
    """What a count counts for somebody: the cases that they see; of who is told sums alone, those in sums."""
    return in_sums() if sums_only(viewer) else may_see(viewer)


def told_none(viewer: Viewer) -> bool:
    """Whether a count would be nought whatever happened: a page says so instead of a nought that is false."""
    scope = viewer.scope
    return not (scope.everything or scope.units or scope.own or sums_only(viewer))
