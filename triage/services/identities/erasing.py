"""删除身份: what identifies an appellant goes when its time is over, or when he asks (个保法 arts. 19, 47).

Never of an open case, of one merged into an open case, or while a reward for it is not settled. An appeal
that was given up (dead) never became a case: it is over as it was stored. The case, its masked words and its
record stay; references to the appellant stay and find nothing. Each erasure is a row of
`identity_erasure` and an entry of the ledger that says which parts went, not what they were. The photos that
the citizen sent go after that, by `erased_photos`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, aliased

from models.appeals import Appeal, Appellant
from models.caller_numbers import CallerNumber
from models.citizens import CitizenAccess, CitizenWord
from models.db import insert_of
from models.files import Attachment
from models.filters import may_see, may_see_unread
from models.hotline import HotlineOrder
from models.identities import Erasure
from models.open311 import Open311Request
from models.outbox import living_on, registered_for
from models.rewards import Reward, RewardShare
from models.tickets import Ticket, TicketEvent
from models.vocab import CLOSED_STATES, AppealState
from models.vocab_files import FileOwner
from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_retention import Kept
from models.vocab_rewards import RewardState, ShareState
from nlp.text import mask_identity
from triage import logs
from triage.errors import BadInput, NotFound
from triage.rules import retention_rows
from triage.services import following, ledger

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.viewing import Viewer
    from triage.services.deps import Deps

log = logs.get(__name__)

BATCH: Final = 200
EVERY: Final = timedelta(hours=1)
LONGEST_REASON: Final = 500
#: So many given-up appeals of one number are told from those registered by hand in their place.
_SAME_NUMBER: Final = 20
_CLOSED: Final = tuple(state.value for state in CLOSED_STATES)
_PARTS: Final = ("name", "phone", "id_number", "original", "phone_index")
_SETTLED: Final = tuple(state.value for state in (ShareState.PAID, ShareState.WAIVED, ShareState.DECLINED))
#: A reward in these is about a person who must still be found and told apart from others.
DECIDING: Final = tuple(
    state.value
    for state in (
        RewardState.CANDIDATE,
        RewardState.REVIEWING,
        RewardState.LEGAL_PASSED,
        RewardState.FINANCE_PASSED,
        RewardState.APPROVING,
        RewardState.REFUSING,
        RewardState.RECOVERING,
    )
)
#: Nothing of it is claimed or paid any more, whatever its shares say: taken back for fraud, or archived.
_TAKEN_BACK: Final = (RewardState.RECOVERED.value, RewardState.ARCHIVED.value)
#: Written out: only so does the partial index fit.
_GIVEN_UP: Final[sa.ColumnElement[str]] = sa.literal_column(f"'{AppealState.DEAD.value}'", sa.String)
#: Of an appeal, with its ticket if there is one: nothing more is done about it.
OVER: Final = sa.or_(Ticket.state.in_(_CLOSED), sa.and_(Ticket.id.is_(None), Appeal.state == _GIVEN_UP))


async def ask(session: AsyncSession, viewer: Viewer, no: str, reason: str, *, now: datetime) -> int:
    """Note that an appellant wants his identity erased: done as soon as the case is over. Gives the appeal.

    `no`: of the ticket; of an appeal that was given up and has none, the number it came with. Of one that was
    registered by hand in its place, or in whose place it was, it is noted as well.
    Raises NotFound, BadInput.
    """
    reason = " ".join(reason.split())[:LONGEST_REASON]
    if not reason:
        raise BadInput("请写明要求删除的理由或来函编号")
    appeal_id = await session.scalar(
        sa.select(Ticket.appeal_id).where(Ticket.no == no[:40].replace("\0", ""), may_see(viewer))
    ) or await _given_up(session, viewer, no[:200].replace("\0", ""))
    # Held, the earliest first as all who hold several: whoever registers one of them by hand in this moment
    # has ended, or finds the wish. Then looked at anew: what was registered meanwhile is later than these.
    held = {appeal_id, *await _same_person(session, appeal_id)}
    await session.execute(
        sa.select(Appeal.id).where(Appeal.id.in_(held)).order_by(Appeal.id).with_for_update()
    )
    await note(session, appeal_id, reason, no=no, by=viewer.login, now=now)
    for other in await _same_person(session, appeal_id):
        own = await session.scalar(sa.select(Ticket.no).where(Ticket.appeal_id == other))
        await note(session, other, reason, no=own, by=viewer.login, now=now)
    return appeal_id


async def _same_person(session: AsyncSession, appeal_id: int) -> list[int]:
    """The appeals that this one was registered by hand for, and those that were for it; all theirs."""
    before = await registered_for(session, appeal_id)
    return [*before, *await living_on(session, [appeal_id, *before])]


async def pass_on(session: AsyncSession, appeal_id: int, *, to: int, now: datetime) -> None:
    """Note a wish that waits at an appeal for the one registered in its place, which has what was sealed."""
    wish = await session.scalar(
        sa.select(Erasure).where(Erasure.appeal_id == appeal_id, Erasure.erased_at.is_(None))
    )
    if wish is not None:
        await note(session, to, wish.reason, no=None, by=wish.asked_by, now=now)


async def note(
    session: AsyncSession, appeal_id: int, reason: str, *, no: str | None, by: str, now: datetime
) -> None:
    """Note the wish of an appeal's citizen, whatever has become of the appeal. `no`: the case, if known.

    Erased once and opened again, with something of the citizen anew, it is a wish like the first.
    """
    await session.execute(
        sa.update(Erasure)
        .where(
            Erasure.appeal_id == appeal_id, Erasure.erased_at.is_not(None),
            sa.or_(_person(Erasure.appeal_id), _words(Erasure.appeal_id), *_places(Erasure.appeal_id)),
        )
        .values(asked_at=now, asked_by=by, reason=mask_identity(reason), erased_at=None)
        .execution_options(synchronize_session=False)
    )  # fmt: skip
    await session.execute(
        insert_of(session, Erasure)
        .values(appeal_id=appeal_id, asked_at=now, asked_by=by, reason=mask_identity(reason))
        .on_conflict_do_nothing()
    )
    ledger.write(
        session, who=by, act=LedgerAct.ERASE_ASKED, now=now, reason=reason,
        subject=ledger.Subject(SubjectKind.APPEAL, str(appeal_id), no),
    )  # fmt: skip


async def _given_up(session: AsyncSession, viewer: Viewer, no: str) -> int:
    """The one appeal of this number that was given up. Raises NotFound, BadInput."""
    found = (
        await session.scalars(
            sa.select(Appeal.id)
            .where(may_see_unread(viewer), Appeal.state == _GIVEN_UP, Appeal.external_id == no)
            .order_by(Appeal.id)
            .limit(_SAME_NUMBER)
        )
    ).all()
    if not found:
        raise NotFound("没有这张工单或处理失败的诉求，或您无权查看。")
    # One that was registered by hand, and then given up too, is the same citizen's.
    if not {*found[1:]} <= {*await living_on(session, found[:1])}:
        raise BadInput("几个来源都有这个编号的处理失败诉求，分不清是哪一条")
    return found[0]


async def asked_for(session: AsyncSession, *, limit: int = BATCH) -> list[int]:
    """Appeals whose appellant wants to be erased, and whose case is over."""
    rows = await session.scalars(
        sa.select(Erasure.appeal_id)
        .join(Appeal, Appeal.id == Erasure.appeal_id)
        .outerjoin(Ticket, Ticket.appeal_id == Erasure.appeal_id)
        .where(Erasure.erased_at.is_(None), OVER)
        .order_by(Erasure.appeal_id)
        .limit(limit)
    )
    return list(rows)


async def past_their_time(
    session: AsyncSession, *, before: datetime, after: int = 0, limit: int = BATCH
) -> list[int]:
    """Appeals (above the id `after`) with an identity still, over since `before`: the case, or given up."""
    last = sa.select(sa.func.max(TicketEvent.at)).where(TicketEvent.ticket_id == Ticket.id).scalar_subquery()
    rows = await session.scalars(
        sa.select(Appeal.id)
        .outerjoin(Ticket, Ticket.appeal_id == Appeal.id)
        .where(
            Appeal.id > after,
            Appeal.stored_at < before,
            # Whatever was erased before: a case opened again may have got both anew.
            sa.or_(
                _person(Appeal.id, Appellant.created_at < before),
                _words(Appeal.id),
                _links(),
                *_places(Appeal.id),
            ),
            OVER,
            sa.func.coalesce(last, Appeal.stored_at) < before,
        )
        .order_by(Appeal.id)
        .limit(limit)
    )
    return list(rows)


def _person(appeal_id: InstrumentedAttribute[int], *more: sa.ColumnElement[bool]) -> sa.Exists:
    """Whether an appellant of that appeal is known by any part."""
    known = sa.or_(*(getattr(Appellant, part).is_not(None) for part in _PARTS))
    return sa.exists().where(Appellant.appeal_id == appeal_id, known, *more)


def _words(appeal_id: InstrumentedAttribute[int]) -> sa.Exists:
    """Whether what a citizen added is there unmasked: also of one who left no name and no phone."""
    return sa.exists().where(CitizenWord.appeal_id == appeal_id, CitizenWord.original.is_not(None))


#: Where the citizen was, or what they show elsewhere: the point that was pressed or posted, a public link.
_POINTS: Final[dict[str, tuple[InstrumentedAttribute[int], tuple[InstrumentedAttribute[Any], ...]]]] = {
    "point": (CitizenAccess.appeal_id, (CitizenAccess.lon, CitizenAccess.lat)),
    "open311": (
        Open311Request.appeal_id,
        (Open311Request.media_url, Open311Request.lon, Open311Request.lat),
    ),
}


def _places(appeal_id: InstrumentedAttribute[int]) -> list[sa.Exists]:
    """Whether there are photos of the citizen's that no erasure covers yet, a point, or a public link."""
    covers = aliased(Erasure)
    covered = sa.exists().where(covers.appeal_id == Attachment.appeal_id, covers.erased_at >= Attachment.at)
    photos = sa.exists().where(
        Attachment.appeal_id == appeal_id, Attachment.owner == FileOwner.APPEAL.value, ~covered
    )
    known = [
        sa.exists().where(of == appeal_id, sa.or_(*(part.is_not(None) for part in parts)))
        for of, parts in _POINTS.values()
    ]
    return [photos, *known]


async def _leave_places(session: AsyncSession, appeal_id: int) -> list[str]:
    """Forget points and public link. Gives what was known of them."""
    gone = []
    for name, (of, parts) in _POINTS.items():
        done = await session.execute(
            sa.update(of.class_)
            .where(of == appeal_id, sa.or_(*(part.is_not(None) for part in parts)))
            .values(dict.fromkeys(parts))
            .returning(of)
            .execution_options(synchronize_session=False)
        )
        gone += [name for _ in done.all()]
    return gone


def _links() -> sa.Exists:
    """Whether the platform's order of the appeal still says where its recordings and photos lie."""
    kept = sa.cast(HotlineOrder.attachments, sa.Text)
    return sa.exists().where(
        HotlineOrder.source_id == Appeal.source_id,
        HotlineOrder.order_no == Appeal.external_id,
        sa.or_(*(kept.contains(f'"{name}":{gap}"') for name in ("url", "id") for gap in ("", " "))),
    )


async def _unlink(session: AsyncSession, appeal_id: int) -> bool:
    """Forget where the platform's recordings and photos lie. Gives whether it was known."""
    appeal = await session.get_one(Appeal, appeal_id)
    where = (appeal.source_id, appeal.external_id or "")
    order = await session.get(HotlineOrder, where, with_for_update=True, populate_existing=True)
    if order is None or not any(_leads(one) for one in order.attachments):
        return False
    order.attachments = [unlinked(one) for one in order.attachments]
    return True


def _leads(attachment: Mapping[str, Any]) -> bool:
    """Whether it says where it lies: by `_links`' measure, for which an empty word is one too."""
    return attachment.get("url") is not None or attachment.get("id") is not None


def unlinked(attachment: Mapping[str, Any]) -> dict[str, Any]:
    """A platform's attachment without what leads to it: that there was one, and of what sort, stays."""
    return {**attachment, "id": None, "url": None}


async def erase(session: AsyncSession, appeal_id: int, *, why: str, now: datetime) -> bool:
    """Erase one, in the caller's transaction. Gives False when something still needs it."""
    ticket = (
        await session.execute(sa.select(Ticket).where(Ticket.appeal_id == appeal_id).with_for_update())
    ).scalar_one_or_none()
    if ticket is None:
        # Locked: whoever lets it be read again makes its ticket only after that.
        appeal = await session.get_one(Appeal, appeal_id, with_for_update=True, populate_existing=True)
        if appeal.state != AppealState.DEAD.value:
            return False
    if ticket is not None and (ticket.state not in _CLOSED or await needed(session, ticket)):
        return False
    person = await session.scalar(
        sa.select(Appellant).where(Appellant.appeal_id == appeal_id).with_for_update()
    )
    gone = [part for part in _PARTS if person is not None and getattr(person, part) is not None]
    if person is not None:
        for part in _PARTS:
            setattr(person, part, None)
        await session.execute(sa.delete(CallerNumber).where(CallerNumber.appeal_id == appeal_id))
    words = await session.execute(
        sa.update(CitizenWord)
        .where(CitizenWord.appeal_id == appeal_id, CitizenWord.original.is_not(None))
        .values(original=None)
        .returning(CitizenWord.id)
        .execution_options(synchronize_session=False)
    )
    added = len(words.all())
    if await _unlink(session, appeal_id):
        gone.append("attachments")
    gone += await _leave_places(session, appeal_id)
    known = await session.get(Erasure, appeal_id)
    if known is None:
        session.add(Erasure(appeal_id=appeal_id, asked_at=now, asked_by="system", reason=why, erased_at=now))
    else:
        known.erased_at = now
    ledger.write(
        session, who="system", act=LedgerAct.ERASED, now=now, reason=why,
        subject=ledger.Subject(SubjectKind.APPEAL, str(appeal_id), ticket.no if ticket else None),
        detail={"parts": gone, "added_words": added},
    )  # fmt: skip
    return True


async def needed(session: AsyncSession, ticket: Ticket) -> bool:
    """Whether the case it was merged into is open, or a reward for it is being decided or not settled."""
    if await _head_is_open(session, ticket):
        return True
    # Shares are first written when it is approved; until then the reward itself says that it is not over.
    unsettled = await session.scalar(
        sa.select(Reward.id)
        .outerjoin(
            RewardShare, sa.and_(RewardShare.reward_id == Reward.id, RewardShare.state.not_in(_SETTLED))
        )
        .where(
            sa.or_(Reward.root_ticket_id == ticket.id, Reward.winner_appeal_id == ticket.appeal_id),
            sa.or_(
                Reward.state.in_(DECIDING),
                RewardShare.state == ShareState.PAYING.value,
                sa.and_(RewardShare.id.is_not(None), Reward.state.not_in(_TAKEN_BACK)),
            ),
        )
        .limit(1)
    )
    return unsettled is not None


async def _head_is_open(session: AsyncSession, ticket: Ticket) -> bool:
    """Whether the case that stands for it is open; whoever cannot be followed up to one stays."""
    head = await following.top(session, ticket.id, ticket.state)
    return head is None or head[1] not in _CLOSED


class Eraser:
    """What the timetable runs: once an hour, in batches, from where the last one ended."""

    def __init__(self, deps: Deps) -> None:
        """Start with nothing done."""
        self._deps = deps
        self._after = 0
        self._done_at: datetime | None = None

    async def keep(self) -> bool:
        """Erase a batch of what is due. Gives whether there may be more at once."""
        deps, now = self._deps, self._deps.clock.now()
        if self._done_at is not None and now - self._done_at < EVERY:
            return False
        row = retention_rows.row_of(deps.tables.retention, Kept.IDENTITY, now)
        async with deps.db.reads() as session:
            asked = await asked_for(session)
            old = await past_their_time(session, before=row.before(now), after=self._after)
        erased = 0
        for appeal_id, why in [*((n, "诉求人要求删除") for n in asked), *((n, row.id) for n in old)]:
            # One a transaction: none waits for the others, and what was asked for by two is done once.
            async with deps.db.writes.begin() as session:
                erased += await erase(session, appeal_id, why=why, now=now)
        if erased:
            log.info("identities_erased", count=erased)
        self._after = old[-1] if len(old) == BATCH else 0
        if len(old) < BATCH:
            self._done_at = now
        return len(old) == BATCH
