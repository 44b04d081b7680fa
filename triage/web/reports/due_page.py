"""到期清单: the clocks that are over or soon are, for a unit or district, fit for a phone.

Clock by clock, and under each unit by unit. Without a clock each shows its most pressing lines; one clock
shows all of its own, a page at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from models.vocab import Clock, State, Urgency
from triage.clock import local, show
from triage.errors import BadInput
from triage.services import directory, due_lists, supervising
from triage.services.due_lists import Window
from triage.services.identities.showing import shown_text
from triage.web import acting, asking, listing, navigation, present
from triage.web.desk import render
from triage.web.directory import box as duty_box
from triage.web.keys import DEPS, NAMES, VIEWER
from triage.web.reports.tabs import Tab
from triage.web.ticket_page import acting_of
from triage.web.views import Due
from triage.web.words import tone, until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from models.filters import Day
    from triage.rules.rows import UnitRow
    from triage.services.due_lists import DueLine, DueList
    from triage.services.supervising import UnitDue
    from triage.web.directory.box import Ring
    from triage.web.names import Names
    from triage.web.views import Term

_HOURS: Final = (2, 24, 72, 168)
_PARAMETERS: Final = ("unit", "district", "mine", "clock", "hours", "page")
#: Units in the overview.
_MOST_UNITS: Final = 20
#: Lines of each clock while all are shown; lines of a page when one is.
FIRST: Final = 6
PER_PAGE: Final = 40
_MOST_PAGES: Final = 1000


@dataclass(frozen=True, slots=True)
class Line:
    """A clock of a ticket."""

    no: str
    title: str
    unit: str
    urgency: Term
    state: Term
    clock: str
    due: Due
    unsolved: str | None
    what: str
    keeper: str | None
    fresh: bool


@dataclass(frozen=True, slots=True)
class UnitGroup:
    """A unit's lines; `count` are all of them under this clock, here or on other pages."""

    name: str
    count: int
    lines: tuple[Line, ...]
    duty: Ring | None
    """值班电话, else that of its office."""


@dataclass(frozen=True, slots=True)
class ClockGroup:
    """One clock: how many lines, and those shown here. `whole` leads to all when some are not."""

    label: str
    count: int
    units: tuple[UnitGroup, ...]
    whole: str | None


@dataclass(frozen=True, slots=True)
class UnitLine:
    """What a unit has running out, with its own list."""

    name: str
    overdue: int
    soon: int
    address: str | None


@dataclass(frozen=True, slots=True)
class Remind:
    """A unit of the viewer's whose 值班电话 is to be filled in, or (`filled`) to be confirmed again."""

    unit: str
    name: str
    filled: bool


@dataclass(frozen=True, slots=True)
class DuePage:
    """Everything the template shows."""

    whose: str
    hours: tuple[Tab, ...]
    clocks: tuple[Tab, ...]
    kept: Tab | None
    """我经办的; None: they act for no unit."""
    mine: Tab | None
    everyone: Tab
    districts: tuple[Tab, ...]
    groups: tuple[ClockGroup, ...]
    one_unit: bool
    before: str | None
    after: str | None
    place: str | None
    more: bool
    most: int
    units: tuple[UnitLine, ...]
    own: bool
    """本单位数据 is offered."""
    as_of: str
    new: int
    """What a colleague gave to the viewer, unopened: it may end later than the window."""
    remind: tuple[Remind, ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    unit: str | None
    district: str | None
    clock: str | None
    hours: int
    page: int = 1
    mine: bool = False

    def address(self, **more: str | None) -> str:
        given: dict[str, str | None] = {
            "unit": self.unit, "district": self.district, "mine": "1" if self.mine else None,
            "clock": self.clock,
            "hours": str(self.hours) if self.hours != _HOURS[1] else None, **more,
        }  # fmt: skip
        query = urlencode({name: value for name, value in given.items() if value})
        return f"/desk/due?{query}" if query else "/desk/due"


def _read(request: web.Request) -> _Asked:
    query = request.query
    asking.refuse_others(query, _PARAMETERS)
    unit, district, clock = query.get("unit"), query.get("district"), query.get("clock")
    deps = request.app[DEPS]
    tables = deps.tables
    if unit:
        unit = acting.unit_code(tables, unit.strip(), on=local(deps.clock.now()).date())
        if unit not in tables.units:
            raise BadInput("参数 unit 不是单位名录里的单位")
    if district and district not in request.app[NAMES].districts:
        raise BadInput("参数 district 不是区编码")
    known = {one.value for one in Clock} | {due_lists.REPORT_IN, due_lists.DECIDE}
    if clock and clock not in known:
        raise BadInput(f"参数 clock 只能是：{'、'.join(sorted(known))}")
    hours = query.get("hours", "")
    if hours and hours not in {str(one) for one in _HOURS}:
        raise BadInput(f"参数 hours 只能是：{'、'.join(str(one) for one in _HOURS)}")
    number = asking.number_of(query.get("page", "1"), most=_MOST_PAGES - 1)
    if not number:
        raise BadInput("参数 page 应是从 1 起的页码")
    whose = query.get("mine", "")
    if whose not in {"", "0", "1"}:
        raise BadInput("参数 mine 只能是 0 或 1")
    return _Asked(
        unit or None,
        district or None,
        clock or None,
        int(hours) if hours else _HOURS[1],
        number,
        whose == "1",
    )


async def page(request: web.Request) -> web.Response:
    """GET /desk/due. Raises BadInput."""
    asked, deps = _read(request), request.app[DEPS]
    now = deps.clock.now()
    window = Window(asked.unit, asked.district, now, timedelta(hours=asked.hours), asked.mine)
    new = await listing.load_new(request)
    async with deps.db.reads() as session:
        found = await due_lists.due_list(session, deps.tables, request[VIEWER], window, clock=asked.clock)
        units: list[UnitDue] = []
        if not asked.unit and not asked.district and not asked.mine:
            units = await supervising.due_by_unit(session, request[VIEWER], now=now, within=window.within)
        # Nobody rings their own desk.
        codes = {line.unit_code for line in found.lines if line.unit_code} - request[VIEWER].scope.own
        duty = await duty_box.numbers(session, request[VIEWER], codes, now=now)
        remind = await directory.to_remind(session, request[VIEWER], now=now)
    beside = _Beside(units, new, duty, remind)
    return render(request, "desk/due.html", page=_view(request, asked, found, beside))


@dataclass(frozen=True, slots=True)
class _Beside:
    """What the page says beside the lines: units, what is new to the viewer, 值班电话, what of it to do."""

    units: list[UnitDue]
    new: int
    duty: Mapping[str, Ring]
    remind: Mapping[str, bool]


def _view(request: web.Request, asked: _Asked, found: DueList, beside: _Beside) -> DuePage:
    deps, names = request.app[DEPS], request.app[NAMES]
    now = deps.clock.now()
    day = asking.day_of(now)
    who = acting_of(request)
    mine = deps.tables.units.get(who.unit or "")
    counted = sum(count for *_, count in found.counts)
    pages = max(1, -(-len(found.lines) // PER_PAGE)) if asked.clock else 1
    here = min(asked.page, pages)
    everything = "全市" if request[VIEWER].scope.everything else "与我们有关的全部"
    return DuePage(
        whose=_whose(asked, names) or ("我经办的" if asked.mine else everything),
        hours=tuple(
            Tab(_spelled(hours), asked.address(hours=str(hours)), hours == asked.hours) for hours in _HOURS
        ),
        clocks=(
            Tab(f"全部 {counted}", asked.address(clock=None), asked.clock is None),
            *(
                Tab(f"{label} {count}", asked.address(clock=name), asked.clock == name)
                for name, label, count in found.counts
            ),
        ),
        kept=_kept(request, asked),
        mine=_mine(asked, mine) if mine else None,
        everyone=Tab(
            everything, asked.address(unit=None, district=None, mine=None),
            asked.unit is None and asked.district is None and not asked.mine,
        ),
        districts=tuple(
            Tab(name, asked.address(unit=None, district=code, mine=None), asked.district == code)
            for code, name in names.districts.items()
        ),
        groups=_groups(asked, found, day, here, beside.duty),
        one_unit=asked.unit is not None,
        before=asked.address(page=str(here - 1)) if here > 1 else None,
        after=asked.address(page=str(here + 1)) if here < pages else None,
        place=f"第 {here} 页，共 {pages} 页" if pages > 1 else None,
        more=found.more,
        most=due_lists.MOST,
        units=tuple(
            UnitLine(
                one.name, one.overdue, one.soon,
                asked.address(unit=one.unit_code) if one.unit_code else None,
            )
            for one in beside.units[:_MOST_UNITS]
        ),
        own=navigation.has_own(request[VIEWER]),
        as_of=show(now),
        new=beside.new,
        remind=tuple(
            Remind(unit, names.units.get(unit, unit), filled) for unit, filled in beside.remind.items()
        ),
    )  # fmt: skip


def _groups(
    asked: _Asked, found: DueList, day: Day, page: int, duty: Mapping[str, Ring]
) -> tuple[ClockGroup, ...]:
    """The lines clock by clock, unit by unit: the first of each, or a page of the one asked for."""
    groups = []
    for name, label, count in found.counts:
        units = due_lists.by_unit([line for line in found.lines if line.clock == name])
        ordered = [line for unit in units for line in unit.lines]
        if not ordered:
            continue
        if asked.clock:
            shown = ordered[(page - 1) * PER_PAGE : page * PER_PAGE]
        else:
            # The most pressing of all units, not all of the most pressing unit.
            shown = [line for line in found.lines if line.clock == name][:FIRST]
        counts = {unit.unit: len(unit.lines) for unit in units}
        groups.append(
            ClockGroup(
                label, count,
                tuple(
                    UnitGroup(
                        unit.unit or "未定承办单位", counts[unit.unit],
                        tuple(_line(line, day) for line in unit.lines),
                        duty.get(unit.lines[0].unit_code or ""),
                    )
                    for unit in due_lists.by_unit(shown)
                ),
                None if asked.clock or count <= len(shown) else asked.address(clock=name),
            )
        )  # fmt: skip
    return tuple(groups)


def _line(line: DueLine, day: Day) -> Line:
    return Line(
        line.no, shown_text(None, line.title), line.unit or "未定承办单位",
        present.term(Urgency, line.urgency), present.term(State, line.state), line.label,
        Due(line.due, until(line.due, day.now), tone(line.due, day.now, day.ends), None),
        line.unsolved.label if line.unsolved else None,
        line.what,
        line.keeper,
        line.fresh,
    )  # fmt: skip


def _kept(request: web.Request, asked: _Asked) -> Tab | None:
    """What the viewer deals with themselves."""
    viewer = request[VIEWER]
    if not asked.mine and not listing.may_keep(viewer):
        return None
    return Tab("我经办的", asked.address(unit=None, district=None, mine="1"), asked.mine)


def _mine(asked: _Asked, unit: UnitRow) -> Tab:
    """The list of the unit one acts for; a district's centre sees its district."""
    code = unit.code
    if unit.governs:
        return Tab(
            f"本区（{unit.name}）", asked.address(unit=None, district=code, mine=None), asked.district == code
        )
    return Tab(
        f"本单位（{unit.name}）", asked.address(unit=code, district=None, mine=None), asked.unit == code
    )


def _whose(asked: _Asked, names: Names) -> str | None:
    """The unit or district that was asked for; None: everything that the viewer sees."""
    if asked.unit:
        return names.units.get(asked.unit, asked.unit)
    return names.district(asked.district) if asked.district else None


def _spelled(hours: int) -> str:
    return f"{hours} 小时内" if hours < _HOURS[2] else f"{hours // 24} 天内"
