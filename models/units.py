"""Who answers and where: units (承办单位), areas, staff. Filled from the dated tables, kept for joins."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Base, BigId


class Unit(Base):
    """承办单位: a street, district government, bureau, city department, or the review desk."""

    __tablename__ = "unit"

    code: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(100))
    level: Mapped[str] = mapped_column(sa.String(16), comment="vocab.Level")
    function: Mapped[str | None] = mapped_column(
        sa.String(40), comment="what it is for; null for areas' own governments"
    )
    district_code: Mapped[str | None] = mapped_column(sa.String(12), index=True)
    street_code: Mapped[str | None] = mapped_column(sa.String(12), index=True)
    valid_from: Mapped[date] = mapped_column(sa.Date)
    valid_to: Mapped[date | None] = mapped_column(sa.Date)
    source: Mapped[str] = mapped_column(sa.Text)


class Area(Base):
    """A district, street/township or community, with its statistical code."""

    __tablename__ = "area"

    code: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(100))
    level: Mapped[str] = mapped_column(sa.String(16))
    parent_code: Mapped[str | None] = mapped_column(sa.String(12), index=True)


class Staff(Base):
    """A person who works with tickets. Sign-in comes with its own change."""

    __tablename__ = "staff"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    login: Mapped[str] = mapped_column(sa.String(64), unique=True)
    name: Mapped[str] = mapped_column(sa.String(64))
    unit_code: Mapped[str | None] = mapped_column(sa.ForeignKey("unit.code"))
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]
