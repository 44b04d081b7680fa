"""信号处置: a person adopts or dismisses a signal and says why; lists and the count of their fates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.signals import Forecast, Signal
from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_trends import SignalKind, SignalState
from nlp.text import mask_identity
from triage.errors import BadInput, NotFound
from triage.services import ledger

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date, datetime

    from sqlalchemy.ext.asyncio import AsyncSession

_LONGEST: Final = 500
_MOST: Final = 100


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of the signals of one sort."""

    what: SignalKind
    new: int
    acknowledged: int
    dismissed: int

    @property
    def held(self) -> float | None:
        """Of those decided: adopted."""
        decided = self.acknowledged + self.dismissed
        return self.acknowledged / decided if decided else None


async def decide(
    session: AsyncSession,
    number: int,
    state: SignalState,
    reason: str,
    *,
    by: str,
    now: datetime,
    districts: Collection[str] | None = None,
) -> Signal:
    """Adopt or dismiss; of `districts` alone, where given.

    Raises NotFound, and BadInput without a reason or when it was decided before.
    """
    reason = reason.strip()
    if state is SignalState.NEW:
        raise BadInput("处置只能是采纳或排除")
    if not 0 < len(reason) <= _LONGEST:
        raise BadInput(f"请写明理由（不超过 {_LONGEST} 字）")
    found = await session.scalar(sa.select(Signal).where(Signal.id == number).with_for_update())
    if found is None or (districts is not None and found.district not in districts):
        raise NotFound("没有这条信号。")
    if found.state != SignalState.NEW.value:
        raise BadInput(f"这条信号已由 {found.by} 处置为“{SignalState(found.state).label}”")
    found.state, found.by, found.decided_at = state.value, by, now
    found.reason = mask_identity(reason)
    ledger.write(
        session, who=by, act=LedgerAct.SIGNAL_DECIDED, now=now, new=state.value, reason=found.reason,
        subject=ledger.Subject(SubjectKind.SIGNAL, str(number)),
    )  # fmt: skip
    return found


async def listed(
    session: AsyncSession,
    *,
    state: SignalState | None,
    what: SignalKind | None,
    district: str | None,
    districts: Collection[str] | None = None,
) -> Sequence[Signal]:
    """Signals, newest day and weightiest first; of `districts` alone, where given."""
    chosen = sa.select(Signal).where(_within(districts))
    if state is not None:
        chosen = chosen.where(Signal.state == state.value)
    if what is not None:
        chosen = chosen.where(Signal.what == what.value)
    if district is not None:
        chosen = chosen.where(Signal.district == district)
    ordered = chosen.order_by(Signal.last_day.desc(), Signal.score.desc(), Signal.id).limit(_MOST)
    return (await session.scalars(ordered)).all()


def _within(districts: Collection[str] | None) -> sa.ColumnElement[bool]:
    return sa.true() if districts is None else Signal.district.in_(sorted(districts))


async def fates(
    session: AsyncSession, *, since: date, districts: Collection[str] | None = None
) -> list[Fate]:
    """How many of each sort were adopted and dismissed since a day; of `districts` alone, where given."""
    rows = await session.execute(
        sa.select(Signal.what, Signal.state, sa.func.count())
        .where(Signal.first_day >= since, _within(districts))
        .group_by(Signal.what, Signal.state)
    )
    counts = {(what, state): count for what, state, count in rows}
    return [
        Fate(what, *(counts.get((what.value, state.value), 0) for state in SignalState))
        for what in SignalKind
    ]


async def forecasts(session: AsyncSession, month: date, *, district: str = "") -> Sequence[Forecast]:
    """The forecasts of a month for a district ('': the whole city), largest first."""
    rows = await session.scalars(
        sa.select(Forecast)
        .where(Forecast.month == month, Forecast.district == district)
        .order_by(Forecast.expected.desc(), Forecast.kind)
    )
    return rows.all()
