"""Sums kept up by deltas are those made anew from events, whatever happened in whatever order."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from models.outbox import Outbox
from models.rollups import RollupCursor, RollupTicket
from models.tickets import Ticket, TicketEvent
from models.vocab import Move, State
from models.vocab_trends import Axis
from tests.factories import NOW, TicketIn, add_tickets
from tests.triage.services.trends.helpers import (
    BAD,
    CALLER,
    FED_BACK,
    GOOD,
    HOTLINE,
    STREET,
    attempt,
    correct,
    deps_of,
    move,
    refreshed,
    sums,
    units,
)
from triage.services import backlog
from triage.services.trends import figures, refreshing
from triage.services.trends.sources import Scope

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import pytest

    from models.db import Database
    from triage.services.deps import Deps

WEEK: Final = Scope(date(2026, 11, 1), date(2026, 11, 30))
MOVES: Final[tuple[tuple[Any, Move, dict[str, Any]], ...]] = (
    (STREET, Move.SIGN, {}),
    (STREET, Move.CONTACT, {"outcome": "reached", "told_citizen": "phone"}),
    (STREET, Move.FEEDBACK, FED_BACK),
    (CALLER, Move.FOLLOW_UP, GOOD),
    (CALLER, Move.FOLLOW_UP, BAD),
    (CALLER, Move.FOLLOW_UP, {"outcome": "unreachable"}),
    (CALLER, Move.REHANDLE, {"reason": "没有解决"}),
    (CALLER, Move.CLOSE, {}),
    (HOTLINE, Move.UNDO, {"reason": "点错了"}),
    (CALLER, Move.UNDO, {"reason": "点错了"}),
    (HOTLINE, Move.SPLIT, {"reason": "不是一件事"}),
    (HOTLINE, Move.DIVERT, {"divert": "explain", "reason": "解释说明即可"}),
    (HOTLINE, Move.DISPATCH, {"unit": "110105026"}),
)
SAID: Final = (
    {"kind": "AIR-01"}, {"environmental": "false"}, {"environmental": "true"}, {"place": "110108"},
    {"place": "110108010"}, {"kind": "NOI-01"},
)  # fmt: skip
STEPS: Final = st.lists(
    st.one_of(
        st.tuples(st.just("move"), st.integers(0, 3), st.sampled_from(range(len(MOVES)))),
        st.tuples(st.just("merge"), st.integers(0, 3), st.integers(0, 3)),
        st.tuples(st.just("correct"), st.integers(0, 3), st.sampled_from(range(len(SAID)))),
        st.tuples(st.just("count"), st.just(0), st.just(0)),
    ),
    min_size=4,
    max_size=16,
)


async def _move(deps: Deps, no: str, _other: str, number: int, late: timedelta) -> None:
    person, wanted, values = MOVES[number]
    await attempt(deps, no, person, wanted, values, at=NOW + late)


async def _merge(deps: Deps, no: str, other: str, _number: int, late: timedelta) -> None:
    values = {"other_ticket": other, "reason": "同一件事"}
    await attempt(deps, no, HOTLINE, Move.MERGE, values, at=NOW + late)


async def _correct(deps: Deps, no: str, _other: str, number: int, _late: timedelta) -> None:
    await correct(deps, no, SAID[number])


async def _count(deps: Deps, *_: object) -> None:
    await refreshed(deps)


PLAYS: Final[dict[str, Callable[..., Awaitable[None]]]] = {
    "move": _move,
    "merge": _merge,
    "correct": _correct,
    "count": _count,
}


@settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    # Making an example smaller would take minutes: each plays on a database.
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
async def test_deltas_and_a_rebuild_agree(db: Database, steps: list[tuple[str, int, int]]) -> None:
    deps = deps_of(db)
    await units(deps)
    made = await add_tickets(
        db,
        TicketIn(mood="negative", angry=True),
        TicketIn(kind="AIR-01", mood="positive"),
        TicketIn(kind=None, mood="neutral"),
        TicketIn(age=timedelta(days=40)),
    )
    for number, (name, one, other) in enumerate(steps):
        await PLAYS[name](deps, made[one], made[other % 4], other, timedelta(minutes=number))
    await refreshed(deps)
    kept = await sums(db)
    await refreshing.rebuild(deps)
    assert await sums(db) == kept
    await refreshed(deps)
    assert await sums(db) == kept


async def test_what_was_sent_in_confidence_is_in_no_sum(sqlite_db: Database) -> None:
    deps = deps_of(sqlite_db)
    await units(deps)
    await add_tickets(sqlite_db, TicketIn(), TicketIn(confidential=True), TicketIn(confidential=True))
    await refreshed(deps)
    kept = await sums(sqlite_db)
    async with sqlite_db.reads() as session:
        assert (await figures.totals(session, WEEK)).demands == 1
    await refreshing.rebuild(deps)
    assert await sums(sqlite_db) == kept


async def test_corrections_of_what_is_in_no_sum_hold_nothing_up(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refreshing, "CORRECTIONS", 1)
    deps = deps_of(db)
    await units(deps)
    secret, other, plain = await add_tickets(
        db, TicketIn(confidential=True), TicketIn(confidential=True), TicketIn()
    )
    for no in (secret, other, plain):
        await correct(deps, no, {"kind": "AIR-01"})
    await refreshing.rebuild(deps)
    looks = [await refreshing.refresh(deps) for _ in range(3)]
    assert not looks[-1], "it comes to an end"
    async with db.reads() as session:
        assert set(await figures.told_by(session, WEEK, Axis.KIND)) == {"AIR-01"}


async def test_figures_follow_a_life_a_merge_and_a_correction(db: Database) -> None:
    deps = deps_of(db)
    one, two, three = await add_tickets(db, TicketIn(), TicketIn(), TicketIn(kind="AIR-01"))
    await units(deps)
    await refreshed(deps)
    async with db.reads() as session:
        before = await figures.totals(session, WEEK)
    assert (before.demands, before.cases, before.open) == (3, 3, 3)

    late = NOW + timedelta(days=1)
    await move(deps, one, STREET, Move.SIGN, {})
    await move(deps, one, STREET, Move.CONTACT, {"outcome": "reached", "told_citizen": "phone"})
    await move(deps, one, STREET, Move.FEEDBACK, FED_BACK)
    await move(deps, one, CALLER, Move.FOLLOW_UP, GOOD, at=late)
    await move(deps, two, HOTLINE, Move.MERGE, {"other_ticket": three, "reason": "同一件事"})
    await correct(deps, three, {"kind": "NOI-01"})
    await refreshed(deps)
    async with db.reads() as session:
        after = await figures.totals(session, WEEK)
        kinds = await figures.told_by(session, WEEK, Axis.KIND)
        days = await figures.series(session, WEEK)
        months = await figures.series(session, Scope(date(2026, 10, 15), date(2026, 11, 30)), Axis.MONTH)
        streets = await figures.told_by(session, WEEK, Axis.STREET)
        hours = await figures.hours(session, WEEK)
        models = await figures.models(session, WEEK)
    assert (after.demands, after.cases, after.solved, after.merged, after.open) == (3, 2, 1, 1, 1)
    assert (after.satisfied_share, after.corrected) == (1.0, 1)
    assert {kind: found.demands for kind, found in kinds.items()} == {"NOI-01": 3}
    assert sum(found.demands for found in days.values()) == days[date(2026, 11, 23)].demands == 3
    assert [found.demands for found in months.values()] == [0, 3]
    assert list(streets) == ["110105026"]
    assert hours == {(1, 15): 3}
    assert models == {8: (3, 0, 1)}


async def test_putting_a_case_away_changes_no_figure(db: Database) -> None:
    deps = deps_of(db)
    head, behind, other = await add_tickets(db, TicketIn(), TicketIn(), TicketIn(state=State.REVIEW))
    await units(deps)
    await move(deps, behind, HOTLINE, Move.MERGE, {"other_ticket": head, "reason": "同一件事"})
    await move(deps, behind, CALLER, Move.FOLLOW_UP, GOOD)
    why = {"divert": "explain", "reason": "解释说明即可", "told_citizen": "phone"}
    await move(deps, other, HOTLINE, Move.DIVERT, why)
    await refreshed(deps)
    async with db.reads() as session:
        before = await figures.totals(session, WEEK)
    assert (before.demands, before.cases, before.merged, before.diverted) == (3, 2, 1, 1)
    for no in (behind, other):
        await move(deps, no, HOTLINE, Move.ARCHIVE, {})
    await refreshed(deps)
    async with db.reads() as session:
        assert await figures.totals(session, WEEK) == before
    await refreshing.rebuild(deps)
    async with db.reads() as session:
        assert await figures.totals(session, WEEK) == before


async def test_an_event_that_commits_late_is_still_counted(postgres_db: Database) -> None:
    db, deps = postgres_db, deps_of(postgres_db)
    await add_tickets(db, TicketIn(), TicketIn())
    await refreshed(deps)
    async with db.reads() as session:
        first, second = await session.scalars(sa.select(Ticket.id).order_by(Ticket.id))

    def urged(ticket_id: int) -> dict[str, Any]:
        return {"ticket_id": ticket_id, "seq": 6, "at": NOW, "tag": "ticket:reminded", "data": {}}

    async with db.writes() as slow:
        await slow.execute(sa.insert(TicketEvent), [urged(first)])
        async with db.writes.begin() as quick:
            await quick.execute(sa.insert(TicketEvent), [urged(second)])
        # Much later, but the slow one still runs: nothing is taken for settled.
        for _ in range(3):
            await refreshed(deps_of(db, NOW + timedelta(hours=1)))
        running = await counted(db)
        await slow.commit()
    await refreshed(deps_of(db, NOW + timedelta(hours=2)))
    ended = await counted(db)
    assert running == ([5, 6], True)
    assert ended == ([6, 6], False)


async def counted(db: Database) -> tuple[list[int], bool]:
    """Up to which event each ticket is counted, and whether any number is not settled."""
    async with db.reads() as session:
        seqs = list(await session.scalars(sa.select(RollupTicket.seq).order_by(RollupTicket.ticket_id)))
        cursor = (await session.scalars(sa.select(RollupCursor))).one()
    return seqs, cursor.events_settled < cursor.events_seen


async def test_counting_waits_while_many_appeals_are_to_be_read(sqlite_db: Database) -> None:
    deps = deps_of(sqlite_db)
    await add_tickets(sqlite_db, TicketIn())
    waiting = [
        {"topic": "appeal.read", "key": number, "created_at": NOW, "available_at": NOW, "attempts": 0}
        for number in range(1, backlog.BUSY + 2)
    ]
    async with sqlite_db.writes.begin() as session:
        await session.execute(sa.insert(Outbox), waiting)
    assert await refreshing.catch_up(deps) is False
    async with sqlite_db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(RollupTicket)) == 0
    async with sqlite_db.writes.begin() as session:
        await session.execute(sa.delete(Outbox).where(Outbox.key == 1))
    await refreshing.catch_up(deps)
    async with sqlite_db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(RollupTicket)) == 1


async def test_a_quiet_night_is_counted_to_its_end(sqlite_db: Database) -> None:
    await add_tickets(sqlite_db, TicketIn())
    await refreshed(deps_of(sqlite_db))
    later = NOW + timedelta(hours=12)
    await refreshed(deps_of(sqlite_db, later))
    async with sqlite_db.reads() as session:
        fresh = await figures.as_of(session)
    # Without it neither the day's signals nor its report are made until somebody calls.
    assert fresh.at == later


async def test_what_was_answered_at_once_is_an_ending_of_its_own(db: Database) -> None:
    deps = deps_of(db)
    asked = TicketIn(state=State.REVIEW, appeal_type="咨询")
    one, other, _ = await add_tickets(db, asked, asked, TicketIn())
    await units(deps)
    answer = {"note": "夜间施工证明由街道受理", "told_citizen": "phone"}
    for no in (one, other):
        await move(deps, no, HOTLINE, Move.ANSWER_NOW, answer)
    await move(deps, one, HOTLINE, Move.ARCHIVE, {})
    await refreshed(deps)
    async with db.reads() as session:
        told = await figures.totals(session, WEEK)
    assert {ending.value: n for ending, n in told.endings.items() if n} == {"answered": 2, "open": 1}
    assert (told.ended, sum(told.endings.values())) == (0, told.demands)
    kept = await sums(db)
    await refreshing.rebuild(deps)
    assert await sums(db) == kept
    # Taken up again it is no answer any more.
    await move(deps, other, HOTLINE, Move.ACCEPT, {"reason": "诉求人还有一处要问"})
    await refreshed(deps)
    async with db.reads() as session:
        told = await figures.totals(session, WEEK)
    assert {ending.value: n for ending, n in told.endings.items() if n} == {
        "in_review": 1, "answered": 1, "open": 1
    }  # fmt: skip


async def test_what_was_withdrawn_is_an_ending_of_its_own_and_never_solved(db: Database) -> None:
    deps = deps_of(db)
    one, other, _ = await add_tickets(db, TicketIn(), TicketIn(state=State.REVIEW), TicketIn())
    await units(deps)
    by = {"withdrawn_by": "caller", "withdrawn_why": "solved"}
    for no in (one, other):
        await move(deps, no, HOTLINE, Move.WITHDRAW, by)
    await move(deps, one, HOTLINE, Move.ARCHIVE, {})
    await refreshed(deps)
    async with db.reads() as session:
        told = await figures.totals(session, WEEK)
    assert {ending.value: n for ending, n in told.endings.items() if n} == {"withdrawn": 2, "open": 1}
    assert (told.ended, told.solved, sum(told.endings.values())) == (0, 0, told.demands)
    kept = await sums(db)
    await refreshing.rebuild(deps)
    assert await sums(db) == kept
    await move(deps, other, HOTLINE, Move.TAKE_UP, {"reason": "诉求人又来电要求办"})
    await refreshed(deps)
    async with db.reads() as session:
        told = await figures.totals(session, WEEK)
    assert {ending.value: n for ending, n in told.endings.items() if n} == {
        "in_review": 1, "withdrawn": 1, "open": 1
    }  # fmt: skip
