"""Who may hear of which case: the one predicate (`models.viewing.sees`), for somebody of a unit or post.

A notice names a case, its kind and its place: to a unit that the case's page answers 404 it says too much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.appeals import Appeal
from models.tickets import Ticket, TicketUnit
from models.viewing import TicketFacts, sees
from models.vocab import Level
from models.vocab import Role as Part
from models.vocab_notices import RecipientKind
from models.vocab_staff import Role
from triage.rules import access

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import date

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.viewing import Viewer
    from triage.rules.rows import Tables
    from triage.services.notices.noting import Recipient

#: Parameters of one statement, at most.
_AT_ONCE: Final = 5000


def viewer_of(tables: Tables, unit: str, day: date) -> Viewer:
    """Somebody of that unit: a clerk of the city's desk, elsewhere an officer; of an unknown one, blind."""
    row = tables.units.get(unit)
    role = Role.CLERK if row is not None and row.level is Level.DESK else Role.BUREAU
    return access.viewer(tables, login=unit, name="", roles=(role,), unit_code=unit, at=day)


def viewers_of_post(tables: Tables, post: str, day: date) -> list[Viewer]:
    """Those who have a post in the whole city, one for each role that gives it; of an unknown post none."""
    return [
        access.viewer(tables, login=post, name="", roles=(row.role,), unit_code=None, at=day)
        for row in tables.access
        if row.holds(day) and post in {one.value for one in row.posts}
    ]


@dataclass(frozen=True, slots=True)
class Sight:
    """What decides it for some cases, read when what happened to them stood in the database."""

    tables: Tables
    day: date
    cases: Mapping[str, TicketFacts]

    def of(self, unit: str, no: str) -> bool:
        """Whether somebody of that unit sees that case; of one that is not there nobody does."""
        case = self.cases.get(no)
        return case is not None and sees(viewer_of(self.tables, unit, self.day), case)

    def reaches(self, to: Recipient, no: str) -> bool:
        """Whether whoever reads what is sent there sees that case: of a post everybody who has it."""
        if to.kind is RecipientKind.UNIT:
            return self.of(to.id, no)
        case = self.cases.get(no)
        viewers = viewers_of_post(self.tables, to.id, self.day) if to.kind is RecipientKind.POST else []
        return case is not None and bool(viewers) and all(sees(one, case) for one in viewers)

    def copied(self, to: Recipient, no: str) -> bool:
        """Whether that unit has no more of that case than a copy (抄送)."""
        case = self.cases.get(no)
        part = case.parts.get(to.id) if case and to.kind is RecipientKind.UNIT else None
        return part is Part.COPY


async def read(session: AsyncSession, tables: Tables, numbers: Collection[str], day: date) -> Sight:
    """The sight of these tickets, by their numbers."""
    wanted = sorted(set(numbers))
    parts: dict[str, dict[str, Part]] = {no: {} for no in wanted}
    secret: set[str] = set()
    for start in range(0, len(wanted), _AT_ONCE):
        rows = await session.execute(
            sa.select(Ticket.no, Appeal.confidential, TicketUnit.unit_code, TicketUnit.role)
            .join(Appeal, Appeal.id == Ticket.appeal_id)
            .outerjoin(TicketUnit, TicketUnit.ticket_id == Ticket.id)
            .where(Ticket.no.in_(wanted[start : start + _AT_ONCE]))
        )
        for no, confidential, unit, role in rows:
            if unit is not None:
                parts[no][unit] = Part(role)
            if confidential:
                secret.add(no)
    cases = {no: TicketFacts(units, confidential=no in secret) for no, units in parts.items()}
    return Sight(tables, day, cases)
