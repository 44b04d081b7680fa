"""点选词典: what was learned from picks and what not yet, page by page; 撤销 is the whole city's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from aiohttp import hdrs, web

from models import site_places
from models.vocab_staff import Permission
from nlp.place_answer import full_name
from triage.errors import BadInput, NotFound
from triage.services import site_places as service
from triage.web import access, guard
from triage.web.asking import number_of, refuse_others
from triage.web.desk import render
from triage.web.keys import DEPS, VIEWER
from triage.web.place_picking import GROUND

if TYPE_CHECKING:
    from datetime import datetime

    from models.site_places import Listed
    from nlp.gazetteer import Place

PATH: Final = "/desk/places"
#: Lines of a page.
LISTED: Final = 200
_MOST_PAGES: Final = 10_000
_SEE_OTHER: Final = 303


@dataclass(frozen=True, slots=True)
class SiteRow:
    """A line of the dictionary as its page shows it."""

    id: int
    phrase: str
    place: str
    picks: int
    always: bool
    by: str
    at: datetime
    standing: str
    tone: str
    revocable: bool


@dataclass(frozen=True, slots=True)
class SitesPage:
    """点选词典."""

    rows: tuple[SiteRow, ...]
    needed: int
    number: int
    earlier: str | None
    later: str | None
    decides: bool
    field: str
    token: str
    done: bool
    as_of: datetime


async def sites(request: web.Request) -> web.Response:
    """A page of it, what was picked last first. Raises BadInput, NotFound."""
    refuse_others(request.query, ("done", "page"))
    deps, number = request.app[DEPS], _page(request.query.get("page"))
    atlas = await request.app[GROUND].atlas()
    async with deps.db.reads() as session:
        found = await site_places.listed(session, limit=LISTED + 1, offset=(number - 1) * LISTED)
    if number > 1 and not found:
        raise NotFound("点选词典没有这一页。")
    needed, decides = deps.settings.place_picks, service.decides(request[VIEWER])
    page = SitesPage(
        rows=tuple(_row(one, atlas.gazetteer.places, needed, decides=decides) for one in found[:LISTED]),
        needed=needed,
        number=number,
        earlier=_address(number - 1) if number > 1 else None,
        later=_address(number + 1) if len(found) > LISTED else None,
        decides=decides,
        field=guard.FIELD,
        token=guard.token_of(request),
        done=request.query.get("done") == "1",
        as_of=deps.clock.now(),
    )
    return render(request, "desk/sites.html", page=page)


def _row(one: Listed, places: dict[str, Place], needed: int, *, decides: bool) -> SiteRow:
    row, stand = one.row, service.standing(one, needed=needed)
    return SiteRow(
        id=row.id,
        phrase=row.phrase,
        place=full_name(places, row.code) if row.code in places else row.code,
        picks=row.picks,
        always=row.always,
        by=row.picked_by,
        at=row.picked_at,
        standing=stand.value,
        tone=stand.name.lower(),
        revocable=decides and row.revoked_at is None,
    )


def _page(written: object) -> int:
    """The number of a page, 1 where none is said. Raises BadInput."""
    found = 1 if written is None else number_of(written, most=_MOST_PAGES)
    if not found:
        raise BadInput(f"参数 page 应是 1 到 {_MOST_PAGES} 的整数")
    return found


def _address(page: int, **more: str) -> str:
    query = {**more, **({"page": str(page)} if page > 1 else {})}
    return f"{PATH}?{urlencode(query)}" if query else PATH


async def revoke(request: web.Request) -> web.Response:
    """撤销 one line; leads back to the page. Raises BadInput, NotFound, CitysOwn."""
    form = await request.post()
    number = form.get("id")
    if not isinstance(number, str) or not (number.isascii() and number.isdigit() and len(number) < 19):  # noqa: PLR2004
        raise BadInput("请在页面上选择要撤销的一条。")
    page, deps = _page(form.get("page")), request.app[DEPS]
    async with deps.db.writes.begin() as session:
        await service.revoke(session, request[VIEWER], int(number), at=deps.clock.now())
    return web.Response(status=_SEE_OTHER, headers={hdrs.LOCATION: _address(page, done="1")})


ROUTES: Final = (
    access.get(PATH, sites, needs=Permission.CORRECT),
    access.post(f"{PATH}/revoke", revoke, needs=Permission.CORRECT),
)
