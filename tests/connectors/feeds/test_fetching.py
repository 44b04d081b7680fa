"""Fetching from a real server that is slow, endless, packed like a bomb, or leads elsewhere."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import time
import zlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from connectors.feeds.errors import FeedAway, FeedRefused
from connectors.feeds.fetching import Fetcher, Limits
from connectors.feeds.guard import Exempt
from connectors.feeds.robots import Robots

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LIMITS = Limits(seconds=1.0, wire_bytes=200_000, body_bytes=400_000, host_pause=0.0, redirects=3)
BODY = b"<rss/>" * 100
BOMB = gzip.compress(b"\0" * 50_000_000)


@dataclass
class Site:
    """A server with a page for every misdeed."""

    asked: list[tuple[str, dict[str, str], float]] = field(default_factory=list)
    robots: tuple[int, str] = (404, "")
    under_way: int = 0
    most: int = 0

    async def page(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.path, dict(request.headers), time.monotonic()))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            answer: web.StreamResponse = await getattr(self, request.match_info["name"])(request)
            return answer
        finally:
            self.under_way -= 1

    async def robots_txt(self, request: web.Request) -> web.Response:
        self.asked.append((request.path, dict(request.headers), time.monotonic()))
        return web.Response(status=self.robots[0], text=self.robots[1])

    async def good(self, request: web.Request) -> web.Response:
        if request.headers.get("If-None-Match") == '"v1"':
            return web.Response(status=304, headers={"ETag": '"v1"'})
        return web.Response(
            body=BODY,
            content_type="text/xml",
            headers={"ETag": '"v1"', "Last-Modified": "Wed, 25 Nov 2026 01:00:00 GMT"},
        )

    async def slow(self, _request: web.Request) -> web.Response:
        await asyncio.sleep(20)
        return web.Response()

    async def drip(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(200):
            await response.write(b"x")
            await asyncio.sleep(0.1)
        return response

    async def endless(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(1000):
            await response.write(b"x" * 10_000)
        return response

    async def half(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "5000"})
        await response.prepare(request)
        await response.write(b"x" * 10)
        assert request.transport is not None
        request.transport.close()
        return response

    async def packed(self, _request: web.Request) -> web.Response:
        return web.Response(body=gzip.compress(BODY), headers={"Content-Encoding": "gzip"})

    async def deflated(self, _request: web.Request) -> web.Response:
        return web.Response(body=zlib.compress(BODY), headers={"Content-Encoding": "deflate"})

    async def raw(self, _request: web.Request) -> web.Response:
        return web.Response(body=zlib.compress(BODY)[2:-4], headers={"Content-Encoding": "deflate"})

    async def bomb(self, _request: web.Request) -> web.Response:
        return web.Response(body=BOMB, headers={"Content-Encoding": "gzip"})

    async def cut(self, _request: web.Request) -> web.Response:
        return web.Response(body=gzip.compress(BODY)[:-12], headers={"Content-Encoding": "gzip"})

    async def false(self, _request: web.Request) -> web.Response:
        return web.Response(body=b"not packed at all", headers={"Content-Encoding": "gzip"})

    async def brotli(self, _request: web.Request) -> web.Response:
        return web.Response(body=b"xx", headers={"Content-Encoding": "br"})

    async def moved(self, _request: web.Request) -> web.Response:
        return web.Response(status=301, headers={"Location": "/p/good"})

    async def found(self, _request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "/p/good#part"})

    async def loop(self, _request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "/p/loop"})

    async def inside(self, request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": request.query["to"]})

    async def broken(self, _request: web.Request) -> web.Response:
        return web.Response(status=503, headers={"Retry-After": "120"})

    async def gone(self, _request: web.Request) -> web.Response:
        return web.Response(status=410)


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
async def base(site: Site) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/p/{name}", site.page)
    app.router.add_get("/robots.txt", site.robots_txt)
    async with TestServer(app) as server:
        yield str(server.make_url("/")).rstrip("/")


@pytest.fixture
async def fetcher(base: str) -> AsyncIterator[Fetcher]:
    made = Fetcher(limits=LIMITS, exempt=Exempt.parse(base.removeprefix("http://")))
    yield made
    await made.close()


async def test_a_page_and_nothing_when_it_did_not_change(fetcher: Fetcher, base: str, site: Site) -> None:
    found = await fetcher.get(f"{base}/p/good")
    assert (found.body, found.content_type, found.etag) == (BODY, "text/xml", '"v1"')
    again = await fetcher.get(f"{base}/p/good", etag=found.etag, modified=found.modified)
    assert again.body is None
    assert again.etag == '"v1"'
    assert site.asked[-1][1]["If-Modified-Since"] == found.modified
    assert "Cookie" not in site.asked[-1][1]


@pytest.mark.parametrize("name", ["packed", "deflated", "raw"])
async def test_packed_pages(fetcher: Fetcher, base: str, name: str) -> None:
    assert (await fetcher.get(f"{base}/p/{name}")).body == BODY


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("slow", "timeout"), ("drip", "timeout"), ("half", "broken"), ("cut", "broken"),
        ("broken", "http_503"),
    ],
)  # fmt: skip
async def test_who_is_away(fetcher: Fetcher, base: str, name: str, code: str) -> None:
    with pytest.raises(FeedAway, match=code):
        await fetcher.get(f"{base}/p/{name}")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("endless", "too_long"), ("bomb", "too_long"), ("false", "packed"), ("brotli", "encoding"),
        ("loop", "redirects"), ("gone", "http_410"),
    ],
)  # fmt: skip
async def test_who_is_refused(fetcher: Fetcher, base: str, name: str, code: str) -> None:
    with pytest.raises(FeedRefused, match=code):
        await fetcher.get(f"{base}/p/{name}")


async def test_being_asked_to_wait_is_heard(fetcher: Fetcher, base: str) -> None:
    with pytest.raises(FeedAway) as refusal:
        await fetcher.get(f"{base}/p/broken")
    assert refusal.value.after == timedelta(seconds=120)


async def test_a_move_for_good_is_told_another_is_not(fetcher: Fetcher, base: str) -> None:
    moved, found = await fetcher.get(f"{base}/p/moved"), await fetcher.get(f"{base}/p/found")
    assert (moved.moved, found.moved) == (f"{base}/p/good", None)
    assert moved.body == found.body == BODY


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:1/", "http://127.0.0.1/", "http://localhost/", "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://2130706433/", "file:///etc/passwd",
        "http://user:pw@127.0.0.1/", "http://www..gov.cn/1.html", "http://xn--a/",
    ],
)  # fmt: skip
async def test_redirects_never_lead_inside(fetcher: Fetcher, base: str, target: str, site: Site) -> None:
    with pytest.raises(FeedRefused):
        await fetcher.get(f"{base}/p/inside?to={target}")
    assert len(site.asked) == 1


async def test_marks_of_bytes_that_are_no_text_are_not_kept() -> None:
    """No row keeps half a surrogate: the run that brought one ended without a word of how it went."""
    head = b'HTTP/1.1 200 OK\r\nETag: "\xff"\r\nLast-Modified: today\r\nContent-Length: 6\r\n\r\n'

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head + b"<rss/>")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        fetcher = Fetcher(limits=LIMITS, exempt=Exempt.parse(host))
        found = await fetcher.get(f"http://{host}/")
        await fetcher.close()
    assert (found.body, found.etag, found.modified) == (b"<rss/>", None, "today")


async def test_a_host_is_asked_once_at_a_time_with_a_pause(base: str, site: Site) -> None:
    fetcher = Fetcher(
        limits=Limits(seconds=5, host_pause=0.1), exempt=Exempt.parse(base.removeprefix("http://"))
    )
    await asyncio.gather(*(fetcher.get(f"{base}/p/good") for _ in range(4)))
    await fetcher.close()
    times = [at for _, _, at in site.asked]
    assert site.most == 1
    assert all(later - earlier >= 0.09 for earlier, later in itertools.pairwise(times))


async def test_robots_are_asked_once_and_obeyed(fetcher: Fetcher, base: str, site: Site) -> None:
    site.robots = (200, "User-agent: *\nDisallow: /p/gone\nCrawl-delay: 7\n")
    robots = Robots(fetcher)
    assert await robots.check(f"{base}/p/good") == 7
    with pytest.raises(FeedRefused, match="robots"):
        await robots.check(f"{base}/p/gone")
    assert [path for path, _, _ in site.asked] == ["/robots.txt"]


async def test_no_robots_allow_everything_broken_ones_nothing_for_a_while(
    fetcher: Fetcher, base: str, site: Site
) -> None:
    at = 1000.0
    robots = Robots(fetcher, clock=lambda: at)
    site.robots = (500, "")
    with pytest.raises(FeedAway, match="robots_away"):
        await robots.check(f"{base}/p/good")
    site.robots = (404, "")
    with pytest.raises(FeedAway, match="robots_away"):
        await robots.check(f"{base}/p/good")
    at += 301
    assert await robots.check(f"{base}/p/good") is None
