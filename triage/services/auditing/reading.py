"""Reading the ledger: by person, case, act, subject and days; page by page, newest first, or all in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.ledger import LedgerRow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.db import Database
    from models.vocab_ledger import LedgerAct, SubjectKind

_PIECE: Final = 1000


@dataclass(frozen=True, slots=True)
class LedgerFilter:
    """Which entries. `case_no`: the ticket's number; `origin`: the address, or `command`.

    `since` inclusive, `until` exclusive.
    """

    who: str | None = None
    case_no: str | None = None
    origin: str | None = None
    act: LedgerAct | None = None
    kind: SubjectKind | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same in SQL."""
        equal = (
            (LedgerRow.who, self.who),
            (LedgerRow.case_no, self.case_no),
            (LedgerRow.origin, self.origin),
            (LedgerRow.act, self.act.value if self.act else None),
            (LedgerRow.subject_kind, self.kind.value if self.kind else None),
            (LedgerRow.subject, self.subject),
        )
        found = [column == value for column, value in equal if value is not None]
        if self.since is not None:
            found.append(LedgerRow.at >= self.since)
        if self.until is not None:
            found.append(LedgerRow.at < self.until)
        return found


async def page(
    session: AsyncSession, wanted: LedgerFilter, *, before: int | None, limit: int
) -> list[LedgerRow]:
    """Entries, newest first, those before the number `before`."""
    query = sa.select(LedgerRow).where(*wanted.conditions()).order_by(LedgerRow.seq.desc()).limit(limit)
    if before is not None:
        query = query.where(LedgerRow.seq < before)
    return list(await session.scalars(query))


async def every(db: Database, wanted: LedgerFilter) -> AsyncIterator[LedgerRow]:
    """All entries in order of the chain, in pieces: whoever takes his time holds no connection."""
    after = 0
    while True:
        query = sa.select(LedgerRow).where(*wanted.conditions(), LedgerRow.seq > after)
        async with db.reads() as session:
            found = list(await session.scalars(query.order_by(LedgerRow.seq).limit(_PIECE)))
            session.expunge_all()
        for row in found:
            yield row
        if len(found) < _PIECE:
            return
        after = found[-1].seq
