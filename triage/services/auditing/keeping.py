"""The ledger's own timetable: its end is signed every few minutes, and rows past their time go.

How often and how long stands in `retention.yaml`. A signed end is also one log line, so that whoever keeps
the logs holds what the chain can be checked against.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.appeals import Appellant
from models.db import insert_of
from models.identities import IdentityLook
from models.ledger import LedgerCheckpoint, LedgerRow, checkpoint_text
from models.vocab_ledger import LOOKS, LedgerAct, SubjectKind
from models.vocab_retention import Kept
from triage import logs
from triage.rules import retention_rows
from triage.services import ledger

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.vault import Vault
    from triage.services.deps import Deps

log = logs.get(__name__)

#: Rows that go in one transaction.
PRUNE_BATCH: Final = 5000
#: Less than this many rows past their time are left for another day: each time leaves a checkpoint for good.
PRUNE_EVERY: Final = timedelta(days=1)


async def mark(session: AsyncSession, vault: Vault, *, now: datetime) -> LedgerCheckpoint | None:
    """Sign where the chain ends; None: it is signed already, or there is nothing yet."""
    await ledger.hold(session)
    end = (
        await session.execute(
            sa.select(LedgerRow.seq, LedgerRow.hash).order_by(LedgerRow.seq.desc()).limit(1)
        )
    ).one_or_none()
    signed = await session.scalar(
        sa.select(sa.func.max(LedgerCheckpoint.seq)).where(LedgerCheckpoint.kind == "mark")
    )
    if end is None or end.seq == signed:
        return None
    point = _signed(vault, end.seq, "mark", end.hash, now)
    session.add(point)
    await session.flush()
    log.info("ledger_signed", seq=end.seq, hash=end.hash.hex(), signature=point.signature)
    return point


def _signed(vault: Vault, seq: int, kind: str, hash_: bytes, now: datetime) -> LedgerCheckpoint:
    text = checkpoint_text(seq=seq, kind=kind, hash_=hash_, at=now)
    return LedgerCheckpoint(
        seq=seq, kind=kind, hash=hash_, at=now, public_key=vault.public_key, signature=vault.sign(text)
    )


async def prune(session: AsyncSession, vault: Vault, *, before: datetime, now: datetime) -> int:
    """Let go of rows older than `before`, up to `PRUNE_BATCH`. Gives how many.

    The last of them is signed first; without that the triggers refuse. At least one row always stays.
    Who looked at an identity is carried over (`identity_look`).
    """
    await ledger.hold(session)
    newest = sa.select(sa.func.max(LedgerRow.seq)).scalar_subquery()
    rows = (
        await session.execute(
            sa.select(LedgerRow.seq, LedgerRow.hash, LedgerRow.at)
            .where(LedgerRow.seq < newest)
            .order_by(LedgerRow.seq)
            .limit(PRUNE_BATCH)
        )
    ).all()
    # In order of the chain: a row that is younger than its neighbours keeps those after it as well.
    gone = 0
    for row in rows:
        if row.at >= before:
            break
        gone += 1
    if not gone:
        return 0
    last = rows[gone - 1]
    await _carry_looks(session, up_to=last.seq)
    session.add(_signed(vault, last.seq, "prune", last.hash, now))
    await session.flush()
    await session.execute(sa.delete(LedgerRow).where(LedgerRow.seq <= last.seq))
    ledger.write(
        session,
        who="system",
        act=LedgerAct.LEDGER_PRUNED,
        subject=ledger.Subject(SubjectKind.LEDGER, str(last.seq)),
        now=now,
        detail={"rows": gone, "first": rows[0].seq, "last": last.seq, "before": before.isoformat()},
    )
    log.info("ledger_pruned", rows=gone, last=last.seq)
    return gone


async def _carry_looks(session: AsyncSession, *, up_to: int) -> None:
    """Keep who looked at whom of what goes, as long as there is something of them; let go of the others."""
    rows = await session.execute(
        sa.select(LedgerRow.who, LedgerRow.subject, sa.func.max(LedgerRow.at))
        .where(
            LedgerRow.seq <= up_to,
            LedgerRow.act.in_(LOOKS),
            LedgerRow.subject_kind == SubjectKind.APPEAL.value,
        )
        .group_by(LedgerRow.who, LedgerRow.subject)
    )
    looks = {(who, int(subject)): at for who, subject, at in rows if subject.isdecimal()}
    held = sa.or_(
        *(
            part.is_not(None)
            for part in (Appellant.name, Appellant.phone, Appellant.id_number, Appellant.original)
        )
    )
    there = set(
        await session.scalars(
            sa.select(Appellant.appeal_id).where(
                Appellant.appeal_id.in_(sorted({appeal_id for _, appeal_id in looks})), held
            )
        )
    )
    for (who, appeal_id), at in looks.items():
        if appeal_id in there:
            await session.execute(
                insert_of(session, IdentityLook)
                .values(login=who, appeal_id=appeal_id, at=at)
                .on_conflict_do_update(index_elements=["login", "appeal_id"], set_={"at": at})
            )
    still = sa.exists().where(Appellant.appeal_id == IdentityLook.appeal_id, held)
    await session.execute(sa.delete(IdentityLook).where(~still))


class Keeper:
    """What the timetable runs: signs when it is time, prunes once a day."""

    def __init__(self, deps: Deps) -> None:
        """Start with nothing done."""
        self._deps = deps
        self._marked_at: datetime | None = None
        self._pruned_at: datetime | None = None

    async def keep(self) -> bool:
        """Do what is due. Gives whether there is more of it at once."""
        deps, now = self._deps, self._deps.clock.now()
        row = retention_rows.row_of(deps.tables.retention, Kept.LEDGER, now)
        every = timedelta(minutes=row.checkpoint_minutes or 1)
        if self._marked_at is None or now - self._marked_at >= every:
            async with deps.db.writes.begin() as session:
                await mark(session, deps.vault, now=now)
            self._marked_at = now
        if self._pruned_at is not None and now - self._pruned_at < PRUNE_EVERY:
            return False
        async with deps.db.writes.begin() as session:
            gone = await prune(session, deps.vault, before=row.before(now), now=now)
        if gone < PRUNE_BATCH:
            self._pruned_at = now
            return False
        return True
