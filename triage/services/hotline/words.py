"""平台来话: what a platform says of orders that are here already, and what becomes of each.

A 催办 is made on the ticket by the existing move, once by the platform's number of it. 撤单, 重新办理, 督办,
an order closed over there and other words are for a person: a mark on the ticket's page, and on 审核台 where
somebody must act. It stays until the ticket has ended, the platform took the order up again, the move was
made, or somebody says that they know. No move is made for them: which one depends on where the case stands.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from models.appeals import Appeal, Source
from models.filters import all_seeing, may_see
from models.hotline import HotlineOrder, HotlineWord
from models.narrowed import withdrawn
from models.outbox import living_on, registered_by_hand
from models.ticket_detail import seen_numbers
from models.tickets import Ticket, TicketEvent
from models.vocab import CLOSED_STATES, Move, Post, State, Tag
from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_sources import PLATFORM, OrderStatus, WordKind, WordState
from triage.errors import NotFound, TriageError
from triage.rules import moves
from triage.services import following, ledger, moving
from triage.services.citizen import cases
from triage.services.moving import Person, Wish
from triage.services.sources.ports import Outcome

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.viewing import Viewer
    from triage.services.deps import Deps
    from triage.services.sources.ports import Work

#: So many in one run of the task; the next comes at once.
BATCH: Final = 100
#: What the platform says is noted at the hotline's post, under its own name.
_PLATFORM: Final = Person(moves.Actor(Post.HOTLINE, None, PLATFORM), "12345 平台")
_VIEWER: Final = all_seeing(PLATFORM)
#: The appeal that an order became.
_OF_ORDER: Final = sa.and_(
    Appeal.source_id == HotlineWord.source_id,
    Appeal.dedupe_key == sa.literal("x:").concat(HotlineWord.order_no),
)
#: The ticket of that appeal, where a word stands on the one that it was merged into.
_OWN: Final = aliased(Ticket)
#: A merged ticket has not ended: it is worked on in another one.
ENDED: Final = tuple(state.value for state in CLOSED_STATES if state is not State.MERGED)
_SHOWN: Final = 12
#: On 审核台: what somebody must act on. That the platform closed its order is told on the ticket's page.
_ACTED_ON: Final = (WordKind.WITHDRAWN.value, WordKind.REHANDLED.value, WordKind.SUPERVISED.value)
#: The move that answers a word; of a merged ticket the one of its head. Events of before do not name it.
_BY_MOVE: Final = TicketEvent.data[following.BY_MOVE].as_string()
_ANSWERED_BY: Final = {
    WordKind.REHANDLED: sa.or_(
        TicketEvent.tag.in_([Tag.REHANDLE.value, Tag.TAKE_UP.value]),
        sa.and_(
            TicketEvent.tag == Tag.HEAD_REOPENED.value,
            sa.or_(_BY_MOVE.is_(None), _BY_MOVE.in_([Move.REHANDLE.value])),
        ),
    ),
    WordKind.SUPERVISED: TicketEvent.tag == Tag.SUPERVISE.value,
}
#: Answered when the platform takes the order up again.
_TAKEN_BACK: Final = (WordKind.WITHDRAWN.value, WordKind.CLOSED.value)


@dataclass(frozen=True, slots=True)
class Asked:
    """A word that waits for a person. `own_no`: the order's own ticket, which may be merged into `no`.

    `order_no` and `source` are empty for whoever may not see that one.
    """

    id: int
    no: str
    state: str
    kind: str
    order_no: str
    source: str
    said_at: datetime
    own_no: str | None

    @property
    def label(self) -> str:
        """What the platform said."""
        return WordKind(self.kind).label

    @property
    def ended(self) -> bool:
        """Whether the ticket has ended here."""
        return self.state in ENDED


@dataclass(frozen=True, slots=True)
class _Case:
    appeal_id: int
    id: int
    no: str
    state: str


async def settle(work: Work) -> Outcome:
    """The task: urge, ask, and let go what is answered. Each word in a transaction of its own."""
    deps, source_id = work.deps, work.source.id
    async with deps.db.reads() as session:
        mine = (HotlineWord.source_id == source_id, HotlineWord.state == WordState.WAITING.value)
        rows = await session.execute(
            sa.select(HotlineWord.id, Appeal.id, Ticket.id)
            .join(Appeal, _OF_ORDER)
            .join(Ticket, Ticket.appeal_id == Appeal.id)
            .where(*mine)
            .order_by(HotlineWord.id)
            .limit(BATCH)
        )
        by_hand = await _by_hand(session, *mine)
        waiting = sorted(
            [
                *((word_id, appeal_id, ticket_id) for word_id, appeal_id, ticket_id in rows),
                *((word_id, own.appeal_id, own.id) for word_id, own in by_hand.items()),
            ]
        )[:BATCH]
    counts = dict.fromkeys(WordState, 0)
    for word_id, appeal_id, ticket_id in waiting:
        counts[await _answer(deps, word_id, appeal_id, ticket_id)] += 1
    counts[WordState.PASSED] += await _let_go(deps, source_id)
    told = [f"{state.label} {count}" for state, count in counts.items() if count]
    return Outcome(
        said=f"平台来话：{'，'.join(told)}。" if told else "没有新的来话。",
        seen=len(waiting),
        more=len(waiting) == BATCH and not counts[WordState.WAITING],
    )


async def _by_hand(session: AsyncSession, *chosen: sa.ColumnElement[bool]) -> dict[int, _Case]:
    """Of the words that are meant, those of a given-up order: the case that was registered in its place."""
    rows = await session.execute(
        sa.select(HotlineWord.id, Appeal.id)
        .join(Appeal, _OF_ORDER)
        .outerjoin(Ticket, Ticket.appeal_id == Appeal.id)
        .where(*chosen, Ticket.id.is_(None), registered_by_hand(Appeal.id))
    )
    of = dict(rows.all())
    cases_of = await _in_place(session, set(of.values()))
    return {word_id: cases_of[appeal_id] for word_id, appeal_id in of.items() if appeal_id in cases_of}


async def _in_place(session: AsyncSession, appeals: Collection[int]) -> dict[int, _Case]:
    """The case that each of these lives on as; nothing of one that has none yet."""
    found = dict[int, _Case]()
    for appeal_id in sorted(appeals):
        after = await living_on(session, [appeal_id])
        rows = await session.execute(
            sa.select(Ticket.appeal_id, Ticket.id, Ticket.no, Ticket.state)
            .where(Ticket.appeal_id.in_(after))
            .order_by(Ticket.appeal_id.desc())
            .limit(1)
        )
        for row in rows:
            found[appeal_id] = _Case(*row)
    return found


async def _answer(deps: Deps, word_id: int, appeal_id: int, ticket_id: int) -> WordState:
    """One word; it waits on when somebody moved the ticket just then."""
    now = deps.clock.now()
    try:
        async with deps.db.writes.begin() as session:
            word = await _locked(session, word_id)
            if word.state != WordState.WAITING:
                return WordState(word.state)
            word.ticket_id = ticket_id
            if word.kind != WordKind.URGED:
                word.state = WordState.ASKED.value
                return WordState.ASKED
            await _urge(session, deps, word, appeal_id, now=now)
            word.state, word.settled_at = WordState.DONE.value, now
            return WordState.DONE
    except moving.Conflict:
        return WordState.WAITING
    except TriageError as refusal:
        # Whatever the move does not allow: the word is kept with the reason, and holds up no other.
        async with deps.db.writes.begin() as session:
            word = await _locked(session, word_id)
            word.state, word.settled_at, word.why = WordState.PASSED.value, now, refusal.detail
            word.ticket_id = ticket_id
        return WordState.PASSED


async def _locked(session: AsyncSession, word_id: int) -> HotlineWord:
    return (
        await session.scalars(sa.select(HotlineWord).where(HotlineWord.id == word_id).with_for_update())
    ).one()


async def _urge(
    session: AsyncSession, deps: Deps, word: HotlineWord, appeal_id: int, *, now: datetime
) -> None:
    """Make the move on the ticket that is worked on: of a merged one its head. Raises what `moving` does."""
    case = await cases.read(session, appeal_id)
    no = case.acted_on if case else None
    version = await session.scalar(sa.select(Ticket.version).where(Ticket.no == no))
    note = f"12345 平台催办，催办编号 {word.number}"
    wish = Wish(no or "", Move.URGE, {"note": note}, version or 0, f"platform-word:{word.id}")
    await moving.make(session, deps.tables, _VIEWER, _PLATFORM, wish, now=now)


async def _let_go(deps: Deps, source_id: int) -> int:
    """What was asked and is answered by itself: the ticket ended, the order is open again, the move was made.

    A ticket that ended is no answer to 重新办理: it may be told of exactly such a one.
    """
    now = deps.clock.now()
    mine = (HotlineWord.source_id == source_id, HotlineWord.state == WordState.ASKED.value)
    ended = sa.and_(
        HotlineWord.kind != WordKind.REHANDLED.value,
        sa.exists().where(Ticket.id == HotlineWord.ticket_id, Ticket.state.in_(ENDED)),
    )
    again = sa.and_(
        HotlineWord.kind.in_(_TAKEN_BACK),
        sa.exists().where(
            HotlineOrder.source_id == HotlineWord.source_id,
            HotlineOrder.order_no == HotlineWord.order_no,
            HotlineOrder.status == OrderStatus.OPEN.value,
        ),
    )
    answered = sa.or_(
        # Also where the citizen had said so before the platform did.
        sa.and_(HotlineWord.kind == WordKind.WITHDRAWN.value, withdrawn(HotlineWord.ticket_id)),
        *(
            sa.and_(
                HotlineWord.kind == kind.value,
                sa.exists().where(
                    TicketEvent.ticket_id == HotlineWord.ticket_id,
                    by,
                    TicketEvent.at >= HotlineWord.seen_at,
                ),
            )
            for kind, by in _ANSWERED_BY.items()
        ),
    )
    async with deps.db.reads() as session:
        if await session.scalar(sa.select(HotlineWord.id).where(*mine).limit(1)) is None:
            return 0
    async with deps.db.writes.begin() as session:
        count = await _followed(session, mine, now=now)
        for found, why in (
            (ended, "工单已结束"), (again, "平台又恢复了这件工单"), (answered, "已按平台的要求办理"),
        ):  # fmt: skip
            gone = await session.scalars(
                sa.update(HotlineWord)
                .where(*mine, found)
                .values(state=WordState.PASSED.value, settled_at=now, why=why)
                .returning(HotlineWord.id)
                .execution_options(synchronize_session=False)
            )
            count += len(list(gone))
    return count


async def _followed(session: AsyncSession, mine: tuple[sa.ColumnElement[bool], ...], *, now: datetime) -> int:
    """What was said of merged tickets: 督办 is put on the ticket that is worked on, and off it after a split.

    The rest goes when that one has ended. Gives how many went.
    """
    rows = await session.execute(
        sa.select(HotlineWord, Ticket.id, Ticket.state)
        .join(Appeal, _OF_ORDER)
        .join(Ticket, Ticket.appeal_id == Appeal.id)
        .where(
            *mine,
            sa.or_(
                Ticket.state.in_([State.MERGED.value, State.ARCHIVED.value]),
                HotlineWord.ticket_id != Ticket.id,
            ),
            HotlineWord.kind != WordKind.REHANDLED.value,
        )
        .with_for_update(of=HotlineWord)
    )
    by_hand = await _by_hand(session, *mine, HotlineWord.kind != WordKind.REHANDLED.value)
    held = await session.scalars(
        sa.select(HotlineWord).where(*mine, HotlineWord.id.in_(by_hand)).with_for_update()
    )
    found = [(word, ticket_id, state) for word, ticket_id, state in rows]
    found += [(word, by_hand[word.id].id, by_hand[word.id].state) for word in held]
    gone = 0
    for word, ticket_id, state in found:
        head_id, head_state = await following.top(session, ticket_id, state) or (ticket_id, state)
        if word.kind == WordKind.SUPERVISED:
            word.ticket_id = head_id
        if head_id != ticket_id and head_state in ENDED:
            word.state, word.settled_at, word.why = WordState.PASSED.value, now, "并入的工单已结束"
            gone += 1
    await session.flush()
    return gone


def _asked() -> sa.Select[int, str, str, str, str, str, datetime, str | None, int | None]:
    return (
        sa.select(
            HotlineWord.id, Ticket.no, Ticket.state, HotlineWord.kind, HotlineWord.order_no, Source.name,
            HotlineWord.said_at, _OWN.no, Appeal.id,
        )
        .join(Ticket, Ticket.id == HotlineWord.ticket_id)
        .outerjoin(Appeal, _OF_ORDER)
        .outerjoin(_OWN, _OWN.appeal_id == Appeal.id)
        .join(Source, Source.id == HotlineWord.source_id)
        .where(
            HotlineWord.state == WordState.ASKED.value,
            sa.or_(HotlineWord.kind == WordKind.REHANDLED.value, Ticket.state.not_in(ENDED)),
        )
        .order_by(HotlineWord.kind == WordKind.CLOSED.value, HotlineWord.id)
    )  # fmt: skip


async def of_ticket(session: AsyncSession, viewer: Viewer, ticket_id: int) -> tuple[Asked, ...]:
    """The words of a ticket that wait for a person; whoever may see the ticket may see them.

    Not so the number of an order whose own ticket is merged into this one.
    """
    rows = await session.execute(_asked().where(Ticket.id == ticket_id))
    return await _nameless(session, viewer, await _read(session, rows.all()))


async def to_answer(session: AsyncSession, viewer: Viewer) -> tuple[tuple[Asked, ...], int]:
    """撤单 and 督办, then 重新办理, that somebody may answer, the oldest first; how many there are."""
    last = HotlineWord.kind == WordKind.REHANDLED.value
    found, count = await _some(session, last, HotlineWord.kind.in_(_ACTED_ON), may_see(viewer))
    return await _nameless(session, viewer, found), count


async def of_source(session: AsyncSession, source_id: int) -> tuple[tuple[Asked, ...], int]:
    """The same of a source. What names the tickets is the caller's to hide."""
    last = HotlineWord.kind == WordKind.CLOSED.value
    found, count = await _some(session, last, HotlineWord.source_id == source_id)
    return tuple(found), count


async def _some(
    session: AsyncSession, last: sa.ColumnElement[bool], *chosen: sa.ColumnElement[bool]
) -> tuple[list[Asked], int]:
    """Words that wait, as far as they are shown, and how many there are. `last`: what stands at the end."""
    query = _asked().where(*chosen)
    rows = await session.execute(query.order_by(None).order_by(last, HotlineWord.id).limit(_SHOWN))
    found = await _read(session, rows.all())
    if len(found) < _SHOWN:
        return found, len(found)
    count = await session.scalar(sa.select(sa.func.count()).select_from(query.order_by(None).subquery()))
    return found, count or 0


async def _read(
    session: AsyncSession,
    rows: Sequence[sa.Row[int, str, str, str, str, str, datetime, str | None, int | None]],
) -> list[Asked]:
    """Words as they were selected; a given-up order has the ticket registered by hand for it."""
    read = [(Asked(*said), appeal_id or 0) for *said, appeal_id in rows]  # type: ignore[arg-type]
    by_hand = await _in_place(session, {appeal_id for word, appeal_id in read if word.own_no is None})
    return [
        replace(word, own_no=by_hand[appeal_id].no) if appeal_id in by_hand else word
        for word, appeal_id in read
    ]


async def _nameless(session: AsyncSession, viewer: Viewer, words: Sequence[Asked]) -> tuple[Asked, ...]:
    """Words without the number of an order whose own ticket the viewer may not see."""
    others = {word.own_no or "" for word in words if word.own_no != word.no}
    hidden = others - await seen_numbers(session, viewer, others) if others else set()
    return tuple(
        replace(word, order_no="", source="", own_no=None) if (word.own_no or "") in hidden else word
        for word in words
    )


async def dismiss(session: AsyncSession, viewer: Viewer, no: str, word_id: int, *, now: datetime) -> None:
    """知道了: somebody has seen it and goes on with the case. Raises NotFound."""
    ticket_id = await session.scalar(sa.select(Ticket.id).where(Ticket.no == no, may_see(viewer)))
    word = await session.scalar(
        sa.select(HotlineWord)
        .where(HotlineWord.id == word_id, HotlineWord.ticket_id == ticket_id)
        .with_for_update()
    )
    if ticket_id is None or word is None:
        raise NotFound("没有这条平台来话，或您无权查看。")
    if word.state == WordState.ASKED:
        word.state, word.settled_at = WordState.PASSED.value, now
        word.settled_by, word.why = viewer.login, "已看过，继续办理"
        ledger.write(
            session, who=viewer.login, act=LedgerAct.PLATFORM_DISMISSED, now=now,
            subject=ledger.Subject(SubjectKind.TICKET, no, no), detail={"kind": word.kind},
        )  # fmt: skip
