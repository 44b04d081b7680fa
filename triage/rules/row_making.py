"""A maker for each kind of row of the first tables: a record in, a typed row out, faults noted in it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from models.vocab import AppealType, Divert, Level, Role, Urgency
from triage.rules.calendar import DAY_MINUTES, WorkCalendar
from triage.rules.clock_parsing import segments
from triage.rules.reading import Record
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
    ReclaimedRow,
    Reward,
    SituationRow,
    SpanUnit,
    Status,
    UnitRow,
    ZoneRow,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


def unit(r: Record) -> UnitRow:
    """A unit (承办单位) of units.csv."""
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


def catalogue(r: Record) -> CatalogueRow:
    """A row of the dispatch catalogue (派单目录)."""
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


def kind(r: Record) -> KindRow:
    """A kind (种类) with its legal bases."""
    bases = tuple(basis(entry) for entry in r.records("bases"))
    return KindRow(
        r.text("id"), *r.dated(), r.where,
        parent=r.text("parent"), name=r.text("name"), urgency=r.choice("urgency", Urgency),
        reward=r.choice("reward", Reward), bases=bases, contacts=r.words("contacts"),
        note=r.optional("note") or "",
    )  # fmt: skip


def basis(r: Record) -> Basis:
    """An article that a kind rests on."""
    made = Basis(r.text("law"), r.text("article"), r.choice("status", Status))
    r.done()
    return made


def law(r: Record) -> LawRow:
    """A law and what replaced it."""
    return LawRow(
        r.text("id"), *r.dated(), r.where, title=r.text("title"), replaced_by=r.optional("replaced_by")
    )


def situation(r: Record) -> SituationRow:
    """A situation (情形) and the words that tell it."""
    return SituationRow(
        r.text("id"), *r.dated(), r.where, title=r.text("title"), kinds=r.words("kinds", required=True),
        words=r.words("words", required=True), unless=r.words("unless"), passing=r.words("passing"),
    )  # fmt: skip


def zone(r: Record) -> ZoneRow:
    """A zone (功能区) and the street it counts for."""
    return ZoneRow(
        r.text("id"), *r.dated(), r.where,
        zone=r.text("zone"), aliases=r.words("aliases"), street_code=r.text("street_code"),
    )  # fmt: skip


def functional_area(r: Record) -> FunctionalAreaRow:
    """A functional area and its own unit."""
    return FunctionalAreaRow(
        r.text("id"), *r.dated(), r.where,
        name=r.text("name"), district_code=r.text("district_code"), unit=r.optional("unit"),
    )  # fmt: skip


def fallback(r: Record) -> FallbackRow:
    """Who gets what no row of the catalogue fits."""
    return FallbackRow(
        r.text("id"), *r.dated(), r.where,
        title=r.text("title"), case=r.text("case"), level=r.choice("level", Level),
    )  # fmt: skip


def reclaimed(r: Record) -> ReclaimedRow:
    """A kind that districts have taken back from the streets."""
    return ReclaimedRow(
        r.text("id"), *r.dated(), r.where,
        kind=r.text("kind"), districts=r.words("districts"), function=r.text("function"),
    )  # fmt: skip


def diversion(r: Record) -> DiversionRow:
    """A diversion (分流) and what sets it off."""
    fact, words = r.optional("fact"), r.groups("words")
    if fact is None and not words:
        r.fault("分流条目至少要有 fact 或 words 之一，否则永远不会触发")
    return DiversionRow(
        r.text("id"), *r.dated(), r.where, title=r.text("title"), divert=r.choice("divert", Divert),
        fact=fact, words=words, unless=r.words("unless"), denied=r.words("denied"), advice=r.text("advice"),
    )  # fmt: skip


def escalation(r: Record) -> EscalationRow:
    """Words that raise the urgency."""
    to, words = r.choice("to", Urgency), r.groups("words")
    if to not in {Urgency.U1, Urgency.U2}:
        r.fault("升级规则只能升到 U1 或 U2", "to")
    if not words:
        r.fault("缺少“words”")
    return EscalationRow(
        r.text("id"), *r.dated(), r.where, title=r.text("title"), to=to, kinds=r.words("kinds"),
        words=words, unless=r.words("unless"), denied=r.words("denied"), report=r.flag("report"),
    )  # fmt: skip


def grading(r: Record) -> GradingRow:
    """The appeal types that are graded."""
    types = r.words("appeal_types", required=True)
    for word in types:
        if word not in [member.value for member in AppealType]:
            r.fault(f"没有这个诉求类型：{word}", "appeal_types")
    return GradingRow(r.text("id"), *r.dated(), r.where, title=r.text("title"), appeal_types=types)


def deadlines(entry: Record) -> list[DeadlineRow]:
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


def functions(top: Record) -> dict[str, str]:
    """The names of the functions (职能)."""
    names: dict[str, str] = {}
    for r in top.records("rows"):
        name, title = r.text("id"), r.text("title")
        if name in names:
            r.fault(f"function“{name}”写了两次", "id")
        if r.done():
            names[name] = title
    return names


def calendar(top: Record) -> WorkCalendar:
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
