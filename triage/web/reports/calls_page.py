"""吹哨报到与督办: who was called and came, who called, who was to be on the spot; every due time broken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from models.sums import sums_only, told_none
from models.vocab import Move
from triage.clock import show
from triage.services import calling
from triage.services.objections import edges, month_of
from triage.web import asking
from triage.web.desk import render
from triage.web.keys import DEPS, VIEWER
from triage.web.reports.tabs import Tab
from triage.web.words import length

if TYPE_CHECKING:
    from aiohttp import web

    from triage.services.calling import Breach, CallReport

#: Broken due times shown.
MOST: Final = 200


@dataclass(frozen=True, slots=True)
class BreachLine:
    """A due time that was not kept."""

    no: str
    act: str
    unit: str
    due: str
    done: str
    late: str


@dataclass(frozen=True, slots=True)
class CallsPage:
    """Everything the template shows."""

    report: CallReport
    months: tuple[Tab, ...]
    breaches: tuple[BreachLine, ...]
    as_of: str
    told: bool
    """False: they see no case and no sums, so that a nought would be false."""
    sums: bool


async def page(request: web.Request) -> web.Response:
    """GET /desk/calls. Raises BadInput."""
    asking.refuse_others(request.query, ("month",))
    deps = request.app[DEPS]
    now = deps.clock.now()
    this = month_of(now)
    month = request.query.get("month") or this
    first, after = edges(month)
    async with deps.db.reads() as session:
        found = await calling.report(session, deps.tables, request[VIEWER], month, now=now)
    before, following = month_of(first - timedelta(days=1)), month_of(after)
    near = [before, month, *([following] if month < this else [])]
    return render(
        request,
        "desk/calls.html",
        page=CallsPage(
            report=found,
            months=tuple(Tab(one, f"/desk/calls?month={one}", one == month) for one in near),
            breaches=tuple(_line(one) for one in found.breaches[:MOST]),
            as_of=show(now),
            told=not told_none(request[VIEWER]),
            sums=sums_only(request[VIEWER]),
        ),
    )


def _line(one: Breach) -> BreachLine:
    return BreachLine(
        one.no, Move(one.act).label, one.unit, show(one.due), show(one.done) if one.done else "还没有",
        length(one.late),
    )  # fmt: skip
