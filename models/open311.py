"""Open311 (GeoReport v2): who may post, what was posted, and when the list of services last changed."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

import models.appeals  # noqa: F401  (the table that a foreign key here names)
from models.db import Base, BigId


class Open311Key(Base):
    """接口密钥 (api_key) of a program that may post. The key itself is not kept."""

    __tablename__ = "open311_key"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(60), unique=True)
    key_hash: Mapped[str] = mapped_column(sa.String(64), unique=True, comment="keyed")
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class Open311Request(Base):
    """What was posted with an appeal that came through Open311; its words are masked, as the appeal's."""

    __tablename__ = "open311_request"

    appeal_id: Mapped[int] = mapped_column(sa.ForeignKey("appeal.id"), primary_key=True)
    key_id: Mapped[int] = mapped_column(sa.ForeignKey("open311_key.id"))
    token: Mapped[str] = mapped_column(sa.String(32), unique=True)
    service_code: Mapped[str] = mapped_column(sa.String(16))
    description: Mapped[str | None] = mapped_column(
        sa.Text, comment="masked; without what was added for reading"
    )
    address: Mapped[str | None] = mapped_column(sa.Text, comment="masked")
    address_id: Mapped[str | None] = mapped_column(sa.String(60))
    lon: Mapped[float | None] = mapped_column(comment="WGS-84 degrees, as posted")
    lat: Mapped[float | None]
    media_url: Mapped[str | None] = mapped_column(sa.String(2000))
    answers: Mapped[dict[str, list[str]]] = mapped_column(
        sa.JSON, comment="attribute code → values, in the order they were sent; free ones masked"
    )


class Open311Change(Base):
    """When the list of services or a definition was first seen to be this one: `changeset`."""

    __tablename__ = "open311_change"

    digest: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    seen_at: Mapped[datetime]
