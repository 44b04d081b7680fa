"""Tickets that staff name in their words: found in the words as typed, and not masked as a telephone is.

`20261129-000123` after 电话 looks like a number to ring, and what is masked when it is kept is lost for good.
A number that is no ticket's is masked like any other.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.filters import may_see
from models.tickets import Ticket
from nlp.text import mask_identity

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.viewing import Viewer

NUMBER: Final = re.compile(r"(?<![0-9-])[0-9]{8}-[0-9]{6,20}(?![0-9-])")
#: Stands for a ticket's number while the words around are masked: no word, no digit, in nobody's text.
_STAND_IN: Final = "\ue0f1"


def named(texts: Iterable[str | None]) -> set[str]:
    """What looks like a ticket's number in these."""
    return {no for text in texts for no in NUMBER.findall(text or "")}


async def known(session: AsyncSession, numbers: Collection[str], viewer: Viewer | None = None) -> set[str]:
    """Those that are tickets', of the viewer's sight where one is given; no query where there are none."""
    if not numbers:
        return set()
    asked = sa.select(Ticket.no).where(Ticket.no.in_(sorted(numbers)))
    return set(await session.scalars(asked if viewer is None else asked.where(may_see(viewer))))


def masked(text: str, kept: Collection[str], mask: Callable[[str], str] = mask_identity) -> str:
    """The words masked, but for these tickets' numbers."""
    found: list[str] = []

    def stand_in(match: re.Match[str]) -> str:
        if match[0] not in kept:
            return match[0]
        found.append(match[0])
        return _STAND_IN

    words = mask(NUMBER.sub(stand_in, text.replace(_STAND_IN, "")))
    pieces = words.split(_STAND_IN)
    if len(pieces) != len(found) + 1:
        # One went with what was masked around it.
        return mask(text)
    return "".join(piece + no for piece, no in zip(pieces, (*found, ""), strict=True))
