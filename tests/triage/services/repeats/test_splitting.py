"""合并 and 撤销合并: every caller keeps the own appeal, follow-ups and ratings, in whatever order."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import triage.tables
from models.vocab import Move, Post, State
from tests.factories import NOW, TicketIn
from tests.triage.services.test_moving import CALLER, HOTLINE, do, holds, ready, row
from triage.rules import moves
from triage.rules.dues import dues
from triage.rules.fields import Refusal
from triage.rules.moves import Actor
from triage.rules.replay import Event, opening_of, replay

if TYPE_CHECKING:
    from models.db import Database
    from triage.rules.rows import Tables
    from triage.rules.standing import Standing

TABLES = triage.tables.load()
REASON = {"reason": "不是同一处的烧烤店"}
RATED = {"outcome": "reached", "contacted": "yes", "solved": "no", "satisfaction": "dissatisfied"}


@pytest.fixture(scope="session")
def tables() -> Tables:
    return TABLES


async def test_a_split_brings_back_the_ticket_and_its_clocks(db: Database, tables: Tables) -> None:
    head, no = await ready(db, tables, TicketIn(), TicketIn())
    await do(db, tables, no, HOTLINE, Move.URGE, 1, {"note": "诉求人又来电"})
    before = await row(db, no)
    await do(db, tables, no, HOTLINE, Move.MERGE, 2, {"other_ticket": head, "reason": "同一处同一事项"})
    assert ((await row(db, no)).state, (await row(db, no)).due_at) == ("merged", None)
    assert (await row(db, head)).urges == 1
    await do(db, tables, no, HOTLINE, Move.SPLIT, 3, REASON, at=NOW + timedelta(days=2))
    after = await row(db, no)
    assert (after.state, after.due_at, after.unit_code) == (before.state, before.due_at, before.unit_code)
    assert (await row(db, head)).urges == 0
    await holds(db, tables, no)
    await holds(db, tables, head)


async def test_a_merged_citizen_is_followed_up_alone_and_keeps_the_rating(
    db: Database, tables: Tables
) -> None:
    head, no = await ready(db, tables, TicketIn(), TicketIn())
    await do(db, tables, no, HOTLINE, Move.MERGE, 1, {"other_ticket": head, "reason": "同一处同一事项"})
    await do(db, tables, no, CALLER, Move.FOLLOW_UP, 2, RATED)
    assert (await row(db, no)).state == "merged"
    await do(db, tables, no, HOTLINE, Move.SPLIT, 3, REASON)
    await holds(db, tables, no)
    assert (await row(db, no)).state == "dispatched"


async def test_what_was_never_merged_cannot_be_split(db: Database, tables: Tables) -> None:
    (no,) = await ready(db, tables, TicketIn())
    with pytest.raises(Refusal):
        await do(db, tables, no, HOTLINE, Move.SPLIT, 1, REASON)


async def test_an_archived_merge_can_still_be_split(db: Database, tables: Tables) -> None:
    head, no = await ready(db, tables, TicketIn(), TicketIn())
    await do(db, tables, no, HOTLINE, Move.MERGE, 1, {"other_ticket": head, "reason": "同一处同一事项"})
    await do(
        db, tables, no, CALLER, Move.FOLLOW_UP, 2, RATED | {"solved": "yes", "satisfaction": "satisfied"}
    )
    await do(db, tables, no, HOTLINE, Move.ARCHIVE, 3)
    await do(db, tables, no, HOTLINE, Move.SPLIT, 4, REASON)
    assert (await row(db, no)).state == "dispatched"
    await holds(db, tables, no)


def opened() -> Event:
    told = opening_of(
        state=State.DISPATCHED.value, urgency="U3", unit="110105026", assist=[], cc=[], kind="NOI-01",
        district="110105", flagged=False, registered_at=NOW, dispatched_at=NOW, dispatch_by=NOW,
        answer_by=NOW + timedelta(days=7),
    )  # fmt: skip
    return Event(1, NOW, "ticket:dispatched", "", {"opening": told})


VALUES: dict[Move, dict[str, Any]] = {
    Move.MERGE: {"other_ticket": "20261101-00000001", "reason": "同一处同一事项"},
    Move.SPLIT: REASON,
    Move.FOLLOW_UP: RATED,
    Move.URGE: {"note": "诉求人又来电"},
    Move.SIGN: {},
    Move.ARCHIVE: {},
}
WHO = {Move.FOLLOW_UP: Post.FOLLOW_UP, Move.SIGN: Post.UNIT}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(list(VALUES)), max_size=14))
def test_any_order_of_merges_and_splits_leaves_follow_ups_and_ratings(order: list[Move]) -> None:
    events = [opened()]
    start = replay(events)
    assert start is not None
    standing: Standing = start
    other = start
    rated = 0
    for number, move in enumerate(order, start=1):
        at = NOW + timedelta(hours=9 * number)
        actor = Actor(WHO.get(move, Post.HOTLINE), "110105026", "someone")
        before = standing
        made = _made(standing, move, actor, other, at=at)
        standing = made[1]
        events += made[0]
        rated += len(made[0]) * (move is Move.FOLLOW_UP)
        assert standing.follow_ups[: len(before.follow_ups)] == before.follow_ups
        assert len(standing.follow_ups) == rated
        assert all(one.satisfaction == "dissatisfied" for one in standing.follow_ups)
        assert standing.registered_at == NOW
        assert standing.answer_by == start.answer_by
    assert replay(events) == standing


def _made(
    standing: Standing, move: Move, actor: Actor, other: Standing, *, at: datetime
) -> tuple[list[Event], Standing]:
    """The move's event and the standing after it; nothing where the rules refuse it."""
    request = moves.Request(move, VALUES[move], other)
    try:
        chosen = moves.choose(TABLES, standing, request, actor, at=at)
    except Refusal:
        return [], standing
    limits = dues(TABLES, chosen.row, standing, chosen.values, at=at)
    event, after = moves.apply(TABLES, standing, chosen, actor, limits, at=at)
    return [event], after
