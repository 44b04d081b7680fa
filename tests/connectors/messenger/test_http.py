"""SMS and WeCom over real sockets: taken, taken twice, refused, away, silent, endless."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import orjson
import pytest

from connectors.fakes import MemoryMessenger
from connectors.messenger.port import Message, Messenger, MessengerAway, MessengerRefused
from connectors.messenger.sms import SmsGateway, signature
from connectors.messenger.wecom import WeComApp, WeComRobot
from tests.connectors.messenger.servers import SECRET, Counterpart

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PHONE = "13800001234"
MESSAGE = Message(key="k1", to=PHONE, subject="派单通知", text="【接诉】新派工单")


@pytest.fixture
def far() -> Counterpart:
    return Counterpart()


@pytest.fixture
async def base(far: Counterpart) -> AsyncIterator[str]:
    async with far.server() as server:
        yield str(server.make_url("/")).rstrip("/")


@pytest.fixture(params=["sms", "robot", "app"])
async def messenger(request: pytest.FixtureRequest, base: str) -> AsyncIterator[Messenger]:
    made: dict[str, Messenger] = {
        "sms": SmsGateway(f"{base}/sms", SECRET, seconds=1.0),
        "robot": WeComRobot(base, seconds=1.0),
        "app": WeComApp(base, corp="corp", secret=SECRET, agent=7, seconds=1.0),
    }
    yield made[request.param]
    for one in made.values():
        await one.close()


async def test_a_message_arrives_with_its_key(messenger: Messenger, far: Counterpart) -> None:
    await messenger.send(MESSAGE)
    assert list(far.taken) == ["k1"]
    assert MESSAGE.text in orjson.dumps(far.taken["k1"]).decode()


async def test_the_same_message_again_counts_once(messenger: Messenger, far: Counterpart) -> None:
    await messenger.send(MESSAGE)
    await messenger.send(MESSAGE)
    assert len(far.taken) == 1
    assert far.requests[0][2] == far.requests[1][2]


@pytest.mark.parametrize("step", [500, 502, 429, 408, "slow", "half", "endless"])
async def test_who_is_away_is_tried_again(messenger: Messenger, far: Counterpart, step: int | str) -> None:
    far.plan = [step]
    with pytest.raises(MessengerAway) as refusal:
        await messenger.send(MESSAGE)
    assert PHONE not in str(refusal.value)
    await messenger.send(MESSAGE)
    assert list(far.taken) == ["k1"]


async def test_a_lost_answer_does_not_double_it(messenger: Messenger, far: Counterpart) -> None:
    far.plan = ["taken_then_slow"]
    with pytest.raises(MessengerAway, match="timeout"):
        await messenger.send(MESSAGE)
    await messenger.send(MESSAGE)
    assert len(far.taken) == 1


@pytest.mark.parametrize("step", [400, 401, 403, 404, 422, "redirect"])
async def test_who_refuses_for_good_says_so(messenger: Messenger, far: Counterpart, step: int | str) -> None:
    far.plan = [step]
    with pytest.raises(MessengerRefused):
        await messenger.send(MESSAGE)


async def test_being_asked_to_wait_is_heard(messenger: Messenger, far: Counterpart) -> None:
    far.plan = [429]
    with pytest.raises(MessengerAway) as refusal:
        await messenger.send(MESSAGE)
    assert refusal.value.after == timedelta(seconds=90)


async def test_nobody_there() -> None:
    gone = SmsGateway("http://127.0.0.1:9/sms", SECRET, seconds=1.0)
    with pytest.raises(MessengerAway, match="connect"):
        await gone.send(MESSAGE)
    await gone.close()


async def test_the_gateway_can_check_who_asks(base: str, far: Counterpart) -> None:
    gateway = SmsGateway(f"{base}/sms", SECRET, seconds=1.0, clock=lambda: 1_790_000_000.5)
    await gateway.send(MESSAGE)
    await gateway.close()
    ((_, headers, body),) = far.requests
    assert headers["X-Jiesu-Timestamp"] == "1790000000"
    assert headers["X-Jiesu-Signature"] == signature(SECRET, "1790000000", "k1", body)
    assert headers["X-Jiesu-Signature"] != signature("another", "1790000000", "k1", body)
    assert orjson.loads(body) == {"key": "k1", "to": PHONE, "text": MESSAGE.text}


@pytest.mark.parametrize(("code", "error"), [(45009, MessengerAway), (93000, MessengerRefused)])
async def test_wecom_says_no_inside_its_answer(
    base: str, far: Counterpart, code: int, error: type[Exception]
) -> None:
    robot = WeComRobot(base, seconds=1.0)
    far.plan = [{"errcode": code, "errmsg": PHONE}]
    with pytest.raises(error, match=f"errcode_{code}"):
        await robot.send(MESSAGE)
    await robot.close()


async def test_wecom_unknown_member_and_no_answer(base: str, far: Counterpart) -> None:
    app = WeComApp(base, corp="corp", secret=SECRET, agent=7, seconds=1.0)
    far.plan = [{"errcode": 0, "invaliduser": "zhang"}, {"hello": 1}]
    with pytest.raises(MessengerRefused, match="unknown_user"):
        await app.send(MESSAGE)
    with pytest.raises(MessengerAway, match="no_errcode"):
        await app.send(MESSAGE)
    await app.close()


async def test_wecom_asks_for_a_new_token_once(base: str, far: Counterpart) -> None:
    app = WeComApp(base, corp="corp", secret=SECRET, agent=7, seconds=1.0)
    await app.send(MESSAGE)
    far.plan = [{"errcode": 42001}]
    await app.send(MESSAGE)
    assert far.tokens == 2
    assert [path.partition("=")[2] for path, _, _ in far.requests] == ["token-1", "token-1", "token-2"]
    sent = orjson.loads(far.requests[-1][2])
    assert (sent["touser"], sent["agentid"], sent["enable_duplicate_check"]) == (PHONE, 7, 1)
    await app.close()


async def test_wecom_with_wrong_credentials_refuses_no_message(base: str) -> None:
    app = WeComApp(base, corp="corp", secret="wrong", agent=7, seconds=1.0)  # noqa: S106
    with pytest.raises(MessengerAway, match="token_errcode_40013"):
        await app.send(MESSAGE)
    await app.close()


async def test_the_fake_keeps_to_the_port() -> None:
    fake: Messenger = MemoryMessenger()
    await fake.send(MESSAGE)
    await fake.send(MESSAGE)
    assert isinstance(fake, MemoryMessenger)
    assert fake.sent == {"k1": MESSAGE}
    fake.refuse = MessengerRefused("http_400")
    with pytest.raises(MessengerRefused):
        await fake.send(MESSAGE)
    await fake.close()


def test_an_address_never_shows() -> None:
    assert PHONE not in repr(MESSAGE)
