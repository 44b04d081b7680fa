"""月报 as sheets: summary by district, ranking of streets, units, kinds, every exclusion with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connectors.office_xlsx import Cell, Column, Sheet
from models.vocab import Level
from triage.clock import local
from triage.rules.areas import street_name
from triage.rules.rate_rows import Rate
from triage.rules.rates import By, Line, compare, rank, shown
from triage.rules.verdicts import month_span

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from fractions import Fraction

    from triage.rules.rates import Month
    from triage.rules.rows import Tables
    from triage.services.months import Published

_MEASURE: Final = "单位：件、%、分"
_TWO: Final = "0.00"
_COUNTS: Final = {Rate.RESPONSE: "得分件数", Rate.RESOLUTION: "解决件数", Rate.SATISFACTION: "折算件数"}


def sheets(
    tables: Tables,
    month: Published,
    earlier: Published | None,
    *,
    made_at: datetime,
    seen: Collection[str] | None = None,
) -> tuple[Sheet, ...]:
    """All sheets of a published month. `seen`: the tickets that may be named; None: all."""
    return (
        _lines(tables, month, earlier, By.DISTRICT, made_at=made_at),
        _ranking(tables, month, earlier, made_at=made_at),
        _lines(tables, month, earlier, By.UNIT, made_at=made_at),
        _lines(tables, month, earlier, By.KIND, made_at=made_at),
        _outs(tables, month, made_at=made_at, seen=seen),
    )


def name_of(tables: Tables, by: By, key: str) -> str:
    """The name people know a line by."""
    if by is By.ALL:
        return "合计"
    if by is By.KIND:
        kind = tables.kinds.get(key)
        return f"{kind.name}（{key}）" if kind else key
    if by is By.STREET:
        return street_name(tables, key) or key
    unit = tables.units.get(key)
    if unit is None:
        return key
    return unit.name.removesuffix("人民政府") if by is By.DISTRICT else unit.name


def _title(month: Month, what: str) -> str:
    year, number = month.month.split("-")
    return f"{year}年{int(number)}月环境诉求接诉即办{what}"


def _period(month: Month) -> str:
    first, last = month_span(month.month)
    return f"统计期间：{first:%Y年%m月%d日}0时至{last:%Y年%m月%d日}0时（不含）"


def _made(month: Published, at: datetime) -> str:
    return f"制表日期：{local(at):%Y年%m月%d日}    第 {month.version} 版    校验码：{month.sha256[:16]}"


def _notes(tables: Tables, month: Published) -> tuple[str, ...]:
    weights = month.figures.weights
    spelled = "、".join(f"{rate.label.removesuffix('率')}{weights.weights[rate]}%" for rate in Rate)
    rules = tables.rates.on(month_span(month.figures.month)[0].date())
    total = month.figures.line(By.ALL, "")
    at_once = f"其中当场答复{total.answered}件，不派单，单独计数。" if total and total.answered else ""
    withdrawn = f"其中诉求人撤诉{total.withdrawn}件，不算解决。" if total and total.withdrawn else ""
    found = (
        f"其中巡查发现的自建工单（未诉先办）{total.patrol}件，没有诉求人，单独计数。"
        if total and total.patrol
        else ""
    )
    besides = f"{at_once}{withdrawn}{found}"
    until = f"{local(month.figures.as_of):%Y年%m月%d日%H时%M分}"
    return (
        f"注：1．综合分＝三率按权重相加（{spelled}；{weights.id}：{weights.source}）；有一率没有件数的不计综合分。",
        f"2．{rules.response.title}；{rules.period.title}。",
        f"3．不计入的件数及原因逐件列在“不计入明细”。派错单的只列在原承办单位名下，不重复进合计。{besides}",
        f"4．规则表版本 {month.figures.table_version}，依据截至 {until} 的记录。",
        *((f"5．本版为更正：{month.reason}。",) if month.reason else ()),
    )


def _columns(first: str, *, wide: float = 26) -> tuple[Column, ...]:
    rates = tuple(
        column
        for rate in Rate
        for column in (
            Column("计入件数", rate.label, 9),
            Column(_COUNTS[rate], rate.label, 9, _TWO),
            Column("不计入", rate.label, 8),
            Column("%", rate.label, 8, _TWO),
        )
    )
    return (
        Column("序号", width=6),
        Column(first, width=wide, left=True),
        Column("考核件数", width=9),
        *rates,
        Column("综合分", width=9, number_format=_TWO),
        Column("综合分", "环比", 9, _TWO),
        Column("件数", "环比", 8),
    )


def number(value: Fraction | None) -> Cell:
    """A figure rounded as it is shown everywhere; — when there is none."""
    return "—" if value is None else float(shown(value))


def _cells(line: Line, month: Published, earlier: Published | None) -> list[Cell]:
    found: list[Cell] = [line.assessed]
    for _, tally in line.tallies:
        share = tally.share
        found += [
            tally.tickets, tally.points / 100, tally.out, number(None if share is None else share * 100),
        ]  # fmt: skip
    weights = month.figures.weights
    found.append(number(line.composite(weights.weights)))
    old = earlier.figures.line(line.by, line.key) if earlier else None
    change = compare(line, old, (weights, earlier.figures.weights)) if earlier else None
    return [*found, number(change.composite if change else None), change.tickets if change else "—"]


def _lines(
    tables: Tables, month: Published, earlier: Published | None, by: By, *, made_at: datetime
) -> Sheet:
    own = [line for line in month.figures.lines if line.by is by]
    own.sort(key=lambda line: (-line.assessed, line.key))
    total = month.figures.line(By.ALL, "")
    rows: list[Sequence[Cell]] = [
        [place, name_of(tables, by, line.key), *_cells(line, month, earlier)]
        for place, line in enumerate(own, start=1)
    ]
    what = {By.DISTRICT: "", By.UNIT: "（承办单位）", By.KIND: "（诉求类别）"}[by]
    return Sheet(
        name={By.DISTRICT: "各区三率", By.UNIT: "承办单位", By.KIND: "诉求类别"}[by],
        title=_title(month.figures, f"三率情况表{what}"),
        period=_period(month.figures),
        measure=_MEASURE,
        columns=_columns(by.label),
        rows=rows,
        total=["", "合计", *_cells(total, month, earlier)] if total else None,
        notes=_notes(tables, month),
        made=_made(month, made_at),
    )


def streets_of(tables: Tables, month: Month) -> list[str]:
    """The streets that a month ranks: there on one of its days, or with tickets that count in it.

    One that closed before still has tickets of the month; one that began within it is there.
    """
    start, end = (day.date() for day in month_span(month.month))
    counted = {line.key for line in month.lines if line.by is By.UNIT}
    return [
        unit.code
        for unit in tables.units.values()
        if unit.level is Level.STREET
        and (unit.code in counted or (unit.valid_from < end and (unit.valid_to or end) >= start))
    ]


def _ranking(tables: Tables, month: Published, earlier: Published | None, *, made_at: datetime) -> Sheet:
    first = month_span(month.figures.month)[0].date()
    rules = tables.rates.on(first)
    streets = streets_of(tables, month.figures)
    titles = {row.id: row.title for row in rules.groups}
    rows: list[Sequence[Cell]] = []
    for row in rank(rules, streets, month.figures, earlier.figures if earlier else None):
        unit = tables.units[row.unit]
        shares: list[Cell] = [
            number(None if row.line is None or (share := row.line.of(rate).share) is None else share * 100)
            for rate in Rate
        ]
        rows.append(
            [
                row.rank if row.rank is not None else "—",
                name_of(tables, By.DISTRICT, unit.district_code or ""),
                unit.name,
                row.line.assessed if row.line else 0,
                *shares,
                number(row.composite),
                number(row.change),
                titles.get(row.group or "", ""),
            ]
        )
    picked = "；".join(
        f"{row.title}：{_picked(row.measure, row.order)}前 {row.count} 名" for row in rules.groups
    )
    return Sheet(
        name="街道乡镇排名",
        title=_title(month.figures, f"{len(streets)}个街道乡镇排名表"),
        period=_period(month.figures),
        measure=_MEASURE,
        columns=(
            Column("名次", width=7),
            Column("区", width=12),
            Column("街道乡镇", width=26, left=True),
            Column("考核件数", width=9),
            *(Column(rate.label, "三率（%）", 10, _TWO) for rate in Rate),
            Column("综合分", width=10, number_format=_TWO),
            Column("环比", width=10, number_format=_TWO),
            Column("类别", width=10),
        ),
        rows=rows,
        notes=(
            f"注：1．{picked}；按此先后，一个街道乡镇只归一类，并列一并计入。",
            "2．同分同名次；没有综合分的不排名，列在最后。",
        ),
        made=_made(month, made_at),
    )


def _picked(measure: str, order: str) -> str:
    what = {"composite": "综合分", "change": "综合分环比", "tickets": "考核件数"}[measure]
    return what + {"top": "由高到低", "bottom": "由低到高"}[order]


def left_out(month: Published) -> list[str]:
    """The tickets that the sheets name."""
    return [verdict.no for verdict in month.figures.verdicts if verdict.outs]


def _outs(tables: Tables, month: Published, *, made_at: datetime, seen: Collection[str] | None) -> Sheet:
    rows: list[Sequence[Cell]] = []
    hidden = 0
    for verdict in month.figures.verdicts:
        if verdict.outs and seen is not None and verdict.no not in seen:
            hidden += 1
            continue
        reasons: dict[tuple[str, str], list[str]] = {}
        for out in verdict.outs:
            reasons.setdefault((out.row_id, out.reason), []).append(out.rate.label)
        for (row_id, reason), rates in reasons.items():
            unit = name_of(tables, By.UNIT, verdict.unit or "未明")
            rows.append([len(rows) + 1, verdict.no, unit, "、".join(rates), reason, row_id])
    return Sheet(
        name="不计入明细",
        title=_title(month.figures, "不计入考核明细表"),
        period=_period(month.figures),
        measure="单位：件",
        columns=(
            Column("序号", width=7),
            Column("工单编号", width=22),
            Column("承办单位", width=26, left=True),
            Column("不计入", width=22),
            Column("原因", width=40, left=True),
            Column("依据条目", width=18),
        ),
        rows=rows,
        notes=(f"另有 {hidden} 件不在导出人的查看范围内，未列出。",) if hidden else (),
        made=_made(month, made_at),
    )
