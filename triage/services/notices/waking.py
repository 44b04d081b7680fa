"""无联系方式 is no end: what could reach nobody goes out once its recipient can be reached.

Setting an address wakes what waits for it (`contacts.put`). This is for the rest: a medium that had no
settings for a while, and an address set in the moment in which the notices were grouped. And for what a
process gave up on that had no words for it: one of an older release, beside this one during a deploy.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.notices import Contact, Notice
from models.vocab_notices import NoticeState, RecipientKind
from triage import logs
from triage.rules.calendar import beijing

if TYPE_CHECKING:
    from collections.abc import Collection

    from models.vocab_notices import Medium
    from triage.services.deps import Deps

log = logs.get(__name__)

#: Older ones tell of cases that are over, or late by so much that the reminders have told of them since.
NEWEST: Final = timedelta(days=3)
#: Of one round. Grouping takes them from there; the next round takes the next ones.
MOST: Final = 2000
_KINDS: Final = (RecipientKind.UNIT, RecipientKind.POST)


async def wake(deps: Deps, usable: Collection[Medium]) -> bool:
    """Both, one after the other. Gives whether more may."""
    reached = await wake_reachable(deps, usable)
    return await wake_unworded(deps) or reached


async def wake_reachable(deps: Deps, usable: Collection[Medium]) -> bool:
    """Let what said 无联系方式 wait again where a usable medium has an address. Gives whether more may."""
    now = deps.clock.now()
    day = beijing(now).date()
    reached = [
        sa.and_(
            Notice.recipient_kind == kind.value,
            Contact.medium.in_([
                row.medium.value
                for row in deps.tables.notices.media_for(kind, day)
                if row.medium in usable
            ]),
        )
        for kind in _KINDS
    ]  # fmt: skip
    found = (
        sa.select(Notice.id)
        .where(
            # Written out: only so does the partial index fit.
            sa.literal_column("notice.state = 'no_contact'"),
            Notice.created_at >= now - NEWEST,
            sa.select(Contact.medium)
            .where(
                Contact.recipient_kind == Notice.recipient_kind,
                Contact.recipient == Notice.recipient,
                sa.or_(*reached),
            )
            .exists(),
        )
        .order_by(Notice.created_at.desc())
        .limit(MOST)
    )
    # Asked without a writing transaction: on SQLite that would hold up everybody, nearly always for nothing.
    async with deps.db.reads() as session:
        ids = (await session.scalars(found)).all()
    if not ids:
        return False
    async with deps.db.writes.begin() as session:
        await session.execute(
            sa.update(Notice)
            .where(Notice.id.in_(ids), Notice.state == NoticeState.NO_CONTACT.value)
            .values(state=NoticeState.WAITING.value)
            .execution_options(synchronize_session=False)
        )
    log.info("notices_woken", count=len(ids))
    return len(ids) == MOST


async def wake_unworded(deps: Deps) -> bool:
    """Let wait again what was given up for want of words that there are by now. Gives whether more may.

    Only what never was a message: what a gateway may have taken stays given up. The newest of those given up
    are looked at; what such a process grouped together with one without words is among them.
    """
    now = deps.clock.now()
    day = beijing(now).date()
    known = sorted({row.name for row in deps.tables.notices.templates if row.holds(day)})
    newest = (
        sa.select(Notice.id)
        .where(Notice.state == NoticeState.GIVEN_UP.value)
        .order_by(Notice.id.desc())
        .limit(MOST)
        .subquery()
    )
    found = sa.select(Notice.id).where(
        Notice.id.in_(sa.select(newest.c.id)),
        Notice.delivery_id.is_(None),
        Notice.created_at >= now - NEWEST,
        Notice.template.in_(known),
    )
    async with deps.db.reads() as session:
        ids = (await session.scalars(found)).all()
    if not ids:
        return False
    async with deps.db.writes.begin() as session:
        await session.execute(
            sa.update(Notice)
            .where(
                Notice.id.in_(ids), Notice.state == NoticeState.GIVEN_UP.value, Notice.delivery_id.is_(None)
            )
            .values(state=NoticeState.WAITING.value)
            .execution_options(synchronize_session=False)
        )
    log.info("notices_worded", count=len(ids))
    return len(ids) == MOST
