"""二次派单 on real rows: who sees the case then, who is told, what undoing and two at once come to."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import triage.tables
from models.filters import may_see
from models.notices import Notice
from models.tickets import ObjectionRow, Ticket, TicketEvent, TicketUnit
from models.vocab import Clock, Move, Post, Role, State
from models.vocab_staff import Role as StaffRole
from tests.factories import NOW, TicketIn
from tests.triage.services.test_moving import HOTLINE, OBJECTION, STREET, WANGJING, do, holds, ready, row
from triage.errors import NotFound
from triage.rules import access
from triage.rules.fields import Refusal
from triage.rules.moves import Actor
from triage.services.moving import Conflict, Person, Wish, make
from triage.services.standings import stand

if TYPE_CHECKING:
    from models.db import Database
    from triage.rules.rows import Tables
    from triage.rules.standing import Standing

GOVERNMENT, ECOLOGY = "110105", "110105-ecology"
DISTRICT = Person(Actor(Post.UNIT, GOVERNMENT, "district.a"), "朝阳区甲")
CENTRE = Person(Actor(Post.DISTRICT, GOVERNMENT, "district.b"), "朝阳区乙")
TO_STREET = {"unit": WANGJING}


@pytest.fixture(scope="session")
def tables() -> Tables:
    return triage.tables.load()


def to_district(**more: object) -> TicketIn:
    told = {"unit": GOVERNMENT, "assist": (), "copies": (), "age": timedelta(0), **more}
    return TicketIn(**told)  # type: ignore[arg-type]


async def seen_by(db: Database, tables: Tables, *units: str) -> list[bool]:
    """Whether an officer of each unit finds a ticket in the list."""
    found = []
    async with db.reads() as session:
        for unit in units:
            who = access.viewer(
                tables, login=unit, name="", roles=(StaffRole.BUREAU,), unit_code=unit, at=NOW.date()
            )
            count = await session.scalar(sa.select(sa.func.count()).where(may_see(who)).select_from(Ticket))
            found.append(bool(count))
    return found


async def units_of(db: Database) -> dict[str, str]:
    async with db.reads() as session:
        rows = await session.execute(sa.select(TicketUnit.unit_code, TicketUnit.role))
        return {row.unit_code: row.role for row in rows}


async def told(db: Database) -> set[tuple[str, str]]:
    async with db.reads() as session:
        rows = await session.execute(sa.select(Notice.template, Notice.recipient))
        return {(row.template, row.recipient) for row in rows}


async def standing(db: Database, tables: Tables, no: str) -> Standing:
    async with db.reads() as session:
        ticket = (await session.scalars(sa.select(Ticket).where(Ticket.no == no))).one()
        found, _ = await stand(session, tables, ticket, now=NOW)
    return found


@pytest.mark.parametrize("person", [DISTRICT, CENTRE])
@pytest.mark.parametrize("unit", [WANGJING, ECOLOGY])
async def test_the_unit_has_it_and_the_district_goes_on_seeing_it(
    db: Database, tables: Tables, person: Person, unit: str
) -> None:
    (no,) = await ready(db, tables, to_district())
    before = await standing(db, tables, no)
    later = NOW + timedelta(hours=1)
    await do(db, tables, no, person, Move.PASS_ON, 1, {"unit": unit}, at=later)
    await holds(db, tables, no)
    ticket, after = await row(db, no), await standing(db, tables, no)
    assert (ticket.state, ticket.unit_code) == (State.DISPATCHED.value, unit)
    assert (after.answer_by, after.dispatched_at) == (before.answer_by, before.dispatched_at)
    assert after.clocks[Clock.CONTACT] == before.clocks[Clock.CONTACT]
    assert after.clocks[Clock.SIGN].started == later
    assert await units_of(db) == {unit: Role.LEAD.value, GOVERNMENT: Role.COPY.value}
    assert await seen_by(db, tables, GOVERNMENT, unit, "110105023") == [True, True, False]
    assert await told(db) == {("passed_on", unit)}


async def test_who_assists_goes_on_assisting_and_is_not_told_again(db: Database, tables: Tables) -> None:
    (no,) = await ready(db, tables, to_district(assist=(ECOLOGY, WANGJING)))
    await do(db, tables, no, DISTRICT, Move.PASS_ON, 1, TO_STREET)
    await holds(db, tables, no)
    wanted = {WANGJING: Role.LEAD.value, ECOLOGY: Role.ASSIST.value, GOVERNMENT: Role.COPY.value}
    assert await units_of(db) == wanted
    assert await told(db) == {("passed_on", WANGJING)}


async def test_who_was_called_goes_on_and_comes_before_the_unit_signs(db: Database, tables: Tables) -> None:
    (no,) = await ready(db, tables, to_district())
    await do(db, tables, no, DISTRICT, Move.SIGN, 1)
    until = NOW + timedelta(days=1)
    asked = {"assist": [ECOLOGY, WANGJING], "until": until.isoformat(), "reason": "请两家到现场会商"}
    await do(db, tables, no, DISTRICT, Move.WHISTLE, 2, asked)
    await do(db, tables, no, DISTRICT, Move.PASS_ON, 3, TO_STREET)
    await holds(db, tables, no)
    wanted = {WANGJING: Role.LEAD.value, ECOLOGY: Role.ASSIST.value, GOVERNMENT: Role.COPY.value}
    assert await units_of(db) == wanted
    assert await seen_by(db, tables, GOVERNMENT, WANGJING, ECOLOGY) == [True, True, True]
    assert await told(db) == {("called", ECOLOGY), ("called", WANGJING), ("passed_on", WANGJING)}
    came = Person(Actor(Post.UNIT, ECOLOGY, "ecology.a"), "朝阳环保甲")
    await do(db, tables, no, came, Move.REPORT_IN, 4, {"note": "已到场"})
    await holds(db, tables, no)
    assert [(call.unit, call.due, call.reported_at) for call in (await standing(db, tables, no)).calls] == [
        (ECOLOGY, until, NOW)
    ]
    assert (await row(db, no)).state == State.DISPATCHED.value


async def test_undone_it_is_the_district_s_again_and_the_unit_sees_nothing(
    db: Database, tables: Tables
) -> None:
    (no,) = await ready(db, tables, to_district())
    before = await standing(db, tables, no)
    await do(db, tables, no, DISTRICT, Move.PASS_ON, 1, TO_STREET)
    with pytest.raises(Refusal, match="只能由本人撤销"):
        await do(db, tables, no, CENTRE, Move.UNDO, 2, {"reason": "派错街道了"})
    await do(db, tables, no, DISTRICT, Move.UNDO, 2, {"reason": "派错街道了"})
    await holds(db, tables, no)
    after = await standing(db, tables, no)
    assert (after.unit, after.copies, after.clocks) == (before.unit, before.copies, before.clocks)
    assert await units_of(db) == {GOVERNMENT: Role.LEAD.value}
    assert await seen_by(db, tables, GOVERNMENT, WANGJING) == [True, False]
    await do(db, tables, no, DISTRICT, Move.SIGN, 3)


async def test_signed_by_the_unit_it_is_not_taken_back(db: Database, tables: Tables) -> None:
    (no,) = await ready(db, tables, to_district())
    await do(db, tables, no, CENTRE, Move.PASS_ON, 1, TO_STREET)
    await do(db, tables, no, STREET, Move.SIGN, 2)
    with pytest.raises(Refusal, match="不是您做的"):
        await do(db, tables, no, CENTRE, Move.UNDO, 3, {"reason": "派错街道了"})


async def test_of_two_at_once_one_is_told_what_the_other_did(db: Database, tables: Tables) -> None:
    (no,) = await ready(db, tables, to_district())
    await do(db, tables, no, DISTRICT, Move.PASS_ON, 1, TO_STREET)
    with pytest.raises(Conflict, match="朝阳区甲：二次派单"):
        await do(db, tables, no, CENTRE, Move.PASS_ON, 1, {"unit": ECOLOGY}, key="k2")
    assert (await row(db, no)).unit_code == WANGJING


async def test_a_confidential_case_is_its_handlers_alone_and_its_sender_is_told_it_is_done(
    db: Database, tables: Tables
) -> None:
    (no,) = await ready(db, tables, to_district(confidential=True))
    who = access.viewer(
        tables, login="a", name="", roles=(StaffRole.BUREAU,), unit_code=GOVERNMENT, at=NOW.date()
    )
    assert await seen_by(db, tables, GOVERNMENT, ECOLOGY) == [True, False]
    wish = Wish(no, Move.PASS_ON, {"unit": ECOLOGY}, 1, "k1")
    async with db.writes.begin() as session:
        made = await make(session, tables, who, DISTRICT, wish, now=NOW)
    assert await seen_by(db, tables, GOVERNMENT, ECOLOGY) == [False, True]
    assert await told(db) == {("passed_on", ECOLOGY)}
    async with db.writes.begin() as session:
        again = await make(session, tables, who, DISTRICT, wish, now=NOW)
    assert (made.repeated, again.repeated) == (False, True)
    undo = Wish(no, Move.UNDO, {"reason": "派错单位了"}, 2, "k2")
    with pytest.raises(NotFound):
        async with db.writes.begin() as session:
            await make(session, tables, who, DISTRICT, undo, now=NOW)


async def test_merged_it_is_the_head_that_is_handed_on(db: Database, tables: Tables) -> None:
    head, mine = await ready(db, tables, to_district(), to_district())
    merged = {"other_ticket": head, "reason": "同一处工地同一晚"}
    await do(db, tables, mine, HOTLINE, Move.MERGE, 1, merged)
    with pytest.raises(Refusal, match="工单现在是“已合并”"):
        await do(db, tables, mine, CENTRE, Move.PASS_ON, 2, TO_STREET)
    await do(db, tables, head, CENTRE, Move.PASS_ON, 2, TO_STREET)
    # What joined it since is no move of the district's: it takes its own back all the same.
    third = await ready(db, tables, to_district())
    await do(db, tables, third[0], HOTLINE, Move.MERGE, 1, merged)
    await do(db, tables, head, CENTRE, Move.UNDO, 4, {"reason": "派错街道了"})
    assert (await row(db, head)).unit_code == GOVERNMENT
    await holds(db, tables, head)


@pytest.fixture
async def at_once(db: Database, tables: Tables) -> tuple[str, str]:
    """One that was dispatched to a district at once, so proposed to nobody: its number, and the row."""
    chosen = next(row.id for row in tables.catalogue if row.role is Role.LEAD)
    told = {"decision": {"row_ids": [chosen], "proposed": None}, "sent": {"unit": GOVERNMENT}}
    (no,) = await ready(db, tables, to_district(**told))
    return no, chosen


async def blamed(db: Database) -> list[str | None]:
    async with db.reads() as session:
        return list(await session.scalars(sa.select(ObjectionRow.catalogue_row)))


async def test_no_row_loses_by_whom_the_district_chose(
    db: Database, tables: Tables, at_once: tuple[str, str]
) -> None:
    no, _ = at_once
    await do(db, tables, no, DISTRICT, Move.PASS_ON, 1, TO_STREET)
    await do(db, tables, no, STREET, Move.OBJECT, 2, OBJECTION)
    assert await blamed(db) == [None]


async def test_the_row_loses_by_the_district_that_it_chose(
    db: Database, tables: Tables, at_once: tuple[str, str]
) -> None:
    no, chosen = at_once
    await do(db, tables, no, DISTRICT, Move.PASS_ON, 1, TO_STREET)
    await do(db, tables, no, DISTRICT, Move.UNDO, 2, {"reason": "派错街道了"})
    await do(db, tables, no, DISTRICT, Move.OBJECT, 3, OBJECTION)
    assert await blamed(db) == [chosen]


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(("secret", "by"), [(True, "move.pass_on.confidential"), (False, "move.pass_on")])
async def test_whether_it_is_confidential_decides_by_which_row_it_is_handed_on(
    db: Database, tables: Tables, by: str, *, signed: bool, secret: bool
) -> None:
    """Without a wish that waits, too: what says so is no event."""
    (no,) = await ready(db, tables, to_district(confidential=secret))
    for version in [1] * signed:
        await do(db, tables, no, DISTRICT, Move.SIGN, version)
    await do(db, tables, no, DISTRICT, Move.PASS_ON, 1 + signed, TO_STREET)
    async with db.reads() as session:
        data = await session.scalar(sa.select(TicketEvent.data).order_by(TicketEvent.seq.desc()).limit(1))
    assert data is not None
    assert (data["row"], "undo_until" in data) == (by, not secret)
