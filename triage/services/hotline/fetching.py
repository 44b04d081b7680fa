"""按编号补取: orders that a day's account finds lacking here, asked for one by one and taken in like others.

Not every platform knows such a request: one that refuses it, or answers with other orders, is told so in the
account, and the orders stay listed. So do those that it counts to the day and does not give.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
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

#: Of one account. What is left then is asked for by the day's next one, which begins behind the last number.
MOST: Final = 200
_NO_TIME: Final = "时间用完，余下的下次再问"


@dataclass(frozen=True, slots=True)
class Fetched:
    """How many were asked for and came; `why` the platform gave no more, in words for staff.

    `last`: the number asked for last. `left`: how many lacking orders were not asked for.
    """

    asked: int = 0
    came: int = 0
    stored: int = 0
    why: str = ""
    last: str = ""
    left: int = 0

    @property
    def finished(self) -> bool:
        """Whether every lacking order was asked for: asking once more would give nothing else."""
        return not self.why and not self.left


async def fetch(
    deps: Deps,
    source: tuple[int, str],
    client: HotlineClient,
    platform: PlatformMap,
    numbers: Sequence[str],
    *,
    after: str,
    seconds: float,
) -> Fetched:
    """Ask for each and store what comes, each in a transaction of its own. `numbers`: sorted.

    Those behind `after` are asked for first: a platform that never gives the first ones holds up none of the
    others. `seconds`: no answer is waited for beyond these, so that the account can be kept.
    """
    ends = asyncio.get_running_loop().time() + seconds
    found = Fetched(left=len(numbers))
    turn = [*(n for n in numbers if n > after), *(n for n in numbers if n <= after)]
    for number in turn[:MOST]:
        try:
            async with asyncio.timeout_at(ends):
                page = await patient(partial(client.order, number))
        except TimeoutError:
            return replace(found, why=_NO_TIME)
        except (PlatformAway, PlatformDenied) as error:
            return replace(found, why=f"按编号补取没有成功：{error}")
        found = replace(found, asked=found.asked + 1, last=number, left=found.left - 1)
        now = deps.clock.now()
        orders = [read_order(platform, row, now=now) for row in page.rows]
        wanted = [order for order in orders if order.number == number]
        if len(wanted) < len(orders):
            return replace(found, why="平台不认识按编号的请求，答的是别的工单。")
        async with deps.db.writes.begin() as session:
            taken = await taking.take(session, deps.vault, source, wanted, via="fetch", now=now)
        found = replace(found, came=found.came + len(wanted), stored=found.stored + taken.stored)
    return found
