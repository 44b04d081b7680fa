"""平台来话 on the pages of tickets: what the platform said that a person must answer, and 知道了."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from models.vocab_staff import Permission
from triage.errors import BadInput
from triage.services.hotline import words
from triage.web import access
from triage.web.keys import DEPS, VIEWER

_SEE_OTHER: Final = 303


async def dismissed(request: web.Request) -> web.Response:
    """POST: somebody knows of it and goes on with the case. Raises BadInput, NotFound."""
    number = (await request.post()).get("word", "")
    if not isinstance(number, str) or not (number.isascii() and number.isdigit() and len(number) <= 18):  # noqa: PLR2004
        raise BadInput("请在页面上选择。")
    deps, no = request.app[DEPS], request.match_info["no"]
    async with deps.db.writes.begin() as session:
        await words.dismiss(session, request[VIEWER], no, int(number), now=deps.clock.now())
    return web.Response(status=_SEE_OTHER, headers={"Location": f"/desk/tickets/{no}"})


ROUTES: Final = (access.post("/desk/tickets/{no}/platform", dismissed, needs=Permission.INTAKE),)
