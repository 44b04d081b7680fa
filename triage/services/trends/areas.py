"""Where a place lies, by where most of it was told of: a square of a kilometre may lie across a border."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession


async def areas(
    session: AsyncSession, column: Any, places: Sequence[str], period: Sequence[sa.ColumnElement[bool]]  # noqa: ANN401
) -> dict[str, tuple[str, str]]:  # fmt: skip
    """District and street of each of these values of a column of a sum of places, within the period."""
    p = column.class_
    counted = await session.execute(
        sa.select(column, p.district, p.street, sa.func.sum(p.demands).label("n"))
        .where(*period, column.in_(places))
        .group_by(column, p.district, p.street)
        .order_by(sa.literal_column("n"), p.district.desc(), p.street.desc())
    )
    return {place: (district, street) for place, district, street, _ in counted}
