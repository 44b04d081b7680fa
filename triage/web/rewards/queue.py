"""有奖举报 at the desk: which rewards there are, state by state."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import sqlalchemy as sa

from models.rewards import Reward, RewardShare
from models.vocab_rewards import BEFORE_NOTICE, OPEN_REWARDS, RewardState, ShareState
from triage.clock import local
from triage.errors import BadInput
from triage.rules.rewards.amounts import yuan
from triage.services.rewards import book, yearly
from triage.web import access
from triage.web.keys import DEPS, NAMES, VIEWER
from triage.web.rewards import common
from triage.web.rewards.common import STAFF, doer_of

if TYPE_CHECKING:
    from aiohttp import web
    from sqlalchemy.ext.asyncio import AsyncSession

PER_PAGE: Final = 100
_MOST_DIGITS: Final = 10
_BAD_PLACE: Final = "参数 before 应是上一页给的"
_FAR: Final = date(9999, 12, 31)
#: Until when the reporter is to be told; of those that were, or will not be, the far end.
_DUE: Final = sa.case(
    (
        Reward.state.in_([state.value for state in BEFORE_NOTICE]),
        sa.func.coalesce(Reward.notify_by, sa.literal(_FAR, sa.Date)),
    ),
    else_=sa.literal(_FAR, sa.Date),
)


async def queue(request: web.Request) -> web.Response:
    """The rewards of a state, those that wait when none is said; after `before`. Raises BadInput.

    What is to be told of soonest stands first, then the newest.
    """
    deps = request.app[DEPS]
    told = request.query.get("state", "")
    known = {state.value: state for state in RewardState}
    wanted = [known[told].value] if told in known else [state.value for state in OPEN_REWARDS]
    async with deps.db.reads() as session:
        seen = book.seen_by(request[VIEWER])
        counts = await yearly.counts(session, seen)
        found = sa.select(Reward).where(Reward.state.in_(wanted), seen, _after(request))
        rows = list(await session.scalars(found.order_by(_DUE, Reward.id.desc()).limit(PER_PAGE + 1)))
        more = _place(rows[PER_PAGE - 1]) if len(rows) > PER_PAGE else None
        rows = rows[:PER_PAGE]
        claim_by = await _claim_by(session, [row.id for row in rows])
    names, today = request.app[NAMES], local(deps.clock.now()).date()
    tabs = [("在办", "/desk/rewards", sum(counts[s.value] for s in OPEN_REWARDS), told not in known)]
    tabs += [
        (state.label, f"/desk/rewards?state={state.value}", counts[state.value], told == state.value)
        for state in RewardState
    ]
    lines = [
        {
            "no": row.no, "state": RewardState(row.state).label, "code": row.state,
            "kind": names.kind(row.kind), "reported": local(row.reported_at).date(),
            "district": names.district(row.district_code) if row.district_code else "",
            "amount": yuan(row.amount_fen) if row.amount_fen else "", "real_name": row.real_name,
            "notify_by": row.notify_by, "claim_by": claim_by.get(row.id),
            "late": row.state in BEFORE_NOTICE and (row.notify_by or today) < today,
            "hints": sum(1 for one in row.checks if one["certain"]), "reports": len(row.proof),
        }
        for row in rows
    ]  # fmt: skip
    query = {"state": told} if told in known else {}
    address = f"/desk/rewards?{urlencode({**query, 'before': more})}" if more else None
    return common.page(request, "queue", lines=lines, tabs=tabs, doer=doer_of(request), more=address)


def _after(request: web.Request) -> sa.ColumnElement[bool]:
    """What stands after a place of the list: `day.id` of the last one that was shown."""
    told = request.query.get("before", "")
    if not told:
        return sa.true()
    day, _, number = told.partition(".")
    if not (number.isascii() and number.isdigit() and len(number) <= _MOST_DIGITS):
        raise BadInput(_BAD_PLACE)
    try:
        due = sa.literal(date.fromisoformat(day), sa.Date)
    except ValueError:
        raise BadInput(_BAD_PLACE) from None
    return sa.or_(due < _DUE, sa.and_(due == _DUE, Reward.id < int(number)))


def _place(row: Reward) -> str:
    due = row.notify_by if row.state in BEFORE_NOTICE else None
    return f"{(due or _FAR).isoformat()}.{row.id}"


async def _claim_by(session: AsyncSession, ids: list[int]) -> dict[int, date]:
    rows = await session.execute(
        sa.select(RewardShare.reward_id, sa.func.min(RewardShare.claim_by))
        .where(RewardShare.reward_id.in_(ids), RewardShare.state == ShareState.OPEN.value)
        .group_by(RewardShare.reward_id)
    )
    return {number: last for number, last in rows if last is not None}


ROUTES: Final = (access.get("/desk/rewards", queue, needs=STAFF),)
