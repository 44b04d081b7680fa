"""信号处置: a person adopts or dismisses a signal and says why; lists and the count of their fates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.ledger import LedgerRow
from models.signals import Forecast, Signal
from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_trends import SignalKind, SignalState
from nlp.text import mask_identity
from triage.errors import BadInput, NotFound
from triage.services import ledger
from triage.services.trends import spots

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date, datetime

    from sqlalchemy.ext.asyncio import AsyncSession

_LONGEST: Final = 500
#: Signals of one page.
PAGE: Final = 100
#: Signals of one file.
MOST: Final = 5_000


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


@dataclass(frozen=True, slots=True)
class Step:
    """What somebody made of a signal, or took back."""

    state: SignalState
    reason: str
    by: str
    at: datetime


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
    if state is SignalState.NEW:
        raise BadInput("处置只能是采纳或排除")
    reason = _told(reason)
    found = await _locked(session, number, districts)
    if found.state != SignalState.NEW.value:
        raise BadInput(f"这条信号已由 {found.by} 处置为“{SignalState(found.state).label}”")
    found.state, found.by, found.decided_at = state.value, by, now
    found.reason = reason
    ledger.write(
        session, who=by, act=LedgerAct.SIGNAL_DECIDED, now=now, new=state.value, reason=found.reason,
        subject=ledger.Subject(SubjectKind.SIGNAL, str(number)),
    )  # fmt: skip
    return found


async def take_back(
    session: AsyncSession,
    number: int,
    reason: str,
    *,
    by: str,
    now: datetime,
    districts: Collection[str] | None = None,
) -> Signal:
    """撤回处置: a decided signal is to be looked at again; who decided what, and why, stays in the ledger.

    Raises NotFound, and BadInput without a reason, when nobody has decided, or when the same thing waits as a
    signal of its own since: there would be two.
    """
    reason = _told(reason)
    found = await _locked(session, number, districts)
    if found.state == SignalState.NEW.value:
        raise BadInput("这条信号还没有处置，不用撤回")
    same = spots.same_thing(SignalKind(found.what), found.kind, found.district, found.place)
    waits = await session.scalar(
        sa.select(Signal.id).where(*same, Signal.state == SignalState.NEW.value, Signal.id != number).limit(1)
    )
    if waits is not None:
        raise BadInput(f"同一件事已经另立一条信号（编号 {waits}）待研判，请在那一条上处置")
    ledger.write(
        session, who=by, act=LedgerAct.SIGNAL_TAKEN_BACK, now=now, old=found.state,
        new=SignalState.NEW.value, reason=reason, subject=ledger.Subject(SubjectKind.SIGNAL, str(number)),
    )  # fmt: skip
    found.state, found.by, found.decided_at, found.reason = SignalState.NEW.value, None, None, None
    return found


def _told(reason: str) -> str:
    reason = reason.replace("\0", "").strip()
    if not 0 < len(reason) <= _LONGEST:
        raise BadInput(f"请写明理由（不超过 {_LONGEST} 字）")
    return mask_identity(reason)


async def _locked(session: AsyncSession, number: int, districts: Collection[str] | None) -> Signal:
    found: Signal | None = await session.scalar(
        sa.select(Signal).where(Signal.id == number, _within(districts)).with_for_update()
    )
    if found is None:
        raise NotFound("没有这条信号。")
    return found


async def one(session: AsyncSession, number: int, *, districts: Collection[str] | None = None) -> Signal:
    """A signal; of `districts` alone, where given. Raises NotFound."""
    found: Signal | None = await session.scalar(
        sa.select(Signal).where(Signal.id == number, _within(districts))
    )
    if found is None:
        raise NotFound("没有这条信号。")
    return found


async def history(session: AsyncSession, number: int) -> list[Step]:
    """What people made of a signal, oldest first: from the ledger, as long as it keeps its rows."""
    rows = await session.execute(
        sa.select(LedgerRow.new, LedgerRow.reason, LedgerRow.who, LedgerRow.at)
        .where(LedgerRow.subject_kind == SubjectKind.SIGNAL.value, LedgerRow.subject == str(number))
        .order_by(LedgerRow.seq)
    )
    return [Step(SignalState(row.new), row.reason or "", row.who, row.at) for row in rows]


@dataclass(frozen=True, slots=True)
class SignalAsk:
    """What the list is narrowed to; `districts`: those that may be told of, None: all."""

    state: SignalState | None = None
    what: SignalKind | None = None
    district: str | None = None
    districts: Collection[str] | None = None

    def condition(self) -> sa.ColumnElement[bool]:
        """On `signal`."""
        where = [_within(self.districts)]
        if self.state is not None:
            where.append(Signal.state == self.state.value)
        if self.what is not None:
            where.append(Signal.what == self.what.value)
        if self.district is not None:
            where.append(Signal.district == self.district)
        return sa.and_(*where)


async def listed(
    session: AsyncSession, ask: SignalAsk, *, skip: int = 0, limit: int = PAGE
) -> Sequence[Signal]:
    """Signals, newest day and weightiest first."""
    ordered = (
        sa.select(Signal)
        .where(ask.condition())
        .order_by(Signal.last_day.desc(), Signal.score.desc(), Signal.id)
        .offset(skip)
        .limit(limit)
    )
    return (await session.scalars(ordered)).all()


async def count(session: AsyncSession, ask: SignalAsk) -> int:
    """How many signals there are of it."""
    return await session.scalar(sa.select(sa.func.count()).select_from(Signal).where(ask.condition())) or 0


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
