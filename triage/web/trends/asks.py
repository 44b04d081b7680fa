"""What an address of the trends asks for: a period and what narrows it, each fault named."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlencode

from models.counted import MOST_YEARS, Counted
from models.vocab import Channel
from models.vocab_staff import Permission
from triage.clock import local
from triage.errors import BadInput
from triage.rules.access import of_office
from triage.services.trends import figures
from triage.services.trends.sources import Scope
from triage.web import asking
from triage.web.keys import DEPS, NAMES, VIEWER
from triage.web.trends.views import NARROWING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from aiohttp import web

    from triage.web.names import Names

PARAMETERS: Final = ("from", "to", "kind", "district", "street", "channel")
_DEFAULT_DAYS: Final = 30
#: Longer periods are told by whole months.
DAILY: Final = 62
_LEAP: Final = (2, 29)


class Cased(Protocol):
    """Something with demands and cases."""

    @property
    def demands(self) -> int:
        """诉求."""
        ...

    @property
    def cases(self) -> int:
        """工单."""
        ...


@dataclass(frozen=True, slots=True)
class TrendsAsk:
    """A question: the scope, how it was asked for, and who may see what of the answer."""

    scope: Scope
    kind: str
    today: date
    office: bool
    drill: bool
    #: Every case may be seen: whoever is named in one may be named here.
    every_case: bool = False

    @property
    def daily(self) -> bool:
        """Whether lines go by day; else by month."""
        return self.scope.days <= DAILY

    @property
    def before(self) -> Scope:
        """The same season of last year: the same weekdays 52 weeks before, or the same months.

        Of a month that is not over, as far as it has gone: a whole month of last year would always be more.
        """
        s = self.scope
        if self.daily:
            year = timedelta(days=364)
            first, last = s.first - year, s.last - year
        else:
            first = s.first.replace(year=s.first.year - 1)
            # By the day after: 29 February has none of its own a year before.
            after = min(s.last, max(self.today, s.first)) + timedelta(days=1)
            last = (after.replace(month=3, day=1) if (after.month, after.day) == _LEAP else after).replace(
                year=after.year - 1
            ) - timedelta(days=1)
        return Scope(first, last, s.kinds, s.district, s.street, s.channel)

    def line(self, counts: Sequence[int], also: Collection[int] = ()) -> list[int | None]:
        """Counts of a chart whose sum is told, as the viewer may see them; `also`: hidden in any case."""
        return figures.line(counts, office=self.office, also=also)

    def cases(self, found: Sequence[Cased]) -> list[int | None]:
        """The cases (工单) of a chart's lines, beside their demands.

        Demands less cases are the joined ones: a small number of them is told by neither.
        """
        joined = [f.demands - f.cases for f in found]
        away = [at for at, n in enumerate(joined) if figures.shown(n, office=self.office) is None]
        return self.line([f.cases for f in found], away)

    def address(self, path: str = "/desk/trends", **other: str | None) -> str:
        """This question with other parameters."""
        s = self.scope
        given = {"from": str(s.first), "to": str(s.last), **self.narrowing(), **other}
        return f"{path}?{urlencode({name: value for name, value in given.items() if value})}"

    def narrowing(self, wide_of: Collection[str] = ()) -> dict[str, str]:
        """What it is narrowed to, by parameter; without what does not narrow the chart."""
        s = self.scope
        given = {"kind": self.kind, "district": s.district, "street": s.street, "channel": s.channel}
        return {name: value for name in NARROWING if (value := given[name]) and name not in wide_of}

    def spelled(self, names: Names, wide_of: Collection[str] = ()) -> str:
        """Its days and what it is narrowed to, in words."""
        words = {"kind": names.kind, "district": names.district, "street": names.street, "channel": _channel}
        told = self.narrowing(wide_of)
        place = () if "district" in told else ("全市",)
        days = f"{self.scope.first} 至 {self.scope.last}"
        return "，".join((days, *place, *(words[name](value) for name, value in told.items())))

    def tickets(self, first: date | None = None, last: date | None = None, **other: object) -> str | None:
        """The list of the tickets behind a figure; None for who may see no cases."""
        if not self.drill:
            return None
        s = self.scope
        given: dict[str, object] = {
            "kinds": s.kinds, "district": s.district, "street": s.street, "channel": s.channel, **other,
        }  # fmt: skip
        counted = Counted(first or s.first, last or s.last, **given)  # type: ignore[arg-type]
        return f"/desk?{urlencode({'state': 'all', 'counted': counted.encode()})}"


def read(request: web.Request) -> TrendsAsk:
    """Read the parameters. Raises BadInput naming the bad one."""
    query, names, viewer = request.query, request.app[NAMES], request[VIEWER]
    asking.refuse_others(query, PARAMETERS)
    today = local(request.app[DEPS].clock.now()).date()
    last = _day(query.get("to", ""), "to") or today
    first = _day(query.get("from", ""), "from") or last - timedelta(days=_DEFAULT_DAYS - 1)
    if not first <= last:
        raise BadInput("参数 from 应不晚于 to")
    if first.year < last.year - MOST_YEARS:
        raise BadInput(f"一次最多看 {MOST_YEARS} 年")
    if (last - first).days + 1 > DAILY:
        # By whole months: those of the first and the last day are taken whole.
        first = first.replace(day=1)
        last = (last.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    kind = query.get("kind", "")
    district, street, channel = (query.get(name) or None for name in ("district", "street", "channel"))
    if district is not None and district not in names.districts:
        raise BadInput("参数 district 不是本市的区")
    if street is not None and street not in names.streets:
        raise BadInput("参数 street 不是街道乡镇的代码")
    if street is not None:
        # The form sends both: of a street of another district, or of none chosen, it shows no choice.
        _, own = names.streets[street]
        district = own if "district" not in query else district
        street = street if district == own else None
    if channel is not None and channel not in set(Channel):
        raise BadInput(f"参数 channel 只能是：{'、'.join(found.value for found in Channel)}")
    return TrendsAsk(
        scope=Scope(first, last, _kinds(kind, names), district, street, channel),
        kind=kind,
        today=today,
        office=of_office(request.app[DEPS].tables, viewer),
        drill=viewer.may(Permission.SEE_CASES),
        every_case=viewer.scope.everything and viewer.may(Permission.SEE_CASES),
    )


def _channel(code: str) -> str:
    return Channel(code).label


def _kinds(kind: str, names: Names) -> tuple[str, ...] | None:
    if not kind:
        return None
    if kind in names.parents:
        return names.parents[kind]
    if kind in names.kinds:
        return (kind,)
    raise BadInput("参数 kind 不是已知的类别")


def _day(text: str, name: str) -> date | None:
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"参数 {name} 应是日期，形如 2026-11-23") from None
    if not 2000 <= found.year <= 2100:  # noqa: PLR2004  (no date of ours)
        raise BadInput(f"参数 {name} 不在可查的年份里")
    return found
