"""Reading: whatever a text does to whoever reads it, it ends before an analyst, and so do its neighbours."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from connectors.fakes import MemoryQueue
from models.vocab_leads import LeadState
from tests.factories import NOW
from tests.triage.services.leads.conftest import RIVER, SMOKE
from tests.triage.services.leads.test_leads import item, lead, take
from triage.services.leads import reading

if TYPE_CHECKING:
    from nlp.pipeline import Reader
    from triage.services.deps import Deps


async def test_a_text_that_ends_whoever_reads_it_is_shown_too_and_takes_no_other_with_it(
    deps: Deps, reader: Reader
) -> None:
    class Killed(BaseException):
        """The worker is gone: nothing behind it runs."""

    class Dying:
        def read(self, _title: str | None, _text: str) -> None:
            raise Killed

    bad, good = (await take(deps, item(1, SMOKE), item(2, RIVER))).leads
    with pytest.raises(Killed):
        await reading.read(deps, Dying(), [bad, good])  # type: ignore[arg-type]
    queue = MemoryQueue()
    later = NOW + timedelta(days=1)
    async with deps.db.writes.begin() as session:
        await reading.hand_out(session, queue, now=later, batch=50, again=timedelta(seconds=30))
    assert {tuple(ids) for _, ids in queue.jobs.values()} == {(bad,), (good,)}
    for _ in range(deps.settings.max_attempts - 1):
        with pytest.raises(Killed):
            await reading.read(deps, Dying(), [bad])  # type: ignore[arg-type]
    assert await reading.read(deps, Dying(), [bad]) == 0  # type: ignore[arg-type]
    assert await reading.read(deps, reader, [good]) == 1
    found = await lead(deps, bad)
    assert (found.state, found.reading) == (LeadState.WAITING, {"failed": True})
