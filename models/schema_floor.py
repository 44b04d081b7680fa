"""How old code may be that works on the schema: one row, beside Alembic's own number.

Code knows the migrations it was packaged with, not those that came after. The row tells it whether it may
go on: `_pre_` migrations only add and leave it alone; one that takes something away (`_post_`) sets it to the
oldest revision whose code does without. `models.revision.fit` reads it.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Base

#: There is one row.
THE_ROW: Final = 1


class SchemaFloor(Base):
    """The oldest code that works on this schema."""

    __tablename__ = "schema_floor"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    code_from: Mapped[str] = mapped_column(
        sa.String(32), comment="head revision of the oldest code that works on this schema"
    )
