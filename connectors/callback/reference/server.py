"""The reference provider over HTTP: binds two numbers to a third for a while; and misbehaves on demand.

POST /bindings takes `requestId`, `caller`, `callee`, `seconds` and answers `code`, `bindId`, `number`,
`until` (Beijing time). For whoever checks: GET /_bindings, GET /_dial?from=&number= (whom a call reaches),
POST /_faults `{"next": ["busy", …]}` (what the next requests meet, one each).
"""

from __future__ import annotations

import asyncio
import hmac
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import orjson
from aiohttp import hdrs, web

from connectors.messenger.sms import signature

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

_BEIJING: Final = ZoneInfo("Asia/Shanghai")
_CLOCKS_DIFFER: Final = 300
_LONGEST: Final = 24 * 3600
#: What a request may meet. `real`: the citizen's own number is given back, as a careless provider would.
FAULTS: Final = frozenset({
    "busy", "refused", "said_no", "hang", "half", "no_json", "no_number", "real", "over", "quotes"
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bound:
    """A binding that stands."""

    bind_id: str
    caller: str
    callee: str
    number: str
    until: float


@dataclass
class Provider:
    """The reference provider's state. `faults`: of the next requests, one each."""

    token: str | None = None
    secret: str | None = None
    bound: dict[str, Bound] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    asked: int = 0

    def bind(self, key: str, caller: str, callee: str, seconds: int) -> Bound:
        """The binding of a key: made once."""
        if key not in self.bound:
            place = len(self.bound) + 1
            until = time.time() + min(seconds, _LONGEST)
            self.bound[key] = Bound(f"bind-{place}", caller, callee, f"9501300{place:06}", until)
        return self.bound[key]

    def reached(self, caller: str, number: str) -> str | None:
        """Whom a call from `caller` to a virtual number reaches now."""
        for one in self.bound.values():
            if one.number == number and one.until > time.time():
                return {one.caller: one.callee, one.callee: one.caller}.get(caller)
        return None


PROVIDER: Final = web.AppKey("provider", Provider)


def make_app(provider: Provider) -> web.Application:
    """The server over a provider."""
    app = web.Application(middlewares=[_admit], client_max_size=64 * 1024)
    app[PROVIDER] = provider
    app.add_routes([
        web.post("/bindings", _bind),
        web.get("/_bindings", _bindings),
        web.get("/_dial", _dial),
        web.post("/_faults", _set_faults),
    ])  # fmt: skip
    return app


def _json(value: Any, status: int = 200) -> web.Response:  # noqa: ANN401  (JSON)
    return web.Response(
        body=orjson.dumps(value), status=status, content_type="application/json", charset="utf-8"
    )


@web.middleware
async def _admit(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Token and signature, when the provider wants them."""
    provider = request.app[PROVIDER]
    if request.path.startswith("/_"):
        return await handler(request)
    provider.asked += 1
    if provider.token and request.headers.get(hdrs.AUTHORIZATION) != f"Bearer {provider.token}":
        return _json({"code": "token", "message": "令牌不对"}, 401)
    if provider.secret and not _signed(request, provider.secret, await request.read()):
        return _json({"code": "signature", "message": "签名不对或过期"}, 401)
    return await handler(request)


def _signed(request: web.Request, secret: str, body: bytes) -> bool:
    stamp = request.headers.get("X-Jiesu-Timestamp", "")
    if not (stamp.isascii() and stamp.isdigit()) or abs(time.time() - int(stamp)) > _CLOCKS_DIFFER:
        return False
    wanted = signature(secret, stamp, request.headers.get("Idempotency-Key", ""), body)
    return hmac.compare_digest(wanted, request.headers.get("X-Jiesu-Signature", ""))


async def _bind(request: web.Request) -> web.StreamResponse:
    provider = request.app[PROVIDER]
    try:
        said = orjson.loads(await request.read())
        key, caller, callee = (str(said[name]) for name in ("requestId", "caller", "callee"))
        seconds = int(said["seconds"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return _json({"code": "bad", "message": "内容有误"}, 400)
    fault = provider.faults.pop(0) if provider.faults else ""
    if fault in {"busy", "refused", "hang", "half", "no_json"}:
        return await _broken(request, fault)
    bound = provider.bind(key, caller, callee, seconds)
    until = datetime.fromtimestamp(bound.until, UTC).astimezone(_BEIJING).strftime("%Y-%m-%d %H:%M:%S")
    answer = {"code": "0", "bindId": bound.bind_id, "number": bound.number, "until": until}
    worse: dict[str, dict[str, str | None]] = {
        "said_no": {"code": "17", "message": f"号码 {callee} 不在服务区"},
        "no_number": {"number": None},
        "real": {"number": callee},
        "over": {"until": "2000-01-01 00:00:00"},
        "quotes": {"bindId": f"bind-{callee}"},
    }
    return _json(answer | worse.get(fault, {}))


async def _broken(request: web.Request, fault: str) -> web.StreamResponse:
    match fault:
        case "busy":
            return _json({"code": "busy", "message": "系统繁忙"}, 503)
        case "refused":
            return _json({"code": "bad", "message": "号码有误"}, 422)
        case "no_json":
            return web.Response(text="<html>维护中</html>", content_type="text/html")
        case "hang":
            await asyncio.sleep(60)
            return _json({"code": "late"}, 500)
        case _:
            half = web.StreamResponse(headers={hdrs.CONTENT_LENGTH: "1000"})
            await half.prepare(request)
            await half.write(b'{"code": "0", "number": "95')
            if request.transport is not None:
                request.transport.close()
            return half


async def _bindings(request: web.Request) -> web.Response:
    provider = request.app[PROVIDER]
    rows = [
        {"bindId": one.bind_id, "number": one.number, "until": one.until} for one in provider.bound.values()
    ]
    return _json({"asked": provider.asked, "bindings": rows})


async def _dial(request: web.Request) -> web.Response:
    reached = request.app[PROVIDER].reached(request.query.get("from", ""), request.query.get("number", ""))
    return _json({"reached": reached})


async def _set_faults(request: web.Request) -> web.Response:
    said = orjson.loads(await request.read())
    faults = [str(name) for name in said["next"]]
    if unknown := sorted(set(faults) - FAULTS):
        return _json({"code": "bad", "message": unknown[0]}, 400)
    request.app[PROVIDER].faults = faults
    return _json({"code": "0"})
