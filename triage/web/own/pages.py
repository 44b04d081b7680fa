"""/desk/own, 本单位数据: for whoever is 承办人 of a unit. The same as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from models.vocab_staff import Permission
from triage.clock import show
from triage.errors import NoRule, NotFound
from triage.services.own import behind
from triage.web import access
from triage.web.desk import render
from triage.web.keys import DEPS, NAMES, VIEWER
from triage.web.moves import as_json
from triage.web.own import asks, files, present
from triage.web.own.views import OwnView
from triage.web.reports.tabs import Tab

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from aiohttp import web

    from triage.services.own.behind import Sort
    from triage.web.own.asks import Own


@dataclass(frozen=True, slots=True)
class BehindView:
    """The cases behind a rate; `fold` leads back."""

    title: str
    sorts: tuple[Sort, ...]
    untold: str
    fold: str


@dataclass(frozen=True, slots=True)
class OwnPage:
    """Everything the template shows."""

    view: OwnView
    units: tuple[Tab, ...]
    months: tuple[Tab, ...]
    unit: str | None
    """For the form: the unit, where there are several."""
    before: Tab | None
    after: Tab | None
    files: tuple[tuple[str, str], ...]
    behind: BehindView | None
    as_of: str
    due: str
    """到期清单 of the unit."""


async def page(request: web.Request) -> web.Response:
    """GET /desk/own. Raises BadInput, NotFound."""
    own = await asks.read(request, rates=True)
    if own is None:
        return render(request, "own/page.html", page=None)
    found = await asks.load(request, own)
    view = await present.view(request, own, found, await asks.of_now(request, own, found))
    names, unit, several = request.app[NAMES], own.asked.unit, len(own.units) > 1
    choices = present.choices(own)
    at = choices.index(own.asked.month)
    shown = OwnPage(
        view=view,
        units=tuple(
            Tab(names.units.get(code, code), own.address(unit=code), code == unit) for code in own.units
        )
        if several
        else (),
        months=tuple(Tab(one, one, one == own.asked.month) for one in choices),
        unit=unit if several else None,
        before=_tab(own, choices[at + 1]) if at + 1 < len(choices) else None,
        after=_tab(own, choices[at - 1]) if at else None,
        files=tuple((label, own.address(f"/desk/own.{kind}")) for label, kind in files.KINDS),
        behind=await _behind(request, own),
        as_of=show(found.as_of),
        due=f"/desk/due?unit={unit}",
    )
    return render(request, "own/page.html", page=shown)


def _tab(own: Own, month: str) -> Tab:
    return Tab(month, own.address(month=month), current=False)


async def _behind(request: web.Request, own: Own) -> BehindView | None:
    """The cases behind the rate that was pressed."""
    if own.rate is None:
        return None
    deps, title = request.app[DEPS], f"{own.asked.month} {own.rate.label}"
    async with deps.db.reads() as session:
        try:
            sorts = await behind.sorts(session, deps.tables, request[VIEWER], own.asked, own.rate)
        except NoRule as missing:
            return BehindView(title, (), missing.detail, own.address())
    return BehindView(title, sorts or (), "" if sorts is not None else present.TOO_MANY, own.address())


async def json(request: web.Request) -> web.Response:
    """GET /api/v1/own. Raises BadInput, NotFound."""
    own = await asks.read(request)
    if own is None:
        raise NotFound("您的角色没有授给哪个单位，没有本单位数据。")
    found = await asks.load(request, own)
    return as_json(await present.view(request, own, found, await asks.of_now(request, own, found)))


def paths(
    answer: Callable[[str, str], dict[str, Any]],
    parameter: Callable[[str, str, dict[str, Any]], dict[str, Any]],
    problems: dict[str, Any],
    missing: dict[str, Any],
) -> dict[str, Any]:
    """The path for the OpenAPI document."""
    return {
        "/api/v1/own": {
            "get": {
                "operationId": "getOwnFigures",
                "summary": "本单位数据：三率、短板、诉求的种类和地点、经办人手上的件；只给本单位的承办人",
                "parameters": [
                    parameter(
                        "unit",
                        "您承办的哪个单位的编码；只有一个时可不写",
                        {"type": "string", "maxLength": 40},
                    ),
                    parameter(
                        "month", "月份；不写为本月", {"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}$"}
                    ),
                ],
                "responses": {"200": answer("OwnView", "这个月，以及之前十二个月"), **problems, **missing},
            }
        }
    }


SCHEMAS: Final = (OwnView,)
#: Figures that lead to cases: whoever has a token for less than both reads neither.
_MAY: Final = access.every(Permission.SEE_CASES, Permission.HANDLE)
ROUTES: Final = (
    access.get("/desk/own", page, needs=_MAY),
    access.file("/desk/own.{kind}", files.exported, needs=_MAY),
    access.get("/api/v1/own", json, needs=_MAY),
)
