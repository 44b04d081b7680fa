"""Two hundred media houses on loopback, each at an address of its own: good, slow, broken, huge and hostile.

A process of its own, so that what it holds in memory is not counted with what is measured. `GET /hits` of the
trap (a port that nobody may ever ask) says how often it was asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import random
import sys
from functools import cache
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

import orjson
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    _Answer = Callable[[web.Request, int], Awaitable[web.StreamResponse]]

FEEDS: Final = 200
ITEMS: Final = 30
TRAP_PORT_BESIDE: Final = 1
#: How many of each; together 200. The good ones are named first.
KINDS: Final = {
    "rss": 40, "atom": 20, "rdf": 20, "json": 20, "gb18030": 10, "lying": 10, "cut": 5, "packed": 5,
    "drip": 5, "stuck": 15, "endless": 10, "bomb": 10, "entities": 10, "external": 2, "quadratic": 3,
    "loop": 4, "inside": 3, "metadata": 2, "file": 1, "error": 2, "page": 2, "deep": 1,
}  # fmt: skip
GOOD: Final = frozenset({"rss", "atom", "rdf", "json", "gb18030", "lying", "cut", "packed", "drip"})
_POOL: Final = "水土气声渣河桥路楼村街树风雨烟尘灯车船站场坑管井池坡岸堤田园林草石沙灰泥火电油漆铁木纸布"
_TYPES: Final = {"json": "application/json", "page": "text/html"}
_BOMB_BYTES: Final = 200_000_000


def host_of(number: int) -> str:
    """The address of a house, 0 … 199."""
    return f"127.1.0.{number + 1}"


@cache
def kind_of(number: int) -> str:
    """What a house is."""
    for kind, count in KINDS.items():
        if number < count:
            return kind
        number -= count
    raise ValueError(number)


def items_of(number: int, port: int) -> list[tuple[str, str, str]]:
    """Address, title and text of what a good house says: random characters, no two alike."""
    drawn = random.Random(number)
    return [
        (
            f"http://{host_of(number)}:{port}/item/{place}",
            "".join(drawn.choices(_POOL, k=12)),
            "".join(drawn.choices(_POOL, k=400)),
        )
        for place in range(ITEMS)
    ]


def _rss(number: int, port: int, head: str = "") -> str:
    entries = "".join(
        f"<item><title>{escape(title)}</title><link>{url}</link><description>{escape(text)}</description>"
        "<pubDate>Wed, 25 Nov 2026 08:00:00 +0800</pubDate></item>"
        for url, title, text in items_of(number, port)
    )
    return f'{head}<rss version="2.0"><channel><title>x</title>{entries}</channel></rss>'


def _atom(number: int, port: int) -> str:
    entries = "".join(
        f'<entry><id>{url}</id><title>{title}</title><link href="{url}"/><content>{text}</content>'
        "<updated>2026-11-25T00:00:00Z</updated></entry>"
        for url, title, text in items_of(number, port)
    )
    return f'<feed xmlns="http://www.w3.org/2005/Atom"><title>x</title>{entries}</feed>'


def _rdf(number: int, port: int) -> str:
    entries = "".join(
        f'<item rdf:about="{url}"><title>{title}</title><link>{url}</link>'
        f"<description>{text}</description></item>"
        for url, title, text in items_of(number, port)
    )
    spaces = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"'
    return f"<rdf:RDF {spaces}>{entries}</rdf:RDF>"


def _json(number: int, port: int) -> bytes:
    items = [
        {
            "id": url,
            "url": url,
            "title": title,
            "content_text": text,
            "date_published": "2026-11-25T00:00:00Z",
        }
        for url, title, text in items_of(number, port)
    ]
    return orjson.dumps({"version": "https://jsonfeed.org/version/1.1", "items": items})


@cache
def _bomb() -> bytes:
    return gzip.compress(b"<rss>" + b" " * _BOMB_BYTES, compresslevel=1)


def _entities() -> str:
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    doctype = f'<!DOCTYPE r [<!ENTITY e0 "ha">{levels}]>'
    return f"{doctype}<rss><channel><item><title>&e9;</title></item></channel></rss>"


def _external(trap: str) -> str:
    return (
        f'<!DOCTYPE r [<!ENTITY x SYSTEM "{trap}"><!ENTITY f SYSTEM "file:///etc/passwd">]>'
        "<rss><channel><item><title>&x;&f;</title></item></channel></rss>"
    )


def _quadratic() -> str:
    doctype = f'<!DOCTYPE r [<!ENTITY a "{"x" * 60_000}">]>'
    return f"{doctype}<rss><channel><title>{'&a;' * 60_000}</title></channel></rss>"


class Houses:
    """Answers by the address it was asked at."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.trap = f"http://127.0.0.1:{port + TRAP_PORT_BESIDE}/"
        self.hits = 0

    async def feed(self, request: web.Request) -> web.StreamResponse:
        """The feed of the house that was asked."""
        number = int((request.url.host or "").rpartition(".")[2]) - 1
        return await self._answers()[kind_of(number)](request, number)

    def _answers(self) -> dict[str, _Answer]:
        found: dict[str, _Answer] = dict.fromkeys(KINDS, self._plain)
        found |= {
            "drip": self._drip, "stuck": self._stuck, "endless": self._endless, "loop": self._away,
            "inside": self._away, "metadata": self._away, "file": self._away,
        }  # fmt: skip
        return found

    async def _plain(self, _request: web.Request, number: int) -> web.Response:
        kind = kind_of(number)
        if kind == "error":
            return web.Response(status=500)
        headers = {"ETag": f'"{number}"'}
        if kind in {"packed", "bomb"}:
            headers["Content-Encoding"] = "gzip"
        body = self._bodies(number)[kind]()
        return web.Response(body=body, content_type=_TYPES.get(kind, "text/xml"), headers=headers)

    def _bodies(self, number: int) -> dict[str, Callable[[], bytes]]:
        """What a kind of house says."""
        port = self.port

        def rss(head: str = "", encoding: str = "utf-8") -> bytes:
            return _rss(number, port, head).encode(encoding)

        return {
            "rss": rss,
            "atom": lambda: _atom(number, port).encode(),
            "rdf": lambda: _rdf(number, port).encode(),
            "json": lambda: _json(number, port),
            "gb18030": lambda: rss('<?xml version="1.0" encoding="gb2312"?>', "gb18030"),
            "lying": lambda: rss('<?xml version="1.0" encoding="utf-8"?>', "gb18030"),
            "cut": lambda: rss().removesuffix(b"</channel></rss>"),
            "packed": lambda: gzip.compress(rss()),
            "bomb": _bomb,
            "entities": lambda: _entities().encode(),
            "external": lambda: _external(self.trap).encode(),
            "quadratic": lambda: _quadratic().encode(),
            "page": "<html><body><p>建设中</p></body></html>".encode,
            "deep": lambda: b"<rss>" + b"<a>" * 500_000,
        }

    async def _drip(self, request: web.Request, number: int) -> web.StreamResponse:
        response = web.StreamResponse(headers={"ETag": f'"{number}"'})
        await response.prepare(request)
        body = _rss(number, self.port).encode()
        for start in range(0, len(body), 4000):
            await response.write(body[start : start + 4000])
            await asyncio.sleep(0.3)
        return response

    async def _stuck(self, _request: web.Request, _number: int) -> web.StreamResponse:
        await asyncio.sleep(600)
        return web.Response()

    async def _endless(self, request: web.Request, _number: int) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(b"<rss>" * 10_000)
        return response

    async def _away(self, _request: web.Request, number: int) -> web.Response:
        target = {
            "loop": "/feed",
            "inside": self.trap,
            "metadata": "http://169.254.169.254/latest/meta-data/",
            "file": "file:///etc/passwd",
        }[kind_of(number)]
        return web.Response(status=302, headers={"Location": target})

    async def trapped(self, request: web.Request) -> web.Response:
        """Whoever comes here was led inside."""
        self.hits += request.path != "/hits"
        return web.Response(text=str(self.hits))


async def serve(port: int) -> None:
    """Listen at every house, and at the trap, until killed; say so on standard output."""
    houses = Houses(port)
    _bomb()
    app, trap = web.Application(), web.Application()
    app.router.add_get("/feed", houses.feed)
    trap.router.add_get("/{tail:.*}", houses.trapped)
    runners = [web.AppRunner(app, access_log=None), web.AppRunner(trap, access_log=None)]
    for runner in runners:
        await runner.setup()
    for number in range(FEEDS):
        await web.TCPSite(runners[0], host_of(number), port).start()
    await web.TCPSite(runners[1], "127.0.0.1", port + TRAP_PORT_BESIDE).start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
