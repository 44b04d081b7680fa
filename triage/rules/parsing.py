"""One parser per table file: text in, typed rows out, every fault noted with its file and line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

from triage.rules import (
    access_rows,
    denials,
    drifting,
    lead_rows,
    publishing,
    report_rows,
    retention_rows,
    reveal_rows,
    signin_rows,
    snippet_rows,
)
from triage.rules import row_making as make
from triage.rules.calendar import WorkCalendar
from triage.rules.clock_parsing import clock_table
from triage.rules.clock_rows import ClockTable
from triage.rules.incident_rows import IncidentTable, incident_table
from triage.rules.move_parsing import move_row
from triage.rules.notice_parsing import notice_table
from triage.rules.notice_rows import NoticeTable
from triage.rules.rate_parsing import rate_table
from triage.rules.rate_rows import RateTable
from triage.rules.reading import Record, read_csv, read_yaml
from triage.rules.rewards.rows import RewardTable
from triage.rules.rows import (
    CatalogueRow,
    DeadlineRow,
    DiversionRow,
    EscalationRow,
    FallbackRow,
    FunctionalAreaRow,
    GradingRow,
    KindRow,
    LawRow,
    Problem,
    ReclaimedRow,
    Row,
    SituationRow,
    UnitRow,
    Where,
    ZoneRow,
)
from triage.rules.snippet_rows import SnippetTable
from triage.rules.trends import rows as signal_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from triage.rules.move_rows import MoveRow

UNIT_COLUMNS: Final = (
    "code", "name", "level", "function", "district_code", "street_code",
    "valid_from", "valid_to", "source", "status",
)  # fmt: skip
CATALOGUE_COLUMNS: Final = (
    "id", "kind", "situation", "role", "level", "function",
    "valid_from", "valid_to", "source", "status", "note",
)  # fmt: skip

#: Files that are one list of rows: what they fill, and who makes a row.
_LISTS: Final[Mapping[str, tuple[str, Callable[[Record], Row]]]] = {
    "access.yaml": ("access", access_rows.parse),
    "diversions.yaml": ("diversions", make.diversion),
    "drift.yaml": ("drifts", drifting.parse),
    "fallbacks.yaml": ("fallbacks", make.fallback),
    "kinds.yaml": ("kinds", make.kind),
    "laws.yaml": ("laws", make.law),
    "leads.yaml": ("leads", lead_rows.parse),
    "moves.yaml": ("moves", move_row),
    "publishing.yaml": ("publishing", publishing.parse),
    "reclaimed.yaml": ("reclaimed", make.reclaimed),
    "reports.yaml": ("reports", report_rows.parse),
    "retention.yaml": ("retention", retention_rows.parse),
    "signals.yaml": ("signals", signal_rows.parse),
    "signin.yaml": ("signins", signin_rows.parse),
    "situations.yaml": ("situations", make.situation),
}
#: Files that are a table of their own shape: what they fill, and who reads the whole.
_TABLES: Final[Mapping[str, tuple[str, Callable[[Record], object]]]] = {
    "clocks.yaml": ("clocks", clock_table),
    "functions.yaml": ("functions", make.functions),
    "incidents.yaml": ("incidents", incident_table),
    "notices.yaml": ("notices", notice_table),
    "rates.yaml": ("rates", rate_table),
    "reveals.yaml": ("reveals", reveal_rows.table),
}
#: Files of several lists: which list fills what.
_SEVERAL: Final[Mapping[str, Mapping[str, tuple[str, Callable[[Record], Row]]]]] = {
    "escalations.yaml": {
        "rows": ("escalations", make.escalation),
        "gradings": ("gradings", make.grading),
        "denials": ("denials", denials.parse),
    },
    "zones.yaml": {
        "zones": ("zones", make.zone),
        "functional_areas": ("functional_areas", make.functional_area),
    },
}

#: Lists that a site's own files of before do not have.
_MAY_LACK: Final = frozenset({"denials", "lacks"})

#: Every file of a table directory; another one is refused, a missing one too.
FILES: Final = tuple(
    sorted(
        [
            *_LISTS,
            *_TABLES,
            *_SEVERAL,
            "deadlines.yaml",
            "dispatch_catalogue.csv",
            "holidays.yaml",
            "snippets.yaml",
            "units.csv",
        ]
    )
)

RowT = TypeVar("RowT", bound=Row)


@dataclass(slots=True)
class Parsed:
    """The rows of all files, before they are checked against each other."""

    units: list[UnitRow] = field(default_factory=list)
    kinds: list[KindRow] = field(default_factory=list)
    laws: list[LawRow] = field(default_factory=list)
    deadlines: list[DeadlineRow] = field(default_factory=list)
    catalogue: list[CatalogueRow] = field(default_factory=list)
    situations: list[SituationRow] = field(default_factory=list)
    zones: list[ZoneRow] = field(default_factory=list)
    functional_areas: list[FunctionalAreaRow] = field(default_factory=list)
    fallbacks: list[FallbackRow] = field(default_factory=list)
    reclaimed: list[ReclaimedRow] = field(default_factory=list)
    diversions: list[DiversionRow] = field(default_factory=list)
    escalations: list[EscalationRow] = field(default_factory=list)
    gradings: list[GradingRow] = field(default_factory=list)
    denials: list[denials.DenialRow] = field(default_factory=list)
    moves: list[MoveRow] = field(default_factory=list)
    access: list[access_rows.AccessRow] = field(default_factory=list)
    drifts: list[drifting.DriftRow] = field(default_factory=list)
    leads: list[lead_rows.LeadRow] = field(default_factory=list)
    publishing: list[publishing.PublishRow] = field(default_factory=list)
    reports: list[report_rows.ReportRecipientRow] = field(default_factory=list)
    signals: list[signal_rows.SignalRow] = field(default_factory=list)
    snippets: SnippetTable = field(default_factory=SnippetTable)
    retention: list[retention_rows.RetentionRow] = field(default_factory=list)
    signins: list[signin_rows.SignInRow] = field(default_factory=list)
    functions: dict[str, str] = field(default_factory=dict)
    clocks: ClockTable = field(default_factory=ClockTable)
    rates: RateTable = field(default_factory=RateTable)
    notices: NoticeTable = field(default_factory=NoticeTable)
    incidents: IncidentTable = field(default_factory=IncidentTable)
    reveals: reveal_rows.RevealTable = field(default_factory=reveal_rows.RevealTable)
    rewards: RewardTable = field(default_factory=RewardTable)
    calendar: WorkCalendar = field(
        default_factory=lambda: WorkCalendar(years=frozenset(), holidays={}, make_up=frozenset())
    )


def parse(files: Mapping[str, str], problems: list[Problem]) -> Parsed:
    """Read the text of every file of `FILES`; what is wrong goes to `problems`, what is good is kept."""
    out = Parsed()
    out.units = _csv(files, "units.csv", UNIT_COLUMNS, make.unit, problems)
    out.catalogue = _csv(files, "dispatch_catalogue.csv", CATALOGUE_COLUMNS, make.catalogue, problems)
    # The three tables above say what type each field has.
    for file, (name, maker) in _LISTS.items():
        setattr(out, name, _yaml(files, file, maker, problems))
    for file, (name, reader) in _TABLES.items():
        if (top := _top(files, file, problems)) is not None:
            setattr(out, name, reader(top))
            top.done()
    for file, lists in _SEVERAL.items():
        if (top := _top(files, file, problems)) is not None:
            for key, (name, maker) in lists.items():
                setattr(out, name, _rows(top, key, maker))
            top.done()
    if (top := _top(files, "snippets.yaml", problems)) is not None:
        out.snippets = SnippetTable(
            tuple(_rows(top, "snippets", snippet_rows.parse)),
            tuple(_rows(top, "answers", snippet_rows.parse)),
            tuple(_rows(top, "lacks", snippet_rows.parse_lack)),
        )
        top.done()
    if (top := _top(files, "deadlines.yaml", problems)) is not None:
        out.deadlines = [row for entry in top.records("rows") for row in make.deadlines(entry)]
        top.done()
    if (top := _top(files, "holidays.yaml", problems)) is not None:
        out.calendar = make.calendar(top)
    return out


def _top(files: Mapping[str, str], file: str, problems: list[Problem]) -> Record | None:
    try:
        top = read_yaml(file, files[file], problems) if file in files else None
    except RecursionError:
        problems.append(Problem(Where(file, 1), "YAML 的锚点引用了自己，或嵌套太深"))
        top = None
    if top is not None:
        top.optional("about")
    return top


def _yaml(
    files: Mapping[str, str],
    file: str,
    maker: Callable[[Record], RowT],
    problems: list[Problem],
) -> list[RowT]:
    top = _top(files, file, problems)
    if top is None:
        return []
    rows = _rows(top, "rows", maker)
    top.done()
    return rows


def _rows(top: Record, key: str, maker: Callable[[Record], RowT]) -> list[RowT]:
    if key in _MAY_LACK and key not in top.values:
        return []
    made = [(record, maker(record)) for record in top.records(key)]
    return [row for record, row in made if record.done()]


def _csv(
    files: Mapping[str, str],
    file: str,
    columns: tuple[str, ...],
    maker: Callable[[Record], RowT],
    problems: list[Problem],
) -> list[RowT]:
    records = read_csv(file, files[file], columns, problems) if file in files else ()
    made = [(record, maker(record)) for record in records]
    return [row for record, row in made if record.done()]


def where_of(file: str) -> Where:
    """The top of a file: where what is missing is reported."""
    return Where(file, 1)
