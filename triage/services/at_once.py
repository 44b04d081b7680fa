"""登记时已当场答复: what a clerk answered while registering, from the form until the ticket says it.

It lies sealed with the appeal's original words until the appeal is read (`waiting`); what becomes of it then,
`rules/answering` says. It is sealed no longer than that (`forget`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import orjson
import sqlalchemy as sa

from models.appeals import Appeal, Appellant, Source
from models.tickets import Ticket, TicketEvent
from models.vocab import Field
from triage.rules.answering import AT_REGISTRATION, KEPT, Answer, Registered
from triage.services.intake import ANSWERED, FOUND

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.vault import Vault

#: 登记诉求: nobody else answers before an appeal is read.
_SOURCE: Final = "desk"


def packed(answer: Answer) -> str:
    """As it lies in the original."""
    return orjson.dumps([answer.note, answer.told, answer.login, answer.name]).decode()


def unpacked(part: str) -> Answer:
    """The same, read."""
    return Answer(*orjson.loads(part))


def _opened(vault: Vault, appeal_id: int, original: bytes) -> Answer | None:
    part = orjson.loads(vault.open(original, belongs_to=_place(appeal_id))).get(ANSWERED)
    return unpacked(part) if part else None


def _place(appeal_id: int) -> str:
    return f"appellant.original:{appeal_id}"


@dataclass(frozen=True, slots=True)
class Sealed:
    """What may say so: the sealed original of an appeal that a clerk registered."""

    appeal_id: int
    original: bytes = field(repr=False)
    told_type: str | None
    confidential: bool

    def opened(self, vault: Vault) -> Registered | None:
        """The answer; None: there is none. Raises VaultError."""
        answer = _opened(vault, self.appeal_id, self.original)
        return None if answer is None else Registered(answer, self.told_type, self.confidential)


async def waiting(session: AsyncSession, ids: Collection[int]) -> dict[int, Sealed]:
    """Of these appeals those that may have been answered when they were registered."""
    rows = await session.execute(
        sa.select(Appellant.appeal_id, Appellant.original, Appeal.told_type, Appeal.confidential)
        .join(Appeal, Appeal.id == Appellant.appeal_id)
        .join(Source, Source.id == Appeal.source_id)
        .where(Appellant.appeal_id.in_(ids), Source.key == _SOURCE, Appellant.original.is_not(None))
    )
    return {
        row.appeal_id: Sealed(row.appeal_id, row.original, row.told_type, row.confidential)
        for row in rows
        if row.original is not None
    }


async def forget(session: AsyncSession, vault: Vault, ids: Collection[int]) -> None:
    """The tickets say it now, and who found it on patrol: nothing of it stays with the original words."""
    rows = await session.execute(
        sa.select(Appellant.appeal_id, Appellant.original)
        .where(Appellant.appeal_id.in_(ids), Appellant.original.is_not(None))
        .order_by(Appellant.appeal_id)
        .with_for_update()
    )
    for appeal_id, original in rows.all():
        left = orjson.loads(vault.open(original or b"", belongs_to=_place(appeal_id)))
        if not {ANSWERED, FOUND} & left.keys():
            continue
        left = {part: told for part, told in left.items() if part not in {ANSWERED, FOUND}}
        anew = vault.seal(orjson.dumps(left).decode(), belongs_to=_place(appeal_id)) if left else None
        await session.execute(
            sa.update(Appellant).where(Appellant.appeal_id == appeal_id).values(original=anew)
        )


async def said_before(
    session: AsyncSession, vault: Vault, appeal_id: int, original: bytes | None
) -> dict[str, str] | None:
    """What this appeal was answered when it was registered, read by now or not; None: nothing."""
    if original is not None and (answer := _opened(vault, appeal_id, original)) is not None:
        return answer.values
    rows = await session.scalars(
        sa.select(TicketEvent.data)
        .join(Ticket, Ticket.id == TicketEvent.ticket_id)
        .where(Ticket.appeal_id == appeal_id)
        .order_by(TicketEvent.seq)
    )
    told = (data.get(KEPT) or (data.get(AT_REGISTRATION) and data["values"]) for data in rows)
    first = next((one for one in told if one), None)
    return None if first is None else {f.value: first[f.value] for f in (Field.NOTE, Field.TOLD_CITIZEN)}
