"""未诉先办 on the page of trends: what was found on patrol before anybody complained; as JSON, too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date  # noqa: TC003  (a field of what is sent)
from typing import TYPE_CHECKING, Any, Final

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
    from collections.abc import Callable

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.services.patrol.figures import Line
    from triage.web.names import Names
    from triage.web.trends.asks import TrendsAsk

UNKNOWN: Final = "未明"


@dataclass(frozen=True, slots=True)
class PatrolLine:
    """What was found in a street of one kind; null: not known. `later` null: fewer than five, not told."""

    district: str | None
    street: str | None
    kind: str | None
    place_name: str
    kind_name: str
    found: int
    ended: int
    later: int | None


@dataclass(frozen=True, slots=True)
class PatrolFigures:
    """未诉先办 of a period (Beijing days, both included)."""

    first: date
    last: date
    found: int
    items: tuple[PatrolLine, ...]


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
        "也不计三率。已办结：含当场处理的。其后有诉求："
        "其后 30 天内有诉求和它并为一件，或疑似同一件而没有被否定的；"
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
    items = tuple(
        PatrolLine(
            one.district, one.street, one.kind, _place(one, names), _kind(one, names), one.found, one.ended,
            shown(one.later, office=ask.office),
        )
        for one in found
    )  # fmt: skip
    view = PatrolFigures(ask.scope.first, ask.scope.last, sum(one.found for one in found), items)
    headers = {"Cache-Control": "no-store"}
    return web.Response(body=orjson.dumps(view), content_type="application/json", headers=headers)


SCHEMAS: Final = (PatrolFigures,)


def paths(answer: Callable[[str, str], dict[str, Any]], problems: dict[str, Any]) -> dict[str, Any]:
    """The path of these figures for the OpenAPI document."""
    day, text = {"type": "string", "format": "date"}, {"type": "string", "maxLength": 40}
    known = {
        "from": ("起（含当日）", day), "to": ("止（含当日）", day), "kind": ("污染种类或大类的编码", text),
        "district": ("区编码", text), "street": ("街道乡镇编码", text), "channel": ("不影响这里的数", text),
    }  # fmt: skip
    return {
        "/api/v1/patrol/figures": {
            "get": {
                "operationId": "getPatrolFigures",
                "summary": "未诉先办：巡查发现的自建工单，按街道乡镇和种类",
                "parameters": [
                    {"name": name, "in": "query", "description": words, "schema": schema}
                    for name, (words, schema) in known.items()
                ],
                "responses": {"200": answer("PatrolFigures", "各行之和即 found"), **problems},
            }
        }
    }


ROUTES: Final = (access.get("/api/v1/patrol/figures", told, needs=Permission.TRENDS),)
