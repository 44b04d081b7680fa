"""The earlier cases that a new text may belong to, found by the index of matters.

A merged one is told by the case that stands for it. Called by the search for repeats and by that for leads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models import matters
from triage.services import following

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession


async def cases(session: AsyncSession, ticket_id: int, keys: Sequence[int], *, since: datetime) -> list[int]:
    """Earlier open cases that share keys with this ticket, likeliest first; at most `matters.WEIGHED`.

    The case that forty neighbours were merged into is older than all of them: among the newest of a name it
    is found by its merged ones alone.
    """
    found = await matters.candidates(session, ticket_id, keys)
    heads = await following.tops(session, found)
    standing = dict.fromkeys(heads[one][0] for one in found if one in heads and heads[one][0] < ticket_id)
    still = await matters.open_since(session, standing, since=since) if standing else set()
    return [one for one in standing if one in still][: matters.WEIGHED]
