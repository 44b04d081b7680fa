"""What the demo's people left for each other: a remark on a case, a note for the next shift."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.shift_notes import ShiftNote
from models.staff import Account
from models.tickets import Ticket
from models.units import Staff
from models.viewing import all_seeing
from models.vocab import OPEN_STATES, Post, State
from models.vocab_remarks import Audience
from triage.rules.moves import Actor
from triage.services import remarks, shift_notes
from triage.services.moving import Person

if TYPE_CHECKING:
    from triage.services.deps import Deps

_KEY: Final = "demo"
_REMARK: Final = "打过两次电话，没有人接；请承办的同事上门前先联系物业。"
_NOTE: Final = "晚上水务那边说复测结果明早八点给，出来以后先回这一张。"


async def leave(deps: Deps) -> None:
    """One of each, once, from the demo's clerk, on an open case; none where there are no demo accounts."""
    now = deps.clock.now()
    clerk = all_seeing("clerk", name="演示坐席")
    async with deps.db.writes.begin() as session:
        there = sa.select(Staff.id).join(Account, Account.staff_id == Staff.id)
        demo = await session.scalar(there.where(Staff.login == clerk.login, Account.demo))
        left = await session.scalar(sa.select(ShiftNote.id).where(ShiftNote.key == _KEY).limit(1))
        if demo is None or left is not None:
            return
        no = await session.scalar(
            sa.select(Ticket.no)
            .where(Ticket.state.in_(sorted({*OPEN_STATES} - {State.REVIEW})))
            .order_by(Ticket.id)
            .limit(1)
        )
        if no is None:
            return
        person = Person(Actor(Post.HOTLINE, None, clerk.login), clerk.name)
        wish = remarks.Wish(no, _REMARK, Audience.ALL, _KEY)
        await remarks.write(session, deps.tables, clerk, person, wish, now=now)
        await shift_notes.write(session, clerk, shift_notes.Wish(_NOTE, no, _KEY), now=now)
