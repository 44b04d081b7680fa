"""One GET with everything capped: time, bytes on the wire, bytes unpacked, redirects, requests a host.

Redirects are followed by hand, each address checked like the first. Answers are unpacked piece by piece, so a
bomb costs its first few megabytes and no more. A host is asked once at a time, with a pause in between.
"""

from __future__ import annotations

import asyncio
import functools
import time
import zlib
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import aiohttp
from yarl import URL

from connectors.feeds.errors import FeedAway, FeedRefused
from connectors.feeds.guard import Exempt, NotPublic, PublicResolver, check_url, socket_factory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from aiohttp.abc import AbstractResolver

USER_AGENT: Final = "JiesuFeeds/1.0"
_OK: Final = 200
_NOT_MODIFIED: Final = 304
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOVED: Final = frozenset({301, 308})
_LATER: Final = frozenset({408, 425, 429})
_BROKEN: Final = 500
_CHUNK: Final = 32 * 1024
_LONGEST_HEADER: Final = 300
_LONGEST_WAIT: Final = timedelta(days=1)
#: gzip and zlib, told apart by their first bytes; raw deflate as some servers send it.
_WINDOWS: Final = {"gzip": (zlib.MAX_WBITS | 32,), "x-gzip": (zlib.MAX_WBITS | 32,)}
_DEFLATE: Final = zlib.MAX_WBITS | 32, -zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one fetch may cost."""

    seconds: float = 30
    connect_seconds: float = 10
    wire_bytes: int = 5 << 20
    body_bytes: int = 8 << 20
    redirects: int = 5
    at_once: int = 100
    host_pause: float = 1.0
    """Seconds between two requests to one host."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer. `body` is None when nothing changed; `moved` where it lives for good now."""

    url: str
    body: bytes | None = field(repr=False)
    content_type: str = ""
    etag: str | None = None
    modified: str | None = None
    moved: str | None = None


@dataclass(frozen=True, slots=True)
class OwnHeader:
    """A credential of one origin (scheme, host, port): sent there, never once a redirect led elsewhere."""

    origin: URL
    name: str
    value: str = field(repr=False)


@dataclass(slots=True)
class _Host:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    free_at: float = 0.0
    users: int = 0


class Gate:
    """Whose turn it is: one request a host at a time, so many at once. Shared by the fetchers of a loop."""

    def __init__(self, at_once: int) -> None:
        """Take how many requests may be under way."""
        self.at_once = at_once
        self._slots = asyncio.Semaphore(at_once)
        self._hosts: dict[str, _Host] = {}

    @asynccontextmanager
    async def turn(self, url: URL, pause: float) -> AsyncIterator[None]:
        """Wait for the host's turn, then for a slot: who waits for a slow host holds nobody up."""
        host = self._hosts.setdefault(f"{url.host}:{url.port}", _Host())
        host.users += 1
        try:
            async with host.lock:
                wait = host.free_at - time.monotonic()
                if wait > 0:
                    await asyncio.sleep(wait)
                async with self._slots:
                    try:
                        yield
                    finally:
                        host.free_at = time.monotonic() + pause
        finally:
            host.users -= 1
            self._forget()

    def _forget(self) -> None:
        """Hosts that nobody waits for and that may be asked again are no longer remembered."""
        now = time.monotonic()
        if len(self._hosts) > 4 * self.at_once:
            self._hosts = {n: h for n, h in self._hosts.items() if h.users or h.free_at > now}


class Fetcher:
    """Fetches by the rules above. Close it; a gate may be shared with others."""

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        exempt: Exempt | None = None,
        resolver: AbstractResolver | None = None,
        gate: Gate | None = None,
    ) -> None:
        """Take the limits and who is exempt; another resolver is for tests of names that change."""
        self.limits = limits or Limits()
        self.exempt = exempt or Exempt()
        self._resolver = PublicResolver(self.exempt, inner=resolver)
        self._session: aiohttp.ClientSession | None = None
        self._gate = gate or Gate(self.limits.at_once)

    async def close(self) -> None:
        """Close what is open."""
        if self._session is not None:
            await self._session.close()
            self._session = None
        await self._resolver.close()

    async def get(
        self,
        url: str,
        *,
        etag: str | None = None,
        modified: str | None = None,
        most: int | None = None,
        own: OwnHeader | None = None,
        ask: Callable[[str], Awaitable[float | None]] | None = None,
    ) -> Fetched:
        """Fetch an address; with what was told last time, only what changed. Raises FeedRefused, FeedAway.

        `ask` is asked of each address, those of redirects too, before it is fetched: it raises, or gives the
        pause in seconds that the host wants.
        """
        headers = {"If-None-Match": etag, "If-Modified-Since": modified}
        sent = {name: value for name, value in headers.items() if value}
        try:
            where = URL(url)
        except ValueError:
            raise FeedRefused("bad_url", "地址写得不对") from None
        moved: URL | None = None
        permanent = True
        for _ in range(self.limits.redirects + 1):
            check_url(where, self.exempt)
            pause = await ask(str(where)) if ask else None
            # Who led us away may lead us back anywhere: what is secret goes no further.
            own = own if own is not None and where.origin() == own.origin else None
            known = {own.name: own.value} if own else {}
            async with self._gate.turn(where, max(pause or 0.0, self.limits.host_pause)):
                found = await self._one(where, sent | known, most or self.limits.body_bytes)
            if isinstance(found, Fetched):
                return found if moved is None else _moved(found, moved)
            target, status = found
            permanent = permanent and status in _MOVED
            moved = target if permanent else moved
            where = target
        raise FeedRefused("redirects", "转来转去没有尽头")

    async def _one(self, url: URL, headers: Mapping[str, str], most: int) -> Fetched | tuple[URL, int]:
        """One request: the answer, or where it leads and by which status."""
        try:
            async with asyncio.timeout(self.limits.seconds):
                async with self._opened().get(url, headers=headers, allow_redirects=False) as answer:
                    if answer.status in _REDIRECTS:
                        return _target(url, answer), answer.status
                    if answer.status == _NOT_MODIFIED:
                        return Fetched(
                            str(url), None, "", _header(answer, "ETag"), _header(answer, "Last-Modified")
                        )
                    _check(answer)
                    body = await self._read(answer, most)
        except TimeoutError:
            raise FeedAway("timeout", "对方没有在规定时间内答完") from None
        except NotPublic:
            raise FeedRefused("private", "地址指向内部网络，不能取") from None
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, NotPublic):
                raise FeedRefused("private", "地址指向内部网络，不能取") from None
            raise FeedAway("connect", "连不上对方") from None
        except aiohttp.InvalidURL:
            raise FeedRefused("bad_url", "地址写得不对") from None
        except (aiohttp.ClientError, OSError):
            raise FeedAway("broken", "对方的回答中断或不合规矩") from None
        return Fetched(
            str(url), body, _header(answer, "Content-Type") or "", _header(answer, "ETag"),
            _header(answer, "Last-Modified"),
        )  # fmt: skip

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=self.limits.at_once,
                resolver=self._resolver,
                # What was looked up and checked is what is connected to: nothing is remembered.
                use_dns_cache=False,
                socket_factory=functools.partial(socket_factory, self.exempt),
                force_close=True,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self.limits.connect_seconds),
                headers={"User-Agent": USER_AGENT, "Accept-Encoding": "gzip, deflate"},
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                # A header line or a set of headers without end is cut off.
                max_line_size=16_380,
                max_field_size=16_380,
            )
        return self._session

    async def _read(self, answer: aiohttp.ClientResponse, most: int) -> bytes:
        """The body, unpacked. Raises FeedRefused when it is too long, packed or not."""
        unpack = _Unpacker(answer.headers.get("Content-Encoding", ""), most)
        wire = 0
        async for chunk in answer.content.iter_chunked(_CHUNK):
            wire += len(chunk)
            if wire > self.limits.wire_bytes:
                raise FeedRefused("too_long", "内容过大")
            unpack.feed(chunk)
        return unpack.end()


class _Unpacker:
    """Unpacks piece by piece, never further than `most` bytes."""

    def __init__(self, encoding: str, most: int) -> None:
        self._most = most
        self._parts: list[bytes] = []
        self._size = 0
        kind = encoding.strip().lower()
        if kind in {"", "identity"}:
            self._windows: tuple[int, ...] = ()
        elif kind == "deflate":
            self._windows = _DEFLATE
        elif kind in _WINDOWS:
            self._windows = _WINDOWS[kind]
        else:
            raise FeedRefused("encoding", "压缩方式不认识")
        self._tool = zlib.decompressobj(self._windows[0]) if self._windows else None

    def feed(self, chunk: bytes) -> None:
        if self._tool is None:
            self._keep(chunk)
            return
        data = chunk
        while data:
            room = self._most - self._size + 1
            try:
                out = self._tool.decompress(data, room)
            except zlib.error:
                if self._size or len(self._windows) == 1:
                    raise FeedRefused("packed", "压缩的内容打不开") from None
                # Raw deflate: begin again with what came so far, which is this first piece.
                self._windows = self._windows[1:]
                self._tool = zlib.decompressobj(self._windows[0])
                continue
            self._keep(out)
            data = self._tool.unconsumed_tail

    def _keep(self, out: bytes) -> None:
        self._size += len(out)
        if self._size > self._most:
            raise FeedRefused("too_long", "内容过大")
        self._parts.append(out)

    def end(self) -> bytes:
        if self._tool is not None and self._size and not self._tool.eof:
            raise FeedAway("broken", "对方的回答中断或不合规矩")
        return b"".join(self._parts)


def _moved(found: Fetched, moved: URL) -> Fetched:
    return Fetched(found.url, found.body, found.content_type, found.etag, found.modified, str(moved))


def _header(answer: aiohttp.ClientResponse, name: str) -> str | None:
    """A header of the answer, unless it is absurdly long or of bytes that are no text: no row keeps those."""
    value = answer.headers.get(name)
    return value if value is not None and len(value) <= _LONGEST_HEADER and value.isprintable() else None


def _target(url: URL, answer: aiohttp.ClientResponse) -> URL:
    where = answer.headers.get("Location", "")
    try:
        return url.join(URL(where)).with_fragment(None)
    except ValueError:
        raise FeedRefused("bad_redirect", "转向的地址写得不对") from None


def _check(answer: aiohttp.ClientResponse) -> None:
    status = answer.status
    if status == _OK:
        return
    if status in _LATER or status >= _BROKEN:
        raise FeedAway(f"http_{status}", f"对方回答 HTTP {status}", after=_after(answer))
    raise FeedRefused(f"http_{status}", f"对方回答 HTTP {status}")


def _after(answer: aiohttp.ClientResponse) -> timedelta | None:
    value = answer.headers.get("Retry-After", "")
    if not (value.isascii() and value.isdigit()):
        return None
    return min(timedelta(seconds=int(value[:7])), _LONGEST_WAIT)
