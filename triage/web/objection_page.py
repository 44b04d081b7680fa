"""退单分析: the page of catalogue rows that lose objections, by month."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from models.sums import sums_only, told_none
from triage.services import objections
from triage.web.desk import render
from triage.web.keys import DEPS, VIEWER
from triage.web.words import length

if TYPE_CHECKING:
    from aiohttp import web

    from triage.services.objections import Report


@dataclass(frozen=True, slots=True)
class ObjectionPage:
    """Everything the template shows."""

    report: Report
    before: str
    after: str | None
    longest: str | None
    told: bool
    """False: they see no case and no sums, so that a nought would be false."""
    sums: bool


async def page(request: web.Request) -> web.Response:
    """The report of a month, this one when none is asked for. Raises BadInput."""
    deps = request.app[DEPS]
    this = objections.month_of(deps.clock.now())
    month = request.query.get("month") or this
    first, after = objections.edges(month)
    async with deps.db.reads() as session:
        found = await objections.report(session, deps.tables, request[VIEWER], month)
    longest = found.longest_ruling
    return render(
        request,
        "desk/objections.html",
        page=ObjectionPage(
            report=found,
            before=objections.month_of(first - timedelta(days=1)),
            after=objections.month_of(after) if month < this else None,
            longest=length(longest) if longest is not None else None,
            told=not told_none(request[VIEWER]),
            sums=sums_only(request[VIEWER]),
        ),
    )
