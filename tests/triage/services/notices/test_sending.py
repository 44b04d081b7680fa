"""From a notice to a message: grouped, sent once whatever happens, and what cannot be sent stays in sight."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from connectors.fakes import MemoryMessenger
from connectors.messenger.port import Message, MessengerAway, MessengerRefused
from connectors.messenger.sms import SmsGateway
from connectors.vault import Vault
from models.appeals import Appellant
from models.notices import Contact, Delivery, DeliveryAttempt, Notice
from models.vocab import AppealState, Urgency
from models.vocab_notices import Medium, NoticeState, RecipientKind
from tests import factories
from tests.connectors.messenger.servers import SECRET, Counterpart
from triage.errors import BadInput, NoRule, NotFound
from triage.services.notices import contacts, sending
from triage.services.notices.noting import NewNotice, Recipient, note

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from connectors.messenger.port import Messenger
    from tests.triage.services.notices.conftest import Hands
    from triage.services.deps import Deps

STREET = Recipient(RecipientKind.UNIT, "110105026")
DISTRICT = Recipient(RecipientKind.UNIT, "110105")
PHONE = "13800001234"


async def say(
    deps: Deps, *keys: str, to: Recipient = STREET, urgency: Urgency = Urgency.U1, template: str = "reminded"
) -> None:
    news = [
        NewNotice(key=key, to=to, template=template, urgency=urgency, facts={"no": key, "told": "到期"})
        for key in keys
    ]
    async with deps.db.writes.begin() as session:
        await note(session, deps.tables, news, now=deps.clock.now())


async def give(deps: Deps, to: Recipient = STREET, medium: Medium = Medium.SMS, address: str = PHONE) -> str:
    async with deps.db.writes.begin() as session:
        return await contacts.put(session, deps.vault, to, medium, address, by="test", now=deps.clock.now())


async def states(deps: Deps) -> dict[str, str]:
    async with deps.db.reads() as session:
        rows = await session.execute(sa.select(Notice.key, Notice.state))
        return {row.key: row.state for row in rows}


async def tries(deps: Deps) -> list[tuple[str | None, str | None]]:
    async with deps.db.reads() as session:
        rows = await session.execute(
            sa.select(DeliveryAttempt.result, DeliveryAttempt.code).order_by(DeliveryAttempt.started_at)
        )
        return [(row.result, row.code) for row in rows]


async def round_of(deps: Deps, messenger: Messenger, medium: Medium = Medium.SMS) -> None:
    await sending.gather(deps, [medium])
    await sending.send(deps, medium, messenger)


async def test_it_is_written_with_what_it_tells_of_or_not_at_all(deps: Deps) -> None:
    async with deps.db.writes() as session:
        new = NewNotice("k", STREET, "reminded", Urgency.U1, {"no": "1"})
        await note(session, deps.tables, [new], now=deps.clock.now())
        await session.rollback()
    assert await states(deps) == {}


async def test_the_same_key_is_one_notice(deps: Deps) -> None:
    await say(deps, "a", "b")
    await say(deps, "a", "c")
    assert set(await states(deps)) == {"a", "b", "c"}


async def test_only_what_templates_know_may_be_said(deps: Deps) -> None:
    async with deps.db.writes.begin() as session:
        bad = NewNotice("k", STREET, "reminded", Urgency.U1, {"phone": PHONE})
        with pytest.raises(BadInput, match="phone"):
            await note(session, deps.tables, [bad], now=deps.clock.now())
        unknown = NewNotice("k", STREET, "nothing", Urgency.U1, {})
        with pytest.raises(NoRule):
            await note(session, deps.tables, [unknown], now=deps.clock.now())


async def test_urgent_goes_at_once_the_rest_once_a_window(deps: Deps, clock: Hands) -> None:
    fake = MemoryMessenger()
    await give(deps)
    await say(deps, "urgent")
    await say(deps, "slow1", "slow2", urgency=Urgency.U3)
    await round_of(deps, fake)
    assert [m.text.partition(" ")[0] for m in fake.sent.values()] == ["【接诉】工单"]
    clock.on(minutes=10)
    await say(deps, "slow3", urgency=Urgency.U3)
    clock.on(minutes=21)
    await round_of(deps, fake)
    *_, digest = fake.sent.values()
    assert len(fake.sent) == 2
    assert digest.text.splitlines()[0] == "【接诉】3 件："
    assert set((await states(deps)).values()) == {NoticeState.SENT}


async def test_each_recipient_has_its_own_digest_gravest_first(deps: Deps, clock: Hands) -> None:
    fake = MemoryMessenger()
    await give(deps)
    await give(deps, DISTRICT, address="13900005678")
    await say(deps, "a3", "b3", urgency=Urgency.U3)
    await say(deps, "d3", to=DISTRICT, urgency=Urgency.U3)
    clock.on(minutes=31)
    await say(deps, "c1")
    await round_of(deps, fake)
    by_phone = {m.to: m.text for m in fake.sent.values()}
    assert set(by_phone) == {PHONE, "13900005678"}
    assert [line.split(" ")[1] for line in by_phone[PHONE].splitlines()[1:]] == ["c1", "a3", "b3"]


async def test_without_an_address_nothing_is_lost(deps: Deps) -> None:
    fake = MemoryMessenger()
    await say(deps, "a", "b")
    await round_of(deps, fake)
    assert await states(deps) == {"a": NoticeState.NO_CONTACT, "b": NoticeState.NO_CONTACT}
    await give(deps)
    await round_of(deps, fake)
    assert len(fake.sent) == 1
    assert set((await states(deps)).values()) == {NoticeState.SENT}


async def test_an_address_that_does_not_open_is_tried_again_like_any_other_fault(
    deps: Deps, clock: Hands
) -> None:
    await give(deps)
    await say(deps, "a")
    locked = replace(deps, vault=Vault({1: b"\1" * 32}))
    for _ in range(40):
        await round_of(locked, MemoryMessenger())
        clock.on(hours=6)
    assert await states(deps) == {"a": NoticeState.GIVEN_UP}
    assert set(await tries(deps)) == {("away", "sealed")}
    async with deps.db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(Delivery)) == 1


async def test_whoever_lost_the_lease_takes_nothing_back(deps: Deps, clock: Hands) -> None:
    """The address is gone, but the delivery is another process's by now."""
    await give(deps)
    await say(deps, "a")
    await sending.gather(deps, [Medium.SMS])
    async with deps.db.writes.begin() as session:
        lease = timedelta(seconds=1)
        [mine], _ = await sending.claim(session, deps.tables, Medium.SMS, now=clock.now(), lease=lease)
    clock.on(seconds=2)
    await round_of(deps, MemoryMessenger())
    async with deps.db.writes.begin() as session:
        await contacts.drop(session, STREET, Medium.SMS, by="test", now=clock.now())
    await sending._one(deps, MemoryMessenger(), mine, ())
    assert await states(deps) == {"a": NoticeState.SENT}


async def test_the_first_medium_it_can_be_reached_by(deps: Deps) -> None:
    fake = MemoryMessenger()
    await give(deps)
    await give(deps, medium=Medium.WECOM, address="wangjing.duty")
    await say(deps, "a")
    await sending.gather(deps, [Medium.SMS, Medium.WECOM])
    await sending.send(deps, Medium.SMS, fake)
    assert fake.sent == {}
    await sending.send(deps, Medium.WECOM, fake)
    assert [m.to for m in fake.sent.values()] == ["wangjing.duty"]


async def test_who_is_away_is_tried_again_later_under_the_same_key(deps: Deps, clock: Hands) -> None:
    fake = MemoryMessenger(refuse=MessengerAway("http_503"))
    await give(deps)
    await say(deps, "a")
    await round_of(deps, fake)
    await round_of(deps, fake)
    assert await tries(deps) == [("away", "http_503")]
    clock.on(seconds=30)
    fake.refuse = None
    await round_of(deps, fake)
    assert await tries(deps) == [("away", "http_503"), ("accepted", None)]
    assert await states(deps) == {"a": NoticeState.SENT}


async def test_who_asks_to_wait_longer_is_left_alone_longer(deps: Deps, clock: Hands) -> None:
    fake = MemoryMessenger(refuse=MessengerAway("http_429", after=timedelta(minutes=5)))
    await give(deps)
    await say(deps, "a")
    await round_of(deps, fake)
    fake.refuse = None
    clock.on(minutes=4)
    await round_of(deps, fake)
    assert fake.sent == {}
    clock.on(minutes=1)
    await round_of(deps, fake)
    assert len(fake.sent) == 1


async def test_it_gives_up_after_the_last_try_and_says_so(deps: Deps, clock: Hands) -> None:
    fake = MemoryMessenger(refuse=MessengerAway("timeout"))
    await give(deps)
    await say(deps, "a")
    for _ in range(12):
        await round_of(deps, fake)
        clock.on(hours=1)
    assert len(await tries(deps)) == 8
    assert await states(deps) == {"a": NoticeState.GIVEN_UP}


async def test_who_refuses_for_good_is_not_asked_again(deps: Deps, clock: Hands) -> None:
    fake = MemoryMessenger(refuse=MessengerRefused("http_400"))
    await give(deps)
    await say(deps, "a")
    await round_of(deps, fake)
    clock.on(hours=2)
    await round_of(deps, fake)
    assert await tries(deps) == [("refused", "http_400")]
    assert await states(deps) == {"a": NoticeState.REFUSED}


async def test_a_killed_sender_is_followed_by_another_under_the_same_key(deps: Deps, clock: Hands) -> None:
    """The first held it and died after the message left: its lease ends, the counterpart knows the key."""
    fake = MemoryMessenger()
    await give(deps)
    await say(deps, "a")
    await sending.gather(deps, [Medium.SMS])
    async with deps.db.writes.begin() as session:
        lease = timedelta(seconds=31)
        [held], _ = await sending.claim(session, deps.tables, Medium.SMS, now=clock.now(), lease=lease)
    await fake.send(Message(held.key, PHONE, held.subject, held.text))
    await round_of(deps, fake)
    assert await tries(deps) == [(None, None)]
    clock.on(seconds=31)
    await round_of(deps, fake)
    assert len(fake.sent) == 1
    assert sorted(await tries(deps), key=str) == [("accepted", None), (None, None)]


async def test_several_timetables_send_each_once(deps: Deps) -> None:
    units = [Recipient(RecipientKind.UNIT, code) for code in ("110105026", "110108010", "110105", "bj-desk")]
    for number, unit in enumerate(units):
        await give(deps, unit, address=f"1380000000{number}")
        await say(deps, *(f"{unit.id}-{n}" for n in range(5)), to=unit)
    fakes = [Counting() for _ in range(4)]
    await asyncio.gather(*(round_of(deps, fake) for fake in fakes for _ in range(3)))
    sent = [key for fake in fakes for key in fake.keys]
    assert len(sent) == len(set(sent)) == len(units)
    assert set((await states(deps)).values()) == {NoticeState.SENT}


class Counting:
    """A messenger that counts every copy."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    async def send(self, message: Message) -> None:
        await asyncio.sleep(0.01)
        self.keys.append(message.key)

    async def close(self) -> None:
        """Nothing is open."""


async def test_an_address_taken_away_meanwhile(deps: Deps) -> None:
    fake = MemoryMessenger()
    await give(deps)
    await say(deps, "a")
    await sending.gather(deps, [Medium.SMS])
    async with deps.db.writes.begin() as session:
        assert await contacts.drop(session, STREET, Medium.SMS, by="t", now=deps.clock.now())
    await sending.send(deps, Medium.SMS, fake)
    assert await states(deps) == {"a": NoticeState.WAITING}
    await round_of(deps, fake)
    assert await states(deps) == {"a": NoticeState.NO_CONTACT}
    assert fake.sent == {}


async def test_a_citizen_is_told_by_the_appeal_never_by_a_phone_in_a_row(deps: Deps) -> None:
    fake = MemoryMessenger()
    async with deps.db.writes.begin() as session:
        appeal_id = await factories.add_appeal(session, factories.TicketIn(), state=AppealState.DONE)
        sealed = deps.vault.seal(PHONE, belongs_to=f"appellant.phone:{appeal_id}")
        await session.execute(
            sa.insert(Appellant), {"appeal_id": appeal_id, "phone": sealed, "created_at": deps.clock.now()}
        )
    await say(deps, "a", to=Recipient(RecipientKind.APPELLANT, str(appeal_id)))
    await round_of(deps, fake)
    assert [m.to for m in fake.sent.values()] == [PHONE]
    async with deps.db.reads() as session:
        rows = [*await session.scalars(sa.select(Notice)), *await session.scalars(sa.select(Delivery))]
    kept = [str(vars(row)) for row in rows]
    assert PHONE not in "".join(kept)


@pytest.mark.parametrize(
    ("to", "medium", "address", "error"),
    [
        (STREET, Medium.SMS, "12", BadInput),
        (STREET, Medium.EMAIL, "a@b@c", BadInput),
        (STREET, Medium.EMAIL, "a@example.com\nBcc: b@example.com", BadInput),
        (Recipient(RecipientKind.UNIT, "nowhere"), Medium.SMS, PHONE, NotFound),
        (Recipient(RecipientKind.POST, "nobody"), Medium.SMS, PHONE, NotFound),
        (Recipient(RecipientKind.APPELLANT, "1"), Medium.SMS, PHONE, BadInput),
    ],
)
async def test_bad_contacts_are_refused(
    deps: Deps, to: Recipient, medium: Medium, address: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await give(deps, to, medium, address)


async def test_a_contact_is_sealed_and_shown_masked(deps: Deps) -> None:
    assert await give(deps) == "138****234"
    assert await give(deps, medium=Medium.EMAIL, address="duty@example.com") == "d***@example.com"
    async with deps.db.reads() as session:
        rows = await session.scalars(sa.select(Contact))
        assert all(PHONE.encode() not in row.address for row in rows)


@pytest.fixture
def far() -> Counterpart:
    return Counterpart()


@pytest.fixture
async def gateway(far: Counterpart) -> AsyncIterator[SmsGateway]:
    async with far.server() as server:
        made = SmsGateway(str(server.make_url("/sms")), SECRET, seconds=0.5)
        yield made
        await made.close()


async def test_over_a_real_gateway_that_refuses_hangs_and_takes_twice(
    deps: Deps, clock: Hands, far: Counterpart, gateway: SmsGateway
) -> None:
    plan: list[Any] = [500, "taken_then_slow", "half", 200]
    far.plan = plan
    await give(deps)
    await say(deps, "a")
    for _ in range(5):
        await round_of(deps, gateway)
        clock.on(hours=1)
    assert [code for _, code in await tries(deps)] == ["http_500", "timeout", "broken_answer", None]
    assert len(far.taken) == 1
    assert len({headers["Idempotency-Key"] for _, headers, _ in far.requests}) == 1
    assert await states(deps) == {"a": NoticeState.SENT}


async def test_a_hanging_gateway_holds_its_own_medium_alone(deps: Deps, far: Counterpart) -> None:
    far.plan = ["slow"] * 8
    fake = MemoryMessenger()
    await give(deps)
    await give(deps, DISTRICT, Medium.EMAIL, "duty@example.com")
    await say(deps, "a")
    await say(deps, "b", to=DISTRICT)
    await sending.gather(deps, [Medium.SMS, Medium.EMAIL])
    patient = replace(deps, settings=deps.settings.model_copy(update={"message_seconds": 20.0}))
    async with far.server() as server:
        stuck = SmsGateway(str(server.make_url("/sms")), SECRET, seconds=20)
        waiting = asyncio.create_task(sending.send(patient, Medium.SMS, stuck))
        async with asyncio.timeout(5):
            await sending.send(deps, Medium.EMAIL, fake)
        assert not waiting.done()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await stuck.close()
    assert len(fake.sent) == 1
    assert (await states(deps))["a"] == NoticeState.SENDING
