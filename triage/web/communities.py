"""Names of communities and villages (社区、村): the tables have none of them, the gazetteer has."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from models import placed
from triage.web.open311.places import gazetteer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.ticket_detail import WholeTicket

#: The committee's name, without what makes it a committee.
_COMMITTEES: Final = ("居民委员会", "村民委员会", "居委会")


def name(code: str) -> str:
    """A community as people call it; its code where nobody knows it. Blocking, at first."""
    place = gazetteer().places.get(code)
    if place is None:
        return code
    for committee in _COMMITTEES:
        if place.name.endswith(committee):
            return place.name.removesuffix(committee)
    # 某某村委会 is the committee of 某某村, 某某村村委会 too.
    short = place.name.removesuffix("村委会")
    return place.name if short == place.name else short if short.endswith("村") else f"{short}村"


async def of_ticket(whole: WholeTicket) -> dict[str, str]:
    """The name of the community that a person put a ticket in, by its code."""
    code = placed.community(whole.ticket, whole.reading)
    return await names([code] if code else [])


async def names(codes: Iterable[str]) -> dict[str, str]:
    """Names by code. The gazetteer's first loading blocks: it goes to a thread."""
    wanted = tuple(codes)
    return await asyncio.to_thread(lambda: {code: name(code) for code in wanted}) if wanted else {}
