"""Give appeals that were given up another round of tries: when the fault that killed them is mended.

One that a person registered by hand instead is over: it is neither listed nor run again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from connectors.ports import JobName
from models.appeals import Appeal, Source
from models.filters import may_see_unread
from models.outbox import BY_HAND, DeadLetter, registered_by_hand
from models.vocab import AppealState
from models.vocab_ledger import LedgerAct, SubjectKind
from triage.services import ledger, outbox

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Viewer

#: An entry of the ledger names so many; that there were more, its number tells.
_TOLD: Final = 100
#: One IN list takes this many.
_CHUNK: Final = 1000
#: Written out: only so does the partial index fit.
_DEAD: Final[sa.ColumnElement[str]] = sa.literal_column(f"'{AppealState.DEAD.value}'", sa.String)
#: Whether an appeal is given up, and nobody has taken it over.
GIVEN_UP: Final = sa.and_(Appeal.state == _DEAD, ~registered_by_hand(Appeal.id))


@dataclass(frozen=True, slots=True)
class GivenUp:
    """An appeal that failed for good: its numbers, and the reason in the program's words, never a citizen's.

    `title` and `text` are the masked words; `since` is null when no dead letter was kept.
    """

    id: int
    external_id: str | None
    source: str
    title: str | None
    text: str
    received_at: datetime
    reason: str
    since: datetime | None


async def given_up(
    session: AsyncSession, viewer: Viewer, *, after: int = 0, limit: int | None = None
) -> list[GivenUp]:
    """The appeals given up, oldest first, each with its last reason; those after an id."""
    last = (
        sa.select(sa.func.max(DeadLetter.id))
        .where(DeadLetter.key == Appeal.id, DeadLetter.topic == JobName.READ_APPEALS.value)
        .correlate(Appeal)
        .scalar_subquery()
    )
    rows = await session.execute(
        sa.select(
            Appeal.id,
            Appeal.external_id,
            Source.name,
            Appeal.title,
            Appeal.text,
            Appeal.received_at,
            sa.func.coalesce(DeadLetter.reason, ""),
            DeadLetter.created_at,
        )
        .join(Source, Source.id == Appeal.source_id)
        .outerjoin(DeadLetter, DeadLetter.id == last)
        .where(may_see_unread(viewer), GIVEN_UP, Appeal.id > after)
        .order_by(Appeal.id)
        .limit(limit)
    )
    return [GivenUp(*row) for row in rows]


async def retry(
    session: AsyncSession, viewer: Viewer, *, now: datetime, ids: Collection[int] | None = None
) -> int:
    """Let appeals that were given up wait again, with all their tries: these, or every one. Gives how many.

    The dead letter stays and says when it was run again. Running it twice does no harm.
    """
    chosen = [] if ids is None else [Appeal.id.in_(sorted(ids))]
    # Held first, then looked at anew: one that a clerk registered by hand while we waited is over.
    held = list(
        await session.scalars(
            sa.select(Appeal.id)
            .where(may_see_unread(viewer), GIVEN_UP, *chosen)
            .order_by(Appeal.id)
            .with_for_update(of=Appeal)
        )
    )
    done: list[int] = []
    for start in range(0, len(held), _CHUNK):
        done += await session.scalars(
            sa.update(Appeal)
            .where(Appeal.id.in_(held[start : start + _CHUNK]), GIVEN_UP)
            .values(state=AppealState.WAITING.value, attempts=0, claimed_until=None)
            .returning(Appeal.id)
            .execution_options(synchronize_session=False)
        )
    if not done:
        return 0
    told = [str(appeal_id) for appeal_id in sorted(done)[:_TOLD]]
    ledger.write(
        session, who=viewer.login, act=LedgerAct.APPEALS_RETRIED, now=now,
        detail={"appeals": len(done), "ids": told},
        subject=ledger.Subject(SubjectKind.APPEAL, str(done[0]) if len(done) == 1 else "several"),
    )  # fmt: skip
    await outbox.wait(session, sorted(done), now=now)
    for start in range(0, len(done), _CHUNK):
        await session.execute(
            sa.update(DeadLetter)
            .where(DeadLetter.key.in_(done[start : start + _CHUNK]), DeadLetter.rerun_at.is_(None))
            .values(rerun_at=now)
        )
    return len(done)


async def taken_over(session: AsyncSession, appeal_id: int, *, by: int, now: datetime) -> None:
    """Note that the appeal `by` was registered by hand in place of this one, whose row the caller holds."""
    mine = sa.and_(DeadLetter.key == appeal_id, DeadLetter.rerun_at.is_(None))
    await session.execute(sa.update(DeadLetter).where(mine).values(rerun_at=now))
    await session.execute(
        sa.insert(DeadLetter).values(
            topic=JobName.READ_APPEALS.value, key=appeal_id, reason=BY_HAND, detail={"registered": by},
            created_at=now, rerun_at=now,
        )
    )  # fmt: skip
