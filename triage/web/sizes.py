"""大字: larger type on the desk, kept in a cookie; changed by a form, so it works without a script."""

from __future__ import annotations

from typing import Final

from aiohttp import hdrs, web

from triage.web import access

COOKIE: Final = "jiesu_desk_large"
_KEEP_SECONDS: Final = 365 * 24 * 3600
_ON: Final = "1"


def large(request: web.Request) -> bool:
    """Whether this browser asked for large type."""
    return request.cookies.get(COOKIE) == _ON


def way_back(request: web.Request) -> str:
    """Where the form leads back to: the page it stands on, when that can be asked for again."""
    return request.path_qs if request.method == hdrs.METH_GET else request.path


async def change(request: web.Request) -> web.Response:
    """大字 on or off. Leads back to the page."""
    form = await request.post()
    back = form.get("back")
    safe = access.safe_next(back if isinstance(back, str) else None)
    response = web.Response(status=web.HTTPSeeOther.status_code, headers={hdrs.LOCATION: safe})
    on = form.get("large") == _ON
    response.set_cookie(
        COOKIE, _ON if on else "0", max_age=_KEEP_SECONDS, httponly=True, samesite="Strict", path="/"
    )
    return response


ROUTES: Final = (access.post("/desk/size", change, needs=access.SIGNED_IN),)
