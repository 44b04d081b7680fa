"""交接班: what the last shift left, 接班 with one press, a note for the next; beside it what is open anyway.

The figures are those of the lists they lead to, counted by the same questions, so nobody counts by hand.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from aiohttp import hdrs, web

from models import counting
from models.filters import TicketFilter, View
from models.lines import Count
from models.queries import Ask
from models.vocab import State
from models.vocab_staff import Permission
from triage.clock import show
from triage.errors import BadInput, NotFound, TriageError
from triage.services import moving, shift_notes
from triage.services.incidents import showing
from triage.services.remarks import TooLate
from triage.services.shift_notes import LONGEST, AlreadyRelieved, Done, Note, NotYourNote, Wish
from triage.web import access, asking, guard, listing, present
from triage.web.asking import Asked
from triage.web.desk import MAY_CALLERS, render
from triage.web.desks.live import BOARD
from triage.web.keys import CACHES, DEPS, VIEWER
from triage.web.remark_box import DESK
from triage.web.remark_box import lasts as lasts_of
from triage.web.words import counted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.web.views import Term

PAGE: Final = "/desk/handover"
#: What was relieved stands below for so long.
SHOWN: Final = timedelta(days=14)
_SEE_OTHER: Final = 303
_DONE: Final = {
    "written": "已交班：下一班打开这一页就看到。",
    "back": "已撤回：文字和工单编号删掉了，留一行“已撤回”。",
    "relieved": "已接班。",
    "undone": "已撤销接班：这一条又在等人接。",
}
_TAKEN_BEFORE: Final = "先前提交的那次已经记下，这次改过的没有记：请看上面，需要时再写一条。"


@dataclass(frozen=True, slots=True)
class Figure:
    """How many of something are open, and the page that lists them."""

    label: str
    words: str
    address: str


@dataclass(frozen=True, slots=True)
class NoteView:
    """A note; `states`: of each of its tickets, in words."""

    note: Note
    states: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class HandoverPage:
    """Everything the page shows."""

    whose: str
    waiting: tuple[NoteView, ...]
    over: tuple[NoteView, ...]
    full: int
    """How many of each are shown at most."""
    figures: tuple[Figure, ...]
    text: str = field(repr=False)
    numbers: str
    key: str
    longest: int
    days: int
    fault: tuple[str, str] | None
    """Of which field, and what."""
    notice: str | None
    done: str | None
    as_of: str


@dataclass(frozen=True, slots=True)
class _Typed:
    text: str = field(default="", repr=False)
    numbers: str = ""
    error: TriageError | None = None
    words: str = ""


async def page(request: web.Request) -> web.Response:
    """GET /desk/handover. Raises NoDesk, BadInput."""
    asking.refuse_others(request.query, ("done",))
    return await _page(request, _Typed())


async def written(request: web.Request) -> web.Response:
    """POST /desk/handover: a note for the next shift, or the form again with what is wrong. Raises NoDesk."""
    form = await request.post()
    text, numbers = str(form.get("text", "")), str(form.get("numbers", ""))
    wish = Wish(text, numbers, str(form.get("key", "")))
    deps = request.app[DEPS]
    try:
        async with deps.db.writes.begin() as session:
            await shift_notes.write(session, request[VIEWER], wish, now=deps.clock.now())
    except moving.KeyReused as error:
        return await _page(request, _Typed(text, numbers, error, _TAKEN_BEFORE))
    except BadInput as error:
        return await _page(request, _Typed(text, numbers, error, error.detail))
    return _back(request, "written")


async def relieved(request: web.Request) -> web.Response:
    """POST …/{note}/relieve: 接班. Raises NotFound, NoDesk."""

    async def do(session: AsyncSession, note: int) -> Done:
        return await shift_notes.relieve(session, request[VIEWER], note, now=request.app[DEPS].clock.now())

    return await _pressed(request, "relieved", do)


async def undone(request: web.Request) -> web.Response:
    """POST …/{note}/undo: 撤销接班. Raises NotFound, NoDesk."""

    async def do(session: AsyncSession, note: int) -> Done:
        now = request.app[DEPS].clock.now()
        return await shift_notes.undo(session, request[VIEWER], note, lasts=lasts_of(request), now=now)

    return await _pressed(request, "undone", do)


async def taken_back(request: web.Request) -> web.Response:
    """POST …/{note}/take-back: 撤回. Raises NotFound, NoDesk."""

    async def do(session: AsyncSession, note: int) -> Done:
        now = request.app[DEPS].clock.now()
        return await shift_notes.take_back(session, request[VIEWER], note, lasts=lasts_of(request), now=now)

    return await _pressed(request, "back", do)


async def _pressed(
    request: web.Request, done: str, do: Callable[[AsyncSession, int], Awaitable[Done]]
) -> web.Response:
    number = asking.number_of(request.match_info["note"])
    if number is None:
        raise NotFound("没有这条交班，或不是您这一班的。")
    try:
        async with request.app[DEPS].db.writes.begin() as session:
            await do(session, number)
    except (AlreadyRelieved, NotYourNote, TooLate) as error:
        return await _page(request, _Typed(error=error))
    return _back(request, done)


def _back(request: web.Request, done: str) -> web.Response:
    request.app[BOARD].tell()
    return web.Response(status=_SEE_OTHER, headers={hdrs.LOCATION: f"{PAGE}?done={done}"})


async def _page(request: web.Request, typed: _Typed) -> web.Response:
    deps, viewer = request.app[DEPS], request[VIEWER]
    now, token, error = deps.clock.now(), guard.token_of(request), typed.error
    async with deps.db.reads() as session:
        standing, over = await shift_notes.notes(
            session, viewer, since=now - SHOWN, lasts=lasts_of(request), now=now
        )
    unit = deps.tables.units.get(shift_notes.desk_of(viewer) or "")
    at_field = error is not None and bool(typed.words)
    field_name = "numbers" if typed.words.startswith("工单编号") else "text"
    shown = HandoverPage(
        whose=unit.name if unit else DESK,
        waiting=tuple(map(_view, standing)), over=tuple(map(_view, over)), full=shift_notes.MOST,
        figures=await _figures(request),
        text=typed.text[: 2 * LONGEST], numbers=typed.numbers[: 2 * LONGEST], key=uuid.uuid4().hex,
        longest=LONGEST, days=SHOWN.days,
        fault=(field_name, typed.words) if at_field else None,
        notice=error.detail if error is not None and not at_field else None,
        done=None if error else _DONE.get(request.query.get("done", "")),
        as_of=show(now),
    )  # fmt: skip
    response = render(request, "desks/handover.html", status=error.status if error else 200, page=shown)
    guard.keep(response, token)
    return response


def _view(note: Note) -> NoteView:
    return NoteView(note, tuple(present.term(State, one.state) for one in note.tickets))


async def _figures(request: web.Request) -> tuple[Figure, ...]:
    """What is open anyway, of what the viewer may open; each as old as a list's count at most."""
    viewer, intake = request[VIEWER], request[VIEWER].may(Permission.INTAKE)
    decides = bool(listing.decides_of(request))
    lists = (
        *((("待我审批", TicketFilter(view=View.DECIDE)),) if decides else ()),
        ("待审批", TicketFilter(view=View.ASKED)),
        ("待回访", TicketFilter(view=View.FEEDBACK)),
        ("督办中", TicketFilter(supervised=True)),
    )
    (bar, live), counts = await asyncio.gather(
        asyncio.gather(listing.load_today(request), _incidents(request)),
        asyncio.gather(*(_count(request, one) for _, one in lists)),
    )
    found = [
        *((Figure("待审核", counted(bar.review), "/desk/review"),) if intake else ()),
        Figure("异议审核", counted(bar.objected), _address(TicketFilter(view=View.OBJECTED))),
        Figure("待改派", counted(bar.to_reassign), _address(TicketFilter(view=View.TO_REASSIGN))),
        *((Figure("处理失败", counted(bar.dead), "/desk/dead"),) if intake else ()),
        Figure("突发事件", counted(live), "/desk/incidents"),
        *(
            Figure(label, counted(count) if count else "打开看", _address(one))
            for (label, one), count in zip(lists, counts, strict=True)
        ),
    ]
    return tuple(found) if viewer.may(Permission.SEE_CASES) else ()


def _address(filters: TicketFilter) -> str:
    return Asked(filters).address("/desk")


async def _count(request: web.Request, filters: TicketFilter) -> Count | None:
    """As a list's own count, from the same cache; None: it takes too long, the list itself tells."""
    deps, caches = request.app[DEPS], request.app[CACHES]
    ask = Ask(
        request[VIEWER], filters, asking.day_of(deps.clock.now()), decides=listing.decides_of(request)
    )  # fmt: skip

    async def make() -> Count:
        async with deps.db.reads() as session:
            return await counting.count_tickets(session, ask)

    try:
        async with asyncio.timeout(caches.count_patience):
            return await caches.counts.get((ask.viewer, ask.filters, ask.decides), make)
    except TimeoutError:
        return None


async def _incidents(request: web.Request) -> Count:
    async with request.app[DEPS].db.reads() as session:
        found = await showing.listed(session, request[VIEWER], showing.TABS["live"][1])
    return Count(min(len(found), showing.PER_PAGE), more=len(found) > showing.PER_PAGE)


ROUTES: Final = (
    access.get(PAGE, page, needs=MAY_CALLERS),
    access.post(PAGE, written, needs=MAY_CALLERS),
    access.post(f"{PAGE}/{{note}}/relieve", relieved, needs=MAY_CALLERS),
    access.post(f"{PAGE}/{{note}}/undo", undone, needs=MAY_CALLERS),
    access.post(f"{PAGE}/{{note}}/take-back", taken_back, needs=MAY_CALLERS),
)
