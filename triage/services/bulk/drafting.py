"""A bulk job is drafted: the tickets picked, and of each whether the move can be made, and if not, why.

Nothing is changed. The versions that were seen are kept: a ticket that moves between draft and work is not
moved again, its row says what happened.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from models import queries
from models.bulk import BulkJob, BulkResult
from models.filters import may_see
from models.tickets import Ticket
from models.vocab import Field, Move
from models.vocab_bulk import BulkRow, BulkState
from nlp.text import mask_identity
from triage.errors import BadInput, NoRule, NotFound
from triage.rules import bulk as rules
from triage.rules.access import check_post
from triage.rules.calendar import beijing
from triage.rules.fields import FREE, Refusal
from triage.rules.moves import Request
from triage.services import following, proposing
from triage.services.standings import stand_many

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Cursor, Viewer
    from models.queries import Ask
    from triage.rules.bulk import BulkMove
    from triage.rules.rows import Tables
    from triage.rules.standing import Standing
    from triage.services.deps import Deps
    from triage.services.moving import Person

_PAGE: Final = 500
#: Tickets judged before others get their turn on the loop.
_BATCH: Final = 200
_MOVED: Final = "批量办理之后工单又有变化，这一张不能整批撤销"
_GONE: Final = "工单已转到您看不到的单位，不能由您办理"


@dataclass(frozen=True, slots=True)
class Plan:
    """A move for many, and what it is told. `picked` says how the tickets were chosen."""

    move: Move
    values: Mapping[str, Any]
    person: Person
    picked: Mapping[str, str] = field(default_factory=dict)
    undoes: int | None = None


@dataclass(frozen=True, slots=True)
class _Judged:
    """A ticket with the version that was seen, and why the move cannot be made; None: it can."""

    ticket_id: int
    seen: int
    state: BulkRow
    code: str | None = None
    reason: str | None = None


async def pick(session: AsyncSession, ask: Ask, *, most: int) -> list[int]:
    """The ids of a whole list, in its order. Raises BadInput when there are more than `most`."""
    found: list[int] = []
    after: Cursor | None = None
    while True:
        page = await queries.ticket_page(session, ask, after=after, limit=_PAGE)
        found += [row.id for row in page.rows]
        if len(found) > most:
            raise BadInput(f"符合条件的工单超过 {most} 张，一次最多批量办理 {most} 张：请加条件缩小范围")
        if page.after is None:
            return list(dict.fromkeys(found))
        after = page.after


async def pick_numbers(session: AsyncSession, viewer: Viewer, numbers: Sequence[str]) -> list[int]:
    """The ids of these tickets, in this order. Raises NotFound naming one that cannot be seen."""
    rows = await session.execute(
        sa.select(Ticket.no, Ticket.id).where(Ticket.no.in_(list(numbers)), may_see(viewer))
    )
    known = {row.no: row.id for row in rows}
    for no in numbers:
        if no not in known:
            raise NotFound(f"没有编号为 {no[:32]} 的工单，或您无权查看。")
    return list(dict.fromkeys(known[no] for no in numbers))


async def draft(deps: Deps, viewer: Viewer, plan: Plan, ids: Sequence[int]) -> int:
    """Judge every ticket and keep the draft. Gives its id. Raises BadInput, PostNotYours."""
    now = deps.clock.now()
    check_post(viewer, plan.person.actor.post, plan.person.actor.unit)
    bulk = rules.check(deps.tables, plan.move, plan.values, at=now)
    if not ids:
        raise BadInput("没有选中工单")
    judged: list[_Judged] = []
    async with deps.db.reads() as session:
        head = await _head(session, deps, viewer, plan, now=now)
        for start in range(0, len(ids), _BATCH):
            tickets = await _tickets(session, viewer, ids[start : start + _BATCH])
            standings = await stand_many(session, deps.tables, tickets, now=now)
            proposals = await proposals_of(session, deps.tables, bulk, tickets, now=now)
            judged += [
                _judge(
                    deps.tables, plan, ticket, standings[ticket.id], at=now, head=head,
                    values=rules.values_for(bulk, plan.values, proposals.get(ticket.id, {})),
                )
                for ticket in tickets
            ]  # fmt: skip
            judged += _gone(ids[start : start + _BATCH], tickets)
    return await _keep(deps, plan, judged, at=now)


async def proposals_of(
    session: AsyncSession, tables: Tables, bulk: BulkMove, tickets: Sequence[Ticket], *, now: datetime
) -> dict[int, Mapping[str, Any]]:
    """Of a move that goes by each ticket's own proposal: those in force; of others none."""
    if not bulk.proposed:
        return {}
    return await proposing.of_many(session, tables, tickets, day=beijing(now).date())


async def _head(
    session: AsyncSession, deps: Deps, viewer: Viewer, plan: Plan, *, now: datetime
) -> tuple[int, Standing] | None:
    """Of 合并: the ticket that the others are merged into, and where it stands. Raises NotFound."""
    if plan.move is not Move.MERGE:
        return None
    (number,) = await pick_numbers(session, viewer, [str(plan.values.get(Field.OTHER_TICKET.value, ""))])
    tickets = await _tickets(session, viewer, [number])
    standings = await stand_many(session, deps.tables, tickets, now=now)
    return number, standings[number]


async def draft_undo(deps: Deps, viewer: Viewer, job: BulkJob, plan: Plan) -> int:
    """The same for taking back what a job did: only its own tickets that nobody moved since.

    One that went to a unit whose cases are not theirs is told as such, not left out. What it merged is taken
    out whatever came meanwhile, unless somebody took it out before.
    """
    now = deps.clock.now()
    check_post(viewer, plan.person.actor.post, plan.person.actor.unit)
    judged: list[_Judged] = []
    async with deps.db.reads() as session:
        rows = await session.execute(
            sa.select(BulkResult.ticket_id, BulkResult.version)
            .where(BulkResult.job_id == job.id, BulkResult.state == BulkRow.DONE.value)
            .order_by(BulkResult.seq)
        )
        made = {row.ticket_id: row.version for row in rows}
        if not made:
            raise BadInput("这一批没有办成的工单，不用撤销")
        ids = list(made)
        for start in range(0, len(ids), _BATCH):
            tickets = await _tickets(session, viewer, ids[start : start + _BATCH])
            standings = await stand_many(session, deps.tables, tickets, now=now)
            if Move(job.move) is Move.MERGE:
                # The case's answer, a follow-up, 归档: none of it is in the way of 撤销合并.
                merges = await following.merges(session, [ticket.id for ticket in tickets])
                as_made = {number for number, merge in merges.items() if merge.get("batch") == job.id}
            else:
                as_made = {ticket.id for ticket in tickets if ticket.version == made[ticket.id]}
            for ticket in tickets:
                if ticket.id not in as_made:
                    moved = _Judged(ticket.id, ticket.version, BulkRow.CONFLICT, "version_conflict", _MOVED)
                    judged.append(moved)
                    continue
                judged.append(
                    _judge(deps.tables, plan, ticket, standings[ticket.id], at=now, values=plan.values)
                )
            judged += _gone(ids[start : start + _BATCH], tickets)
    return await _keep(deps, plan, judged, at=now)


async def _tickets(session: AsyncSession, viewer: Viewer, ids: Sequence[int]) -> list[Ticket]:
    """The tickets in the order of the ids."""
    rows = await session.scalars(sa.select(Ticket).where(Ticket.id.in_(list(ids)), may_see(viewer)))
    known = {ticket.id: ticket for ticket in rows}
    return [known[number] for number in ids if number in known]


def _gone(ids: Sequence[int], tickets: Sequence[Ticket]) -> list[_Judged]:
    """Those of the ids that are no longer theirs to see: counted with their reason, never left out."""
    seen = {ticket.id for ticket in tickets}
    return [_Judged(number, 0, BulkRow.REFUSED, NotFound.code, _GONE) for number in ids if number not in seen]


def _judge(
    tables: Tables,
    plan: Plan,
    ticket: Ticket,
    s: Standing,
    *,
    at: datetime,
    values: Mapping[str, Any],
    head: tuple[int, Standing] | None = None,
) -> _Judged:
    try:
        # A ticket is not merged into itself: the rules see no other one then.
        other = head[1] if head is not None and head[0] != ticket.id else None
        rules.try_move(tables, s, Request(plan.move, values, other), plan.person.actor, at=at)
    except (Refusal, NoRule) as refusal:
        return _Judged(ticket.id, ticket.version, BulkRow.REFUSED, refusal.code, refusal.detail)
    return _Judged(ticket.id, ticket.version, BulkRow.WAITING)


async def _keep(deps: Deps, plan: Plan, judged: Sequence[_Judged], *, at: datetime) -> int:
    actor = plan.person.actor
    async with deps.db.writes.begin() as session:
        job = BulkJob(
            move=plan.move.value,
            values=_masked(plan.values),
            picked={name: mask_identity(value) for name, value in plan.picked.items()},
            post=actor.post.value,
            unit_code=actor.unit,
            login=actor.login,
            name=plan.person.name,
            state=BulkState.DRAFT.value,
            undoes=plan.undoes,
            total=len(judged),
            made_at=at,
        )
        session.add(job)
        await session.flush()
        await session.execute(
            sa.insert(BulkResult),
            [
                {
                    "job_id": job.id, "seq": seq, "ticket_id": one.ticket_id, "seen": one.seen,
                    "state": one.state.value, "code": one.code, "reason": one.reason,
                    "at": None if one.state is BulkRow.WAITING else at,
                }
                for seq, one in enumerate(judged, start=1)
            ],
        )  # fmt: skip
        return job.id


def _masked(values: Mapping[str, Any]) -> dict[str, Any]:
    """What was typed, without empty fields, and without phones and ID numbers in what was typed freely."""
    return {
        name: mask_identity(value) if Field(name) in FREE and isinstance(value, str) else value
        for name, value in values.items()
        if value not in ("", None, [])
    }
