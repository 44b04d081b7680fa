"""What is told of an incident: its events, and the alerts to the duty desk and the districts (notices).

Whoever was alerted is kept (`incident_told`): it hears how the incident goes on and ends, however the calls
move, and finds its page.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from models import incident_reads
from models.incidents import IncidentEvent, IncidentTold
from models.vocab import Level, Urgency
from models.vocab_incidents import IncidentAct, IncidentState
from models.vocab_notices import RecipientKind
from triage.clock import local, show
from triage.errors import NoRule
from triage.rules import incidents as rules
from triage.rules.calendar import beijing
from triage.rules.clock_rows import Tells
from triage.rules.rows import OWN
from triage.services.notices import telling as notices
from triage.services.notices.noting import NewNotice, Recipient, note
from triage.services.storing import insert_new

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.incidents import Incident
    from triage.rules.incidents import Burst
    from triage.rules.reminders import Reminder
    from triage.rules.rows import Tables


def number(incident: Incident) -> str:
    """事件编号: the Beijing date it was opened and its own number."""
    return f"SJ{local(incident.opened_at):%Y%m%d}-{incident.id:04d}"


def where(tables: Tables, incident: Incident) -> str:
    """朝阳区望京街道, as far as it is known."""
    return notices.place(tables, incident.district_code, incident.street_code) or "地点不明"


def what(tables: Tables, incident: Incident) -> str:
    """The kind that most of its calls have."""
    kind = tables.kinds.get(incident.kind or "")
    return kind.name if kind else "未归类"


async def write(
    session: AsyncSession,
    incident: Incident,
    act: IncidentAct,
    *,
    at: datetime,
    data: dict[str, Any],
    by: str | None = None,
) -> int:
    """Write an event; the incident's row must be locked, or new. Gives the version after it."""
    incident.version += 1
    await session.flush()
    await session.execute(
        sa.insert(IncidentEvent),
        {
            "incident_id": incident.id, "seq": incident.version, "at": at, "act": act.value, "by": by,
            "data": data,
        },
    )  # fmt: skip
    return incident.version


def standing(incident: Incident) -> dict[str, Any]:
    """Its last decision, as an event keeps it: what `stand` sets again."""
    return {
        "state": incident.state,
        "reason": incident.reason,
        "decided_at": incident.decided_at.isoformat() if incident.decided_at else None,
        "decided_by": incident.decided_by,
    }


def stand(incident: Incident, before: dict[str, Any]) -> None:
    """Let it stand as it did."""
    incident.state, incident.reason, incident.decided_by = (
        before["state"], before["reason"], before["decided_by"],
    )  # fmt: skip
    moment = before["decided_at"]
    incident.decided_at = datetime.fromisoformat(moment) if moment else None


async def opened(
    session: AsyncSession, tables: Tables, incident: Incident, burst: Burst, *, now: datetime
) -> None:
    """The alert: 疑似突发, to be confirmed by the U1 clock."""
    told = f"{burst.row.minutes} 分钟内 {burst.callers} 人反映"
    await _tell(session, tables, incident, "incident_opened", told, now=now, due=incident.confirm_by)
    incident.told_calls = incident.calls


async def grew(session: AsyncSession, tables: Tables, incident: Incident, *, now: datetime) -> None:
    """It is so much larger than when it was last told of; also what a person said was none."""
    incident.told_calls = incident.calls
    await write(session, incident, IncidentAct.GREW, at=now, data={"calls": incident.calls})
    none = "已排除，之后仍有来电，请再核实，" if incident.state == IncidentState.DISMISSED else ""
    await _tell(session, tables, incident, "incident_grew", f"{none}已有 {incident.calls} 件", now=now)


async def spread(session: AsyncSession, tables: Tables, incident: Incident, *, now: datetime) -> None:
    """Districts that the incident reaches by now and that have not heard of it are told of it."""
    known = set(await incident_reads.told(session, incident.id))
    counts = await incident_reads.by_district(session, incident.id)
    for code, unit in (await _districts(session, tables, incident, now)).items():
        if unit in known:
            continue
        told = f"已有 {incident.calls} 件，其中本区 {counts.get(code, 0)} 件"
        await _tell(session, tables, incident, "incident_grew", told, now=now, only=unit)


async def late(session: AsyncSession, tables: Tables, incident: Incident, *, now: datetime) -> None:
    """Nobody looked by the U1 clock."""
    await write(session, incident, IncidentAct.LATE, at=now, data={"calls": incident.calls})
    told = f"已有 {incident.calls} 件"
    await _tell(session, tables, incident, "incident_late", told, now=now, due=incident.confirm_by)


async def unanswered(
    session: AsyncSession,
    tables: Tables,
    incident: Incident,
    points: Sequence[Reminder],
    *,
    now: datetime,
) -> None:
    """Warning points of the 答复 limit that were reached: the last is told, whom any of them tells.

    As for tickets; what is a ticket's unit there is the city's desk here, which leads an incident.
    """
    last = points[-1]
    levels = {level for point in points for level in point.tells}
    desk = {Level.DESK} if levels & {Tells.UNIT, Tells.CITY} else set()
    government = {Level.DISTRICT} if Tells.DISTRICT in levels else set()
    data = {"calls": incident.calls, "percent": last.percent, "row": last.row_id}
    await write(session, incident, IncidentAct.UNANSWERED, at=now, data=data)
    told = f"{last.title}，已有 {incident.calls} 件"
    await _tell(
        session, tables, incident, "incident_unanswered", told, now=now, due=incident.answer_by,
        levels=desk | government,
    )  # fmt: skip


async def scaled(session: AsyncSession, tables: Tables, incident: Incident, *, now: datetime) -> None:
    """升级: a person says that it is more than its district can do alone."""
    told = f"已有 {incident.calls} 件"
    await _tell(session, tables, incident, "incident_scaled", told, now=now, due=incident.answer_by)


async def ended(
    session: AsyncSession, tables: Tables, incident: Incident, told: str, *, now: datetime
) -> None:
    """Whoever was alerted hears how it ended."""
    words = f"{told}（共 {incident.calls} 件）"
    await _tell(session, tables, incident, "incident_ended", words, now=now, urgency=Urgency.U2)


async def inherit(session: AsyncSession, incident: Incident, other: Incident, *, now: datetime) -> None:
    """Whoever was told of one that was taken in hears how this one goes on: the calls are here now."""
    await _keep(session, incident, await incident_reads.told(session, other.id), now=now)


async def _keep(session: AsyncSession, incident: Incident, units: Sequence[str], *, now: datetime) -> None:
    rows: list[dict[str, object]] = [
        {"incident_id": incident.id, "unit_code": unit, "at": now} for unit in units
    ]
    await insert_new(session, IncidentTold, rows)


async def taken_back(
    session: AsyncSession, tables: Tables, incident: Incident, act: IncidentAct, *, now: datetime
) -> None:
    """What was told last holds no more: 撤销 of an end, of 升级, of 并入. An alert: it is handled again."""
    words = f"撤销“{act.label}”，仍在处置（共 {incident.calls} 件）"
    template = "incident_reopened"
    try:
        tables.notices.template(template, beijing(now).date())
    except NoRule:
        # A site's own table of before has no words for it: those of an end say the same with what is told.
        template = "incident_ended"
    await _tell(session, tables, incident, template, words, now=now, due=incident.answer_by)


async def _tell(
    session: AsyncSession,
    tables: Tables,
    incident: Incident,
    template: str,
    told: str,
    *,
    now: datetime,
    due: datetime | None = None,
    urgency: Urgency = Urgency.U1,
    levels: Collection[Level] = (Level.DESK, Level.DISTRICT),
    only: str | None = None,
) -> None:
    """To the desk and every district that it concerns or that was told before; or to one unit alone."""
    facts = {
        "no": number(incident), "kind": what(tables, incident), "place": where(tables, incident),
        "urgency": f"{urgency.value} {urgency.label}", "told": told,
    }  # fmt: skip
    if due is not None:
        facts["due"] = show(due)
    units = [only] if only else await _units(session, tables, incident, now, levels)
    await note(
        session,
        tables,
        [
            NewNotice(
                key=f"incident:{incident.id}:{incident.version}:{template}:{unit}",
                to=Recipient(RecipientKind.UNIT, unit),
                template=template,
                urgency=urgency,
                facts=facts,
            )
            for unit in units
        ],
        now=now,
    )
    await _keep(session, incident, units, now=now)


async def _units(
    session: AsyncSession, tables: Tables, incident: Incident, now: datetime, levels: Collection[Level]
) -> list[str]:
    """值班: the city's desk, and the governments of the districts; whoever heard of it once stays."""
    post = tables.unit(Level.DESK, OWN, "", beijing(now).date())
    desk = [post.code] if post is not None else []
    known = [unit for unit in await incident_reads.told(session, incident.id) if unit not in desk]
    found = desk if Level.DESK in levels else []
    if Level.DISTRICT in levels:
        found = [*found, *(await _districts(session, tables, incident, now)).values(), *known]
    return list(dict.fromkeys(found))


async def _districts(
    session: AsyncSession, tables: Tables, incident: Incident, now: datetime
) -> dict[str, str]:
    """The district governments that it concerns by now, by the code of the district."""
    day = beijing(now).date()
    counts = await incident_reads.by_district(session, incident.id)
    codes = rules.concerned(tables.incidents.on(day).conduct, incident.district_code, counts)
    found = {code: tables.unit(Level.DISTRICT, OWN, code, day) for code in codes}
    return {code: unit.code for code, unit in found.items() if unit is not None}
