"""起草、修改、签发: from figures to a frozen report. The clock drafts, a person edits and signs.

In the caller's transaction. A signed report never changes; a correction is a new edition of its own.
"""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

import orjson
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from connectors.file_text import clean
from models.reports import Report, ReportDraft
from models.vocab import Urgency
from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_notices import RecipientKind
from models.vocab_reports import ReportKind, ReportMoment, ReportState
from triage import logs
from triage.clock import local
from triage.errors import BadInput, NotFound, NotReady, TriageError
from triage.rules import report_rows
from triage.rules.fields import one_break
from triage.rules.publishing import Publish, number, said
from triage.services import ledger
from triage.services.notices.noting import NewNotice, Recipient, note
from triage.services.reporting import wording
from triage.services.reporting.figuring import figured
from triage.services.reporting.known import known
from triage.services.reporting.periods import YEARS, holding, period_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.rules.rows import Tables
    from triage.services.deps import Deps
    from triage.services.reporting.periods import Period

log = logs.get(__name__)

SYSTEM: Final = "system"
TEMPLATE: Final = "report"
LONGEST: Final = 8_000
LONGEST_HEADING: Final = 40
#: Sections are counted 一 to 十 on paper.
MOST_SECTIONS: Final = 10


class ReportMoved(TriageError):
    """这份报告刚被别人改过或已签发，请刷新页面再看。"""

    code: ClassVar[str] = "report_moved"
    status: ClassVar[int] = 409


class PersonsDraft(TriageError):
    """这一期的报告已有人改过；要重新起草，请在报告页上确认。"""

    code: ClassVar[str] = "persons_draft"
    status: ClassVar[int] = 409

    def __init__(self, report_id: int, version: int) -> None:
        super().__init__(f"这一期已有人改过，现在是第 {version} 稿。重新起草会另存一稿，各稿都留着。")
        self.report_id = report_id
        self.version = version


async def draft(
    session: AsyncSession, tables: Tables, period: Period, *, now: datetime, over: int | None = None
) -> Report:
    """Draft a period's report: the open draft anew, or a new edition after a signed one.

    Raises BadInput of a period that no report is of, NotReady when the figures do not reach its end,
    ReportMoved when somebody drafts it at this moment, and PersonsDraft when a person's text is the newest:
    `over` is the draft of a person that may be replaced, by who has seen it.
    """
    if period.first.year not in YEARS:
        raise BadInput(f"报告的期间应在 {YEARS[0]} 年到 {YEARS[-1]} 年之间")
    found = await figured(session, tables, period)
    sections = wording.drafted(found.facts["facts"])
    newest: Report | None = await session.scalar(_newest(period).with_for_update())
    if newest is None or newest.state == ReportState.SIGNED.value:
        report = Report(
            kind=period.kind.value, period=period.name, edition=newest.edition + 1 if newest else 1,
            issue=period.issue, state=ReportState.DRAFT.value, version=0, facts={}, sections=[],
            data_version="", as_of=found.as_of, table_version=tables.version, made_at=now,
        )  # fmt: skip
        session.add(report)
        try:
            await session.flush()
        except IntegrityError as other:
            raise ReportMoved("这一期刚由别人起草，请在列表里打开") from other
    else:
        report = newest
        by = await session.scalar(
            sa.select(ReportDraft.by).where(
                ReportDraft.report_id == newest.id, ReportDraft.version == newest.version
            )
        )
        if by != SYSTEM and over != newest.version:
            raise PersonsDraft(newest.id, newest.version)
    report.facts, report.data_version, report.as_of = found.facts, found.data_version, found.as_of
    report.table_version = tables.version
    await _saved(session, report, sections, by=SYSTEM, now=now)
    title = wording.title_of(period)
    await _tell(session, tables, report, ReportMoment.DRAFTED, f"{title}已起草，待审签", now=now)
    return report


async def signed(session: AsyncSession, period: Period) -> Report | None:
    """The newest edition of a period when it is signed; None when there is none or a draft is newer."""
    newest: Report | None = await session.scalar(_newest(period))
    return newest if newest is not None and newest.state == ReportState.SIGNED.value else None


def _newest(period: Period) -> sa.Select[Report]:
    return (
        sa.select(Report)
        .where(Report.kind == period.kind.value, Report.period == period.name)
        .order_by(Report.edition.desc())
        .limit(1)
    )


async def edit(
    session: AsyncSession, report_id: int, text: str, *, version: int, by: str, now: datetime
) -> Report:
    """Save an edited text as a draft of its own. Raises NotFound, BadInput, ReportMoved."""
    report = await _open(session, report_id, version)
    await _saved(session, report, parsed(text), by=by, now=now)
    return report


async def sign(
    session: AsyncSession,
    tables: Tables,
    report_id: int,
    *,
    version: int,
    by: str,
    now: datetime,
    seen: str | None = None,
) -> Report:
    """签发: freeze it. Raises NotFound, ReportMoved, and BadInput where the text goes beyond the figures.

    `seen` is the text that stood before who signs: another one than the saved is not signed.
    """
    report = await _open(session, report_id, version)
    if seen is not None and parsed(seen) != report.sections:
        raise BadInput("框里有还没保存的改动：请先保存，看过再签发")
    strange = strange_of(tables, report, now=now)
    bare = wording.numberless(report.sections)
    if strange:
        raise BadInput(f"文中有数据里没有的数字，请改正后再签发：{'、'.join(strange[:10])}")
    if bare:
        raise BadInput(f"每句话都要有数字，请改正后再签发：{bare[0][:40]}")
    report.state, report.signed_at, report.signed_by = ReportState.SIGNED.value, now, by
    report.sha256 = checksum(report)
    await session.flush()
    ledger.write(
        session, who=by, act=LedgerAct.REPORT_MADE, now=now, new=report.sha256,
        subject=ledger.Subject(SubjectKind.REPORT, f"{report.kind}-{report.period}-{report.edition}"),
    )  # fmt: skip
    period = period_of(ReportKind(report.kind), report.period)
    await _tell(session, tables, report, ReportMoment.SIGNED, f"{wording.title_of(period)}已签发", now=now)
    return report


def strange_of(tables: Tables, report: Report, *, now: datetime) -> list[str]:
    """The numbers of a report's text that it may not name, in order."""
    period = period_of(ReportKind(report.kind), report.period)
    may = known(report.facts, period, said(tables.publishing, local(now).date()))
    return wording.strange_numbers(report.sections, may)


def checksum(report: Report) -> str:
    """Of everything that is frozen, canonical JSON."""
    told = [
        report.kind, report.period, report.edition, report.facts, report.sections, report.data_version
    ]  # fmt: skip
    return hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()


def parsed(text: str) -> list[dict[str, Any]]:
    """Sections of an edited text: a line that begins with # is a heading, every other one a sentence.

    What cannot stand is refused, never left out. Raises BadInput.
    """
    if len(one_break(text)) > LONGEST:
        raise BadInput(f"报告正文最多 {LONGEST} 个字")
    sections: list[dict[str, Any]] = []
    for line in text.splitlines():
        # Pasted texts bring controls along; no document can hold them.
        said = clean(line)
        if said.startswith("#"):
            sections.append({"heading": _heading(said), "sentences": []})
        elif said:
            if not sections:
                raise BadInput("第一行应是小标题，以 # 开头")
            sections[-1]["sentences"].append(said)
    if not sections:
        raise BadInput("正文不能是空的")
    if bare := next((section["heading"] for section in sections if not section["sentences"]), None):
        raise BadInput(f"小标题“{bare}”下面没有句子：请补上，或删去这个小标题")
    if len(sections) > MOST_SECTIONS:
        raise BadInput(f"报告最多 {MOST_SECTIONS} 个小标题")
    return sections


def _heading(line: str) -> str:
    told = line.lstrip("# ").strip()
    if not told:
        raise BadInput("有一行只有 #，没有小标题的文字：请补上，或删去这一行")
    if len(told) > LONGEST_HEADING:
        raise BadInput(f"小标题最多 {LONGEST_HEADING} 个字：{told[:20]}……")
    return told


def as_text(sections: Sequence[dict[str, Any]]) -> str:
    """The reverse of `parsed`."""
    return "\n\n".join("\n".join([f"# {s['heading']}", *s["sentences"]]) for s in sections)


async def get(session: AsyncSession, report_id: int) -> Report:
    """A report. Raises NotFound."""
    report = await session.get(Report, report_id)
    if report is None:
        raise NotFound("没有这份报告。")
    return report


async def kept(session: AsyncSession, report_id: int, version: int) -> ReportDraft:
    """A saved draft. Raises NotFound."""
    found: ReportDraft | None = await session.scalar(
        sa.select(ReportDraft).where(ReportDraft.report_id == report_id, ReportDraft.version == version)
    )
    if found is None:
        raise NotFound("没有这一稿。")
    return found


async def _open(session: AsyncSession, report_id: int, version: int) -> Report:
    report: Report | None = await session.scalar(
        sa.select(Report).where(Report.id == report_id).with_for_update()
    )
    if report is None:
        raise NotFound("没有这份报告。")
    if report.state != ReportState.DRAFT.value or report.version != version:
        raise ReportMoved
    return report


async def _saved(
    session: AsyncSession, report: Report, sections: list[dict[str, Any]], *, by: str, now: datetime
) -> None:
    report.version += 1
    report.sections = sections
    await session.flush()
    session.add(ReportDraft(report_id=report.id, version=report.version, sections=sections, by=by, at=now))
    await session.flush()


async def _tell(
    session: AsyncSession, tables: Tables, report: Report, moment: ReportMoment, told: str, *, now: datetime
) -> None:
    """Through the notices, to whom `reports.yaml` names for its kind."""
    rows = report_rows.told(tables.reports, ReportKind(report.kind), moment, local(now).date())
    key = f"report:{report.id}:{report.version}:{report.state}"
    notices = [
        NewNotice(
            key=f"{key}:{row.to}",
            to=Recipient(RecipientKind.POST if row.post else RecipientKind.UNIT, row.to),
            template=TEMPLATE,
            urgency=Urgency.U3,
            facts={"told": told},
        )
        for row in rows
    ]
    await note(session, tables, notices, now=now)


class Drafter:
    """Drafts what is due by the clock: each period once. One per process."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def poke(self) -> bool:
        """Draft the reports whose time has come and that are not there; never more at once."""
        deps, now = self._deps, self._deps.clock.now()
        of_days = sa.select(sa.func.min(Report.period)).where(Report.kind == ReportKind.DAILY.value)
        async with deps.db.reads() as session:
            first = await session.scalar(of_days)
            wanted = due(deps.tables, now, since=date.fromisoformat(first) if first else None)
            rows = await session.execute(
                sa.select(Report.kind, Report.period).where(Report.period.in_([one.name for one in wanted]))
            )
            known = {(row.kind, row.period) for row in rows}
        for period in wanted:
            if (period.kind.value, period.name) not in known:
                await self._draft(period, now)
        return False

    async def _draft(self, period: Period, now: datetime) -> None:
        """Draft it, unless it cannot be yet, or somebody was faster."""
        deps = self._deps
        try:
            async with deps.db.writes.begin() as session:
                if await session.scalar(_newest(period)) is None:
                    await draft(session, deps.tables, period, now=now)
        except (NotReady, ReportMoved) as error:
            log.info("report_waits", kind=period.kind.value, reason=error.code)


def due(tables: Tables, now: datetime, *, since: date | None = None) -> list[Period]:
    """The last whole periods whose report is due by now, and the days that may have been missed.

    Those are all of the last ones `since` the first day that has a report: one that somebody drafted after an
    outage does not stand for the days before it. Which of them are there, the caller knows.
    """
    moment = local(now)
    today, rows = moment.date(), tables.publishing
    if moment.hour < number(rows, Publish.DAILY_HOUR, today):
        return []
    back = number(rows, Publish.DAILY_BACK, today)
    missed = 1 if since is None else min(max((today - since).days - 1, 1), back)
    found = [holding(ReportKind.DAILY, today - timedelta(days=n)) for n in range(missed, 0, -1)]
    if today.isoweekday() >= number(rows, Publish.WEEKLY_DAY, today):
        found.append(holding(ReportKind.WEEKLY, today - timedelta(days=7)))
    if today.day >= number(rows, Publish.MONTHLY_DAY, today):
        found.append(holding(ReportKind.MONTHLY, today.replace(day=1) - timedelta(days=1)))
    return found
