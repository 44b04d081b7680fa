"""已不需告知: what waited for the morning is judged once more before it goes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from connectors.fakes import MemoryMessenger
from models.notices import Notice
from models.tickets import Ticket, TicketEvent
from models.vocab import Clock, Move, Post, State, Tag, Urgency
from models.vocab_notices import Medium, NoticeTo, RecipientKind
from tests import factories
from tests.factories import NOW, TicketIn
from tests.triage.services.notices.test_events import DISTRICT, ECOLOGY, HOTLINE, OTHER, STREET, UNIT, do
from triage.clock import show
from triage.rules.moves import Actor
from triage.services import reference
from triage.services.moving import Person
from triage.services.notices import contacts, sending
from triage.services.notices.noting import Recipient
from triage.services.notices.telling import Happened, tell

if TYPE_CHECKING:
    from tests.triage.services.notices.conftest import Hands
    from triage.services.deps import Deps

CENTRE = Person(Actor(Post.DISTRICT, DISTRICT, "district.b"), "朝阳区乙")


async def states(deps: Deps) -> set[tuple[str, str, str]]:
    async with deps.db.reads() as session:
        rows = await session.execute(sa.select(Notice.template, Notice.recipient, Notice.state))
        return {(row.template, row.recipient, row.state) for row in rows}


async def in_the_morning(deps: Deps, clock: Hands, *units: str) -> set[str]:
    """What waits is grouped and sent after the quiet hours. Gives the addresses that heard something."""
    fake = MemoryMessenger()
    async with deps.db.writes.begin() as session:
        for unit in units:
            to = Recipient(RecipientKind.UNIT, unit)
            await contacts.put(session, deps.vault, to, Medium.WECOM, unit, by="t", now=deps.clock.now())
    clock.on(hours=16)
    await sending.gather(deps, [Medium.WECOM])
    await sending.send(deps, Medium.WECOM, fake)
    return {message.to for message in fake.sent.values()}


async def test_a_unit_hears_nothing_of_a_case_that_it_no_longer_has(deps: Deps, clock: Hands) -> None:
    """督办 in the quiet hours, 改派 an hour later: in the morning the one that has it hears."""
    await reference.sync(deps)
    (no,) = await factories.add_tickets(deps.db, TicketIn(age=timedelta(0), assist=(), copies=()))
    clock.on(hours=6.7)
    until = (NOW + timedelta(days=2)).isoformat()
    version = await do(deps, no, HOTLINE, Move.SUPERVISE, 1, reason="多次反映没有解决", until=until)
    clock.on(hours=0.5)
    await do(deps, no, HOTLINE, Move.REASSIGN, version, unit=OTHER, reason="派错单位了")
    assert ("supervised", STREET, "waiting") in await states(deps)
    heard = await in_the_morning(deps, clock, STREET, OTHER)
    assert heard == {OTHER}
    found = await states(deps)
    assert {("supervised", STREET, "moot"), ("dispatched", OTHER, "sent")} <= found


async def passed(deps: Deps, **more: Any) -> tuple[str, int]:  # noqa: ANN401
    """A case of the district's that its centre handed on to a bureau."""
    await reference.sync(deps)
    of_district = {"unit": DISTRICT, "age": timedelta(0), "assist": (), "copies": (), **more}
    (no,) = await factories.add_tickets(deps.db, TicketIn(**of_district))
    return no, await do(deps, no, CENTRE, Move.PASS_ON, 1, unit=ECOLOGY)


async def test_a_unit_that_was_told_hears_that_it_was_taken_back(deps: Deps, clock: Hands) -> None:
    no, version = await passed(deps, urgency="U1")
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Notice).values(state="sent"))
    await do(deps, no, CENTRE, Move.UNDO, version, reason="选错了单位")
    assert await in_the_morning(deps, clock, ECOLOGY, DISTRICT) == {ECOLOGY}
    assert await states(deps) == {("passed_on", ECOLOGY, "sent"), ("taken_back", ECOLOGY, "sent")}
    async with deps.db.reads() as session:
        facts = await session.scalar(sa.select(Notice.facts).where(Notice.template == "taken_back"))
    assert facts is not None
    assert (facts["no"], facts["told"]) == (no, "二次派单")


async def test_a_unit_that_was_not_told_yet_hears_of_neither(deps: Deps, clock: Hands) -> None:
    no, version = await passed(deps)
    await do(deps, no, CENTRE, Move.UNDO, version, reason="选错了单位")
    assert ("taken_back", ECOLOGY, "waiting") in await states(deps)
    assert await in_the_morning(deps, clock, ECOLOGY, DISTRICT) == set()
    assert await states(deps) == {("passed_on", ECOLOGY, "moot"), ("taken_back", ECOLOGY, "moot")}


async def test_who_has_it_again_is_not_told_that_it_was_taken_back(deps: Deps, clock: Hands) -> None:
    no, version = await passed(deps)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Notice).values(state="sent"))
    version = await do(deps, no, CENTRE, Move.UNDO, version, reason="选错了单位")
    await do(deps, no, CENTRE, Move.PASS_ON, version, unit=ECOLOGY)
    assert await in_the_morning(deps, clock, ECOLOGY) == {ECOLOGY}
    assert await states(deps) == {("passed_on", ECOLOGY, "sent"), ("taken_back", ECOLOGY, "moot")}


async def test_what_was_told_in_bulk_is_taken_back_one_by_one(deps: Deps, clock: Hands) -> None:
    no, version = await passed(deps)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.delete(Notice))
    await do(deps, no, CENTRE, Move.UNDO, version, reason="选错了单位")
    assert await in_the_morning(deps, clock, ECOLOGY) == {ECOLOGY}


async def test_another_undo_takes_nothing_from_anybody(deps: Deps) -> None:
    await reference.sync(deps)
    (no,) = await factories.add_tickets(deps.db, TicketIn(age=timedelta(0)))
    version = await do(deps, no, UNIT, Move.SIGN, 1)
    await do(deps, no, UNIT, Move.UNDO, version, reason="选错了单位")
    assert await states(deps) == set()


@pytest.mark.parametrize("passes_on", [True, False])
async def test_a_new_lead_under_supervision_is_told_of_the_visit(deps: Deps, passes_on: bool) -> None:  # noqa: FBT001
    """Not of the answer's limit alone. Its district was told when it was ordered, and is not again."""
    await reference.sync(deps)
    (no,) = await factories.add_tickets(
        deps.db, TicketIn(age=timedelta(0), unit=DISTRICT, assist=(), copies=(), due=timedelta(days=4))
    )
    until = NOW + timedelta(days=2)
    version = await do(
        deps, no, HOTLINE, Move.SUPERVISE, 1, reason="多次反映没有解决", until=until.isoformat()
    )
    async with deps.db.writes.begin() as session:
        await session.execute(sa.delete(Notice))
    by, move, why = ((HOTLINE, Move.REASSIGN, {"reason": "派错单位了"}), (CENTRE, Move.PASS_ON, {}))[
        passes_on
    ]
    await do(deps, no, by, move, version, unit=ECOLOGY, **why)
    found = await states(deps)
    assert {one for one in found if one[0] == "supervised"} == {("supervised", ECOLOGY, "waiting")}
    async with deps.db.reads() as session:
        rows = await session.execute(
            sa.select(Notice.template, Notice.facts).where(Notice.recipient == ECOLOGY)
        )
        due = {template: facts["due"] for template, facts in rows}
    assert due["supervised"] == show(until)
    assert due["supervised"] not in {due[name] for name in due if name != "supervised"}


async def test_a_visit_that_was_made_is_told_to_no_later_lead(deps: Deps) -> None:
    await reference.sync(deps)
    (no,) = await factories.add_tickets(deps.db, TicketIn(age=timedelta(0), assist=(), copies=()))
    until = (NOW + timedelta(days=2)).isoformat()
    version = await do(deps, no, UNIT, Move.SIGN, 1)
    version = await do(deps, no, HOTLINE, Move.SUPERVISE, version, reason="多次反映没有解决", until=until)
    version = await do(deps, no, UNIT, Move.ONSITE, version, note="已到现场，没有施工。", attachment="附件01")
    await do(deps, no, HOTLINE, Move.REASSIGN, version, unit=OTHER, reason="派错单位了")
    assert {to for name, to, _ in await states(deps) if name == "supervised"} == {STREET, DISTRICT}


async def test_who_handed_it_on_is_not_told_to_deal_with_it(deps: Deps, clock: Hands) -> None:
    """改派 to the district in the quiet hours, 二次派单 at once: it is copied, and told so by nobody."""
    await reference.sync(deps)
    (no,) = await factories.add_tickets(deps.db, TicketIn(age=timedelta(0), assist=(), copies=()))
    clock.on(hours=6.7)
    version = await do(deps, no, HOTLINE, Move.REASSIGN, 1, unit=DISTRICT, reason="请区里统筹")
    version = await do(deps, no, CENTRE, Move.PASS_ON, version, unit=ECOLOGY)
    until = (NOW + timedelta(days=2)).isoformat()
    await do(deps, no, HOTLINE, Move.SUPERVISE, version, reason="多次反映没有解决", until=until)
    assert ("dispatched", DISTRICT, "waiting") in await states(deps)
    assert await in_the_morning(deps, clock, DISTRICT, ECOLOGY) == {DISTRICT, ECOLOGY}
    assert await states(deps) == {
        ("dispatched", DISTRICT, "moot"), ("supervised", DISTRICT, "sent"),
        ("passed_on", ECOLOGY, "sent"), ("supervised", ECOLOGY, "sent"),
    }  # fmt: skip


async def test_who_objected_hears_the_ruling_though_the_case_is_anothers(deps: Deps, clock: Hands) -> None:
    await reference.sync(deps)
    (no,) = await factories.add_tickets(deps.db, TicketIn(age=timedelta(0), assist=(), copies=()))
    asks = {"reason": "不属于本街道职责", "clause": "条例第12条", "proposed_unit": OTHER}
    version = await do(deps, no, UNIT, Move.OBJECT, 1, **asks)
    version = await do(deps, no, HOTLINE, Move.OBJECT_UPHOLD, version, reason="理由成立")
    await do(deps, no, HOTLINE, Move.REASSIGN, version, unit=OTHER, reason="异议成立")
    assert await in_the_morning(deps, clock, STREET, OTHER) == {STREET, OTHER}


@pytest.mark.parametrize(
    ("state", "said", "sent"),
    [
        (State.HANDLING, (Clock.ANSWER, 80), "sent"),
        (State.FEEDBACK, (Clock.ANSWER, 80), "moot"),
        (State.CLOSED, (Clock.ANSWER, 50), "moot"),
        (State.FEEDBACK, (Clock.ANSWER, 100), "sent"),
        (State.FEEDBACK, (Clock.FOLLOW_UP, 80), "sent"),
    ],
)
async def test_a_reminder_hurries_nobody_who_has_answered(
    deps: Deps, clock: Hands, state: State, said: tuple[Clock, int], sent: str
) -> None:
    (no,) = await factories.add_tickets(deps.db, TicketIn(age=timedelta(0), state=state))
    data = {"clock": said[0].value, "percent": said[1], "told": "时限", "units": {"unit": STREET}}
    async with deps.db.writes.begin() as session:
        ticket = (await session.scalars(sa.select(Ticket).where(Ticket.no == no))).one()
        row = {"ticket_id": ticket.id, "seq": 90, "at": NOW, "tag": Tag.REMINDED.value, "data": data}
        await session.execute(sa.insert(TicketEvent).values(**row))
        event = Happened(
            no, 90, Tag.REMINDED, None, None, None, Urgency.U3, parts={NoticeTo.NAMED: (STREET,)}
        )
        await tell(session, deps.tables, [event], now=clock.now())
    await in_the_morning(deps, clock, STREET)
    assert await states(deps) == {("reminded", STREET, sent)}


@pytest.mark.parametrize(("back", "sent"), [(False, "sent"), (True, "moot")])
async def test_a_feedback_that_stands_again_is_asked_for_by_nobody(
    deps: Deps,
    clock: Hands,
    back: bool,  # noqa: FBT001  (a table)
    sent: str,
) -> None:
    """退回补充 in the quiet hours, taken back at once: in the morning the unit hears nothing of it."""
    await reference.sync(deps)
    (no,) = await factories.add_tickets(deps.db, TicketIn(age=timedelta(0), assist=(), copies=()))
    version = await do(deps, no, UNIT, Move.SIGN, 1)
    version = await do(deps, no, UNIT, Move.CONTACT, version, outcome="reached", told_citizen="phone")
    said = {"note": "已停工", "attachment": "照片 1", "told_citizen": "phone"}
    version = await do(deps, no, UNIT, Move.FEEDBACK, version, **said)
    clock.on(hours=6.7)
    version = await do(deps, no, HOTLINE, Move.SUPPLEMENT, version, lack="lack.evidence")
    steps = [(HOTLINE, {"reason": "佐证其实有的"})] * back
    for who, values in steps:
        await do(deps, no, who, Move.UNDO, version, **values)
    await in_the_morning(deps, clock, STREET)
    assert ("supplement", STREET, sent) in await states(deps)
