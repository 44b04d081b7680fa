"""告知 (个人信息保护法第十七条): who handles what, why, how long, and what one may ask for. Open to all.

The days are those of `retention.yaml` in force now; the handler and how to reach it are settings of the site.
Beside it 无障碍声明, which says what holds of the pages, by tests, and what does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from models.vocab_retention import Kept
from triage.rules import retention_rows
from triage.web.citizen.page import shown
from triage.web.keys import DEPS

if TYPE_CHECKING:
    from aiohttp import web

_YEAR: Final = 365


@dataclass(frozen=True, slots=True)
class NoticePage:
    """What of the notice is the site's own."""

    handler: str
    contact: str
    identity: str
    ledger: str
    reward: str


async def privacy(request: web.Request) -> web.Response:
    """怎样处理您的信息."""
    deps = request.app[DEPS]
    now = deps.clock.now()
    kept = {
        what: told(retention_rows.row_of(deps.tables.retention, what, now).keep_days)
        for what in (Kept.IDENTITY, Kept.LEDGER, Kept.REWARD)
    }
    page = NoticePage(
        handler=deps.settings.handler or "本网站的主办单位",
        contact=_contact(request),
        identity=kept[Kept.IDENTITY],
        ledger=kept[Kept.LEDGER],
        reward=kept[Kept.REWARD],
    )
    return shown(request, "privacy", page=page)


async def accessibility(request: web.Request) -> web.Response:
    """无障碍声明."""
    return shown(request, "accessibility", contact=_contact(request))


def _contact(request: web.Request) -> str:
    return request.app[DEPS].settings.handler_contact or "拨打 12345"


def told(days: int) -> str:
    """Days in words: whole years as such."""
    years = round(days / _YEAR)
    return f"{years} 年" if years and abs(days - years * _YEAR) <= years else f"{days} 天"
