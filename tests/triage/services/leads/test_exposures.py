"""曝光时间: dates that feeds give are believed so far as they may be true."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.leads import LeadEvent
from models.vocab_leads import DropReason, LeadAct
from tests.factories import NOW
from tests.triage.services.leads.conftest import SMOKE, SMOKE_AGAIN
from tests.triage.services.leads.test_leads import PUBLIC, do, item, lead, take
from triage.services.leads import reading

if TYPE_CHECKING:
    from nlp.pipeline import Reader
    from triage.services.deps import Deps

OLD = NOW - timedelta(days=365)


async def test_a_date_long_before_the_lead_moves_no_exposure(deps: Deps) -> None:
    """One feed's wrong date would say of every report of the matter that the media had it first."""
    await take(deps, item(1, SMOKE, at=PUBLIC))
    wrong = PUBLIC - timedelta(days=31)
    await take(deps, item(2, SMOKE_AGAIN, at=wrong), source="evening")
    found = await lead(deps, 1)
    assert (found.repeats, found.exposed_at) == (1, PUBLIC)
    async with deps.db.reads() as session:
        (told,) = await session.scalars(sa.select(LeadEvent.data).where(LeadEvent.act == LeadAct.REPEATED))
    assert told["exposed_at"] == wrong.isoformat()


async def test_what_is_screened_out_for_its_date_takes_no_report_of_today_with_it(
    deps: Deps, reader: Reader
) -> None:
    """For a month nobody was shown what the media wrote of the matter: each was a repeat of it."""
    old = await take(deps, item(1, SMOKE, at=OLD))
    # Before it is read, and after.
    before = await take(deps, item(2, SMOKE_AGAIN), source="evening")
    await reading.read(deps, reader, [*old.leads, *before.leads])
    assert (await lead(deps, old.leads[0])).screened == DropReason.OLD
    assert (await lead(deps, before.leads[0])).state == "waiting"
    after = await take(deps, item(3, SMOKE), item(4, SMOKE_AGAIN, at=OLD), source="night")
    assert (len(old.leads), len(before.leads), len(after.leads), after.repeats) == (1, 1, 0, 2)
    assert (await lead(deps, before.leads[0])).repeats + (await lead(deps, old.leads[0])).repeats == 2
    assert (await lead(deps, before.leads[0])).exposed_at == PUBLIC


@pytest.mark.parametrize(("fresh", "old"), [(1, 2), (2, 1)])
@pytest.mark.parametrize("parts", ["together", "fresh first", "old first"])
async def test_an_old_repeat_has_no_report_of_today_screened_out_before_it_is_read(
    deps: Deps, reader: Reader, parts: str, fresh: int, old: int
) -> None:
    """Within what an exposure may be moved back by, the fresh one was dropped for the date of the old one."""
    six, long = NOW - timedelta(days=6), NOW - timedelta(days=34)
    today, late = item(fresh, SMOKE, at=six), item(old, SMOKE_AGAIN, at=long)
    batches = {"together": [[today, late]], "fresh first": [[today], [late]], "old first": [[late], [today]]}
    made = [lead_id for batch in batches[parts] for lead_id in (await take(deps, *batch)).leads]
    await reading.read(deps, reader, made)
    found = {one.published_at: one for one in [await lead(deps, lead_id) for lead_id in made]}
    assert found[six].state == "waiting"
    # One lead with the exposure of the earlier, as had it been read before; or two.
    assert (found[six].exposed_at, len(found)) in {(long, 1), (six, 2)}


async def test_nor_does_one_of_the_same_batch(deps: Deps) -> None:
    # Stored by the hashes of their addresses: whichever comes first.
    for number in range(0, 12, 2):
        text = "".join(chr(0x4E00 + (number * 7919 + at * 10_473) % 20_000) for at in range(80))
        taken = await take(deps, item(number, text, at=OLD), item(number + 1, text))
        found = [await lead(deps, made) for made in taken.leads]
        assert PUBLIC in {one.exposed_at for one in found}


async def test_what_an_analyst_dropped_as_old_takes_what_says_the_same(deps: Deps, reader: Reader) -> None:
    (old,) = (await take(deps, item(1, SMOKE, at=OLD))).leads
    await reading.read(deps, reader, [old])
    await do(deps, old, LeadAct.UNDO)
    await do(deps, old, LeadAct.DROP, reason=DropReason.OLD.value)
    taken = await take(deps, item(2, SMOKE_AGAIN))
    assert (taken.leads, taken.repeats) == ((), 1)
