"""One move of one ticket, in the transaction that the edge opened: lock, replay, decide, write event and row.

The version that the person saw is compared under the lock: another one is a Conflict that says what changed
and by whom. A request's key makes it safe to send twice: the second time nothing happens and the same answer
is given. The database's row is always the replay of its events.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, Any, ClassVar, Final

import sqlalchemy as sa

from models import matters
from models.filters import may_see
from models.tickets import MoveRequest, Ticket, TicketEvent
from models.units import Staff
from models.vocab import Field, Move, Post, Tag
from models.vocab_citizen import CITIZEN
from nlp.text import mask_identity
from triage.clock import local
from triage.errors import BadInput, NotFound, TriageError
from triage.metrics import CLERK_DISPATCH
from triage.rules import moves
from triage.rules.access import check_post
from triage.rules.dues import dues
from triage.rules.fields import FREE
from triage.rules.replay import Event, step
from triage.services import following, ledger, move_rows, rung_now, withdrawing
from triage.services.hotline import noting
from triage.services.notices import events as events_told
from triage.services.notices import telling
from triage.services.repeats import passing_on
from triage.services.standings import stand

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Viewer
    from triage.rules.rows import Tables
    from triage.rules.standing import Standing

#: Told of a conflict: the newest changes.
_MOST_CHANGES: Final = 5
_LONGEST_KEY: Final = 64


@dataclass(frozen=True, slots=True)
class Person:
    """Who acts: as whom, and the name that the record keeps."""

    actor: moves.Actor
    name: str


#: The timetable: it may urge (催办), and the record says 系统.
SYSTEM: Final = Person(moves.Actor(Post.SYSTEM), "系统")


@dataclass(frozen=True, slots=True)
class Wish:
    """A move somebody asks for. `version` is that of the ticket as it was seen; `key` is the sender's.

    `batch` is the bulk job (批量办理) it is part of; the event says so. `silent`: the job itself tells of it.
    `mark` stands in the event for whose it is, where that is not named (`citizen.urges`).
    """

    no: str
    move: Move
    values: Mapping[str, Any]
    version: int
    key: str
    batch: int | None = None
    silent: bool = False
    mark: str | None = None

    @property
    def digest(self) -> str:
        """What tells two wishes under one key apart. Kept of a masked one alone: it is without a key.

        A release that masks more gives another: sent again after such an upgrade, the key is called used.
        """
        said = json.dumps([self.no, self.move.value, dict(self.values)], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Made:
    """What came of a wish; `repeated`: it had been granted before, and was not done again."""

    no: str
    version: int
    move: Move
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What somebody did to the ticket in the meantime."""

    at: datetime
    label: str
    by: str


class Conflict(TriageError):
    """别人刚刚动过这张工单。"""

    code: ClassVar[str] = "version_conflict"
    status: ClassVar[int] = 409

    def __init__(self, changes: Sequence[Change], version: int) -> None:
        """Say what changed, by whom and when."""
        told = "；".join(f"{local(c.at):%H:%M} {c.by}：{c.label}" for c in changes) or "有更新"
        super().__init__(f"您打开之后，这张工单又有变化：{told}。填写的内容还在，请核对后再提交。")
        self.changes = tuple(changes)
        self.version = version


class KeyReused(TriageError):
    """同一个提交编号用在了不同的内容上，请刷新页面再提交。"""

    code: ClassVar[str] = "key_reused"
    status: ClassVar[int] = 409


async def make(
    session: AsyncSession, tables: Tables, viewer: Viewer, person: Person, wish: Wish, *, now: datetime
) -> Made:
    """Make one move. Raises PostNotYours, NotFound, Conflict, KeyReused, Refusal, NoRule, BadInput."""
    check_post(viewer, person.actor.post, person.actor.unit)
    if not 0 < len(wish.key) <= _LONGEST_KEY or not wish.key.isprintable():
        raise BadInput(f"提交编号应有 1 到 {_LONGEST_KEY} 个可见字符")
    # Nothing below knows what was typed, but for `typed`: releases before 2026-11-29 kept that.
    typed, wish = wish.digest, replace(wish, values=_masked(wish.values))
    other_no = await _other(session, wish)
    behind = await following.behind(session, wish)
    locked, waiting = await _lock(session, viewer, (wish.no, other_no), behind)
    ticket = locked.get(wish.no)
    if ticket is None and (version := await _made_unseen(session, wish, typed)) is not None:
        return Made(wish.no, version, wish.move, repeated=True)
    if ticket is None or (wish.move is Move.SPLIT and other_no and other_no not in locked):
        raise NotFound("没有这张工单，或您无权查看。")
    if (granted := await _granted(session, ticket.id, wish, typed)) is not None:
        return granted
    if ticket.version != wish.version:
        raise Conflict(await changes_since(session, ticket.id, wish.version), ticket.version)
    standing, events = await stand(session, tables, ticket, now=now, move=wish.move)
    head = locked.get(other_no) if other_no and other_no != wish.no else None
    head_standing, head_events = (None, []) if head is None else await stand(session, tables, head, now=now)
    request = moves.Request(wish.move, wish.values, head_standing)
    actor = replace(person.actor, everywhere=viewer.scope.everything)
    chosen = moves.choose(tables, standing, request, actor, at=now)
    # Only now: who may not make the move at all learns of neither.
    await _apart(session, viewer, ticket, behind, wish.move, now=now)
    limits = dues(tables, chosen.row, standing, chosen.values, at=now)
    event, after = moves.apply(tables, standing, chosen, actor, limits, at=now)
    # For the audit alone: replaying and every page leave them aside. Of a citizen none: whose address stands
    # beside what they did is known, also who reported without a name, and an event is there for good.
    origin = None if person.actor.login == CITIZEN else ledger.origin()
    beside = {"batch": wish.batch, "origin": origin, "mark": wish.mark}
    event = replace(event, data={**event.data, **{k: v for k, v in beside.items() if v is not None}})
    staff_id = await move_rows.staff_of(session, person.actor, person.name, now=now)
    if wish.move is Move.DISPATCH:
        CLERK_DISPATCH.observe(max((now - ticket.opened_at).total_seconds(), 0.0))
    told = following.merged_into(tables, after, head_standing, wish, at=event.at)
    after = reduce(step, told, after)
    # An older ticket's rows are brought to what its first move makes of them.
    before = None if events else standing
    written = [*events, event, *told]
    await move_rows.store(session, tables, ticket, written, after, staff_id=staff_id, before=before)
    happened = events_told.moved(ticket, event, standing, after)
    besides = events_told.supervised_still(happened, event, after)
    await telling.tell(session, tables, [*([] if wish.silent else [happened]), *besides], now=now)
    await noting.note(session, tables, ticket, event, answer=after.answer, now=now)
    if head is not None and head_standing is not None:
        joined = _joined(head_standing, wish, person, at=event.at)
        await move_rows.store(
            session, tables, head, [*head_events, joined], step(head_standing, joined), staff_id=staff_id
        )
        by = None if person is SYSTEM else person.actor.login
        merged = wish.move is Move.MERGE
        await matters.moved(session, ticket.id, head.id, merged=merged, by=by, now=now)
        await passing_on.moved(session, ticket.id, head.id, joined=merged, now=now)
    if standing.settled is not after.settled:
        root = following.answered_by(wish, after, head_standing)
        await following.tell(session, tables, waiting, wish.no, root, move=wish.move, now=now)
    session.add(MoveRequest(
        ticket_id=ticket.id, key=wish.key, digest=wish.digest, version=after.version, at=now
    ))  # fmt: skip
    return Made(wish.no, after.version, wish.move)


async def _apart(
    session: AsyncSession, viewer: Viewer, ticket: Ticket, behind: set[int], move: Move, *, now: datetime
) -> None:
    """What stands against a move and is no event of the ticket: a reward, who rings now. Raises Refusal."""
    await withdrawing.check(session, ticket, move)
    await rung_now.check(session, {ticket.id, *behind}, viewer.login, move, now=now)


async def was_made(session: AsyncSession, no: str, key: str) -> bool:
    """Whether a move of the ticket was made with that key, whatever it said."""
    found = await session.scalar(
        sa.select(MoveRequest.key)
        .join(Ticket, Ticket.id == MoveRequest.ticket_id)
        .where(Ticket.no == no, MoveRequest.key == key)
    )
    return found is not None


async def _granted(session: AsyncSession, ticket_id: int, wish: Wish, typed: str) -> Made | None:
    """What came of the wish when it was sent before; None: it was not. Raises KeyReused."""
    granted = await session.get(MoveRequest, (ticket_id, wish.key))
    if granted is None:
        return None
    if granted.digest not in {wish.digest, typed}:
        raise KeyReused
    return Made(wish.no, granted.version, wish.move, repeated=True)


async def _lock(
    session: AsyncSession, viewer: Viewer, numbers: Sequence[str | None], behind: set[int]
) -> tuple[dict[str, Ticket], list[Ticket]]:
    """The tickets of these numbers by number, and those behind, whoever may see them.

    Locked in one order: clerks who merge crosswise do not wait for each other.
    """
    mine = sa.and_(Ticket.no.in_([no for no in numbers if no]), may_see(viewer))
    rows = await session.scalars(
        sa.select(Ticket)
        .where(sa.or_(mine, Ticket.id.in_(behind)) if behind else mine)
        .order_by(Ticket.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    tickets = list(rows)
    return (
        {ticket.no: ticket for ticket in tickets if ticket.id not in behind},
        [ticket for ticket in tickets if ticket.id in behind],
    )


async def changes_since(session: AsyncSession, ticket_id: int, version: int) -> list[Change]:
    """What was done after that version, newest last."""
    rows = await session.execute(
        sa.select(TicketEvent.at, TicketEvent.tag, TicketEvent.data, sa.func.coalesce(Staff.name, "系统"))
        .outerjoin(Staff, Staff.id == TicketEvent.staff_id)
        .where(TicketEvent.ticket_id == ticket_id)
        .order_by(TicketEvent.seq.desc())
        .limit(_MOST_CHANGES)
    )
    known = {tag.value: tag.label for tag in Tag}
    found = [
        Change(at, known.get(tag, tag), name)
        for at, tag, data, name in rows
        if data.get("version", 0) > version
    ]
    return found[::-1]


async def _made_unseen(session: AsyncSession, wish: Wish, typed: str) -> int | None:
    """The version that this very wish made of a ticket that is out of its sender's sight since.

    Who sends the same key with the same content made it: the answer is what it was, and tells no more.
    """
    version: int | None = await session.scalar(
        sa.select(MoveRequest.version)
        .join(Ticket, Ticket.id == MoveRequest.ticket_id)
        .where(
            Ticket.no == wish.no,
            MoveRequest.key == wish.key,
            MoveRequest.digest.in_((wish.digest, typed)),
        )
    )
    return version


async def _other(session: AsyncSession, wish: Wish) -> str | None:
    """The ticket on the other side: that to be merged into, or the one that a merge led into."""
    if wish.move is Move.MERGE:
        return wish.values.get(Field.OTHER_TICKET)
    if wish.move is not Move.SPLIT:
        return None
    last: dict[str, Any] | None = await session.scalar(
        sa.select(TicketEvent.data)
        .join(Ticket, Ticket.id == TicketEvent.ticket_id)
        .where(Ticket.no == wish.no, TicketEvent.tag == Tag.MERGE.value)
        .order_by(TicketEvent.seq.desc())
        .limit(1)
    )
    return last["values"].get(Field.OTHER_TICKET) if last else None


async def heads_of(
    session: AsyncSession, move: Move, ticket_ids: Sequence[int], values: Mapping[str, Any]
) -> list[str]:
    """The tickets on the other side of many moves, by number: to be locked together with them."""
    if move is Move.MERGE:
        return [str(values.get(Field.OTHER_TICKET.value, ""))]
    if move is not Move.SPLIT:
        return []
    rows = await session.scalars(
        sa.select(TicketEvent.data).where(
            TicketEvent.ticket_id.in_(ticket_ids), TicketEvent.tag == Tag.MERGE.value
        )
    )
    return sorted({str(data["values"].get(Field.OTHER_TICKET.value, "")) for data in rows})


def _joined(head: Standing, wish: Wish, person: Person, *, at: datetime) -> Event:
    """The other ticket's side of a merge: one more citizen waits for it, or, after a split, one less."""
    tag, told = (Tag.JOINED, "joined") if wish.move is Move.MERGE else (Tag.LEFT, "left")
    data = {told: wish.no, "version": head.version + 1}
    return Event(head.seq + 1, max(at, head.last_at), tag.value, person.actor.login, data)


def _masked(values: Mapping[str, Any]) -> dict[str, Any]:
    """What people typed freely, without phones and ID numbers: the record is read by many."""
    free = {field.value for field in FREE}
    return {
        name: mask_identity(value) if name in free and isinstance(value, str) else value
        for name, value in values.items()
    }
