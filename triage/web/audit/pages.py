"""审计台账 on the desk: who did what, from where, old and new value; by person, case, act and days."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import urlencode

from aiohttp import hdrs, web

from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_staff import Permission
from triage.clock import BEIJING
from triage.errors import BadInput, NotFound
from triage.services import ledger
from triage.services.auditing import exporting, reading
from triage.services.auditing.reading import LedgerFilter
from triage.web import access, guard
from triage.web.asking import refuse_others
from triage.web.desk import render
from triage.web.keys import DEPS, VIEWER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.ledger import LedgerRow

K = TypeVar("K", LedgerAct, SubjectKind)

PER_PAGE: Final = 50
_ASKED: Final = ("who", "case", "origin", "act", "kind", "subject", "since", "until")
NUMBER: Final = re.compile(r"[0-9]{1,18}")
LONGEST: Final = 120
DAY: Final = timedelta(days=1)
_ALERT_DAYS: Final = timedelta(days=7)
_TYPES: Final = {"csv": "text/csv", "jsonl": "application/x-ndjson"}


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as the page shows it."""

    seq: int
    at: datetime
    who: str
    origin: str
    act: str
    subject: str
    no: str | None
    change: str
    reason: str
    facts: str


@dataclass(frozen=True, slots=True)
class Choice:
    """An option of the filter."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Everything the page shows."""

    entries: tuple[Entry, ...]
    asked: Mapping[str, str]
    acts: tuple[Choice, ...]
    kinds: tuple[Choice, ...]
    alerts: int
    more: str | None
    exports: tuple[tuple[str, str], ...]
    told: str | None
    """What came of following the chain; None: nobody just asked."""
    sound: bool
    token: str


async def page(request: web.Request) -> web.Response:
    """The page. Raises BadInput naming a bad parameter."""
    return await shown(request)


async def shown(request: web.Request, *, told: str | None = None, sound: bool = True) -> web.Response:
    """The page, with what came of following the chain. Raises BadInput naming a bad parameter."""
    refuse_others(request.query, (*_ASKED, "before"))
    deps = request.app[DEPS]
    asked = {name: request.query.get(name, "").strip() for name in _ASKED}
    wanted = _filter(asked)
    before = request.query.get("before")
    if before is not None and not NUMBER.fullmatch(before):
        raise BadInput("参数 before 应是数字")
    lately = LedgerFilter(act=LedgerAct.REVEAL_ALERT, since=deps.clock.now() - _ALERT_DAYS)
    async with deps.db.reads() as session:
        found = await reading.page(
            session, wanted, before=int(before) if before else None, limit=PER_PAGE + 1
        )
        alerts = await reading.page(session, lately, before=None, limit=PER_PAGE)
    narrowed = {name: value for name, value in asked.items() if value}
    rows = found[:PER_PAGE]
    more = urlencode({**narrowed, "before": str(rows[-1].seq)}) if len(found) > PER_PAGE else None
    return render(
        request,
        "audit/page.html",
        page=AuditPage(
            entries=tuple(_entry(row) for row in rows),
            asked=asked,
            acts=tuple(Choice(a.value, a.label, a.value == asked["act"]) for a in LedgerAct),
            kinds=tuple(Choice(k.value, k.label, k.value == asked["kind"]) for k in SubjectKind),
            alerts=len(alerts),
            more=f"/desk/audit?{more}" if more else None,
            exports=tuple((form, f"/desk/audit/export.{form}?{urlencode(narrowed)}") for form in _TYPES),
            told=told,
            sound=sound,
            token=guard.token_of(request),
        ),
    )


async def export(request: web.Request) -> web.StreamResponse:
    """The same entries as a file, all of them, in order; written down. Raises NotFound, BadInput."""
    form = request.match_info["form"]
    if form not in _TYPES:
        raise NotFound("没有这种导出格式：可以是 csv 或 jsonl。")
    refuse_others(request.query, _ASKED)
    asked = {name: request.query.get(name, "").strip() for name in _ASKED}
    wanted = _filter(asked)
    deps = request.app[DEPS]
    async with deps.db.writes.begin() as session:
        ledger.write(
            session, who=request[VIEWER].login, act=LedgerAct.LEDGER_EXPORTED, now=deps.clock.now(),
            subject=ledger.Subject(SubjectKind.LEDGER, form),
            detail={name: value for name, value in asked.items() if value},
        )  # fmt: skip
    answer = web.StreamResponse(
        headers={
            hdrs.CONTENT_TYPE: f"{_TYPES[form]}; charset=utf-8",
            hdrs.CONTENT_DISPOSITION: f'attachment; filename="ledger.{form}"',
        }
    )
    await answer.prepare(request)
    await answer.write(exporting.head(form).encode())
    async for row in reading.every(deps.db, wanted):
        await answer.write(exporting.line(row, form).encode())
    await answer.write_eof()
    return answer


def _filter(asked: Mapping[str, str]) -> LedgerFilter:
    """What was asked for. Raises BadInput."""
    for name, value in asked.items():
        if len(value) > LONGEST or "\0" in value:
            raise BadInput(f"参数 {name} 太长或不合法")
    return LedgerFilter(
        who=asked["who"] or None,
        case_no=asked["case"] or None,
        origin=asked["origin"] or None,
        act=_member(LedgerAct, asked["act"], "act"),
        kind=_member(SubjectKind, asked["kind"], "kind"),
        subject=asked["subject"] or None,
        since=moment(asked["since"], "since"),
        until=moment(asked["until"], "until", DAY),
    )


def _member(kind: type[K], value: str, name: str) -> K | None:
    try:
        return kind(value) if value else None
    except ValueError:
        raise BadInput(f"参数 {name} 不在可选的范围里") from None


def moment(value: str, name: str, later: timedelta = timedelta()) -> datetime | None:
    """The beginning of a day of Beijing, and `later`; None: nothing was asked. Raises BadInput."""
    if not value:
        return None
    try:
        # In UTC, as it is asked for: the first day of the calendar begins before it there.
        return datetime.combine(date.fromisoformat(value), time(), BEIJING).astimezone(UTC) + later
    except (ValueError, OverflowError):
        raise BadInput(f"参数 {name} 应是日期，形如 2026-11-26") from None


def _entry(row: LedgerRow) -> Entry:
    change = " → ".join(value for value in (row.old, row.new) if value)
    return Entry(
        seq=row.seq, at=row.at, who=row.who, origin="命令行" if row.origin == "command" else row.origin or "",
        act=exporting.act_label(row.act), subject=f"{exporting.kind_label(row.subject_kind)} {row.subject}",
        no=row.case_no, change=change, reason=row.reason or "", facts=exporting.facts(row),
    )  # fmt: skip


ROUTES: Final = (
    access.get("/desk/audit", page, needs=Permission.AUDIT),
    access.file("/desk/audit/export.{form}", export, needs=Permission.AUDIT),
)
