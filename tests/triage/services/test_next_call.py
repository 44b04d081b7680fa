"""回访台: which case is given to be rung, which rests and why; by real moves, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import triage.tables
from connectors.vault import Vault
from models import holds, ringing
from models.citizens import CitizenRating
from models.filters import Scope, all_seeing
from models.ringing import CallAfter, FollowUpHold, Moment
from models.tickets import Ticket, TicketEvent
from models.vocab import Move, Tag
from tests.factories import TicketIn, add_tickets
from tests.plans import plans, scanned
from tests.triage.services.repeats.test_following import AWAY, HAPPY, UNHAPPY, act, answered, merged
from tests.triage.services.test_moving import CALLER, STREET, ready, row
from triage.clock import FixedClock
from triage.services.call_after import Wish, set_time
from triage.services.deps import Deps
from triage.services.desks import next_call
from triage.services.desks.next_call import HOLD
from triage.settings import Settings

if TYPE_CHECKING:
    from models.db import Database
    from models.ringing import Waiting
    from models.viewing import Viewer
    from triage.rules.rows import Tables

TABLES = triage.tables.load()
#: The answer's limit is over, and one rings: 2026-12-03, 10:00 in Beijing.
LATER = datetime.fromisoformat("2026-12-03T10:00+08:00")
ANNE, BERT = all_seeing("anne"), all_seeing("bert")
#: How SQLite finds what is answered, and what is merged and waits.
CLOCKED = "ix_ticket_state_due (state=? AND due_at>?)"
AGAIN = {"note": "已再次处理", "attachment": "照片 2", "told_citizen": "phone"}
HOUR = timedelta(hours=1)


@pytest.fixture(scope="session")
def tables() -> Tables:
    return TABLES


async def cases(db: Database, *items: TicketIn) -> list[str]:
    """Answered cases, due at one moment: the first of them comes first."""
    found = await ready(db, TABLES, *(items or (TicketIn(), TicketIn(), TicketIn())))
    for no in found:
        await answered(db, no)
    return found


async def take(
    db: Database, who: Viewer = ANNE, at: datetime = LATER, but: tuple[str, ...] = ()
) -> str | None:
    deps = Deps(settings=Settings(), clock=FixedClock(at), tables=TABLES, db=db, vault=Vault({1: bytes(32)}))
    return await next_call.take(deps, who, now=at, but=but)


async def waits(db: Database, who: Viewer = ANNE, at: datetime = LATER) -> Waiting:
    async with db.reads() as session:
        return (await next_call.waits(session, TABLES, who, now=at)).waiting


async def figures(db: Database, who: Viewer = ANNE, at: datetime = LATER) -> tuple[int, int, int, int, int]:
    found = await waits(db, who, at)
    rests = (found.held, found.agreed, found.tried, found.early)
    now, *others = (found.now.value, *(rest.count.value for rest in rests))
    held, agreed, tried, early = others
    return now, held, agreed, tried, early


async def agree(db: Database, no: str, at: datetime | None, now: datetime = LATER) -> None:
    async with db.writes.begin() as session:
        ticket = (await session.scalars(sa.select(Ticket).where(Ticket.no == no))).one()
        standing = (await ringing.agreed_of(session, [ticket.id])).get(ticket.id)
        wish = Wish(no, at, standing.at if standing else None, late=True)
        await set_time(session, TABLES, ANNE, wish, now=now)


async def rated(db: Database, no: str, *, solved: str = "no", at: datetime = LATER - HOUR) -> None:
    """What the citizen says of the answer that stands."""
    async with db.writes.begin() as session:
        ticket = (await session.scalars(sa.select(Ticket).where(Ticket.no == no))).one()
        event = await session.scalar(
            sa.select(sa.func.max(TicketEvent.id)).where(
                TicketEvent.ticket_id == ticket.id, TicketEvent.tag == Tag.FEEDBACK.value
            )
        )
        session.add(
            CitizenRating(
                appeal_id=ticket.appeal_id, answer=event, solved=solved, satisfaction="satisfied", at=at
            )
        )  # fmt: skip


async def test_the_first_due_is_given_and_held(db: Database) -> None:
    first, second, third = await cases(db)
    assert await take(db) == first
    # Who asks again, or reloads, has the same; a colleague has the next.
    assert await take(db) == first
    assert await take(db, BERT) == second
    assert await take(db, all_seeing("carl")) == third
    assert await take(db, all_seeing("dora")) is None
    assert await figures(db, all_seeing("dora")) == (0, 3, 0, 0, 0)
    assert (await waits(db, all_seeing("dora"))).held.next_at == LATER + HOLD
    # Nobody keeps a case for ever.
    assert await take(db, all_seeing("dora"), LATER + HOLD) == first


async def test_what_is_skipped_is_let_go_of(db: Database) -> None:
    first, second, third = await cases(db)
    await take(db)
    assert await take(db, but=(first,)) == second
    assert await take(db, BERT) == first
    assert await take(db, but=(first, second)) == third
    async with db.reads() as session:
        rows = await session.execute(
            sa.select(Ticket.no, FollowUpHold.by).join(Ticket, Ticket.id == FollowUpHold.ticket_id)
        )
        assert {row.no: row.by for row in rows} == {first: "bert", third: "anne"}


async def test_a_page_that_was_left_lets_go_of_what_it_held_alone(db: Database) -> None:
    first, *_ = await cases(db)
    await take(db)
    async with db.writes.begin() as session:
        await holds.release(session, "bert", now=LATER, until=LATER + HOLD)
        await holds.release(session, "anne", now=LATER, until=LATER)
    assert await take(db, BERT) != first
    async with db.writes.begin() as session:
        await holds.release(session, "anne", now=LATER, until=LATER + HOLD)
    assert await take(db, all_seeing("carl")) == first


async def test_what_a_colleague_has_rung_meanwhile_is_not_given(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, _ = await cases(db)
    seen = await _candidates(db)
    await act(db, first, CALLER, Move.FOLLOW_UP, AWAY, at=LATER)
    assert first in seen

    async def before(*_: object) -> list[tuple[int, str]]:
        return [(number, no) for no, number in seen.items()]

    monkeypatch.setattr(next_call, "_candidates", before)
    assert await take(db) == second
    async with db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(FollowUpHold)) == 1


async def _candidates(db: Database) -> dict[str, int]:
    async with db.reads() as session:
        found = await ringing.by_due(session, ANNE, Moment(LATER, "anne", 4 * HOUR), limit=9)
    return {no: number for number, no in found}


async def test_after_a_try_in_vain_a_case_rests_four_hours(db: Database) -> None:
    first, second, _ = await cases(db)
    await act(db, first, CALLER, Move.FOLLOW_UP, AWAY, at=LATER)
    assert await take(db) == second
    found = await waits(db)
    assert (found.now.value, found.tried.count.value, found.tried.next_at) == (2, 1, LATER + 4 * HOUR)
    assert await take(db, at=LATER + 4 * HOUR - timedelta(minutes=1)) == second
    assert await take(db, at=LATER + 4 * HOUR) == first
    # Taken back it never was.
    await act(db, second, CALLER, Move.FOLLOW_UP, AWAY, at=LATER)
    await act(db, second, CALLER, Move.UNDO, {"reason": "点错了一张工单"}, at=LATER)
    assert await figures(db, at=LATER + timedelta(minutes=1)) == (2, 0, 0, 1, 0)


async def test_before_the_limit_of_the_answer_nobody_is_rung(db: Database) -> None:
    (no,) = await cases(db, TicketIn())
    ticket = await row(db, no)
    assert ticket.answer_by is not None
    early = ticket.answer_by - timedelta(seconds=1)
    assert await figures(db, at=early) == (0, 0, 0, 0, 1)
    assert (await waits(db, at=early)).early.next_at == ticket.answer_by
    # Exactly then the rules allow it.
    assert await figures(db, at=ticket.answer_by) == (1, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("hour", "given"),
    [("08:29", False), ("08:30", True), ("20:29", True), ("20:30", False), ("23:00", False)],
)
async def test_one_rings_within_the_hours_of_the_day(db: Database, hour: str, *, given: bool) -> None:
    await cases(db, TicketIn())
    found = await take(db, at=datetime.fromisoformat(f"2026-12-03T{hour}+08:00"))
    assert (found is not None) is given


async def test_an_agreed_time_rests_the_case_and_brings_it_first(db: Database) -> None:
    first, second, third = await cases(db)
    five = LATER + 7 * HOUR
    await agree(db, second, five)
    await agree(db, third, five - HOUR)
    found = await waits(db)
    assert (found.now.value, found.agreed.count.value, found.agreed.next_at) == (1, 2, five - HOUR)
    assert await take(db) == first
    # What was agreed for earlier comes first, then by due.
    assert await take(db, at=five) == third
    assert await take(db, BERT, at=five) == second
    assert await take(db, all_seeing("carl"), at=five) == first


async def test_an_agreed_time_is_used_up_by_a_call_after_it(db: Database) -> None:
    first, second, _ = await cases(db)
    soon = LATER + HOUR
    await agree(db, second, soon)
    # A call before it, since the citizen rang themselves, leaves it.
    assert await _agreed(db, second)
    await act(db, second, CALLER, Move.FOLLOW_UP, AWAY, at=soon)
    assert not await _agreed(db, second)
    assert await take(db, at=soon + 5 * HOUR) == first
    await act(db, second, CALLER, Move.UNDO, {"reason": "点错了一张工单"}, at=soon + timedelta(minutes=5))
    assert await _agreed(db, second)
    assert await take(db, at=soon + 5 * HOUR) == second


async def _agreed(db: Database, no: str) -> bool:
    async with db.reads() as session:
        number = await session.scalar(sa.select(Ticket.id).where(Ticket.no == no))
        return bool(await ringing.agreed_of(session, [number or 0]))


async def test_an_agreed_time_ends_with_the_call_and_with_the_answer(db: Database) -> None:
    (no,) = await cases(db, TicketIn())
    await agree(db, no, LATER + HOUR)
    await act(db, no, CALLER, Move.FOLLOW_UP, UNHAPPY, at=LATER)
    assert not await _agreed(db, no)
    # Taken back, the citizen waits for it again.
    await act(db, no, CALLER, Move.UNDO, {"reason": "点错了一张工单"}, at=LATER)
    assert await _agreed(db, no)
    await act(db, no, CALLER, Move.FOLLOW_UP, UNHAPPY, at=LATER)
    await act(db, no, CALLER, Move.REHANDLE, {"reason": "没有解决，理由成立"}, at=LATER)
    await act(
        db, no, STREET, Move.FEEDBACK, AGAIN,
        at=LATER,
    )  # fmt: skip
    assert not await _agreed(db, no)
    async with db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(CallAfter)) == 1


async def test_who_said_on_the_web_that_it_is_not_solved_comes_before_the_due(db: Database) -> None:
    first, second, third = await cases(db)
    await rated(db, third)
    await rated(db, second, solved="yes")
    assert await take(db) == third
    assert await take(db, BERT) == first
    # After an agreed time that is reached.
    await agree(db, second, LATER + HOUR)
    assert await take(db, all_seeing("carl"), at=LATER + HOUR) == second


async def test_what_was_said_of_an_answer_that_stands_no_more_puts_nothing_first(db: Database) -> None:
    first, _, third = await cases(db)
    async with db.writes.begin() as session:
        ticket = (await session.scalars(sa.select(Ticket).where(Ticket.no == third))).one()
        session.add(
            CitizenRating(
                appeal_id=ticket.appeal_id, answer=1, solved="no", satisfaction="fair", at=LATER - HOUR
            )
        )  # fmt: skip
    assert await take(db) == first


async def test_who_is_merged_is_rung_by_themselves(db: Database) -> None:
    head, one = await ready(db, TABLES, TicketIn(), TicketIn())
    await merged(db, one, head)
    await answered(db, head)
    both = {await take(db), await take(db, BERT)}
    assert both == {head, one}
    await agree(db, one, LATER + HOUR)
    assert await figures(db, all_seeing("carl"), LATER + HOLD) == (1, 0, 1, 0, 0)
    await act(db, one, CALLER, Move.FOLLOW_UP, HAPPY, at=LATER + HOLD)
    assert await figures(db, all_seeing("carl"), LATER + 2 * HOUR) == (1, 0, 0, 0, 0)
    assert not await _agreed(db, one)


async def test_who_withdrew_is_never_given_though_the_case_was_answered_for_others(db: Database) -> None:
    """待回访 it stands for 办结 alone: without a clock it came last, and 回访 was refused."""
    head, other = await ready(db, TABLES, TicketIn(), TicketIn())
    await merged(db, other, head)
    by = {"withdrawn_by": "caller", "withdrawn_why": "unwilling"}
    await act(db, head, CALLER, Move.WITHDRAW, by)
    await answered(db, head)
    assert ((await row(db, head)).state, (await row(db, head)).due_at) == ("feedback", None)
    assert await figures(db) == (1, 0, 0, 0, 0)
    assert await figures(db, at=LATER - timedelta(days=5)) == (1, 0, 0, 0, 0)
    assert await take(db) == other
    assert await take(db, BERT) is None
    await act(db, head, CALLER, Move.TAKE_UP, {"reason": "诉求人又来电要求办"})
    assert await take(db, BERT) == head


async def test_a_confidential_case_is_given_to_whom_may_see_it(db: Database) -> None:
    (no,) = await cases(db, TicketIn(confidential=True))
    blind = replace(ANNE, scope=Scope(everything=True, secret=False))
    assert await take(db, blind) is None
    assert await figures(db, blind) == (0, 0, 0, 0, 0)
    async with db.writes.begin() as session:
        number = await session.scalar(sa.select(Ticket.id).where(Ticket.no == no))
        session.add(CallAfter(ticket_id=number, at=LATER + HOUR, words="", by="x", set_at=LATER, seq=99))
        assert await holds.hold(session, number or 0, "bert", now=LATER, span=HOLD)
    assert await figures(db, blind) == (0, 0, 0, 0, 0)
    assert await figures(db) == (0, 1, 0, 0, 0)
    assert await take(db, BERT, at=LATER + HOUR) == no


async def test_a_case_without_a_clock_waits_last(db: Database) -> None:
    first, second, third = await cases(db)
    async with db.writes.begin() as session:
        await session.execute(
            sa.update(Ticket).where(Ticket.no == first).values(due_at=None, due_clock=None, answer_by=None)
        )
    assert [await take(db, all_seeing(who)) for who in "abc"] == [second, third, first]
    assert await figures(db, all_seeing("b"), LATER + HOLD) == (3, 0, 0, 0, 0)


async def test_counts_stop_at_a_cap(db: Database) -> None:
    await cases(db)
    async with db.reads() as session:
        moment = next_call.moment_of(TABLES, ANNE, LATER)
        found = await ringing.waits(session, ANNE, moment, cap=2)
    assert (found.now.value, found.now.more) == (2, True)


async def test_the_questions_read_no_table_from_end_to_end(db: Database) -> None:
    await add_tickets(db, *(TicketIn() for _ in range(5)))
    await cases(db)
    moment = next_call.moment_of(TABLES, ANNE, LATER)

    async def ask(session: Any) -> None:  # noqa: ANN401
        await ringing.agreed_first(session, ANNE, moment, limit=20)
        await ringing.unhappy_first(session, ANNE, moment, limit=50)
        await ringing.by_due(session, ANNE, moment, limit=20)
        await ringing.waits(session, ANNE, moment)
        await ringing.agreed_of(session, [1, 2])

    found = await plans(db, ask)
    assert len(found) == 10
    for plan in found:
        # Of a state alone, only with a clock that runs.
        assert "ix_ticket_state" not in plan.replace(CLOCKED, ""), plan
        # An index of what waits alone, or a key: never all tickets, events or ratings there are.
        assert "Seq Scan on ticket" not in plan
        for table in ("ticket_event", "later_on", "tried", "citizen_rating"):
            assert not scanned(plan, table), plan
    for plan in (found[2], found[4], found[8]):
        assert "ix_ticket_to_follow" in plan or plan.count(CLOCKED) == 2, plan
