"""What the settings say of a mail server."""

from __future__ import annotations

import pytest

from triage.errors import SettingsError
from triage.services.notices.messengers import mail_server


@pytest.mark.parametrize(
    ("url", "port", "must"),
    [
        ("smtp://a:b@mail.example", 587, True),
        ("smtp://relay.example:25", 25, True),
        ("smtp://relay.example:25?tls=none", 25, False),
        ("smtp://a:b@relay.example:25/?tls=none", 25, False),
        ("smtp://127.0.0.1:25", 25, False),
        ("smtps://a:b@mail.example", 465, False),
    ],
)
def test_a_mail_server_must_encrypt_unless_it_is_called_plain(url: str, port: int, *, must: bool) -> None:
    server = mail_server(url, "jiesu@example.com")
    assert (server.port, server.must_start_tls) == (port, must)


@pytest.mark.parametrize(
    "url",
    [
        "mail.example",
        "http://mail.example",
        "smtp://a:hidden@mail.example?tls=off",
        "smtps://a:hidden@mail.example?tls=none",
        "smtp://a:hidden@mail.example?tls=none&x=1",
    ],
)
def test_what_is_not_understood_is_refused_without_the_password(url: str) -> None:
    with pytest.raises(SettingsError, match="JIESU_SMTP_URL") as refused:
        mail_server(url, "jiesu@example.com")
    assert "hidden" not in refused.value.detail
