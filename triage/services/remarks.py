"""内部备注 (remark): a short text on a case by whoever has a part in it, for colleagues. It moves nothing.

No citizen, platform, file or public page has it. Who reads it: of those who may see the case, by the one
predicate, all (所有看得到这张工单的人), or the writer's own unit alone (本单位), 12345's desk being one.
The words are masked as those of a move are: when they are written, and again where they are shown to somebody
who does not handle the case. Taken back (撤回) the words are gone; the line, and both entries of the ledger,
stay.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

import sqlalchemy as sa

from models.appeals import Appeal
from models.filters import may_see
from models.merged import behind_ids
from models.remarks import JOINED, TicketRemark, readable
from models.tickets import Ticket, TicketUnit
from models.units import Staff, Unit
from models.vocab import Post, Role, Tag
from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_remarks import Audience
from triage.errors import BadInput, NotFound, TriageError
from triage.rules.access import WITH_UNIT, check_post
from triage.services import ledger, move_rows, ticket_numbers
from triage.services.citizen.filing import clean
from triage.services.identities.showing import shown_text
from triage.services.moving import KeyReused

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime, timedelta

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.ticket_detail import WholeTicket
    from models.viewing import Viewer
    from triage.rules.moves import Actor
    from triage.rules.rows import Tables
    from triage.services.moving import Person

LONGEST: Final = 500
LONGEST_KEY: Final = 64
#: So many of a case are read, the newest.
MOST: Final = 200
_NOT_SEEN: Final = "没有这张工单，或您无权查看。"
_NO_REMARK: Final = "没有这条备注，或您无权查看。"


class NoPart(TriageError):
    """您现在的身份在这张工单上没有办理的一份，不能写备注。"""

    code: ClassVar[str] = "no_part"
    status: ClassVar[int] = 403


class NotYours(TriageError):
    """这条备注不是您写的，只能由本人撤回。"""

    code: ClassVar[str] = "remark_not_yours"
    status: ClassVar[int] = 403


class TooLate(TriageError):
    """已过可以撤回的时间；要更正，请另写一条。"""

    code: ClassVar[str] = "too_late"
    status: ClassVar[int] = 422


@dataclass(frozen=True, slots=True)
class Case:
    """What of a case its remarks need. `joined`: something was merged into it once, or that was not asked."""

    id: int
    no: str
    handled_by: tuple[str, ...]
    joined: bool = True


@dataclass(frozen=True, slots=True)
class Remark:
    """One as somebody reads it. `no`: the merged case that it stands on; None: the very case asked for."""

    id: int
    no: str | None
    at: datetime
    by: str
    unit: str | None
    """None: 12345's own desk."""
    audience: Audience
    text: str | None
    """None: taken back."""
    until: datetime | None
    """Whoever asks wrote it, and may take it back until then."""


@dataclass(frozen=True, slots=True)
class Remarks:
    """Those of a case, newest first. `more`: there are older ones that were not read."""

    items: tuple[Remark, ...] = ()
    more: bool = False


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants written. `key` is the sender's: sent again it is the same remark."""

    no: str
    text: str
    audience: Audience
    key: str


@dataclass(frozen=True, slots=True)
class Written:
    """What came of it. `repeated`: it had been done before, and was not done again."""

    no: str
    id: int
    repeated: bool = False


def checked(text: str) -> str:
    """The words as they were meant, not masked yet. Raises BadInput."""
    words = clean(text)
    if not words:
        raise BadInput("备注：请写内容。")
    if len(words) > LONGEST:
        raise BadInput(f"备注：最多 {LONGEST} 个字，现在是 {len(words)} 个字。")
    return words


def check_key(key: str) -> None:
    """Raises BadInput."""
    if not 0 < len(key) <= LONGEST_KEY or not key.isprintable():
        raise BadInput(f"提交编号 key 应有 1 到 {LONGEST_KEY} 个可见字符")


def case_of(whole: WholeTicket) -> Case:
    """The same of a ticket that was read whole."""
    ticket = whole.ticket
    handled_by = tuple(part.code for part in whole.units if part.role != Role.COPY.value)
    return Case(ticket.id, ticket.no, handled_by, any(event.tag == Tag.JOINED for event in whole.events))


async def case(session: AsyncSession, viewer: Viewer, no: str) -> Case:
    """It alone, where the viewer may see it: two small queries. Raises NotFound."""
    ticket_id = await session.scalar(sa.select(Ticket.id).where(Ticket.no == _known(no), may_see(viewer)))
    if ticket_id is None:
        raise NotFound(_NOT_SEEN)
    parts = await session.scalars(
        sa.select(TicketUnit.unit_code).where(
            TicketUnit.ticket_id == ticket_id, TicketUnit.role != Role.COPY.value
        )
    )
    return Case(ticket_id, no, tuple(parts))


async def of_case(
    session: AsyncSession, viewer: Viewer, case: Case, *, lasts: timedelta, now: datetime
) -> Remarks:
    """Those on a case that the viewer may see, and on what stands merged into it (nothing of a 保密 one)."""
    behind = await behind_ids(session, [case.id]) if case.joined else set()
    if behind:
        # Asked first: within an OR the predicate would be reckoned for all cases of a unit.
        plain = (
            sa.select(Ticket.id)
            .join(Appeal, Appeal.id == Ticket.appeal_id)
            .where(Ticket.id.in_(sorted(behind)), may_see(viewer), Appeal.confidential.is_(False))
        )
        behind = set(await session.scalars(plain))
    here = TicketRemark.ticket_id.in_(sorted({case.id, *behind}))
    rows = (
        await session.execute(
            sa.select(
                TicketRemark.id, TicketRemark.ticket_id, Ticket.no, TicketRemark.at, TicketRemark.audience,
                TicketRemark.text, Staff.name, Staff.login, Unit.name.label("unit"),
            )
            .select_from(sa.outerjoin(JOINED, Unit, Unit.code == TicketRemark.unit_code))
            .where(here, readable(viewer))
            .order_by(TicketRemark.at.desc(), TicketRemark.id.desc())
            .limit(MOST + 1)
        )
    ).all()  # fmt: skip
    # Of any ticket: what was masked for its writer when it was kept is masked already.
    tickets = await ticket_numbers.known(session, ticket_numbers.named(row.text for row in rows))

    def shown(row: Any) -> Remark:  # noqa: ANN401  (a result row: columns by name)
        own = row.ticket_id == case.id
        text, until = row.text, row.at + lasts
        if text is not None:
            handlers = case.handled_by if own else None
            text = ticket_numbers.masked(
                text, tickets, lambda words: shown_text(viewer, words, handled_by=handlers)
            )
        mine = row.login == viewer.login and text is not None and now <= until
        return Remark(
            row.id, None if own else row.no, row.at, row.name or row.login, row.unit, Audience(row.audience),
            text, until if mine else None,
        )  # fmt: skip

    return Remarks(tuple(shown(row) for row in rows[:MOST]), more=len(rows) > MOST)


def has_part(tables: Tables, actor: Actor, ticket: Ticket, parts: Collection[str]) -> bool:
    """Whether somebody acting so makes moves of such a case. `parts`: the units that lead or assist."""
    if actor.post is Post.UNIT:
        return actor.unit in parts
    if actor.post is Post.DISTRICT:
        mine, lead = tables.units.get(actor.unit or ""), tables.units.get(ticket.unit_code or "")
        theirs = {ticket.district_code, lead.district_code if lead else None} - {None}
        return mine is not None and mine.governs and mine.district_code in theirs
    return actor.post is not Post.SYSTEM


async def write(
    session: AsyncSession, tables: Tables, viewer: Viewer, person: Person, wish: Wish, *, now: datetime
) -> Written:
    """Write one down. Raises PostNotYours, NotFound, NoPart, KeyReused, BadInput."""
    actor = person.actor
    check_post(viewer, actor.post, actor.unit)
    check_key(wish.key)
    words = checked(wish.text)
    numbers = await ticket_numbers.known(session, ticket_numbers.named([words]), viewer)
    wish = replace(wish, text=ticket_numbers.masked(words, numbers))
    ticket = await _locked(session, viewer, wish.no)
    before = await session.scalar(
        sa.select(TicketRemark)
        .join(Staff, Staff.id == TicketRemark.staff_id)
        .where(
            TicketRemark.ticket_id == ticket.id, TicketRemark.key == wish.key, Staff.login == actor.login
        )
    )  # fmt: skip
    if before is not None:
        if (before.text, before.audience) != (wish.text, wish.audience.value):
            raise KeyReused
        return Written(ticket.no, before.id, repeated=True)
    parts = await session.scalars(
        sa.select(TicketUnit.unit_code).where(
            TicketUnit.ticket_id == ticket.id, TicketUnit.role != Role.COPY.value
        )
    )
    if not has_part(tables, actor, ticket, set(parts)):
        raise NoPart
    staff_id = await move_rows.staff_of(session, actor, person.name, now=now)
    remark = TicketRemark(
        ticket_id=ticket.id, staff_id=staff_id, unit_code=unit_of(viewer, actor.post, actor.unit),
        at=now,
        audience=wish.audience.value, text=wish.text, key=wish.key,
    )  # fmt: skip
    session.add(remark)
    await session.flush()
    _tell(session, viewer, ticket.no, remark, act=LedgerAct.REMARKED, now=now)
    return Written(ticket.no, remark.id)


async def take_back(
    session: AsyncSession, viewer: Viewer, no: str, remark_id: int, *, lasts: timedelta, now: datetime
) -> Written:
    """撤回 one's own, its words gone; also on a case that went out of sight since.

    `no`: the case, or one that it is merged into. Raises NotFound, NotYours, TooLate.
    """
    found = (
        await session.execute(
            sa.select(TicketRemark, Ticket.no, Staff.login)
            .select_from(JOINED)
            .where(TicketRemark.id == remark_id)
            # Of two presses at once the second sees what the first did.
            .with_for_update(of=TicketRemark)
        )
    ).one_or_none()
    if found is None or not await _stands_on(session, found[0].ticket_id, no):
        raise NotFound(_NO_REMARK)
    remark, own_no, login = found
    if login != viewer.login:
        theirs = sa.select(TicketRemark.id).select_from(JOINED)
        seen = theirs.where(TicketRemark.id == remark_id, may_see(viewer), readable(viewer))
        raise NotYours if await session.scalar(seen) else NotFound(_NO_REMARK)
    if remark.text is None:
        return Written(own_no, remark.id, repeated=True)
    if now > remark.at + lasts:
        raise TooLate
    remark.text, remark.taken_back_at = None, now
    _tell(session, viewer, own_no, remark, act=LedgerAct.REMARK_TAKEN_BACK, now=now)
    return Written(own_no, remark.id)


async def _stands_on(session: AsyncSession, ticket_id: int, no: str) -> bool:
    """Whether a ticket is the one of that number, or merged into it."""
    asked = await session.scalar(sa.select(Ticket.id).where(Ticket.no == _known(no)))
    return asked is not None and (asked == ticket_id or ticket_id in await behind_ids(session, [asked]))


def _known(no: str) -> str:
    return no[:40].replace("\0", "")


async def _locked(session: AsyncSession, viewer: Viewer, no: str) -> Ticket:
    """The ticket, held: of two presses at once the second sees what the first did. Raises NotFound."""
    ticket = await session.scalar(
        sa.select(Ticket).where(Ticket.no == _known(no), may_see(viewer)).with_for_update()
    )
    if ticket is None:
        raise NotFound(_NOT_SEEN)
    return ticket


def unit_of(viewer: Viewer, post: Post, unit: str | None) -> str | None:
    """For whom they write: the unit they act for, else their own; None: 12345's desk."""
    if post in WITH_UNIT:
        return unit
    return own_desk(viewer, viewer.scope.desks)


def own_desk(viewer: Viewer, desks: Collection[str | None]) -> str | None:
    """Of the desks that somebody is at the one they write for; None: 12345's own."""
    if None in desks:
        return None
    if viewer.unit_code in desks:
        return viewer.unit_code
    return min((desk for desk in desks if desk is not None), default=viewer.unit_code)


def _tell(
    session: AsyncSession, viewer: Viewer, no: str, remark: TicketRemark, *, act: LedgerAct, now: datetime
) -> None:
    """The ledger has who and when, and never the words."""
    ledger.write(
        session, who=viewer.login, act=act, now=now, subject=ledger.Subject(SubjectKind.TICKET, no, no),
        detail={"remark": remark.id, "audience": remark.audience, "unit": remark.unit_code},
    )  # fmt: skip
