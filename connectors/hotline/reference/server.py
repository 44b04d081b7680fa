"""The reference platform over HTTP: lists orders, takes actions, tells its day; and misbehaves on demand.

Routes: GET /orders, POST /actions, GET /reconcile (docs/hotline.md). For whoever checks: GET /_ledger,
POST /_faults (what goes wrong from now on), POST /_orders (more orders at once).
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import orjson
from aiohttp import hdrs, web

from connectors.hotline import signing
from connectors.hotline.bodies import NotJson, read_json
from connectors.hotline.reference.faults import Dice, Faults
from connectors.hotline.reference.ledger import Ledger
from connectors.hotline.reference.orders import written

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

_BEIJING: Final = ZoneInfo("Asia/Shanghai")
_MOST_ROWS: Final = 10_000
_CLOCKS_DIFFER: Final = 300


@dataclass
class Platform:
    """The reference platform's state. `nonces`: of requests, each good once. `by_number`: gives one order."""

    ledger: Ledger = field(default_factory=Ledger)
    faults: Faults = field(default_factory=Faults)
    dice: Dice = field(default_factory=lambda: Dice(1))
    by_number: bool = True
    token: str | None = None
    secret: str | None = None
    counts: Counter[str] = field(default_factory=Counter)
    nonces: set[str] = field(default_factory=set)
    place: int = 0

    def now(self) -> float:
        """The platform's own time: its clock may be off."""
        return time.time() + self.faults.skew_seconds

    def fell(self, name: str) -> bool:
        """Whether a fault happens this time; counted."""
        happens = self.dice.falls(getattr(self.faults, name))
        self.counts[name] += happens
        return happens

    def add(self, *, age: float = 0.0) -> str:
        """One more order, so many seconds old."""
        self.place += 1
        moment = self.now() - age - self.dice.under(self.faults.late_seconds)
        return self.ledger.add(self.place, created=moment, updated=moment)


PLATFORM: Final = web.AppKey("platform", Platform)


def make_app(platform: Platform) -> web.Application:
    """The server over a platform."""
    app = web.Application(middlewares=[_admit, _misbehave], client_max_size=8 << 20)
    app[PLATFORM] = platform
    app.add_routes([
        web.get("/orders", _orders),
        web.post("/actions", _act),
        web.get("/reconcile", _day),
        web.get("/_ledger", _ledger),
        web.post("/_faults", _set_faults),
        web.post("/_orders", _add_orders),
    ])  # fmt: skip
    return app


def _json(value: Any, status: int = 200) -> web.Response:  # noqa: ANN401  (JSON)
    return web.Response(
        body=orjson.dumps(value), status=status, content_type="application/json", charset="utf-8"
    )


@web.middleware
async def _admit(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Token and signature, when the platform wants them."""
    platform = request.app[PLATFORM]
    if request.path.startswith("/_"):
        return await handler(request)
    if platform.token and request.headers.get(hdrs.AUTHORIZATION) != f"Bearer {platform.token}":
        return _json({"code": "token", "message": "令牌不对"}, 401)
    if platform.secret:
        try:
            given = signing.read(request.headers)
        except signing.Malformed:
            return _json({"code": "signature", "message": "没有签名"}, 401)
        body = signing.request_body(request.method, request.raw_path, await request.read())
        fresh = abs(given.at - platform.now()) <= _CLOCKS_DIFFER and given.nonce not in platform.nonces
        if not signing.genuine(platform.secret, given, body) or not fresh:
            return _json({"code": "signature", "message": "签名不对、过期或重复"}, 401)
        platform.nonces.add(given.nonce)
    return await handler(request)


@web.middleware
async def _misbehave(request: web.Request, handler: Handler) -> web.StreamResponse:
    platform = request.app[PLATFORM]
    if request.path.startswith("/_"):
        return await handler(request)
    platform.counts[f"{request.method} {request.path}"] += 1
    if platform.fell("error"):
        if platform.dice.falls(0.5):
            await handler(request)
        return _json({"code": "error", "message": "系统繁忙"}, 500)
    if platform.fell("timeout"):
        if platform.dice.falls(0.5):
            await handler(request)
        await asyncio.sleep(platform.faults.hang_seconds)
        return _cut_off(request)
    response = await handler(request)
    if not isinstance(response, web.Response) or not isinstance(response.body, bytes):
        return response
    if platform.fell("half_body"):
        return await _half(request, response)
    if platform.fell("cut_json"):
        response.body = response.body[: len(response.body) // 2]
    elif platform.fell("gb18030"):
        response.body = response.body.decode().encode("gb18030")
    return response


def _cut_off(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.close()
    return web.Response(status=500)


async def _half(request: web.Request, response: web.Response) -> web.StreamResponse:
    """Promise the whole answer, send half of it, and hang up."""
    body = response.body
    if not isinstance(body, bytes):
        return response
    broken = web.StreamResponse(status=response.status, headers={hdrs.CONTENT_LENGTH: str(len(body))})
    broken.content_type = "application/json"
    await broken.prepare(request)
    await broken.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return broken


def _seconds(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=_BEIJING)).timestamp()


def _number(request: web.Request, name: str, default: int) -> int:
    return max(1, min(int(request.query.get(name, str(default))), _MOST_ROWS))


async def _orders(request: web.Request) -> web.Response:
    """GET /orders?updatedFrom=&updatedTo=&page=&size=: (from, to], oldest change first; or ?orderNum=."""
    platform = request.app[PLATFORM]
    if platform.by_number and "orderNum" in request.query:
        row = platform.ledger.rows.get(request.query["orderNum"])
        rows = [] if row is None else [row]
        return _json({
            "code": "0", "page": 1, "size": 1, "total": len(rows), "now": platform.now(), "rows": rows
        })  # fmt: skip
    try:
        after = _seconds(request.query["updatedFrom"])
        until = _seconds(request.query["updatedTo"]) if "updatedTo" in request.query else platform.now()
        page, size = _number(request, "page", 1), _number(request, "size", 100)
    except (KeyError, ValueError):
        return _json({"code": "bad", "message": "参数有误"}, 400)
    found = platform.ledger.between(after, min(until, platform.now()))
    said = given = page
    if page > 1 and platform.fell("repeat_page"):
        given = page - 1
    elif page > 1 and platform.fell("wrong_page"):
        said = given = page - 1
    rows = [platform.ledger.rows[number] for number in found[(given - 1) * size : given * size]]
    if platform.fell("shuffle"):
        rows = platform.dice.shuffled(rows)
    answer = {
        "code": "0",
        "page": said,
        "size": size,
        "total": len(found),
        "now": platform.now(),
        "rows": rows,
    }
    if platform.fell("no_now"):
        del answer["now"]
    response = _json(answer)
    response.headers["Date"] = "-" if platform.fell("no_date") else formatdate(platform.now(), usegmt=True)
    return response


async def _act(request: web.Request) -> web.Response:
    """POST /actions: one action; the same number twice counts once."""
    platform = request.app[PLATFORM]
    body = await request.read()
    try:
        said = read_json(body)
        number, seq = str(said["orderNum"]), int(said["actionNum"])
        code, day = str(said["action"]), str(said["actionDay"])
    except (NotJson, KeyError, TypeError, ValueError):
        return _json({"code": "bad", "message": "内容有误"}, 400)
    if number not in platform.ledger.rows:
        return _json({"code": "unknown", "message": "没有这个工单"}, 404)
    place = int(number[-4:]) % 1000
    if place < platform.faults.forbid_action * 1000:
        return _json({"code": "forbidden", "message": "工单不归贵单位"}, 403)
    if place < platform.faults.refuse_action * 1000:
        platform.counts["refused_actions"] += 1
        return _json({"code": "locked", "message": "工单已锁定，联系人 13900001234"}, 422)
    told, duplicate = platform.ledger.tell(number, seq, body, code, day)
    receipt = told.digest[:16]
    return _json({
        "code": "0", "orderNum": number, "actionNum": seq, "receipt": receipt, "duplicate": duplicate
    })  # fmt: skip


async def _day(request: web.Request) -> web.Response:
    """GET /reconcile?day=&kind=orders|actions&page=&size=: the numbers of a day."""
    platform = request.app[PLATFORM]
    try:
        day, kind = request.query["day"], request.query["kind"]
        page, size = _number(request, "page", 1), _number(request, "size", 1000)
    except (KeyError, ValueError):
        return _json({"code": "bad", "message": "参数有误"}, 400)
    found = platform.ledger.day(day, kind)
    rows = found[(page - 1) * size : page * size]
    return _json({"code": "0", "page": page, "total": len(found), "now": platform.now(), "rows": rows})


async def _ledger(request: web.Request) -> web.Response:
    platform = request.app[PLATFORM]
    return _json({
        **platform.ledger.summary(),
        "counts": dict(platform.counts),
        "now": written(platform.now()),
    })  # fmt: skip


async def _set_faults(request: web.Request) -> web.Response:
    platform = request.app[PLATFORM]
    try:
        platform.faults = platform.faults.change(read_json(await request.read()))
    except (NotJson, ValueError, AttributeError) as error:
        return _json({"code": "bad", "message": str(error)}, 400)
    return _json({"code": "0"})


async def _add_orders(request: web.Request) -> web.Response:
    platform = request.app[PLATFORM]
    said = read_json(await request.read())
    numbers = [platform.add(age=float(said.get("age", 0))) for _ in range(int(said["count"]))]
    return _json({"code": "0", "numbers": numbers})
