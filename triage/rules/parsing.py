"""One parser per table file: text in, typed rows out, every fault noted with its file and line."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from models.vocab import AppealType, Divert, Level, Role, Urgency
from triage.rules import access_rows, drifting, lead_rows, retention_rows, snippet_rows
from triage.rules.calendar import DAY_MINUTES, WorkCalendar
from triage.rules.clock_parsing import clock_table, segments
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
    OWN,
    Basis,
    CatalogueRow,
    ClockName,
    DayType,
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
    Reward,
    Row,
    SituationRow,
    SpanUnit,
    Status,
    UnitRow,
    Where,
    ZoneRow,
)
from triage.rules.snippet_rows import SnippetTable

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

#: Every file of a table directory; another one is refused, a missing one too.
FILES: Final = (
    "access.yaml", "clocks.yaml", "deadlines.yaml", "dispatch_catalogue.csv", "diversions.yaml", "drift.yaml",
    "escalations.yaml", "fallbacks.yaml", "functions.yaml", "holidays.yaml", "incidents.yaml", "kinds.yaml",
    "laws.yaml", "leads.yaml", "moves.yaml", "notices.yaml", "rates.yaml", "reclaimed.yaml", "retention.yaml",
    "situations.yaml", "snippets.yaml", "units.csv", "zones.yaml",
)  # fmt: skip

RowT = TypeVar("RowT", bound=Row)
TableT = TypeVar("TableT")


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
    moves: list[MoveRow] = field(default_factory=list)
    access: list[access_rows.AccessRow] = field(default_factory=list)
    drifts: list[drifting.DriftRow] = field(default_factory=list)
    leads: list[lead_rows.LeadRow] = field(default_factory=list)
    snippets: SnippetTable = field(default_factory=SnippetTable)
    retention: list[retention_rows.RetentionRow] = field(default_factory=list)
    functions: dict[str, str] = field(default_factory=dict)
    clocks: ClockTable = field(default_factory=ClockTable)
    rates: RateTable = field(default_factory=RateTable)
    notices: NoticeTable = field(default_factory=NoticeTable)
    incidents: IncidentTable = field(default_factory=IncidentTable)
    rewards: RewardTable = field(default_factory=RewardTable)
    calendar: WorkCalendar = field(
        default_factory=lambda: WorkCalendar(years=frozenset(), holidays={}, make_up=frozenset())
    )


def parse(files: Mapping[str, str], problems: list[Problem]) -> Parsed:
    """Read the text of every file of `FILES`; what is wrong goes to `problems`, what is good is kept."""
    out = Parsed()
    out.units = _csv(files, "units.csv", UNIT_COLUMNS, _unit, problems)
    out.catalogue = _csv(files, "dispatch_catalogue.csv", CATALOGUE_COLUMNS, _catalogue, problems)
    out.kinds = _yaml(files, "kinds.yaml", "rows", _kind, problems)
    out.laws = _yaml(files, "laws.yaml", "rows", _law, problems)
    out.situations = _yaml(files, "situations.yaml", "rows", _situation, problems)
    out.fallbacks = _yaml(files, "fallbacks.yaml", "rows", _fallback, problems)
    out.reclaimed = _yaml(files, "reclaimed.yaml", "rows", _reclaimed, problems)
    out.moves = _yaml(files, "moves.yaml", "rows", move_row, problems)
    out.access = _yaml(files, access_rows.FILE, "rows", access_rows.parse, problems)
    out.diversions = _yaml(files, "diversions.yaml", "rows", _diversion, problems)
    out.drifts = _yaml(files, "drift.yaml", "rows", drifting.parse, problems)
    out.leads = _yaml(files, "leads.yaml", "rows", lead_rows.parse, problems)
    if (top := _top(files, "snippets.yaml", problems)) is not None:
        out.snippets = SnippetTable(
            tuple(_rows(top, "snippets", snippet_rows.parse)),
            tuple(_rows(top, "answers", snippet_rows.parse)),
        )
        top.done()
    out.retention = _yaml(files, "retention.yaml", "rows", retention_rows.parse, problems)
    if (top := _top(files, "zones.yaml", problems)) is not None:
        out.zones = _rows(top, "zones", _zone)
        out.functional_areas = _rows(top, "functional_areas", _functional_area)
        top.done()
    if (top := _top(files, "escalations.yaml", problems)) is not None:
        out.escalations = _rows(top, "rows", _escalation)
        out.gradings = _rows(top, "gradings", _grading)
        top.done()
    if (top := _top(files, "deadlines.yaml", problems)) is not None:
        out.deadlines = [row for entry in top.records("rows") for row in _deadlines(entry)]
        top.done()
    out.clocks = _whole(files, "clocks.yaml", clock_table, out.clocks, problems)
    out.rates = _whole(files, "rates.yaml", rate_table, out.rates, problems)
    out.notices = _whole(files, "notices.yaml", notice_table, out.notices, problems)
    out.incidents = _whole(files, "incidents.yaml", incident_table, out.incidents, problems)
    if (top := _top(files, "functions.yaml", problems)) is not None:
        out.functions = _functions(top)
        top.done()
    if (top := _top(files, "holidays.yaml", problems)) is not None:
        out.calendar = _calendar(top)
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


def _whole(
    files: Mapping[str, str],
    file: str,
    make: Callable[[Record], TableT],
    none: TableT,
    problems: list[Problem],
) -> TableT:
    """A file that is one table; `none` where it cannot be read."""
    top = _top(files, file, problems)
    if top is None:
        return none
    made = make(top)
    top.done()
    return made


def _yaml(
    files: Mapping[str, str],
    file: str,
    key: str,
    make: Callable[[Record], RowT],
    problems: list[Problem],
) -> list[RowT]:
    top = _top(files, file, problems)
    if top is None:
        return []
    rows = _rows(top, key, make)
    top.done()
    return rows


def _rows(top: Record, key: str, make: Callable[[Record], RowT]) -> list[RowT]:
    made = [(record, make(record)) for record in top.records(key)]
    return [row for record, row in made if record.done()]


def _csv(
    files: Mapping[str, str],
    file: str,
    columns: tuple[str, ...],
    make: Callable[[Record], RowT],
    problems: list[Problem],
) -> list[RowT]:
    records = read_csv(file, files[file], columns, problems) if file in files else ()
    made = [(record, make(record)) for record in records]
    return [row for record, row in made if record.done()]


def _unit(r: Record) -> UnitRow:
    level = r.choice("level", Level)
    district, street = r.optional("district_code"), r.optional("street_code")
    if level in {Level.DISTRICT, Level.BUREAU, Level.STREET} and district is None:
        r.fault("区、区级部门、街道乡镇必须写 district_code")
    if level is Level.STREET and street is None:
        r.fault("街道乡镇必须写 street_code")
    function = r.optional("function") or OWN
    if level in {Level.BUREAU, Level.CITY} and function == OWN:
        r.fault("区级部门和市级部门必须写 function")
    if "居委会" in r.text("name") or "村委会" in r.text("name"):
        r.fault("居委会、村委会不能作承办单位（条例第17条）")
    return UnitRow(r.text("code"), *r.dated(), r.where, r.text("name"), level, function, district, street)


def _catalogue(r: Record) -> CatalogueRow:
    role, level = r.choice("role", Role), r.choice("level", Level)
    function = r.optional("function") or OWN
    if level in {Level.BUREAU, Level.CITY} and function == OWN:
        r.fault("区级部门和市级部门必须写 function")
    if level in {Level.STREET, Level.DISTRICT} and function != OWN:
        r.fault("街道乡镇和区政府不写 function")
    return CatalogueRow(
        r.text("id"), *r.dated(), r.where,
        r.text("kind"), r.optional("situation") or "", role, level, function, r.optional("note") or "",
    )  # fmt: skip


def _kind(r: Record) -> KindRow:
    bases = tuple(_basis(entry) for entry in r.records("bases"))
    return KindRow(
        r.text("id"), *r.dated(), r.where,
        parent=r.text("parent"), name=r.text("name"), urgency=r.choice("urgency", Urgency),
        reward=r.choice("reward", Reward), bases=bases, contacts=r.words("contacts"),
        note=r.optional("note") or "",
    )  # fmt: skip


def _basis(r: Record) -> Basis:
    basis = Basis(r.text("law"), r.text("article"), r.choice("status", Status))
    r.done()
    return basis


def _law(r: Record) -> LawRow:
    return LawRow(
        r.text("id"), *r.dated(), r.where, title=r.text("title"), replaced_by=r.optional("replaced_by")
    )


def _situation(r: Record) -> SituationRow:
    return SituationRow(
        r.text("id"), *r.dated(), r.where, title=r.text("title"), kinds=r.words("kinds", required=True),
        words=r.words("words", required=True), unless=r.words("unless"),
    )  # fmt: skip


def _zone(r: Record) -> ZoneRow:
    return ZoneRow(
        r.text("id"), *r.dated(), r.where,
        zone=r.text("zone"), aliases=r.words("aliases"), street_code=r.text("street_code"),
    )  # fmt: skip


def _functional_area(r: Record) -> FunctionalAreaRow:
    return FunctionalAreaRow(
        r.text("id"), *r.dated(), r.where,
        name=r.text("name"), district_code=r.text("district_code"), unit=r.optional("unit"),
    )  # fmt: skip


def _fallback(r: Record) -> FallbackRow:
    return FallbackRow(
        r.text("id"), *r.dated(), r.where,
        title=r.text("title"), case=r.text("case"), level=r.choice("level", Level),
    )  # fmt: skip


def _reclaimed(r: Record) -> ReclaimedRow:
    return ReclaimedRow(
        r.text("id"), *r.dated(), r.where,
        kind=r.text("kind"), districts=r.words("districts"), function=r.text("function"),
    )  # fmt: skip


def _diversion(r: Record) -> DiversionRow:
    fact, words = r.optional("fact"), r.groups("words")
    if fact is None and not words:
        r.fault("分流条目至少要有 fact 或 words 之一，否则永远不会触发")
    return DiversionRow(
        r.text("id"), *r.dated(), r.where, title=r.text("title"), divert=r.choice("divert", Divert),
        fact=fact, words=words, unless=r.words("unless"), advice=r.text("advice"),
    )  # fmt: skip


def _escalation(r: Record) -> EscalationRow:
    to, words = r.choice("to", Urgency), r.groups("words")
    if to not in {Urgency.U1, Urgency.U2}:
        r.fault("升级规则只能升到 U1 或 U2", "to")
    if not words:
        r.fault("缺少“words”")
    return EscalationRow(
        r.text("id"), *r.dated(), r.where, title=r.text("title"), to=to, kinds=r.words("kinds"),
        words=words, unless=r.words("unless"), denied=r.words("denied"), report=r.flag("report"),
    )  # fmt: skip


def _grading(r: Record) -> GradingRow:
    types = r.words("appeal_types", required=True)
    for word in types:
        if word not in [member.value for member in AppealType]:
            r.fault(f"没有这个诉求类型：{word}", "appeal_types")
    return GradingRow(r.text("id"), *r.dated(), r.where, title=r.text("title"), appeal_types=types)


def _deadlines(entry: Record) -> list[DeadlineRow]:
    """One entry holds a grade's clock and its dated values; each value is a row `id@valid_from`."""
    name, title = entry.text("id"), entry.text("title")
    clock, urgency = entry.choice("clock", ClockName), entry.choice("urgency", Urgency)
    rows = []
    for r in entry.records("values"):
        first, last, source, status = r.dated()
        row = DeadlineRow(
            f"{name}@{first}", first, last, source, status, r.where, title, clock, urgency,
            r.whole("length"), r.choice("unit", SpanUnit), r.choice("day_type", DayType),
            segments(r), r.flag("roll_over"),
        )  # fmt: skip
        if r.done():
            rows.append(row)
    return rows if entry.done() else []


def _functions(top: Record) -> dict[str, str]:
    names: dict[str, str] = {}
    for r in top.records("rows"):
        name, title = r.text("id"), r.text("title")
        if name in names:
            r.fault(f"function“{name}”写了两次", "id")
        if r.done():
            names[name] = title
    return names


def _calendar(top: Record) -> WorkCalendar:
    """The years of holidays.yaml, each with its ranges (both ends included) and make-up days."""
    holidays: dict[date, str] = {}
    make_up: set[date] = set()
    years: set[int] = set()
    entries: dict[date, str] = {}
    for year in top.records("years"):
        number = year.whole("year")
        year.text("source")
        year.choice("status", Status)
        for r in year.records("holidays"):
            name, day, last = r.text("name"), r.day("from"), r.day("to")
            entry = f"H-{day}"
            if last < day:
                r.fault(f"to {last} 早于 from {day}", "to")
            while r.sound and day <= last:
                _off(r, day, number, holidays)
                holidays[day], entries[day] = name, entry
                day += timedelta(days=1)
            r.done()
        for text in year.words("make_up"):
            day = Record(year.where, {"make_up": text}, year.lines, year.problems).day("make_up")
            if day in holidays or day.year != number:
                year.fault(f"调休上班日 {text} 与假期冲突或不在 {number} 年", "make_up")
            make_up.add(day)
            entries[day] = f"T-{day}"
        if number in years:
            year.fault(f"{number} 年写了两次", "year")
        if year.done():
            years.add(number)
    worked = segments(top, required=True) or ((0, DAY_MINUTES),)
    calendar = WorkCalendar(frozenset(years), holidays, frozenset(make_up), worked, entries)
    top.done()
    return calendar


def _off(r: Record, day: date, year: int, holidays: Mapping[date, str]) -> None:
    if day in holidays or day.year != year:
        r.fault(f"假期 {day} 写了两次或不在 {year} 年")


def where_of(file: str) -> Where:
    """The top of a file: where what is missing is reported."""
    return Where(file, 1)
