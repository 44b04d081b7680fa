"""/open: what is open to everyone, as a page, CSV and JSON: by month and district, small numbers hidden.

Rate-limited by the peer's address as the citizen's page is; what is published never changes, so browsers
and caches may keep it for an hour.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson
import sqlalchemy as sa
from aiohttp import hdrs, web

from connectors import office_csv
from models.reports import OpenMonth
from models.vocab_citizen import Asked
from triage.clock import local
from triage.errors import BadInput, NotFound
from triage.rules.suppression import TOTAL
from triage.services import limiting
from triage.services.open_data.publishing import UNKNOWN
from triage.web import access
from triage.web.asking import refuse_others
from triage.web.desk import render
from triage.web.keys import DEPS, NAMES

if TYPE_CHECKING:
    from datetime import datetime

_MONTH: Final = re.compile(r"20[0-9]{2}-(?:0[1-9]|1[0-2])")
_HIDDEN: Final = "…"
_KEPT: Final = "public, max-age=3600"

#: Word by word what is counted: on the page and in the JSON.
DEFINITIONS: Final = (
    ("诉求", "当月收到、已识别为生态环境类并可对外公开的诉求，按收到时间（北京时间）计；一件诉求计一次。"),
    (
        "不计入",
        "要求保密的、举报和有奖举报、因涉密或不当内容分流的、巡查自建的，以及未识别出种类的，都不计入。",
    ),
    ("区", "诉求反映的地点所在的区；不能确定到区的列为“未明”。"),
    ("种类", "按污染种类的大类。"),
    (
        "隐去",
        (
            "不足 {least} 件的数字隐去，并另隐去若干数字，使其不能由本表的合计推出；"
            "隐去的记为“…”，JSON 中为 null。"
            "这些诉求在 Open311 接口上逐件公开到街道和种类，在那里可以数出。"
        ),
    ),
    ("版本", "每月公布一次，公布后不再改动。"),
)


@dataclass(frozen=True, slots=True)
class OpenRow:
    """A district with its counts."""

    name: str
    counts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenPage:
    """A month."""

    month: str
    months: tuple[str, ...]
    sorts: tuple[str, ...]
    rows: tuple[OpenRow, ...]
    published_at: datetime
    sha256: str
    definitions: tuple[tuple[str, str], ...]


async def page(request: web.Request) -> web.Response:
    """A month as a page, the newest when none is said. Raises BadInput, NotFound, TooOften."""
    refuse_others(request.query, ("month",))
    found, known = await _month(request, request.query.get("month"))
    shown = None
    if found is not None:
        districts, sorts, cells = _table(request, found)
        shown = OpenPage(
            month=found.month,
            months=known,
            sorts=tuple(name for _, name in sorts),
            rows=tuple(
                OpenRow(name, tuple(_word(cells[code, sort]) for sort, _ in sorts))
                for code, name in districts
            ),
            published_at=found.published_at,
            sha256=found.sha256,
            definitions=_definitions(found),
        )
    response = render(request, "open/page.html", page=shown)
    # The page gives its browser a token, so no cache that others share may keep it.
    response.headers[hdrs.CACHE_CONTROL] = _KEPT.replace("public", "private")
    return response


async def as_csv(request: web.Request) -> web.Response:
    """A month as CSV, one cell a line, its definitions below. Raises NotFound, TooOften."""
    refuse_others(request.query, ())
    found, _ = await _month(request, request.match_info["month"])
    if found is None:
        raise NotFound("这个月还没有公布。")
    districts, sorts, cells = _table(request, found)
    rows: list[list[office_csv.Value]] = [
        ["month", "district_code", "district", "sort", "sort_name", "count"]
    ]
    rows += [
        [found.month, code, name, sort, label, cells[code, sort]]
        for code, name in districts
        for sort, label in sorts
    ]
    # As the page and the JSON say it; after the table, so that a program reads it until the empty line.
    rows.append([])
    rows += [[f"# {name}：{words}"] for name, words in _definitions(found)]
    body = office_csv.table(rows)
    headers = {
        "Content-Disposition": f'attachment; filename="open-{found.month}.csv"',
        hdrs.CACHE_CONTROL: _KEPT,
    }
    return web.Response(body=body, content_type="text/csv", charset="utf-8", headers=headers)


async def as_json(request: web.Request) -> web.Response:
    """A month as JSON with its definitions. Raises NotFound, TooOften."""
    refuse_others(request.query, ())
    found, known = await _month(request, request.match_info["month"])
    if found is None:
        raise NotFound("这个月还没有公布。")
    districts, sorts, cells = _table(request, found)
    told: dict[str, Any] = {
        "month": found.month,
        "months": known,
        "published_at": local(found.published_at).isoformat(timespec="seconds"),
        "least": found.least,
        "sha256": found.sha256,
        "definitions": dict(_definitions(found)),
        "cells": [
            {"district_code": code, "district": name, "sort": sort, "sort_name": label,
             "count": cells[code, sort]}
            for code, name in districts
            for sort, label in sorts
        ],
    }  # fmt: skip
    return web.Response(
        body=orjson.dumps(told), content_type="application/json", headers={hdrs.CACHE_CONTROL: _KEPT}
    )


async def _month(request: web.Request, month: str | None) -> tuple[OpenMonth | None, tuple[str, ...]]:
    """A published month and all there are. Raises BadInput, NotFound, TooOften."""
    if month is not None and not _MONTH.fullmatch(month):
        raise BadInput("月份应形如 2026-10")
    deps = request.app[DEPS]
    async with deps.db.writes.begin() as session:
        await limiting.count(
            session, deps.vault, Asked.OPEN_DATA, limiting.place_of(request.remote or ""),
            most=deps.settings.open_per_address, now=deps.clock.now(),
        )  # fmt: skip
    async with deps.db.reads() as session:
        known = tuple(await session.scalars(sa.select(OpenMonth.month).order_by(OpenMonth.month.desc())))
        wanted = month or (known[0] if known else None)
        if wanted is None:
            return None, known
        found = await session.get(OpenMonth, wanted)
        if found is None:
            raise NotFound("这个月还没有公布。")
        return found, known


def _table(
    request: web.Request, found: OpenMonth
) -> tuple[list[tuple[str, str]], list[tuple[str, str]], dict[tuple[str, str], int | None]]:
    """Districts, sorts (totals first), and the cells."""
    names = request.app[NAMES]
    cells = {(cell["district"], cell["sort"]): cell["count"] for cell in found.cells}
    districts = sorted({district for district, _ in cells})
    sorts = sorted({sort for _, sort in cells})

    def district(code: str) -> str:
        return {TOTAL: "全市", UNKNOWN: "未明"}.get(code) or names.district(code)

    return (
        [(code, district(code)) for code in districts],
        [(sort, "合计" if sort == TOTAL else sort) for sort in sorts],
        cells,
    )


def _word(count: int | None) -> str:
    return _HIDDEN if count is None else str(count)


def _definitions(found: OpenMonth) -> tuple[tuple[str, str], ...]:
    return tuple((name, words.replace("{least}", str(found.least))) for name, words in DEFINITIONS)


ROUTES: Final = (
    access.open_to_all("GET", "/open", page),
    access.open_to_all("GET", "/open/{month:20[0-9]{2}-[0-9]{2}}.csv", as_csv),
    access.open_to_all("GET", "/open/{month:20[0-9]{2}-[0-9]{2}}.json", as_json),
)
