"""单位通讯录 as JSON: the same units as on the page, for the same people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from models import directory as rows
from models.vocab_staff import Permission
from triage.clock import local
from triage.services import directory
from triage.web import access, asking
from triage.web.directory import pages
from triage.web.directory.views import DirectoryItem, item
from triage.web.keys import DEPS, VIEWER
from triage.web.moves import as_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web


@dataclass(frozen=True, slots=True)
class DirectoryList:
    """Units with how each is reached, one's own first. `total`: how many there are; `more`: further pages."""

    items: tuple[DirectoryItem, ...]
    total: int
    more: bool


async def listed(request: web.Request) -> web.Response:
    """GET /api/v1/contacts. Raises BadInput naming a bad parameter."""
    asking.refuse_others(request.query, pages.ASKED)
    asked, deps, viewer = pages.read(request), request.app[DEPS], request[VIEWER]
    now = deps.clock.now()
    async with deps.db.reads() as session:
        readable = await directory.visible(session, deps.tables, viewer, on=local(now).date())
        stand = await rows.in_force(session)
    items = [
        item(unit.code, unit.name, stand.get(unit.code), viewer, now=now)
        for unit in pages.chosen(readable, asked)
    ]
    found = [one for one in items if not asked.todo or not one.filled or one.stale]
    ends = asked.page * pages.PER_PAGE
    shown = tuple(found[ends - pages.PER_PAGE : ends])
    return as_json(DirectoryList(shown, len(found), len(found) > ends))


def paths(
    answer: Callable[[str, str], dict[str, Any]],
    parameter: Callable[[str, str, dict[str, Any]], dict[str, Any]],
    problems: dict[str, Any],
) -> dict[str, Any]:
    """The path for the OpenAPI document."""
    page = {"type": "integer", "minimum": 1, "maximum": pages.MOST_PAGES}
    return {
        "/api/v1/contacts": {
            "get": {
                "operationId": "listContacts",
                "summary": "单位通讯录：您能看的单位的值班电话和联系人，每页 50 个",
                "parameters": [
                    parameter("q", "单位名称的一部分", {"type": "string", "maxLength": pages.LONGEST}),
                    parameter("district", "区编码（6 位）", {"type": "string", "maxLength": pages.LONGEST}),
                    parameter("todo", "1：只看没填的、要核对的", {"type": "string", "enum": ["0", "1"]}),
                    parameter("page", "第几页，从 1 起", page),
                ],
                "responses": {"200": answer("DirectoryList", "单位和它们的电话"), **problems},
            }
        }
    }


SCHEMAS: Final = (DirectoryList,)
ROUTES: Final = (access.get("/api/v1/contacts", listed, needs=Permission.SEE_CASES),)
