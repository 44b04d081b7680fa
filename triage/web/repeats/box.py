"""可能是同一件事: the pairs of tickets as lists show them; on a ticket's page, those of that ticket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from models import matters

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Viewer
    from models.matters import Proposed

#: Of labelled pairs held for likelier than this about one in a hundred is two matters (docs/repeats.md).
MOST_SHOWN: Final = 0.99


@dataclass(frozen=True, slots=True)
class PairLine:
    """A pair as lists show it."""

    no: str
    title: str
    head_no: str
    head_title: str
    p: float
    same_caller: bool
    why: tuple[str, ...]
    state: str
    label: str
    address: str
    apart: bool


async def box(session: AsyncSession, viewer: Viewer, ticket_id: int) -> tuple[PairLine, ...]:
    """可能是同一件事: the pairs of a ticket, for its page: `matters.PAGE`, and one more if there is more."""
    return tuple(line(pair) for pair in await matters.of_ticket(session, viewer, ticket_id))


def shown(p: float) -> float:
    """A model's probability as pages show it: rounded to 100 % it would claim what no model knows."""
    return min(p, MOST_SHOWN)


def line(pair: Proposed) -> PairLine:
    """A pair as lists show it."""
    return PairLine(
        no=pair.ticket.no,
        title=pair.ticket.title,
        head_no=pair.head.no,
        head_title=pair.head.title,
        p=shown(pair.p),
        same_caller=pair.same_caller,
        why=pair.why,
        state=pair.state.value,
        label=pair.state.label,
        address=f"/desk/compare/{pair.ticket.no}/{pair.head.no}",
        apart=pair.apart,
    )
