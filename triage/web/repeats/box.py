"""可能是同一件事: the pairs of tickets as lists show them; on a ticket's page, those of that ticket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from models import matters
from models.vocab import Urgency
from triage.web import present

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Day, Viewer
    from models.matters import Proposed
    from triage.web.views import Due, Term

#: Of labelled pairs held for likelier than this about one in a hundred is two matters (docs/repeats.md).
MOST_SHOWN: Final = 0.99


@dataclass(frozen=True, slots=True)
class PairLine:
    """A pair as lists show it; the due times are those of the nearest clocks."""

    no: str
    title: str
    grade: Term
    due: Due | None
    head_no: str
    head_title: str
    head_grade: Term
    head_due: Due | None
    p: float
    same_caller: bool
    why: tuple[str, ...]
    state: str
    label: str
    address: str
    apart: bool


async def box(session: AsyncSession, viewer: Viewer, ticket_id: int, day: Day) -> tuple[PairLine, ...]:
    """可能是同一件事: the pairs of a ticket, for its page: `matters.PAGE`, and one more if there is more."""
    return tuple(line(pair, day) for pair in await matters.of_ticket(session, viewer, ticket_id))


def shown(p: float) -> float:
    """A model's probability as pages show it: rounded to 100 % it would claim what no model knows."""
    return min(p, MOST_SHOWN)


def line(pair: Proposed, day: Day) -> PairLine:
    """A pair as lists show it."""
    one, head = pair.ticket, pair.head
    return PairLine(
        no=one.no,
        title=one.title,
        grade=present.term(Urgency, one.urgency),
        due=present.due(one.due_at, one.due_clock, day),
        head_no=head.no,
        head_title=head.title,
        head_grade=present.term(Urgency, head.urgency),
        head_due=present.due(head.due_at, head.due_clock, day),
        p=shown(pair.p),
        same_caller=pair.same_caller,
        why=pair.why,
        state=pair.state.value,
        label=pair.state.label,
        address=f"/desk/compare/{one.no}/{head.no}",
        apart=pair.apart,
    )
