"""回访台: an answer is not put right, nor sent back by another, while a 回访员 reads it to its citizen.

Asked of 更正反馈 and 退回补充, for the case and each that waits behind it; whoever has it open themselves may
send it back. Asked under the tickets' locks, which whoever opens a case waits for (`holds.hold`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from models import holds
from models.vocab import Move
from triage.clock import local
from triage.rules.fields import Refusal, Stage

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

_MOVES: Final = frozenset({Move.AMEND, Move.SUPPLEMENT})


async def check(
    session: AsyncSession, ids: Collection[int], login: str, move: Move, *, now: datetime
) -> None:
    """Nobody else has one of these open on 回访台. Raises Refusal."""
    if move not in _MOVES:
        return
    found = await holds.ringing_now(session, ids, login, now=now)
    if found is not None:
        name, until = found
        raise Refusal(
            f"{name}在回访台开着这张（或并入它的一张），可能正在按现在的反馈打电话，先不能{move.label}："
            f"请等记了回访结果再看；最晚到 {local(until):%H:%M}，没有记结果的可以再做",
            stage=Stage.FACT,
        )
