"""Against forged requests: what changes something must come from a page of ours.

Two checks. Where the browser says where a request comes from (Sec-Fetch-Site, else Origin) it must be here;
and a form must carry the token of its cookie, which no other site can read. Programs on this machine send
neither header; for them a JSON body is asked for, which no foreign form can send.
"""

from __future__ import annotations

import hmac
import re
import secrets
from typing import TYPE_CHECKING, ClassVar, Final
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_request import FileField

from triage.errors import BadInput, TriageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp.typedefs import Handler

COOKIE: Final = "jiesu_token"
FIELD: Final = "token"
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_SAFE: Final = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
_BY_KEY: Final = ("/hooks/", "/open311/")
_MADE: Final = web.RequestKey("token_made", str)
_OURS: Final = frozenset({"same-origin", "none"})


class Forged(TriageError):
    """这次提交不是从本系统的页面发出的，已拒绝；请刷新页面再试。"""

    code: ClassVar[str] = "forged"
    status: ClassVar[int] = 403


class WrongType(TriageError):
    """请求内容应为 application/json。"""

    code: ClassVar[str] = "wrong_type"
    status: ClassVar[int] = 415


@web.middleware
async def refuse_forged(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let through what only reads, and what comes from here. Raises Forged, WrongType."""
    if request.method in _SAFE or request.match_info.http_exception is not None:
        # Nothing is there to change: the handler says which method or address is wrong.
        return await handler(request)
    if request.path.startswith(_BY_KEY):
        # A key or a signature that no browser keeps is what lets one in there; the handler looks at it.
        return await handler(request)
    if not _from_here(request):
        raise Forged
    if request.path.startswith("/api/"):
        if request.content_type != "application/json":
            raise WrongType
        return await handler(request)
    form = await _form(request)
    try:
        given, kept = form.get(FIELD), request.cookies.get(COOKIE, "")
        if (
            not isinstance(given, str)
            or not _TOKEN.fullmatch(kept)
            or not hmac.compare_digest(given.encode(), kept.encode())
        ):
            raise Forged
        return await handler(request)
    finally:
        # Files that were sent lie in temporary files: gone with the request, whoever looked at them.
        for value in form.values():
            if isinstance(value, FileField):
                value.file.close()


async def _form(request: web.Request) -> Mapping[str, object]:
    """The form that was sent. Raises BadInput when its bytes are no text, or no form.

    aiohttp says RuntimeError of a part in an encoding that it does not know.
    """
    try:
        return await request.post()
    except (UnicodeDecodeError, LookupError, ValueError, HttpProcessingError, RuntimeError):
        raise BadInput("表单内容无法读取") from None


def _from_here(request: web.Request) -> bool:
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in _OURS
    origin = request.headers.get(hdrs.ORIGIN)
    try:
        return origin is None or urlsplit(origin).netloc == request.headers.get(hdrs.HOST)
    except ValueError:
        # No address at all: none of ours.
        return False


def token_of(request: web.Request) -> str:
    """The token of this browser, made once a request when it has none; then `keep` it."""
    kept = request.cookies.get(COOKIE, "")
    if _TOKEN.fullmatch(kept):
        return kept
    if _MADE not in request:
        request[_MADE] = secrets.token_urlsafe(32)
    return request[_MADE]


def keep(response: web.StreamResponse, token: str) -> None:
    """Give the browser its token: not for scripts, not for other sites."""
    response.set_cookie(COOKIE, token, httponly=True, samesite="Strict", path="/")
