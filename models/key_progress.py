"""How far a rotation of master keys is (轮换密钥): a row per table and key."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Base


class KeyProgress(Base):
    """Where `jiesu keys rotate` stands in a table; kept when it is through, to tell when that was."""

    __tablename__ = "key_progress"

    place: Mapped[str] = mapped_column(sa.String(40), primary_key=True, comment="name of the table")
    key_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, comment="the key that seals")
    after: Mapped[list[Any] | None] = mapped_column(
        sa.JSON(none_as_null=True), comment="key of the last row that was seen"
    )
    seen: Mapped[int] = mapped_column(sa.BigInteger)
    renewed: Mapped[int] = mapped_column(sa.BigInteger)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
