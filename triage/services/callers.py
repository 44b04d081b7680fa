"""来电查件: the cases of the phone that somebody calls from, for whoever has the caller on the line.

By the blind index alone: nothing is opened. It tells who complained of what, so it is a look at an identity
(`identities.revealing`): counted with the others, told to the auditor beyond as many, shown only for a case
whose sender the viewer may know, and written to the ledger before it is shown: one entry for the look, one
for each case that it shows. The phone itself stands in none of them, nor anywhere else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from connectors import phones
from connectors.vault import normal_phone
from models.appeals import Appeal, Reading
from models.caller_numbers import called_by
from models.filters import may_see, may_see_unread
from models.outbox import registered_by_hand
from models.tickets import Ticket
from models.units import Unit
from models.vocab import AppealState, Move, State
from models.vocab_ledger import LedgerAct, SubjectKind
from triage.errors import BadInput
from triage.rules.calendar import beijing
from triage.services import following, ledger, limiting
from triage.services.citizen.filing import PHONE
from triage.services.identities import revealing
from triage.services.identities.showing import shown_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.viewing import Viewer
    from triage.rules.rows import Tables
    from triage.services.deps import Deps

#: The newest cases of a phone that are shown.
MOST: Final = 20
#: Nobody writes a number longer than that, however many blanks are in it.
LONGEST: Final = 40
WRONG: Final = "这个电话号码不对：手机是 11 位，座机请带区号，如 010-12345678。"
#: Some sources keep a number of the city without its area code.
_LOCAL: Final = re.compile(r"[2-9]\d{6,7}", re.ASCII)
_AREA: Final = "010"
_OF_HERE: Final = re.compile(r"[2-9]\d{7}", re.ASCII)
#: +86 10 …: an area code that lost its 0 behind the country's.
_ABROAD: Final = re.compile(r"(?:00)?86([1-9]\d{8,10})", re.ASCII)
#: Of a text without a title so much says what it is about.
_BEGINNING: Final = 40
#: What stands in the ledger in place of the number.
_SUBJECT: Final = ledger.Subject(SubjectKind.CALLER, "不记")


@dataclass(frozen=True, slots=True)
class Head:
    """The ticket that a merged one is handled with, if the viewer may see it."""

    no: str
    state: State
    unit_code: str | None
    unit: str | None


@dataclass(frozen=True, slots=True)
class CallerCase:
    """One case of the phone. `no` and `state` None: no ticket yet, and `waits` says how the appeal stands."""

    appeal_id: int
    no: str | None
    title: str = field(repr=False)
    """Masked: the ticket's, or how the appeal begins."""
    kind: str | None
    state: State | None
    waits: AppealState
    over: bool
    """Given up, and registered by hand since."""
    unit_code: str | None
    unit: str | None
    received_at: datetime
    head: Head | None = None
    urge: str | None = None
    """The ticket that a 催办 of this viewer belongs on; None: there is none to be noted."""


@dataclass(frozen=True, slots=True)
class Found:
    """The newest cases of a phone that the viewer may see. `more`: there are more than these."""

    cases: tuple[CallerCase, ...] = ()
    more: bool = False


def spellings(phone: str) -> tuple[str, ...]:
    """The digits under which a typed number may be kept. Raises BadInput for what is no phone."""
    number = whole = normal_phone(phone) if len(phone) <= LONGEST else ""
    parts = phones.besides(phone) if whole else ()
    if len(parts) == 1:
        # With its extension: the rest of it is of the house. What was sealed before 0051 has all its digits.
        return (*dict.fromkeys((*spellings(parts[0]), whole)),)
    if abroad := _ABROAD.fullmatch(number):
        number = f"0{abroad[1]}"
    if not (PHONE.fullmatch(number) or _LOCAL.fullmatch(number)):
        raise BadInput(WRONG)
    local = number.removeprefix(_AREA)
    if _OF_HERE.fullmatch(local):
        # Of the city, written with its area code by some and without by others.
        return (local, *_landline(f"{_AREA}{local}"))
    return _landline(number) if number.startswith("0") else (number,)


def _landline(number: str) -> tuple[str, ...]:
    return (number, f"86{number[1:]}", f"0086{number[1:]}")


async def look(deps: Deps, viewer: Viewer, phone: str, *, besides: int | None = None) -> Found:
    """Look a phone up: counted and written down whatever is found, given when that is done.

    `besides`: an appeal that is left out. Raises BadInput, TooOften; what was too often is written down too.
    """
    return await _look(deps, viewer, phone, besides=besides, always=True)


async def known(
    deps: Deps, viewer: Viewer, phone: str, *, besides: int | None = None, always: bool = False
) -> Found:
    """The cases of the phone of a form that is about to be registered; never in its way.

    Nothing is counted or written down where there is none to show (unless `always`): what is registered then
    stands in the ledger by itself. Whoever looked too often is shown none. `besides`: the appeal that the
    form stands for.
    """
    try:
        return await _look(deps, viewer, phone, besides=besides, always=always, registering=True)
    except (BadInput, limiting.TooOften):
        return Found()


async def _look(
    deps: Deps, viewer: Viewer, phone: str, *, besides: int | None, always: bool, registering: bool = False
) -> Found:
    now, numbers = deps.clock.now(), spellings(phone)
    async with deps.db.reads() as session:
        found = await _find(session, deps, viewer, numbers, besides=besides, now=now)
    if not found.cases and not always:
        return found
    try:
        async with deps.db.writes.begin() as session:
            await _write_down(session, deps, viewer, found, registering=registering, now=now)
    except limiting.TooOften as error:
        async with deps.db.writes.begin() as session:
            ledger.write(
                session, who=viewer.login, act=LedgerAct.REVEAL_REFUSED, now=now, reason=error.detail,
                subject=_SUBJECT, detail={"code": error.code, "registering": registering},
            )  # fmt: skip
        raise
    return found


async def _write_down(
    session: AsyncSession, deps: Deps, viewer: Viewer, found: Found, *, registering: bool, now: datetime
) -> None:
    many = await revealing.count_look(session, deps, viewer, now=now)
    ledger.write(
        session, who=viewer.login, act=LedgerAct.CALLER_LOOKED, now=now, subject=_SUBJECT,
        detail={"found": len(found.cases), "more": found.more, "registering": registering},
    )  # fmt: skip
    for case in found.cases:
        # Whoever found a case by its phone knows that phone: a look at this case like any other.
        subject = ledger.Subject(SubjectKind.APPEAL, str(case.appeal_id), case.no)
        ledger.write(session, who=viewer.login, act=LedgerAct.CALLER_FOUND, now=now, subject=subject)
    if many is not None:
        await revealing.tell_auditor(session, deps, viewer, _SUBJECT, many, now=now)


async def _find(
    session: AsyncSession,
    deps: Deps,
    viewer: Viewer,
    numbers: Sequence[str],
    *,
    besides: int | None,
    now: datetime,
) -> Found:
    seen = sa.or_(
        sa.and_(Ticket.id.is_not(None), may_see(viewer)), sa.and_(Ticket.id.is_(None), may_see_unread(viewer))
    )
    rows = (
        await session.execute(
            sa.select(
                Appeal.id, Appeal.received_at, Appeal.state.label("waits"),
                sa.func.coalesce(Ticket.title, Appeal.title).label("title"),
                sa.func.substr(Appeal.text, 1, _BEGINNING).label("begins"),
                registered_by_hand(Appeal.id).label("over"),
                Ticket.id.label("ticket_id"), Ticket.no, Ticket.state, Ticket.kind, Ticket.unit_code,
                Unit.name.label("unit"),
            )
            .select_from(Appeal)
            .outerjoin(Ticket, Ticket.appeal_id == Appeal.id)
            .outerjoin(Reading, Reading.id == Ticket.reading_id)
            .outerjoin(Unit, Unit.code == Ticket.unit_code)
            .where(
                Appeal.id.in_(called_by([deps.vault.phone_index(number) for number in numbers])),
                Appeal.id != (besides or 0),
                seen,
                await revealing.not_apart(session, viewer),
            )
            .order_by(Appeal.received_at.desc(), Appeal.id.desc())
            .limit(MOST + 1)
        )
    ).all()  # fmt: skip
    shown = rows[:MOST]
    heads = await _heads(session, viewer, {row.ticket_id: row.state for row in shown if row.ticket_id})
    urged = _urged(deps.tables, viewer, now=now)
    return Found(
        tuple(_case(row, heads.get(row.ticket_id), urged) for row in shown), more=len(rows) > len(shown)
    )


async def _heads(session: AsyncSession, viewer: Viewer, states: dict[int, str]) -> dict[int, Head]:
    """The tickets that these stand merged into, those that the viewer may see."""
    tops = await following.tops(session, states)
    into = {one: top for one, (top, _) in tops.items() if top != one}
    if not into:
        return {}
    rows = await session.execute(
        sa.select(Ticket.id, Ticket.no, Ticket.state, Ticket.unit_code, Unit.name)
        .outerjoin(Unit, Unit.code == Ticket.unit_code)
        .where(Ticket.id.in_(set(into.values())), may_see(viewer))
    )
    heads = {row.id: Head(row.no, State(row.state), row.unit_code, row.name) for row in rows}
    return {one: heads[top] for one, top in into.items() if top in heads}


def _urged(tables: Tables, viewer: Viewer, *, now: datetime) -> frozenset[State]:
    """The states in which the viewer may note a 催办."""
    day = beijing(now).date()
    rows = (row for row in tables.moves.rows if row.move is Move.URGE and row.holds(day))
    return frozenset(state for row in rows if not viewer.posts.isdisjoint(row.who) for state in row.sources)


def _case(row: sa.Row[Any], head: Head | None, urged: frozenset[State]) -> CallerCase:
    state = State(row.state) if row.state is not None else None
    stands = head.state if head is not None else state
    no = head.no if head is not None else row.no
    return CallerCase(
        appeal_id=row.id, no=row.no, title=shown_text(None, row.title or row.begins), kind=row.kind,
        state=state, waits=AppealState(row.waits), over=row.over, unit_code=row.unit_code, unit=row.unit,
        received_at=row.received_at, head=head, urge=no if stands in urged else None,
    )  # fmt: skip
