"""Tickets that live by moves alone: their automatic 催办 and their month are what their events say."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from connectors.vault import Vault
from models.filters import all_seeing
from models.tickets import Ticket, TicketEvent
from models.vocab import Move, Post, State, Tag
from models.watching import Reminder
from tests.factories import NOW, TicketIn, add_tickets
from tests.triage.rules.helpers import moment, tables
from triage.clock import FixedClock
from triage.rules.moves import Actor
from triage.rules.rate_rows import Rate
from triage.rules.rates import By
from triage.services import months, reference
from triage.services.deps import Deps
from triage.services.moving import Person, Wish, make
from triage.services.supervising import sweep
from triage.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from models.db import Database

    Step = tuple[str, "Person", Move, dict[str, Any]]

WANGJING: Final = "110105026"
ECOLOGY: Final = "110105-ecology"
STREET = Person(Actor(Post.UNIT, WANGJING, "unit.wangjing"), "望京街道办事处")
BUREAU = Person(Actor(Post.UNIT, ECOLOGY, "unit.ecology"), "朝阳区生态环境局")
HOTLINE = Person(Actor(Post.HOTLINE, None, "hotline.a"), "热线甲")
DISTRICT = Person(Actor(Post.DISTRICT, "110105", "district.a"), "朝阳区中心甲")
SUPERVISOR = Person(Actor(Post.SUPERVISOR, None, "super.a"), "督办甲")
CALLER = Person(Actor(Post.FOLLOW_UP, None, "follow.a"), "回访甲")
REACHED = {"outcome": "reached", "told_citizen": "phone"}
IN_VAIN = {"outcome": "unreachable"}
FED_BACK = {"note": "已清运", "attachment": "照片 1", "told_citizen": "phone"}
GOOD = {"outcome": "reached", "contacted": "yes", "solved": "yes", "satisfaction": "satisfied"}
LONG: Final[tuple[Step, ...]] = (
    ("2026-11-23 18:30", STREET, Move.SIGN, {}),
    ("2026-11-23 19:00", STREET, Move.OBJECT, {
        "reason": "该处不在我街道辖区内", "clause": "条例第12条", "proposed_unit": ECOLOGY,
    }),
    ("2026-11-23 20:00", HOTLINE, Move.OBJECT_UPHOLD, {"reason": "属生态环境部门职责"}),
    ("2026-11-23 20:30", HOTLINE, Move.REASSIGN, {"unit": ECOLOGY, "reason": "异议成立"}),
    ("2026-11-23 22:15", BUREAU, Move.SIGN, {}),
    ("2026-11-24 08:00", BUREAU, Move.CONTACT, REACHED),
    ("2026-11-24 09:00", BUREAU, Move.HANDLE, {}),
    ("2026-11-28 10:00", BUREAU, Move.EXTEND_ASK, {
        "reason": "检测报告还要几天", "until": "2026-12-04T16:00", "told_citizen": "phone",
    }),
    ("2026-11-28 11:00", DISTRICT, Move.EXTEND_GRANT, {}),
    ("2026-12-01 10:00", BUREAU, Move.LEDGER_ASK, {
        "reason": "等管线改造完工", "clause": "条例第15条", "until": "2026-12-05T10:00",
        "told_citizen": "phone",
    }),
    ("2026-12-01 11:00", SUPERVISOR, Move.LEDGER_GRANT, {}),
    ("2026-12-10 11:00", SUPERVISOR, Move.LEDGER_REVIEW, {
        "outcome": "resume", "reason": "管线已改造", "until": "2026-12-12T11:00",
    }),
    ("2026-12-11 10:00", BUREAU, Move.FEEDBACK, FED_BACK),
    ("2026-12-14 10:00", CALLER, Move.FOLLOW_UP, GOOD),
    ("2026-12-14 11:00", CALLER, Move.CLOSE, {}),
)  # fmt: skip


async def _ready(db: Database, *items: TicketIn) -> list[str]:
    """Tickets over all units of the tables."""
    made = await add_tickets(db, *items)
    await reference.sync(Deps(Settings(), FixedClock(NOW), tables(), db, Vault({1: bytes(32)})))
    return made


async def _do(db: Database, no: str, step: Step) -> None:
    at, person, move, values = step
    async with db.writes.begin() as session:
        version = await session.scalar(sa.select(Ticket.version).where(Ticket.no == no))
        wish = Wish(no, move, values, int(version or 0), f"{move}-{version}")
        await make(session, tables(), all_seeing("local"), person, wish, now=moment(at))


async def _sweeps(db: Database, since: datetime, until: datetime) -> None:
    """The timetable, on every hour in [since, until): it looks twice, the second time in vain."""
    for hour in range((until - NOW) // timedelta(hours=1) + 1):
        at = NOW + timedelta(hours=hour)
        for _ in range(2 * (since <= at < until)):
            async with db.writes.begin() as session:
                await sweep(session, tables(), now=at)


async def test_a_ticket_of_every_turn_is_reminded_of_once_and_by_the_right_clock(db: Database) -> None:
    (no,) = await _ready(db, TicketIn(age=timedelta(0), due=timedelta(days=7)))
    since = NOW
    for step in LONG:
        await _sweeps(db, since, moment(step[0]))
        await _do(db, no, step)
        since = moment(step[0])
    await _sweeps(db, since, moment("2026-12-20 00:00"))
    async with db.reads() as session:
        kept = await session.execute(
            sa.select(Reminder.written_at, Reminder.clock, Reminder.run, Reminder.percent).order_by(
                Reminder.id
            )
        )
        told = await session.scalars(
            sa.select(TicketEvent.data).where(TicketEvent.tag == Tag.REMINDED.value).order_by(TicketEvent.seq)
        )
        state = await session.scalar(sa.select(Ticket.state).where(Ticket.no == no))
        found = [(at, clock, run, percent) for at, clock, run, percent in kept]
        units = [(data["clock"], data["run"], data["units"]) for data in told]
    assert found == [
        (moment("2026-11-23 17:00"), "sign", 1, 50),
        (moment("2026-11-23 18:00"), "sign", 1, 80),
        (moment("2026-11-23 18:00"), "sign", 1, 100),
        (moment("2026-11-23 22:00"), "sign", 2, 50),
        (moment("2026-11-23 22:00"), "sign", 2, 80),
        (moment("2026-11-24 07:00"), "contact", 1, 50),
        (moment("2026-11-27 07:00"), "answer", 1, 50),
        (moment("2026-12-10 12:00"), "answer", 1, 80),
        (moment("2026-12-14 07:00"), "follow_up", 1, 50),
    ]
    assert units == [
        ("sign", 1, {"unit": WANGJING}),
        ("sign", 1, {"unit": WANGJING, "district": "110105"}),
        ("sign", 2, {"unit": ECOLOGY}),
        ("contact", 1, {"unit": ECOLOGY}),
        ("answer", 1, {"unit": ECOLOGY}),
        ("answer", 1, {"unit": ECOLOGY}),
        ("follow_up", 1, {"unit": "bj-desk"}),
    ]
    assert state == State.CLOSED.value


def _urgent(contacted: str, *after: Step) -> Sequence[Step]:
    """A U1 ticket of 16:00: to be contacted by 16:30, answered by 18:00; then whatever came after."""
    return (
        ("2026-11-23 16:05", STREET, Move.SIGN, {}),
        (f"2026-11-23 {contacted}", STREET, Move.CONTACT, REACHED),
        ("2026-11-23 17:30", STREET, Move.FEEDBACK, FED_BACK),
        *after,
    )


def _called(hour: int, **said: str) -> Step:
    return (f"2026-11-23 {hour}:00", CALLER, Move.FOLLOW_UP, {**GOOD, **said})


async def test_a_month_of_moved_tickets_counts_what_happened_to_them(db: Database) -> None:
    lives = [
        _urgent("16:20", _called(19)),
        _urgent("16:30", _called(19, satisfaction="mostly")),
        _urgent("16:20", _called(19, solved="no", satisfaction="dissatisfied")),
        _urgent(
            "16:20",
            ("2026-11-23 18:30", CALLER, Move.FOLLOW_UP, IN_VAIN),
            ("2026-11-23 22:30", CALLER, Move.FOLLOW_UP, IN_VAIN),
            ("2026-11-24 09:00", CALLER, Move.FOLLOW_UP, IN_VAIN),
        ),
        _urgent(
            "16:20",
            _called(19),
            (
                "2026-11-24 09:00",
                STREET,
                Move.EXCLUDE_ASK,
                {"reason": "恶意重复反映", "clause": "条例第23条"},
            ),
            ("2026-11-24 10:00", SUPERVISOR, Move.EXCLUDE_GRANT, {"reason": "经核属实"}),
        ),
        _urgent("16:20"),
    ]
    urgent = TicketIn(urgency="U1", age=timedelta(0), due=timedelta(hours=2))
    numbers = await _ready(db, *(urgent for _ in lives))
    for no, life in zip(numbers, lives, strict=True):
        for step in life:
            await _do(db, no, step)
    later = FixedClock(moment("2026-12-02 09:00"))
    figures = (
        await months.close(Deps(Settings(), later, tables(), db, Vault({1: bytes(32)})), "2026-11")
    ).published.figures
    line = figures.line(By.UNIT, WANGJING)
    assert line is not None
    assert {rate.value: (tally.points, tally.tickets) for rate, tally in line.tallies} == {
        "response": (300, 4),
        "resolution": (200, 3),
        "satisfaction": (180, 3),
    }
    by_number = {verdict.no: dict(verdict.points) for verdict in figures.verdicts}
    good, late, unsolved, unreachable, excluded, waiting = numbers
    assert by_number == {
        good: {Rate.RESPONSE: 100, Rate.RESOLUTION: 100, Rate.SATISFACTION: 100},
        late: {Rate.RESPONSE: 0, Rate.RESOLUTION: 100, Rate.SATISFACTION: 80},
        unsolved: {Rate.RESPONSE: 100, Rate.RESOLUTION: 0, Rate.SATISFACTION: 0},
        unreachable: {Rate.RESPONSE: 100},
        excluded: {},
    }
    assert waiting not in by_number
    outs = {verdict.no: {(out.rate, out.cause.value) for out in verdict.outs} for verdict in figures.verdicts}
    assert outs[unreachable] == {(Rate.RESOLUTION, "unreachable"), (Rate.SATISFACTION, "unreachable")}
    assert outs[excluded] == {(rate, "excluded") for rate in Rate}
