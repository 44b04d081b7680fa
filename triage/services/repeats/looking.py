"""找同一事项: for each new ticket the earlier open ones that may be the same; proposed, or joined at once.

Run by the timetable, beside the workers: a new ticket's keys are stored first, then its few likeliest
candidates are read and weighed, then what was found and that it was looked for are stored together.
Whatever is cut off is looked for again. Joined at once (追加) is only the same caller's, and only where
the model is certain.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models import matters
from models.filters import all_seeing
from models.lead_matters import LeadPair
from models.matters import MatterKey, MatterPair, MatterSeen
from models.tickets import Ticket
from models.vocab import Field, Move, State
from models.vocab_matters import Proposal
from nlp.repeat_keys import keys_of
from nlp.repeats import PairReader
from triage import logs
from triage.rules.fields import Refusal
from triage.services import backlog, moving, near
from triage.services.leads import matching
from triage.services.processing import SAME_MATTER
from triage.services.storing import insert_new

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.matters import Told
    from nlp.repeat_profile import Profile
    from nlp.repeats import Likeness
    from triage.services.deps import Deps
    from triage.settings import Settings

log = logs.get(__name__)

BATCH: Final = 20
#: How often all that is open is gone through for tickets that were missed.
GAPS_EVERY: Final = timedelta(minutes=10)
SYSTEM_VIEWER: Final = all_seeing("system")
#: A case in one of these has its answer.
_ANSWERED: Final = frozenset({State.FEEDBACK.value, State.FOLLOWED_UP.value})


def pair_reader(settings: Settings) -> PairReader:
    """The pair model with a site's own thresholds, loaded once per process."""
    return _loaded(settings.repeats_same, settings.repeats_certain)


@cache
def _loaded(same_from: float | None, certain_from: float | None) -> PairReader:
    reader = PairReader.load(same_from=same_from, certain_from=certain_from)
    if reader.degraded:
        log.error("weights_unusable", reason=reader.degraded, reading_with="trees")
    return reader


@dataclass(frozen=True, slots=True)
class Found:
    """An earlier ticket that may be the same matter."""

    head: Told
    likeness: Likeness
    same_caller: bool


class Finder:
    """Looks for the matters of new tickets, batch by batch. One per process."""

    def __init__(self, deps: Deps) -> None:
        """Begin with what was missed while no process ran."""
        self._deps = deps
        self._gaps_at = deps.clock.now()

    async def catch_up(self) -> bool:
        """Look for the matters of tickets nobody looked at yet; whether there may be more."""
        now = self._deps.clock.now()
        gaps = now >= self._gaps_at
        async with self._deps.db.reads() as session:
            if await backlog.is_long(session):
                return False
            ids = await matters.unseen(session, since=now - SAME_MATTER, limit=BATCH, gaps=gaps)
        pairs = await asyncio.to_thread(pair_reader, self._deps.settings)
        await look(self._deps, pairs, ids)
        more = await matching.catch_up(self._deps, pairs) or len(ids) == BATCH
        if gaps and not more:
            self._gaps_at = now + GAPS_EVERY
        return more


async def look(deps: Deps, pairs: PairReader, ids: Sequence[int]) -> int:
    """Look for the matters of these tickets. Gives how many pairs were proposed or joined."""
    if not ids:
        return 0
    now = deps.clock.now()
    async with deps.db.reads() as session:
        told = await matters.told_of(session, ids)
    profiles = await asyncio.to_thread(_profiles, pairs, told)
    async with deps.db.writes.begin() as session:
        keys: list[dict[str, object]] = [
            {"key": key, "ticket_id": number} for number, mine in profiles.items() for key in keys_of(mine)
        ]
        await insert_new(session, MatterKey, keys)
    count = 0
    for number in sorted(told):
        mine = profiles[number]
        async with deps.db.reads() as session:
            heads, callers = await _heads(session, told[number], mine, now=now)
            waiting = await matching.waiting(session, keys_of(mine), now=now)
        # Apart from the loop and with no session held: a pair may take a tenth of a second.
        found = await asyncio.to_thread(_weighed, pairs, mine, heads, callers)
        leads = await asyncio.to_thread(matching.of_ticket, pairs, number, mine, waiting, now=now)
        async with deps.db.writes.begin() as session:
            rows = [_row(pairs, told[number], one, now=now) for one in found]
            await insert_new(session, MatterPair, rows)
            await insert_new(session, LeadPair, leads)
            seen = {"ticket_id": number, "at": now, "model_version": pairs.version}
            await insert_new(session, MatterSeen, [seen])
        count += len(found)
        await _join(deps, told[number], found, now=now)
    return count


def _profile(pairs: PairReader, told: Told) -> Profile:
    return pairs.profile(told.title, told.text, told.received_at)


def _profiles(pairs: PairReader, told: Mapping[int, Told]) -> dict[int, Profile]:
    return {number: _profile(pairs, item) for number, item in told.items()}


async def _heads(
    session: AsyncSession, told: Told, mine: Profile, *, now: datetime
) -> tuple[dict[int, Told], set[int]]:
    """The earlier tickets worth weighing, and which of them are of the same caller."""
    since = now - SAME_MATTER
    callers = await matters.of_caller(session, told.ticket_id, since=since)
    others = await near.cases(session, told.ticket_id, keys_of(mine), since=since)
    return await matters.told_of(session, list(dict.fromkeys([*callers, *others]))), set(callers)


def _weighed(
    pairs: PairReader, mine: Profile, heads: Mapping[int, Told], callers: Collection[int]
) -> list[Found]:
    """The earlier tickets that are called the same matter, likeliest first."""
    found = [
        Found(head, pairs.likeness(_profile(pairs, head), mine), number in callers)
        for number, head in heads.items()
    ]
    same = [one for one in found if one.likeness.same]
    return sorted(same, key=lambda one: (-one.likeness.p, one.head.ticket_id))


def _row(pairs: PairReader, told: Told, one: Found, *, now: datetime) -> dict[str, object]:
    return {
        "ticket_id": told.ticket_id, "head_id": one.head.ticket_id, "p": one.likeness.p,
        "same_caller": one.same_caller, "why": list(one.likeness.why),
        "state": Proposal.PROPOSED.value, "by": None, "at": now, "model_version": pairs.version,
    }  # fmt: skip


class _ForAPerson(Exception):
    """A repeat that the rules would let join, and that a person must look at first."""


async def _join(deps: Deps, told: Told, found: Sequence[Found], *, now: datetime) -> None:
    """追加: the same caller's, where the model is certain; what the rules refuse stays a proposal.

    Only into a case that is being handled (条例 art. 11): what has its answer already came back, and a unit
    must hear of it. And only into one at least as urgent: it would stop the graver clock.
    """
    certain = [one for one in found if one.same_caller and one.likeness.certain]
    if not deps.settings.repeats_automatic:
        return
    for one in certain:
        try:
            async with deps.db.writes.begin() as session:
                await moving.make(
                    session, deps.tables, SYSTEM_VIEWER, moving.SYSTEM, _wish(told, one), now=now
                )
                # Under the locks of the move: whoever answers or refuses meanwhile comes first or after.
                await _may_join(session, told, one.head.ticket_id)
        except (Refusal, moving.Conflict, _ForAPerson) as refused:
            # A person was quicker, or must look first (a flag): the proposal says what was seen.
            log.info("matter_left_to_a_person", ticket_id=told.ticket_id, reason=type(refused).__name__)
        else:
            return


def _wish(told: Told, one: Found) -> moving.Wish:
    return moving.Wish(
        no=told.no,
        move=Move.MERGE,
        values={
            Field.OTHER_TICKET.value: one.head.no,
            Field.REASON.value: f"同一诉求人再次反映同一事项（把握 {one.likeness.p:.0%}）",
        },
        version=told.version,
        key=f"same-matter-{one.head.ticket_id}",
    )


async def _may_join(session: AsyncSession, told: Told, head_id: int) -> None:
    """Raises _ForAPerson where the case has its answer or is less urgent, or a person refused the pair."""
    head = (await session.execute(sa.select(Ticket.state, Ticket.urgency).where(Ticket.id == head_id))).one()
    kept = await session.scalar(
        sa.select(MatterPair.state).where(
            MatterPair.ticket_id == told.ticket_id, MatterPair.head_id == head_id
        )
    )
    if head.state in _ANSWERED or head.urgency > told.urgency or kept == Proposal.REFUSED:
        raise _ForAPerson


async def decided(
    session: AsyncSession, ticket_id: int, head_id: int, state: Proposal, *, by: str | None, now: datetime
) -> None:
    """Keep what became of a pair, also of one that nobody had proposed."""
    later, earlier = max(ticket_id, head_id), min(ticket_id, head_id)
    keep = (
        sa.update(MatterPair)
        .where(MatterPair.ticket_id == later, MatterPair.head_id == earlier)
        .values(state=state.value, by=by, at=now)
        .returning(MatterPair.ticket_id)
    )
    if (await session.execute(keep)).one_or_none() is None:
        row = {
            "ticket_id": later, "head_id": earlier, "p": 0.0, "same_caller": False, "why": [],
            "state": state.value, "by": by, "at": now, "model_version": "",
        }  # fmt: skip
        await insert_new(session, MatterPair, [row])
        # The search may have proposed it in between: then nothing was inserted.
        await session.execute(keep)
