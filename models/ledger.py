"""审计台账: who did what to what, from where; append-only, each row bound to the one before it by its hash.

Triggers refuse changes and deletions on both databases (0019). One chain for all processes. The hash is plain
SHA-256 over canonical JSON, so anyone with the rows can follow it; that the whole chain was not written anew
is told by the checkpoints, which are signed with a key that the database does not have. Rows past their time
go away only up to a signed checkpoint of the kind `prune`, from which the rest still verifies.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Base

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What stands before the first row.
GENESIS: Final = bytes(32)
#: What the hash covers, besides the hash before it.
CHAINED: Final = (
    "seq", "at", "who", "origin", "act", "subject_kind", "subject", "case_no", "old", "new", "reason",
    "detail",
)  # fmt: skip


class LedgerRow(Base):
    """One entry. Values that identify anyone are masked before they come here."""

    __tablename__ = "ledger"
    __table_args__ = (
        sa.Index("ix_ledger_at", "at", "seq"),
        sa.Index("ix_ledger_who", "who", "seq"),
        sa.Index("ix_ledger_act", "act", "seq"),
        sa.Index("ix_ledger_subject", "subject_kind", "subject", "seq"),
        sa.Index("ix_ledger_case_no", "case_no", "seq"),
    )

    seq: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    who: Mapped[str] = mapped_column(sa.String(64), comment="login, or what acted by itself")
    origin: Mapped[str | None] = mapped_column(sa.String(64), comment="address it came from, or 'command'")
    act: Mapped[str] = mapped_column(sa.String(32), comment="vocab_ledger.LedgerAct")
    subject_kind: Mapped[str] = mapped_column(sa.String(16), comment="vocab_ledger.SubjectKind")
    subject: Mapped[str] = mapped_column(sa.String(120))
    case_no: Mapped[str | None] = mapped_column(sa.String(40), comment="number of the ticket it belongs to")
    old: Mapped[str | None] = mapped_column(sa.Text, comment="masked")
    new: Mapped[str | None] = mapped_column(sa.Text, comment="masked")
    reason: Mapped[str | None] = mapped_column(sa.Text)
    detail: Mapped[dict[str, Any]] = mapped_column(sa.JSON, comment="further facts by name; masked")
    previous: Mapped[bytes] = mapped_column(sa.LargeBinary, comment="hash of the row before")
    hash: Mapped[bytes] = mapped_column(sa.LargeBinary)


class LedgerCheckpoint(Base):
    """How far the chain stood at a moment, signed; of the kind `prune`: what is before it may be gone."""

    __tablename__ = "ledger_checkpoint"
    __table_args__ = (sa.CheckConstraint("kind in ('mark', 'prune')", name="kind"),)

    seq: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(sa.String(8), primary_key=True)
    hash: Mapped[bytes] = mapped_column(sa.LargeBinary, comment="of the row `seq`")
    at: Mapped[datetime]
    public_key: Mapped[str] = mapped_column(sa.String(64), comment="Ed25519, hex")
    signature: Mapped[str] = mapped_column(sa.String(128), comment="over `checkpoint_text`, hex")


def digest(values: Mapping[str, Any], previous: bytes) -> bytes:
    """The hash of a row with these values after the row with that hash."""
    told = {name: values[name] for name in CHAINED}
    told["at"] = _moment(told["at"])
    text = orjson.dumps([previous.hex(), told], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(text).digest()


def checkpoint_text(*, seq: int, kind: str, hash_: bytes, at: datetime) -> bytes:
    """What is signed of a checkpoint."""
    told = {"ledger": "jiesu", "seq": seq, "kind": kind, "hash": hash_.hex(), "at": _moment(at)}
    return orjson.dumps(told, option=orjson.OPT_SORT_KEYS)


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
