"""What comes to nothing however often it is sent: seen with the last answer, and may be given up."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.mock import AsyncMock

import pytest
import sqlalchemy as sa

from connectors.hotline.client import HotlineClient
from models.appeals import Source
from models.vocab import Move
from tests.triage.services.hotline.test_sending import actions, brief, decide, move, send, tickets
from triage.services.hotline import overview, sending

if TYPE_CHECKING:
    from tests.triage.services.hotline.bed import Bed
    from triage.services.hotline.overview import Exchange

WHY = "平台对动作的答复不是约定的格式。"


async def seen(bed: Bed) -> Exchange:
    """The source's page."""
    async with bed.deps.db.reads() as session:
        source = (await session.scalars(sa.select(Source.id).where(Source.key == "city"))).one()
        return await overview.of_source(session, source, now=bed.clock.now())


@pytest.fixture
async def held(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> int:
    """An action that a platform has answered with a success without `code`, so often; its id."""
    (no,) = await tickets(bed)
    await move(bed, no, Move.SIGN)
    await move(bed, no, Move.PROGRESS, note="正在核实。")
    with monkeypatch.context() as patch:
        patch.setattr(HotlineClient, "_ask", AsyncMock(return_value=(200, {}, None)))
        patch.setattr(sending, "_there", AsyncMock())
        for _ in range(sending.STUCK - 1):
            await send(bed)
        assert (await seen(bed)).stuck_count == 0
        await send(bed)
    return (await actions(bed))[0].id


async def test_what_never_arrives_is_seen_and_may_be_given_up(bed: Bed, held: int) -> None:
    """It was sent again for ever, held back all of its order, and no page said why."""
    exchange = await seen(bed)
    (shown,) = exchange.stuck_actions
    assert (shown.id, shown.seq, shown.why, exchange.stuck_count) == (held, 1, WHY, 1)
    await decide(bed, held, again=False)
    assert (await seen(bed)).stuck_count == 0
    await send(bed)
    assert await brief(bed) == [(1, "signed", "dropped"), (2, "progress", "done")]


async def test_what_never_arrived_is_sent_on_by_itself(bed: Bed, held: int) -> None:
    await decide(bed, held, again=True)
    assert (await seen(bed)).stuck_count == 0, "not before it failed once more"
    with pytest.raises(sending.ActionSettled):
        await decide(bed, held, again=False)
    await send(bed)
    assert [state for _, _, state in await brief(bed)] == ["done", "done"]


async def test_what_is_tried_for_the_first_times_is_nobodys_to_give_up(bed: Bed) -> None:
    (no,) = await tickets(bed)
    await move(bed, no, Move.SIGN)
    (action,) = await actions(bed)
    with pytest.raises(sending.ActionSettled):
        await decide(bed, action.id, again=False)
