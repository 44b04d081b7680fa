"""Kill -9 between every two steps of a payment: a child does one step and is killed, the parent is the bank.

The bank pays every reference that it is ever handed, once. A part that was paid under two references, or
that the books call paid without the bank, is a double payment (or a lost one), and counted.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

import triage.tables
from connectors import bank_file
from connectors.vault import Vault
from models.db import open_database
from models.rewards import Reward, RewardBatch, RewardPayment, RewardShare
from models.tickets import Ticket
from models.vocab_rewards import PaymentState, RewardAct, ShareState
from tests.factories import NOW
from tests.triage.services.rewards import bed
from triage.clock import FixedClock
from triage.errors import BadInput
from triage.services.deps import Deps
from triage.services.rewards import acting, book, claiming, finding, outcomes, paying, settling
from triage.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.db import Database

#: Where the child dies: in the transaction or right after it.
POINTS: Final = (
    "gather:before", "gather:after", "fetch:before", "fetch:after", "take:before", "take:after"
)  # fmt: skip
REWARDS: Final = 3
#: A child that takes longer hangs: what it does is a second of work, after some of loading.
CHILD_SECONDS: Final = 180.0
_SERVER: Final = multiprocessing.get_context("forkserver")
#: What the bench's own module loads: a child looks for its main module again.
_SERVER.set_forkserver_preload(["bench.rewards_kills", "bench.rewards_leaks"])
#: Read once in the server, not in every child.
_TABLES: Final = triage.tables.load()


def _die(now: bool) -> None:  # noqa: FBT001  (whether this is the point)
    if now:
        os.kill(os.getpid(), signal.SIGKILL)


def _deps(db: Database) -> Deps:
    return Deps(Settings(reward_hash_kib=8), FixedClock(NOW), _TABLES, db, Vault({1: bytes(32)}))


async def step(url: str, name: str, folder: Path, point: str) -> None:
    """One step, dying where it is told. The file for the bank is written as an office would save it."""
    db = open_database(url)
    deps = _deps(db)
    try:
        async with db.writes.begin() as session:
            if name == "gather":
                with_nothing = False
                try:
                    await paying.gather(
                        session, deps.tables, bed.VAULT, bed.PAYER, viewer=bed.EVERYTHING, now=NOW
                    )
                except BadInput:
                    with_nothing = True
                _die(point == "gather:before" and not with_nothing)
            else:
                numbers = list(await session.scalars(sa.select(RewardBatch.no).order_by(RewardBatch.id)))
                for no in numbers:
                    await _fetch_or_take(session, deps, name, no, folder, point)
        _die(point == f"{name}:after")
    finally:
        await db.close()


async def _fetch_or_take(  # noqa: PLR0917  (what a child was told)
    session: AsyncSession, deps: Deps, name: str, no: str, folder: Path, point: str
) -> None:
    if name == "fetch":
        content = await paying.fetch(
            session, deps.tables, bed.VAULT, bed.PAYER, no, viewer=bed.EVERYTHING, now=NOW
        )
        (folder / f"{no}.csv").write_bytes(content)
    elif (folder / f"{no}.result").exists():
        result = (folder / f"{no}.result").read_bytes()
        await settling.take(session, deps.tables, bed.PAYER, no, result, viewer=bed.EVERYTHING, now=NOW)
    _die(point == f"{name}:before")


def _stepped(url: str, name: str, folder: str, point: str) -> None:
    """The child: one step."""
    asyncio.run(step(url, name, Path(folder), point))


def _child(url: str, name: str, folder: Path, point: str = "") -> int:
    """Run a step in a process of its own. Gives its status, -9 when it was killed. Raises RuntimeError.

    It is forked off a server that has loaded everything: loading took ten times as long as what is measured.
    """
    child = _SERVER.Process(target=_stepped, args=(url, name, str(folder), point))
    child.start()
    child.join(CHILD_SECONDS)
    if child.exitcode is None:
        child.kill()
        raise RuntimeError(f"{name} ({point or 'no kill'}) did not end in {CHILD_SECONDS:.0f} s")
    return child.exitcode


def _bank(folder: Path, paid: dict[str, int]) -> None:
    """Pay what lies there, each reference once, and leave the results."""
    for path in folder.glob("*.csv"):
        rows = [line.split(",") for line in path.read_text("utf-8-sig").splitlines()[1:-1]]
        told = []
        for reference, *_, amount, _purpose in rows:
            paid.setdefault(reference, int(amount.replace(".", "")))
            told.append(f"{reference},{amount},成功,B{reference},")
        path.with_suffix(".result").write_text("\r\n".join([",".join(bank_file.IN), *told, ""]), "utf-8")


async def _claims(url: str) -> None:
    """New rewards, claimed by their reporters."""
    db = open_database(url)
    deps = _deps(db)
    try:
        tickets = await bed.reports(db, *[bed.REPORT] * REWARDS)
        async with db.writes.begin() as session:
            while await finding.sweep(session, deps.tables, now=NOW, batch=1000):
                pass
        async with db.reads() as session:
            numbers = list(
                await session.scalars(
                    sa.select(Reward.no)
                    .join(Ticket, Ticket.appeal_id == Reward.winner_appeal_id)
                    .where(Ticket.no.in_(tickets))
                )
            )
        for no in numbers:
            await _way(deps, no)
    finally:
        await db.close()


async def _way(deps: Deps, no: str) -> None:
    """One reward from a candidate to a claim, straight through the services."""
    appeal_id = await approve(deps, no)
    for code in await bed.codes(deps, appeal_id):
        offer = await bed.offered(deps, code)
        async with deps.db.writes.begin() as session:
            await claiming.claim(session, deps, bed.VAULT, offer, bed.CLAIM, now=NOW)


async def approve(deps: Deps, no: str) -> int:
    """One reward from a candidate to where it may be claimed. Gives the appeal that won."""

    async def seen() -> Reward:
        async with deps.db.reads() as session:
            return (await session.scalars(sa.select(Reward).where(Reward.no == no))).one()

    # As the page does: other rewards of the street were found since.
    await bed.look_again(deps, no)
    reward = await seen()
    async with deps.db.writes.begin() as session:
        await outcomes.add(
            session, deps.tables, bed.HANDLER, book.Wish(no, RewardAct.OUTCOME, reward.version),
            bed.FINE, files=(), hashes=(), now=NOW,
        )  # fmt: skip
    reward = await seen()
    async with deps.db.writes.begin() as session:
        stated = acting.Stated(ruleset="CQ-2025", exclusions=())
        wish = book.Wish(no, RewardAct.VERIFY, reward.version)
        await acting.state(session, deps.tables, bed.HANDLER, wish, stated, now=deps.clock.now())
    for doer, act in bed.WAY:
        reward = await seen()
        async with deps.db.writes.begin() as session:
            await acting.act(session, deps.tables, doer, book.Wish(no, act, reward.version), now=NOW)
    return reward.winner_appeal_id


async def run(url: str, rounds: int, points: Sequence[str] = POINTS) -> int:
    """Kill at these points, so many times. Gives how many parts were paid twice, or only one side says so."""
    with tempfile.TemporaryDirectory(prefix="jiesu-bank-") as directory:
        folder, paid = Path(directory), dict[str, int]()
        for number in range(1, rounds + 1):
            for point in points:
                began = time.monotonic()
                await _claims(url)
                for name in ("gather", "fetch", "take"):
                    if point.startswith(name):
                        killed = await asyncio.to_thread(_child, url, name, folder, point)
                        if killed != -signal.SIGKILL:
                            raise RuntimeError(f"{point}: the child was not killed ({killed})")
                        # What left is paid, whatever happened to us afterwards.
                        _bank(folder, paid)
                    if (status := await asyncio.to_thread(_child, url, name, folder)) != 0:
                        raise RuntimeError(f"{name} after {point} ended with {status}")
                    _bank(folder, paid)
                told = f"round {number} of {rounds}, killed at {point}: {time.monotonic() - began:.1f} s"
                print(told, file=sys.stderr, flush=True)
        return await _wrong(url, paid)


async def _wrong(url: str, paid: dict[str, int]) -> int:
    db = open_database(url)
    try:
        async with db.reads() as session:
            rows = list(await session.scalars(sa.select(RewardPayment)))
            owed = {
                share.id: share
                for share in await session.scalars(
                    sa.select(RewardShare).where(RewardShare.state == ShareState.PAID.value)
                )
            }
    finally:
        await db.close()
    by_reference = {row.reference: row for row in rows}
    times = Counter(by_reference[reference].share_id for reference in paid)
    twice = sum(count - 1 for count in times.values())
    one_sided = sum(
        (row.state == PaymentState.PAID) != (row.reference in paid)
        or (row.reference in paid and paid[row.reference] != row.amount_fen)
        for row in rows
    )
    return twice + one_sided + len(set(owed) ^ set(times))
