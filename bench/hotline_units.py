"""The units of `bench.hotline`: they sign every ticket that is dispatched, and feed back on each fifth."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from models.filters import all_seeing
from models.tickets import Ticket
from models.vocab import Move, Post, State
from triage.clock import SystemClock
from triage.errors import TriageError
from triage.rules.moves import Actor
from triage.services import moving
from triage.services.moving import Person, Wish

if TYPE_CHECKING:
    from models.db import Database
    from triage.rules.rows import Tables

_TOGETHER: Final = 10
_AT_ONCE: Final = 6
_FEEDBACK_EACH: Final = 5
_VIEWER: Final = all_seeing("bench")
_MORE: Final[tuple[tuple[Move, dict[str, Any]], ...]] = (
    (Move.CONTACT, {"outcome": "reached", "told_citizen": "phone"}),
    (Move.PROGRESS, {"note": "已到现场，正在处理。"}),
    (Move.FEEDBACK, {"note": "已处理完毕。", "attachment": "附件01", "told_citizen": "phone"}),
)


@dataclass
class Units:
    """All of them, some at a time. `unable`: tickets on which a move was refused."""

    db: Database
    tables: Tables
    each: int = 1
    unable: set[int] = field(default_factory=set)

    def left(self, found: dict[str, int]) -> bool:
        """Whether dispatched tickets wait for their unit."""
        return found["dispatched"] > len(self.unable)

    async def act(self) -> int:
        """Handle some tickets, in several transactions at once. Gives how many."""
        return sum(await asyncio.gather(*(self._some() for _ in range(_AT_ONCE))))

    async def _some(self) -> int:
        async with self.db.writes.begin() as session:
            rows = (
                await session.execute(
                    sa.select(Ticket.id, Ticket.no, Ticket.version, Ticket.unit_code)
                    .where(
                        Ticket.state == State.DISPATCHED.value,
                        Ticket.id % self.each == 0,
                        Ticket.id.not_in(self.unable or {0}),
                    )
                    .limit(_TOGETHER)
                    .with_for_update(skip_locked=True)
                )
            ).all()
            for row in rows:
                # One login: transactions that add the same two people crosswise would wait for each other.
                person = Person(Actor(Post.UNIT, row.unit_code, "bench:units"), "承办单位")
                moves = ((Move.SIGN, {}), *(_MORE if row.id % _FEEDBACK_EACH == 0 else ()))
                for later, (move, values) in enumerate(moves):
                    wish = Wish(row.no, move, values, row.version + later, f"{move.value}-{row.id}")
                    try:
                        await moving.make(
                            session, self.tables, _VIEWER, person, wish, now=SystemClock().now()
                        )
                    except TriageError:
                        self.unable.add(row.id)
                        break
        return len(rows)
