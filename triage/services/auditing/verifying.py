"""核对审计台账: whether every row is as it was written, none is missing, and the chain is the one we signed.

Read in pieces, in order of the rows: as much memory for ten million as for ten.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from connectors.vault import signed_by
from models.ledger import CHAINED, GENESIS, LedgerCheckpoint, LedgerRow, checkpoint_text, digest

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping

    from sqlalchemy.ext.asyncio import AsyncSession

PIECE: Final = 1000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of it. `broken`: the first row that is not as it was, and why; None: all is well.

    `signed_to`: up to where our signature vouches for the chain; what came after is bound to it by hashes.
    """

    rows: int
    first: int
    last: int
    signed_to: int
    checkpoints: int
    broken: int | None = None
    why: str | None = None


@dataclass(slots=True)
class _State:
    public_key: str
    outside: Mapping[int, str]
    rows: int = 0
    first: int = 0
    last: int = 0
    previous: bytes = GENESIS
    signed_to: int = 0
    checkpoints: int = 0

    def verdict(self, broken: int | None = None, why: str | None = None) -> Verdict:
        return Verdict(self.rows, self.first, self.last, self.signed_to, self.checkpoints, broken, why)

    def genuine(self, point: LedgerCheckpoint) -> bool:
        text = checkpoint_text(seq=point.seq, kind=point.kind, hash_=point.hash, at=point.at)
        return point.public_key == self.public_key and signed_by(self.public_key, text, point.signature)

    def begin(self, pruned: LedgerCheckpoint | None) -> Verdict | None:
        """Start after what went by the rule. Gives a verdict when nothing vouches for that."""
        if pruned is not None:
            self.last, self.previous, self.signed_to = pruned.seq, pruned.hash, pruned.seq
        self.first = self.last + 1
        return self.verdict(self.last, "清理记录的签名不对") if pruned and not self.genuine(pruned) else None

    def take(self, row: Mapping[str, Any]) -> Verdict | None:
        """Go one row on. Gives a verdict when it is broken."""
        seq, hash_ = row["seq"], row["hash"]
        faults = (
            (seq != self.last + 1, self.last + 1, f"缺少这一行，下一行是 {seq}"),
            (row["previous"] != self.previous, seq, "与前一行接不上"),
            (digest(row, self.previous) != hash_, seq, "内容与写入时不同"),
            (self.outside.get(seq, hash_.hex()) != hash_.hex(), seq, "与库外保存的检查点不同"),
        )
        for broken, where, why in faults:
            if broken:
                return self.verdict(where, why)
        self.rows, self.last, self.previous = self.rows + 1, seq, hash_
        return None

    def pass_by(self, mark: LedgerCheckpoint) -> Verdict | None:
        """Hold the row just taken to its signed mark. Gives a verdict when they differ."""
        if not self.genuine(mark):
            return self.verdict(mark.seq, "检查点的签名不对")
        if mark.hash != self.previous:
            return self.verdict(mark.seq, "与签名的检查点不同")
        self.signed_to, self.checkpoints = mark.seq, self.checkpoints + 1
        return None


async def verify(
    session: AsyncSession, public_key: str, *, kept: Iterable[Mapping[str, object]] = ()
) -> Verdict:
    """Follow the chain from its beginning, or from where it was pruned.

    `kept`: checkpoints that were put aside outside (`jiesu audit checkpoint`): whoever rewrites rows and
    checkpoints alike is found by these.
    """
    outside = {int(str(point["seq"])): str(point["hash"]) for point in kept}
    while True:
        pruned = await _last_pruned(session)
        verdict = await _follow(session, public_key, pruned, outside)
        again = await _last_pruned(session)
        # Rows went by the rule while we read them: what is left is followed anew.
        if verdict.broken is None or (again and again.seq) == (pruned and pruned.seq):
            return verdict


async def _last_pruned(session: AsyncSession) -> LedgerCheckpoint | None:
    return await session.scalar(
        sa.select(LedgerCheckpoint)
        .where(LedgerCheckpoint.kind == "prune")
        .order_by(LedgerCheckpoint.seq.desc())
        .limit(1)
    )


async def _follow(
    session: AsyncSession, public_key: str, pruned: LedgerCheckpoint | None, outside: Mapping[int, str]
) -> Verdict:
    state = _State(public_key, outside)
    if (broken := state.begin(pruned)) is not None:
        return broken
    start = state.last
    # The rows of these marks are all there by now; of later ones they may come after our reading.
    until = await session.scalar(sa.select(sa.func.max(LedgerCheckpoint.seq))) or 0
    marks = _marks(session, start, until)
    mark = await anext(marks, None)
    async for row in _rows(session, start):
        if (broken := state.take(row)) is not None:
            return broken
        if mark is not None and mark.seq == state.last:
            if (broken := state.pass_by(mark)) is not None:
                return broken
            mark = await anext(marks, None)
    furthest = max([0 if mark is None else mark.seq, *outside])
    if furthest > state.last:
        return state.verdict(state.last + 1, f"末尾缺少：检查点到过 {furthest}")
    return state.verdict()


async def _rows(session: AsyncSession, after: int) -> AsyncIterator[dict[str, Any]]:
    columns = [getattr(LedgerRow, name) for name in (*CHAINED, "previous", "hash")]
    while True:
        wanted = sa.select(*columns).where(LedgerRow.seq > after).order_by(LedgerRow.seq).limit(PIECE)
        found = (await session.execute(wanted)).mappings().all()
        for row in found:
            yield dict(row)
        if len(found) < PIECE:
            return
        after = found[-1]["seq"]


async def _marks(session: AsyncSession, after: int, until: int) -> AsyncGenerator[LedgerCheckpoint]:
    while True:
        found = list(
            await session.scalars(
                sa.select(LedgerCheckpoint)
                .where(LedgerCheckpoint.kind == "mark", LedgerCheckpoint.seq.between(after + 1, until))
                .order_by(LedgerCheckpoint.seq)
                .limit(PIECE)
            )
        )
        for point in found:
            session.expunge(point)
            yield point
        if len(found) < PIECE:
            return
        after = found[-1].seq
