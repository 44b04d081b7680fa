"""How often somebody may try to open a case (查进度): guessing is what is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connectors.vault import normal_phone
from models.vocab_citizen import Asked
from triage.services import limiting
from triage.services.citizen import cases

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.services.deps import Deps

#: With one phone or code, an hour: more than its owner opens, far less than it takes to find the number.
PER_SECRET: Final = 20
#: By what an attacker has a few of, or shares with others, the limit is so many times that of one address.
WIDE: Final = 10


async def count_try(
    session: AsyncSession, deps: Deps, number: str, secret: str, address: str, *, now: datetime
) -> None:
    """Count a try, in a transaction of its own, before anything is looked up. Raises TooOften.

    By address and by phone or code it is few: numbers follow one another, so who knows a neighbour's phone
    would try them in turn, from as many addresses as an IPv6 line has. Numbers are public and right answers
    count too: few by number would let anyone keep the owner out, so that limit is wide.
    """
    most = deps.settings.citizen_tracks
    tries = [
        (f"address:{limiting.place_of(address)}", most),
        (f"secret:{_plain(secret)}", PER_SECRET),
        # The W of a receipt may be left out.
        (f"number:{cases.plain(number).removeprefix('W')}", most * WIDE),
    ]
    if (site := limiting.site_of(address)) is not None:
        tries.insert(1, (f"site:{site}", most * WIDE))
    for who, limit in tries:
        await limiting.count(session, deps.vault, Asked.TRACK, who, most=limit, now=now)


def _plain(secret: str) -> str:
    """A phone or code as it is compared: however it is written, it is one.

    A code is one whole: by its digits alone it would share its tries with whatever code has the same.
    """
    return cases.typed_code(secret) or normal_phone(secret) or cases.plain(secret)
