"""Speaks to a 12345 platform over HTTP(S): lists orders, tells actions, asks for a day's numbers.

The protocol is an assumption (A) written down in docs/hotline.md: no public one exists (R7.1). Everything
that a platform may do wrong ends in one of three: `PlatformAway` (try again later), `PlatformDenied` (only a
person can mend it), `ActionRefused` (this one action, for good). Messages are Chinese and hold nothing that
the platform said, but for the reason of a refused action, which the caller masks.
"""

from __future__ import annotations

import functools
import ssl
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit

import aiohttp
import orjson
from yarl import URL

from connectors.feeds.errors import FeedRefused
from connectors.feeds.guard import Exempt, NotPublic, PublicResolver, check_url, socket_factory
from connectors.hotline import signing
from connectors.hotline.bodies import NotJson, read_json
from connectors.ports import ConnectorError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from connectors.hotline.settings import HotlineSettings

#: The most that one answer may hold.
MOST_BYTES: Final = 32 << 20
_CHUNK: Final = 1 << 16
_REASON_SHOWN: Final = 200
#: Of 4xx, what passes by itself.
_LATER: Final = frozenset({408, 425, 429})
_DENIED: Final = frozenset({401, 403, 407})
_SERVER: Final = 500
_OK: Final = 200
_INSIDE: Final = (
    "接口地址指向内部网络，或端口不常用；如确是平台，请管理员把 主机:端口 写进 JIESU_HOTLINE_PRIVATE_HOSTS。"
)
_MULTIPLE_CHOICES: Final = 300
#: A `now` further off our clock is no time that a platform may be believed: milliseconds, a clock never set.
CLOCKS_APART: Final = timedelta(days=1)


class PlatformAway(ConnectorError):
    """平台暂时没有按约定答复。"""


class PlatformDenied(ConnectorError):
    """平台不接受，重试没有用。`status`: of its answer, where one came."""

    def __init__(self, said: str, *, status: int | None = None) -> None:
        super().__init__(said)
        self.status = status


class ActionRefused(ConnectorError):
    """平台拒收这个动作。"""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(code)
        self.code = code
        self.reason = reason[:_REASON_SHOWN]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list: its rows, how many there are in all, and the platform's own time (seconds).

    `now` is the list's own, `date` the `Date` that the answer bears: a proxy's word, and not the protocol's.
    None: not there.
    """

    number: int
    total: int
    rows: tuple[Any, ...]
    now: float | None
    date: float | None = None

    def told(self, *, now: datetime) -> datetime | None:
        """The platform's own now, None where it tells none. Raises PlatformAway when it is none near ours.

        Believed, it would hold the cursor where it is, or put it into the future: either way nothing new
        would come, and all would look well.
        """
        if self.now is None:
            return None
        if not _near(self.now, now):
            raise PlatformAway(
                "平台列表里的 now 不是可信的时间：应是 1970 年以来的秒数，与本机相差不到一天。请核对时钟。"
            )
        return datetime.fromtimestamp(self.now, UTC)

    def dated(self, *, now: datetime) -> datetime | None:
        """What `Date` says; None where there is none, or none near our clock: it is a proxy's word."""
        if self.date is None or not _near(self.date, now):
            return None
        return datetime.fromtimestamp(self.date, UTC)


def _near(seconds: float, now: datetime) -> bool:
    return abs(seconds - now.timestamp()) <= CLOCKS_APART.total_seconds()


@dataclass(frozen=True, slots=True)
class Receipt:
    """The platform's acknowledgement of an action; `duplicate`: it had it before."""

    number: str | None
    duplicate: bool


def tls(settings: HotlineSettings) -> ssl.SSLContext | bool:
    """TLS as set: our certificate (双向认证), and whom we believe. Raises PlatformDenied."""
    if urlsplit(settings.url).scheme != "https":
        return True
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
        if settings.cert_file:
            password = settings.key_password or ""
            context.load_cert_chain(settings.cert_file, settings.key_file, password=lambda: password)
    except (OSError, ssl.SSLError, ValueError):
        raise PlatformDenied("证书或密钥文件读不了，请核对路径、权限和密钥口令。") from None
    return context


@asynccontextmanager
async def connected(settings: HotlineSettings, exempt: Exempt) -> AsyncIterator[HotlineClient]:
    """A client with its connections, closed at the end. Raises PlatformDenied.

    It goes where feeds may go (`connectors.feeds.guard`): public addresses, and the hosts that the settings
    name. Whoever may edit a source on the page cannot thereby reach what else stands in the house.
    """
    try:
        check_url(URL(settings.url), exempt)
    except (FeedRefused, ValueError):
        raise PlatformDenied(_INSIDE) from None
    connector = aiohttp.TCPConnector(
        ssl=tls(settings),
        limit=max(settings.senders, 4),
        resolver=PublicResolver(exempt),
        use_dns_cache=False,
        socket_factory=functools.partial(socket_factory, exempt),
    )
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=settings.timeout),
        cookie_jar=aiohttp.DummyCookieJar(),
    ) as session:
        yield HotlineClient(settings, session)


class HotlineClient:
    """One platform. Every method raises PlatformAway and PlatformDenied."""

    def __init__(self, settings: HotlineSettings, session: aiohttp.ClientSession) -> None:
        self._settings = settings
        self._session = session

    async def orders(self, *, after: str, until: str | None, page: int, size: int | None = None) -> Page:
        """Orders changed after one moment and up to another (both as the platform writes them)."""
        query = {"updatedFrom": after, "page": str(page), "size": str(size or self._settings.page_size)}
        if until is not None:
            query["updatedTo"] = until
        return await self._page("/orders", query, page)

    async def order(self, number: str) -> Page:
        """One order by its number, no row when there is none; others' rows are the caller's to drop."""
        return await self._page("/orders", {"orderNum": number, "page": "1", "size": "1"}, 1)

    async def day(self, day: str, kind: str, *, page: int) -> Page:
        """The numbers that the platform holds of a day: kind `orders`, or `actions` as `number#action`."""
        size = str(self._settings.page_size * 10)
        query = {"day": day, "kind": kind, "page": str(page), "size": size}
        return await self._page("/reconcile", query, page)

    async def act(self, order_no: str, number: int, body: Mapping[str, Any]) -> Receipt:
        """Tell one action; telling it twice counts once. Raises ActionRefused."""
        said = orjson.dumps({"orderNum": order_no, "actionNum": number, **body})
        status, answer, _ = await self._ask("POST", "/actions", body=said, key=f"{order_no}#{number}")
        if not isinstance(answer, dict):
            raise PlatformAway("平台对动作的答复不是约定的格式。")
        code = _code(answer.get("code"))
        if status < _MULTIPLE_CHOICES and not code:
            # A gateway before the platform answers so: nobody refused anything.
            raise PlatformAway("平台对动作的答复不是约定的格式。")
        if status >= _MULTIPLE_CHOICES or code != "0":
            raise ActionRefused(code or str(status), str(answer.get("message") or ""))
        if answer.get("orderNum") != order_no or answer.get("actionNum") != number:
            raise PlatformAway("平台的回执不是这个动作的。")
        receipt = answer.get("receipt")
        return Receipt(None if receipt is None else str(receipt)[:120], bool(answer.get("duplicate")))

    async def _page(self, path: str, query: Mapping[str, str], page: int) -> Page:
        status, answer, date = await self._ask("GET", path, query=query)
        if status != _OK:
            raise PlatformDenied(f"平台答复 {status}：没有这个接口，或不认识请求的参数。")
        match answer:
            case {"page": int(number), "total": int(total), "rows": list(rows)} if total >= 0:
                if number != page:
                    raise PlatformAway(f"要第 {page} 页，平台给了第 {number} 页。")
                now = answer.get("now")
                good = isinstance(now, int | float) and not isinstance(now, bool)
                return Page(number, total, tuple(rows), float(now) if good else None, date)
            case _:
                raise PlatformAway("平台的列表不是约定的格式。")

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes = b"",
        key: str | None = None,
    ) -> tuple[int, Any, float | None]:
        """One request: its status, its JSON, and when it was answered by the clock over there."""
        address = URL(self._settings.url + path + (f"?{urlencode(query)}" if query else ""), encoded=True)
        headers = {"Accept": "application/json", "Content-Type": "application/json; charset=utf-8"}
        if key is not None:
            # Header values are Latin-1: an order number may hold more.
            headers["Idempotency-Key"] = urlencode({"": key})[1:]
        if self._settings.token:
            headers["Authorization"] = f"Bearer {self._settings.token}"
        if self._settings.secret:
            signed = signing.request_body(method, address.raw_path_qs, body)
            headers |= signing.stamp(self._settings.secret, signed, at=int(time.time())).headers()
        try:
            async with self._session.request(
                method, address, data=body or None, headers=headers, allow_redirects=False
            ) as response:
                date = _seconds(response.headers.get("Date"))
                return response.status, await self._answer(response), date
        except TimeoutError:
            raise PlatformAway(f"平台 {self._settings.timeout} 秒内没有答复。") from None
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError, ssl.SSLError):
            raise PlatformDenied("加密连接没有建立：证书不被信任，或平台不接受我们的证书。") from None
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, NotPublic):
                raise PlatformDenied(_INSIDE) from None
            raise PlatformAway("连不上平台：地址、端口或网络不通。") from None
        except (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError):
            raise PlatformAway("平台的答复不完整。") from None
        except (aiohttp.ClientError, OSError) as error:
            raise PlatformAway(f"与平台的连接出错（{type(error).__name__}）。") from None

    async def _answer(self, response: aiohttp.ClientResponse) -> Any:  # noqa: ANN401  (JSON)
        status = response.status
        if status in _DENIED:
            raise PlatformDenied(f"平台答复 {status}：不接受我们的令牌、签名或证书。", status=status)
        if status >= _SERVER or status in _LATER:
            raise PlatformAway(f"平台答复 {status}。")
        if _MULTIPLE_CHOICES <= status < 400:  # noqa: PLR2004  (HTTP)
            raise PlatformDenied(f"平台答复 {status}：接口地址已改到别处。")
        held = bytearray()
        async for chunk in response.content.iter_chunked(_CHUNK):
            held += chunk
            if len(held) > MOST_BYTES:
                raise PlatformAway(f"平台的答复超过 {MOST_BYTES >> 20} MB，没有读完。")
        try:
            return read_json(bytes(held), response.charset)
        except NotJson:
            if status >= 400:  # noqa: PLR2004  (HTTP)
                return {}
            raise PlatformAway("平台的答复不是完整的 JSON。") from None


def _code(told: object) -> str:
    """The code of an answer to an action, empty where there is none."""
    return str(told).strip()[:40] if isinstance(told, str | int) and not isinstance(told, bool) else ""


def _seconds(date: str | None) -> float | None:
    """The moment of a `Date` header; None where there is none, or none that can be read."""
    try:
        found = parsedate_to_datetime(date or "")
        # Without a zone (-0000) it is UTC, not this machine's own time.
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
