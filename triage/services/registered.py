"""What became of an appeal that a clerk registered, and which other cases bear a number from outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.appeals import Appeal, Source
from models.filters import may_see, may_see_unread
from models.ledger import LedgerRow
from models.outbox import registered_by_hand
from models.search import spellings
from models.tickets import Ticket
from models.vocab import AppealState, State
from models.vocab_ledger import LedgerAct, SubjectKind
from triage.errors import NotFound
from triage.services.registering import SOURCE

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.viewing import Viewer

#: Cases of one number that are told, at most.
_TOLD: Final = 10


@dataclass(frozen=True, slots=True)
class Same:
    """Another case of the same number: its ticket, or that it has none yet."""

    appeal_id: int
    no: str | None
    state: str
    """In words."""
    source: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a registered appeal stands. `no` only for whoever may see the ticket; `made`: there is one."""

    appeal_id: int
    state: AppealState
    made: bool
    no: str | None
    channel: str
    confidential: bool
    received_at: datetime
    stored_at: datetime
    number: str | None = field(repr=False)


async def progress(session: AsyncSession, viewer: Viewer, appeal_id: int) -> Progress:
    """Where it stands: for whoever may see it, and for whoever registered it. Raises NotFound."""
    mine = sa.exists().where(
        LedgerRow.subject_kind == SubjectKind.APPEAL.value, LedgerRow.subject == str(appeal_id),
        LedgerRow.act == LedgerAct.REGISTERED.value, LedgerRow.who == viewer.login,
    )  # fmt: skip
    row = (
        await session.execute(
            sa.select(
                Appeal, Ticket.no, sa.case((may_see(viewer), sa.true()), else_=sa.false()).label("seen")
            )
            .join(Source, Source.id == Appeal.source_id)
            .outerjoin(Ticket, Ticket.appeal_id == Appeal.id)
            .where(Appeal.id == appeal_id, Source.key == SOURCE, sa.or_(may_see_unread(viewer), mine))
        )
    ).one_or_none()
    if row is None:
        raise NotFound("没有登记过这件诉求，或您无权查看。")
    appeal: Appeal = row.Appeal
    return Progress(
        appeal_id=appeal.id, state=AppealState(appeal.state), made=row.no is not None,
        no=row.no if row.seen else None, channel=appeal.channel, confidential=appeal.confidential,
        received_at=appeal.received_at, stored_at=appeal.stored_at, number=appeal.external_id,
    )  # fmt: skip


async def bearing(
    session: AsyncSession, viewer: Viewer, number: str | None, *, besides: int | None = None
) -> tuple[Same, ...]:
    """The cases of this number, however they write it, that the viewer may see, the newest first."""
    if not number:
        return ()
    seen = sa.or_(
        sa.and_(Ticket.id.is_not(None), may_see(viewer)), sa.and_(Ticket.id.is_(None), may_see_unread(viewer))
    )
    rows = await session.execute(
        sa.select(
            Appeal.id, Ticket.no, Ticket.state, Appeal.state.label("waits"), Source.name, Appeal.received_at,
            registered_by_hand(Appeal.id).label("over"),
        )
        .join(Source, Source.id == Appeal.source_id)
        .outerjoin(Ticket, Ticket.appeal_id == Appeal.id)
        .where(Appeal.external_id.in_(spellings(number)), Appeal.id != (besides or 0), seen)
        .order_by(Appeal.id.desc())
        .limit(_TOLD)
    )  # fmt: skip
    return tuple(
        Same(row.id, row.no, _words(row.state, row.waits, over=row.over), row.name, row.received_at)
        for row in rows
    )


def _words(state: str | None, waits: str, *, over: bool) -> str:
    if state is not None:
        return State(state).label
    return "处理失败，已人工登记" if over and waits == AppealState.DEAD else AppealState(waits).label
