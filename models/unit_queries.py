"""Named reads over units and areas: the picker's search, names by code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from models.units import Area, Unit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True)
class UnitRow:
    """A unit as the picker shows it."""

    code: str
    name: str
    level: str
    district: str | None


async def find_units(session: AsyncSession, query: str, *, on: date, limit: int = 20) -> list[UnitRow]:
    """Units in force on a day whose name, district before it or not, holds the query; best first."""
    district = aliased(Area)
    text = query.strip()
    # A district's own name is its government's: 朝阳区人民政府.
    short = sa.func.replace(sa.func.coalesce(district.name, ""), "人民政府", "")
    full = short + Unit.name
    rows = await session.execute(
        sa.select(Unit.code, Unit.name, Unit.level, sa.func.nullif(short, ""))
        .outerjoin(district, district.code == Unit.district_code)
        .where(
            Unit.valid_from <= on,
            sa.or_(Unit.valid_to.is_(None), Unit.valid_to >= on),
            sa.or_(
                Unit.name.contains(text, autoescape=True),
                full.contains(text, autoescape=True),
                Unit.code == text,
            ),
        )
        .order_by(Unit.name.startswith(text, autoescape=True).desc(), sa.func.length(Unit.name), Unit.code)
        .limit(limit)
    )
    return [UnitRow(*row) for row in rows]


async def area_names(session: AsyncSession, codes: Sequence[str]) -> dict[str, str]:
    """Names of areas by code."""
    rows = await session.execute(sa.select(Area.code, Area.name).where(Area.code.in_(codes)))
    return {row.code: row.name for row in rows}
