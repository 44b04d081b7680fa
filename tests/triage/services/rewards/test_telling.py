"""告知举报人: a text that says nothing of a reward, once an occasion, and only while something waits."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from connectors.fakes import MemoryMessenger
from connectors.messenger.port import MessengerAway, MessengerRefused
from models.appeals import Appeal
from models.notices import Notice
from models.rewards import RewardNotice
from models.vocab_notices import Medium, NoticeState
from models.vocab_rewards import RewardAct, ShareState
from tests.triage.services.rewards import bed
from tests.triage.services.rewards.bank import failed, gathered
from triage.clock import BEIJING
from triage.commands.processes import answer_steps
from triage.services.rewards import telling

if TYPE_CHECKING:
    from connectors.messenger.port import MessengerError
    from triage.services.deps import Deps

DAY = datetime(2026, 11, 26, 10, 0, tzinfo=BEIJING)
PHONE = "13912340007"


async def notified(deps: Deps, *, phone: bool = True) -> Deps:
    """A reward whose reporter was just told of it, at ten in the morning."""
    deps = bed.at(deps, DAY)
    (no,) = await bed.reports(deps.db)
    [await bed.named(deps, no, phone=PHONE) for _ in range(phone)]
    await bed.sweep(deps)
    await bed.approved(deps)
    return deps


async def sent(deps: Deps, messenger: MemoryMessenger | None = None) -> list[str]:
    messenger = messenger or MemoryMessenger()
    await telling.send(deps, messenger)
    return [f"{one.to} {one.subject} {one.text}" for one in messenger.sent.values()]


async def rows(deps: Deps) -> list[tuple[str, str | None]]:
    async with deps.db.reads() as session:
        found = await session.scalars(sa.select(RewardNotice).order_by(RewardNotice.id))
        return [(one.state, one.code) for one in found]


async def test_the_reporter_is_told_once_and_nothing_of_a_reward(deps: Deps) -> None:
    deps = await notified(deps)
    messenger = MemoryMessenger()
    (told,) = await sent(deps, messenger)
    assert told.startswith(f"{PHONE} 有新的答复 【接诉】您反映的事项有新的答复")
    assert [word for word in ("奖", "领取", "举报", "J2026") if word in told] == []
    assert await sent(deps, messenger) == [told]
    assert await rows(deps) == [("sent", None)]
    async with deps.db.reads() as session:
        assert list(await session.scalars(sa.select(Notice))) == [], "the case's tables know nothing"


async def test_at_night_it_waits_for_the_morning(lite: Deps) -> None:
    await notified(bed.at(lite, DAY))
    async with lite.db.writes.begin() as session:
        reward = await bed.the_reward(lite)
        night = DAY.replace(hour=22)
        await session.execute(sa.update(RewardNotice).values(seq=0))
        await telling.write(session, lite.tables, reward, now=night)
    assert await sent(bed.at(lite, night)) == []
    assert await sent(bed.at(lite, DAY + timedelta(hours=21, minutes=59))) == []
    assert len(await sent(bed.at(lite, DAY + timedelta(hours=22)))) == 1
    assert await rows(lite) == [("given_up", "newer"), ("sent", None)]


async def test_each_reminder_tells_again_while_something_is_to_be_claimed(lite: Deps) -> None:
    deps = await notified(lite)
    await sent(deps)
    later = bed.at(deps, DAY + timedelta(days=31))
    await bed.tick(later)
    assert len(await sent(later)) == 1
    late = bed.at(deps, DAY + timedelta(days=77))
    await bed.tick(late)
    await bed.claimed(late)
    assert await sent(late) == []
    assert await rows(deps) == [("sent", None), ("sent", None), ("given_up", telling.NOTHING_TO_CLAIM)]
    assert (await bed.acts(deps)).count(RewardAct.REMIND.value) == 2


async def test_what_the_bank_sent_back_is_told_and_reminded_of(lite: Deps) -> None:
    deps = await notified(lite)
    await sent(deps)
    await bed.claimed(deps)
    batch = await gathered(deps)
    await failed(deps, batch.no, "账号不存在")
    assert len(await sent(deps)) == 1
    later = bed.at(deps, DAY + timedelta(days=31))
    await bed.tick(later)
    assert len(await sent(later)) == 1
    assert await rows(deps) == [("sent", None)] * 3
    (share,) = await bed.shares(deps)
    assert (share.state, share.reminders) == (ShareState.FAILED, 1)


@pytest.mark.parametrize(
    ("phone", "confidential", "code"), [(True, True, telling.CONFIDENTIAL), (False, False, telling.NO_PHONE)]
)
async def test_who_is_not_told_by_text(lite: Deps, code: str, *, phone: bool, confidential: bool) -> None:
    deps = await notified(lite, phone=phone)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Appeal).values(confidential=confidential))
    assert await sent(deps) == []
    assert await rows(deps) == [("no_contact", code)]
    assert code in telling.WORDS


@pytest.mark.parametrize(
    ("refusal", "state"),
    [
        (MessengerRefused("http_400"), NoticeState.REFUSED),
        (MessengerAway("http_503", after=timedelta(hours=12)), NoticeState.WAITING),
    ],
)
async def test_a_gateway_that_does_not_take_it(
    lite: Deps, refusal: MessengerError, state: NoticeState
) -> None:
    deps = await notified(lite)
    messenger = MemoryMessenger(refuse=refusal)
    assert await sent(deps, messenger) == []
    assert await rows(deps) == [(state.value, refusal.code)]
    messenger.refuse = None
    assert await sent(deps, messenger) == [], "given up, or not before the time it asked for"
    again = await sent(bed.at(deps, DAY + timedelta(hours=12)), messenger)
    assert again == []
    morning = await sent(bed.at(deps, DAY + timedelta(hours=22)), messenger)
    assert len(morning) == (state is NoticeState.WAITING), "twelve hours later it is night"


async def test_the_timetable_sends_only_where_it_is_switched_on(lite: Deps) -> None:
    off = replace(lite, settings=lite.settings.model_copy(update={"reward_sms": False}))
    messengers = {Medium.SMS: MemoryMessenger()}
    assert [list(answer_steps(one, messengers)) for one in (lite, off)] == [["answers"], []]
    assert answer_steps(lite, {}) == {}
