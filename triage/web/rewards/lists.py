"""检查清单: which lists of what was known before are there; they are imported at the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from triage.services.rewards import inspections
from triage.web import access
from triage.web.keys import DEPS
from triage.web.rewards import common
from triage.web.rewards.common import STAFF

if TYPE_CHECKING:
    from aiohttp import web


async def listed(request: web.Request) -> web.Response:
    """Every list: its lines, days, sources, and who imported it."""
    async with request.app[DEPS].db.reads() as session:
        found = await inspections.lists(session)
    return common.page(request, "lists", lists=found)


ROUTES: Final = (access.get("/desk/rewards/lists", listed, needs=STAFF),)
