"""交接班 (shift note): who goes off duty leaves a note for the own desk's next shift; one relieves (接班).

A desk is 12345's own, or a unit that has such people of its own (a district's). Each note goes to the desk of
whoever wrote it and to no other. The tickets it names are those that its writer may see; whoever reads it is
shown those that they may see, and of the others neither number nor count. Nothing of it moves a case.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from models.db import insert_of
from models.filters import may_see
from models.shift_notes import OPEN, ShiftNote, ShiftTicket
from models.tickets import Ticket
from models.units import Staff
from models.vocab import Post
from models.vocab_ledger import LedgerAct, SubjectKind
from nlp.text import mask_identity
from triage.clock import local
from triage.errors import BadInput, NotFound, TriageError
from triage.rules.moves import Actor
from triage.services import ledger, move_rows
from triage.services.citizen.filing import clean
from triage.services.identities.showing import shown_text
from triage.services.moving import KeyReused
from triage.services.remarks import TooLate, check_key, own_desk
from triage.services.ticket_numbers import NUMBER, masked

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime, timedelta

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.viewing import Viewer

LONGEST: Final = 2000
#: Tickets that one note names.
MOST_TICKETS: Final = 200
#: Notes that were not relieved, and those that were, on a page.
MOST: Final = 100
#: Wrong numbers that a refusal names.
_NAMED: Final = 5
_BETWEEN: Final = re.compile(r"[\s,，、;；。]+")
_HIDDEN: Final = "〔您看不到的工单〕"
_OPEN: Final[sa.ColumnElement[bool]] = sa.literal_column(f"({OPEN})", sa.Boolean)


class NoDesk(TriageError):
    """您不在任何一个热线岗位的班上，没有交接班。"""

    code: ClassVar[str] = "no_desk"
    status: ClassVar[int] = 403


class AlreadyRelieved(TriageError):
    """已经有人接班。"""

    code: ClassVar[str] = "already_relieved"
    status: ClassVar[int] = 409


class NotYourNote(TriageError):
    """只能由本人撤回或撤销。"""

    code: ClassVar[str] = "note_not_yours"
    status: ClassVar[int] = 403


@dataclass(frozen=True, slots=True)
class NamedTicket:
    """A ticket of a note as it stands now."""

    no: str
    title: str
    state: str


@dataclass(frozen=True, slots=True)
class Note:
    """A note as somebody reads it. `pieces`: its words, each with the number that it leads to, or None."""

    id: int
    at: datetime
    by: str
    pieces: tuple[tuple[str, str | None], ...] | None
    """None: taken back."""
    tickets: tuple[NamedTicket, ...]
    relieved_at: datetime | None
    relieved_by: str | None
    back_until: datetime | None
    """Whoever reads wrote it, nobody relieved, and it may be taken back until then."""
    undo_until: datetime | None
    """Whoever reads relieved, and may undo that until then."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants written; `numbers` as typed. `key`: sent again it is the same note."""

    text: str
    numbers: str
    key: str


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it. `repeated`: it was so before."""

    id: int
    repeated: bool = False


def desk_of(viewer: Viewer) -> str | None:
    """Whose notes somebody reads and writes; None: 12345's own. Raises NoDesk."""
    if not viewer.scope.shifts:
        raise NoDesk
    return own_desk(viewer, viewer.scope.shifts)


def _of(desk: str | None) -> ColumnElement[bool]:
    return ShiftNote.unit_code.is_(None) if desk is None else ShiftNote.unit_code == desk


async def waiting(session: AsyncSession, viewer: Viewer) -> int:
    """How many notes of the own desk nobody has relieved."""
    if not viewer.scope.shifts:
        return 0
    counted = sa.select(sa.func.count()).select_from(ShiftNote).where(_of(desk_of(viewer)), _OPEN)
    return await session.scalar(counted) or 0


async def notes(
    session: AsyncSession, viewer: Viewer, *, since: datetime, lasts: timedelta, now: datetime
) -> tuple[tuple[Note, ...], tuple[Note, ...]]:
    """What nobody has relieved, however old, and what was over since then; newest first. Three queries."""
    mine = _of(desk_of(viewer))
    relief = aliased(Staff)
    over_at = sa.func.coalesce(ShiftNote.relieved_at, ShiftNote.taken_back_at)
    asked = (
        sa.select(
            ShiftNote.id, ShiftNote.at, ShiftNote.text, ShiftNote.relieved_at, ShiftNote.taken_back_at,
            Staff.name, Staff.login, relief.name.label("relief"), relief.login.label("relief_login"),
        )
        .join(Staff, Staff.id == ShiftNote.by_id)
        .outerjoin(relief, relief.id == ShiftNote.relieved_id)
        .limit(MOST)
    )  # fmt: skip
    newest = asked.where(mine, _OPEN).order_by(ShiftNote.at.desc(), ShiftNote.id.desc())
    # By when it was over, not when it was written: an old one that was relieved just now is among them, and
    # can be undone.
    ended = asked.where(mine, ~_OPEN, over_at >= since).order_by(over_at.desc(), ShiftNote.id.desc())
    standing = (await session.execute(newest)).all()
    over = (await session.execute(ended)).all()
    named: dict[int, list[tuple[NamedTicket, bool]]] = {}
    rows = await session.execute(
        sa.select(ShiftTicket.note_id, Ticket.no, Ticket.title, Ticket.state, may_see(viewer).label("seen"))
        .join(Ticket, Ticket.id == ShiftTicket.ticket_id)
        .where(ShiftTicket.note_id.in_([row.id for row in (*standing, *over)]))
        .order_by(Ticket.no)
    )
    for note_id, no, title, state, seen in rows:
        one = NamedTicket(no, shown_text(None, title), state)
        named.setdefault(note_id, []).append((one, bool(seen)))

    def shown(row: Any) -> Note:  # noqa: ANN401  (a result row: columns by name)
        return _shown(viewer, row, named.get(row.id, ()), lasts=lasts, now=now)

    return tuple(map(shown, standing)), tuple(map(shown, over))


def _shown(
    viewer: Viewer,
    row: Any,  # noqa: ANN401
    named: Iterable[tuple[NamedTicket, bool]],
    *,
    lasts: timedelta,
    now: datetime,
) -> Note:
    named = tuple(named)
    hidden = {one.no for one, seen in named if not seen}
    tickets = tuple(one for one, seen in named if seen)
    gone, taken = row.taken_back_at is not None, row.relieved_at is not None
    words = masked(row.text or "", {one.no for one, _ in named}, lambda words: shown_text(None, words))
    may_back = row.login == viewer.login and not gone and not taken and now <= row.at + lasts
    may_undo = taken and row.relief_login == viewer.login and now <= row.relieved_at + lasts
    return Note(
        id=row.id, at=row.at, by=row.name or row.login,
        pieces=None if gone else _pieces(words, {one.no for one in tickets}, hidden),
        tickets=() if gone else tickets,
        relieved_at=row.relieved_at, relieved_by=(row.relief or row.relief_login) if taken else None,
        back_until=row.at + lasts if may_back else None,
        undo_until=row.relieved_at + lasts if may_undo else None,
    )  # fmt: skip


def _pieces(text: str, seen: Collection[str], hidden: Collection[str]) -> tuple[tuple[str, str | None], ...]:
    """The words cut where they name a ticket of the note; one out of sight is not named."""
    found: list[tuple[str, str | None]] = []
    end = 0
    for match in NUMBER.finditer(text):
        no = match[0]
        if no in seen or no in hidden:
            found += [(text[end : match.start()], None), (no, no) if no in seen else (_HIDDEN, None)]
            end = match.end()
    return tuple(piece for piece in (*found, (text[end:], None)) if piece[0])


def checked(text: str) -> str:
    """The words as they were meant, not masked yet. Raises BadInput."""
    words = clean(text)
    if not words:
        raise BadInput("交班内容：请写内容。")
    if len(words) > LONGEST:
        raise BadInput(f"交班内容：最多 {LONGEST} 个字，现在是 {len(words)} 个字。")
    return words


async def write(session: AsyncSession, viewer: Viewer, wish: Wish, *, now: datetime) -> Done:
    """Leave a note for the next shift. Raises NoDesk, KeyReused, BadInput."""
    desk = desk_of(viewer)
    check_key(wish.key)
    words = checked(wish.text)
    named = await _tickets(session, viewer, wish, words)
    ids, text = set(named.values()), masked(words, named)
    by_id = await _me(session, viewer, now)
    values = {"unit_code": desk, "at": now, "by_id": by_id, "text": text, "key": wish.key}
    made = await session.scalar(
        insert_of(session, ShiftNote)
        .values(**values)
        # Two presses at once: the second waits for the first, and is the same note.
        .on_conflict_do_nothing(index_elements=["by_id", "key"])
        .returning(ShiftNote.id)
    )
    if made is None:
        before = (
            await session.scalars(
                sa.select(ShiftNote).where(ShiftNote.by_id == by_id, ShiftNote.key == wish.key)
            )
        ).one()
        kept = await session.scalars(sa.select(ShiftTicket.ticket_id).where(ShiftTicket.note_id == before.id))
        if before.text != text or set(kept) != ids:
            raise KeyReused
        return Done(before.id, repeated=True)
    if ids:
        await session.execute(
            sa.insert(ShiftTicket), [{"note_id": made, "ticket_id": number} for number in sorted(ids)]
        )
    _tell(session, viewer, made, act=LedgerAct.SHIFT_WRITTEN, desk=desk, now=now)
    return Done(made)


async def take_back(
    session: AsyncSession, viewer: Viewer, note_id: int, *, lasts: timedelta, now: datetime
) -> Done:
    """撤回 one's own that nobody has relieved. Raises NotFound, NotYourNote, AlreadyRelieved, TooLate."""
    note, by, relief = await _locked(session, viewer, note_id)
    if by != viewer.login:
        raise NotYourNote
    if note.taken_back_at is not None:
        return Done(note.id, repeated=True)
    if note.relieved_at is not None:
        raise AlreadyRelieved(_relieved(note.relieved_at, relief, now))
    if now > note.at + lasts:
        raise TooLate
    note.text, note.taken_back_at = None, now
    await session.execute(sa.delete(ShiftTicket).where(ShiftTicket.note_id == note.id))
    _tell(session, viewer, note.id, act=LedgerAct.SHIFT_TAKEN_BACK, desk=note.unit_code, now=now)
    return Done(note.id)


async def relieve(session: AsyncSession, viewer: Viewer, note_id: int, *, now: datetime) -> Done:
    """接班: whoever reads it has what it tells of from now on. Raises NotFound, AlreadyRelieved."""
    note, _, relief = await _locked(session, viewer, note_id)
    if note.taken_back_at is not None:
        raise AlreadyRelieved("这条交班刚刚被撤回，不用接了。")
    if note.relieved_at is not None:
        if relief is not None and relief[1] == viewer.login:
            return Done(note.id, repeated=True)
        raise AlreadyRelieved(_relieved(note.relieved_at, relief, now))
    note.relieved_at, note.relieved_id = now, await _me(session, viewer, now)
    _tell(session, viewer, note.id, act=LedgerAct.SHIFT_RELIEVED, desk=note.unit_code, now=now)
    return Done(note.id)


async def undo(
    session: AsyncSession, viewer: Viewer, note_id: int, *, lasts: timedelta, now: datetime
) -> Done:
    """撤销接班, one's own: it waits for somebody again. Raises NotFound, NotYourNote, TooLate."""
    note, _, relief = await _locked(session, viewer, note_id)
    if note.relieved_at is None:
        return Done(note.id, repeated=True)
    if relief is None or relief[1] != viewer.login:
        raise NotYourNote
    if now > note.relieved_at + lasts:
        raise TooLate("已过可以撤销接班的时间；要请别人接，请另写一条。")
    note.relieved_at = note.relieved_id = None
    _tell(session, viewer, note.id, act=LedgerAct.SHIFT_RELIEF_UNDONE, desk=note.unit_code, now=now)
    return Done(note.id)


async def _tickets(session: AsyncSession, viewer: Viewer, wish: Wish, words: str) -> dict[str, int]:
    """The tickets that a note names, by number: of the field all must be there; of the words those that are.

    Raises BadInput naming what is none.
    """
    # Half-width, however they were copied.
    typed = unicodedata.normalize("NFKC", wish.numbers.replace("\0", ""))
    asked = [part for part in dict.fromkeys(_BETWEEN.split(typed)) if part]
    if len(asked) > MOST_TICKETS:
        raise BadInput(f"工单编号：一次最多 {MOST_TICKETS} 个，现在是 {len(asked)} 个。")
    numbers = {*filter(NUMBER.fullmatch, asked), *NUMBER.findall(words)}
    rows = await session.execute(
        sa.select(Ticket.no, Ticket.id).where(Ticket.no.in_(sorted(numbers)), may_see(viewer))
    )
    known = {row.no: row.id for row in rows}
    wrong = [part for part in asked if part not in known]
    if wrong:
        raise BadInput(_wrong(wrong))
    return known


def _wrong(wrong: Sequence[str]) -> str:
    named = "、".join(mask_identity(part[:40]) for part in wrong[:_NAMED])
    more = f" 等 {len(wrong)} 个" if len(wrong) > _NAMED else ""
    told = f"工单编号：没有这些工单，或您无权查看：{named}{more}。"
    return f"{told}写全编号，如 20261129-000123，几个用空格或逗号分开。"


async def _locked(
    session: AsyncSession, viewer: Viewer, note_id: int
) -> tuple[ShiftNote, str, tuple[str, str] | None]:
    """A note of the own desk, held; who wrote it, and name and login of who relieved. Raises NotFound."""
    note = await session.scalar(
        sa.select(ShiftNote).where(ShiftNote.id == note_id, _of(desk_of(viewer))).with_for_update()
    )
    if note is None:
        raise NotFound("没有这条交班，或不是您这一班的。")
    people = await session.execute(
        sa.select(Staff.id, Staff.name, Staff.login).where(Staff.id.in_([note.by_id, note.relieved_id]))
    )
    found = {number: (name or login, login) for number, name, login in people}
    return note, found[note.by_id][1], found.get(note.relieved_id or 0)


async def _me(session: AsyncSession, viewer: Viewer, now: datetime) -> int:
    actor = Actor(Post.HOTLINE, viewer.unit_code, viewer.login)
    found = await move_rows.staff_of(session, actor, viewer.name, now=now)
    if found is None:
        raise NotFound("没有这个账号。")
    return found


def _relieved(at: datetime, relief: tuple[str, str] | None, now: datetime) -> str:
    moment = local(at)
    when = f"{moment:%H:%M}" if moment.date() == local(now).date() else f"{moment:%m-%d %H:%M}"
    return f"{relief[0] if relief else '同事'}已在 {when} 接班，这次没有改动。"


def _tell(
    session: AsyncSession, viewer: Viewer, note_id: int, *, act: LedgerAct, desk: str | None, now: datetime
) -> None:
    """The ledger has who and when, and never the words."""
    subject = ledger.Subject(SubjectKind.SHIFT, str(note_id))
    ledger.write(session, who=viewer.login, act=act, now=now, subject=subject, detail={"unit": desk})
