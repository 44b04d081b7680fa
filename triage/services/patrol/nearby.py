"""可能是同一件事: the open cases around a place, before an officer reports one more of the same matter.

Shown are only cases that the officer may see (`may_see`), those that lie nearest or say the most of the same
words first. What is really one matter the search for repeats says once the report is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.appeals import Appeal, Reading
from models.filters import may_see
from models.placed import point_columns
from models.search import lexemes
from models.tickets import OPEN, Ticket
from nlp.place_point import metres

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.viewing import Viewer

#: So near is the same spot, as an officer and a caller tell it.
NEAR_METRES: Final = 300
#: Degrees of latitude, and of longitude at Beijing's, that hold so many metres.
_LATITUDES: Final = 0.0028
_LONGITUDES: Final = 0.0036
#: Of two texts the shorter one's pairs of characters that the other has, at least, where no point tells.
_SAME_WORDS: Final = 0.25
#: Nearest cases that are weighed, and that are shown.
_WEIGHED: Final = 200
SHOWN: Final = 5
_DISTRICT: Final = 6


@dataclass(frozen=True, slots=True)
class OpenCase:
    """A case that may be the same; `metres` None: by its words."""

    no: str
    title: str
    state: str
    metres: int | None


async def cases(
    session: AsyncSession,
    viewer: Viewer,
    *,
    text: str,
    point: tuple[float, float] | None,
    streets: Collection[str],
) -> tuple[OpenCase, ...]:
    """Open cases within 300 m of the point, and those of the streets that say much the same."""
    if point is None and not streets:
        return ()
    lon, lat = point_columns()
    around: list[sa.ColumnElement[bool]] = []
    if streets:
        around.append(Ticket.street_code.in_(sorted(streets)))
    if point is not None:
        near = (
            lon.between(point[0] - _LONGITUDES, point[0] + _LONGITUDES),
            lat.between(point[1] - _LATITUDES, point[1] + _LATITUDES),
        )
        around.append(sa.and_(*near))
    districts = sorted({code[:_DISTRICT] for code in streets})
    within = [Ticket.district_code.in_(districts)] if districts else []
    rows = await session.execute(
        sa.select(Ticket.no, Ticket.title, Ticket.state, Appeal.text, lon.label("lon"), lat.label("lat"))
        .join(Appeal, Appeal.id == Ticket.appeal_id)
        .outerjoin(Reading, Reading.id == Ticket.reading_id)
        # By the district first: that has an index, a street has none.
        .where(may_see(viewer), sa.literal_column(OPEN), *within, sa.or_(*around))
        .order_by(Ticket.id.desc())
        .limit(_WEIGHED)
    )
    mine = frozenset(lexemes(text))
    found = []
    for row in rows:
        away = metres(point, (row.lon, row.lat)) if point and row.lon is not None else None
        alike = _alike(mine, frozenset(lexemes(row.text)))
        if (away is not None and away <= NEAR_METRES) or alike >= _SAME_WORDS:
            far = None if away is None else round(away)
            found.append(
                (away is None or away > NEAR_METRES, -alike, OpenCase(row.no, row.title, row.state, far))
            )
    found.sort(key=lambda one: (*one[:2], one[2].no))
    return tuple(one[2] for one in found[:SHOWN])


def _alike(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / min(len(one), len(other)) if one and other else 0.0
