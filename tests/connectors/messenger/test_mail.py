"""E-mail through a real SMTP server: taken, refused for good, refused for now, nobody there."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from connectors.messenger.mail import Mailer, MailServer
from connectors.messenger.port import Message, MessengerAway, MessengerRefused
from tests.connectors.messenger.servers import Mailbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NOW = datetime(2026, 11, 26, 2, 0, tzinfo=UTC)
MESSAGE = Message(key="k1", to="duty@example.com", subject="派单通知", text="【接诉】新派工单\n第二行")


@pytest.fixture
def box() -> Mailbox:
    return Mailbox()


@pytest.fixture
async def mailer(box: Mailbox) -> AsyncIterator[Mailer]:
    listening = await box.listen()
    port = listening.sockets[0].getsockname()[1]
    server = MailServer(host="127.0.0.1", port=port, sender="jiesu@example.com")
    yield Mailer(server, seconds=2.0, now=lambda: NOW)
    listening.close()
    await listening.wait_closed()


async def test_a_mail_arrives_as_it_was_written(mailer: Mailer, box: Mailbox) -> None:
    await mailer.send(MESSAGE)
    (raw,) = box.mails
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert mail["Subject"] == "派单通知"
    assert mail["To"] == "duty@example.com"
    assert mail["Message-ID"] == "<k1@example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content().splitlines() == ["【接诉】新派工单", "第二行"]


async def test_refused_for_good(mailer: Mailer, box: Mailbox) -> None:
    box.codes = ["550 5.1.1 no such user duty@example.com"]
    with pytest.raises(MessengerRefused, match=r"^smtp_550$"):
        await mailer.send(MESSAGE)
    assert box.mails == []


async def test_refused_for_now(mailer: Mailer, box: Mailbox) -> None:
    box.codes = ["450 4.2.0 greylisted"]
    with pytest.raises(MessengerAway, match=r"^smtp_450$"):
        await mailer.send(MESSAGE)
    await mailer.send(MESSAGE)
    assert len(box.mails) == 1


async def test_a_line_end_in_an_address_is_no_header(mailer: Mailer, box: Mailbox) -> None:
    bad = Message(key="k2", to="duty@example.com\nBcc: all@example.com", subject="a", text="b")
    with pytest.raises(MessengerRefused, match="bad_address"):
        await mailer.send(bad)
    assert box.mails == []


async def test_nobody_there() -> None:
    server = MailServer(host="127.0.0.1", port=9, sender="jiesu@example.com")
    with pytest.raises(MessengerAway, match="connect"):
        await Mailer(server, seconds=1.0, now=lambda: NOW).send(MESSAGE)
