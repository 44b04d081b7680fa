"""邮件 over SMTP, one connection a message: the sender is slow and rare, and no stale connection remains.

The Message-ID is made from the key, so a second copy after a lost answer is known as one by mail programs.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import format_datetime
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
    """Where and as whom mail is sent. `tls`: from the first byte; else STARTTLS where it is offered."""

    host: str
    port: int
    sender: str
    tls: bool = False
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)


class Mailer:
    """A Messenger for e-mail addresses."""

    def __init__(self, server: MailServer, *, seconds: float, now: Callable[[], datetime]) -> None:
        """Take the server, the time limit of each of its answers, and the clock of the Date line."""
        self._server, self._seconds, self._now = server, seconds, now

    async def send(self, message: Message) -> None:
        """Hand it over. Raises MessengerRefused, MessengerAway."""
        server = self._server
        try:
            mail = self._mail(message)
        except ValueError:  # a line end in an address
            raise MessengerRefused("bad_address") from None
        try:
            await aiosmtplib.send(
                mail,
                sender=server.sender,
                recipients=[message.to],
                hostname=server.host,
                port=server.port,
                username=server.user,
                password=server.password,
                timeout=self._seconds,
                use_tls=server.tls,
                start_tls=False if server.tls else None,
                tls_context=ssl.create_default_context(),
            )
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


def _told(code: int) -> MessengerAway | MessengerRefused:
    return MessengerRefused(f"smtp_{code}") if _PERMANENT <= code < _MOST else MessengerAway(f"smtp_{code}")
