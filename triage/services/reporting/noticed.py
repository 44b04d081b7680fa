"""态势信号 in a report: how many were raised and what became of them, and the weightiest of each sort.

Told only once the last day of the period was looked through. A place is named down to its street: a square
or a community is for those who may see its cases. What was dismissed is counted, not named.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from models.signals import Signal, SignalDay
from models.vocab_reports import ReportKind
from models.vocab_trends import SignalKind, SignalState
from triage.rules.rates import By
from triage.services.month_sheets import name_of

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.rules.rows import Tables
    from triage.services.reporting.periods import Period

#: Signals of each sort that the text names.
NAMED: Final = 2


async def told(session: AsyncSession, tables: Tables, period: Period) -> dict[str, str]:
    """The facts of a week or a month; none of a day, and none where its last day was not looked through."""
    looked = await session.get(SignalDay, period.last)
    if looked is None or period.kind is ReportKind.DAILY:
        return {}
    raised = (
        await session.scalars(
            sa.select(Signal)
            .where(Signal.first_day >= period.first, Signal.first_day <= period.last)
            .order_by(Signal.score.desc(), Signal.id)
        )
    ).all()
    facts = {"signals_n": str(len(raised))}
    for state in SignalState:
        facts[f"signals_{state.value}_n"] = str(sum(s.state == state.value for s in raised))
    for what in SignalKind:
        mine = [s for s in raised if s.what == what.value]
        facts[f"signals_{what.value}_n"] = str(len(mine))
        named = [s for s in mine if s.state != SignalState.DISMISSED.value][:NAMED]
        for at, s in enumerate(named, start=1):
            own = _one(tables, what, s, period.last)
            facts |= {f"{what.value}_{at}{key}": value for key, value in own.items()}
    return facts


def _one(tables: Tables, what: SignalKind, s: Signal, last: date) -> dict[str, str]:
    """Where and of what it is, and its own numbers, as it was noticed last.

    While nobody decides a signal goes on: numbers that reach beyond the period say up to which day.
    """
    numbers: dict[str, Any] = s.told["numbers"]
    kind = tables.kinds.get(s.kind)
    place = [
        name_of(tables, By.DISTRICT, s.district) if s.district else "全市",
        name_of(tables, By.STREET, numbers["street"]).removesuffix("办事处") if numbers.get("street") else "",
    ]
    of = "环境诉求" if what in _PLACES else kind.name if kind else s.kind
    upto = date.fromisoformat(numbers["to"])
    since = "" if upto <= last else f"（数字到{upto.month}月{upto.day}日）"
    found = {"": f"{''.join(place)}{of}{since}"}
    if what is SignalKind.CHRONIC:
        windows = [int(count) for count in numbers["windows"]]
        return found | {"_windows": "、".join(map(str, windows)), "_n": str(sum(windows))}
    if what in _PLACES:
        days = (upto - date.fromisoformat(numbers["from"])).days + 1
        return found | {"_n": str(numbers["now"]), "_days": str(days), "_before": str(numbers["before"])}
    return found | {"_n": str(numbers["seen"]), "_expected": f"{numbers['expected']:.1f}"}


#: Of all environmental kinds together.
_PLACES: Final = frozenset({SignalKind.HOT_GRID, SignalKind.HOT_COMMUNITY})
