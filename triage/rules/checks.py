"""Row against row: what no single row shows.

Ids written twice, periods that overlap or leave a gap, names of units, kinds and laws that do
not exist, kinds nobody leads, rows that can never decide.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from itertools import combinations
from typing import TYPE_CHECKING, Final

from models.vocab import Level, Role, Urgency
from triage.rules import (
    access_rows,
    agreement_checks,
    clock_checks,
    denials,
    incident_rows,
    lead_rows,
    move_parsing,
    notice_parsing,
    rate_parsing,
    report_rows,
    retention_rows,
    reveal_rows,
    signin_rows,
    snippet_rows,
    unit_periods,
)
from triage.rules.check_tools import gaps as _gaps
from triage.rules.check_tools import ids as _ids
from triage.rules.check_tools import overlap as _overlap
from triage.rules.check_tools import overlaps as _overlaps
from triage.rules.check_tools import say as _say
from triage.rules.rows import GENERAL, OWN, UNCLEAR_KIND, ZONE_OFFICE, ClockName, Problem, Row, Where
from triage.rules.trends import rows as signal_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triage.rules.parsing import Parsed
    from triage.rules.rows import CatalogueRow, EscalationRow, SituationRow

#: The cases that need a fallback row: no district is known; the catalogue's unit cannot be told.
FALLBACK_CASES: Final = ("no_place", "no_unit")
#: The facts a diversion may wait for: fields of `diversions.DiversionFacts`.
DIVERSION_FACTS: Final = ("in_legal_channel", "same_matter_open", "secret", "out_of_duty", "unlawful")
_DAY: Final = timedelta(days=1)
_GRAVITY: Final = {Urgency.U1: 0, Urgency.U2: 1, Urgency.U3: 2, Urgency.U4: 3}


def check(rows: Parsed, problems: list[Problem]) -> None:
    """Note every problem between rows."""
    needed: dict[str, Sequence[Row]] = {
        "units.csv": rows.units, "kinds.yaml": rows.kinds, "laws.yaml": rows.laws,
        "deadlines.yaml": rows.deadlines, "dispatch_catalogue.csv": rows.catalogue,
        "fallbacks.yaml": rows.fallbacks, "escalations.yaml": rows.gradings,
        "moves.yaml": rows.moves,
    }  # fmt: skip
    empty = [file for file, group in needed.items() if not group]
    problems += [Problem(Where(file, 1), "没有任何条目") for file in empty]
    if empty:
        return
    others = (
        rows.situations, rows.zones, rows.functional_areas, rows.reclaimed, rows.diversions, rows.escalations,
        rows.drifts, rows.publishing, rows.denials,
    )  # fmt: skip
    for group in (*needed.values(), *others):
        _ids(group, problems)
    clock_checks.check(rows.clocks, problems)
    rate_parsing.check(rows.rates, problems)
    notice_parsing.check(rows.notices, problems)
    lead_rows.check(rows.leads, problems)
    incident_rows.check(rows.incidents, problems)
    signal_rows.check(rows.signals, problems)
    report_rows.check(rows.reports, {unit.id for unit in rows.units}, problems)
    snippet_rows.check(rows.snippets, {kind.id for kind in rows.kinds}, problems)
    access_rows.check(rows.access, problems)
    retention_rows.check(rows.retention, problems)
    signin_rows.check(rows.signins, problems)
    reveal_rows.check(rows.reveals, problems)
    _kinds(rows, problems)
    _units(rows, problems)
    _catalogue(rows, problems)
    _leads(rows.catalogue, rows, problems)
    _deadlines(rows, problems)
    _situations(rows, problems)
    _places(rows, problems)
    _fallbacks(rows, problems)
    _reclaimed(rows, problems)
    _diversions(rows, problems)
    _escalations(rows, problems)
    move_parsing.check(rows.moves, problems)
    agreement_checks.check(rows.clocks, rows.moves, problems)
    for figure in {row.figure for row in rows.drifts}:
        mine = [row for row in rows.drifts if row.figure is figure]
        _overlaps(mine, lambda _row: None, f"漂移阈值({figure.label})", problems)
    _overlaps(rows.publishing, lambda row: row.name, "发布口径", problems)


def _kinds(rows: Parsed, problems: list[Problem]) -> None:
    laws = {law.id: law for law in rows.laws}
    for kind in rows.kinds:
        for basis in kind.bases:
            if basis.law not in laws:
                _say(problems, kind, f"没有这部法规：{basis.law}（应先写进 laws.yaml）")
        if not kind.bases:
            _say(problems, kind, "没有法律依据")
    for law in rows.laws:
        if law.replaced_by is not None and law.replaced_by not in laws:
            _say(problems, law, f"没有这部法规：{law.replaced_by}")
    if UNCLEAR_KIND not in {kind.id for kind in rows.kinds}:
        _say(problems, rows.kinds[-1], f"缺少兜底种类 {UNCLEAR_KIND}")


def _units(rows: Parsed, problems: list[Problem]) -> None:
    districts = {u.district_code for u in rows.units if u.governs}
    for unit in rows.units:
        if unit.district_code is not None and unit.district_code not in districts:
            _say(problems, unit, f"没有这个区的区政府：{unit.district_code}")
        if unit.function not in {OWN, ZONE_OFFICE} and unit.function not in rows.functions:
            _say(problems, unit, f"没有这个职能：{unit.function}（应先写进 functions.yaml）")
    _overlaps(
        rows.units,
        lambda u: (u.level, u.function, u.district_code, u.street_code),
        "同一职能的承办单位",
        problems,
    )


def _catalogue(rows: Parsed, problems: list[Problem]) -> None:
    kinds = {kind.id for kind in rows.kinds}
    situations = {s.id: s for s in rows.situations}
    districts = {u.district_code for u in rows.units if u.governs}
    posts = {(u.level, u.function, u.district_code) for u in rows.units}
    for row in rows.catalogue:
        if row.kind not in kinds:
            _say(problems, row, f"没有这个污染种类：{row.kind}")
        situation = situations.get(row.situation)
        if row.situation != GENERAL and situation is None:
            _say(problems, row, f"没有这个情形：{row.situation}")
        if situation is not None and row.kind not in situation.kinds:
            _say(problems, row, f"情形 {row.situation} 不属于种类 {row.kind}，此条永远不会生效")
        if row.level is Level.CITY and (Level.CITY, row.function, None) not in posts:
            _say(problems, row, f"没有这个市级单位：{row.function}")
        missing = [
            code
            for code in sorted(filter(None, districts))
            if (Level.BUREAU, row.function, code) not in posts
        ]
        if row.level is Level.BUREAU and missing:
            _say(problems, row, f"这些区没有“{row.function}”职能的单位：{'、'.join(missing)}")
    _overlaps(
        rows.catalogue, lambda r: (r.kind, r.situation, r.level, r.function), "同一单位的角色", problems
    )


def _leads(catalogue: Sequence[CatalogueRow], rows: Parsed, problems: list[Problem]) -> None:
    """Exactly one lead on every day; a street that leads is copied to its district (条例 art. 12)."""
    groups: dict[tuple[str, str], list[CatalogueRow]] = defaultdict(list)
    for row in catalogue:
        groups[row.kind, row.situation].append(row)
    for kind in rows.kinds:
        if not any(row.role is Role.LEAD for row in groups.get((kind.id, GENERAL), [])):
            _say(problems, kind, "派单目录里没有主办单位")
    for situation in rows.situations:
        for code in situation.kinds:
            if (code, situation.id) not in groups:
                _say(problems, situation, f"派单目录里没有种类 {code} 在此情形下的条目")
    for matter, group in groups.items():
        _one_lead(*matter, group, problems)


def _one_lead(kind: str, situation: str, group: Sequence[CatalogueRow], problems: list[Problem]) -> None:
    lead = [row for row in group if row.role is Role.LEAD]
    what = f"种类 {kind}{f'（情形 {situation}）' if situation else ''}的主办"
    _overlaps(lead, lambda _row: None, what, problems)
    if lead:
        _gaps(lead, what, problems)
    for row in lead:
        copies = [o for o in group if o.role is Role.COPY and o.level is Level.DISTRICT]
        if row.level is Level.STREET and not _together(copies, row):
            _say(problems, row, "街道乡镇主办必须同时抄送区政府（条例第12条）")


def _covers(outer: Row, inner: Row) -> bool:
    ends = (outer.valid_to or date.max) >= (inner.valid_to or date.max)
    return outer.valid_from <= inner.valid_from and ends


def _together(outer: Sequence[Row], inner: Row) -> bool:
    """Whether on every day of `inner` one of `outer` holds: the days on which something ends are enough."""
    turns = {inner.valid_from} | {row.valid_to + _DAY for row in outer if row.valid_to}
    return all(any(row.holds(day) for row in outer) for day in turns if inner.holds(day))


def _deadlines(rows: Parsed, problems: list[Problem]) -> None:
    _overlaps(rows.deadlines, lambda d: (d.clock, d.urgency), "同一等级同一时限", problems)
    for clock in ClockName:
        for urgency in Urgency:
            found = [d for d in rows.deadlines if d.clock is clock and d.urgency is urgency]
            if found:
                _gaps(found, f"{urgency.value} 的 {clock.value} 时限", problems)
            else:
                problems.append(
                    Problem(rows.deadlines[0].where, f"缺少 {urgency.value} 的 {clock.value} 时限")
                )


def _situations(rows: Parsed, problems: list[Problem]) -> None:
    """First match decides, so a situation is dead when an earlier one meets each of its words first."""
    kinds = {kind.id for kind in rows.kinds}
    for situation in rows.situations:
        for code in situation.kinds:
            if code not in kinds:
                _say(problems, situation, f"没有这个污染种类：{code}")
    for one, other in combinations(rows.situations, 2):
        shared = set(one.kinds) & set(other.kinds)
        if shared and set(other.kinds) <= set(one.kinds) and _shadows(one, other):
            _say(problems, other, f"被 {one.id}（{one.where}）完全遮住，永远不会生效")


def _shadows(one: SituationRow, other: SituationRow) -> bool:
    certain = [word for word in one.words if not any(word in phrase for phrase in one.passing)]
    met = all(any(word in longer for word in certain) for longer in other.words)
    return met and not one.unless and _covers(one, other)


def _places(rows: Parsed, problems: list[Problem]) -> None:
    streets = {u.street_code for u in rows.units if u.level is Level.STREET}
    units = {u.id: u for u in rows.units}
    for zone in rows.zones:
        if zone.street_code not in streets:
            _say(problems, zone, f"没有这个街道乡镇的承办单位：{zone.street_code}")
    names = [(name, zone) for zone in rows.zones for name in (zone.zone, *zone.aliases)]
    for (name, one), (again, other) in combinations(names, 2):
        if name == again and one is not other and _overlap(one, other):
            _say(problems, other, f"区域名“{name}”的有效期与 {one.id}（{one.where}）重叠")
    for area in rows.functional_areas:
        if area.district_code not in units:
            _say(problems, area, f"没有这个区：{area.district_code}")
    unit_periods.check(rows, problems)


def _fallbacks(rows: Parsed, problems: list[Problem]) -> None:
    _overlaps(rows.fallbacks, lambda f: f.case, "同一兜底", problems)
    for row in rows.fallbacks:
        if row.case not in FALLBACK_CASES:
            _say(problems, row, f"不认识的兜底情形：{row.case}（只能是 {'、'.join(FALLBACK_CASES)}）")
    for case in FALLBACK_CASES:
        found = [row for row in rows.fallbacks if row.case == case]
        if found:
            _gaps(found, f"兜底 {case}", problems)
        else:
            _say(problems, rows.fallbacks[0], f"缺少兜底 {case}")
    desks = [u for u in rows.units if u.level is Level.DESK]
    if desks:
        _gaps(desks, "市热线审核岗", problems)
    else:
        _say(problems, rows.units[-1], "缺少市热线审核岗（level=desk）")


def _reclaimed(rows: Parsed, problems: list[Problem]) -> None:
    kinds = {kind.id for kind in rows.kinds}
    units = {u.id: u for u in rows.units}
    bureaus = {(u.function, u.district_code) for u in rows.units if u.level is Level.BUREAU}
    for row in rows.reclaimed:
        if row.kind not in kinds:
            _say(problems, row, f"没有这个污染种类：{row.kind}")
        for code in row.districts:
            if code not in units:
                _say(problems, row, f"没有这个区：{code}")
            elif (row.function, code) not in bureaus:
                _say(problems, row, f"{units[code].name}没有“{row.function}”职能的单位")
        if not row.districts:
            _say(problems, row, "缺少“districts”")
    pairs = [(r, code) for r in rows.reclaimed for code in r.districts]
    for (one, code), (other, again) in combinations(pairs, 2):
        if one is not other and code == again and one.kind == other.kind and _overlap(one, other):
            _say(problems, other, f"与 {one.id}（{one.where}）在 {code} 重叠")


def _diversions(rows: Parsed, problems: list[Problem]) -> None:
    for row in rows.diversions:
        if row.fact is not None and row.fact not in DIVERSION_FACTS:
            _say(problems, row, f"不认识的事实：{row.fact}（只能是 {'、'.join(DIVERSION_FACTS)}）")
    for one, other in combinations(rows.diversions, 2):
        alike = one.fact == other.fact and one.words == other.words and not one.unless
        if alike and _covers(one, other):
            _say(problems, other, f"被 {one.id}（{one.where}）完全遮住，永远不会生效")


def _escalations(rows: Parsed, problems: list[Problem]) -> None:
    kinds = {kind.id for kind in rows.kinds}
    for row in rows.escalations:
        for code in row.kinds:
            if code not in kinds:
                _say(problems, row, f"没有这个污染种类：{code}")
    for one, other in combinations(rows.escalations, 2):
        if _outdone(one, other):
            _say(problems, other, f"被 {one.id}（{one.where}）完全遮住，永远不会生效")
        elif _outdone(other, one):
            _say(problems, one, f"被 {other.id}（{other.where}）完全遮住，永远不会生效")
    denials.check(rows.denials, {row.id for row in (*rows.escalations, *rows.diversions)}, problems)
    _overlaps(rows.gradings, lambda _row: None, "默认等级适用范围", problems)
    _gaps(rows.gradings, "默认等级适用范围", problems)


def _outdone(strong: EscalationRow, weak: EscalationRow) -> bool:
    """Whether `strong` is met whenever `weak` is, and raises at least as high."""
    kinds = not strong.kinds or (bool(weak.kinds) and set(weak.kinds) <= set(strong.kinds))
    # Each of strong's groups must be implied by some group of weak, word by word.
    words = all(
        any(all(any(short in long for short in need) for long in given) for given in weak.words)
        for need in strong.words
    )
    higher = _GRAVITY[strong.to] <= _GRAVITY[weak.to] and (strong.report or not weak.report)
    return kinds and words and higher and not strong.unless and _covers(strong, weak)
