"""对账: both sides agree when all went well; each way they can differ is named."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from connectors.feeds.guard import Exempt
from connectors.hotline import client as clients
from connectors.hotline.client import HotlineClient
from connectors.hotline.reference.orders import day_of
from connectors.hotline.settings import HotlineSettings
from models.hotline import HotlineAction, HotlineOrder, Reconciliation
from models.sources import SourceTask
from models.vocab import Move
from tests.triage.services.hotline.bed import KEY
from tests.triage.services.hotline.test_sending import move, send, tickets
from triage.clock import BEIJING
from triage.services.hotline import fetching, overview, puller, reconciling

if TYPE_CHECKING:
    import pytest

    from connectors.hotline.client import Page
    from tests.triage.services.hotline.bed import Bed
    from triage.services.hotline.reconciling import Report


async def compare(bed: Bed, day: date) -> Report:
    settings = HotlineSettings(bed.url, timeout=5, page_size=2)
    async with clients.connected(settings, Exempt.parse(bed.url.removeprefix("http://"))) as client:
        platform = puller.shipped_map("wide_table")
        return await reconciling.reconcile(bed.deps, (1, KEY), client, settings, platform, day=day)


def today(bed: Bed) -> date:
    return date.fromisoformat(day_of(bed.platform.now()))


async def test_after_a_good_day_nothing_is_unmatched_and_the_account_is_kept(bed: Bed) -> None:
    numbers = [bed.platform.add() for _ in range(45)]
    await bed.add_source()
    bed.clock.by += timedelta(minutes=1)
    await bed.until_done()
    assert len(await bed.numbers()) == len(numbers)
    report = await compare(bed, today(bed))
    assert (report.orders, report.unmatched) == (45, 0)
    async with bed.deps.db.reads() as session:
        kept = (await session.scalars(sa.select(Reconciliation))).one()
    assert (kept.day, kept.orders, kept.unmatched) == (today(bed), 45, 0)
    assert reconciling.said(report).endswith("两边一致。")


async def test_orders_that_one_side_lacks_are_named(bed: Bed) -> None:
    numbers = [bed.platform.add() for _ in range(4)]
    bed.platform.ledger.rows[numbers[0]] |= {"title": "", "majorContent": ""}
    bed.platform.ledger.rows[numbers[1]] |= {"orderState": "撤单"}
    await bed.add_source()
    bed.clock.by += timedelta(minutes=1)
    await bed.until_done()
    never_pulled = bed.platform.add()
    bed.platform.ledger.created.pop(numbers[3])
    bed.platform.by_number = False
    report = await compare(bed, today(bed))
    found = report.differences
    assert found.lacking_here == sorted([numbers[0], never_pulled]), "refused here; never seen"
    assert found.lacking_there == [numbers[3]]
    assert "按编号补取没有成功：平台答复 400" in reconciling.said(report)


async def test_what_is_lacking_here_is_fetched_by_its_number(bed: Bed) -> None:
    numbers = [bed.platform.add() for _ in range(3)]
    bed.platform.ledger.rows[numbers[0]] |= {"title": "", "majorContent": ""}
    await bed.add_source()
    bed.clock.by += timedelta(minutes=1)
    await bed.until_done()
    missed, gone = bed.platform.add(), bed.platform.add()
    bed.platform.ledger.rows.pop(gone)
    bed.platform.ledger.rows[numbers[0]] |= {"majorContent": "工地夜里施工，噪声很大。"}
    report = await compare(bed, today(bed))
    assert report.differences.lacking_here == [gone], "counted to the day, and not given"
    assert (report.fetched.asked, report.fetched.came, report.fetched.stored) == (3, 2, 2)
    assert await bed.numbers() == sorted([*numbers, missed])
    assert (await bed.order(missed)).via == "fetch"
    assert "按编号补取 3 件、新登记 2 件" in reconciling.said(report)
    again = await compare(bed, today(bed))
    assert (again.fetched.asked, again.fetched.stored) == (1, 0)


async def test_actions_that_one_side_lacks_are_named(bed: Bed) -> None:
    good, lost, waiting, refused, unheard = await tickets(bed, 5)
    for no in (good, lost, refused, unheard):
        await move(bed, no, Move.SIGN)
    async with bed.deps.db.reads() as session:
        rows = (await session.scalars(sa.select(HotlineAction).order_by(HotlineAction.id))).all()
    keys = [f"{row.order_no}#1" for row in rows]
    bed.platform.ledger.rows.pop(rows[2].order_no)
    await send(bed)
    bed.platform.ledger.actions.pop((rows[1].order_no, 1))
    async with bed.deps.db.writes.begin() as session:
        await session.execute(
            sa.update(HotlineAction).where(HotlineAction.id == rows[3].id).values(state="waiting")
        )
    await move(bed, waiting, Move.SIGN)
    bed.platform.ledger.tell("BJ9", 7, b"", "sign", str(rows[0].day))
    found = (await compare(bed, rows[0].day)).differences
    assert found.unknown_there == [keys[1]]
    assert found.refused == [keys[2]]
    assert found.unacknowledged == [keys[3]]
    assert len(found.unsent) == 1
    assert found.unknown_here == ["BJ9#7"]


async def test_the_timetable_does_every_day_once_and_catches_up(bed: Bed) -> None:
    bed.platform.add(age=3 * 86400)
    await bed.add_source(first_days="9")
    await bed.until_done()
    await bed.only("reconcile")
    async with bed.deps.db.writes.begin() as session:
        await session.execute(sa.text("UPDATE source_task SET next_at = tried_at WHERE task = 'reconcile'"))
    bed.clock.by = timedelta(hours=(26 - datetime.now(UTC).hour - 8) % 24)
    await bed.run(10)
    async with bed.deps.db.reads() as session:
        days = list(await session.scalars(sa.select(Reconciliation.day).order_by(Reconciliation.id)))
        first = (await session.scalars(sa.select(sa.func.min(HotlineOrder.day)))).one()
    assert days == [first + timedelta(days=n) for n in range(len(days))]
    assert len(days) >= 3
    await bed.run(3)
    async with bed.deps.db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(Reconciliation)) == len(days)


async def accounts(bed: Bed, hours: float) -> list[tuple[date, int, int]]:
    """Move on, let the timetable's task run, and give the kept accounts: day, asked for, unmatched."""
    bed.clock.by += timedelta(hours=hours)
    await bed.only("reconcile")
    async with bed.deps.db.writes.begin() as session:
        await session.execute(sa.text("UPDATE source_task SET next_at = tried_at, paused_until = NULL"))
        await session.execute(
            sa.update(SourceTask).where(SourceTask.task == "reconcile").values(next_at=bed.clock.now())
        )
        await session.execute(
            sa.update(SourceTask)
            .where(SourceTask.task != "reconcile")
            .values(next_at=bed.clock.now() + timedelta(days=9))
        )
    await bed.run(5)
    async with bed.deps.db.reads() as session:
        rows = await session.scalars(sa.select(Reconciliation).order_by(Reconciliation.id))
        return [(row.day, row.detail["fetched"]["asked"], row.unmatched) for row in rows]


async def at_two_oclock(bed: Bed, missed: int) -> date:
    """A platform with orders of yesterday, of which so many never came here; it is two o'clock. The day."""
    bed.clock.by = timedelta(hours=(26 - datetime.now(UTC).hour - 8) % 24)
    ahead = bed.clock.by.total_seconds()
    bed.platform.faults = bed.platform.faults.change({"skew_seconds": ahead})
    for _ in range(3):
        bed.platform.add(age=5 * 3600)
    await bed.add_source()
    await bed.until_done()
    for _ in range(missed):
        bed.platform.add(age=6 * 3600)
    return (bed.clock.now() - timedelta(hours=8)).astimezone(BEIJING).date()


async def test_an_account_that_could_not_ask_is_made_again_and_not_for_ever(bed: Bed) -> None:
    day = await at_two_oclock(bed, 2)
    bed.platform.by_number = False
    assert await accounts(bed, 0) == [(day, 0, 2)]
    assert await accounts(bed, 0.5) == [(day, 0, 2)], "an hour lies between two"
    bed.platform.by_number = True
    assert await accounts(bed, 0.6) == [(day, 0, 2), (day, 2, 0)]
    assert len(await accounts(bed, 1.1)) == 2, "done"


async def test_a_platform_that_never_gives_orders_by_number_is_asked_three_times(small: Bed) -> None:
    day = await at_two_oclock(small, 2)
    small.platform.by_number = False
    for _ in range(5):
        kept = await accounts(small, 1.1)
    assert kept == [(day, 0, 2)] * 3


async def test_more_than_one_account_may_ask_for_are_all_fetched(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "MOST", 2)
    day = await at_two_oclock(bed, 5)
    kept = await accounts(bed, 0)
    assert kept == [(day, 2, 3), (day, 2, 1), (day, 1, 0)]
    assert len(await bed.numbers()) == 8


async def test_an_account_that_runs_out_of_time_is_kept_and_gone_on_with(
    small: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was cut off by the task's limit, so it was never kept, and no later day came to its turn."""
    day = await at_two_oclock(small, 3)
    order, turn = HotlineClient.order, asyncio.Semaphore(1)

    async def hangs(client: HotlineClient, number: str) -> Page:
        await turn.acquire()
        return await order(client, number)

    monkeypatch.setattr(HotlineClient, "order", hangs)
    monkeypatch.setattr(reconciling, "ENOUGH_SECONDS", 4.0)
    assert await accounts(small, 0) == [(day, 1, 2), (day, 0, 2)], "one came: at once once more"
    async with small.deps.db.reads() as session:
        told = [row.detail["fetched"] for row in await session.scalars(sa.select(Reconciliation))]
    assert [(one["why"], one["left"]) for one in told] == [
        ("时间用完，余下的下次再问", 2), ("时间用完，余下的下次再问", 2),
    ]  # fmt: skip
    monkeypatch.setattr(HotlineClient, "order", order)
    assert (await accounts(small, 1.1))[2:] == [(day, 2, 0)]


async def test_orders_that_never_come_do_not_hold_up_those_behind_them(
    small: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "MOST", 2)
    await at_two_oclock(small, 4)
    listed = sorted(small.platform.ledger.created)
    gone = [number for number in listed if number not in await small.numbers()][:2]
    for number in gone:
        small.platform.ledger.rows.pop(number)
    kept = [one[1:] for one in await accounts(small, 0)]
    assert kept == [(2, 4)]
    assert [one[1:] for one in await accounts(small, 1.1)] == [(2, 4), (2, 2), (2, 2)]
    assert len(await small.numbers()) == 5


async def test_an_account_of_half_a_day_is_not_the_days(small: Bed) -> None:
    day = await at_two_oclock(small, 0)
    async with small.deps.db.writes.begin() as session:
        source_id = (await session.scalars(sa.select(HotlineOrder.source_id))).first()
        noon = datetime.combine(day, time(12), BEIJING)
        session.add(
            Reconciliation(
                source_id=source_id, day=day, made_at=noon, orders=1, actions=0, unmatched=0,
                detail={"fetched": {"asked": 0}},
            )
        )  # fmt: skip
    assert await accounts(small, 0) == [(day, 0, 0)] * 2
    async with small.deps.db.reads() as session:
        exchange = await overview.of_source(session, source_id or 0, now=small.clock.now())
    assert [account.day for account in exchange.accounts] == [day], "the last of each day"
