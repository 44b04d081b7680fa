"""审计台账: writing to it. `ledger.write(session, …)` in the transaction of what is done, anywhere in it.

The entries of a transaction are put at the end of the chain when it commits, as the last thing it does: the
chain is locked from there to the commit and no longer, and nobody who holds it waits for anything else, so
that it cannot deadlock with the locks of the work itself. What is rolled back was never written; when the
entry cannot be written, the work is not done either.

Whoever shows or changes something secret writes here. Values are masked once more on their way in; secrets
themselves (a name, a number, a password) are never given to it, only `masked shapes`.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction

from models.db import WRITE_OPTION
from models.ledger import GENESIS, LedgerRow, digest
from nlp.text import mask_identity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.vocab_ledger import LedgerAct, SubjectKind

#: Of a value or a reason this much is kept: the ledger tells that and how, the rows themselves hold the rest.
LONGEST: Final = 1000
_LONGEST_NO: Final = 40
_PENDING: Final = "ledger.pending"
#: Any number that no other advisory lock of ours has: PostgreSQL's lock of the end of the chain.
_LOCK: Final = 7_012_345
_ORIGIN: ContextVar[str | None] = ContextVar("ledger_origin", default=None)

Fact = str | int | bool | None | list[str]


@dataclass(frozen=True, slots=True)
class Subject:
    """What an entry is about; `case_no`: the number of the ticket that it belongs to."""

    kind: SubjectKind
    id: str
    case_no: str | None = None


@dataclass(slots=True)
class _Pending:
    """Entries that wait for the commit, each with the savepoint it was written under."""

    entries: list[tuple[dict[str, Any], SessionTransaction | None]] = field(default_factory=list)


@contextmanager
def coming_from(origin: str | None) -> Iterator[None]:
    """What is written within comes from this address; the edges say so once for all their services."""
    token = _ORIGIN.set(origin[:64] if origin else None)
    try:
        yield
    finally:
        _ORIGIN.reset(token)


def origin() -> str | None:
    """Where what is done now comes from; None: from no edge."""
    return _ORIGIN.get()


def write(
    session: AsyncSession,
    *,
    who: str,
    act: LedgerAct,
    subject: Subject,
    now: datetime,
    old: str | None = None,
    new: str | None = None,
    reason: str | None = None,
    detail: Mapping[str, Fact] | None = None,
) -> None:
    """Write an entry with this transaction. Raises RuntimeError in a session that only reads.

    `old`, `new`: masked shapes of what was there before and after. `who`: a login, or `system`.
    """
    if not session.get_bind().get_execution_options().get(WRITE_OPTION):
        raise RuntimeError("the ledger is written in a transaction that writes")
    entry = {
        "at": now,
        "who": who[:64],
        "origin": _ORIGIN.get(),
        "act": act.value,
        "subject_kind": subject.kind.value,
        "subject": _plain(subject.id)[:120],
        "case_no": None if subject.case_no is None else _plain(subject.case_no)[:_LONGEST_NO],
        "old": _text(old),
        "new": _text(new),
        "reason": _text(reason),
        "detail": {name: _fact(value) for name, value in (detail or {}).items()},
    }
    sync = session.sync_session
    pending: _Pending = sync.info.setdefault(_PENDING, _Pending())
    pending.entries.append((entry, sync.get_nested_transaction()))


async def hold(session: AsyncSession) -> None:
    """Let nobody else write until this transaction ends: for whoever signs or prunes."""
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))


def _plain(text: str) -> str:
    """PostgreSQL takes no NUL, and JSON no half of a character."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _text(value: str | None) -> str | None:
    return None if value is None else mask_identity(_plain(value))[:LONGEST]


def _fact(value: Fact) -> Fact:
    match value:
        case str():
            return _text(value)
        case list():
            return [_text(item) or "" for item in value]
        case _:
            return value


@event.listens_for(Session, "before_commit")
def _chain(session: Session) -> None:
    """Put what the transaction wrote at the end of the chain."""
    pending: _Pending | None = session.info.get(_PENDING)
    if pending is None or not pending.entries or session.in_nested_transaction():
        return
    entries = [entry for entry, _ in pending.entries]
    pending.entries.clear()
    # What the work itself left to be flushed comes first: it may wait for locks, and the chain must not.
    session.flush()
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    end = session.execute(
        sa.select(LedgerRow.seq, LedgerRow.hash).order_by(LedgerRow.seq.desc()).limit(1)
    ).one_or_none()
    if end is None:
        end = session.execute(_LAST_PRUNED).one_or_none()
    seq, previous = (end[0], end[1]) if end else (0, GENESIS)
    rows = []
    for entry in entries:
        seq += 1
        row = {**entry, "seq": seq, "previous": previous}
        previous = row["hash"] = digest(row, previous)
        rows.append(row)
    session.execute(sa.insert(LedgerRow), rows)


_LAST_PRUNED: Final = sa.text(
    "SELECT seq, hash FROM ledger_checkpoint WHERE kind = 'prune' ORDER BY seq DESC LIMIT 1"
)


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, gone: SessionTransaction) -> None:
    """What was rolled back is not written: all of it, or what a savepoint took with it."""
    pending: _Pending | None = session.info.get(_PENDING)
    if pending is None:
        return
    if gone.nested:
        pending.entries = [(entry, under) for entry, under in pending.entries if not _within(under, gone)]
    else:
        pending.entries.clear()


def _within(under: SessionTransaction | None, gone: SessionTransaction) -> bool:
    while under is not None:
        if under is gone:
            return True
        under = under.parent
    return False
