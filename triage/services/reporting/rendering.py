"""A report on paper: the same content as Word, PDF and Excel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

import jinja2

from connectors.office_docx import COLUMNS, Paper, Section, Table, document
from connectors.office_xlsx import Column, Sheet, workbook
from models.vocab_reports import ReportKind, ReportState
from triage.clock import local, show
from triage.errors import TriageError
from triage.services.reporting import outside, wording
from triage.services.reporting.periods import period_of

if TYPE_CHECKING:
    from models.reports import Report

_HERE: Final = Path(__file__).parent
_OFFICE: Final = "接诉即办办公室"
_NUMBERS: Final = "一二三四五六七八九十"
_MASTHEADS: Final = {
    ReportKind.DAILY: "生态环境诉求快报",
    ReportKind.WEEKLY: "生态环境诉求周报",
    ReportKind.MONTHLY: "生态环境诉求月报",
}
_SEASON: Final = tuple("去年同期" if name == "上期" else name for name in COLUMNS)
#: Those against last year are there only where there was a last year; reports of before have none.
_TABLES: Final = (
    ("kinds", "分类情况表", COLUMNS),
    ("districts", "区域情况表", COLUMNS),
    ("season_kinds", "分类同比情况表", _SEASON),
    ("season_districts", "区域同比情况表", _SEASON),
)


class NoPango(TriageError):
    """这台机器没有安装 pango，不能生成 PDF：请下载 Word 版，或请管理员安装 libpango（Dockerfile 里已有）。"""

    code: ClassVar[str] = "no_pango"
    status: ClassVar[int] = 503


def paper(report: Report, *, office: bool = True) -> Paper:
    """The report as it is printed; a draft says that it is one. Not `office`: small counts are hidden."""
    kind = ReportKind(report.kind)
    period = period_of(kind, report.period)
    edition = f"（更正第 {report.edition - 1} 版）" if report.edition > 1 else ""
    mark = f"，校验码 {report.sha256[:16]}" if report.sha256 else ""
    whole = Paper(
        masthead=_MASTHEADS[kind],
        issue=f"{period.year}年第{report.issue}期{edition}",
        office=_OFFICE,
        date=f"{local(report.signed_at or report.made_at):%Y年%m月%d日}",
        title=wording.title_of(period),
        draft=report.state != ReportState.SIGNED.value,
        sections=tuple(
            Section(f"{_NUMBERS[at]}、{section['heading']}", tuple(section["sentences"]))
            for at, section in enumerate(report.sections[: len(_NUMBERS)])
        ),
        tables=tuple(
            Table(title, tuple(tuple(row) for row in report.facts["tables"][name]), columns)
            for name, title, columns in _TABLES
            if name in report.facts["tables"]
        ),
        note=f"数据截至 {show(report.as_of)}，数据版本 {report.data_version}{mark}。",
    )
    return whole if office else outside.paper(whole, report.facts["facts"])


def word(report: Report, *, office: bool = True) -> bytes:
    """The report as Word."""
    return document(paper(report, office=office))


def excel(report: Report, *, office: bool = True) -> bytes:
    """The report's figures as Excel: the text, then a sheet for each table."""
    told = paper(report, office=office)
    text = Sheet(
        name="正文",
        title=told.title,
        period=told.issue,
        measure="",
        columns=(Column("部分", width=18), Column("内容", width=90, left=True)),
        rows=[[section.heading, line] for section in told.sections for line in section.paragraphs],
        notes=(told.note,),
        made=told.date,
    )
    sheets = [
        Sheet(
            name=table.title,
            title=f"{told.title}：{table.title}",
            period=told.issue,
            measure="单位：件",
            columns=tuple(
                Column(name, width=26 if at == 0 else 11, left=at == 0)
                for at, name in enumerate(table.columns)
            ),
            rows=table.rows,
            total=["合计", *(outside.sums(counted) if office else outside.totals(counted, table.rows))],
            notes=(told.note,),
            made=told.date,
        )
        for table, counted in zip(
            told.tables,
            (report.facts["tables"][name] for name, _, _ in _TABLES if name in report.facts["tables"]),
            strict=True,
        )
    ]
    return workbook([text, *sheets])


def page(report: Report, *, office: bool = True) -> str:
    """The report as the HTML that is printed."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE), autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("print.html").render(paper=paper(report, office=office))


def pdf(report: Report, *, office: bool = True) -> bytes:
    """The report as PDF. Raises NoPango where the host cannot make one."""
    html = _html_class()
    # Nothing is fetched: the page is whole in itself.
    made: bytes = html(string=page(report, office=office), url_fetcher=_refuse).write_pdf()
    return made


def _html_class() -> Any:  # noqa: ANN401  (WeasyPrint's class)
    try:
        from weasyprint import HTML  # noqa: PLC0415  (loads pango: slow, and not on every host)
    except OSError as error:
        raise NoPango from error
    return HTML


def _refuse(address: str, *_: object, **__: object) -> dict[str, object]:
    raise ValueError(f"a report fetches nothing: {address}")


class Maker(Protocol):
    """Makes a file of a report."""

    def __call__(self, report: Report, *, office: bool = True) -> bytes:
        """The file; outside the office without small counts."""
        ...


FORMS: Final[dict[str, tuple[Maker, str]]] = {
    "docx": (word, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    "xlsx": (excel, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "pdf": (pdf, "application/pdf"),
}
