"""按编号补取: orders that a day's account finds lacking here, asked for one by one and taken in like others.

Not every platform knows such a request: one that refuses it, or answers with other orders, is told so in the
account, and the orders stay listed. So do those that it counts to the day and does not give.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from connectors.hotline.client import PlatformAway, PlatformDenied
from connectors.hotline.orders import read_order
from triage.services.hotline import taking
from triage.services.hotline.windows import patient

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connectors.hotline.client import HotlineClient
    from connectors.hotline.mapping import PlatformMap
    from triage.services.deps import Deps

#: Of one account; more lacking orders than these are another fault, and the next account goes on.
MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Fetched:
    """How many were asked for and came; `why` the platform gave no more, in words for staff."""

    asked: int = 0
    came: int = 0
    stored: int = 0
    why: str = ""


async def fetch(
    deps: Deps, source: tuple[int, str], client: HotlineClient, platform: PlatformMap, numbers: Sequence[str]
) -> Fetched:
    """Ask for each and store what comes, each in a transaction of its own."""
    asked = came = stored = 0
    for number in numbers[:MOST]:
        try:
            page = await patient(partial(client.order, number))
        except (PlatformAway, PlatformDenied) as error:
            return Fetched(asked, came, stored, f"按编号补取没有成功：{error}")
        asked += 1
        now = deps.clock.now()
        orders = [read_order(platform, row, now=now) for row in page.rows]
        wanted = [order for order in orders if order.number == number]
        if len(wanted) < len(orders):
            return Fetched(asked, came, stored, "平台不认识按编号的请求，答的是别的工单。")
        async with deps.db.writes.begin() as session:
            taken = await taking.take(session, deps.vault, source, wanted, via="fetch", now=now)
        came += len(wanted)
        stored += taken.stored
    return Fetched(asked, came, stored)
