"""候选: reports that may be rewarded become candidates by themselves; the first valid one wins.

All reports of one violation are the tickets merged into one. Whoever looks, and however many look at once,
there is one row for the violation (unique), and the winner is worked out from the same facts in the same
order. While nothing is decided it is worked out again whenever the ticket moves; verified, it stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from models.appeals import Appeal
from models.corrections import Correction
from models.db import insert_of
from models.rewards import Reward, RewardSeen
from models.tickets import Ticket, TicketEvent
from models.vocab import Corrected, Tag
from models.vocab_rewards import RewardAct, RewardState
from triage.clock import local
from triage.errors import NoRule
from triage.rules.rewards import first
from triage.rules.rewards.stepping import StepRefused
from triage.services import following
from triage.services.rewards import book, checking, reports

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.rules.rewards.rows import CandidateRow
    from triage.rules.rows import Tables

#: Verified, and not yet decided.
_REVIEWED: Final = frozenset({
    RewardState.REVIEWING, RewardState.LEGAL_PASSED, RewardState.FINANCE_PASSED, RewardState.APPROVING,
    RewardState.REFUSING,
})  # fmt: skip
#: A reward in one of these is none yet, or none.
_MADE_WAY: Final = frozenset({
    RewardState.CANDIDATE, RewardState.JOINED, RewardState.REFUSED, RewardState.REFUSING
})  # fmt: skip


async def sweep(
    session: AsyncSession, tables: Tables, *, now: datetime, batch: int, since: int | None = None
) -> int:
    """Look at tickets that moved since they were last looked at. Gives how many were looked at.

    With `since` only at those with an event after that one; without it all cases are gone through.
    """
    row = tables.rewards.candidate(local(now).date())
    kinds = _kinds(tables, row)
    joined = sa.exists().where(TicketEvent.ticket_id == Ticket.id, TicketEvent.tag == Tag.JOINED.value)
    # What a clerk said otherwise may make it one too; whether it is one, `_facts` says.
    may = [
        Ticket.appeal_type.in_(row.appeal_types), Appeal.told_type.in_(row.appeal_types), joined,
        _said(Corrected.APPEAL_TYPE, row.appeal_types),
    ]  # fmt: skip
    if row.confidential:
        may.append(Appeal.confidential.is_(True))
    moved: sa.ColumnElement[bool] = sa.true()
    if since is not None:
        moved = Ticket.id.in_(sa.select(TicketEvent.ticket_id).where(TicketEvent.id > since))
    found = list(
        await session.scalars(
            sa.select(Ticket)
            .join(Appeal, Appeal.id == Ticket.appeal_id)
            .outerjoin(RewardSeen, RewardSeen.ticket_id == Ticket.id)
            .where(
                moved,
                Ticket.state.in_(row.states),
                ~reports.diverted(),
                sa.or_(
                    Ticket.kind.in_(kinds),
                    _said(Corrected.KIND, kinds),
                    _said(Corrected.ENVIRONMENTAL, ["true"]),
                ),
                sa.or_(*may),
                sa.or_(RewardSeen.version.is_(None), RewardSeen.version != Ticket.version),
            )
            .order_by(Ticket.id)
            .limit(batch)
            .with_for_update(of=Ticket, skip_locked=True)
        )
    )
    for ticket in found:
        await look(session, tables, ticket, row, now=now)
    return len(found)


def _kinds(tables: Tables, row: CandidateRow) -> list[str]:
    """The kinds that entitle."""
    return [kind.id for kind in tables.kinds.values() if kind.reward.value in row.kinds]


def _said(field: Corrected, values: Collection[str]) -> sa.ColumnElement[bool]:
    """Tickets of which a clerk ever said one of these."""
    said = sa.select(Correction.ticket_id).where(Correction.field == field.value, Correction.new.in_(values))
    return Ticket.id.in_(said)


async def look(
    session: AsyncSession, tables: Tables, ticket: Ticket, row: CandidateRow, *, now: datetime
) -> None:
    """One violation: make its candidate, or work its first report out again.

    Of one that was archived behind another ticket the violation is that one's: it is looked at anew.
    """
    head = await _head(session, ticket)
    if head is not ticket:
        await session.execute(sa.delete(RewardSeen).where(RewardSeen.ticket_id == head.id))
        await _looked(session, ticket)
        return
    said = await reports.group(session, ticket)
    numbers = [one.ticket.id for one in said]
    known = list(
        await session.scalars(
            sa.select(Reward)
            .where(_of_these(said))
            .order_by(Reward.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )
    own = next((one for one in known if one.root_ticket_id == ticket.id), None)
    standing = [one for one in known if one is not own and stands(one)]
    # One of a violation: this ticket's own is joined too once another of them is past the candidates.
    joins = [
        one
        for one in known
        if one.state == RewardState.CANDIDATE
        and one.root_ticket_id in numbers
        and (standing or one is not own)
    ]
    for other in joins:
        book.step(tables, other, RewardAct.JOIN, book.SYSTEM, now=now)
        await book.note(session, other, RewardAct.JOIN, "", now)
    decided = own is not None and own.state not in {RewardState.CANDIDATE, RewardState.JOINED}
    if not standing and not decided:
        await _rank(session, tables, ticket, own, await _facts(session, tables, ticket, said, row), now=now)
    await _looked(session, ticket)


def _of_these(said: list[reports.Said]) -> sa.ColumnElement[bool]:
    """Rewards of these reports: rooted in one of their tickets, or won by one before it was split off.

    After 撤销合并 the one that a report won stays with the ticket that it had been merged into.
    """
    return sa.or_(
        Reward.root_ticket_id.in_([one.ticket.id for one in said]),
        Reward.winner_appeal_id.in_([one.appeal.id for one in said]),
    )


def stands(reward: Reward) -> bool:
    """Whether a reward of a violation leaves no room for another: past the candidates and not refused."""
    refused = reward.state == RewardState.ARCHIVED and reward.amount_fen is None
    return not refused and reward.state not in _MADE_WAY


async def again(session: AsyncSession, tables: Tables, reward: Reward, *, now: datetime) -> bool:
    """Work a locked candidate's first report and checks out anew. Gives whether anything changed.

    Raises StepRefused when the ticket has no valid report any more, or was merged into another.
    """
    root = await session.get(Ticket, reward.root_ticket_id)
    if root is None or await _is_behind(session, root):
        raise StepRefused("这一件的工单已并入另一工单，候选会自动并到那里")
    row = tables.rewards.candidate(local(now).date())
    facts = await _facts(session, tables, root, await reports.group(session, root), row)
    if facts is None:
        raise StepRefused("按现在的并单、撤诉和更正，没有完整有效、可以奖励的举报")
    return await _rank(session, tables, root, reward, facts, now=now)


async def news(session: AsyncSession, tables: Tables, reward: Reward, *, now: datetime) -> list[str]:
    """What is otherwise now than when a reward was verified, for whoever reviews it."""
    root = await session.get(Ticket, reward.root_ticket_id)
    if root is None or reward.state not in _REVIEWED:
        return []
    told = []
    row = tables.rewards.candidate(local(now).date())
    facts = await _facts(session, tables, root, await reports.group(session, root), row) or {}
    if facts.get("winner_appeal_id") != reward.winner_appeal_id:
        told.append("核验以后并单或更正有变化，按现在的第一有效举报不是这一件：请退回重新核验")
    seen = {one["text"] for one in reward.checks}
    told += [f"核验以后新查到：{one['text']}" for one in facts.get("checks", ()) if one["text"] not in seen]
    if no := await rival(session, reward):
        told.append(f"同一违法行为另有奖励 {no}：请退回，退回后会自动并入")
    return told


async def rival(session: AsyncSession, reward: Reward) -> str | None:
    """The number of another reward that stands for the same violation, or for the same report."""
    root = await session.get(Ticket, reward.root_ticket_id)
    if root is None:
        return None
    said = await reports.group(session, await _head(session, root))
    same = sa.or_(_of_these(said), Reward.winner_appeal_id == reward.winner_appeal_id)
    others = await session.scalars(sa.select(Reward).where(same, Reward.id != reward.id).order_by(Reward.id))
    return next((one.no for one in others if stands(one)), None)


async def forget(session: AsyncSession, reward: Reward) -> None:
    """Let the timetable look at the violation again: it is open anew, and may have moved meanwhile.

    So is the report that it was of, which may have been split off since: until now this one stood for it.
    """
    root = await session.get(Ticket, reward.root_ticket_id)
    won = await session.scalar(sa.select(Ticket).where(Ticket.appeal_id == reward.winner_appeal_id))
    for ticket in (root, won):
        if ticket is not None:
            await anew(session, ticket)


async def anew(session: AsyncSession, ticket: Ticket) -> None:
    """Let the timetable look at a ticket again, and at the one that stands for it, within the hour."""
    head = await _head(session, ticket)
    await session.execute(sa.delete(RewardSeen).where(RewardSeen.ticket_id.in_([ticket.id, head.id])))


async def _head(session: AsyncSession, ticket: Ticket) -> Ticket:
    """The ticket that stands for all that were merged with this one."""
    found = await following.top(session, ticket.id, ticket.state)
    return ticket if found is None or found[0] == ticket.id else await session.get_one(Ticket, found[0])


async def _is_behind(session: AsyncSession, ticket: Ticket) -> bool:
    return await following.above(session, ticket.id, ticket.state) is not None


async def _facts(
    session: AsyncSession, tables: Tables, ticket: Ticket, said: list[reports.Said], row: CandidateRow
) -> dict[str, Any] | None:
    """What the reports of a violation come to; None when there is no valid one, or its kind has no reward."""
    kind = reports.kind_of(ticket, said)
    # Who withdrew (撤诉) waits for nothing; a reward would lead to them.
    valid = [one for one in said if one.is_report(row) and not one.withdrawn]
    try:
        firsts = tables.rewards.first_of(local(ticket.received_at).date())
    except NoRule:
        return None  # reported before there were any rules: no candidate
    ranked = first.order(firsts, [reports.report_of(one) for one in valid])
    winner = next((one for one in ranked if one.place == 1), None)
    if winner is None or kind not in _kinds(tables, row):
        return None
    of = {one.appeal.id: one for one in valid}[winner.report.appeal_id]
    proof = [
        {
            "appeal": one.report.appeal_id, "place": one.place, "why": one.why,
            "received_at": one.report.received_at.isoformat(),
            "registered_at": one.report.registered_at.isoformat(),
            "completeness": one.report.completeness, "words": one.report.words,
        }
        for one in ranked
    ]  # fmt: skip
    return {
        "winner_appeal_id": of.appeal.id, "kind": kind, "district_code": ticket.district_code,
        "reported_at": of.appeal.received_at, "real_name": of.named, "proof": proof,
        "checks": await checking.found(session, tables, ticket, of, said, answered=row.states),
    }  # fmt: skip


async def _rank(
    session: AsyncSession,
    tables: Tables,
    ticket: Ticket,
    own: Reward | None,
    facts: dict[str, Any] | None,
    *,
    now: datetime,
) -> bool:
    """Make the candidate, or bring it to these facts. Gives whether one that was there changed."""
    if facts is None:
        return False
    if own is None:
        await _made(session, ticket, facts, now=now)
        return False
    same = all(getattr(own, name) == value for name, value in facts.items())
    if same and own.state == RewardState.CANDIDATE:
        return False
    book.step(tables, own, RewardAct.RERANKED, book.SYSTEM, now=now)
    moved = own.winner_appeal_id != facts["winner_appeal_id"]
    # What was set by itself goes with what it rested on; what a person set stays.
    gone, come = _certain(own.checks), _certain(facts["checks"])
    kept = [one for one in own.exclusions if one not in gone]
    own.exclusions = list(dict.fromkeys([*kept, *come]))
    for name, value in facts.items():
        setattr(own, name, value)
    await book.note(session, own, RewardAct.RERANKED, "", now, moved=moved, reports=len(facts["proof"]))
    return True


def _certain(checks: list[dict[str, Any]]) -> list[str]:
    return [one["exclusion"] for one in checks if one["certain"]]


async def _made(session: AsyncSession, ticket: Ticket, facts: dict[str, Any], *, now: datetime) -> None:
    """The row of a violation; nothing when another one was quicker: it came to the same."""
    certain = _certain(facts["checks"])
    made = await session.scalar(
        insert_of(session, Reward)
        .values(
            no=f"J{local(now):%Y}{book.drawn()}", version=1, state=RewardState.CANDIDATE.value,
            root_ticket_id=ticket.id, exclusions=list(dict.fromkeys(certain)), insider=False,
            rewarded_before=False, reoffended=False, reporters=1, parts=[], verdict={}, found_at=now, **facts,
        )
        .on_conflict_do_nothing(index_elements=["root_ticket_id"])
        .returning(Reward)
    )  # fmt: skip
    if made is not None:
        await book.note(session, made, RewardAct.FOUND, "", now, reports=len(facts["proof"]))


async def _looked(session: AsyncSession, ticket: Ticket) -> None:
    await session.execute(
        insert_of(session, RewardSeen)
        .values(ticket_id=ticket.id, version=ticket.version)
        .on_conflict_do_update(index_elements=["ticket_id"], set_={"version": ticket.version})
    )
