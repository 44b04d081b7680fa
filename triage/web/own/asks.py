"""Who asks for which unit and month: a unit of their own, for which they are 承办人 today."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from aiohttp import web

from triage.errors import BadInput, NotFound
from triage.rules.rate_rows import Rate
from triage.services import keeping
from triage.services.own import closed, figures, people
from triage.web import asking
from triage.web.cache import Cache
from triage.web.keys import DEPS, VIEWER
from triage.web.ticket_page import acting_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from models.filters import Viewer
    from triage.services.keeping import Colleague
    from triage.services.own.closed import Closed
    from triage.services.own.figures import OwnFigures, ShortList
    from triage.services.own.judging import Asked
    from triage.services.own.people import Work

_PARAMETERS: Final = ("unit", "month")


@dataclass(frozen=True, slots=True)
class OwnCaches:
    """Figures of a unit and a month a minute, by who sees what; a published version, which never changes."""

    figures: Cache[OwnFigures]
    months: Cache[Closed]


OWN: Final = web.AppKey("own", OwnCaches)


def install(app: web.Application) -> None:
    """Remember figures for this application."""
    app[OWN] = OwnCaches(Cache(seconds=60, size=500), Cache(seconds=3600, size=60))
    app.cleanup_ctx.append(_closing)


async def _closing(app: web.Application) -> AsyncIterator[None]:
    yield
    await app[OWN].figures.close()
    await app[OWN].months.close()


@dataclass(frozen=True, slots=True)
class Own:
    """The question, and the units that whoever asks may choose, each with its people."""

    asked: Asked
    units: Mapping[str, tuple[Colleague, ...]]
    rate: Rate | None

    def address(self, path: str = "/desk/own", **more: str | None) -> str:
        """The same with other parameters."""
        given = {"unit": self.asked.unit if len(self.units) > 1 else None, "month": self.asked.month, **more}
        return f"{path}?{urlencode({name: value for name, value in given.items() if value})}"


async def read(request: web.Request, *, rates: bool = False) -> Own | None:
    """None: they are 承办人 of no unit. Raises BadInput, and NotFound for another's unit."""
    query, deps, viewer = request.query, request.app[DEPS], request[VIEWER]
    asking.refuse_others(query, (*_PARAMETERS, *(("rate",) if rates else ())))
    now = deps.clock.now()
    # First of all whether it is a month at all: the same to everybody.
    figures.asked_of("", query.get("month", ""), now=now)
    rate = query.get("rate", "")
    if rate and rate not in {one.value for one in Rate}:
        raise BadInput(f"参数 rate 只能是：{'、'.join(one.value for one in Rate)}")
    async with deps.db.reads() as session:
        units = await keeping.units_of(session, deps.tables, viewer, viewer.scope.own, now=now)
    wanted = query.get("unit", "")
    if wanted and wanted not in units:
        raise NotFound("没有这个单位，或您不在这个单位承办：本单位数据只给本单位的承办人看。")
    if not units:
        return None
    acting = acting_of(request).unit
    unit = wanted or (acting if acting in units else next(iter(units)))
    return Own(figures.asked_of(unit, query.get("month", ""), now=now), units, Rate(rate) if rate else None)


async def load(request: web.Request, own: Own, viewer: Viewer | None = None) -> OwnFigures:
    """The figures, at most a minute old; as whoever asks sees them, else as `viewer` does."""
    deps, viewer, asked = request.app[DEPS], viewer or request[VIEWER], own.asked
    caches = request.app[OWN]

    async def published(month: str, version: int) -> Closed:
        async def make() -> Closed:
            async with deps.db.reads() as session:
                return await closed.read(session, deps.tables, month, version)

        return await caches.months.get((month, version), make)

    async def make() -> OwnFigures:
        # Never a session within another: as many askers at once as there are connections would each hold one
        # and wait for a second.
        async with deps.db.reads() as session:
            versions = await figures.versions(session, asked)
        known = {month: await published(month, version) for month, version in versions.items()}
        async with deps.db.reads() as session:
            return await figures.load(session, deps.tables, viewer, asked, known)

    return await caches.figures.get((viewer.scope, asked.unit, asked.month), make)


async def of_now(request: web.Request, own: Own, found: OwnFigures) -> tuple[Work, tuple[ShortList, ...]]:
    """What is open at this moment, and the cases of the lists that may be seen at it."""
    deps, asked, viewer = request.app[DEPS], own.asked, request[VIEWER]
    people_of = own.units[asked.unit]
    async with deps.db.reads() as session:
        work = await people.work(session, viewer, asked.unit, people_of, now=asked.now, most=figures.MOST)
        return work, await figures.named(session, viewer, found.short)


def is_ranked(request: web.Request, own: Own) -> bool:
    """Whether there is a ranking of units like this one."""
    return closed.ranked(request.app[DEPS].tables, own.asked.unit)
