"""派单: kind + situation + place + date → the unit that leads, those that assist, those copied, and why.

Order of questions, each answered by rows only (条例 art. 11–12):
1. Which street? A zone (特定区域) overrides it; a functional area (功能区) has an office of its own, is the
   ground of another street (撤并), or counts as no street. 2. What does the catalogue in force that day say
   of the kind in its situation? 3. Has the upper level taken the kind back from streets (收回事项)? 4. Which
   unit is that here? Where it cannot be told, the fallback: the district government; without a district,
   the city's review desk.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from models.vocab import Level, Role
from triage.errors import NoRule
from triage.rules.phrases import without
from triage.rules.rows import GENERAL, OWN, UNCLEAR_KIND
from triage.rules.unit_periods import same_post

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from triage.rules.rows import CatalogueRow, FallbackRow, Plan, Row, SituationRow, Tables, UnitRow, ZoneRow


@dataclass(frozen=True, slots=True)
class Route:
    """One answer: exactly one lead (`unit`), and the rows and sentences that led to it."""

    level: Level
    unit: UnitRow
    assist: tuple[UnitRow, ...]
    cc: tuple[UnitRow, ...]
    rows: tuple[Row, ...]
    steps: tuple[str, ...]

    @property
    def row_ids(self) -> tuple[str, ...]:
        """The ids of the rows that decided, in order."""
        return tuple(row.id for row in self.rows)

    @property
    def source(self) -> str:
        """Where those rows come from, each source once."""
        return "；".join(dict.fromkeys(row.source for row in self.rows))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where it is, after zones and functional areas; what was used to find out."""

    district: str | None = None
    street: str | None = None
    office: UnitRow | None = None
    rows: tuple[Row, ...] = ()
    steps: tuple[str, ...] = ()


def district_having(tables: Tables, lead: str | None, place: str | None) -> str | None:
    """The code of the district that has a case: its lead unit's, else (a city bureau, nobody) the place's.

    A place that is put right in another district moves no case: who has it stays until somebody moves it.
    """
    unit = tables.units.get(lead or "")
    return (unit.district_code if unit else None) or place


def district_copied(tables: Tables, placed: str | None, *, day: date) -> str | None:
    """The government that is copied a city bureau's case: that of the district its place was put right in.

    Where the place is as it was read nobody is: the catalogue has said who else has a part.
    """
    unit = tables.unit(Level.DISTRICT, OWN, placed, day) if placed else None
    return unit.code if unit else None


def situation_of(tables: Tables, *, kind: str, text: str, at: date) -> tuple[SituationRow, str] | None:
    """The first situation of the kind that the text tells, and the word that told it; None when none."""
    for row in tables.situations_of.get(kind, ()):
        if row.holds(at):
            meant = without(text, row.passing)
            word = next((word for word in row.words if word in meant), None)
            if word is not None and not any(no in text for no in row.unless):
                return row, word
    return None


def route(
    tables: Tables,
    *,
    kind: str | None,
    at: date,
    district_code: str | None = None,
    street_code: str | None = None,
    zone: str | None = None,
    situation: str | None = None,
) -> Route:
    """Find the unit that answers for a kind at a place on a day (Beijing date).

    `kind` None means a kind nobody could tell (OTH-99). Raises NoRule, in plain Chinese, on an unknown kind,
    situation, zone, district or street, on a street outside the district, and on a day no row covers.
    """
    code = kind or UNCLEAR_KIND
    name = tables.kind(code).name
    plan = tables.plan(code, _known(tables, situation, code), at)
    place = _where(tables, district_code, street_code, zone, at)
    because = [f"污染种类：{code} {name}。", *place.steps]
    if situation:
        because.append(f"情形：{tables.situations[situation].title}。")
    used = [*place.rows, plan.lead]
    lead, reclaimed = _lead(tables, plan, place, at)
    used += reclaimed
    because += [
        _why(tables, lead),
        *(f"此类属上级部门收回事项，不派街道乡镇主办（{r.source}）。" for r in reclaimed),
    ]
    if place.office is not None and lead.level is not Level.CITY:
        because.append(f"地点在功能区，由{place.office.name}统一承办。")
        return _answer(place.office, (), (), used, because)
    if lead.level is not Level.CITY and place.district is None:
        row = _fallback(tables, "no_place", at)
        desk = _must(tables, Level.DESK, OWN, "", at)
        because.append(f"不知道在哪个区：由{desk.name}先问清地点再派（{row.source}）。")
        return _answer(desk, (), (), [*used, row], because)
    unit = _unit(tables, lead, place, at)
    if unit is None:
        row = _fallback(tables, "no_unit", at)
        unit = _must(tables, row.level, OWN, place.district or "", at)
        missing = (
            "街道乡镇" if lead.level is Level.STREET else f"“{tables.functions[lead.function]}”职能的单位"
        )
        because.append(f"定不到具体的{missing}：由{unit.name}协调（{row.source}）。")
        used.append(row)
    assist, skipped = _helpers(tables, plan.assist, place, at)
    copies, _ = _helpers(tables, plan.cc if unit.level is Level.STREET else (), place, at)
    used += [row for row in (*plan.assist, *(plan.cc if copies else ())) if row.id not in skipped]
    return _answer(unit, assist, copies, used, because)


def _known(tables: Tables, situation: str | None, kind: str) -> str:
    if situation is None:
        return GENERAL
    row = tables.situations.get(situation)
    if row is None or kind not in row.kinds:
        raise NoRule(f"种类 {kind} 没有这个情形：{situation}")
    return situation


def zone_in(tables: Tables, words: str | None, street_code: str | None, at: date) -> str | None:
    """The zone (特定区域) that the words of a place name, if it lies on that street; else None."""
    here = (row for row in tables.zones if row.holds(at) and row.street_code == street_code)
    named = (row.zone for row in here if any(name in (words or "") for name in (row.zone, *row.aliases)))
    return next(named, None)


def _zone(tables: Tables, name: str, at: date) -> ZoneRow:
    named = [row for row in tables.zones if name in {row.id, row.zone, *row.aliases}]
    for row in named:
        if row.holds(at):
            return row
    if named:
        raise NoRule(f"特定区域“{name}”在 {at.isoformat()} 没有有效的指定")
    raise NoRule(f"没有这个特定区域：{name}")


def _where(
    tables: Tables, district_code: str | None, street_code: str | None, zone: str | None, at: date
) -> _Place:
    if zone is not None:
        row = _zone(tables, zone, at)
        unit = _must(tables, Level.STREET, OWN, row.street_code, at)
        step = f"地点属特定区域“{row.zone}”，指定由{unit.name}管辖（{row.source}）。"
        return _Place(unit.district_code, row.street_code, rows=(row,), steps=(step,))
    if street_code is not None:
        return _in_street(tables, district_code, street_code, at)
    if district_code is None:
        return _Place(steps=("地点：没有识别到行政区。",))
    unit = _must(tables, Level.DISTRICT, OWN, district_code, at, missing=f"没有这个区：{district_code}")
    return _Place(
        district_code,
        steps=(f"地点：{unit.name.removesuffix('人民政府')}（{district_code}），街道乡镇不明。",),
    )


def _in_street(tables: Tables, district_code: str | None, street_code: str, at: date) -> _Place:
    area = tables.functional_areas.get(street_code)
    if area is not None and area.holds(at):
        _same_district(district_code, area.district_code, area.name)
        office = _office(tables, area.unit, at) if area.unit else None
        if office is not None and office.level is Level.STREET:  # 撤并: it is that street's ground now
            step = f"地点：{area.name}（{street_code}），现由{office.name}管辖（{area.source}）。"
            return _Place(office.district_code, office.street_code, rows=(area,), steps=(step,))
        step = f"地点：功能区{area.name}（{street_code}）"
        step += "。" if office else f"，不是街道乡镇，按所在区处理（{area.source}）。"
        return _Place(area.district_code, None, office, (area,), (step,))
    unit = _must(tables, Level.STREET, OWN, street_code, at, missing=f"没有这个街道乡镇：{street_code}")
    _same_district(district_code, unit.district_code, unit.name)
    return _Place(unit.district_code, street_code, steps=(f"地点：{unit.name}辖区（{street_code}）。",))


def _office(tables: Tables, code: str, at: date) -> UnitRow | None:
    """The unit of a code, or the one that has taken its place by that day."""
    named = tables.units[code]
    if named.holds(at):
        return named
    return next((unit for unit in tables.units.values() if unit.holds(at) and same_post(unit, named)), None)


def _same_district(given: str | None, real: str | None, name: str) -> None:
    if given is not None and given != real:
        raise NoRule(f"{name}在 {real}，不在给出的区 {given}")


def _lead(tables: Tables, plan: Plan, place: _Place, at: date) -> tuple[CatalogueRow, list[Row]]:
    """The lead row of the plan; where the kind was taken back from streets, the bureau in its stead."""
    lead = plan.lead
    if lead.level is Level.STREET:
        for row in tables.reclaimed:
            if row.kind == lead.kind and place.district in row.districts and row.holds(at):
                return replace(lead, level=Level.BUREAU, function=row.function), [row]
    return lead, []


def _why(tables: Tables, lead: CatalogueRow) -> str:
    who = {
        Level.STREET: "街道乡镇",
        Level.DISTRICT: "区政府",
        Level.CITY: f"市级{tables.functions.get(lead.function, '')}单位",
        Level.BUREAU: f"区级{tables.functions.get(lead.function, '')}部门",
        Level.DESK: "市热线审核岗",
    }[lead.level]
    until = f"至 {lead.valid_to}" if lead.valid_to else "起"
    return (
        f"派单目录（{lead.valid_from} {until}有效，{lead.status.label}）：由{who}主办。依据：{lead.source}。"
    )


def _unit(tables: Tables, row: CatalogueRow, place: _Place, at: date) -> UnitRow | None:
    area = {Level.STREET: place.street, Level.DISTRICT: place.district, Level.BUREAU: place.district}
    where = area.get(row.level, "")
    return None if where is None else tables.unit(row.level, row.function, where, at)


def _helpers(
    tables: Tables, rows: Iterable[CatalogueRow], place: _Place, at: date
) -> tuple[tuple[UnitRow, ...], set[str]]:
    """The units of assisting or copied rows; the ids of rows that name no unit here (street unknown)."""
    units: list[UnitRow] = []
    skipped: set[str] = set()
    for row in rows:
        unit = _unit(tables, row, place, at)
        if unit is None:
            skipped.add(row.id)
        else:
            units.append(unit)
    return tuple(units), skipped


def _must(
    tables: Tables, level: Level, function: str, area: str, at: date, *, missing: str | None = None
) -> UnitRow:
    unit = tables.unit(level, function, area, at)
    if unit is None:
        raise NoRule(missing or f"承办单位表在 {at.isoformat()} 没有{level.label}：{area}")
    return unit


def _fallback(tables: Tables, case: str, at: date) -> FallbackRow:
    for row in tables.fallbacks:
        if row.case == case and row.holds(at):
            return row
    raise NoRule(f"兜底规则没有覆盖这一天：{case}，日期 {at.isoformat()}")


def _answer(
    unit: UnitRow,
    assist: tuple[UnitRow, ...],
    copies: tuple[UnitRow, ...],
    used: list[Row],
    because: list[str],
) -> Route:
    # A unit has one role: who leads or is copied is not named again as assisting.
    helpers = tuple(other for other in dict.fromkeys(assist) if other.id != unit.id and other not in copies)
    steps = [*because, f"{Role.LEAD.label}：{unit.name}。"]
    if copies:
        names = "、".join(u.name for u in copies)
        steps.append(f"{Role.COPY.label}：{names}督促协调（街道乡镇主办的必须抄送区政府）。")
    if helpers:
        steps.append(f"{Role.ASSIST.label}：{'、'.join(u.name for u in helpers)}。")
    rows = tuple({row.id: row for row in used}.values())
    return Route(level=unit.level, unit=unit, assist=helpers, cc=copies, rows=rows, steps=tuple(steps))
