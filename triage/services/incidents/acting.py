"""What a person does with an incident: 确认, 升级, 结束, 排除, 加入, 移出, 并入, 撤销. Each is one event.

The incident's row is locked and the version that was seen is compared: who comes second is told. 撤销 takes
back the last thing that a person did, whoever did it; the calls that came meanwhile stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import sqlalchemy as sa

from models import incident_reads
from models.filters import may_see
from models.incidents import Incident, IncidentCall, IncidentEvent, IncidentWatch
from models.tickets import Ticket
from models.vocab_incidents import LIVE_STATES, CallBy, IncidentAct, IncidentState
from models.vocab_ledger import LedgerAct, SubjectKind
from nlp.text import mask_identity
from triage.errors import BadInput, NotFound, TriageError
from triage.rules import incidents as rules
from triage.rules.calendar import beijing
from triage.services import ledger
from triage.services.incidents import joining, merging, telling
from triage.services.incidents.sight import may_see_incident, sees_all

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.viewing import Viewer
    from triage.services.deps import Deps

LONGEST_REASON: Final = 500
_BY_PEOPLE: Final = frozenset({
    IncidentAct.CONFIRM, IncidentAct.SCALE, IncidentAct.CLOSE, IncidentAct.DISMISS, IncidentAct.ADD,
    IncidentAct.REMOVE, IncidentAct.TAKE, IncidentAct.UNDO,
})  # fmt: skip
#: What people do that changes another one's view of an incident.
_CHANGES: Final = _BY_PEOPLE | {IncidentAct.GIVEN}
_DECISIONS: Final = frozenset({
    IncidentAct.CONFIRM, IncidentAct.SCALE, IncidentAct.CLOSE, IncidentAct.DISMISS,
})  # fmt: skip


#: What decides of all its calls, and its undoing: for whoever may see them all. Who sees some, or was told of
#: it, may confirm, ask for more hands, add or take out what they see, and take back their own act of these.
OF_THE_WHOLE: Final = frozenset({IncidentAct.CLOSE, IncidentAct.DISMISS, IncidentAct.TAKE})
#: What is told to others, so that they must hear of its undoing.
_TOLD: Final = frozenset({IncidentAct.SCALE, IncidentAct.CLOSE, IncidentAct.DISMISS})


_THE_LAST: Final = "这是最后一张工单：不是事件的请“排除”"


class IncidentMoved(TriageError):
    """这个事件刚刚有变化，请刷新后再看。"""

    code: ClassVar[str] = "incident_moved"
    status: ClassVar[int] = 409


class IncidentRefused(TriageError):
    """这个事件现在不能这样处理。"""

    code: ClassVar[str] = "incident_refused"
    status: ClassVar[int] = 422


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be done with an incident as seen; `ticket`: the number of a ticket, or of an incident."""

    incident_id: int
    version: int
    act: IncidentAct
    reason: str | None = None
    ticket: str | None = None


async def act(session: AsyncSession, deps: Deps, viewer: Viewer, wish: Wish, *, now: datetime) -> Incident:
    """Do it. Raises NotFound, IncidentMoved, IncidentRefused, BadInput."""
    incident = await _locked(session, viewer, wish.incident_id)
    if wish.act not in _BY_PEOPLE:
        raise BadInput("事件只能确认、升级、结束、排除、加入或移出工单、并入另一事件、撤销")
    if await _moved_since(session, incident, wish.version):
        raise IncidentMoved
    await _refuse_the_whole(session, viewer, incident, wish.act)
    reason, before = _reason(wish), incident.state
    if wish.act is IncidentAct.UNDO:
        data = await _undo(session, deps, incident, by=viewer.login, now=now)
    else:
        state = rules.after(IncidentState(incident.state), wish.act)
        if state is None:
            raise IncidentRefused(f"事件{IncidentState(incident.state).label}，不能{wish.act.label}")
        if wish.act in _DECISIONS:
            data = await _decide(session, incident, state, reason, by=viewer.login, now=now)
        elif wish.act is IncidentAct.TAKE:
            other = await _locked(session, viewer, merging.id_of(wish.ticket))
            if words := merging.refusal(incident, other):
                raise IncidentRefused(words)
            if not await sees_all(session, viewer, other.id):
                raise IncidentRefused("要并入的事件里有您无权查看的诉求，请由市热线并入")
            data = await merging.take(session, deps, incident, other, by=viewer.login, now=now)
        else:
            data = await _ticket(session, deps, viewer, incident, wish, now=now)
    data["reason"] = reason
    await telling.write(session, incident, wish.act, at=now, data=data, by=viewer.login)
    ledger.write(
        session, who=viewer.login, act=LedgerAct.INCIDENT_DECIDED, now=now,
        old=IncidentState(before).label, new=IncidentState(incident.state).label,
        subject=ledger.Subject(SubjectKind.INCIDENT, str(incident.id), _case(wish)), reason=reason,
        detail={"act": wish.act.label, "other": wish.ticket},
    )  # fmt: skip
    undone = IncidentAct(data["act"]) if wish.act is IncidentAct.UNDO else None
    await _alert(session, deps, incident, wish.act, undone, before=IncidentState(before), now=now)
    return incident


def _case(wish: Wish) -> str | None:
    """The ticket that it is about: one that is added or taken out."""
    return wish.ticket if wish.act in {IncidentAct.ADD, IncidentAct.REMOVE} else None


async def _locked(session: AsyncSession, viewer: Viewer, incident_id: int) -> Incident:
    # As the watch does: whoever has its row changes calls and counts, so the two never wait in a circle.
    await session.execute(sa.select(IncidentWatch.id).with_for_update())
    incident = await session.scalar(
        sa.select(Incident)
        .where(Incident.id == incident_id, may_see_incident(viewer))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if incident is None:
        await _refuse_taken(session, viewer, incident_id)
        raise NotFound("没有这个事件，或您无权查看。")
    return incident


async def _refuse_taken(session: AsyncSession, viewer: Viewer, incident_id: int) -> None:
    """Who comes second after 并入 is told where it went, if it is theirs to see. Raises IncidentMoved."""
    home = await merging.home(session, incident_id)
    into = await session.scalar(
        sa.select(Incident).where(Incident.id == home, Incident.id != incident_id, may_see_incident(viewer))
    )
    if into is not None:
        taken = await session.get_one(Incident, incident_id)
        raise IncidentMoved(f"事件 {telling.number(taken)} 已并入 {telling.number(into)}，请看那里再办。")


async def _refuse_the_whole(
    session: AsyncSession, viewer: Viewer, incident: Incident, wished: IncidentAct
) -> None:
    """Who does not see all its calls decides of none of the others', nor takes back what others decided."""
    if await sees_all(session, viewer, incident.id):
        return
    last = await _last(session, incident.id) if wished is IncidentAct.UNDO else None
    if wished in OF_THE_WHOLE or (last is not None and not own(last, viewer)):
        raise IncidentRefused(f"这个事件里有您无权查看的诉求，请由市热线{wished.label}")


async def _moved_since(session: AsyncSession, incident: Incident, version: int) -> bool:
    """Whether a person did something after that version; calls that came by themselves change no decision."""
    if version > incident.version:
        return True
    found = await session.scalar(
        sa.select(IncidentEvent.seq)
        .where(
            IncidentEvent.incident_id == incident.id,
            IncidentEvent.seq > version,
            IncidentEvent.act.in_([known.value for known in _CHANGES]),
            IncidentEvent.by.is_not(None),
        )
        .limit(1)
    )
    return found is not None


def _reason(wish: Wish) -> str | None:
    reason = (wish.reason or "").strip()
    if wish.act in rules.REASONED and not reason:
        raise BadInput(f"{wish.act.label}要写明原因")
    if len(reason) > LONGEST_REASON:
        raise BadInput(f"原因最多 {LONGEST_REASON} 个字")
    return mask_identity(reason) or None


async def _decide(
    session: AsyncSession,
    incident: Incident,
    state: IncidentState,
    reason: str | None,
    *,
    by: str,
    now: datetime,
) -> dict[str, Any]:
    """A new state. What was no incident after all was usual: its calls are counted as such from now on."""
    before = telling.standing(incident)
    if state is IncidentState.DISMISSED:
        await _usual(session, incident, +1)
        # They hear how many it has; of twice as many they hear again.
        incident.told_calls = incident.calls
    incident.state, incident.reason = state.value, reason
    incident.decided_at, incident.decided_by = now, by
    return {"before": before}


async def _usual(session: AsyncSession, incident: Incident, step: int) -> None:
    calls = [joining.kept(one) for one in await incident_reads.calls_of(session, incident.id)]
    await joining.count_hours(session, calls, step)


async def _ticket(
    session: AsyncSession, deps: Deps, viewer: Viewer, incident: Incident, wish: Wish, *, now: datetime
) -> dict[str, Any]:
    """Add a ticket, or take one out."""
    no = (wish.ticket or "").strip().replace("\0", "")
    row = (
        await session.execute(
            sa.select(IncidentCall, Ticket.no)
            .join(Ticket, Ticket.id == IncidentCall.ticket_id)
            .where(Ticket.no == no, may_see(viewer))
        )
    ).one_or_none()
    if row is None:
        raise NotFound("没有这个编号的工单，或您无权查看；几天以前的工单请在原单上合并。")
    call: IncidentCall = row[0]
    if wish.act is IncidentAct.REMOVE:
        if call.incident_id != incident.id:
            raise IncidentRefused("这张工单不在这个事件里")
        if incident.calls == 1:
            raise IncidentRefused(_THE_LAST)
        return {"tickets": await joining.detach(session, incident, [call.ticket_id])}
    if call.incident_id is not None:
        here = call.incident_id == incident.id
        raise IncidentRefused(
            "这张工单已经在这个事件里" if here else f"这张工单已归入事件 {call.incident_id}"
        )
    whole = rules.Call(call.ticket_id, call.at, call.family, call.lon, call.lat, call.district_code)
    together, before = [(whole, CallBy.PERSON)], call.kept_out
    tickets = await joining.attach(session, deps, incident, together, now=now, tell=False)
    return {"tickets": tickets, "kept_out": before}


async def _last(session: AsyncSession, incident_id: int) -> IncidentEvent | None:
    """What a person did last."""
    found: IncidentEvent | None = await session.scalar(
        sa.select(IncidentEvent)
        .where(
            IncidentEvent.incident_id == incident_id,
            IncidentEvent.act.in_([known.value for known in _BY_PEOPLE]),
            IncidentEvent.by.is_not(None),
        )
        .order_by(IncidentEvent.seq.desc())
        .limit(1)
    )
    return found


def own(last: IncidentEvent, viewer: Viewer) -> bool:
    """Whether the last act of a person is this viewer's own and decided nothing of the whole."""
    return last.by == viewer.login and IncidentAct(last.act) not in OF_THE_WHOLE


async def _undo(
    session: AsyncSession, deps: Deps, incident: Incident, *, by: str, now: datetime
) -> dict[str, Any]:
    """Take back what a person did last."""
    last = await _last(session, incident.id)
    if last is None or last.act == IncidentAct.UNDO:
        raise IncidentRefused("没有可以撤销的操作")
    done = IncidentAct(last.act)
    if done in _DECISIONS:
        if done is IncidentAct.DISMISS:
            await _usual(session, incident, -1)
        telling.stand(incident, last.data["before"])
        # Where it is and how far it reaches was left alone while it was dismissed.
        await joining.recount(session, incident)
    elif done is IncidentAct.TAKE:
        other = await merging.give_back(session, deps, incident, last.data, by=by, now=now)
        if not (incident.calls and other.calls):
            raise IncidentRefused("其中一个事件的诉求都已补报保密，不能再分开")
    elif done is IncidentAct.ADD:
        # As it was: who had been taken out by hand before stays out.
        before = bool(last.data.get("kept_out", False))
        await joining.detach(session, incident, last.data["tickets"], kept_out=before)
        if not incident.calls:
            raise IncidentRefused(_THE_LAST)
    else:
        await _put_back(session, deps, incident, last.data["tickets"], now=now)
    return {"undoes": last.seq, "act": done.value}


async def _put_back(
    session: AsyncSession, deps: Deps, incident: Incident, ticket_ids: list[int], *, now: datetime
) -> None:
    """Calls that were taken out belong to it again. Raises IncidentRefused where one is elsewhere now."""
    rows = list(await session.scalars(sa.select(IncidentCall).where(IncidentCall.ticket_id.in_(ticket_ids))))
    elsewhere = next((row.incident_id for row in rows if row.incident_id is not None), None)
    if elsewhere is not None:
        there = await session.get_one(Incident, elsewhere)
        raise IncidentRefused(f"移出的工单已归入事件 {telling.number(there)}：请先在那里移出，再加入这里")
    if len(rows) < len(ticket_ids):
        raise IncidentRefused("移出已过去几天，不能撤销；要一起办理，请在原单上合并")
    back = [
        (rules.Call(row.ticket_id, row.at, row.family, row.lon, row.lat, row.district_code), CallBy.PERSON)
        for row in rows
    ]
    await joining.attach(session, deps, incident, back, now=now, tell=False)


async def _alert(
    session: AsyncSession,
    deps: Deps,
    incident: Incident,
    done: IncidentAct,
    undone: IncidentAct | None,
    *,
    before: IncidentState,
    now: datetime,
) -> None:
    """升级, an end, and that such a word was taken back are told; so is a district that it reaches now."""
    scaled = incident.state == IncidentState.SCALED
    if done is IncidentAct.SCALE:
        await telling.scaled(session, deps.tables, incident, now=now)
    elif done is IncidentAct.TAKE and scaled and before is not IncidentState.SCALED:
        # 升级 came with what it took in; it says how many there are.
        incident.told_calls = incident.calls
        await telling.scaled(session, deps.tables, incident, now=now)
    elif undone is IncidentAct.TAKE and before is IncidentState.SCALED and not scaled:
        await telling.taken_back(session, deps.tables, incident, IncidentAct.SCALE, now=now)
    elif done in {IncidentAct.CLOSE, IncidentAct.DISMISS}:
        told = IncidentState(incident.state).label
        await telling.ended(session, deps.tables, incident, told, now=now)
    elif done is IncidentAct.UNDO and undone in _TOLD:
        await telling.taken_back(session, deps.tables, incident, undone, now=now)
    elif done is IncidentAct.TAKE and rules.grew(
        deps.tables.incidents.on(beijing(now).date()).conduct, incident.told_calls, incident.calls
    ):
        await telling.grew(session, deps.tables, incident, now=now)
    if IncidentState(incident.state) in LIVE_STATES:
        await telling.spread(session, deps.tables, incident, now=now)


async def history(session: AsyncSession, incident_id: int) -> list[IncidentEvent]:
    """What was done with an incident, in order."""
    rows = await session.scalars(
        sa.select(IncidentEvent).where(IncidentEvent.incident_id == incident_id).order_by(IncidentEvent.seq)
    )
    return list(rows)
