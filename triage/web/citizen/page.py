"""What the citizen's pages share: the page around them, large type, tokens, their error page."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from aiohttp import hdrs, web

from triage.web import guard, sizes
from triage.web.attachments import uploads
from triage.web.desk import render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triage.services.attachments import Upload

LARGE: Final = "jiesu_large"
_SEE_OTHER: Final = 303
_KEEP_SECONDS: Final = 365 * 24 * 3600
#: Shows what is shown once.
_ONCE: Final = "/citizen/done"
_PAGES: Final = frozenset(
    {"/citizen", "/citizen/report", "/citizen/track", "/citizen/case", _ONCE, "/citizen/reward"}
    | {"/citizen/privacy", "/citizen/accessibility", "/citizen/reward/claim", "/citizen/reward/notice"}
    | {"/citizen/case/withdraw"}
)


def shown(request: web.Request, template: str, *, status: int = 200, **values: Any) -> web.Response:  # noqa: ANN401
    """A page of the citizen's, with its token and in the size that was chosen."""
    token = guard.token_of(request)
    response = render(
        request,
        f"citizen/{template}.html",
        status=status,
        token=token,
        large=request.cookies.get(LARGE) == "1",
        lasting=sizes.lasting(request) and request.path != _ONCE,
        here=request.path if request.path in _PAGES else "/citizen",
        **values,
    )
    guard.keep(response, token)
    return response


def leads_to(path: str) -> web.Response:
    """Go on to another page by GET: a reload there sends nothing twice."""
    return web.Response(status=_SEE_OTHER, headers={hdrs.LOCATION: path})


def new_key() -> str:
    """The key of a new form."""
    return secrets.token_urlsafe(24)


def text_of(form: Mapping[str, object], name: str, longest: int = 2000) -> str:
    """A field as text; empty when it is missing or a file."""
    value = form.get(name)
    return value[:longest] if isinstance(value, str) else ""


def photos(form: Mapping[str, Any]) -> list[Upload]:
    """The photos of a form by their place alone: phones and people put names into the names of files.

    Raises BadInput as `uploads` does.
    """
    return [replace(sent, name=f"照片 {n}") for n, sent in enumerate(uploads(form), start=1)]


async def size(request: web.Request) -> web.Response:
    """大字: larger type for this browser, or the usual size again."""
    form = await request.post()
    back = text_of(form, "back")
    response = leads_to(back if back in _PAGES else "/citizen")
    large = text_of(form, "large") == "1"
    response.set_cookie(
        LARGE, "1" if large else "0", max_age=_KEEP_SECONDS, httponly=True, samesite="Strict", path="/citizen"
    )
    return response
