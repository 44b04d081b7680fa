"""What 本单位数据 shows, as plain values: the page and the JSON are made of the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003  (read at run time: the API's schemas are made from these)


@dataclass(frozen=True, slots=True)
class OwnRate:
    """A rate: `points` full yeses out of `tickets` (numerator and denominator), so many left out."""

    rate: str
    label: str
    percent: str
    points: float
    tickets: int
    out: int
    change: str
    address: str


@dataclass(frozen=True, slots=True)
class OwnMonthView:
    """A month; `version` null: not published. `place` of `ranked` streets; null: none is told.

    Of `received` so many were found by patrol (自建工单, 未诉先办), which nobody asked for. Of those left
    out of the rates (`out`) `answered` were answered at once, `withdrawn` by callers, `patrol` found so.
    """

    month: str
    received: int
    received_patrol: int
    received_address: str
    version: int | None
    told: bool
    assessed: int
    out: int
    answered: int
    withdrawn: int
    patrol: int
    rates: tuple[OwnRate, ...]
    composite: str
    change: str
    place: int | None
    ranked: int | None
    address: str


@dataclass(frozen=True, slots=True)
class OwnCase:
    """A case of a list."""

    no: str
    title: str
    state: str
    why: str


@dataclass(frozen=True, slots=True)
class OwnShort:
    """What pulls the figures down: all of a sort by number, the first of them by name.

    `count` null: they were not counted (`OwnView.uncounted` says why), not that there are none.
    """

    what: str
    label: str
    count: int | None
    cases: tuple[OwnCase, ...]


@dataclass(frozen=True, slots=True)
class OwnLine:
    """A kind or a place: cases received in the month, in as long of the month before, and a year ago."""

    name: str
    now: int
    before: int
    year: int
    address: str


@dataclass(frozen=True, slots=True)
class OwnArea:
    """What is complained of; `again`: the same kind at one place more than once in the month."""

    total: OwnLine
    kinds: tuple[OwnLine, ...]
    places: tuple[OwnLine, ...]
    again: tuple[OwnLine, ...]


@dataclass(frozen=True, slots=True)
class OwnPerson:
    """经办人 with what is open and overdue; `account` null: nobody has these."""

    account: int | None
    name: str
    open: int
    overdue: int
    address: str | None


@dataclass(frozen=True, slots=True)
class OwnWork:
    """What is open now; `soon`: over within 24 hours."""

    open: int
    overdue: int
    soon: int
    pressing: tuple[OwnCase, ...]
    people: tuple[OwnPerson, ...]
    nobodys: tuple[OwnCase, ...]


@dataclass(frozen=True, slots=True)
class OwnView:
    """本单位数据 of a unit and a month. `months`: the month itself, then those before it.

    `as_of`: of the figures; what is open is of this moment. `untold`: why the month's rates are not told;
    `uncounted`: which sorts of `short` were not counted, and why.
    """

    unit: str
    name: str
    month: str
    running: bool
    as_of: datetime
    months: tuple[OwnMonthView, ...]
    place: str
    untold: str
    uncounted: str
    short: tuple[OwnShort, ...]
    area: OwnArea
    work: OwnWork
