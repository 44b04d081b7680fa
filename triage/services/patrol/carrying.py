"""Who found it, and what was done on the spot: from the form until the ticket says it.

It lies sealed with the appeal until that is read, as an answer at the registration does (`at_once`), and is
forgotten with it (`at_once.forget`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import orjson
import sqlalchemy as sa

from models.appeals import Appeal, Appellant, Source
from models.tickets import Ticket, TicketEvent
from models.vocab import Channel, Field
from triage.rules.patrol import HANDLED, ON_THE_SPOT, Found
from triage.services.intake import FOUND

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.vault import Vault
    from triage.services.intake import NewAppeal

SOURCE: Final = "patrol"
SOURCE_NAME: Final = "巡查上报"


def packed(found: Found) -> str:
    """As it lies in the original."""
    whole = [found.unit, found.login, found.name, found.note, found.files, found.point]
    return orjson.dumps(whole).decode()


def unpacked(part: str) -> Found:
    """The same, read."""
    unit, login, name, note, files, point = orjson.loads(part)
    return Found(unit, login, name, note, tuple(files), (point[0], point[1]) if point else None)


def with_found(item: NewAppeal, found: Found) -> NewAppeal:
    """The appeal with who found it."""
    return replace(item, found=packed(found))


@dataclass(frozen=True, slots=True)
class Sealed:
    """The sealed original of what came by patrol; None: nobody is known any more, and it is one still."""

    appeal_id: int
    original: bytes | None = field(repr=False)

    def opened(self, vault: Vault) -> Found:
        """Who found it. Raises VaultError."""
        if self.original is None:
            return Found("", "", "")
        place = f"appellant.original:{self.appeal_id}"
        part = orjson.loads(vault.open(self.original, belongs_to=place)).get(FOUND)
        return unpacked(part) if part else Found("", "", "")


async def waiting(session: AsyncSession, ids: Collection[int]) -> dict[int, Sealed]:
    """Of these appeals those that were found on patrol."""
    rows = await session.execute(
        sa.select(Appeal.id, Appellant.original)
        .join(Source, Source.id == Appeal.source_id)
        .outerjoin(Appellant, Appellant.appeal_id == Appeal.id)
        .where(Appeal.id.in_(ids), Appeal.channel == Channel.PATROL.value, Source.key == SOURCE)
    )
    return {row.id: Sealed(row.id, row.original) for row in rows}


async def said_before(session: AsyncSession, vault: Vault, appeal_id: int) -> str:
    """What was done on the spot, as it was reported, read by now or not; empty: it waits to be dealt with."""
    sealed = await session.scalar(sa.select(Appellant.original).where(Appellant.appeal_id == appeal_id))
    if sealed is not None and (note := Sealed(appeal_id, sealed).opened(vault).note):
        return note
    rows = await session.scalars(
        sa.select(TicketEvent.data)
        .join(Ticket, Ticket.id == TicketEvent.ticket_id)
        .where(Ticket.appeal_id == appeal_id)
        .order_by(TicketEvent.seq)
    )
    told = (data.get(HANDLED) or (data.get(ON_THE_SPOT) and data["values"]) for data in rows)
    return next((str(one[Field.NOTE.value]) for one in told if one), "")


async def add_files(session: AsyncSession, vault: Vault, appeal_id: int, files: Collection[int]) -> None:
    """Name the photos after it: their numbers are known once they are registered."""
    place = f"appellant.original:{appeal_id}"
    row = (await session.scalars(sa.select(Appellant).where(Appellant.appeal_id == appeal_id))).one()
    told = orjson.loads(vault.open(row.original or b"", belongs_to=place))
    whole = replace(unpacked(told[FOUND]), files=tuple(files))
    row.original = vault.seal(orjson.dumps({**told, FOUND: packed(whole)}).decode(), belongs_to=place)
