"""The messengers that the settings name: a medium without settings is not used."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from connectors.messenger.mail import Mailer, MailServer
from connectors.messenger.sms import SmsGateway
from connectors.messenger.wecom import WeComApp, WeComRobot
from models.vocab_notices import Medium
from triage import addresses
from triage.errors import SettingsError

if TYPE_CHECKING:
    from connectors.messenger.port import Messenger
    from triage.clock import Clock
    from triage.settings import Settings


def open_messengers(settings: Settings, clock: Clock) -> dict[Medium, Messenger]:
    """One messenger a medium that can be used. Raises SettingsError on half a setting."""
    found: dict[Medium, Messenger] = {}
    seconds = settings.message_seconds
    if settings.sms_url:
        if settings.sms_secret is None:
            raise SettingsError("设了 JIESU_SMS_URL，还要设 JIESU_SMS_SECRET")
        secret = settings.sms_secret.get_secret_value()
        found[Medium.SMS] = SmsGateway(
            settings.sms_url, secret, seconds=seconds, clock=lambda: clock.now().timestamp()
        )
    if settings.wecom_robots:
        found[Medium.WECOM_GROUP] = WeComRobot(settings.wecom_url, seconds=seconds)
    if settings.wecom_corp:
        if settings.wecom_secret is None or settings.wecom_agent is None:
            raise SettingsError("设了 JIESU_WECOM_CORP，还要设 JIESU_WECOM_SECRET 和 JIESU_WECOM_AGENT")
        found[Medium.WECOM] = WeComApp(
            settings.wecom_url,
            corp=settings.wecom_corp,
            secret=settings.wecom_secret.get_secret_value(),
            agent=settings.wecom_agent,
            seconds=seconds,
        )
    if settings.smtp_url is not None:
        if not settings.smtp_from:
            raise SettingsError("设了 JIESU_SMTP_URL，还要设 JIESU_SMTP_FROM")
        server = mail_server(settings.smtp_url.get_secret_value(), settings.smtp_from)
        found[Medium.EMAIL] = Mailer(server, seconds=seconds, now=clock.now)
    return found


def mail_server(url: str, sender: str) -> MailServer:
    """smtp://user:password@host:port or smtps://…, `?tls=none` behind it for a relay that speaks no TLS.

    Raises SettingsError, never with the address in it.
    """
    try:
        addresses.check_mail(url)
    except ValueError as error:
        raise SettingsError(f"JIESU_SMTP_URL {error}") from None
    parts = urlsplit(url)
    tls = parts.scheme == "smtps"
    return MailServer(
        host=parts.hostname or "",
        port=parts.port or (465 if tls else 587),
        sender=sender,
        tls=tls,
        plain=parts.query == addresses.PLAIN_MAIL,
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )
