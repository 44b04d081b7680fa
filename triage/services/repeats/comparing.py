"""Two tickets side by side, and the clerk's word on them: merged, or not the same matter."""

from __future__ import annotations

import difflib
from collections import Counter
from dataclasses import dataclass
from itertools import starmap
from typing import TYPE_CHECKING, Final, NamedTuple

import sqlalchemy as sa

from models import matters, placed, ticket_detail
from models.files import Attachment
from models.matters import MatterPair
from models.tickets import Ticket
from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_matters import Proposal
from nlp.place_point import metres
from triage.errors import BadInput, NotFound
from triage.services import following, ledger
from triage.services.repeats import looking

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Viewer
    from models.matters import Told
    from models.ticket_detail import WholeTicket
    from nlp.repeats import Likeness, PairReader

#: Characters of a text that are compared word by word.
COMPARED: Final = 3_000
#: Pairs of equal characters up to which that is done: two letters of 3,000 characters have some 100,000.
_MOST_PAIRS: Final = 1_000_000
#: Pictures of each side.
PHOTOS: Final = 12


class Part(NamedTuple):
    """A stretch of a text; `own`: the other text does not have it."""

    text: str
    own: bool


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two, with its words cut where they differ."""

    whole: WholeTicket
    title: tuple[Part, ...]
    text: tuple[Part, ...]
    rest: str
    """What of the text was not compared: all after `COMPARED` characters."""
    photos: tuple[int, ...]
    more_photos: int
    """How many beside those shown."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Both sides, and what is said of them together."""

    a: Side
    b: Side
    likeness: Likeness
    marked: bool
    """Whether the texts were compared: two that repeat a few characters thousands of times are not."""
    same_caller: bool
    metres: float | None
    state: Proposal | None
    merged_no: str | None


@dataclass(frozen=True, slots=True)
class Gathered:
    """What the database knows of two tickets, the later one first."""

    later: WholeTicket
    earlier: WholeTicket
    told: dict[int, Told]
    photos: dict[int, tuple[int, ...]]
    same_caller: bool
    state: Proposal | None
    merged_no: str | None
    """The number of the one that stands merged into the other, archived since or not."""


async def gather(session: AsyncSession, viewer: Viewer, one: str, other: str) -> Gathered:
    """Read two tickets, to be compared once the session is given back. Raises NotFound, BadInput."""
    if one == other:
        raise BadInput("请选两张不同的工单")
    found = [await ticket_detail.whole_ticket(session, viewer, no) for no in (one, other)]
    wholes = [whole for whole in found if whole is not None]
    if len(wholes) != len(found):
        raise NotFound("没有这张工单，或您无权查看。")
    later, earlier = sorted(wholes, key=lambda whole: -whole.ticket.id)
    kept = await session.get(MatterPair, (later.ticket.id, earlier.ticket.id))
    return Gathered(
        later,
        earlier,
        told=await matters.told_of(session, [later.ticket.id, earlier.ticket.id]),
        photos=await _photos(session, later.appeal.id, earlier.appeal.id),
        same_caller=await matters.same_caller(session, later.ticket.id, earlier.ticket.id),
        state=Proposal(kept.state) if kept is not None else None,
        merged_no=await _merged(session, later, earlier),
    )


def compare(pairs: PairReader, found: Gathered) -> Compared:
    """Hold two tickets against each other: a tenth of a second of CPU, so apart from the loop."""
    later, earlier = found.later, found.earlier
    titles = differences(later.ticket.title, earlier.ticket.title, most=_MOST_PAIRS)
    texts = differences(later.appeal.text, earlier.appeal.text, most=_MOST_PAIRS)
    sides = [
        Side(
            whole, title, text, whole.appeal.text[COMPARED:],
            found.photos[whole.appeal.id][:PHOTOS], len(found.photos[whole.appeal.id][PHOTOS:]),
        )
        for whole, title, text in zip((later, earlier), titles, texts, strict=True)
    ]  # fmt: skip
    return Compared(
        a=sides[0],
        b=sides[1],
        likeness=_likeness(pairs, found.told[earlier.ticket.id], found.told[later.ticket.id]),
        marked=_comparable(later.appeal.text[:COMPARED], earlier.appeal.text[:COMPARED], _MOST_PAIRS),
        same_caller=found.same_caller,
        metres=_apart(later, earlier),
        state=found.state,
        merged_no=found.merged_no,
    )


def _likeness(pairs: PairReader, one: Told, other: Told) -> Likeness:
    """How likely two tickets are one matter."""
    a, b = (pairs.profile(item.title, item.text, item.received_at) for item in (one, other))
    return pairs.likeness(a, b)


async def _photos(session: AsyncSession, *appeal_ids: int) -> dict[int, tuple[int, ...]]:
    """The pictures of each case."""
    rows = await session.execute(
        sa.select(Attachment.appeal_id, Attachment.id)
        .where(Attachment.appeal_id.in_(appeal_ids), Attachment.thumb_sha256.is_not(None))
        .order_by(Attachment.id)
    )
    found: dict[int, list[int]] = {number: [] for number in appeal_ids}
    for appeal_id, file_id in rows:
        found[appeal_id].append(file_id)
    return {number: tuple(files) for number, files in found.items()}


async def _merged(session: AsyncSession, one: WholeTicket, other: WholeTicket) -> str | None:
    for mine, head in ((one.ticket, other.ticket), (other.ticket, one.ticket)):
        if await following.above(session, mine.id, mine.state) == head.no:
            return mine.no
    return None


async def ids_of(session: AsyncSession, viewer: Viewer, *numbers: str) -> list[int]:
    """The ids of tickets by their numbers. Raises NotFound, BadInput."""
    found = [await ticket_detail.whole_ticket(session, viewer, no) for no in numbers]
    ids = [whole.ticket.id for whole in found if whole is not None]
    if len(ids) != len(numbers):
        raise NotFound("没有这张工单，或您无权查看。")
    if len(set(ids)) != len(ids):
        raise BadInput("请选两张不同的工单")
    return ids


async def refuse(
    session: AsyncSession, viewer: Viewer, one: str, other: str, *, by: str, now: datetime
) -> None:
    """不是同一事项: kept, and not proposed again. Raises NotFound, BadInput (also while they are merged)."""
    await _lock(session, viewer, one, other)
    found = await gather(session, viewer, one, other)
    if found.merged_no is not None:
        raise BadInput("这两张工单已经合并，请先撤销合并")
    first, second = found.later.ticket.id, found.earlier.ticket.id
    await looking.decided(session, first, second, Proposal.REFUSED, by=by, now=now)
    _write(session, one, other, Proposal.REFUSED, by=by, now=now)


async def reopen(
    session: AsyncSession, viewer: Viewer, one: str, other: str, *, by: str, now: datetime
) -> None:
    """不是同一事项, taken back: it is proposed again. Raises NotFound, BadInput."""
    first, second = await _lock(session, viewer, one, other)
    kept = await session.get(MatterPair, (max(first, second), min(first, second)))
    if kept is None or kept.state != Proposal.REFUSED.value:
        raise BadInput("这两张工单没有被判为不是同一事项，请刷新页面再看")
    await looking.decided(session, first, second, Proposal.PROPOSED, by=by, now=now)
    _write(session, one, other, Proposal.PROPOSED, by=by, now=now)


async def _lock(session: AsyncSession, viewer: Viewer, one: str, other: str) -> list[int]:
    """Lock both tickets in a move's order: a merge comes before or after, not between. Gives their ids.

    Without their keys, so that the search may store a pair of them meanwhile.

    Raises NotFound, BadInput.
    """
    ids = await ids_of(session, viewer, one, other)
    await session.execute(
        sa.select(Ticket.id).where(Ticket.id.in_(ids)).order_by(Ticket.id).with_for_update(key_share=True)
    )
    # What was read before the lock may be older than what the holder of before has done.
    session.expire_all()
    return ids


def _write(session: AsyncSession, one: str, other: str, state: Proposal, *, by: str, now: datetime) -> None:
    """Into the ledger, under the later of the two; the other is named beside it."""
    earlier, later = sorted((one, other))
    ledger.write(
        session, who=by, act=LedgerAct.PAIR_DECIDED, now=now, new=state.label,
        subject=ledger.Subject(SubjectKind.PAIR, f"{later} {earlier}", later), detail={"other": earlier},
    )  # fmt: skip


def differences(a: str, b: str, *, most: int) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """Both texts cut into what both have and what only one has; not with more than `most` equal pairs."""
    a, b = a[:COMPARED], b[:COMPARED]
    mine: list[tuple[str, bool]] = []
    theirs: list[tuple[str, bool]] = []
    if not _comparable(a, b, most):
        return (Part(a, own=False),), (Part(b, own=False),)
    matcher = difflib.SequenceMatcher(None, a, b, autojunk=False)
    for tag, a1, a2, b1, b2 in matcher.get_opcodes():
        own = tag != "equal"
        mine.append((a[a1:a2], own))
        theirs.append((b[b1:b2], own))
    return _parts(mine), _parts(theirs)


def _comparable(a: str, b: str, most: int) -> bool:
    """Whether that takes no minutes: what both have is looked for from every equal pair of characters."""
    counts = Counter(b)
    return sum(count * counts[sign] for sign, count in Counter(a).items()) <= most


def _parts(pieces: list[tuple[str, bool]]) -> tuple[Part, ...]:
    return tuple(part for part in starmap(Part, pieces) if part.text)


def _apart(one: WholeTicket, other: WholeTicket) -> float | None:
    """Metres between the places in force; None where one has no point."""
    a, b = (placed.point(case.ticket, case.reading) for case in (one, other))
    return metres(a, b) if a and b else None
