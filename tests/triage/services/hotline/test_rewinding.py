"""重新拉取: what a wrong map refused is taken in once the map is mended, and nothing is stored twice."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.appeals import Appeal, Source
from models.hotline import HotlineOrder
from models.ledger import LedgerRow
from models.sources import SourceTask
from tests.triage.services.hotline.bed import KEY
from tests.triage.services.hotline.test_pulling import stock
from triage.errors import BadInput, NotFound
from triage.services.hotline import figures, rewinding
from triage.services.sources import looking

if TYPE_CHECKING:
    from datetime import datetime

    from tests.triage.services.hotline.bed import Bed


async def rewind(bed: Bed, since: datetime, key: str = KEY) -> None:
    async with bed.deps.db.writes.begin() as session:
        await rewinding.rewind(session, key, since, by="t", now=bed.clock.now())


async def refused(bed: Bed) -> int:
    """As the watch and the list of sources tell it."""
    now = bed.clock.now()
    async with bed.deps.db.reads() as session:
        source_id = (await session.scalars(sa.select(Source.id).where(Source.key == KEY))).one()
        count = await figures.refused(session, source_id, now=now, most=100)
        (seen,) = await looking.seen(session, now=now, key=KEY)
    assert seen.refused == count
    return count


async def test_what_was_refused_is_taken_in_once_asked_again(bed: Bed) -> None:
    numbers = stock(bed, 12)
    rows = bed.platform.ledger.rows
    for number in numbers[2:8]:
        rows[number]["renamed"] = rows[number].pop("majorContent")
        rows[number].pop("title")
    for number in numbers[8:10]:
        rows[number]["orderNo"] = rows[number].pop("orderNum")
    await bed.add_source()
    await bed.until_done()
    assert (len(await bed.numbers()), await refused(bed)) == (4, 8)
    for number in numbers[2:8]:
        rows[number]["majorContent"] = rows[number].pop("renamed")
    for number in numbers[8:10]:
        rows[number]["orderNum"] = rows[number].pop("orderNo")
    bed.clock.by += timedelta(minutes=2)
    await bed.until_done()
    assert len(await bed.numbers()) == 4, "the cursor has gone on: nothing asks again by itself"
    await rewind(bed, bed.clock.now() - timedelta(days=1))
    await bed.until_done()
    assert (await bed.numbers(), await refused(bed)) == (sorted(numbers), 0)
    async with bed.deps.db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(Appeal)) == 12
        assert await session.scalar(sa.select(sa.func.count()).select_from(HotlineOrder)) == 12
        entry = (await session.scalars(sa.select(LedgerRow).order_by(LedgerRow.seq.desc()))).first()
    assert entry is not None
    assert (entry.act, entry.who) == ("source.rewound", "t")


async def test_what_an_order_of_before_lacks_is_read_when_it_is_asked_again(bed: Bed) -> None:
    (number,) = stock(bed, 1)
    bed.platform.ledger.rows[number]["callerType"] = "举报"
    await bed.add_source()
    await bed.until_done()
    async with bed.deps.db.writes.begin() as session:
        await session.execute(sa.update(Appeal).values(told_type=None))
        await session.execute(sa.update(HotlineOrder).values(facts=None))
    await rewind(bed, bed.clock.now() - timedelta(days=1))
    await bed.until_done()
    assert (await bed.order(number)).facts == {"days": "7"}
    async with bed.deps.db.reads() as session:
        assert await session.scalar(sa.select(Appeal.told_type)) == "举报"


async def test_a_run_under_way_does_not_put_its_own_cursor_over_it(small: Bed) -> None:
    stock(small, 12)
    await small.add_source()
    await small.until_done()
    small.clock.by += timedelta(minutes=2)
    await small.runner.start_due()
    since = small.clock.now() - timedelta(days=3)
    await rewind(small, since)
    await small.runner.finish()
    row = await small.task("pull")
    assert row.cursor is not None
    assert row.cursor["until"] == since.isoformat()
    assert row.next_at <= small.clock.now()


async def test_a_paused_source_starts_at_once(small: Bed) -> None:
    await small.add_source()
    far = small.clock.now() + timedelta(hours=1)
    async with small.deps.db.writes.begin() as session:
        await session.execute(sa.update(SourceTask).values(next_at=far, paused_until=far, failures=7))
    await rewind(small, small.clock.now() - timedelta(hours=1))
    row = await small.task("pull")
    assert (row.failures, row.paused_until) == (0, None)
    assert (await small.task("send")).failures == 7, "the other tasks have nothing to do with it"


async def test_only_a_platform_and_only_lately(small: Bed) -> None:
    await small.add_source()
    now = small.clock.now()
    for since in (now + timedelta(minutes=1), now - rewinding.FURTHEST - timedelta(minutes=1)):
        with pytest.raises(BadInput, match="90 天以内"):
            await rewind(small, since)
    with pytest.raises(NotFound):
        await rewind(small, now - timedelta(days=1), key="nobody")
    async with small.deps.db.writes.begin() as session:
        await session.execute(sa.update(Source).values(kind="feed"))
    with pytest.raises(BadInput, match="热线平台"):
        await rewind(small, now - timedelta(days=1))
