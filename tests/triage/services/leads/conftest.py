"""Services' dependencies with units in the database, the real reader, and a media house on loopback."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from connectors.feeds.fetching import Limits
from connectors.vault import Vault
from nlp.pipeline import Reader
from tests.factories import NOW
from tests.triage.rules.helpers import tables
from triage.clock import FixedClock
from triage.services import reference
from triage.services.deps import Deps
from triage.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from models.db import Database

LIMITS = Limits(seconds=5, host_pause=0)

SMOKE = (
    "朝阳区望京街道一处工地连夜施工，渣土车进出扬尘很大，附近居民不敢开窗。记者昨晚在现场看到，工地没有任何遮盖，"
    "运输车辆带泥上路，路面积尘明显，住在对面小区的多位居民表示已经向有关部门反映，但情况一直没有改善。"
)
SMOKE_AGAIN = "（记者 某某）" + SMOKE.replace("记者昨晚", "记者近日") + "本报将继续关注。"
RIVER = (
    "海淀区学院路街道附近河道近日出现大量死鱼，河水发黑并散发臭味。周边住户说，上游有管道在夜间偷排污水，"
    "水面漂着油花，希望生态环境部门尽快查明来源，给居民一个说法。"
)
SPORT = (
    "本市业余足球联赛昨日收官，主队在加时赛中以三比二获胜，赛后球员与球迷合影留念，下赛季将于明年春天开始。"
)
HARBIN = "哈尔滨市道里区一家工厂夜间排放黑烟，居民反映空气中有刺鼻气味，当地生态环境部门已派人到现场检查。"


@dataclass
class House:
    """A media house: a feed of entries, their pages, and what it was asked."""

    entries: list[tuple[str, str, str]] = field(default_factory=list)
    pages: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    """Of entries that link elsewhere than to their page."""
    asked: list[str] = field(default_factory=list)
    status: int = 200
    etag: str = '"1"'
    robots_say: str = ""
    wait: float = 0.0
    """Seconds that a page takes."""
    knocked: list[tuple[str, str | None]] = field(default_factory=list)
    """Which path was asked with which X-Key."""

    async def feed(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        self.knocked.append((request.path, request.headers.get("X-Key")))
        if self.status != 200:
            return web.Response(status=self.status)
        if request.headers.get("If-None-Match") == self.etag:
            return web.Response(status=304)
        items = "".join(
            f"<item><title>{escape(title)}</title>"
            f"<link>{escape(self.links.get(path, f'{request.url.origin()}{path}'))}</link>"
            f"<description>{escape(text)}</description><pubDate>Sun, 22 Nov 2026 08:00:00 +0800</pubDate>"
            "</item>"
            for path, title, text in self.entries
        )
        body = f'<rss version="2.0"><channel>{items}</channel></rss>'
        return web.Response(text=body, content_type="text/xml", headers={"ETag": self.etag})

    async def moved(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        raise web.HTTPMovedPermanently("/feed")

    async def robots(self, _request: web.Request) -> web.Response:
        return web.Response(text=self.robots_say)

    async def led(self, request: web.Request) -> web.Response:
        self.knocked.append((request.path, request.headers.get("X-Key")))
        raise web.HTTPFound(request.query["to"])

    async def page(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        self.knocked.append((request.path, request.headers.get("X-Key")))
        await asyncio.sleep(self.wait)
        return web.Response(text=self.pages[request.path], content_type="text/html")


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
async def base(house: House) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/feed", house.feed)
    app.router.add_get("/new", house.feed)
    app.router.add_get("/old", house.moved)
    app.router.add_get("/led", house.led)
    app.router.add_get("/news/{n}", house.page)
    async with TestServer(app) as server:
        yield str(server.make_url("/")).rstrip("/")


@pytest.fixture(scope="session")
def reader() -> Reader:
    return Reader.load(weights=None)


@pytest.fixture
async def deps(db: Database, base: str) -> Deps:
    settings = Settings(feed_private_hosts=base.removeprefix("http://"))
    made = Deps(settings, FixedClock(NOW), tables(), db, Vault({1: bytes(32)}))
    await reference.sync(made)
    return made
