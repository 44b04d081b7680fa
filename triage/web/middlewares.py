"""What happens around every request, outermost first (the order is stated once, in MIDDLEWARES).

0. `behind_proxy`: the address of whoever asks, when a proxy that the settings name stands before (`proxy`).
1. `identify`: a request id, bound to every log line and answered in a header; one access line, without the
   query string (people search for names) and with the route's pattern instead of the path.
2. `protect`: security headers on everything, errors included, so it stands outside `tell_errors`.
3. `tell_errors`: every error becomes one shape: problem+json under /api and for probes, a page elsewhere.
4. `known_host`: refuses a foreign Host: a web page elsewhere could otherwise point its own name at this
   machine and act with what a browser here holds (DNS rebinding). Inside `tell_errors`: it is told too.
   Probes are answered under any name, and figures where a token guards them.
5. `admit`: who looks, and whether the route is for them (`access`). Before anything is read of the request.
6. `make_room`: forms that carry files may be larger than others. Before the form is read, next.
7. `refuse_forged`: what changes something must come from a page of ours (`guard`).
"""

from __future__ import annotations

import re
import time
import uuid
from typing import TYPE_CHECKING, ClassVar, Final

import structlog
from aiohttp import hdrs, web

from triage import logs, tracing
from triage.errors import TriageError, place_of, trace_of
from triage.metrics import REQUESTS
from triage.services import ledger
from triage.web import away
from triage.web.access import admit
from triage.web.attachments import make_room
from triage.web.guard import refuse_forged
from triage.web.keys import DEPS, REQUEST_ID
from triage.web.problems import problem_response
from triage.web.proxy import behind_proxy

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware

log = logs.get(__name__)

#: Anyone may send another word; each would be a series of its own.
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_OWN_HOST: Final = re.compile(r"(127(?:\.[0-9]{1,3}){3}|localhost|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)

_PROBES: Final = frozenset({"/healthz", "/readyz"})
_FIGURES: Final = "/metrics"

#: When a program may try again what could not be done now.
_RETRY_SECONDS: Final = "5"
#: Behind TLS: for a year no browser comes without it.
_HSTS: Final = "max-age=31536000"

HEADERS: Final = {
    # No inline script or style anywhere, nothing from elsewhere, no framing.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Nothing to other sites. Not no-referrer: our own forms would then say "Origin: null" as foreign ones do.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
#: Where an officer says where they stand (我的位置), to our own page alone.
_LOCATING: Final = {"/desk/patrol": "camera=(), geolocation=(self), microphone=()"}


class ForeignHost(TriageError):
    """请求的主机名不是本系统的：请用管理员公布的地址（JIESU_HOSTS）访问。"""

    code: ClassVar[str] = "foreign_host"
    status: ClassVar[int] = 421


@web.middleware
async def identify(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request its id and write its access line."""
    given = request.headers.get("X-Request-Id", "")
    request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
    request[REQUEST_ID] = request_id
    started = time.perf_counter()
    resource = request.match_info.route.resource
    # The template, never the address: that may hold a phone or a name that somebody searched for.
    route = resource.canonical if resource is not None else None
    method = request.method if request.method in _METHODS else "other"
    with (
        tracing.span(f"{method} {route or 'none'}", **{"http.route": route or "none"}) as span,
        structlog.contextvars.bound_contextvars(request_id=request_id, **_traced()),
        ledger.coming_from(request.remote),
    ):
        response = await handler(request)
        if span is not None:
            span.set_attribute("http.response.status_code", response.status)
        took = time.perf_counter() - started
        REQUESTS.labels(method, route or "none", str(response.status)).observe(took)
        log.info(
            "request", method=request.method, route=route, status=response.status, ms=round(took * 1000, 1)
        )
    response.headers["X-Request-Id"] = request_id
    return response


def _traced() -> dict[str, str]:
    trace_id = tracing.trace_id()
    return {"trace_id": trace_id} if trace_id else {}


@web.middleware
async def protect(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Put the security headers on every answer; keep answers with citizens' words out of caches."""
    response = await handler(request)
    if not response.prepared:
        _dress(request, response)
    return response


async def dress_streams(request: web.Request, response: web.StreamResponse) -> None:
    """The same for an answer that is sent while its handler goes on: called before its headers go."""
    if not isinstance(response, web.Response):
        _dress(request, response)


def _dress(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
    if policy := _LOCATING.get(request.path):
        response.headers["Permissions-Policy"] = policy
    if request.app[DEPS].settings.tls:
        response.headers["Strict-Transport-Security"] = _HSTS
        # Whoever sets one: none of our cookies goes over a line that others read.
        for cookie in response.cookies.values():
            cookie["secure"] = True
    static = request.path.startswith("/static/") and response.status < web.HTTPBadRequest.status_code
    # Open data never changes once published; what it answers says itself how long it may be kept.
    kept = request.path.startswith("/open") and hdrs.CACHE_CONTROL in response.headers
    if not kept or response.status >= web.HTTPBadRequest.status_code:
        response.headers[hdrs.CACHE_CONTROL] = "public, max-age=86400" if static else "no-store"


@web.middleware
async def tell_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever is raised into the one shape of error; what nobody expected is logged by its frames."""
    try:
        return await handler(request)
    except TriageError as error:
        return problem_response(request, error.status, error.code, error.detail)
    except web.HTTPException as error:
        if isinstance(error, web.HTTPRedirection):
            # As an answer, so that it gets its headers like every other.
            return web.Response(status=error.status, headers={hdrs.LOCATION: error.headers[hdrs.LOCATION]})
        response = problem_response(request, error.status, *_words_for(error))
        if hdrs.ALLOW in error.headers:
            response.headers[hdrs.ALLOW] = error.headers[hdrs.ALLOW]
        return response
    except Exception as error:  # noqa: BLE001  (recorded, and told by its number)
        if passing := away.told(error):
            log.warning(passing.code, error=type(error).__name__)
            response = problem_response(request, passing.status, passing.code, passing.detail)
            response.headers[hdrs.RETRY_AFTER] = _RETRY_SECONDS
            return response
        # Not the error itself: its message may quote what a citizen wrote, or the row that was refused.
        log.error("request_failed", reason=place_of(error), trace=trace_of(error))  # noqa: TRY400
        return problem_response(request, 500, "error", "系统处理出错，已记录。请带上请求编号联系管理员。")


def _words_for(error: web.HTTPException) -> tuple[str, str]:
    """Code and Chinese sentence of an HTTP error that aiohttp raised."""
    match error:
        case web.HTTPNotFound():
            return "not_found", "没有这个页面。"
        case web.HTTPMethodNotAllowed():
            return "method_not_allowed", f"这个地址不支持 {error.method[:16]} 请求。"
        case web.HTTPRequestEntityTooLarge():
            return "too_large", "请求内容过大。"
        case _:
            return "bad_request", "请求无法处理。"


@web.middleware
async def known_host(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer only to this machine's own names and those of the settings. Raises ForeignHost.

    Not of balancers and Prometheus: they come to an address (http://10.0.0.5:8420/readyz), and what they are
    told is nobody's. Figures that no token guards are for this machine alone, and so for its names.
    """
    settings = request.app[DEPS].settings
    if request.path in _PROBES or (request.path == _FIGURES and settings.metrics_token is not None):
        return await handler(request)
    host = request.headers.get(hdrs.HOST, "")
    if not _OWN_HOST.fullmatch(host) and host.lower() not in settings.public_names:
        raise ForeignHost
    return await handler(request)


MIDDLEWARES: Final[tuple[Middleware, ...]] = (
    behind_proxy,
    identify,
    protect,
    tell_errors,
    known_host,
    admit,
    make_room,
    refuse_forged,
)
