"""What tests of trends share: deps over a database, the sums as plain rows, moves that may be refused."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

import triage.tables
from connectors.vault import Vault
from models.rollups import RollupTicket
from models.tickets import Ticket
from models.viewing import all_seeing
from models.vocab import Move, Post
from tests.factories import NOW
from triage.clock import FixedClock
from triage.errors import TriageError
from triage.rules.moves import Actor
from triage.services import correcting, reference
from triage.services.deps import Deps
from triage.services.moving import Person, Wish, make
from triage.services.trends import applying, refreshing
from triage.settings import Settings

if TYPE_CHECKING:
    from datetime import datetime

    from models.db import Base, Database

VIEWER: Final = all_seeing("local")
WANGJING: Final = "110105026"
STREET: Final = Person(Actor(Post.UNIT, WANGJING, "unit.wangjing"), "望京街道办事处")
HOTLINE: Final = Person(Actor(Post.HOTLINE, None, "hotline.a"), "热线甲")
CALLER: Final = Person(Actor(Post.FOLLOW_UP, None, "follow.a"), "回访甲")
FED_BACK: Final = {"note": "已清运", "attachment": "照片 1", "told_citizen": "phone"}
GOOD: Final = {"outcome": "reached", "contacted": "yes", "solved": "yes", "satisfaction": "satisfied"}
BAD: Final = {"outcome": "reached", "contacted": "yes", "solved": "no", "satisfaction": "dissatisfied"}


def deps_of(db: Database, at: datetime = NOW) -> Deps:
    return Deps(Settings(), FixedClock(at), triage.tables.load(), db, Vault({1: bytes(32)}))


async def units(deps: Deps) -> None:
    """All units of the tables."""
    await reference.sync(deps)


async def move(
    deps: Deps, no: str, person: Person, move: Move, values: dict[str, Any], *, at: datetime = NOW
) -> None:
    """One move, as the ticket stands; raises what the rules refuse with."""
    async with deps.db.writes.begin() as session:
        version = await session.scalar(sa.select(Ticket.version).where(Ticket.no == no))
        wish = Wish(no, move, values, version or 0, f"{move}-{version}")
        await make(session, deps.tables, VIEWER, person, wish, now=at)


async def attempt(
    deps: Deps, no: str, person: Person, wanted: Move, values: dict[str, Any], *, at: datetime
) -> None:
    """The same, where a refusal is fine: what is tried at random is often not allowed."""
    with contextlib.suppress(TriageError):
        await move(deps, no, person, wanted, values, at=at)


async def correct(deps: Deps, no: str, said: dict[str, str]) -> None:
    async with deps.db.writes.begin() as session:
        await correcting.correct(session, deps.tables, VIEWER, no, said, at=deps.clock.now())


async def refreshed(deps: Deps) -> None:
    """Count everything that is new."""
    while await refreshing.refresh(deps):
        pass


async def sums(db: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Every fact and every sum, in order of their keys."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    async with db.reads() as session:
        tables: dict[str, type[Base]] = {"rollup_ticket": RollupTicket, **applying.SUMS}
        for name, model in tables.items():
            rows = await session.execute(sa.select(*model.__table__.c))
            found[name] = sorted(tuple(row) for row in rows)
    return found
