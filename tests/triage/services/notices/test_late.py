"""What goes out late: not in quiet hours, by another medium when one refuses, and somebody is told."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from connectors.fakes import MemoryMessenger
from connectors.messenger.port import MessengerAway, MessengerRefused
from models.notices import Delivery
from models.vocab import Tag, Urgency
from models.vocab_notices import Medium, NoticeState, NoticeTo
from tests.factories import NOW, TicketIn, add_tickets
from tests.triage.services.notices.test_sending import DISTRICT, PHONE, STREET, give, round_of, say, states
from triage.commands.processes import notice_steps
from triage.rules.calendar import beijing
from triage.services.notices import sending
from triage.services.notices.noting import note
from triage.services.notices.telling import Happened, notices_of
from triage.services.watch import snapshot

if TYPE_CHECKING:
    from datetime import datetime

    from tests.triage.services.notices.conftest import Hands
    from triage.services.deps import Deps

BOTH = (Medium.WECOM, Medium.SMS)


def at(hour: int, minute: int, *, day: int = 0) -> datetime:
    """A moment of the tests' day in Beijing."""
    return beijing(NOW).replace(hour=hour, minute=minute, second=0, microsecond=0) + timedelta(days=day)


async def test_what_is_grouped_late_waits_for_the_morning_in_one_digest(deps: Deps, clock: Hands) -> None:
    """No timetable ran from before the quiet hours into them."""
    fake = MemoryMessenger()
    await give(deps)
    clock.moment = at(21, 10)
    await say(deps, "a", "b", urgency=Urgency.U3)
    clock.moment = at(22, 30)
    await round_of(deps, fake)
    await round_of(deps, fake)
    assert (fake.sent, set((await states(deps)).values())) == ({}, {NoticeState.WAITING})
    clock.moment = at(7, 0, day=1)
    await round_of(deps, fake)
    assert [message.text.splitlines()[0] for message in fake.sent.values()] == ["【接诉】2 件："]


async def test_a_reminder_moved_ahead_of_the_quiet_hours_goes_before_them(deps: Deps, clock: Hands) -> None:
    """Written at 21:50, it waited for its digest at 22:00, and then for the morning: past its limit."""
    fake = MemoryMessenger()
    await give(deps)
    (no,) = await add_tickets(deps.db, TicketIn(age=timedelta(0)))
    clock.moment = at(21, 50)
    event = Happened(
        no, 9, Tag.REMINDED, None, None, None, Urgency.U3, due=at(1, 0, day=1),
        told="时限快到", parts={NoticeTo.NAMED: (STREET.id,)},
    )  # fmt: skip
    (news,) = notices_of(deps.tables, event, clock.moment.date(), sees=lambda *_: True)
    async with deps.db.writes.begin() as session:
        await note(session, deps.tables, [news], now=clock.moment)
    clock.on(seconds=10)
    await round_of(deps, fake)
    assert len(fake.sent) == 1


async def test_what_is_tried_again_waits_for_the_morning(deps: Deps, clock: Hands) -> None:
    """A gateway that was down from 21:40 to 22:30; more than are taken at once."""
    fake = MemoryMessenger(refuse=MessengerAway("http_503"))
    await give(deps)
    for number in range(10):
        clock.moment = at(20, number)
        await say(deps, f"n{number}", urgency=Urgency.U4)
        clock.moment = at(21, 40)
        await sending.gather(deps, [Medium.SMS])
    while await sending.send(deps, Medium.SMS, fake):
        pass
    fake.refuse, clock.moment = None, at(22, 30)
    while await sending.send(deps, Medium.SMS, fake):
        pass
    assert fake.sent == {}
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Delivery).values(attempts=5))
    assert ("jiesu_notices_failing", ("sms",)) not in await figures(deps)
    clock.moment = at(7, 0, day=1)
    while await sending.send(deps, Medium.SMS, fake):
        pass
    assert len(fake.sent) == 10


async def test_the_gravest_of_a_digest_goes_out_at_any_hour(deps: Deps, clock: Hands) -> None:
    fake = MemoryMessenger(refuse=MessengerAway("http_503"))
    await give(deps)
    clock.moment = at(21, 10)
    await say(deps, "a", urgency=Urgency.U3)
    await say(deps, "b", urgency=Urgency.U1)
    clock.moment = at(21, 45)
    await round_of(deps, fake)
    fake.refuse, clock.moment = None, at(22, 30)
    await round_of(deps, fake)
    assert set((await states(deps)).values()) == {NoticeState.SENT}


async def test_who_is_refused_by_one_medium_is_told_by_the_next(deps: Deps) -> None:
    """A member who left 企业微信 has a phone all the same."""
    wecom, sms = MemoryMessenger(refuse=MessengerRefused("unknown_user")), MemoryMessenger()
    await give(deps)
    await give(deps, medium=Medium.WECOM, address="wangjing.duty")
    await say(deps, "a", "b")
    steps = notice_steps(deps, {Medium.SMS: sms, Medium.WECOM: wecom})
    await steps["notices"]()
    await steps["notices-wecom"]()
    assert set((await states(deps)).values()) == {NoticeState.SENDING}
    await steps["notices-sms"]()
    assert [message.to for message in sms.sent.values()] == [PHONE]
    assert set((await states(deps)).values()) == {NoticeState.SENT}
    async with deps.db.reads() as session:
        kept = (await session.execute(sa.select(Delivery.medium, Delivery.state).order_by(Delivery.id))).all()
    assert [tuple(row) for row in kept] == [("wecom", NoticeState.REFUSED), ("sms", NoticeState.SENT)]


@pytest.mark.parametrize("usable", [BOTH, (Medium.WECOM,)])
async def test_refused_by_the_last_that_reaches_them_it_stays_refused(
    deps: Deps, usable: tuple[Medium, ...]
) -> None:
    refusing = MemoryMessenger(refuse=MessengerRefused("unknown_user"))
    await give(deps, medium=Medium.WECOM, address="wangjing.duty")
    await give(deps)
    await say(deps, "a")
    await sending.gather(deps, usable)
    for medium in BOTH:
        await sending.send(deps, medium, refusing, usable)
    assert await states(deps) == {"a": NoticeState.REFUSED}


async def figures(deps: Deps) -> dict[tuple[str, tuple[str, ...]], float]:
    async with deps.db.reads() as session:
        asked = await snapshot.ask(session, now=deps.clock.now())
    return {(one.name, one.labels): one.value for one in asked if one.name.startswith("jiesu_notices")}


async def test_a_gateway_that_is_dead_is_told_of(deps: Deps, clock: Hands) -> None:
    """U1 too; and what was given up or refused after it."""
    dead = MemoryMessenger(refuse=MessengerAway("http_503"))
    await give(deps)
    await give(deps, DISTRICT, Medium.WECOM, "duty")
    await say(deps, "a", urgency=Urgency.U1)
    await say(deps, "b", to=DISTRICT, urgency=Urgency.U1)
    await sending.gather(deps, BOTH)
    for _ in range(3):
        await sending.send(deps, Medium.SMS, dead)
        clock.on(minutes=10)
    found = await figures(deps)
    assert found["jiesu_notices_failing", ("sms",)] == 1
    assert ("jiesu_notices_failing", ("wecom",)) not in found
    # Nobody sends over 企业微信 here: it is due since half an hour.
    assert found["jiesu_notices_unsent_seconds", ()] == 1800
    for _ in range(8):
        clock.on(hours=1)
        await sending.send(deps, Medium.SMS, dead)
    await sending.send(deps, Medium.WECOM, MemoryMessenger(refuse=MessengerRefused("unknown_user")))
    found = await figures(deps)
    assert found["jiesu_notices_ended", ("given_up",)] == 1
    assert found["jiesu_notices_ended", ("refused",)] == 1
    assert found["jiesu_notices_unsent_seconds", ()] == 0


async def test_a_medium_that_lacked_its_settings_for_a_while_loses_nothing(deps: Deps, clock: Hands) -> None:
    """The address was there all the time: 无联系方式 was no end, and nobody would have set it anew."""
    fake = MemoryMessenger()
    await say(deps, "old")
    clock.on(days=4)
    await give(deps, medium=Medium.WECOM, address="wangjing.duty")
    await say(deps, "a")
    await say(deps, "b", to=DISTRICT)
    await sending.gather(deps, [Medium.EMAIL])
    assert set((await states(deps)).values()) == {NoticeState.NO_CONTACT}
    assert (await figures(deps))["jiesu_notices_ended", ("no_contact",)] == 2
    steps = notice_steps(deps, {Medium.WECOM: fake})
    assert not await steps["notices-woken"]()
    for name in ("notices", "notices-wecom"):
        await steps[name]()
    assert [message.to for message in fake.sent.values()] == ["wangjing.duty"]
    assert await states(deps) == {
        "old": NoticeState.NO_CONTACT, "a": NoticeState.SENT, "b": NoticeState.NO_CONTACT
    }  # fmt: skip


async def test_who_keeps_no_addresses_is_not_told_that_nobody_is_reached(deps: Deps) -> None:
    await say(deps, "a")
    await sending.gather(deps, BOTH)
    assert (await figures(deps))["jiesu_notices_ended", ("no_contact",)] == 0
