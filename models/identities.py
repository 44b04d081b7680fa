"""Parts of an identity that do not come in with an appeal: the account a reward is paid to."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Base


class HeldIdentity(Base):
    """One field of somebody, sealed, held by a row of another kind (a reward claim)."""

    __tablename__ = "held_identity"

    holder_kind: Mapped[str] = mapped_column(
        sa.String(16), primary_key=True, comment="vocab_ledger.SubjectKind"
    )
    holder: Mapped[str] = mapped_column(sa.String(80), primary_key=True)
    field: Mapped[str] = mapped_column(
        sa.String(16), primary_key=True, comment="vocab_identities.IdentityField"
    )
    value: Mapped[bytes | None] = mapped_column(sa.LargeBinary, comment="sealed; null: erased")
    hint: Mapped[str] = mapped_column(sa.String(40), comment="its masked shape")
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(sa.String(64))


class IdentityLook(Base):
    """Who looked at an identity, carried over when the ledger lets go of it; as long as there is something.

    For rewards: whoever once knew a phone does not say in person whose it is, however long ago that was.
    """

    __tablename__ = "identity_look"

    login: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    appeal_id: Mapped[int] = mapped_column(
        sa.ForeignKey("appeal.id"), primary_key=True, autoincrement=False, index=True
    )
    at: Mapped[datetime] = mapped_column(comment="the last one")


class Erasure(Base):
    """删除身份: asked for (个保法 art. 47) or due by time; `erased_at` null: the case is still open."""

    __tablename__ = "identity_erasure"
    __table_args__ = (
        sa.Index(
            "ix_identity_erasure_waiting",
            "appeal_id",
            postgresql_where=sa.text("erased_at IS NULL"),
            sqlite_where=sa.text("erased_at IS NULL"),
        ),
    )

    appeal_id: Mapped[int] = mapped_column(sa.ForeignKey("appeal.id"), primary_key=True, autoincrement=False)
    asked_at: Mapped[datetime]
    asked_by: Mapped[str] = mapped_column(sa.String(64), comment="login, or 'system': by time")
    reason: Mapped[str] = mapped_column(sa.Text, comment="masked")
    erased_at: Mapped[datetime | None]
