"""A feed over time: what was learnt of one address is not believed of another."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestServer

from connectors.feeds.items import FeedItem
from models.leads import Lead
from tests.factories import NOW
from tests.triage.services.leads.conftest import LIMITS, RIVER, SMOKE, House
from triage.errors import BadInput
from triage.services.leads import pulling, taking
from triage.services.leads.pulling import FeedPuller, pull_feed
from triage.services.sources.ports import Settled, SourceFault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from triage.services.deps import Deps

KEYED = {"header": "X-Key"}
OWN = "https://news.example"


@pytest.fixture
async def elsewhere(house: House) -> AsyncIterator[str]:
    """The same house under another origin."""
    app = web.Application()
    app.router.add_get("/feed", house.feed)
    app.router.add_get("/led", house.led)
    app.router.add_get("/robots.txt", house.robots)
    async with TestServer(app) as server:
        yield str(server.make_url("/")).rstrip("/")


def opened(deps: Deps, *bases: str) -> Deps:
    """The same with these addresses exempt."""
    hosts = ",".join(base.removeprefix("http://") for base in bases)
    return replace(deps, settings=deps.settings.model_copy(update={"feed_private_hosts": hosts}))


def daily(url: str, secret: str = "", **settings: str) -> Settled:
    return Settled(1, "daily", "日报", {"url": url, **settings}, {"secret": secret} if secret else {})


async def test_where_a_feed_moved_to_is_forgotten_with_its_address(
    deps: Deps, house: House, base: str
) -> None:
    """A feed that was led elsewhere, by a mistake or by somebody else, comes back with its new address."""
    old = Settled(1, "daily", "日报", {"url": f"{base}/old"}, {})
    first = await pull_feed(deps, old, None, now=NOW, limits=LIMITS)
    again = await pull_feed(deps, old, first.cursor, now=NOW, limits=LIMITS)
    assert (house.asked, again.said) == (["/old", "/feed", "/feed"], "没有变化")
    new = Settled(1, "daily", "日报", {"url": f"{base}/new"}, {})
    third = await pull_feed(deps, new, again.cursor, now=NOW, limits=LIMITS)
    assert (house.asked[-1], third.seen) == ("/new", 0)
    assert third.cursor == {"of": f"{base}/new", "etag": house.etag}


async def test_a_move_that_came_with_no_change_is_kept(deps: Deps, house: House, base: str) -> None:
    marks = {"of": f"{base}/old", "etag": house.etag}
    found = await pull_feed(deps, daily(f"{base}/old"), marks, now=NOW, limits=LIMITS)
    assert (found.said, found.cursor) == ("没有变化", {**marks, "moved": f"{base}/feed"})


@pytest.mark.parametrize("dead", ["/nowhere", "/news/parked"])
async def test_a_place_moved_to_that_died_is_left(deps: Deps, house: House, base: str, dead: str) -> None:
    """It answers no more, or with somebody else's page: the address that was typed is asked again."""
    house.pages["/news/parked"] = "<html><body>域名出售</body></html>"
    house.entries = [("/news/1", "扬尘", SMOKE)]
    marks = {"of": f"{base}/feed", "etag": house.etag, "moved": f"{base}{dead}"}
    found = await pull_feed(deps, daily(f"{base}/feed", articles="no"), marks, now=NOW, limits=LIMITS)
    assert (found.stored, found.cursor) == (1, {"of": f"{base}/feed", "etag": house.etag})


async def test_slow_pages_are_stored_as_far_as_they_came(
    deps: Deps, house: House, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, a run was cut off at its limit with nothing stored, and so was each one after it."""
    monkeypatch.setattr(pulling, "PAGES_SECONDS", 0.0)
    house.entries = [(f"/news/{n}", f"第{n}条", f"第{n}条消息，编号{n * 7919}") for n in range(3)]
    house.pages = {path: f"<p>{text}</p>" for path, _, text in house.entries}
    cursor, came = None, list[tuple[int, bool]]()
    for _ in house.entries:
        found = await pull_feed(deps, daily(f"{base}/feed"), cursor, now=NOW, limits=LIMITS)
        cursor, came = found.cursor, [*came, (found.stored, found.more)]
    assert came == [(1, True), (1, True), (1, False)]


async def test_a_page_that_takes_too_long_leaves_its_teaser(
    deps: Deps, house: House, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulling, "PAGE_SECONDS", 0.1)
    house.entries = [("/news/1", "扬尘", "工地扬尘，详情见正文")]
    whole = f"<html><body><article><h1>扬尘</h1><p>{SMOKE}</p><p>{RIVER}</p></article></body></html>"
    house.pages["/news/1"], house.wait = whole, 1.0
    found = await pull_feed(deps, daily(f"{base}/feed"), None, now=NOW, limits=LIMITS)
    async with deps.db.reads() as session:
        texts = list(await session.scalars(sa.select(Lead.text)))
    assert (found.stored, texts) == (1, ["工地扬尘，详情见正文"])


async def test_a_link_whose_host_is_no_name_harms_no_other_item(deps: Deps, house: House, base: str) -> None:
    """One such link, or a redirect to one, ended each run with nothing stored."""
    bad = ["http://www..gov.cn/1.html", f"{base}/led?to=http://www..gov.cn/2.html", "http://xn--a/"]
    house.links = {f"/news/{n}": link for n, link in enumerate(bad)}
    house.entries = [
        (path, "短讯", f"第{n}条，详情见正文") for n, path in enumerate([*house.links, "/news/9"])
    ]
    house.pages["/news/9"] = f"<html><body><article><p>{SMOKE}</p><p>{RIVER}</p></article></body></html>"
    found = await pull_feed(deps, daily(f"{base}/feed"), None, now=NOW, limits=LIMITS)
    assert (found.stored, found.more) == (4, False)
    assert found.cursor == {"of": f"{base}/feed", "etag": house.etag}


async def test_items_that_say_nothing_neither_stand_before_others_nor_call_again(
    deps: Deps, house: House, base: str
) -> None:
    house.entries = [(f"/news/{n}", "——", "……") for n in range(45)] + [("/news/99", "河道", RIVER)]
    first = await pull_feed(deps, daily(f"{base}/feed", articles="no"), None, now=NOW, limits=LIMITS)
    assert (first.stored, first.more) == (1, True)
    second = await pull_feed(deps, daily(f"{base}/feed", articles="no"), None, now=NOW, limits=LIMITS)
    assert (second.stored, second.more) == (0, False)


async def test_a_feed_that_is_longer_than_what_is_read_says_so(deps: Deps, house: House, base: str) -> None:
    house.entries = [(f"/news/{n}", "河道", RIVER) for n in range(501)]
    found = await pull_feed(deps, daily(f"{base}/feed", articles="no"), None, now=NOW, limits=LIMITS)
    assert found.seen == 500
    assert found.said.startswith("订阅里 500 条（只读前 500 条，后面还有的没有读），新线索")
    house.entries, house.etag = house.entries[:500], '"2"'
    whole = await pull_feed(deps, daily(f"{base}/feed", articles="no"), None, now=NOW, limits=LIMITS)
    assert whole.said.startswith("订阅里 500 条，")


async def test_a_credential_goes_to_the_sources_own_origin_alone(
    deps: Deps, house: House, base: str, elsewhere: str
) -> None:
    deps = opened(deps, base, elsewhere)
    house.entries = [("/news/1", "扬尘", "摘要")]
    house.pages["/news/1"] = "<p>正文</p>"
    await pull_feed(deps, daily(f"{base}/feed", "k-1", **KEYED), None, now=NOW, limits=LIMITS)
    assert house.knocked == [("/feed", "k-1"), ("/news/1", "k-1")]
    house.knocked.clear()
    there_and_back = f"{base}/led?to={elsewhere}/led?to={base}/feed"
    await pull_feed(deps, daily(there_and_back, "k-1", articles="no", **KEYED), None, now=NOW, limits=LIMITS)
    assert house.knocked == [("/led", "k-1"), ("/led", None), ("/feed", None)]
    house.knocked.clear()
    moved = {"of": f"{base}/feed", "moved": f"{elsewhere}/feed"}
    await pull_feed(deps, daily(f"{base}/feed", "k-1", articles="no", **KEYED), moved, now=NOW, limits=LIMITS)
    assert house.knocked == [("/feed", None)]


async def test_a_credential_no_header_can_hold_is_told(deps: Deps, base: str) -> None:
    with pytest.raises(SourceFault, match="凭据") as fault:
        await pull_feed(deps, daily(f"{base}/feed", "密\n码"), None, now=NOW, limits=LIMITS)
    assert fault.value.hopeless


@pytest.mark.parametrize("header", ["X Key", "Host", "content-length", "X-Key:", "键"])
def test_the_credentials_header_is_a_headers_name(header: str) -> None:
    FeedPuller().check({"url": "https://news.example/", "header": "X-API-Key"})
    with pytest.raises(BadInput, match="请求头"):
        FeedPuller().check({"url": "https://news.example/", "header": header})


async def test_robots_of_where_a_redirect_leads_are_asked(
    deps: Deps, house: House, base: str, elsewhere: str
) -> None:
    deps = opened(deps, base, elsewhere)
    house.robots_say = "User-agent: *\nDisallow: /feed\n"
    with pytest.raises(SourceFault, match="robots"):
        await pull_feed(deps, daily(f"{base}/led?to={elsewhere}/feed"), None, now=NOW, limits=LIMITS)
    assert house.asked == []


async def test_what_was_taken_while_relative_links_counted_as_none_is_known(deps: Deps) -> None:
    """Its address is known now; it must not come in a second time for that."""
    one = FeedItem(f"{OWN}/1", "扬尘", SMOKE, NOW, guid="7", relative=True)
    other = replace(one, url=f"{OWN}/2", guid="8")
    async with deps.db.writes.begin() as session:
        await taking.take(session, deps.tables, "daily", [one.unlinked], now=NOW)
    async with deps.db.reads() as session:
        assert await taking.unknown(session, "daily", [one, other]) == [other]
        assert await taking.unknown(session, "weekly", [one]) == [one]
