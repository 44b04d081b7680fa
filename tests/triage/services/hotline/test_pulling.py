"""拉取: every order once, whatever the platform does; the cursor moves over whole windows alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from connectors.hotline.orders import read_order
from models.appeals import Appeal, Appellant
from models.hotline import HotlineOrder, HotlineWord
from models.ledger import LedgerRow
from models.vocab import AppealState
from models.vocab_ledger import LedgerAct
from models.vocab_sources import WordKind
from triage.clock import FixedClock
from triage.services.hotline import puller, taking
from triage.services.identities.erasing import Eraser

if TYPE_CHECKING:
    from tests.triage.services.hotline.bed import Bed


def stock(bed: Bed, count: int, hours: float = 10) -> list[str]:
    return [bed.platform.add(age=hours * 3600 * (1 - n / count) + 1) for n in range(count)]


async def test_a_days_orders_are_stored_once_and_identities_are_sealed(bed: Bed) -> None:
    numbers = stock(bed, 45)
    await bed.add_source()
    await bed.until_done()
    assert await bed.numbers() == sorted(numbers)
    pull = await bed.task("pull")
    assert (pull.stored, pull.error, pull.lag_seconds) == (45, None, 0)
    async with bed.deps.db.reads() as session:
        appeal = (await session.scalars(sa.select(Appeal).where(Appeal.external_id == numbers[0]))).one()
        person = (await session.scalars(sa.select(Appellant).where(Appellant.appeal_id == appeal.id))).one()
    assert "测试" not in appeal.text
    assert b"1990" not in (person.phone or b"1990")
    assert (
        bed.deps.vault.open(person.phone or b"", belongs_to=f"appellant.phone:{appeal.id}") == "19900000001"
    )
    assert (await bed.order(numbers[9])).attachments[0]["refused"] is None


@pytest.mark.parametrize(
    "faults",
    [
        {"error": 0.3},
        {"half_body": 0.3},
        {"cut_json": 0.3},
        {"repeat_page": 0.5},
        {"wrong_page": 0.3},
        {"shuffle": 1.0},
        {"gb18030": 1.0},
        {"skew_seconds": 1500},
        {"skew_seconds": -1500},
        {"error": 0.1, "half_body": 0.1, "cut_json": 0.1, "repeat_page": 0.2, "shuffle": 0.5, "gb18030": 0.5},
    ],
    ids=lambda faults: "+".join(f"{name}={share}" for name, share in faults.items()),
)
async def test_every_order_once_while_the_platform_misbehaves(small: Bed, faults: dict[str, float]) -> None:
    small.fault(**{"skew_seconds": 0, **faults})
    numbers = stock(small, 120)
    await small.add_source()
    await small.until_done()
    assert await small.numbers() == sorted(numbers)
    new = [small.platform.add() for _ in range(15)]
    small.clock.by += timedelta(minutes=2)
    await small.until_done()
    assert await small.numbers() == sorted(numbers + new)


async def test_a_platform_that_says_nothing_is_given_up_and_asked_again(small: Bed) -> None:
    stock(small, 5)
    await small.add_source(timeout="1")
    await small.only("pull")
    small.fault(timeout=1.0, hang_seconds=3)
    await small.run()
    pull = await small.task("pull")
    assert (pull.error, pull.failures, pull.succeeded_at) == ("平台 1 秒内没有答复。", 1, None)
    small.fault(timeout=0.0)
    await small.until_done()
    assert len(await small.numbers()) == 5


async def test_an_order_that_appears_late_is_caught_by_the_overlap(bed: Bed) -> None:
    stock(bed, 12)
    await bed.add_source(overlap="300")
    await bed.until_done()
    late = bed.platform.add(age=200)
    bed.clock.by += timedelta(minutes=2)
    await bed.until_done()
    assert late in await bed.numbers()


@pytest.mark.parametrize(("no_date", "says"), [(0.0, False), (1.0, True)], ids=["date", "nothing"])
async def test_a_slow_clock_that_is_not_told_loses_no_order(small: Bed, no_date: float, says: bool) -> None:  # noqa: FBT001  (a parameter of the test)
    """Half an hour behind ours: the cursor went to our own now, and what it wrote next lay before that."""
    small.fault(skew_seconds=-1800, no_now=1.0, no_date=no_date)
    first = small.platform.add(age=600)
    await small.add_source(overlap="300")
    await small.until_done()
    later = small.platform.add()
    small.clock.by += timedelta(minutes=2)
    await small.until_done()
    assert set(await small.numbers()) == {first, later}
    pull = await small.task("pull")
    assert pull.cursor is not None
    until = datetime.fromisoformat(pull.cursor["until"])
    assert until <= datetime.now(UTC) - timedelta(minutes=29)
    assert ("平台没有说它的时间" in (pull.said or "")) is says


async def test_an_order_that_comes_again_changes_its_status_and_nothing_else(bed: Bed) -> None:
    (number,) = stock(bed, 1)
    await bed.add_source()
    await bed.until_done()
    bed.platform.ledger.touch(number, "已办结", updated=bed.platform.now())
    bed.clock.by += timedelta(minutes=2)
    await bed.until_done()
    assert (await bed.order(number)).status == "closed"
    assert await bed.numbers() == [number]


async def test_what_the_platform_notes_is_kept_as_it_was_told_last(bed: Bed) -> None:
    (number,) = stock(bed, 1)
    row = bed.platform.ledger.rows[number]
    row["pilotLight"] = "黄灯"
    await bed.add_source()
    await bed.until_done()
    assert (await bed.order(number)).facts == {"days": "7", "grade": "黄灯"}
    del row["handleDays"], row["pilotLight"]
    bed.platform.ledger.touch(number, "办理中", updated=bed.platform.now())
    bed.clock.by += timedelta(minutes=2)
    await bed.until_done()
    assert (await bed.order(number)).facts is None


async def test_an_older_copy_that_comes_later_changes_nothing(bed: Bed) -> None:
    (number,) = stock(bed, 1)
    await bed.add_source()
    platform, now = puller.shipped_map("wide_table"), bed.clock.now()
    old = dict(bed.platform.ledger.rows[number])
    new = old | {"orderState": "催办", "updatedTime": (now + timedelta(minutes=9)).isoformat()}
    for row in (new, old):
        await take(bed, [read_order(platform, row, now=now)])
    assert (await bed.order(number)).foreign_status == "催办"


async def test_other_words_under_a_known_number_are_not_taken_over_and_are_seen(bed: Bed) -> None:
    (number,) = stock(bed, 1)
    await bed.add_source()
    await bed.until_done()
    row = bed.platform.ledger.rows[number]
    row["majorContent"] = "换了一种说法。"
    bed.platform.ledger.touch(number, "待签收", updated=bed.platform.now())
    bed.clock.by += timedelta(minutes=2)
    await bed.until_done()
    assert (await bed.order(number)).changed_at is not None
    assert "1 件内容有变" in ((await bed.task("pull")).said or "")


async def test_another_address_under_a_known_number_is_not_taken_over_and_is_seen_once(bed: Bed) -> None:
    (number,) = stock(bed, 1)
    row = bed.platform.ledger.rows[number]
    row["address"] = "朝阳区望京街道12号"
    await bed.add_source()
    await bed.until_done()
    for address in ("朝阳区 望京街道１２号", "", "海淀区学院路街道", "海淀区学院路街道"):
        row["address"] = address
        bed.platform.ledger.touch(number, "待签收", updated=bed.platform.now())
        bed.clock.by += timedelta(minutes=2)
        await bed.until_done()
        expected = "1 件内容有变" if "海淀" in address else "新登记 0 件。"
        assert expected in ((await bed.task("pull")).said or "")
    async with bed.deps.db.reads() as session:
        assert await session.scalar(sa.select(Appeal.address)) == "朝阳区望京街道12号"
        words = list(await session.scalars(sa.select(HotlineWord.kind)))
    assert (words, (await bed.order(number)).changed_at is not None) == ([WordKind.CHANGED.value], True)


async def test_what_the_platform_calls_confidential_later_is_so_and_stays_so(bed: Bed) -> None:
    first, later, ended, other = stock(bed, 4)
    rows = bed.platform.ledger.rows
    rows[first]["isSecret"] = "是"
    await bed.add_source()
    await bed.until_done()
    assert await secrets(bed) == {first}
    rows[first]["isSecret"] = "否"
    for number, status in ((later, "办理中"), (ended, "已办结")):
        rows[number]["isSecret"] = "是"
        bed.platform.ledger.touch(number, status, updated=bed.platform.now())
    rows[later]["majorContent"] = "换了一种说法。"
    bed.platform.ledger.touch(first, "办理中", updated=bed.platform.now())
    bed.clock.by += timedelta(minutes=2)
    await bed.until_done()
    assert await secrets(bed) == {first, later, ended}
    assert other not in await secrets(bed)
    async with bed.deps.db.reads() as session:
        query = sa.select(sa.func.count()).where(LedgerRow.act == LedgerAct.CONFIDED.value)
        assert await session.scalar(query) == 2


async def secrets(bed: Bed) -> set[str]:
    async with bed.deps.db.reads() as session:
        rows = await session.scalars(sa.select(Appeal.external_id).where(Appeal.confidential))
        return {str(number) for number in rows}


async def test_of_who_was_erased_the_platforms_recordings_are_not_a_click_away(bed: Bed) -> None:
    """What leads to a voice goes with the name, of an anonymous caller too; no later copy brings it back."""
    *_, mine = stock(bed, 10)
    *_, other = stock(bed, 10)
    await bed.add_source()
    await bed.until_done()
    before = (await bed.order(mine)).attachments
    assert [bool(one["url"] and one["id"]) for one in before] == [True]
    async with bed.deps.db.writes.begin() as session:
        appeal = (await session.scalars(sa.select(Appeal).where(Appeal.external_id == mine))).one()
        appeal.state = AppealState.DEAD.value
        await session.execute(sa.delete(Appellant).where(Appellant.appeal_id == appeal.id))
    far = replace(bed.deps, clock=FixedClock(bed.clock.now() + timedelta(days=4000)))
    await Eraser(far).keep()
    left = [{**one, "id": None, "url": None} for one in before]
    assert (await bed.order(mine)).attachments == left
    bed.platform.ledger.touch(mine, "办理中", updated=bed.platform.now())
    bed.clock.by += timedelta(minutes=2)
    await bed.until_done()
    again = await bed.order(mine)
    assert (again.foreign_status, again.attachments) == ("办理中", left)
    assert [bool(one["url"]) for one in (await bed.order(other)).attachments] == [True]
    await Eraser(far).keep()
    async with bed.deps.db.reads() as session:
        query = sa.select(LedgerRow.detail).where(LedgerRow.act == LedgerAct.ERASED.value)
        assert list(await session.scalars(query)) == [{"parts": ["attachments"], "added_words": 0}]


@pytest.mark.parametrize("told", [{"id": "", "url": ""}, {"id": "A1", "url": None}], ids=["empty", "id"])
async def test_an_attachment_of_which_little_was_told_is_erased_once(bed: Bed, told: dict[str, Any]) -> None:
    """Where its fields are not mapped both are empty: found each hour, and a row of the ledger each time."""
    *_, mine = stock(bed, 10)
    await bed.add_source()
    await bed.until_done()
    async with bed.deps.db.writes.begin() as session:
        appeal = (await session.scalars(sa.select(Appeal).where(Appeal.external_id == mine))).one()
        appeal.state = AppealState.DEAD.value
        await session.execute(sa.delete(Appellant).where(Appellant.appeal_id == appeal.id))
        order = (await session.scalars(sa.select(HotlineOrder).where(HotlineOrder.order_no == mine))).one()
        order.attachments = [{**one, **told} for one in order.attachments]
    far = replace(bed.deps, clock=FixedClock(bed.clock.now() + timedelta(days=4000)))
    for _ in range(2):
        await Eraser(far).keep()
    assert [(one["id"], one["url"]) for one in (await bed.order(mine)).attachments] == [(None, None)]
    async with bed.deps.db.reads() as session:
        erased = sa.select(sa.func.count()).where(LedgerRow.act == LedgerAct.ERASED.value)
        assert await session.scalar(erased) == 1


async def test_two_equal_orders_without_a_number_do_not_hold_the_source(small: Bed) -> None:
    numbers = stock(small, 5, hours=0.01)
    rows = small.platform.ledger.rows
    rows[numbers[0]].pop("orderNum")
    rows[numbers[1]] = rows[numbers[0]]
    await small.add_source()
    await small.until_done(rounds=20)
    assert await small.numbers() == sorted(numbers[2:])


async def test_a_bad_order_is_kept_with_its_reason_and_stops_nobody(bed: Bed) -> None:
    numbers = stock(bed, 5)
    rows = bed.platform.ledger.rows
    rows[numbers[0]] |= {"title": "", "majorContent": ""}
    rows[numbers[1]] |= {"callTime": "2026-13-45"}
    rows[numbers[2]].pop("orderNum")
    await bed.add_source()
    await bed.until_done()
    assert await bed.numbers() == numbers[3:]
    async with bed.deps.db.reads() as session:
        query = sa.select(HotlineOrder.refused).where(HotlineOrder.refused.is_not(None))
        reasons = sorted(str(reason) for reason in await session.scalars(query))
    assert [reason.partition("：")[0] for reason in reasons] == [
        "callTime",
        "majorContent",
        "没有工单编号（orderNum），或编号不合格式",
    ]
    rows[numbers[0]] |= {"majorContent": "工地夜里施工，噪声很大。"}
    bed.clock.by += timedelta(minutes=2)
    await bed.until_done()
    assert numbers[0] not in await bed.numbers(), "it lies before the overlap and was not changed over there"
    bed.platform.ledger.touch(numbers[0], "待签收", updated=bed.platform.now())
    bed.clock.by += timedelta(minutes=2)
    await bed.until_done()
    assert numbers[0] in await bed.numbers()
    assert (await bed.order(numbers[0])).refused is None


async def test_what_the_platform_closed_before_we_saw_it_is_passed_over(bed: Bed) -> None:
    numbers = stock(bed, 3)
    bed.platform.ledger.touch(numbers[0], "撤单", updated=bed.platform.now())
    await bed.add_source()
    await bed.until_done()
    assert await bed.numbers() == numbers[1:]
    assert (await bed.order(numbers[0])).status == "withdrawn"


async def test_a_window_that_is_too_long_is_cut(small: Bed) -> None:
    numbers = stock(small, 200)
    await small.add_source(most_pages="2", page_size="5")
    await small.until_done()
    assert await small.numbers() == sorted(numbers)


async def test_a_wrong_token_opens_the_breaker_at_once(small: Bed) -> None:
    small.platform.token = "right"  # noqa: S105  (a test's)
    await small.add_source({"token": "wrong"})
    await small.only("pull")
    await small.run()
    pull = await small.task("pull")
    assert pull.error == "平台答复 401：不接受我们的令牌、签名或证书。"
    assert pull.paused_until is not None


async def test_signed_requests_are_taken_and_wrong_ones_refused(small: Bed) -> None:
    small.platform.secret = "s" * 32
    small.platform.token = "t"  # noqa: S105  (a test's)
    numbers = stock(small, 12)
    await small.add_source({"token": "t", "secret": "s" * 32})
    await small.until_done()
    assert await small.numbers() == numbers
    small.platform.secret = "x" * 32
    small.clock.by += timedelta(minutes=2)
    await small.only("pull")
    await small.run()
    assert "不接受我们的令牌、签名或证书" in ((await small.task("pull")).error or "")


async def told_types(bed: Bed) -> dict[str, str | None]:
    async with bed.deps.db.reads() as session:
        rows = await session.execute(sa.select(Appeal.external_id, Appeal.told_type))
        return {str(number): told for number, told in rows}


async def test_what_the_platform_calls_a_report_is_one(bed: Bed) -> None:
    report, complaint, later, silent = stock(bed, 4)
    rows = bed.platform.ledger.rows
    rows[report]["callerType"] = "举报"
    for number in (complaint, later):
        rows[number]["callerType"] = "投诉"
    rows[silent].pop("callerType", None)
    await bed.add_source()
    await bed.until_done()
    expected = {report: "举报", complaint: "投诉", later: "投诉", silent: None}
    assert await told_types(bed) == expected
    rows[later]["callerType"] = "举报"
    rows[report]["callerType"] = "投诉"
    for number in (later, report):
        bed.platform.ledger.touch(number, "办理中", updated=bed.platform.now())
    bed.clock.by += timedelta(minutes=2)
    await bed.until_done()
    assert await told_types(bed) == expected | {later: "举报"}, "a report stays one"


async def take(bed: Bed, orders: list[Any]) -> taking.Taken:
    async with bed.deps.db.writes.begin() as session:
        return await taking.take(
            session, bed.deps.vault, (1, "city"), orders, via="pull", now=bed.clock.now()
        )
