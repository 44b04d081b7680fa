"""对账: for a day of Beijing, what one side has and the other lacks, of orders and of actions. Kept.

An order belongs to the day on which the platform made it, an action to the day of the move that it tells of;
both sides know these from the order and the action themselves, so midnight moves nothing from side to side.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from connectors.hotline.client import PlatformAway
from models.appeals import Appeal
from models.hotline import HotlineAction, HotlineOrder, Reconciliation
from models.tickets import Ticket
from models.vocab import CLOSED_STATES
from models.vocab_sources import ActionState, OrderStatus
from triage.services.hotline import fetching
from triage.services.hotline.fetching import Fetched
from triage.services.hotline.windows import patient

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.hotline.client import HotlineClient
    from connectors.hotline.mapping import PlatformMap
    from connectors.hotline.settings import HotlineSettings
    from triage.services.deps import Deps

#: Of each sort so many numbers are kept; the count is whole.
KEPT: Final = 1000
#: After so long no order is asked for any more: the account is written down before the task's limit (600 s).
ENOUGH_SECONDS: Final = 450.0
_MOST_PAGES: Final = 1000


@dataclass(frozen=True, slots=True)
class Differences:
    """Numbers that one side has and the other lacks; actions as `order#number`.

    `lacking_here`: orders that the platform has and we have not stored. `lacking_there`: the other way
    round. `unacknowledged`: the platform has the action, we hold no receipt. `unsent`: it waits here.
    `refused`: the platform refused it. `unknown_there`: we hold a receipt, the platform lacks the action.
    `unknown_here`: the platform has an action that we never made.
    `closed_there`: the platform closed the order while our ticket runs; both have it, so it is not unmatched.
    """

    lacking_here: list[str] = field(default_factory=list)
    lacking_there: list[str] = field(default_factory=list)
    unacknowledged: list[str] = field(default_factory=list)
    unsent: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    unknown_there: list[str] = field(default_factory=list)
    unknown_here: list[str] = field(default_factory=list)
    closed_there: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """All that one side lacks."""
        return sum(len(numbers) for name, numbers in asdict(self).items() if name != "closed_there")


@dataclass(frozen=True, slots=True)
class Report:
    """A day's reconciliation."""

    day: date
    made_at: datetime
    orders: int
    actions: int
    differences: Differences
    fetched: Fetched = field(default_factory=Fetched)

    @property
    def unmatched(self) -> int:
        """Orders and actions that one side lacks."""
        return self.differences.count

    def detail(self) -> dict[str, Any]:
        """As it is kept: each list up to `KEPT`, with its whole count."""
        lists = asdict(self.differences)
        return {
            "counts": {name: len(numbers) for name, numbers in lists.items()},
            "numbers": {name: sorted(numbers)[:KEPT] for name, numbers in lists.items()},
            "fetched": asdict(self.fetched),
        }


#: What each list is called for staff.
LABELS: Final = {
    "lacking_here": "平台有、这里没有登记的工单",
    "lacking_there": "这里有、平台没有的工单",
    "unacknowledged": "平台已收到、这里没有回执的动作",
    "unsent": "还没有送达的动作",
    "refused": "平台拒收的动作",
    "unknown_there": "这里有回执、平台却没有的动作",
    "unknown_here": "平台有、这里没有做过的动作",
    "closed_there": "平台已办结、这里还在办的工单",
}


async def reconcile(
    deps: Deps,
    source: tuple[int, str],
    client: HotlineClient,
    settings: HotlineSettings,
    platform: PlatformMap,
    *,
    day: date,
) -> Report:
    """Compare a day with the platform, fetch what is lacking here, and keep the result. `source`: id, key.

    Raises PlatformAway, PlatformDenied.
    """
    source_id, began = source[0], time.monotonic()
    theirs_orders = await _numbers(client, settings, day, "orders")
    theirs_actions = await _numbers(client, settings, day, "actions")
    now = deps.clock.now()
    async with deps.db.reads() as session:
        ours_orders = await _orders(session, source_id, day)
        settled = ours_orders | await _known(session, source_id, theirs_orders - ours_orders.keys())
        ours_actions = await _actions(session, source_id, day)
        closed_there = await _closed_there(session, source_id, day)
        asked_last = await _asked_last(session, source_id, day)
    # An order of another day by our reckoning is still here; a closed one is passed over on purpose.
    lacking = sorted(number for number in theirs_orders if not settled.get(number, False))
    left = ENOUGH_SECONDS - (time.monotonic() - began)
    fetched = await fetching.fetch(deps, source, client, platform, lacking, after=asked_last, seconds=left)
    if fetched.came:
        async with deps.db.reads() as session:
            settled |= await _known(session, source_id, lacking)
    differences = Differences(
        lacking_here=[number for number in lacking if not settled.get(number, False)],
        lacking_there=sorted(ours_orders.keys() - theirs_orders),
        unacknowledged=_of(ours_actions, ActionState.WAITING, within=theirs_actions),
        unsent=_of(ours_actions, ActionState.WAITING, without=theirs_actions),
        refused=_of(ours_actions, ActionState.REFUSED),
        unknown_there=_of(ours_actions, ActionState.DONE, without=theirs_actions),
        unknown_here=sorted(theirs_actions - ours_actions.keys()),
        closed_there=closed_there,
    )
    report = Report(day, now, len(theirs_orders), len(theirs_actions), differences, fetched)
    async with deps.db.writes.begin() as session:
        session.add(Reconciliation(
            source_id=source_id, day=day, made_at=now, orders=report.orders, actions=report.actions,
            unmatched=report.unmatched, detail=report.detail(),
        ))  # fmt: skip
    return report


def said(report: Report) -> str:
    """The result in a sentence."""
    head = (
        f"{report.day} 对账：平台工单 {report.orders} 件、动作 {report.actions} 个{fetched_in_words(report)}"
    )
    agreed = "" if report.unmatched else "，两边一致"
    counts = report.detail()["counts"]
    told = "，".join(f"{LABELS[name]} {count}" for name, count in counts.items() if count)
    return f"{head}{agreed}；{told}。" if told else f"{head}{agreed}。"


def fetched_in_words(report: Report) -> str:
    """What was fetched by number, behind the counts; nothing when nothing was asked for."""
    found = report.fetched
    told = f"，按编号补取 {found.asked} 件、新登记 {found.stored} 件" if found.asked else ""
    return f"{told}，{found.why.removesuffix('。')}" if found.why else told


async def _asked_last(session: AsyncSession, source_id: int, day: date) -> str:
    """Where the day's last account ended asking; empty before the first."""
    fetched = await session.scalar(
        sa.select(Reconciliation.detail["fetched"])
        .where(Reconciliation.source_id == source_id, Reconciliation.day == day)
        .order_by(Reconciliation.id.desc())
        .limit(1)
    )
    return str((fetched or {}).get("last", ""))


async def _numbers(client: HotlineClient, settings: HotlineSettings, day: date, kind: str) -> set[str]:
    """Every number of a day, all pages. Raises PlatformAway when they do not come whole."""
    found: set[str] = set()
    size = settings.page_size * 10
    total, number = 0, 1
    while number <= min(max(-(-total // size), 1), _MOST_PAGES):
        known = len(found)
        page = await patient(partial(client.day, day.isoformat(), kind, page=number))
        total = max(total, page.total)
        found |= {str(row) for row in page.rows}
        if number > 1 and page.rows and len(found) == known:
            # Another page once more; asked again, it is the right one or the count tells.
            page = await patient(partial(client.day, day.isoformat(), kind, page=number))
            found |= {str(row) for row in page.rows}
        number += 1
    if len(found) < total:
        raise PlatformAway(f"对账清单不完整：平台说有 {total} 个，各页只给出 {len(found)} 个。")
    return found


async def _orders(session: AsyncSession, source_id: int, day: date) -> dict[str, bool]:
    """Our orders of a day, and whether each is settled: stored, or closed over there before we saw it."""
    return await _settled(session, source_id, HotlineOrder.day == day)


async def _known(session: AsyncSession, source_id: int, numbers: Iterable[str]) -> dict[str, bool]:
    """The same of orders which the platform counts to this day and we to another."""
    found: dict[str, bool] = {}
    listed = sorted(numbers)
    for start in range(0, len(listed), KEPT):
        part = listed[start : start + KEPT]
        found |= await _settled(session, source_id, HotlineOrder.order_no.in_(part))
    return found


async def _settled(session: AsyncSession, source_id: int, chosen: sa.ColumnElement[bool]) -> dict[str, bool]:
    rows = await session.execute(
        sa.select(HotlineOrder.order_no, HotlineOrder.status, Appeal.id.is_not(None))
        .outerjoin(
            Appeal,
            sa.and_(
                Appeal.source_id == HotlineOrder.source_id,
                Appeal.dedupe_key == sa.literal("x:").concat(HotlineOrder.order_no),
            ),
        )
        .where(HotlineOrder.source_id == source_id, chosen)
    )
    return {number: stored or status != OrderStatus.OPEN.value for number, status, stored in rows}


async def _closed_there(session: AsyncSession, source_id: int, day: date) -> list[str]:
    """Orders of a day that the platform last told of as closed and whose ticket runs here."""
    rows = await session.scalars(
        sa.select(HotlineOrder.order_no)
        .join(
            Appeal,
            sa.and_(
                Appeal.source_id == HotlineOrder.source_id,
                Appeal.dedupe_key == sa.literal("x:").concat(HotlineOrder.order_no),
            ),
        )
        .join(Ticket, Ticket.appeal_id == Appeal.id)
        .where(
            HotlineOrder.source_id == source_id, HotlineOrder.day == day,
            HotlineOrder.status == OrderStatus.CLOSED.value,
            Ticket.state.not_in([state.value for state in CLOSED_STATES]),
        )
        .order_by(HotlineOrder.order_no)
    )  # fmt: skip
    return list(rows)


async def _actions(session: AsyncSession, source_id: int, day: date) -> dict[str, str]:
    """Our actions of a day and where they stand; those never to be sent are nobody's business."""
    rows = await session.execute(
        sa.select(HotlineAction.order_no, HotlineAction.seq, HotlineAction.state).where(
            HotlineAction.source_id == source_id,
            HotlineAction.day == day,
            HotlineAction.state != ActionState.DROPPED.value,
        )
    )
    return {f"{number}#{seq}": state for number, seq, state in rows}


def _of(
    ours: dict[str, str],
    state: ActionState,
    *,
    within: set[str] | None = None,
    without: set[str] | None = None,
) -> list[str]:
    return sorted(
        key
        for key, known in ours.items()
        if known == state.value
        and (within is None or key in within)
        and (without is None or key not in without)
    )
