"""并入: two incidents of one event become one, by a person, in one statement however many calls; and back.

The later one gives its calls to the earlier, whose clocks began first, and ends. 撤销 gives them back and
sets it as it stood; calls that came meanwhile stay where they came to.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from models.incidents import Incident, IncidentCall, IncidentEvent
from models.vocab_incidents import LIVE_STATES, IncidentAct, IncidentState
from triage.errors import BadInput
from triage.services.incidents import joining, telling

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.services.deps import Deps

_NUMBER: Final = re.compile(r"(?:SJ[0-9]{8}-)?0*([1-9][0-9]{0,17})")


def id_of(number: str | None) -> int:
    """The incident that a number (SJ20261123-0002, or 2) names. Raises BadInput."""
    match = _NUMBER.fullmatch((number or "").strip().upper())
    if match is None:
        raise BadInput("请填写事件编号，例如 SJ20261123-0002")
    return int(match[1])


def refusal(incident: Incident, other: Incident) -> str | None:
    """Why the other one may not be taken in; None: it may."""
    if incident.id == other.id:
        return "这就是同一个事件"
    if IncidentState(other.state) not in LIVE_STATES:
        return f"事件 {telling.number(other)} {IncidentState(other.state).label}，不能再并入"
    if (other.opened_at, other.id) < (incident.opened_at, incident.id):
        return f"事件 {telling.number(other)} 发现得更早：请打开它，把这一个并进去，时限才从最早的算起"
    return None


async def take(
    session: AsyncSession, deps: Deps, incident: Incident, other: Incident, *, by: str, now: datetime
) -> dict[str, Any]:
    """All calls of the other one belong to this one from now on; both rows must be locked."""
    moved = await _move(session, other.id, incident.id)
    before, head = telling.standing(other), telling.standing(incident)
    if _far(other) > _far(incident):
        # What a person decided of the one is decided of both.
        telling.stand(incident, before)
    other.state, other.reason = IncidentState.CLOSED.value, f"并入 {telling.number(incident)}"
    other.decided_at, other.decided_by = now, by
    await telling.write(session, other, IncidentAct.GIVEN, at=now, data={"into": incident.id}, by=by)
    await telling.ended(session, deps.tables, other, f"并入 {telling.number(incident)}", now=now)
    await telling.inherit(session, incident, other, now=now)
    await _recount(session, incident, other)
    return {
        "from": other.id, "number": telling.number(other), "tickets": moved, "before": before, "head": head,
    }  # fmt: skip


def _far(incident: Incident) -> int:
    """How far people have come with one that goes on."""
    return LIVE_STATES.index(IncidentState(incident.state))


async def give_back(
    session: AsyncSession, deps: Deps, incident: Incident, data: dict[str, Any], *, by: str, now: datetime
) -> Incident:
    """The other one has its calls again, and both stand as before. Gives the other one."""
    other = await session.scalar(
        sa.select(Incident)
        .where(Incident.id == data["from"])
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if other is None:
        raise BadInput("并入的事件已经不在了")
    await _move(session, incident.id, other.id, data["tickets"])
    telling.stand(other, data["before"])
    # Events of before 2026-11-29 have none: the head kept its own.
    telling.stand(incident, data.get("head", telling.standing(incident)))
    undone = {"act": IncidentAct.GIVEN.value}
    await telling.write(session, other, IncidentAct.UNDO, at=now, data=undone, by=by)
    await _recount(session, incident, other)
    # Of its next doubling it is told again.
    incident.told_calls = min(incident.told_calls, incident.calls)
    # Its districts heard that it had ended.
    await telling.taken_back(session, deps.tables, other, IncidentAct.TAKE, now=now)
    return other


async def taken_by(session: AsyncSession, incident_id: int) -> int | None:
    """The incident that this one was given to; None: it was not, or has its calls again."""
    last = await session.scalar(
        sa.select(IncidentEvent)
        .where(IncidentEvent.incident_id == incident_id)
        .order_by(IncidentEvent.seq.desc())
        .limit(1)
    )
    return int(last.data["into"]) if last is not None and last.act == IncidentAct.GIVEN else None


async def home(session: AsyncSession, incident_id: int) -> int:
    """Where its calls are: itself, or whichever it was given to, however often that was given on.

    It ends: what takes was found earlier than what it takes.
    """
    while (into := await taken_by(session, incident_id)) is not None:
        incident_id = into
    return incident_id


async def _move(session: AsyncSession, source: int, goal: int, only: list[int] | None = None) -> list[int]:
    """One statement, however many calls."""
    mine = [IncidentCall.incident_id == source]
    if only is not None:
        mine.append(IncidentCall.ticket_id.in_(only))
    rows = await session.scalars(
        sa.update(IncidentCall)
        .where(*mine)
        .values(incident_id=goal)
        .returning(IncidentCall.ticket_id)
        .execution_options(synchronize_session=False)
    )
    return sorted(rows)


async def _recount(session: AsyncSession, *incidents: Incident) -> None:
    for incident in incidents:
        await joining.recount(session, incident)
