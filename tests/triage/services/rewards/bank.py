"""The office and the bank: batches, files and results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors import bank_file
from tests.triage.services.rewards.bed import EVERYTHING, PAYER, SECOND_PAYER, VAULT
from triage.services.rewards import paying, settling

if TYPE_CHECKING:
    from models.rewards import RewardBatch
    from triage.rules.rewards.stepping import Doer
    from triage.services.deps import Deps
    from triage.services.rewards.settling import Taken


async def gathered(deps: Deps) -> RewardBatch:
    async with deps.db.writes.begin() as session:
        return await paying.gather(
            session, deps.tables, VAULT, PAYER, viewer=EVERYTHING, now=deps.clock.now()
        )


async def fetched(deps: Deps, no: str) -> bytes:
    async with deps.db.writes.begin() as session:
        return await paying.fetch(
            session, deps.tables, VAULT, PAYER, no, viewer=EVERYTHING, now=deps.clock.now()
        )


async def answer_of(deps: Deps, no: str, result: str = "成功", why: str = "") -> bytes:
    """What a bank sends back for a file."""
    lines = (await fetched(deps, no)).decode("utf-8-sig").splitlines()[1:-1]
    rows = [line.split(",") for line in lines]
    told = [f"{row[0]},{row[4]},{result},B{row[0]},{why}" for row in rows]
    return "\r\n".join([",".join(bank_file.IN), *told, ""]).encode()


async def taken(deps: Deps, no: str, content: bytes, by: Doer = PAYER) -> Taken:
    async with deps.db.writes.begin() as session:
        return await settling.take(
            session, deps.tables, by, no, content, viewer=EVERYTHING, now=deps.clock.now()
        )


async def failed(deps: Deps, no: str, why: str) -> Taken:
    """Two people say that the bank did not pay."""
    answer = await answer_of(deps, no, "失败", why)
    await taken(deps, no, answer)
    return await taken(deps, no, answer, SECOND_PAYER)


async def paid(deps: Deps, no: str) -> Taken:
    return await taken(deps, no, await answer_of(deps, no))
