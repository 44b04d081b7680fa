"""Forms that change something: only our own pages may send them (CSRF, 跨站请求伪造).

Two locks, each enough by itself. The browser says where a request comes from (Origin, Sec-Fetch-Site), and
that must be the host it goes to. And the form carries a token, the keyed hash of a random cookie that is sent
to no other site's request (SameSite=Strict): who cannot read our pages cannot write it. A template puts
`form_token(request)` into a hidden field named FIELD; `guard_writes` does the rest for every route.
"""

from __future__ import annotations

import hmac
import re
import secrets
from typing import TYPE_CHECKING, ClassVar, Final
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from triage.errors import TriageError
from triage.web.keys import DEPS, FORM_COOKIE

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

FIELD: Final = "form_token"
COOKIE: Final = "jiesu_form"
CONTENT_TYPE: Final = "application/x-www-form-urlencoded"
JSON_TYPE: Final = "application/json"

_SAFE: Final = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
_COOKIE_BYTES: Final = 24
_COOKIE_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]{32}")


class ForeignWrite(TriageError):
    """这个操作不是从本系统的页面发出的，没有执行。"""

    code: ClassVar[str] = "foreign_write"
    status: ClassVar[int] = 403


class StaleForm(TriageError):
    """页面已过期，或浏览器没有保存本系统的 Cookie；没有执行。请回到原页面刷新后再试。"""

    code: ClassVar[str] = "stale_form"
    status: ClassVar[int] = 403


class NotAForm(TriageError):
    """只接受表单提交。"""

    code: ClassVar[str] = "not_a_form"
    status: ClassVar[int] = 415


def form_token(request: web.Request) -> str:
    """The token for the forms of the page that answers `request`; the cookie goes with the answer."""
    cookie = _cookie(request)
    if cookie is None:
        cookie = request.get(FORM_COOKIE) or secrets.token_urlsafe(_COOKIE_BYTES)
        request[FORM_COOKIE] = cookie
    return request.app[DEPS].vault.form_token(cookie)


@web.middleware
async def guard_writes(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a request that may change something through only from our own pages.

    Raises ForeignWrite, StaleForm and NotAForm.
    """
    # Where there is no such route nothing is written: that is told as what it is.
    if request.method not in _SAFE and request.match_info.http_exception is None:
        if request.path.startswith("/api/") and request.content_type == JSON_TYPE:
            _check_program(request)
        else:
            _check_origin(request)
            await _check_token(request)
    response = await handler(request)
    made = request.get(FORM_COOKIE)
    if made is not None:
        response.set_cookie(COOKIE, made, path="/", httponly=True, samesite="Strict", secure=request.secure)
    return response


def _check_program(request: web.Request) -> None:
    """JSON to the API: another site's page cannot send that type without asking first, and nobody answers it.

    Programs name no origin. Raises ForeignWrite when a browser says that the request comes from elsewhere.
    """
    origin = request.headers.get(hdrs.ORIGIN)
    foreign = origin is not None and urlsplit(origin).netloc.lower() != request.host.lower()
    if foreign or request.headers.get("Sec-Fetch-Site") not in {None, "same-origin"}:
        raise ForeignWrite


def _check_origin(request: web.Request) -> None:
    """Raises ForeignWrite unless the browser says that the request comes from this very host."""
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get(hdrs.ORIGIN)
    # A proxy in front may end TLS: the host must be the same, http or https.
    same_host = origin is not None and urlsplit(origin).netloc.lower() == request.host.lower()
    if site not in {None, "same-origin"} or not (same_host or (origin is None and site == "same-origin")):
        raise ForeignWrite


async def _check_token(request: web.Request) -> None:
    """Raises NotAForm and StaleForm."""
    if request.content_type != CONTENT_TYPE or (request.charset or "utf-8").lower() != "utf-8":
        raise NotAForm
    cookie = _cookie(request)
    given = (await request.post()).get(FIELD)
    if cookie is None or not isinstance(given, str):
        raise StaleForm
    if not hmac.compare_digest(request.app[DEPS].vault.form_token(cookie).encode(), given.encode()):
        raise StaleForm


def _cookie(request: web.Request) -> str | None:
    """The cookie, if it is one of ours by its shape."""
    value = request.cookies.get(COOKIE, "")
    return value if _COOKIE_SHAPE.fullmatch(value) else None
