"""办理记录 on the desk, for the auditor: who moved which case, from where; by person, case, address, days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from aiohttp import hdrs, web

from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_staff import Permission
from triage.errors import BadInput
from triage.services import ledger
from triage.services.auditing import moves
from triage.services.auditing.moves import MoveFilter
from triage.web import access
from triage.web.asking import refuse_others
from triage.web.audit.pages import DAY, LONGEST, NUMBER, PER_PAGE, moment
from triage.web.desk import render
from triage.web.keys import DEPS, VIEWER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triage.services.auditing.moves import MoveLine

_ASKED: Final = ("who", "case", "origin", "since", "until")


@dataclass(frozen=True, slots=True)
class MovesPage:
    """Everything the page shows."""

    lines: tuple[MoveLine, ...]
    asked: Mapping[str, str]
    more: str | None
    export: str


async def page(request: web.Request) -> web.Response:
    """The page. Raises BadInput naming a bad parameter."""
    refuse_others(request.query, (*_ASKED, "before"))
    asked, wanted = _asked(request)
    before = request.query.get("before")
    if before is not None and not NUMBER.fullmatch(before):
        raise BadInput("参数 before 应是数字")
    deps = request.app[DEPS]
    async with deps.db.reads() as session:
        found = await moves.page(
            session, deps.tables, wanted, before=int(before) if before else None, limit=PER_PAGE + 1
        )
    shown = found[:PER_PAGE]
    more = urlencode({**asked, "before": str(shown[-1].id)}) if len(found) > PER_PAGE else None
    return render(
        request, "audit/moves.html",
        page=MovesPage(
            lines=tuple(shown),
            asked={name: asked.get(name, "") for name in _ASKED},
            more=f"/desk/audit/moves?{more}" if more else None,
            export=f"/desk/audit/moves.csv?{urlencode(asked)}",
        ),
    )  # fmt: skip


async def export(request: web.Request) -> web.StreamResponse:
    """The same moves as a CSV, all of them, oldest first; written down. Raises BadInput."""
    refuse_others(request.query, _ASKED)
    asked, wanted = _asked(request)
    deps = request.app[DEPS]
    async with deps.db.writes.begin() as session:
        ledger.write(
            session, who=request[VIEWER].login, act=LedgerAct.LEDGER_EXPORTED, now=deps.clock.now(),
            subject=ledger.Subject(SubjectKind.LEDGER, "moves.csv"), detail=asked,
        )  # fmt: skip
    answer = web.StreamResponse(
        headers={
            hdrs.CONTENT_TYPE: "text/csv; charset=utf-8",
            hdrs.CONTENT_DISPOSITION: 'attachment; filename="moves.csv"',
        }
    )
    await answer.prepare(request)
    await answer.write(moves.head().encode())
    async for one in moves.every(deps.db, deps.tables, wanted):
        await answer.write(moves.line(one).encode())
    await answer.write_eof()
    return answer


def _asked(request: web.Request) -> tuple[dict[str, str], MoveFilter]:
    """What was asked for, as typed and as understood. Raises BadInput."""
    told = {name: value for name in _ASKED if (value := request.query.get(name, "").strip())}
    for name, value in told.items():
        if len(value) > LONGEST or "\0" in value:
            raise BadInput(f"参数 {name} 太长或不合法")
    return told, MoveFilter(
        who=told.get("who"),
        case_no=told.get("case"),
        origin=told.get("origin"),
        since=moment(told.get("since", ""), "since"),
        until=moment(told.get("until", ""), "until", DAY),
    )


ROUTES: Final = (
    access.get("/desk/audit/moves", page, needs=Permission.AUDIT),
    access.file("/desk/audit/moves.csv", export, needs=Permission.AUDIT),
)
