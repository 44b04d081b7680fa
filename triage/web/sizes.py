"""大字 and single keys: how the desk is in this browser, kept in cookies; forms change it, without a script.

With a script they hold in place. Without one they lead back to the page, so they are left out of an answer to
a form: what it shows once, or gives back of what was typed, would be gone.

Single letters and digits act at once, wherever the focus is; whoever presses them unasked (speech input, a
resting hand) can switch them off (WCAG 2.1.4). `page.js` reads that from the page.
"""

from __future__ import annotations

from typing import Final

from aiohttp import hdrs, web

from triage.web import access

COOKIE: Final = "jiesu_desk_large"
KEYS_COOKIE: Final = "jiesu_desk_keys_off"
_KEEP_SECONDS: Final = 365 * 24 * 3600
_ON: Final = "1"


def large(request: web.Request) -> bool:
    """Whether this browser asked for large type."""
    return request.cookies.get(COOKIE) == _ON


def lasting(request: web.Request) -> bool:
    """Whether the page can be asked for again, and is then what it was."""
    return request.method in {hdrs.METH_GET, hdrs.METH_HEAD}


def way_back(request: web.Request) -> str:
    """Where the form leads back to: the page it stands on, when that can be asked for again; else home."""
    return request.path_qs if lasting(request) else access.HOME


def keys_off(request: web.Request) -> bool:
    """Whether this browser switched single keys off."""
    return request.cookies.get(KEYS_COOKIE) == _ON


async def change(request: web.Request) -> web.Response:
    """大字 on or off. Leads back to the page."""
    return await _kept(request, COOKIE, "large")


async def change_keys(request: web.Request) -> web.Response:
    """Single keys off or on. Leads back to the page."""
    return await _kept(request, KEYS_COOKIE, "off")


async def _kept(request: web.Request, cookie: str, field: str) -> web.Response:
    form = await request.post()
    back = form.get("back")
    safe = access.safe_next(back if isinstance(back, str) else None)
    response = web.Response(status=web.HTTPSeeOther.status_code, headers={hdrs.LOCATION: safe})
    on = form.get(field) == _ON
    response.set_cookie(
        cookie, _ON if on else "0", max_age=_KEEP_SECONDS, httponly=True, samesite="Strict", path="/"
    )
    return response


ROUTES: Final = (
    access.post("/desk/size", change, needs=access.SIGNED_IN),
    access.post("/desk/keys", change_keys, needs=access.SIGNED_IN),
)
