"""E-mail through a real SMTP server: taken, refused for good, refused for now, nobody there."""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from connectors.messenger.mail import Mailer, MailServer
from connectors.messenger.port import Message, MessengerAway, MessengerRefused
from tests.connectors.hotline.test_client import certificate
from tests.connectors.messenger.servers import Mailbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

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


WITH_PASSWORD = MailServer("127.0.0.1", 0, "jiesu@example.com", user="jiesu", password="secret")  # noqa: S106


async def test_a_password_is_not_said_where_starttls_was_taken_out(box: Mailbox) -> None:
    async with await box.listen() as listening:
        port = listening.sockets[0].getsockname()[1]
        with pytest.raises(MessengerAway, match=r"^smtp_no_tls$"):
            await Mailer(replace(WITH_PASSWORD, port=port), seconds=2.0, now=lambda: NOW).send(MESSAGE)
    assert (box.logins, box.mails) == ([], [])


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        (["421 4.3.2 too busy"], "smtp_421"),
        (["550 5.7.1 not you"], "smtp_550"),
        (["250-here\r\n250 STARTTLS", "454 4.7.0 not now"], "smtp_454"),
    ],
)
async def test_a_server_that_does_not_want_to_is_not_one_without_starttls(
    answers: list[str], code: str
) -> None:
    gone = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for line in ("220 here", *answers):
            writer.write(f"{line}\r\n".encode())
            await reader.readline()
        writer.close()
        await writer.wait_closed()
        gone.set()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        with pytest.raises(MessengerAway, match=f"^{code}$"):
            await Mailer(replace(WITH_PASSWORD, port=port), seconds=2.0, now=lambda: NOW).send(MESSAGE)
        await asyncio.wait_for(gone.wait(), 5)


async def test_a_plain_relay_is_one_because_somebody_said_so(box: Mailbox) -> None:
    async with await box.listen() as listening:
        server = replace(WITH_PASSWORD, port=listening.sockets[0].getsockname()[1], plain=True)
        await Mailer(server, seconds=2.0, now=lambda: NOW).send(MESSAGE)
    assert (box.logins, len(box.mails)) == (["jiesu"], 1)


async def test_with_starttls_the_password_goes_encrypted(
    box: Mailbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate(tmp_path, "server")
    theirs = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    theirs.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    monkeypatch.setenv("SSL_CERT_FILE", f"{tmp_path / 'server.pem'}")
    async with await box.listen(tls=theirs) as listening:
        server = replace(WITH_PASSWORD, port=listening.sockets[0].getsockname()[1])
        await Mailer(server, seconds=5.0, now=lambda: NOW).send(MESSAGE)
        monkeypatch.delenv("SSL_CERT_FILE")
        with pytest.raises(MessengerAway):
            await Mailer(server, seconds=5.0, now=lambda: NOW).send(MESSAGE)
    assert (box.logins, len(box.mails)) == (["jiesu"], 1)


@pytest.mark.parametrize(
    ("server", "must"),
    [
        (MailServer("127.0.0.1", 25, "a@example.com"), False),
        (MailServer("localhost", 25, "a@example.com"), False),
        (MailServer("::1", 25, "a@example.com"), False),
        (MailServer("localhost", 25, "a@example.com", user="a"), True),
        (MailServer("10.0.0.7", 25, "a@example.com"), True),
        (MailServer("mail.example", 25, "a@example.com"), True),
        (MailServer("mail.example", 25, "a@example.com", user="a", plain=True), False),
        (MailServer("mail.example", 465, "a@example.com", user="a", tls=True), False),
    ],
)
def test_who_must_encrypt(server: MailServer, *, must: bool) -> None:
    assert server.must_start_tls is must


async def test_nobody_there() -> None:
    server = MailServer(host="127.0.0.1", port=9, sender="jiesu@example.com")
    with pytest.raises(MessengerAway, match="connect"):
        await Mailer(server, seconds=1.0, now=lambda: NOW).send(MESSAGE)
