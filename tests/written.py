"""What the ledger (审计台账) has of an act."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.ledger import LedgerRow

if TYPE_CHECKING:
    from models.vocab_ledger import LedgerAct
    from triage.services.deps import Deps


async def written(deps: Deps, act: LedgerAct) -> list[str]:
    """What the entries of this act are about, in order."""
    async with deps.db.reads() as session:
        rows = await session.scalars(
            sa.select(LedgerRow.subject).where(LedgerRow.act == act.value).order_by(LedgerRow.seq)
        )
        return list(rows)
