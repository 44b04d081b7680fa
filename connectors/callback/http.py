"""虚拟号 over HTTP: one JSON request a binding, its fields as the settings say (`fields`).

Authorization by a bearer token, and a signature where a secret is set: hex HMAC-SHA256 over timestamp, key
and body as for the SMS gateway (`messenger.sms`). It goes where feeds may go: whoever may edit a provider on
the page cannot thereby reach what stands in the house. What comes back is believed only so far: a number
that is one of the two that were told is refused, so is a time that is over or far away.
"""

from __future__ import annotations

import functools
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import aiohttp
import orjson
from yarl import URL

from connectors.callback.fields import ANSWER, REQUEST, AnswerFields, FieldsRefused, RequestFields
from connectors.callback.port import Binding, NumbersAway, NumbersRefused
from connectors.feeds.errors import FeedRefused
from connectors.feeds.guard import PublicResolver, check_url, socket_factory
from connectors.messenger.port import MessengerAway, MessengerRefused
from connectors.messenger.posting import Poster
from connectors.messenger.sms import signature

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.callback.port import Wanted
    from connectors.feeds.guard import Exempt

_BEIJING: Final = ZoneInfo("Asia/Shanghai")
#: A number to dial, with an extension after a pause where the provider has few numbers.
_NUMBER: Final = re.compile(r"(\+?[0-9]{5,18})(?:[,;#-]([0-9]{1,8}))?")
_REFERENCE: Final = re.compile(r"[A-Za-z0-9._:-]{1,80}")
#: Of a number, what tells it from another however its country and area are written.
_TAIL: Final = 8
_LONGEST: Final = timedelta(days=1)
_MILLISECONDS: Final = 10_000_000_000


@dataclass(frozen=True, slots=True)
class NumbersSettings:
    """A provider's account. `prefix`: what it wants in front of every number (+86)."""

    url: str
    prefix: str = ""
    request: str = REQUEST
    answer: str = ANSWER
    seconds: float = 10.0
    token: str | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)


class HttpNumbers:
    """VirtualNumbers by one HTTP request."""

    def __init__(
        self, settings: NumbersSettings, exempt: Exempt, *, clock: Callable[[], float] = time.time
    ) -> None:
        """Take the account, which hosts may be private, and the seconds that are signed.

        Raises NumbersRefused when the address or the fields cannot be used.
        """
        try:
            check_url(URL(settings.url), exempt)
        except (FeedRefused, ValueError):
            raise NumbersRefused("inside") from None
        try:
            self._request = RequestFields.parse(settings.request)
            self._answer = AnswerFields.parse(settings.answer)
        except FieldsRefused:
            raise NumbersRefused("fields") from None
        self._settings, self._clock = settings, clock
        self._poster = Poster(seconds=settings.seconds, connector=functools.partial(_guarded, exempt))

    async def bind(self, wanted: Wanted, *, now: datetime) -> Binding:
        """Ask for a number. Raises NumbersRefused, NumbersAway."""
        until = now + wanted.lasts
        prefix = self._settings.prefix
        body = orjson.dumps(
            self._request.body({
                "key": wanted.key,
                "caller": f"{prefix}{wanted.caller}",
                "callee": f"{prefix}{wanted.callee}",
                "seconds": str(int(wanted.lasts.total_seconds())),
                "until": until.astimezone(_BEIJING).strftime("%Y-%m-%d %H:%M:%S"),
            })
        )  # fmt: skip
        try:
            _, answer = await self._poster.send(
                "POST", self._settings.url, body=body, headers=self._headers(wanted.key, body)
            )
        except MessengerAway as error:
            raise NumbersAway(error.code) from None
        except MessengerRefused as error:
            raise NumbersRefused(error.code) from None
        if not self._answer.said_yes(answer):
            raise NumbersRefused("not_good")
        return self._binding(answer, wanted, until=until, now=now)

    def _headers(self, key: str, body: bytes) -> dict[str, str]:
        headers = {"Idempotency-Key": key}
        if self._settings.token:
            headers["Authorization"] = f"Bearer {self._settings.token}"
        if self._settings.secret:
            stamp = str(int(self._clock()))
            headers["X-Jiesu-Timestamp"] = stamp
            headers["X-Jiesu-Signature"] = signature(self._settings.secret, stamp, key, body)
        return headers

    def _binding(self, answer: object, wanted: Wanted, *, until: datetime, now: datetime) -> Binding:
        told = self._answer.read("number", answer)
        found = _NUMBER.fullmatch(str(told)) if isinstance(told, str | int) else None
        if found is None:
            raise NumbersRefused("no_number")
        if _same(found[1], wanted.callee) or _same(found[1], wanted.caller):
            # Shown, it would be the very number that is to stay hidden.
            raise NumbersRefused("real_number")
        said = self._answer.read("until", answer)
        ends = until if said is None else _moment(said)
        if ends is None or not now < ends <= now + _LONGEST:
            raise NumbersRefused("bad_until")
        number = found[1] if found[2] is None else f"{found[1]},{found[2]}"
        return Binding(number, ends, _reference(self._answer.read("reference", answer), wanted))

    async def close(self) -> None:
        """Close the connection."""
        await self._poster.close()


def _guarded(exempt: Exempt) -> aiohttp.BaseConnector:
    return aiohttp.TCPConnector(
        resolver=PublicResolver(exempt),
        use_dns_cache=False,
        socket_factory=functools.partial(socket_factory, exempt),
    )


def _digits(text: str) -> str:
    return re.sub(r"[^0-9]", "", text)


def _same(number: str, other: str) -> bool:
    return _digits(number)[-_TAIL:] == _digits(other)[-_TAIL:]


def _reference(said: object, wanted: Wanted) -> str:
    """The provider's own name for it; none when it is made of one of the numbers."""
    text = str(said) if isinstance(said, str | int) else ""
    hidden = (_digits(one)[-_TAIL:] for one in (wanted.caller, wanted.callee))
    if not _REFERENCE.fullmatch(text) or any(tail in _digits(text) for tail in hidden):
        return ""
    return text


def _moment(said: object) -> datetime | None:
    """Seconds or milliseconds since 1970, or a written moment (without an offset: Beijing's)."""
    try:
        if isinstance(said, int | float) and not isinstance(said, bool):
            return datetime.fromtimestamp(said / 1000 if said > _MILLISECONDS else said, UTC)
        if isinstance(said, str):
            found = datetime.fromisoformat(said.strip())
            return (found if found.tzinfo else found.replace(tzinfo=_BEIJING)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None
