"""未诉先办 on the page of trends: what was found on patrol before anybody complained; as JSON, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson
from aiohttp import web

from models.vocab_staff import Permission
from triage.services.patrol import figures
from triage.services.trends.figures import shown
from triage.web import access
from triage.web.keys import DEPS, NAMES
from triage.web.trends import asks
from triage.web.trends.views import Panel, count, share, text

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.services.patrol.figures import Line
    from triage.web.names import Names
    from triage.web.trends.asks import TrendsAsk

#: Lines of the page's table; JSON and exports have all.
UNKNOWN: Final = "未明"


async def patrol(session: AsyncSession, ask: TrendsAsk, names: Names) -> Panel:
    """未诉先办, by street and kind."""
    found = await figures.lines(session, ask.scope)
    rows = tuple(
        (
            text(_place(one, names)), text(_kind(one, names)), count(one.found), count(one.ended),
            count(shown(one.later, office=ask.office)), share(_later(one, ask)),
        )
        for one in found
    )  # fmt: skip
    whole = sum(one.found for one in found)
    return Panel(
        "patrol", "未诉先办（巡查发现）",
        "街道、部门巡查时发现、还没有人投诉就上报的自建工单，按街道乡镇和种类。不是诉求，不在本页其他图表里，"
        "也不计三率。已办结：含当场处理的。其后有诉求：其后 30 天内有诉求并入，或疑似同一件而没有被否定的；"
        "当场办结的之后不再比对，所以偏少。不随渠道筛选。",
        ("街道乡镇", "种类", "发现", "已办结", "其后有诉求", "占比"), rows,
        note=f"本期共 {whole} 件。" if whole else "", wide_of=frozenset({"channel"}),
    )  # fmt: skip


def _place(one: Line, names: Names) -> str:
    if one.street:
        return names.street(one.street)
    return f"{names.district(one.district)}（街道不明）" if one.district else UNKNOWN


def _kind(one: Line, names: Names) -> str:
    return names.kind(one.kind) if one.kind else UNKNOWN


def _later(one: Line, ask: TrendsAsk) -> float | None:
    return None if shown(one.later, office=ask.office) is None else one.later / one.found


async def told(request: web.Request) -> web.Response:
    """GET /api/v1/patrol/figures: the same table, every line of it. Raises BadInput."""
    ask, names = asks.read(request), request.app[NAMES]
    async with request.app[DEPS].db.reads() as session:
        found = await figures.lines(session, ask.scope)
    body = {
        "from": ask.scope.first,
        "to": ask.scope.last,
        "found": sum(one.found for one in found),
        "items": [
            {
                "district": one.district, "street": one.street, "kind": one.kind,
                "place_name": _place(one, names), "kind_name": _kind(one, names),
                "found": one.found, "ended": one.ended, "later": shown(one.later, office=ask.office),
            }
            for one in found
        ],
    }  # fmt: skip
    headers = {"Cache-Control": "no-store"}
    return web.Response(body=orjson.dumps(body), content_type="application/json", headers=headers)


ROUTES: Final = (access.get("/api/v1/patrol/figures", told, needs=Permission.TRENDS),)
