"""预计: the next month by kind, of the city or one district, beside what last month was expected and came."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import sqlalchemy as sa

from models.counted import Counted
from models.signals import Forecast
from models.vocab_trends import Axis
from triage.services.trends import figures, judging
from triage.services.trends.figures import NONE
from triage.services.trends.sources import Scope
from triage.web.trends.views import NOT_TOLD, Cell, Panel, count, number, text

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.web.names import Names


async def panel(
    session: AsyncSession, names: Names, area: str | None, *, today: date, office: bool, drill: bool = False
) -> tuple[date | None, Panel]:
    """The month that is forecast and its table; `area`: a district, '' the whole city, None nothing.

    `drill`: what came last month leads to its tickets.
    """
    month = await session.scalar(sa.select(sa.func.max(Forecast.month)))
    last = today.replace(day=1) - timedelta(days=1)
    first = last.replace(day=1)
    ahead = [] if month is None or area is None else await judging.forecasts(session, month, district=area)
    past = {} if area is None else {
        f.kind: f for f in await judging.forecasts(session, first, district=area)
    }  # fmt: skip
    came = (
        await figures.told_by(session, Scope(first, last, district=area or None), Axis.KIND) if ahead else {}
    )
    rows = tuple(
        (
            text(names.kind(f.kind)), *_expected(f), *_expected(past.get(f.kind)),
            count(
                figures.shown(came.get(f.kind, NONE).demands, office=office),
                _tickets(first, last, f.kind, area) if drill else None,
            ),
        )
        for f in ahead
    )  # fmt: skip
    return month, Panel(
        "forecast", "下月预计",
        "按以往的水平、趋势、星期、季节和节假日推算的诉求件数；下限至上限应能装下五个月里的四个月。"
        f"上月（{first:%Y-%m}）的预计是当时作出的，没有作过的为“—”，实际为现在汇总的件数。",
        ("类别", "预计诉求", "下限", "上限", "上月预计", "上月下限", "上月上限", "上月实际"), rows,
    )  # fmt: skip


def _tickets(first: date, last: date, kind: str, area: str | None) -> str:
    counted = Counted(first, last, kinds=(kind,), district=area or None)
    return f"/desk?{urlencode({'state': 'all', 'counted': counted.encode()})}"


def _expected(found: Forecast | None) -> tuple[Cell, Cell, Cell]:
    if found is None:
        return NOT_TOLD, NOT_TOLD, NOT_TOLD
    return number(found.expected, 0), number(found.low, 0), number(found.high, 0)
