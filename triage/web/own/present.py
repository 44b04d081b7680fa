"""From figures to what is shown: names for codes, words for numbers, and where each leads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from models.vocab import State
from triage.clock import local, show
from triage.rules.publishing import tells_place
from triage.rules.rates import percent, shown
from triage.services import months
from triage.services.identities.showing import shown_text
from triage.services.own import figures
from triage.web import communities
from triage.web.keys import DEPS, NAMES, VIEWER
from triage.web.own import asks
from triage.web.own.views import (
    OwnArea,
    OwnCase,
    OwnLine,
    OwnMonthView,
    OwnPerson,
    OwnRate,
    OwnShort,
    OwnView,
    OwnWork,
)
from triage.web.reports.month_page import signed

if TYPE_CHECKING:
    from datetime import datetime

    from aiohttp import web

    from triage.services.own.area import Area, Line
    from triage.services.own.figures import OwnFigures, OwnMonth, ShortList
    from triage.services.own.people import OpenCase, Person, Work
    from triage.web.names import Names
    from triage.web.own.asks import Own

_FULL: Final = 100
_MANY: Final = "这个月件数太多，网页上不逐件核算。"
TOO_MANY: Final = f"{_MANY.removesuffix('。')}；结月发布后看已发布的。"


async def view(
    request: web.Request, own: Own, found: OwnFigures, of_now: tuple[Work, tuple[ShortList, ...]]
) -> OwnView:
    """Everything that is shown of a unit and a month."""
    work, short = of_now
    asked, names = own.asked, request.app[NAMES]
    return OwnView(
        unit=asked.unit,
        name=names.units.get(asked.unit, asked.unit),
        month=asked.month,
        running=asked.now < asked.last,
        as_of=found.as_of,
        months=tuple(month(own, one) for one in found.months),
        place=_place(request, own),
        untold=_untold(found),
        uncounted=_uncounted(found),
        short=tuple(
            OwnShort(
                one.what.value, one.what.label, one.count,
                tuple(
                    OwnCase(case.no, shown_text(None, case.title), _state(case.state), case.why)
                    for case in one.cases
                ),
            )
            for one in short
        ),
        area=await area(own, found.area, names),
        work=_work(request, own, work),
    )  # fmt: skip


def _untold(found: OwnFigures) -> str:
    """Why no rates are told; a published month has them, or had no case."""
    if found.months[0].version is not None or found.whole:
        return ""
    return found.untold or TOO_MANY


def _uncounted(found: OwnFigures) -> str:
    """Of what pulls the figures down, what nobody counted, and why."""
    missing = "、".join(one.what.label for one in found.short if one.count is None)
    return f"没有核算{missing}：{found.untold or _MANY}" if missing else ""


def _place(request: web.Request, own: Own) -> str:
    """Why no place is told; '': it is, where there is one."""
    if not asks.is_ranked(request, own):
        return "每月只给街道乡镇排名，其他单位没有名次。"
    if not tells_place(request.app[DEPS].tables.publishing, local(own.asked.now).date()):
        return "发布口径（publishing.yaml）没有写明街道乡镇可以看自己的名次，所以不列。"
    return ""


def month(own: Own, one: OwnMonth) -> OwnMonthView:
    """A month in words."""
    line, change = one.line, one.change
    changes = dict(change.rates) if change else {}
    return OwnMonthView(
        month=one.month,
        received=one.received.count,
        received_patrol=one.received.patrol,
        received_address=_list(own, one.month),
        version=one.version,
        told=line is not None,
        assessed=line.assessed if line else 0,
        out=line.out if line else 0,
        answered=line.answered if line else 0,
        withdrawn=line.withdrawn if line else 0,
        patrol=line.patrol if line else 0,
        rates=tuple(
            OwnRate(
                rate.value, rate.label, percent(tally.share), tally.points / _FULL, tally.tickets, tally.out,
                signed(changes.get(rate)),
                f"{own.address(month=one.month, rate=rate.value)}#behind",
            )
            for rate, tally in (line.tallies if line else ())
        ),
        composite=shown(line.composite(one.weights.weights) if line and one.weights else None),
        change=signed(change.composite if change else None),
        place=one.place.rank if one.place else None,
        ranked=one.place.of if one.place else None,
        address=own.address(month=one.month),
    )  # fmt: skip


def _list(own: Own, month: str, **more: str | None) -> str:
    """The list of what was received in a month, narrowed as the figure is."""
    first, after = (local(one).date() for one in months.span(month))
    given = {
        "state": "all", "unit": own.asked.unit, "received_from": first.isoformat(),
        "received_to": after.replace(day=1).fromordinal(after.toordinal() - 1).isoformat(), **more,
    }  # fmt: skip
    return f"/desk?{urlencode({name: value for name, value in given.items() if value})}"


async def area(own: Own, found: Area, names: Names) -> OwnArea:
    """Kinds and places by name."""
    codes = {line.community for line in (*found.places, *found.again) if line.community}
    known = await communities.names(sorted(codes))

    def line(one: Line, *, kind: bool, place: bool) -> OwnLine:
        street = names.street(one.street) if one.street else ""
        community = known.get(one.community or "", "")
        # A line of its own beside the street's communities, not the sum of them.
        where = f"{street}{community}" if community else f"{street}（社区不明）"
        what = names.kind(one.kind) if one.kind else "非环境类"
        words = [word for word, wanted in ((where, place), (what, kind)) if wanted and word]
        # No list is narrowed to a community, nor to where none is known; what is not environmental has none.
        address = _list(own, own.asked.month, kind=one.kind) if one.kind and not place else ""
        counts = one.counts
        return OwnLine(" ".join(words), counts.now, counts.before, counts.year, address)

    return OwnArea(
        OwnLine("合计", found.total.now, found.total.before, found.total.year, _list(own, own.asked.month)),
        tuple(line(one, kind=True, place=False) for one in found.kinds),
        tuple(line(one, kind=False, place=True) for one in found.places),
        tuple(line(one, kind=True, place=True) for one in found.again),
    )


def _work(request: web.Request, own: Own, found: Work) -> OwnWork:
    now, login = own.asked.now, request[VIEWER].login
    return OwnWork(
        found.open,
        found.overdue,
        found.soon,
        tuple(_open(case, now) for case in found.pressing),
        tuple(_person(one, login if len(own.units) == 1 else None) for one in found.people),
        tuple(_open(case, now) for case in found.nobodys),
    )


def _person(one: Person, login: str | None) -> OwnPerson:
    """`login`: whose line leads to 我经办的, a list of all their units: of who has several, nobody's."""
    if one.who is None:
        return OwnPerson(None, "没有经办人", one.load.open, one.load.overdue, None)
    mine = "/desk?mine=1" if one.who.login == login else None
    name = one.who.label if one.who.name else one.who.login
    return OwnPerson(one.who.staff_id, name, one.load.open, one.load.overdue, mine)


def _open(case: OpenCase, now: datetime) -> OwnCase:
    why = ""
    if case.due is not None:
        why = f"{'已超期，应在' if case.due < now else ''} {show(case.due)} 前".strip()
    return OwnCase(case.no, shown_text(None, case.title), _state(case.state), why)


def _state(state: str) -> str:
    known: dict[str, Any] = {one.value: one.label for one in State}
    return str(known.get(state, state))


def choices(own: Own) -> tuple[str, ...]:
    """The months of the choice: this one, the twelve before it, and the one that is looked at."""
    found = figures.first_months(own.asked.now, figures.BEFORE + 1)
    return found if own.asked.month in found else (*found, own.asked.month)
