"""重新拉取: the cursor of a platform is put back, so that orders which could not be read come once more.

An order that is refused counts as seen, else one bad order would hold its source for ever. When the fault lay
in the map (a field was renamed over there), somebody mends it and says from when on to ask again: what is
stored already counts once, what was refused is taken in.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from connectors.hotline.orders import NAMELESS
from models.hotline import HotlineOrder
from models.sources import SourceTask
from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_sources import SourceKind
from triage import logs
from triage.errors import BadInput
from triage.services import ledger
from triage.services.hotline.windows import Place
from triage.services.sources import editing

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

log = logs.get(__name__)

#: As far back as the first pull of a source may be set.
FURTHEST: Final = timedelta(days=90)


async def rewind(session: AsyncSession, key: str, since: datetime, *, by: str, now: datetime) -> None:
    """Ask again for whatever changed over there since a moment (aware). Raises NotFound, BadInput."""
    source = await editing.find(session, key, lock=True)
    if source.kind != SourceKind.HOTLINE.value:
        raise BadInput("只有 12345 热线平台的来源可以重新拉取")
    if not now - FURTHEST <= since < now:
        raise BadInput(f"重新拉取的起点应在现在以前、{FURTHEST.days} 天以内")
    # The lease is taken away: a run that is under way would put its own cursor over this one when it ends.
    await session.execute(
        sa.update(SourceTask)
        .where(SourceTask.source_id == source.id, SourceTask.task == "pull")
        .values(
            cursor=Place(since).stored(), next_at=now, failures=0, paused_until=None, lease_by=None,
            lease_until=None,
        )
        .execution_options(synchronize_session=False)
    )  # fmt: skip
    # Known by their content alone: once their number can be read they come under it, and nobody else would
    # ever take these rows back. Those that still cannot be named are refused anew.
    await session.execute(
        sa.delete(HotlineOrder)
        .where(
            HotlineOrder.source_id == source.id,
            HotlineOrder.refused.is_not(None),
            HotlineOrder.first_seen_at >= since,
            HotlineOrder.order_no.startswith(NAMELESS, autoescape=True),
        )
        .execution_options(synchronize_session=False)
    )
    ledger.write(
        session, who=by, act=LedgerAct.SOURCE_REWOUND, subject=ledger.Subject(SubjectKind.SOURCE, key),
        now=now, detail={"since": since.isoformat()},
    )  # fmt: skip
    log.info("source_rewound", source=key, since=since.isoformat(), by=by)
