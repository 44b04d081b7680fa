"""邮件 over SMTP, one connection a message: the sender is slow and rare, and no stale connection remains.

The Message-ID is made from the key, so a second copy after a lost answer is known as one by mail programs.

Whoever sits on the way can take STARTTLS out of what a server says that it can. So with a password, or where
the server is not this machine, nothing is said without it, unless the settings call the relay a plain one.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import format_datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

import aiosmtplib

from connectors.messenger.port import MessengerAway, MessengerRefused

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from connectors.messenger.port import Message

_PERMANENT: Final = 500
_MOST: Final = 600


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where and as whom mail is sent. `tls`: from the first byte; else STARTTLS, if `plain` where it can."""

    host: str
    port: int
    sender: str
    tls: bool = False
    plain: bool = False
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @property
    def must_start_tls(self) -> bool:
        """Whether without STARTTLS nothing is sent: neither a password nor an address in clear."""
        return not (self.tls or self.plain) and (self.user is not None or not _is_here(self.host))


class Mailer:
    """A Messenger for e-mail addresses."""

    def __init__(self, server: MailServer, *, seconds: float, now: Callable[[], datetime]) -> None:
        """Take the server, the time limit of each of its answers, and the clock of the Date line."""
        self._server, self._seconds, self._now = server, seconds, now

    async def send(self, message: Message) -> None:
        """Hand it over. Raises MessengerRefused, MessengerAway."""
        try:
            mail = self._mail(message)
        except ValueError:  # a line end in an address
            raise MessengerRefused("bad_address") from None
        try:
            await self._hand_over(mail, message.to)
        # What the server said may quote the address: the number is enough.
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _told(min(refused.code for refused in error.recipients)) from None
        except aiosmtplib.SMTPAuthenticationError as error:
            raise MessengerAway(f"smtp_login_{error.code}") from None
        except aiosmtplib.SMTPResponseException as error:
            raise _told(error.code) from None
        except (aiosmtplib.SMTPTimeoutError, TimeoutError):
            raise MessengerAway("timeout") from None
        except (aiosmtplib.SMTPConnectError, aiosmtplib.SMTPServerDisconnected, OSError):
            raise MessengerAway("connect") from None
        except (aiosmtplib.SMTPException, ValueError):
            raise MessengerRefused("smtp_refused") from None

    async def _hand_over(self, mail: EmailMessage, to: str) -> None:
        server = self._server
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            timeout=self._seconds,
            use_tls=server.tls,
            start_tls=False if server.tls or server.must_start_tls else None,
            tls_context=ssl.create_default_context(),
        )
        async with client:
            if server.must_start_tls:
                await _start_tls(client)
            if server.user is not None:
                await client.login(server.user, server.password or "")
            await client.send_message(mail, sender=server.sender, recipients=[to])

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["From"] = self._server.sender
        mail["To"] = message.to
        mail["Subject"] = message.subject
        mail["Date"] = format_datetime(self._now())
        mail["Message-ID"] = f"<{message.key}@{self._server.sender.rpartition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text)
        return mail

    async def close(self) -> None:
        """Nothing is kept open."""


async def _start_tls(client: aiosmtplib.SMTP) -> None:
    """Go on encrypted, or not at all. Raises MessengerAway: a slip of the settings is no refusal for good."""
    try:
        await client.ehlo()
        if not client.supports_extension("starttls"):
            raise MessengerAway("smtp_no_tls")
        await client.starttls()
    except aiosmtplib.SMTPResponseException as error:
        raise MessengerAway(f"smtp_{error.code}") from None


def _is_here(host: str) -> bool:
    """Whether it is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.casefold().rstrip(".") == "localhost"


def _told(code: int) -> MessengerAway | MessengerRefused:
    return MessengerRefused(f"smtp_{code}") if _PERMANENT <= code < _MOST else MessengerAway(f"smtp_{code}")
