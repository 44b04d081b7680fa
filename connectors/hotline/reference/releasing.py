"""What the reference platform does by itself: orders come, also in bursts; some are pushed, some change."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
from yarl import URL

from connectors.hotline import signing

if TYPE_CHECKING:
    from connectors.hotline.reference.server import Platform

#: Orders to one push.
_PUSHED_TOGETHER = 20
_TICK_SECONDS = 0.25
_TRIES = 60


@dataclass(frozen=True, slots=True)
class Plan:
    """How orders come: so many at once at the start (over `hours`), the rest at `rate` a second.

    Every `burst_every` seconds the rate is `burst` times as high for one second. `push_share` of the new
    ones go to the hook as well.
    """

    orders: int
    backlog: int
    hours: float = 20.0
    rate: float = 1.0
    burst: float = 50.0
    burst_every: float = 20.0
    push_url: str | None = None
    push_secret: str = ""
    push_share: float = 0.3


def stock(platform: Platform, plan: Plan) -> None:
    """The orders that are there at the start, evenly over the last hours."""
    span = plan.hours * 3600
    for place in range(plan.backlog):
        platform.add(age=span * (1 - place / max(plan.backlog, 1)) + 1)


async def release(platform: Platform, plan: Plan) -> None:
    """Let the rest come, push some, change some; ends when all are there and pushed."""
    left, owed, began = plan.orders - plan.backlog, 0.0, time.monotonic()
    pushes: list[asyncio.Task[None]] = []
    last = began
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        while left > 0:
            await asyncio.sleep(_TICK_SECONDS)
            now = time.monotonic()
            bursting = plan.burst_every > 0 and (now - began) % plan.burst_every < 1
            owed += (now - last) * plan.rate * (plan.burst if bursting else 1)
            last = now
            count = min(int(owed), left)
            owed, left = owed - count, left - count
            numbers = [platform.add() for _ in range(count)]
            _touch(platform, numbers)
            chosen = [number for number in numbers if platform.dice.falls(plan.push_share)]
            if plan.push_url and chosen:
                pushes.append(asyncio.create_task(_push(session, platform, plan, chosen)))
        await asyncio.gather(*pushes)
    platform.counts["all_released"] = 1


def _touch(platform: Platform, numbers: list[str]) -> None:
    for number in numbers:
        if platform.fell("touch"):
            platform.ledger.touch(number, "催办", updated=platform.now())


async def _push(session: aiohttp.ClientSession, platform: Platform, plan: Plan, numbers: list[str]) -> None:
    for start in range(0, len(numbers), _PUSHED_TOGETHER):
        rows = [platform.ledger.rows[number] for number in numbers[start : start + _PUSHED_TOGETHER]]
        body = orjson.dumps({"rows": rows})
        if platform.fell("gb18030"):
            body = orjson.dumps({"rows": rows}).decode().encode("gb18030")
        sent = await _deliver(session, platform, plan, body)
        if sent is None:
            continue
        platform.ledger.pushed += len(rows)
        if platform.fell("duplicate_push"):
            await _deliver(session, platform, plan, body)
        if platform.fell("replay_push"):
            await _wrong(session, platform, plan, body, sent)
        if platform.fell("forge_push"):
            forged = signing.Stamp(int(platform.now()), "f" * 24 + str(start), "v1=" + "0" * 64)
            await _wrong(session, platform, plan, body, forged)


async def _deliver(
    session: aiohttp.ClientSession, platform: Platform, plan: Plan, body: bytes
) -> signing.Stamp | None:
    """Push until it is taken, each time signed anew; None when it never was."""
    for _ in range(_TRIES):
        signed = signing.request_body("POST", URL(plan.push_url or "").raw_path, body)
        stamp = signing.stamp(plan.push_secret, signed, at=int(platform.now()))
        if await _post(session, plan, body, stamp) == 200:  # noqa: PLR2004  (HTTP)
            return stamp
        await asyncio.sleep(1)
    platform.counts["push_given_up"] += 1
    return None


async def _wrong(
    session: aiohttp.ClientSession, platform: Platform, plan: Plan, body: bytes, stamp: signing.Stamp
) -> None:
    """Push what must not be taken; while the other side is away nothing is proved."""
    status = await _post(session, plan, body, stamp)
    platform.ledger.push_refused_rightly += status == 401  # noqa: PLR2004  (HTTP)
    platform.ledger.push_taken_wrongly += status == 200  # noqa: PLR2004  (HTTP)


async def _post(session: aiohttp.ClientSession, plan: Plan, body: bytes, stamp: signing.Stamp) -> int | None:
    headers: dict[str, Any] = {**stamp.headers(), "Content-Type": "application/json"}
    try:
        async with session.post(plan.push_url or "", data=body, headers=headers) as response:
            await response.read()
            return response.status
    except (aiohttp.ClientError, TimeoutError, OSError):
        return None
