"""A signal as it is read: its title, its sentences, where it is, and the tickets behind it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from markupsafe import Markup

from models.counted import Counted
from models.vocab_trends import SignalKind, SignalState
from triage.clock import show
from triage.rules.trends.grid import corners, middle
from triage.services.trends import figures
from triage.web import communities
from triage.web.citizen import maps
from triage.web.trends.views import LESS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.signals import Signal
    from triage.rules.rows import Tables
    from triage.web.names import Names

#: Signals whose place is a square.
SQUARES: Final = frozenset({SignalKind.HOT_GRID, SignalKind.CHRONIC})
_HOT: Final = frozenset({SignalKind.HOT_GRID, SignalKind.HOT_COMMUNITY})
#: A square is drawn no smaller than this (units of the picture), and with a ring around it.
_LEAST: Final = 8.0


@dataclass(frozen=True, slots=True)
class SignalView:
    """A signal in words."""

    id: int
    what: str
    title: str
    where: str
    kind: str
    days: str
    why: tuple[str, ...]
    rule: str
    state: SignalState
    decided: str
    reason: str
    tickets: str | None
    square: bool


@dataclass(frozen=True, slots=True)
class Words:
    """What signals are told with; `drill`: with links to tickets, `office`: with every count."""

    names: Names
    areas: Mapping[str, str]
    rules: Mapping[str, str]
    drill: bool
    office: bool

    def view(self, s: Signal) -> SignalView:
        """A signal in words."""
        what, names = SignalKind(s.what), self.names
        at = show(s.decided_at) if s.decided_at else ""
        where = "".join(part for part in self._places(s, what) if part)
        kind = names.kind(s.kind) if s.kind else "环境诉求"
        return SignalView(
            id=s.id, what=what.label, title=f"{where} · {kind}", where=where, kind=kind,
            days=f"{s.first_day}" if s.first_day == s.last_day else f"{s.first_day} 至 {s.last_day}",
            why=tuple(s.told["why"] if self.office else _why(what, s.told)),
            rule=self.rules.get(s.row_id, s.row_id), state=SignalState(s.state),
            decided=f"{s.by} {at}" if s.by else "", reason=s.reason or "",
            tickets=tickets(s, what, names) if self.drill else None, square=what in SQUARES,
        )  # fmt: skip

    def _places(self, s: Signal, what: SignalKind) -> tuple[str, str, str]:
        street = self.names.street(s.told["numbers"].get("street", ""))
        place = self.areas.get(s.place, s.place)
        if what in SQUARES:
            lon, lat = middle(s.place)
            place = f"网格 {s.place}（中心东经 {lon:.3f}°、北纬 {lat:.3f}°）"
        return self.names.district(s.district) if s.district else "全市", street, place


async def words_of(
    tables: Tables, names: Names, found: Sequence[Signal], *, drill: bool, office: bool
) -> Words:
    """The words for these signals."""
    areas = await communities.names(s.place for s in found if s.what == SignalKind.HOT_COMMUNITY)
    rules = {row.id: f"{row.title}（{row.source}；{row.status.label}）" for row in tables.signals}
    return Words(names, areas, rules, drill, office)


def _why(what: SignalKind, told: Mapping[str, Any]) -> Sequence[str]:
    """The sentences as they are told outside the office: none with a count from 1 to 4 in it."""
    numbers = told["numbers"]
    counts = numbers.get("windows", [numbers.get("before", 0)])
    hidden = [figures.shown(count, office=False) for count in counts]
    if None not in hidden:
        # What would be usual of a square tells how much is told there of everything else.
        return tuple(told["why"][:1] if what is SignalKind.CHRONIC else told["why"])
    if what is SignalKind.CHRONIC:
        words = "、".join(LESS if count is None else str(count) for count in hidden)
        return (f"同一地点同一类别，由远到近每段时间分别 {words} 件。",)
    return (f"{numbers['from']} 至 {numbers['to']} 共 {numbers['now']} 件；此前的基期里少于 5 件。",)


def tickets(s: Signal, what: SignalKind, names: Names) -> str:
    """The list of the tickets behind a signal, as `noticing` counted them.

    Hot places are of every environmental kind; a square is counted whole, though it may lie across a border.
    """
    numbers = s.told["numbers"]
    counted = Counted(
        date.fromisoformat(numbers["from"]),
        date.fromisoformat(numbers["to"]),
        kinds=tuple(names.kinds) if what in _HOT else (s.kind,),
        district=None if what in _HOT or what is SignalKind.CHRONIC else s.district or None,
        grid=s.place if what in SQUARES else None,
        community=s.place if what is SignalKind.HOT_COMMUNITY else None,
    )
    return f"/desk?{urlencode({'state': 'all', 'counted': counted.encode()})}"


def drawn(district: str, square: str) -> Markup:
    """The district (or, of none, the city) with the square on it. Blocking: outlines are read and thinned."""
    area = district if district in maps.districts() else maps.CITY
    shown = maps.view(area)
    west, south, east, north = corners(square)
    (left, top), (right, bottom) = shown.place(west, north), shown.place(east, south)
    wide, high = max(right - left, _LEAST), max(bottom - top, _LEAST)
    x, y = (left + right) / 2, (top + bottom) / 2
    mark = (
        f'<rect x="{x - wide / 2:.1f}" y="{y - high / 2:.1f}" width="{wide:.1f}" height="{high:.1f}"'
        ' fill="#a3211a" fill-opacity=".35" stroke="#a3211a" stroke-width="2"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{max(wide, high) * 1.4 + 10:.1f}" fill="none"'
        ' stroke="#a3211a" stroke-width="2" stroke-dasharray="6 4"/>'
    )
    return Markup(f"{maps.picture(area).removesuffix('</svg>')}{mark}</svg>")  # noqa: S704  (figures and our own outlines only)
