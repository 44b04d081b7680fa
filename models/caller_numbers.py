"""来电查件: the numbers of a phone field that holds more than one, or an extension."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.appeals import Appellant
from models.db import Base


class CallerNumber(Base):
    """One number of a field. Whose phone somebody is stays the whole field's (`appellant.phone_index`)."""

    __tablename__ = "caller_number"
    __table_args__ = (sa.Index("ix_caller_number_appeal", "appeal_id"),)

    number_index: Mapped[bytes] = mapped_column(
        sa.LargeBinary, primary_key=True, comment="keyed blind index of one number"
    )
    appeal_id: Mapped[int] = mapped_column(sa.ForeignKey("appeal.id", ondelete="CASCADE"), primary_key=True)
    phone_index: Mapped[bytes] = mapped_column(
        sa.LargeBinary,
        comment="that of the field it stands in: another one there since, and this row says nothing",
    )


def called_by(numbers: list[bytes]) -> sa.Select[int]:
    """The appeals that bear one of these numbers (their blind indexes): found by an index each way."""
    whole = sa.select(Appellant.appeal_id).where(Appellant.phone_index.in_(numbers))
    parts = (
        sa.select(CallerNumber.appeal_id)
        .join(Appellant, Appellant.appeal_id == CallerNumber.appeal_id)
        .where(CallerNumber.number_index.in_(numbers), CallerNumber.phone_index == Appellant.phone_index)
    )
    both = sa.union(whole, parts).subquery()
    return sa.select(both.c.appeal_id)
