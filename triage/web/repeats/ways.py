"""Which of two tickets the rules of 合并 let into the other. Called by the compare view."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from models.vocab import CLOSED_STATES, Field, Move, Post, State
from triage.errors import NoRule
from triage.rules import bulk
from triage.rules.fields import Refusal
from triage.rules.moves import Actor, Request
from triage.services import standings
from triage.web.keys import DEPS, VIEWER

if TYPE_CHECKING:
    from datetime import datetime

    from aiohttp import web

    from triage.rules.rows import Tables
    from triage.rules.standing import Standing
    from triage.services.repeats.comparing import Compared

_SideT = TypeVar("_SideT")


def merging(
    request: web.Request, found: Compared, sides: tuple[_SideT, _SideT]
) -> tuple[_SideT, _SideT] | None:
    """The later into the earlier one; the other way round where the rules of 合并 allow that one alone.

    None where one is over. What neither way allows is refused with its reason.
    """
    later, earlier = sides
    whole = (found.a.whole, found.b.whole)
    if any(State(one.ticket.state) in CLOSED_STATES for one in whole):
        return None
    deps = request.app[DEPS]
    now = deps.clock.now()
    a, b = (standings.stand_of(deps.tables, one, now=now) for one in whole)
    actor = Actor(Post.HOTLINE, None, request[VIEWER].login)
    way = _allowed(deps.tables, a, (whole[1].ticket.no, b), actor, now=now)
    other = _allowed(deps.tables, b, (whole[0].ticket.no, a), actor, now=now)
    return (earlier, later) if other and not way else (later, earlier)


def _allowed(
    tables: Tables, one: Standing, head: tuple[str, Standing], actor: Actor, *, now: datetime
) -> bool:
    """Whether the rules would let a ticket be merged into another, of that number."""
    values = {Field.OTHER_TICKET.value: head[0], Field.REASON.value: "同一事项"}
    try:
        bulk.try_move(tables, one, Request(Move.MERGE, values, head[1]), actor, at=now)
    except (Refusal, NoRule):
        return False
    return True
