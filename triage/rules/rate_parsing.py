"""Parser and checks of `rates.yaml`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from triage.rules.check_tools import gaps, ids, overlaps
from triage.rules.clock_parsing import dated_rows, percent
from triage.rules.rate_rows import (
    LATER,
    SATISFACTION,
    Cause,
    Counts,
    ExclusionRow,
    GroupRow,
    Measure,
    Order,
    Period,
    PeriodRow,
    PlaceRow,
    Rate,
    RateTable,
    ResponseRow,
    ScoreRow,
    WeightRow,
)
from triage.rules.rows import Problem, Where

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triage.rules.reading import Record
    from triage.rules.rows import Row

_FILE: Final = Where("rates.yaml", 1)
_FULL: Final = 100


def rate_table(top: Record) -> RateTable:
    """The rows of `rates.yaml`; faults are noted in the records."""
    return RateTable(
        weights=dated_rows(top, "weights", _weight),
        scores=dated_rows(top, "scores", _score),
        periods=dated_rows(top, "periods", _period),
        responses=dated_rows(top, "responses", _response),
        exclusions=dated_rows(top, "exclusions", _exclusion),
        groups=dated_rows(top, "groups", _group),
        places=dated_rows(top, "places", _place) if "places" in top.values else (),
    )


def _weight(r: Record) -> WeightRow:
    weights = {rate: percent(r, rate.value) for rate in Rate}
    if r.sound and sum(weights.values()) != _FULL:
        r.fault(f"三个权重之和应为 100：{sum(weights.values())}", Rate.RESPONSE.value)
    return WeightRow(r.text("id"), *r.dated(), r.where, title=r.text("title"), weights=weights)


def _score(r: Record) -> ScoreRow:
    worth = [_points(r, name) for name in SATISFACTION]
    if r.sound and worth != sorted(worth, reverse=True):
        r.fault("折算分应由高到低，不满意的不能高于满意的", SATISFACTION[0])
    scores = {len(SATISFACTION) - place: points for place, points in enumerate(worth)}
    return ScoreRow(r.text("id"), *r.dated(), r.where, title=r.text("title"), scores=scores)


def _points(r: Record, name: str) -> int:
    """0 to 100."""
    value = r.text(name)
    if value and not (value.isascii() and value.isdigit() and int(value) <= _FULL):
        r.fault(f"“{name}”应为 0 到 100 的整数：{value}", name)
        return 0
    return int(value or 0)


def _period(r: Record) -> PeriodRow:
    return PeriodRow(r.text("id"), *r.dated(), r.where, title=r.text("title"), by=r.choice("by", Period))


def _place(r: Record) -> PlaceRow:
    return PlaceRow(r.text("id"), *r.dated(), r.where, title=r.text("title"), by=r.choice("by", Counts))


def _response(r: Record) -> ResponseRow:
    return ResponseRow(r.text("id"), *r.dated(), r.where, title=r.text("title"), denied=r.flag("denied"))


def _exclusion(r: Record) -> ExclusionRow:
    names = r.words("rates", required=True)
    for name in names:
        if name not in {rate.value for rate in Rate}:
            r.fault(f"没有这个率：{name}", "rates")
    rates = frozenset(rate for rate in Rate if rate.value in names)
    return ExclusionRow(
        r.text("id"), *r.dated(), r.where, title=r.text("title"), cause=r.choice("cause", Cause), rates=rates
    )


def _group(r: Record) -> GroupRow:
    return GroupRow(
        r.text("id"), *r.dated(), r.where, title=r.text("title"), measure=r.choice("measure", Measure),
        order=r.choice("order", Order), count=r.whole("count"),
    )  # fmt: skip


def check(rates: RateTable, problems: list[Problem]) -> None:
    """Note every problem between the rows of `rates.yaml`: each question has one answer on every day."""
    single: dict[str, Sequence[Row]] = {
        "权重": rates.weights, "满意度折算分": rates.scores, "归月": rates.periods, "响应": rates.responses,
    }  # fmt: skip
    causes = {cause: [r for r in rates.exclusions if r.cause is cause] for cause in Cause}
    # 当场答复, 撤诉 and 自建 came later: no row for it at first, and none in a site's own table of before.
    single |= {f"剔除 {cause.value}": rows for cause, rows in causes.items() if cause not in LATER}
    for group in (
        rates.weights,
        rates.scores,
        rates.periods,
        rates.responses,
        rates.exclusions,
        rates.groups,
        rates.places,
    ):
        ids(group, problems)
    if rates.places:
        # A site's own table of before there were such rows has none.
        single["按哪里的地点"] = rates.places
    for cause in LATER:
        overlaps(causes[cause], lambda _row: None, f"剔除 {cause.value}", problems)
    for what, rows in single.items():
        if not rows:
            problems.append(Problem(_FILE, f"缺少{what}"))
            continue
        overlaps(rows, lambda _row: None, what, problems)
        gaps(rows, what, problems)
