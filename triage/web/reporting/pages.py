"""报告 at the desk: the list, one with its text to edit and sign, the files."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003  (shown by the template)
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from aiohttp import web

from models.reports import Report, ReportDraft
from models.vocab_reports import ReportKind, ReportState
from models.vocab_staff import Permission
from triage.errors import BadInput, NotFound, NotReady, TriageError
from triage.rules.access import of_office
from triage.services.reporting import drafting, rendering, wording
from triage.services.reporting.periods import period_of
from triage.web import access, guard
from triage.web.asking import MOST_NUMBER, form_number, number_of, refuse_others
from triage.web.desk import render
from triage.web.exporting import note_export
from triage.web.keys import DEPS, VIEWER

if TYPE_CHECKING:
    from connectors.office_docx import Paper
    from triage.services.reporting.periods import Period

_SEE_OTHER: Final = 303
_LISTED: Final = 100


@dataclass(frozen=True, slots=True)
class ReportLine:
    """A report on the list."""

    id: int
    kind: str
    title: str
    edition: int
    state: str
    state_label: str
    made_at: datetime
    signed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Typed:
    """What was asked for in the form to draft."""

    kind: str
    period: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A person's draft that a new one would replace: is that meant?"""

    id: int
    version: int


@dataclass(frozen=True, slots=True)
class ReportsPage:
    """The list, and the form to draft one."""

    lines: tuple[ReportLine, ...]
    more: str | None
    kinds: tuple[tuple[str, str], ...]
    typed: Typed
    asked: Asked | None
    may_write: bool
    error: str | None
    field: str
    token: str


@dataclass(frozen=True, slots=True)
class DraftLine:
    """A saved draft."""

    version: int
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ReportPage:
    """One report."""

    id: int
    paper: Paper
    signed: bool
    version: int
    text: str
    unsaved: bool
    restores: int | None
    #: The text as it was written is the office's own; others read the paper alone.
    office: bool
    may_write: bool
    may_sign: bool
    may_export: bool
    strange: tuple[str, ...]
    bare: tuple[str, ...]
    drafts: tuple[DraftLine, ...]
    signed_by: str | None
    sha256: str | None
    error: str | None
    field: str
    token: str


async def listed(request: web.Request) -> web.Response:
    """The newest reports, or those `before` one. Raises BadInput."""
    refuse_others(request.query, ("before",))
    return await _list(request, Typed("", ""), None)


async def drafted(request: web.Request) -> web.Response:
    """Draft a report now; what cannot be is told with its reason. Raises NotAllowed outside the office."""
    _must_be_of_office(request)
    form, deps = await request.post(), request.app[DEPS]
    typed = Typed(str(form.get("kind", "")), str(form.get("period", "")).strip())
    try:
        period = _period(typed)
        over = form_number(form.get("over")) if "over" in form else None
        async with deps.db.writes.begin() as session:
            report = await drafting.draft(session, deps.tables, period, now=deps.clock.now(), over=over)
    except (BadInput, NotReady, drafting.PersonsDraft, drafting.ReportMoved) as error:
        return await _list(request, typed, error)
    return _to(report.id)


async def one(request: web.Request) -> web.Response:
    """One report; `draft` puts the text of an earlier draft into the form. Raises NotFound."""
    refuse_others(request.query, ("draft",))
    report_id, earlier = _id(request), None
    if "draft" in request.query:
        _must_be_of_office(request)
        version = form_number(request.query["draft"])
        async with request.app[DEPS].db.reads() as session:
            earlier = await drafting.kept(session, report_id, version)
    return await _page(request, report_id, earlier=earlier)


async def edited(request: web.Request) -> web.Response:
    """Save the edited text. Raises NotFound, NotAllowed; what is refused is told."""
    _must_be_of_office(request)
    report_id, form, deps = _id(request), await request.post(), request.app[DEPS]
    try:
        async with deps.db.writes.begin() as session:
            await drafting.edit(
                session, report_id, str(form.get("text", "")), version=form_number(form.get("version")),
                by=request[VIEWER].login, now=deps.clock.now(),
            )  # fmt: skip
    except (BadInput, drafting.ReportMoved) as error:
        return await _page(request, report_id, error, text=str(form.get("text", "")))
    return _to(report_id)


async def signed(request: web.Request) -> web.Response:
    """签发, of what is saved: not while the form holds another text. Raises NotFound, NotAllowed."""
    _must_be_of_office(request)
    report_id, form, deps = _id(request), await request.post(), request.app[DEPS]
    text = str(form["text"]) if "text" in form else None
    try:
        async with deps.db.writes.begin() as session:
            await drafting.sign(
                session, deps.tables, report_id, version=form_number(form.get("version")),
                by=request[VIEWER].login, now=deps.clock.now(), seen=text,
            )  # fmt: skip
    except (BadInput, drafting.ReportMoved) as error:
        return await _page(request, report_id, error, text=text)
    return _to(report_id)


async def exported(request: web.Request) -> web.Response:
    """The report as a file. Raises NotFound, NoPango."""
    make, kind = rendering.FORMS[request.match_info["form"]]
    async with request.app[DEPS].db.reads() as session:
        report = await drafting.get(session, _id(request))
    name = f"report-{report.period}-{report.edition}.{request.match_info['form']}"
    # A PDF takes seconds: other pages do not wait for it.
    body = await asyncio.to_thread(make, report, office=_of_office(request))
    await note_export(request, name)
    return web.Response(
        body=body,
        content_type=kind,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def _list(request: web.Request, typed: Typed, error: TriageError | None) -> web.Response:
    before = form_number(request.query["before"]) if "before" in request.query else MOST_NUMBER
    async with request.app[DEPS].db.reads() as session:
        found = await session.scalars(
            sa.select(Report).where(Report.id < before).order_by(Report.id.desc()).limit(_LISTED + 1)
        )
        lines = tuple(_line(report) for report in found)
    token = guard.token_of(request)
    page = ReportsPage(
        lines=lines[:_LISTED],
        more=f"/desk/reports?before={lines[_LISTED - 1].id}" if len(lines) > _LISTED else None,
        kinds=tuple((kind.value, kind.label) for kind in ReportKind),
        typed=typed,
        asked=Asked(error.report_id, error.version) if isinstance(error, drafting.PersonsDraft) else None,
        may_write=_of_office(request) and request[VIEWER].may(Permission.REPORT_WRITE),
        error=error.detail if error else None,
        field=guard.FIELD,
        token=token,
    )
    response = render(request, "reporting/list.html", page=page, status=error.status if error else 200)
    guard.keep(response, token)
    return response


def _line(report: Report) -> ReportLine:
    kind = ReportKind(report.kind)
    return ReportLine(
        id=report.id,
        kind=kind.label,
        title=wording.title_of(period_of(kind, report.period)),
        edition=report.edition,
        state=report.state,
        state_label=ReportState(report.state).label,
        made_at=report.made_at,
        signed_at=report.signed_at,
    )


async def _page(
    request: web.Request,
    report_id: int,
    error: TriageError | None = None,
    *,
    text: str | None = None,
    earlier: ReportDraft | None = None,
) -> web.Response:
    """The page; `text` is what was typed and refused, else that of the `earlier` draft, else the newest."""
    deps = request.app[DEPS]
    async with deps.db.reads() as session:
        report = await drafting.get(session, report_id)
        drafts = await session.scalars(
            sa.select(ReportDraft)
            .where(ReportDraft.report_id == report_id)
            .order_by(ReportDraft.version.desc())
            .limit(_LISTED)
        )
        kept = tuple(DraftLine(draft.version, draft.by, draft.at) for draft in drafts)
    token, viewer, office = guard.token_of(request), request[VIEWER], _of_office(request)
    stored = drafting.as_text(report.sections)
    unsaved = text is not None and text.splitlines() != stored.splitlines()
    if text is None:
        text = drafting.as_text(earlier.sections) if earlier else stored
    page = ReportPage(
        id=report.id,
        paper=rendering.paper(report, office=office),
        signed=report.state == ReportState.SIGNED.value,
        version=report.version,
        text=text,
        unsaved=unsaved,
        restores=earlier.version if earlier else None,
        office=office,
        may_write=office and viewer.may(Permission.REPORT_WRITE),
        may_sign=office and viewer.may(Permission.REPORT_SIGN),
        may_export=viewer.may(Permission.EXPORT),
        strange=tuple(drafting.strange_of(deps.tables, report, now=deps.clock.now())),
        bare=tuple(wording.numberless(report.sections)),
        drafts=kept,
        signed_by=report.signed_by,
        sha256=report.sha256,
        error=error.detail if error else None,
        field=guard.FIELD,
        token=token,
    )
    response = render(request, "reporting/one.html", page=page, status=error.status if error else 200)
    guard.keep(response, token)
    return response


def _of_office(request: web.Request) -> bool:
    return of_office(request.app[DEPS].tables, request[VIEWER])


def _must_be_of_office(request: web.Request) -> None:
    """A report tells of every district: the office writes and signs it. Raises NotAllowed."""
    if not _of_office(request):
        raise access.NotAllowed


def _period(typed: Typed) -> Period:
    kind = next((k for k in ReportKind if k.value == typed.kind), None)
    if kind is None:
        raise BadInput("请选日报、周报或月报")
    return period_of(kind, typed.period)


def _id(request: web.Request) -> int:
    number = number_of(request.match_info["id"])
    if number is None:
        raise NotFound("没有这份报告。")
    return number


def _to(report_id: int) -> web.Response:
    return web.Response(status=_SEE_OTHER, headers={"Location": f"/desk/reports/{report_id}"})


ROUTES: Final = (
    access.get("/desk/reports", listed, needs=Permission.REPORTS),
    access.post("/desk/reports/draft", drafted, needs=Permission.REPORT_WRITE),
    access.get("/desk/reports/{id:[0-9]{1,10}}", one, needs=Permission.REPORTS),
    access.post("/desk/reports/{id:[0-9]{1,10}}/edit", edited, needs=Permission.REPORT_WRITE),
    access.post("/desk/reports/{id:[0-9]{1,10}}/sign", signed, needs=Permission.REPORT_SIGN),
    access.file("/desk/reports/{id:[0-9]{1,10}}.{form:docx|xlsx|pdf}", exported, needs=Permission.EXPORT),
)
