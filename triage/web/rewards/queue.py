"""有奖举报 at the desk: which rewards there are, state by state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import sqlalchemy as sa

from models.rewards import Reward, RewardShare
from models.vocab_rewards import OPEN_REWARDS, RewardState, ShareState
from triage.clock import local
from triage.errors import BadInput
from triage.rules.rewards.amounts import yuan
from triage.services.rewards import book, yearly
from triage.web import access
from triage.web.keys import DEPS, NAMES, VIEWER
from triage.web.rewards import common
from triage.web.rewards.common import STAFF, doer_of

if TYPE_CHECKING:
    from datetime import date

    from aiohttp import web
    from sqlalchemy.ext.asyncio import AsyncSession

PER_PAGE: Final = 100
_MOST_ID: Final = 2**31 - 1


async def queue(request: web.Request) -> web.Response:
    """The rewards of a state, those that wait when none is said; older than `before`. Raises BadInput."""
    deps = request.app[DEPS]
    told = request.query.get("state", "")
    known = {state.value: state for state in RewardState}
    wanted = [known[told].value] if told in known else [state.value for state in OPEN_REWARDS]
    async with deps.db.reads() as session:
        seen = book.seen_by(request[VIEWER])
        counts = await yearly.counts(session, seen)
        found = sa.select(Reward).where(Reward.state.in_(wanted), seen, Reward.id < _before(request))
        rows = list(await session.scalars(found.order_by(Reward.id.desc()).limit(PER_PAGE + 1)))
        more = rows[PER_PAGE - 1].id if len(rows) > PER_PAGE else None
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
            "late": row.state == RewardState.APPROVED and (row.notify_by or today) < today,
            "hints": sum(1 for one in row.checks if one["certain"]), "reports": len(row.proof),
        }
        for row in rows
    ]  # fmt: skip
    query = {"state": told} if told in known else {}
    address = f"/desk/rewards?{urlencode({**query, 'before': str(more)})}" if more else None
    return common.page(request, "queue", lines=lines, tabs=tabs, doer=doer_of(request), more=address)


def _before(request: web.Request) -> int:
    told = request.query.get("before", str(_MOST_ID))
    if not (told.isascii() and told.isdigit() and len(told) <= len(str(_MOST_ID))):
        raise BadInput("参数 before 应是数字")
    return int(told)


async def _claim_by(session: AsyncSession, ids: list[int]) -> dict[int, date]:
    rows = await session.execute(
        sa.select(RewardShare.reward_id, sa.func.min(RewardShare.claim_by))
        .where(RewardShare.reward_id.in_(ids), RewardShare.state == ShareState.OPEN.value)
        .group_by(RewardShare.reward_id)
    )
    return {number: last for number, last in rows if last is not None}


ROUTES: Final = (access.get("/desk/rewards", queue, needs=STAFF),)
