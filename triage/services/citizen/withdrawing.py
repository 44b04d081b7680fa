"""撤诉 by the citizen on the web: a move like any other, made for whoever has the case open and its 查询码.

Number and phone open a case, and whoever may look at identities has both; so 撤诉 asks for the code that the
sender alone was shown, counted with the tries of rewards (it is the same code). Taking it back (取消撤诉)
asks for nothing more, within the hours that `moves.yaml` gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

import sqlalchemy as sa

from models.filters import all_seeing
from models.tickets import Ticket
from models.vocab import Field, Move, Post
from models.vocab_citizen import CITIZEN
from models.vocab_withdrawal import WithdrawnWhy
from triage.errors import BadInput, TriageError
from triage.rules import moves
from triage.rules.fields import TEXTS, Refusal
from triage.services import moving, withdrawing
from triage.services.citizen import cases, filing
from triage.services.moving import Person, Wish
from triage.services.standings import stand

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.services.deps import Deps

#: Nobody of the staff: the rows of `moves.yaml` for 系统 say what a citizen may do by themselves.
_CITIZEN: Final = Person(moves.Actor(Post.SYSTEM, None, CITIZEN), "诉求人（网上）")
_VIEWER: Final = all_seeing(CITIZEN)
LONGEST: Final = 300
_JUST_MOVED: Final = "这件诉求刚刚有新的进展，请看过再按一次。"


class NotOnTheWeb(TriageError):
    """这件诉求不能在网上撤诉：涉及危险、在督办，或已经回访、办结。要撤的请打 12345，由工作人员核实。"""

    code: ClassVar[str] = "not_on_the_web"
    status: ClassVar[int] = 409


class ClaimWaits(TriageError):
    """这件举报正在办奖励，撤诉以后就没有奖励了：奖励定下来以后才能撤。要放弃奖励的请打 12345。"""

    code: ClassVar[str] = "claim_waits"
    status: ClassVar[int] = 409


class TooLate(TriageError):
    """已经不能在这里取消撤诉了：超过了时间，或已经归档。要继续办的请打 12345，或重新反映一件。"""

    code: ClassVar[str] = "too_late"
    status: ClassVar[int] = 409


async def possible(session: AsyncSession, deps: Deps, appeal_id: int, move: Move, *, now: datetime) -> bool:
    """Whether the sender may make this move now. Raises ClaimWaits."""
    ticket = await session.scalar(sa.select(Ticket).where(Ticket.appeal_id == appeal_id))
    if ticket is None:
        return False
    standing, _ = await stand(session, deps.tables, ticket, now=now)
    found = moves.possible(deps.tables, standing, _CITIZEN.actor, at=now)
    may = any(item.move is move and item.rows for item in found)
    if may and move is Move.WITHDRAW and await withdrawing.claimed(session, ticket):
        raise ClaimWaits
    return may


def checked(why: str, words: str) -> dict[str, str]:
    """What the move is told. Raises BadInput."""
    if why not in {one.value for one in WithdrawnWhy}:
        raise BadInput("请选为什么撤诉。")
    said = filing.clean(words)
    if why == WithdrawnWhy.OTHER and len(said) < TEXTS[Field.NOTE][0]:
        raise BadInput("选了“其他”的，请写几个字说明。")
    if len(said) > LONGEST:
        raise BadInput(f"说明最多 {LONGEST} 个字。")
    told = {Field.WITHDRAWN_WHY.value: why}
    return told | ({Field.NOTE.value: said} if len(said) >= TEXTS[Field.NOTE][0] else {})


async def withdraw(
    session: AsyncSession, deps: Deps, appeal_id: int, values: dict[str, str], *, key: str, now: datetime
) -> None:
    """撤诉. Raises NotOnTheWeb, ClaimWaits, TooEarly."""
    if note := values.get(Field.NOTE.value):
        values = values | {Field.NOTE.value: await cases.masked(session, deps.vault, appeal_id, note)}
    if not await _made(session, deps, appeal_id, (Move.WITHDRAW, values), key=key, now=now):
        raise NotOnTheWeb


async def take_up(session: AsyncSession, deps: Deps, appeal_id: int, *, key: str, now: datetime) -> None:
    """取消撤诉. Raises TooLate, TooEarly."""
    if not await _made(session, deps, appeal_id, (Move.TAKE_UP, {}), key=key, now=now):
        raise TooLate


async def _made(
    session: AsyncSession,
    deps: Deps,
    appeal_id: int,
    told: tuple[Move, dict[str, str]],
    *,
    key: str,
    now: datetime,
) -> bool:
    """Make the move as the ticket stands now. False: the rules refuse it."""
    move, values = told
    row = (
        await session.execute(sa.select(Ticket.no, Ticket.version).where(Ticket.appeal_id == appeal_id))
    ).one_or_none()
    if row is None:
        raise cases.TooEarly("诉求刚收到，正在识别和分派，过一两分钟再来。")
    if await moving.was_made(session, row.no, key):
        return True
    # Asked before it is made: a refusal of `moving` is worded for the staff.
    if not await possible(session, deps, appeal_id, move, now=now):
        return False
    try:
        await moving.make(
            session, deps.tables, _VIEWER, _CITIZEN, Wish(row.no, move, values, row.version, key), now=now
        )
    except moving.Conflict:
        # Its own words name the staff who moved it.
        raise cases.TooEarly(_JUST_MOVED) from None
    except Refusal:
        return False
    return True
