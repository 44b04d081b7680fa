"""拉取: one window of a platform's orders after another, from a cursor that only moves over whole windows.

The cursor is a moment of the platform's clock up to which everything that it told of is stored. A run asks
for what was changed since shortly before it (the overlap catches what the platform committed late). Each page
is stored in a transaction of its own; the cursor moves when the window came whole (`windows`), and a window
that did not is asked for again in half. Killed at any point, the next run starts at the cursor; what was
stored already counts once.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from connectors.file_times import SHANGHAI
from connectors.hotline.orders import read_order
from triage import logs
from triage.services.hotline import taking
from triage.services.hotline.windows import Incomplete, Paging, Place, TooLong, window
from triage.services.sources.ports import Outcome, SourceFault

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from connectors.hotline.client import HotlineClient, Page
    from connectors.hotline.mapping import PlatformMap
    from connectors.hotline.orders import Order
    from connectors.hotline.settings import HotlineSettings
    from triage.services.hotline.windows import Window
    from triage.services.sources.ports import Work

log = logs.get(__name__)

_TIMELESS: Final = "平台没有说它的时间，位置只前移到它给出的最新变更：它的时钟慢多少，这里看不出。"
_PUT_BACK: Final = (
    "平台的时钟拨回了，位置退到 {back}（平台时间），其后的变更重新拉；如果更早就拨回了，请用“重新拉取”补。"
)


@dataclass(slots=True)
class _Counts:
    """What a run came to."""

    seen: int = 0
    stored: int = 0
    refused: int = 0
    changed: int = 0
    newest: datetime | None = None
    """The last change that the platform showed, by its own clock."""

    def said(self) -> str:
        """In words."""
        parts = [f"看到 {self.seen} 件，新登记 {self.stored} 件"]
        if self.refused:
            parts.append(f"{self.refused} 件不能登记")
        if self.changed:
            parts.append(f"{self.changed} 件内容有变、未覆盖")
        return "，".join(parts) + "。"


def _names(orders: Sequence[Order]) -> set[str]:
    """The orders of a page, as a window counts them: a number once however often it stands there.

    One without a number is called by its content, and two such may say the same: the second is another one,
    else the window would lack it for ever. A number holds no `#`.
    """
    nameless = Counter(order.number for order in orders if not order.named)
    others = {f"{name}#{place}" for name, times in nameless.items() for place in range(2, times + 1)}
    return {order.number for order in orders} | others


def written(moment: datetime) -> str:
    """A moment as we ask a platform: Beijing time with its offset."""
    return moment.astimezone(SHANGHAI).isoformat(timespec="milliseconds")


async def pull(
    work: Work, client: HotlineClient, settings: HotlineSettings, platform: PlatformMap
) -> Outcome:
    """Take in one window. Raises SourceFault when it did not come whole; then the next is shorter."""
    counts = _Counts()

    async def ask(after: datetime, until: datetime, number: int) -> Page:
        return await client.orders(after=written(after), until=written(until), page=number)

    async def store(page: Page) -> set[str]:
        now = work.deps.clock.now()
        orders = [read_order(platform, row, now=now) for row in page.rows]
        async with work.deps.db.writes.begin() as session:
            taken = await taking.take(
                session, work.deps.vault, (work.source.id, work.source.key), orders, via="pull", now=now,
                theirs=page.told(now=now),
            )  # fmt: skip
        counts.seen += len(orders)
        counts.stored += taken.stored
        counts.refused += len(taken.refused)
        counts.changed += len(taken.changed)
        # Of one that could not be read the time may be ours.
        changes = [order.updated_at for order in orders if order.record is not None]
        counts.newest = max([*changes, *([counts.newest] if counts.newest else [])], default=None)
        return _names(orders)

    now = work.deps.clock.now()
    place = Place.read(work.cursor, default=now - timedelta(days=settings.first_days))
    paging = Paging(settings.page_size, settings.most_pages, timedelta(seconds=settings.overlap))
    try:
        whole = (await window(ask, store, place, paging, now=now)).sure(counts.newest, now=now)
    except TooLong as error:
        return Outcome(
            said=f"{counts.said()}{error.reason}",
            seen=counts.seen,
            stored=counts.stored,
            lag=now - place.until,
            cursor=place.shorter(error.tried).stored(),
            more=True,
        )
    except Incomplete as error:
        async with work.deps.db.writes.begin() as session:
            await work.keep(session, place.shorter(error.tried).stored())
        raise SourceFault(error.reason) from None
    back = place.put_back(whole, paging.overlap)
    if back is not None:
        # What the page says of it stands for one run.
        log.warning("platform_clock_put_back", source=work.source.key, until=written(back))
    return Outcome(
        said=counts.said() + _clock(whole, back),
        seen=counts.seen,
        stored=counts.stored,
        lag=whole.lag,
        cursor=place.after(whole, overlap=paging.overlap).stored(),
        more=whole.more,
    )


def _clock(whole: Window, back: datetime | None) -> str:
    """What staff are told of the platform's clock, if anything. `back`: where the place went back to."""
    if not whole.told:
        return _TIMELESS
    return "" if back is None else _PUT_BACK.format(back=f"{back.astimezone(SHANGHAI):%m-%d %H:%M}")
