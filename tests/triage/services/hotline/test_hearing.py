"""What a platform's copies say: times that tell no two changes apart, copies that come late, wrong dates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from connectors.hotline.orders import read_order
from connectors.hotline.reference.orders import written
from models.appeals import Appeal, Source
from models.filters import all_seeing
from models.hotline import HotlineOrder
from models.tickets import Ticket
from models.viewing import Scope, Viewer
from models.vocab import Move
from models.vocab_sources import WordKind
from tests.factories import NOW
from tests.triage.services.hotline import test_sending
from tests.triage.services.hotline.bed import KEY
from tests.triage.services.hotline.test_marks import HOTLINE, says, shown
from tests.triage.services.hotline.test_sending import move
from tests.triage.services.hotline.test_words import kept, order_of, told
from triage.services.hotline import puller, taking, words

if TYPE_CHECKING:
    from tests.triage.services.hotline.bed import Bed
    from triage.services.hotline.taking import Taken

CLERK = Viewer("clerk", Scope(everything=True))
LATER = {"majorContent": "更正后的说法：工地在夜里两点施工，扰民。"}


async def tickets(bed: Bed, count: int = 1) -> list[str]:
    """As there, of a platform whose clock agrees with ours."""
    bed.fault(skew_seconds=(NOW - datetime.now(UTC)).total_seconds())
    return await test_sending.tickets(bed, count)


async def take(bed: Bed, *rows: dict[str, Any], theirs: datetime | None = None, via: str = "push") -> Taken:
    """Rows of a platform, as they come in one batch."""
    platform, now = puller.shipped_map("wide_table"), bed.clock.now()
    orders = [read_order(platform, row, now=now) for row in rows]
    async with bed.deps.db.writes.begin() as session:
        source = (await session.scalars(sa.select(Source.id).where(Source.key == KEY))).one()
        return await taking.take(
            session, bed.deps.vault, (source, KEY), orders, via=via, now=now, theirs=theirs
        )


def row_of(bed: Bed, number: str, *, minutes: float = 0, **more: str) -> dict[str, Any]:
    """An order as the platform has it, changed so many minutes from its now."""
    return bed.platform.ledger.rows[number] | {
        "updatedTime": written(bed.platform.now() + minutes * 60), **more
    }  # fmt: skip


@pytest.mark.parametrize("column", ["minutes", "none"])
async def test_a_status_that_no_time_tells_from_the_last_one_counts(bed: Bed, column: str) -> None:
    """Minutes alone, or no time of the change at all: 撤单 at the time that is known was dropped for ever."""
    (no,) = await tickets(bed)
    number = await order_of(bed, no)
    row = bed.platform.ledger.rows[number]
    row |= {"updatedTime": {"minutes": row["createdTime"][:16], "none": ""}[column]}
    for status in ("办理中", "撤单", "撤单"):
        row |= {"orderState": status}
        await told(bed, number)
    assert (await bed.order(number)).foreign_status == "撤单"
    assert await shown(bed, no) == ["withdrawn"]
    for status in ("办理中", "撤单", "撤单"):
        row |= {"orderState": status}
        await told(bed, number)
    assert await shown(bed, no) == ["withdrawn"], "said again after another status, it counts again"
    assert [word.why for word in await kept(bed, WordKind.WITHDRAWN)] == ["平台又恢复了这件工单", None]
    row |= {"orderState": "督办"}
    await told(bed, number)
    await told(bed, number)
    assert await shown(bed, no) == ["supervised"]


async def test_of_two_copies_of_one_time_the_last_told_stands(small: Bed) -> None:
    (no,) = await tickets(small)
    number = await order_of(small, no)
    row = row_of(small, number, minutes=1)
    await take(small, row | {"orderState": "办理中"}, row | {"orderState": "撤单"})
    assert (await small.order(number)).foreign_status == "撤单"


@pytest.mark.parametrize("told_now", [True, False])
async def test_a_change_that_is_dated_into_the_future_holds_up_none_after_it(
    bed: Bed,
    told_now: bool,  # noqa: FBT001  (a parameter of the test)
) -> None:
    (no,) = await tickets(bed)
    number = await order_of(bed, no)
    await told(bed, number)
    theirs = [None, bed.clock.now()][told_now]
    await take(bed, row_of(bed, number, minutes=60 * 24 * 400, orderState="办理中"), theirs=theirs)
    order = await bed.order(number)
    assert (order.foreign_status, order.updated_at <= bed.clock.now()) == ("办理中", True)
    bed.clock.by += timedelta(minutes=2)
    theirs = [None, bed.clock.now()][told_now]
    await take(bed, row_of(bed, number, minutes=2, orderState="撤单"), theirs=theirs)
    await told(bed)
    assert await shown(bed, no) == ["withdrawn"]


async def test_an_order_that_was_frozen_by_such_a_date_thaws(bed: Bed) -> None:
    (no,) = await tickets(bed)
    number = await order_of(bed, no)
    await told(bed, number)
    async with bed.deps.db.writes.begin() as session:
        ahead = bed.clock.now() + timedelta(days=400)
        await session.execute(
            sa.update(HotlineOrder).where(HotlineOrder.order_no == number).values(updated_at=ahead)
        )
    await says(bed, number, "撤单")
    assert await shown(bed, no) == ["withdrawn"]
    assert (await bed.order(number)).updated_at < ahead


async def test_a_push_that_comes_late_undoes_nothing_that_was_pulled_meanwhile(bed: Bed) -> None:
    """Signed a quarter of an hour ago: what was changed since lay "in its future" and gave way to it."""
    (no,) = await tickets(bed)
    number = await order_of(bed, no)
    await told(bed, number)
    signed = bed.clock.now()
    late = row_of(bed, number, minutes=0.1, orderState="办理中")
    gone = row_of(bed, number, minutes=15, orderState="撤单")
    bed.clock.by += timedelta(minutes=16)
    await take(bed, gone, theirs=bed.clock.now())
    await told(bed)
    assert await shown(bed, no) == ["withdrawn"]
    before = len(await kept(bed, WordKind.CHANGED))
    assert (await take(bed, late | LATER, theirs=signed)).changed == ()
    await told(bed)
    assert (await bed.order(number)).foreign_status == "撤单"
    assert await shown(bed, no) == ["withdrawn"]
    assert len(await kept(bed, WordKind.CHANGED)) == before


async def test_a_pull_takes_what_a_clock_that_was_put_back_writes(bed: Bed) -> None:
    """An hour fast, then set right: what was dated by the fast clock gives way to any copy that is listed."""
    (no,) = await tickets(bed)
    number = await order_of(bed, no)
    await told(bed, number)
    ahead = bed.clock.now() + timedelta(hours=1)
    await take(bed, row_of(bed, number, minutes=60, orderState="办理中"), theirs=ahead)
    gone = row_of(bed, number, minutes=1, orderState="撤单")
    await take(bed, gone, theirs=bed.clock.now(), via="pull")
    await told(bed)
    assert await shown(bed, no) == ["withdrawn"]


async def test_machines_of_one_platform_may_disagree_by_a_little(small: Bed) -> None:
    """A copy of three minutes ahead is no wrong date: what is older than it stays old."""
    (no,) = await tickets(small)
    number = await order_of(small, no)
    theirs = small.clock.now()
    await take(small, row_of(small, number, minutes=3, orderState="撤单"), theirs=theirs)
    await take(small, row_of(small, number, minutes=2, orderState="办理中"), theirs=theirs)
    assert (await small.order(number)).foreign_status == "撤单"


async def test_an_older_copy_says_nothing_of_what_was_changed_since(bed: Bed) -> None:
    await tickets(bed)
    number = bed.platform.add()
    old = row_of(bed, number, minutes=-9)
    assert (await take(bed, row_of(bed, number) | LATER)).stored == 1
    late = await take(bed, old)
    assert (late.changed, late.repeated) == ((), 1)
    assert await kept(bed, WordKind.CHANGED) == []
    assert (await bed.order(number)).changed_at is None
    newer = await take(bed, row_of(bed, number, minutes=1, majorContent=old["majorContent"]))
    assert newer.changed == (number,)
    assert len(await kept(bed, WordKind.CHANGED)) == 1


async def test_an_order_that_could_not_be_read_is_older_than_any_copy_that_can(bed: Bed) -> None:
    """Its row bore our time: mended, other words and 撤单 of a platform with a slow clock were "older"."""
    (no,) = await tickets(bed)
    number = await order_of(bed, no)
    await take(bed, row_of(bed, number, orderState="办理中"))
    broken = row_of(bed, number, orderState="办理中") | {"createdTime": "x", "updatedTime": "y"}
    bed.clock.by += timedelta(minutes=20)
    assert len((await take(bed, broken)).refused) == 1
    mended = await take(bed, row_of(bed, number, minutes=-9, orderState="办理中") | LATER)
    assert (mended.changed, mended.repeated) == ((number,), 0)
    assert (await bed.order(number)).changed_at is not None
    await take(bed, broken)
    await take(bed, row_of(bed, number, minutes=-8, orderState="撤单"))
    await told(bed)
    assert await shown(bed, no) == ["withdrawn"]


async def test_the_number_of_a_merged_order_is_for_those_who_may_see_its_case(bed: Bed) -> None:
    head, mine = await tickets(bed, 2)
    number = await order_of(bed, mine)
    await told(bed, number)
    async with bed.deps.db.writes.begin() as session:
        own = sa.select(Ticket.appeal_id).where(Ticket.no == mine).scalar_subquery()
        await session.execute(sa.update(Appeal).where(Appeal.id == own).values(confidential=True))
        head_id = (await session.scalars(sa.select(Ticket.id).where(Ticket.no == head))).one()
    await move(bed, mine, Move.MERGE, HOTLINE, other_ticket=head, reason="同一处同一事项")
    await says(bed, number, "督办")
    async with bed.deps.db.reads() as session:
        for viewer, seen in ((CLERK, ("", "", None)), (all_seeing("t"), (number, "测试平台", mine))):
            (word,) = await words.of_ticket(session, viewer, head_id)
            assert (word.kind, word.no, (word.order_no, word.source, word.own_no)) == (
                "supervised", head, seen,
            )  # fmt: skip
            assert await words.to_answer(session, viewer) == ((word,), 1)


async def test_what_is_to_be_answered_first_is_shown_first_and_the_rest_counted(
    small: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "_SHOWN", 2)
    anew, watched, gone = await tickets(small, 3)
    for no, status in ((anew, "重新办理"), (watched, "督办"), (gone, "撤单")):
        number = await order_of(small, no)
        await told(small, number)
        await says(small, number, status)
    async with small.deps.db.reads() as session:
        asked, count = await words.to_answer(session, all_seeing("t"))
        (_, of_source) = await words.of_source(session, 1)
    assert ([word.no for word in asked], count) == ([watched, gone], 3)
    assert of_source >= 3
