"""What happens to tickets is told by the services themselves: reminders, calls, supervision, rulings."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from models.filters import all_seeing
from models.notices import Notice
from models.tickets import Ticket, TicketEvent
from models.vocab import Move, Post, Tag, Urgency
from models.vocab_notices import NoticeTo
from tests import factories
from tests.factories import NOW, TicketIn
from triage.clock import show
from triage.rules.fields import Refusal
from triage.rules.moves import Actor
from triage.services import correcting, moving, supervising
from triage.services.moving import Person, Wish
from triage.services.notices.telling import Happened, notices_of

if TYPE_CHECKING:
    from tests.triage.services.notices.conftest import Hands
    from triage.services.deps import Deps

STREET, ECOLOGY, DISTRICT = "110105026", "110105-ecology", "110105"
OTHER = "110108010"
UNIT = Person(Actor(Post.UNIT, STREET, "wang"), "王某")
HOTLINE = Person(Actor(Post.HOTLINE, None, "li"), "李某")


async def told(deps: Deps) -> set[tuple[str, str]]:
    async with deps.db.reads() as session:
        rows = await session.execute(sa.select(Notice.template, Notice.recipient))
        return {(row.template, row.recipient) for row in rows}


async def do(deps: Deps, no: str, person: Person, move: Move, version: int, **values: Any) -> int:  # noqa: ANN401
    async with deps.db.writes.begin() as session:
        wish = Wish(no, move, values, version, f"{move.value}-{version}")
        made = await moving.make(session, deps.tables, all_seeing("test"), person, wish, now=deps.clock.now())
        return made.version


async def test_a_whistle_and_a_supervision(deps: Deps) -> None:
    (no,) = await factories.add_tickets(deps.db, TicketIn(age=timedelta(0)))
    version = await do(deps, no, UNIT, Move.SIGN, 1)
    assert await told(deps) == set()
    until = (NOW + timedelta(days=2)).isoformat()
    version = await do(
        deps,
        no,
        UNIT,
        Move.WHISTLE,
        version,
        assist=[ECOLOGY],
        reason="需要到场监测噪声",
        until=until,
    )
    assert await told(deps) == {("called", ECOLOGY)}
    await do(deps, no, HOTLINE, Move.SUPERVISE, version, reason="多次反映没有解决", until=until)
    assert await told(deps) == {("called", ECOLOGY), ("supervised", STREET), ("supervised", DISTRICT)}
    async with deps.db.reads() as session:
        (facts,) = await session.scalars(sa.select(Notice.facts).where(Notice.template == "called"))
    assert facts == {
        "no": no, "kind": facts["kind"], "place": "朝阳区望京街道", "urgency": "U3 一般",
        "due": "2026-11-25 16:00", "told": "吹哨",
    }  # fmt: skip


async def test_an_objection_is_answered_to_who_raised_it(deps: Deps) -> None:
    (no,) = await factories.add_tickets(deps.db, TicketIn(age=timedelta(0)))
    version = await do(
        deps, no, UNIT, Move.OBJECT, 1, reason="不属于本街道职责", clause="条例第12条", proposed_unit=ECOLOGY
    )
    await do(deps, no, HOTLINE, Move.OBJECT_REJECT, version, reason="属地街道应当牵头")
    assert await told(deps) == {("decision_waits", "bj-desk"), ("objection_ruled", STREET)}


async def test_what_comes_back_from_the_caller_is_told_to_its_units_with_the_new_limit(
    deps: Deps, clock: Hands
) -> None:
    """重办 of a U1 has one hour: it stood in nobody's messages."""
    (no,) = await factories.add_tickets(deps.db, TicketIn(urgency="U1", age=timedelta(0), assist=(ECOLOGY,)))
    version = await do(deps, no, UNIT, Move.SIGN, 1)
    for move, values in (
        (Move.CONTACT, {"outcome": "reached", "told_citizen": "phone"}),
        (Move.FEEDBACK, {"note": "已制止。", "attachment": "附件01", "told_citizen": "phone"}),
    ):
        version = await do(deps, no, UNIT, move, version, **values)
    clock.on(hours=4)
    caller = Person(Actor(Post.FOLLOW_UP, None, "zhao"), "赵某")
    answers = {"outcome": "reached", "contacted": "yes", "solved": "no", "satisfaction": "dissatisfied"}
    version = await do(deps, no, caller, Move.FOLLOW_UP, version, **answers)
    assert await told(deps) == set()
    await do(deps, no, caller, Move.REHANDLE, version, reason="夜里仍在施工")
    assert await told(deps) == {("rehandle", STREET), ("rehandle", ECOLOGY)}
    async with deps.db.reads() as session:
        due = await session.scalar(sa.select(Ticket.due_at).where(Ticket.no == no))
        facts = (await session.scalars(sa.select(Notice.facts))).first()
    assert facts is not None
    assert due is not None
    assert facts["due"] == show(due)


async def test_what_was_ruled_on_a_wish_of_the_unit_is_told_to_it(deps: Deps) -> None:
    (no,) = await factories.add_tickets(
        deps.db, TicketIn(urgency="U4", age=timedelta(0), due=timedelta(days=9))
    )
    until = (NOW + timedelta(days=12)).isoformat()
    version = await do(deps, no, UNIT, Move.SIGN, 1)
    version = await do(deps, no, UNIT, Move.CONTACT, version, outcome="reached", told_citizen="phone")
    wish = {"reason": "需要进场检测，周期较长", "until": until, "told_citizen": "phone"}
    version = await do(deps, no, UNIT, Move.EXTEND_ASK, version, **wish)
    district = Person(Actor(Post.DISTRICT, DISTRICT, "qian"), "钱某")
    version = await do(deps, no, district, Move.EXTEND_DENY, version, reason="理由不充分")
    assert await told(deps) == {("decision_waits", DISTRICT), ("extension_ruled", STREET)}
    version = await do(deps, no, UNIT, Move.LEDGER_ASK, version, clause="条例第15条", **wish)
    supervisor = Person(Actor(Post.SUPERVISOR, None, "sun"), "孙某")
    await do(deps, no, supervisor, Move.LEDGER_DENY, version, reason="可以解决")
    assert {("extension_ruled", STREET), ("ledger_ruled", STREET)} <= await told(deps)
    async with deps.db.reads() as session:
        ruled = sa.select(Notice.facts).where(Notice.recipient == STREET)
        said = await session.scalars(ruled.order_by(Notice.id))
    assert [facts["told"] for facts in said] == ["不同意延期", "不同意挂账"]


async def test_what_is_no_merge_any_more_is_told_to_its_units(deps: Deps) -> None:
    head, no = await factories.add_tickets(deps.db, TicketIn(age=timedelta(0)), TicketIn(age=timedelta(0)))
    version = await do(deps, no, HOTLINE, Move.MERGE, 1, other_ticket=head, reason="同一工地")
    await do(deps, no, HOTLINE, Move.SPLIT, version, reason="不是同一处")
    assert {("split", STREET), ("split", ECOLOGY)} <= await told(deps)


@pytest.mark.parametrize("tag", [Tag.REHANDLE, Tag.SPLIT, Tag.EXTEND_GRANT, Tag.LEDGER_REVIEW])
def test_a_table_of_before_has_no_words_for_it_and_nothing_breaks(deps: Deps, tag: Tag) -> None:
    before = replace(deps.tables.notices, templates=())
    event = Happened("1", 1, tag, None, None, None, Urgency.U1, parts={NoticeTo.LEAD: (STREET,)})
    tables = replace(deps.tables, notices=before)
    assert notices_of(tables, event, NOW.date(), sees=lambda *_: True) == []


async def test_a_refused_move_tells_nobody(deps: Deps) -> None:
    (no,) = await factories.add_tickets(deps.db, TicketIn(age=timedelta(0)))
    with pytest.raises(Refusal):
        await do(deps, no, HOTLINE, Move.ONSITE, 1)
    assert await told(deps) == set()


async def test_reminders_tell_those_that_the_clocks_table_names(deps: Deps) -> None:
    await factories.add_tickets(deps.db, TicketIn(urgency="U1", age=timedelta(0)))
    seen = []
    for minutes in (8, 16, 130, 260):
        async with deps.db.writes.begin() as session:
            await supervising.sweep(session, deps.tables, now=NOW + timedelta(minutes=minutes))
        seen.append({recipient for template, recipient in await told(deps) if template == "reminded"})
    assert seen[0] == {STREET}
    assert seen[-1] > {STREET, DISTRICT}


async def test_a_district_hears_nothing_of_a_case_that_another_leads(deps: Deps) -> None:
    (no,) = await factories.add_tickets(
        deps.db, TicketIn(urgency="U1", unit=OTHER, assist=(), copies=(), age=timedelta(0))
    )
    until = (NOW + timedelta(days=2)).isoformat()
    other = Person(Actor(Post.UNIT, OTHER, "wang"), "王某")
    version = await do(deps, no, other, Move.SIGN, 1)
    await do(deps, no, HOTLINE, Move.SUPERVISE, version, reason="多次反映没有解决", until=until)
    for minutes in (8, 130, 260):
        async with deps.db.writes.begin() as session:
            await supervising.sweep(session, deps.tables, now=NOW + timedelta(minutes=minutes))
    found = await told(deps)
    assert {("supervised", OTHER), ("reminded", OTHER)} <= found
    assert DISTRICT not in {recipient for _, recipient in found}
    async with deps.db.reads() as session:
        rows = await session.scalars(sa.select(TicketEvent.data).where(TicketEvent.tag == Tag.REMINDED.value))
        assert DISTRICT not in {code for data in rows for code in data["units"].values()}


async def test_the_district_that_has_the_case_hears_of_it_wherever_its_place_is_put(deps: Deps) -> None:
    (no,) = await factories.add_tickets(deps.db, TicketIn(urgency="U1", age=timedelta(0)))
    async with deps.db.writes.begin() as session:
        said = {"place": "110108017"}
        await correcting.correct(session, deps.tables, all_seeing("test"), no, said, at=NOW)
    version = await do(deps, no, UNIT, Move.SIGN, 1)
    until = (NOW + timedelta(days=2)).isoformat()
    await do(deps, no, HOTLINE, Move.SUPERVISE, version, reason="多次反映没有解决", until=until)
    for minutes in (8, 130, 260):
        async with deps.db.writes.begin() as session:
            await supervising.sweep(session, deps.tables, now=NOW + timedelta(minutes=minutes))
    assert {("supervised", DISTRICT), ("reminded", DISTRICT)} <= await told(deps)


async def test_of_a_confidential_report_only_those_hear_who_work_on_it(deps: Deps) -> None:
    (no,) = await factories.add_tickets(
        deps.db, TicketIn(urgency="U1", age=timedelta(0), confidential=True, copies=(DISTRICT,))
    )
    until = (NOW + timedelta(days=2)).isoformat()
    version = await do(deps, no, UNIT, Move.SIGN, 1)
    await do(deps, no, HOTLINE, Move.SUPERVISE, version, reason="多次反映没有解决", until=until)
    for minutes in (8, 130, 260):
        async with deps.db.writes.begin() as session:
            await supervising.sweep(session, deps.tables, now=NOW + timedelta(minutes=minutes))
    found = await told(deps)
    assert {("supervised", STREET), ("reminded", STREET)} <= found
    assert DISTRICT not in {recipient for _, recipient in found}
