"""The controls of the list's filter as they stand: choices, what is in force, what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.filters import DueWindow, TicketFilter, View
from models.vocab import Channel, Urgency
from models.vocab_mood import Mood
from models.vocab_trends import Ending
from triage.web import communities, listing, narrowing
from triage.web.asking import Asked
from triage.web.keys import NAMES
from triage.web.views import Term

if TYPE_CHECKING:
    from datetime import date

    from aiohttp import web

    from models.counted import Counted
    from triage.web.names import Names
    from triage.web.narrowing import Faults


@dataclass(frozen=True, slots=True)
class Choice:
    """An option of a filter; `chosen` is the one in force."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class ChoiceGroup:
    """Options under one heading."""

    label: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Counting:
    """态势下钻: which figure the list stands for, as its parameter and in words."""

    value: str
    words: str


@dataclass(frozen=True, slots=True)
class FilterForm:
    """The filter's controls as they stand."""

    states: tuple[Choice, ...]
    districts: tuple[Choice, ...]
    kinds: tuple[ChoiceGroup, ...]
    urgencies: tuple[Choice, ...]
    dues: tuple[Choice, ...]
    review_only: bool
    mine: bool
    may_mine: bool
    """我经办的 is offered, or in force."""
    query: str
    counted: Counting | None
    received_from: str
    received_to: str
    """As they are in force; where they are wrong, as they were typed."""
    streets: tuple[Choice, ...]
    """Of the chosen district."""
    channels: tuple[Choice, ...]
    supervised: bool
    rehandled: bool
    faults: tuple[tuple[str, str], ...]
    """What is wrong, by its field."""
    unit: Term | None
    narrowed: bool
    active: int


def counting(counted: Counted | None, names: Names) -> Counting | None:
    """The figure that a list stands for; None: it stands for none."""
    if counted is None:
        return None
    kinds = counted.kinds or ()
    several = len(kinds) > 1
    ending = Ending(counted.ending).label if counted.ending else ""
    channel = {found.value: found.label for found in Channel}.get(counted.channel or "", "")
    street = names.street(counted.street) if counted.street else ""
    parts = [
        f"{counted.first} 至 {counted.last}",
        f"{len(kinds)} 个类别"
        if several
        else "、".join(names.kind(k) if k else "非环境或未定" for k in kinds),
        names.district(counted.district) if counted.district else "",
        street,
        channel,
        ending,
        f"网格 {counted.grid}" if counted.grid else "",
        communities.name(counted.community) if counted.community else "",
        *_told(counted),
    ]
    return Counting(counted.encode(), " · ".join(part for part in parts if part))


def _told(counted: Counted) -> tuple[str, ...]:
    """The finer parts of a figure, in words."""
    weekdays = "一二三四五六日"
    return (
        f"语气{Mood(counted.mood).label}" if counted.mood else "",
        "语气激烈" if counted.angry == "1" else "",
        f"周{weekdays[int(counted.weekday) - 1]}" if counted.weekday else "",
        f"{int(counted.hour):02d} 时" if counted.hour else "",
        f"种类把握 0.{counted.band} 起" if counted.band else "",
        {"1": "没有并入其他工单的", "0": "并入其他工单的"}.get(counted.case or "", ""),
    )


def form(request: web.Request, filters: TicketFilter, faults: Faults, *, may_mine: bool) -> FilterForm:
    """The controls; where a field is wrong (`faults`), days stand as they were typed."""
    names = request.app[NAMES]

    def choices(options: dict[str, str], chosen: str | None) -> tuple[Choice, ...]:
        return tuple(Choice(value, label, value == chosen) for value, label in options.items())

    def day(name: str, value: date | None) -> str:
        return request.query.get(name, "") if name in faults else str(value or "")

    code = filters.unit_code
    unused = set() if listing.decides_of(request) or filters.view is View.DECIDE else {View.DECIDE}
    return FilterForm(
        states=choices({view.value: view.label for view in View if view not in unused}, filters.view),
        districts=choices(dict(names.districts), filters.district_code),
        kinds=tuple(
            ChoiceGroup(parent, choices({code: names.kind(code) for code in codes}, filters.kind))
            for parent, codes in names.parents.items()
        ),
        urgencies=choices({u.value: f"{u.value} {u.label}" for u in Urgency}, filters.urgency),
        dues=choices({due.value: due.label for due in DueWindow}, filters.due),
        received_from=day("received_from", filters.received_from),
        received_to=day("received_to", filters.received_to),
        streets=choices(
            {
                code: names.street(code)
                for code, (_, district) in sorted(names.streets.items())
                if district == filters.district_code
            },
            filters.street_code,
        ),
        channels=choices({channel.value: channel.label for channel in Channel}, filters.channel),
        supervised=filters.supervised,
        rehandled=filters.rehandled,
        faults=tuple((name, narrowing.shown(name, words)) for name, words in faults.items()),
        review_only=filters.review_only,
        mine=filters.mine,
        may_mine=may_mine or filters.mine,
        query=filters.query,
        counted=counting(filters.counted, names),
        unit=None if code is None else Term(code, names.units.get(code, code)),
        narrowed=bool(faults) or filters != TicketFilter(),
        # The search stands beside the fold, not in it; what is wrong stands in it too.
        active=len(
            {*Asked(filters).parameters(), *(name for name in faults if request.query.get(name))} - {"q"}
        ),
    )
