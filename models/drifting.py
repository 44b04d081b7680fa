"""漂移: what readings were like on a day, counted; and the figures that were measured from it, kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.appeals import Reading
from models.db import Base

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession


class DriftFigureRow(Base):
    """One figure of one day against the 28 days before it. Written once."""

    __tablename__ = "drift"

    day: Mapped[date] = mapped_column(sa.Date, primary_key=True, comment="in Beijing")
    figure: Mapped[str] = mapped_column(sa.String(16), primary_key=True, comment="vocab.DriftFigure")
    psi: Mapped[float] = mapped_column(comment="population stability index")
    chance: Mapped[float] = mapped_column(comment="of so great a difference without a change")
    level: Mapped[str] = mapped_column(sa.String(8), comment="vocab.DriftLevel")
    texts: Mapped[int] = mapped_column(comment="readings of the day that the figure counts")
    texts_before: Mapped[int]
    row_id: Mapped[str] = mapped_column(sa.String(60), comment="of drift.yaml: the thresholds")
    model_versions: Mapped[list[str]] = mapped_column(sa.JSON, comment="that read on the day")
    measured_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Counted:
    """How often each class stood in the readings of a stretch of time."""

    environmental: dict[str, int]
    kind: dict[str, int]
    review: dict[str, int]
    confidence: dict[str, int]
    model_versions: tuple[str, ...]


async def count(session: AsyncSession, *, start: datetime, end: datetime) -> Counted:
    """The readings made from `start` until before `end`; kinds and confidence of environmental ones alone."""
    during = (Reading.created_at >= start, Reading.created_at < end)
    step = sa.cast(sa.func.floor(Reading.kind_confidence * 10), sa.Integer)

    async def by(column: Any, *more: Any) -> dict[str, int]:  # noqa: ANN401  (columns and conditions)
        rows = await session.execute(
            sa.select(column, sa.func.count()).where(*during, *more).group_by(column)
        )
        return {str(value): number for value, number in rows}

    versions = await session.scalars(sa.select(Reading.model_version).where(*during).distinct())
    return Counted(
        environmental=await by(Reading.environmental),
        kind=await by(Reading.kind, Reading.environmental),
        review=await by(Reading.review),
        confidence=await by(step, Reading.environmental),
        model_versions=tuple(sorted(versions)),
    )


async def unmeasured(session: AsyncSession, days: Sequence[date]) -> list[date]:
    """Which of some days have no figures, in their order, though one before them has, or they are the first.

    Before the first day that was ever measured nothing is missing: nobody was there to measure.
    """
    kept = await session.scalars(sa.select(DriftFigureRow.day).where(DriftFigureRow.day.in_(days)).distinct())
    known = set(kept)
    begun = await session.scalar(sa.select(sa.func.min(DriftFigureRow.day)))
    return [day for day in days if day not in known and (begun is None or begun < day)]


async def latest(session: AsyncSession, *, since: date) -> Sequence[DriftFigureRow]:
    """The figures since a day, newest day first."""
    found = await session.scalars(
        sa.select(DriftFigureRow)
        .where(DriftFigureRow.day >= since)
        .order_by(DriftFigureRow.day.desc(), DriftFigureRow.figure)
    )
    return found.all()
