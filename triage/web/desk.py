"""The desk's list and its refreshed part. One ticket's page: `ticket_page`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from models.filters import DueWindow, TicketFilter, View
from models.finding import Search
from models.lines import PAGE_LIMIT, Count
from models.queries import TicketPage
from models.vocab_staff import Permission
from models.waiting import TO_ANSWER
from triage.clock import show
from triage.services.identities.showing import shown_text
from triage.web import access, asking, filter_form, guard, listing, navigation, present, sizes
from triage.web.asking import Asked
from triage.web.keys import DEPS, NAMES, TEMPLATES, VIEWER
from triage.web.listing import Listing
from triage.web.narrowing import FilterFault
from triage.web.words import Piece, counted, cut, find, snippet

if TYPE_CHECKING:
    from models.counting import Today
    from models.filters import Day
    from models.lines import TicketRow
    from models.waiting import Waiting
    from triage.web.filter_form import FilterForm
    from triage.web.narrowing import Faults
    from triage.web.views import Due, TicketItem

#: The list as a file (`list_export`): analysts export figures and see no case.
MAY_EXPORT: Final = access.every(Permission.SEE_CASES, Permission.EXPORT)
#: 来电查件 (`callers`): who has callers on the line.
MAY_CALLERS: Final = (Permission.INTAKE, Permission.FOLLOW_UP)
EXPORTS: Final = (("Excel", "xlsx"), ("CSV", "csv"))


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the list with what the search found marked in it."""

    item: TicketItem
    title: tuple[Piece, ...]
    snippet: tuple[Piece, ...]
    waits: tuple[Waiting, ...]
    """待审批: what waits on it; only where the list is one of these."""
    answer: Due | None
    """办理时限, where it does and the unit's answer is still to come."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure of the summary bar and the list it stands for."""

    label: str
    words: str
    address: str
    tone: str
    current: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class ListPage:
    """Everything the list's template shows."""

    lines: tuple[Line, ...]
    count: str
    waiting: str | None
    dead: str | None
    may_retry: bool
    may_bulk: bool
    may_callers: bool
    """来电查件 is offered."""
    searched: bool
    short: bool
    by_number: bool
    everywhere: str | None
    first: str | None
    before: str | None
    after: str | None
    refresh: str
    address: str
    as_of: str
    tiles: tuple[Tile, ...]
    form: FilterForm
    order: str
    selection: tuple[tuple[str, str], ...]
    exports: tuple[tuple[str, str], ...]
    """Files of the whole filter and where they are; none for who may not export."""


#: To what a unit is judged by (`own`), from where its people begin.
_OWN: Final = Tile("本单位数据", "本月", "/desk/own", "plain", current=False)


async def home(request: web.Request) -> web.Response:
    """Lead to where the person's work begins; to their own account when there is nothing for them."""
    place = navigation.begins(request[VIEWER]) or "/me"
    return web.Response(status=302, headers={"Location": place})


async def tickets(request: web.Request) -> web.Response:
    """工单列表."""
    return await _shown(request, "desk/list.html")


async def tickets_part(request: web.Request) -> web.Response:
    """The list without the page around it: what a refresh or a filter changes."""
    return await _shown(request, "desk/part.html")


async def _shown(request: web.Request, template: str) -> web.Response:
    """The list; where a field of its filter is wrong, the form as it was sent and no list of another one."""
    try:
        return render(request, template, page=await _list_page(request))
    except FilterFault as fault:
        nothing = Listing(
            TicketPage((), None, None), Count(0, more=False), asking.day_of(request.app[DEPS].clock.now()), {}
        )
        bars = await _bars(request)
        page = _page(request, fault.asked, nothing, bars, fault.faults)
        return render(request, template, status=fault.status, page=page)


def around(request: web.Request, token: str) -> dict[str, Any]:
    """What every page has around it: the sections, who is signed in, the type size, its forms' token."""
    return {
        **navigation.around(request),
        "large": sizes.large(request),
        "keys_off": sizes.keys_off(request),
        "lasting": sizes.lasting(request),
        "page_token": token,
        "page_path": sizes.way_back(request),
    }


def render(
    request: web.Request,
    template: str,
    *,
    status: int = 200,
    **values: Any,  # noqa: ANN401  (a page's view)
) -> web.Response:
    """A page from its template, in the type size that was chosen for this browser."""
    token = guard.token_of(request)
    text = request.app[TEMPLATES].get_template(template).render(**{**around(request, token), **values})
    response = web.Response(text=text, status=status, content_type="text/html")
    guard.keep(response, token)
    return response


async def _list_page(request: web.Request) -> ListPage:
    asked = asking.read(request.query, request.app[NAMES])
    found, bars = await asyncio.gather(listing.load(request, asked), _bars(request))
    return _page(request, asked, found, bars, {})


async def _bars(request: web.Request) -> tuple[Today, listing.Mine | None, Count | None]:
    """What the tiles tell: the summary bar, 我经办的, 交接班."""
    return await asyncio.gather(
        listing.load_today(request), listing.load_mine(request), listing.load_shift(request)
    )


def _page(
    request: web.Request,
    asked: Asked,
    found: Listing,
    bars: tuple[Today, listing.Mine | None, Count | None],
    faults: Faults,
) -> ListPage:
    bar, mine, shift = bars
    search = Search.parse(asked.filters.query)
    phrases = search.phrases if search else ()
    first = asked.after is not None or asked.before is not None
    return ListPage(
        lines=tuple(_line(request, row, found, phrases) for row in found.page.rows),
        count=counted(found.total),
        waiting=counted(bar.waiting) if bar.waiting.value else None,
        searched=bool(asked.filters.query),
        short=found.page.short,
        by_number=found.page.by_number,
        everywhere=_everywhere(asked.filters),
        first=asked.address("/desk") if first else None,
        before=_neighbour(asked, before=found.page.before.encode() if found.page.before else None),
        after=_neighbour(asked, after=found.page.after.encode() if found.page.after else None),
        refresh=_as_sent(request) if faults else _here(asked, "/desk/list"),
        address=_here(asked, "/desk"),
        as_of=show(found.day.now),
        dead=counted(bar.dead) if bar.dead.value else None,
        may_retry=request[VIEWER].may(Permission.INTAKE),
        may_bulk=request[VIEWER].may(Permission.BULK),
        may_callers=request[VIEWER].may(*MAY_CALLERS),
        tiles=(
            *_tiles(bar, asked.filters, found.day, decides=bool(listing.decides_of(request)), mine=mine),
            # Not of the list: what the last shift left (交接班), of whoever has such a desk.
            *(
                (Tile("交接班待接", counted(shift), "/desk/handover", "plain", current=False),)
                if shift
                else ()
            ),
            *((_OWN,) if navigation.has_own(request[VIEWER]) else ()),
        ),
        form=filter_form.form(request, asked.filters, faults, may_mine=listing.may_keep(request[VIEWER])),
        selection=tuple(replace(asked, limit=PAGE_LIMIT).parameters().items()),
        exports=tuple(
            (label, replace(asked, limit=PAGE_LIMIT).address(f"/desk/list.{kind}"))
            for label, kind in EXPORTS
            if MAY_EXPORT.met_by(request[VIEWER]) and not faults
        ),
        order=_order(asked.filters),
    )


def _as_sent(request: web.Request) -> str:
    """The list of the filter that is wrong, not of what is left of it: a refresh says the same again."""
    return f"/desk/list?{request.rel_url.raw_query_string}"


def _here(asked: Asked, path: str) -> str:
    return asked.address(
        path,
        after=asked.after.encode() if asked.after else None,
        before=asked.before.encode() if asked.before else None,
    )


def _everywhere(filters: TicketFilter) -> str | None:
    """Where the same words are searched for in all tickets; None when they just were."""
    whole = TicketFilter(view=View.ALL, query=filters.query)
    return Asked(whole).address("/desk") if filters.query and filters != whole else None


def _neighbour(asked: Asked, **cursor: str | None) -> str | None:
    return asked.address("/desk", **cursor) if any(cursor.values()) else None


def _line(request: web.Request, row: TicketRow, found: Listing, phrases: tuple[str, ...]) -> Line:
    item = present.item(row, request.app[NAMES], found.day)
    return Line(
        item=item,
        title=cut(item.title, find(item.title, phrases)),
        snippet=snippet(shown_text(None, "\n".join(t for t in (row.text, row.address) if t)), phrases)
        if phrases
        else (),
        waits=found.waiting.get(row.id, ()),
        answer=present.due(row.answer_by, None, found.day) if row.state in TO_ANSWER else None,
    )


def _order(filters: TicketFilter) -> str:
    if filters.waiting:
        return "按办理时限，最紧的在前；已经反馈的在后"
    if filters.by_received:
        return "按来源时间，最新的在前"
    return "按到期时间，最紧的在前" if filters.by_due else "按收到次序，最新的在前"


def _tiles(
    bar: Today, filters: TicketFilter, day: Day, *, decides: bool, mine: listing.Mine | None
) -> tuple[Tile, ...]:
    # A number begins with its day: searching for that is the list of what the tile counts.
    of_today = TicketFilter(view=View.ALL, query=f"{day.starts:%Y%m%d}")
    wanted = (
        ("待审核", bar.review, TicketFilter(view=View.REVIEW), "review"),
        (View.OBJECTED.label, bar.objected, TicketFilter(view=View.OBJECTED), "review"),
        (View.TO_REASSIGN.label, bar.to_reassign, TicketFilter(view=View.TO_REASSIGN), "review"),
        # Whoever answers no wish is not told that none waits.
        *(((View.DECIDE.label, bar.to_decide, TicketFilter(view=View.DECIDE), "review"),) if decides else ()),
        *((("我经办的", mine.count, TicketFilter(mine=True), "plain"),) if mine else ()),
        ("今日到期", bar.due_today, TicketFilter(due=DueWindow.TODAY), "today"),
        ("已超期", bar.overdue, TicketFilter(due=DueWindow.OVERDUE), "over"),
        ("今日接收", bar.received, of_today, "plain"),
    )
    new = f"新 {mine.new}" if mine and mine.new else ""
    return tuple(
        Tile(
            label, counted(value), Asked(target).address("/desk"), tone, target == filters,
            new if target.mine else "",
        )
        for label, value, target, tone in wanted
    )  # fmt: skip
