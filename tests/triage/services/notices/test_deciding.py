"""待审批: who must decide is told, once it can be taken back no more; the unit hears what became of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from models.appeals import Appeal
from models.notices import Notice
from models.tickets import Ticket
from models.vocab import Move, Post, State, Tag, Urgency, WishKind
from models.vocab_notices import Medium, NoticeState, RecipientKind
from tests import factories
from tests.factories import NOW, TicketIn
from tests.triage.services.notices.test_events import (
    DISTRICT,
    ECOLOGY,
    HOTLINE,
    OTHER,
    STREET,
    UNIT,
    do,
    told,
)
from tests.triage.services.notices.test_moot import in_the_morning, states
from triage.rules.moves import Actor
from triage.rules.noticing import wakes
from triage.rules.wishes import deciders
from triage.services import reference
from triage.services.moving import Person
from triage.services.notices import bundling, contacts, sight, waking
from triage.services.notices.noting import Recipient
from triage.services.notices.telling import Happened, notices_of

if TYPE_CHECKING:
    from tests.triage.services.notices.conftest import Hands
    from triage.services.deps import Deps

CENTRE = Person(Actor(Post.DISTRICT, DISTRICT, "qian"), "钱某")
SUPERVISOR = Person(Actor(Post.SUPERVISOR, None, "sun"), "孙某")
DESK = "bj-desk"
UNTIL = (NOW + timedelta(days=12)).isoformat()
LATER = {"reason": "需要进场检测，周期较长", "until": UNTIL, "told_citizen": "phone"}
ASKS: dict[Move, dict[str, Any]] = {
    Move.EXTEND_ASK: LATER,
    Move.LEDGER_ASK: {**LATER, "clause": "条例第15条"},
    Move.EXCLUDE_ASK: {"reason": "重复统计", "clause": "条例第32条"},
}
OBJECTS = {"reason": "不属于本街道职责", "clause": "条例第12条", "proposed_unit": ECOLOGY}


async def contacted(deps: Deps, **more: Any) -> tuple[str, int]:  # noqa: ANN401
    """A ticket whose unit has reached the caller."""
    values = {"urgency": "U4", "age": timedelta(0), "due": timedelta(days=9), **more}
    (no,) = await factories.add_tickets(deps.db, TicketIn(**values))
    version = await do(deps, no, UNIT, Move.SIGN, 1)
    return no, await do(deps, no, UNIT, Move.CONTACT, version, outcome="reached", told_citizen="phone")


@pytest.mark.parametrize(
    ("move", "kind", "recipient", "template"),
    [
        (Move.EXTEND_ASK, "unit", DISTRICT, "decision_waits"),
        (Move.LEDGER_ASK, "post", "supervisor", "decision_waits"),
        (Move.EXCLUDE_ASK, "post", "supervisor", "exclusion_waits"),
    ],
)
async def test_a_wish_is_told_to_whoever_decides_it(
    deps: Deps, move: Move, kind: str, recipient: str, template: str
) -> None:
    no, version = await contacted(deps)
    await do(deps, no, UNIT, move, version, **ASKS[move])
    async with deps.db.reads() as session:
        (row,) = await session.scalars(sa.select(Notice))
    assert (row.recipient_kind, row.recipient, row.template) == (kind, recipient, template)
    assert (row.facts["no"], row.facts["told"]) == (no, move.label)
    assert "理由" not in str(row.facts)
    # Not before it is sure: then by window and quiet hours, as every notice.
    held = NOW + timedelta(minutes=10)
    assert row.not_before >= held
    assert row.not_before == wakes(deps.tables.notices, RecipientKind(kind), Urgency.U4, row.not_before)


async def test_an_objection_is_told_to_the_desk_and_a_third_to_those_who_arbitrate(deps: Deps) -> None:
    await reference.sync(deps)
    (no,) = await factories.add_tickets(deps.db, TicketIn(age=timedelta(0)))
    await do(deps, no, UNIT, Move.OBJECT, 1, **OBJECTS)
    assert await told(deps) == {("decision_waits", DESK)}
    day = NOW.date()
    assert deciders(deps.tables, WishKind.OBJECTION, State.ARBITRATION, day) == (
        Post.SUPERVISOR,
        Post.DISTRICT,
    )
    third = Happened(
        no, 9, Tag.OBJECT, None, "110105", None, Urgency.U3, wish=WishKind.OBJECTION, state=State.ARBITRATION
    )
    found = notices_of(deps.tables, third, day, sees=lambda *_: True)
    assert {(one.to.kind, one.to.id) for one in found} == {
        (RecipientKind.POST, "supervisor"), (RecipientKind.UNIT, DISTRICT)
    }  # fmt: skip


async def test_an_urgent_wish_waits_too_until_it_cannot_be_taken_back(deps: Deps) -> None:
    await reference.sync(deps)
    (no,) = await factories.add_tickets(deps.db, TicketIn(urgency="U1", age=timedelta(0)))
    await do(deps, no, UNIT, Move.OBJECT, 1, **OBJECTS)
    async with deps.db.reads() as session:
        assert list(await session.scalars(sa.select(Notice.not_before))) == [NOW + timedelta(minutes=10)]


@pytest.mark.parametrize(("minutes", "goes"), [(25, 10), (31, 30), (5, 10)])
async def test_an_extension_whose_digest_would_come_after_the_limit_is_told_alone(
    deps: Deps, minutes: int, goes: int
) -> None:
    """The digest goes at half past: the limit ends before it, after it, and while it can be taken back."""
    no, version = await contacted(deps, due=timedelta(minutes=minutes))
    until = (NOW + timedelta(minutes=minutes + 1)).isoformat()
    await do(deps, no, UNIT, Move.EXTEND_ASK, version, **{**LATER, "until": until})
    async with deps.db.reads() as session:
        assert list(await session.scalars(sa.select(Notice.not_before))) == [NOW + timedelta(minutes=goes)]


async def test_an_objection_of_the_evening_does_not_wait_for_the_morning(deps: Deps, clock: Hands) -> None:
    """It is to be reviewed within four hours; what the quiet hours caught already waits all the same."""
    await reference.sync(deps)
    evening, night = await factories.add_tickets(deps.db, *[TicketIn(age=timedelta(0))] * 2)
    clock.on(hours=5, minutes=42)
    await do(deps, evening, UNIT, Move.OBJECT, 1, **OBJECTS)
    told_at = clock.now() + timedelta(minutes=10)
    clock.on(minutes=30)
    await do(deps, night, UNIT, Move.OBJECT, 1, **OBJECTS)
    async with deps.db.reads() as session:
        found = list(await session.scalars(sa.select(Notice.not_before).order_by(Notice.id)))
    assert found == [told_at, NOW + timedelta(hours=15)]


async def test_what_was_taken_back_in_time_is_told_to_nobody(deps: Deps, clock: Hands) -> None:
    no, version = await contacted(deps)
    version = await do(deps, no, UNIT, Move.EXTEND_ASK, version, **LATER)
    clock.on(minutes=5)
    await do(deps, no, UNIT, Move.UNDO, version, reason="日期写错")
    assert await in_the_morning(deps, clock, DISTRICT) == set()
    assert await states(deps) == {("decision_waits", DISTRICT, "moot")}


async def test_asked_anew_it_is_told_once(deps: Deps, clock: Hands) -> None:
    no, version = await contacted(deps)
    version = await do(deps, no, UNIT, Move.EXTEND_ASK, version, **LATER)
    clock.on(minutes=1)
    version = await do(deps, no, UNIT, Move.UNDO, version, reason="日期写错")
    await do(deps, no, UNIT, Move.EXTEND_ASK, version, **LATER)
    assert await in_the_morning(deps, clock, DISTRICT) == {DISTRICT}
    async with deps.db.reads() as session:
        found = await session.execute(sa.select(Notice.state).order_by(Notice.id))
        assert list(found.scalars()) == ["moot", "sent"]


async def test_what_was_decided_before_the_digest_waits_for_nobody(deps: Deps, clock: Hands) -> None:
    await reference.sync(deps)
    (no,) = await factories.add_tickets(deps.db, TicketIn(age=timedelta(0)))
    version = await do(deps, no, UNIT, Move.OBJECT, 1, **OBJECTS)
    clock.on(minutes=2)
    await do(deps, no, HOTLINE, Move.OBJECT_REJECT, version, reason="属地街道应当牵头")
    assert await in_the_morning(deps, clock, DESK, STREET) == {STREET}
    assert ("decision_waits", DESK, "moot") in await states(deps)


async def test_the_post_hears_of_the_digest_as_a_unit_does(deps: Deps, clock: Hands) -> None:
    no, version = await contacted(deps)
    await do(deps, no, UNIT, Move.EXCLUDE_ASK, version, **ASKS[Move.EXCLUDE_ASK])
    async with deps.db.writes.begin() as session:
        to = Recipient(RecipientKind.POST, "supervisor")
        await contacts.put(session, deps.vault, to, Medium.WECOM, "sun", by="t", now=deps.clock.now())
    assert await in_the_morning(deps, clock) == {"sun"}


async def test_of_a_confidential_case_only_those_who_see_it_are_told(deps: Deps) -> None:
    """The centre is copied and sees none; 督办 of the city does."""
    no, version = await contacted(deps, confidential=True)
    version = await do(deps, no, UNIT, Move.EXTEND_ASK, version, **LATER)
    assert await told(deps) == {("decision_waits", "supervisor")}
    await do(deps, no, UNIT, Move.EXCLUDE_ASK, version, **ASKS[Move.EXCLUDE_ASK])
    assert await told(deps) == {("decision_waits", "supervisor"), ("exclusion_waits", "supervisor")}


async def test_by_a_table_of_before_nobody_is_told_of_what_the_centre_does_not_see(deps: Deps) -> None:
    rows = tuple(row for row in deps.tables.moves.rows if not row.id.endswith(".blind"))
    older = replace(deps, tables=replace(deps.tables, moves=replace(deps.tables.moves, rows=rows)))
    no, version = await contacted(older, confidential=True)
    await do(older, no, UNIT, Move.EXTEND_ASK, version, **LATER)
    assert await told(older) == set()


async def test_a_case_that_became_confidential_meanwhile_is_told_to_nobody_who_lost_it(
    deps: Deps, clock: Hands
) -> None:
    no, version = await contacted(deps)
    await do(deps, no, UNIT, Move.EXTEND_ASK, version, **LATER)
    async with deps.db.writes.begin() as session:
        appeal = sa.select(Ticket.appeal_id).where(Ticket.no == no).scalar_subquery()
        await session.execute(sa.update(Appeal).where(Appeal.id == appeal).values(confidential=True))
    assert await in_the_morning(deps, clock, DISTRICT) == set()


async def test_a_post_hears_only_what_all_who_have_it_see(deps: Deps) -> None:
    (no,) = await factories.add_tickets(deps.db, TicketIn(confidential=True))
    async with deps.db.reads() as session:
        seen = await sight.read(session, deps.tables, [no], NOW.date())
    reached = {
        post: seen.reaches(Recipient(RecipientKind.POST, post), no)
        for post in ("supervisor", "hotline", "unit", "auditor", "nobody")
    }
    assert reached == {"supervisor": True, "hotline": True, "unit": False, "auditor": False, "nobody": False}
    assert not seen.reaches(Recipient(RecipientKind.POST, "supervisor"), "20260101-000001")
    assert not seen.reaches(Recipient(RecipientKind.APPELLANT, "1"), no)


@pytest.mark.parametrize("ruling", [Move.EXCLUDE_GRANT, Move.EXCLUDE_DENY])
async def test_what_became_of_the_exclusion_is_told_to_the_unit(deps: Deps, ruling: Move) -> None:
    no, version = await contacted(deps)
    version = await do(deps, no, UNIT, Move.EXCLUDE_ASK, version, **ASKS[Move.EXCLUDE_ASK])
    await do(deps, no, SUPERVISOR, ruling, version, reason="看过材料")
    found = await told(deps)
    assert found == {("exclusion_waits", "supervisor"), ("exclusion_ruled", STREET)}


async def test_who_asked_for_another_hears_it_too(deps: Deps) -> None:
    no, version = await contacted(deps)
    version = await do(deps, no, CENTRE, Move.EXCLUDE_ASK, version, **ASKS[Move.EXCLUDE_ASK])
    await do(deps, no, SUPERVISOR, Move.EXCLUDE_DENY, version, reason="应当计入")
    found = await told(deps)
    assert {("exclusion_ruled", STREET), ("exclusion_ruled", DISTRICT)} <= found


async def test_a_merge_tells_those_that_had_the_case_and_names_no_other(deps: Deps) -> None:
    head, no, fresh = await factories.add_tickets(
        deps.db, TicketIn(age=timedelta(0), unit=OTHER, assist=(), copies=()), TicketIn(age=timedelta(0)),
        TicketIn(age=timedelta(0), state=State.REVIEW, unit=DESK, assist=(), copies=()),
    )  # fmt: skip
    await do(deps, fresh, HOTLINE, Move.MERGE, 1, other_ticket=head, reason="同一工地")
    assert await told(deps) == set()
    await do(deps, no, HOTLINE, Move.MERGE, 1, other_ticket=head, reason="同一工地")
    assert await told(deps) == {("merged", STREET), ("merged", ECOLOGY)}
    async with deps.db.reads() as session:
        facts = list(await session.scalars(sa.select(Notice.facts)))
    assert head not in str(facts)


async def test_a_merge_that_was_undone_before_the_digest_took_nothing(deps: Deps, clock: Hands) -> None:
    head, no = await factories.add_tickets(
        deps.db, TicketIn(age=timedelta(0)), TicketIn(age=timedelta(0), assist=(), copies=())
    )
    version = await do(deps, no, HOTLINE, Move.MERGE, 1, other_ticket=head, reason="同一工地")
    clock.on(minutes=5)
    await do(deps, no, HOTLINE, Move.SPLIT, version, reason="不是同一处")
    assert await in_the_morning(deps, clock, STREET) == {STREET}
    assert await states(deps) == {("merged", STREET, "moot"), ("split", STREET, "sent")}


async def test_what_an_older_process_had_no_words_for_is_told_after_all(deps: Deps, clock: Hands) -> None:
    """It gives up on all it grouped; what a gateway was handed stays given up."""
    no, version = await contacted(deps)
    await do(deps, no, UNIT, Move.EXTEND_ASK, version, **LATER)
    older = of_before(deps, "decision_waits")
    clock.on(hours=16)
    async with deps.db.writes.begin() as session:
        to = Recipient(RecipientKind.UNIT, DISTRICT)
        await contacts.put(session, deps.vault, to, Medium.WECOM, "d", by="t", now=deps.clock.now())
    async with deps.db.writes.begin() as session:
        await bundling.bundle(session, older.tables, [Medium.WECOM], now=clock.now())
    assert await states(deps) == {("decision_waits", DISTRICT, "given_up")}
    assert await waking.wake_unworded(older) is False
    assert await states(deps) == {("decision_waits", DISTRICT, "given_up")}
    await waking.wake(deps, [Medium.WECOM])
    assert await states(deps) == {("decision_waits", DISTRICT, "waiting")}
    async with deps.db.writes.begin() as session:
        await bundling.bundle(session, deps.tables, [Medium.WECOM], now=clock.now())
        await session.execute(sa.update(Notice).values(state=NoticeState.GIVEN_UP.value))
    await waking.wake(deps, [Medium.WECOM])
    assert await states(deps) == {("decision_waits", DISTRICT, "given_up")}


def of_before(deps: Deps, name: str) -> Deps:
    """The dependencies of a release whose table has no such template."""
    left = tuple(row for row in deps.tables.notices.templates if row.name != name)
    notices = replace(deps.tables.notices, templates=left)
    return replace(deps, tables=replace(deps.tables, notices=notices))
