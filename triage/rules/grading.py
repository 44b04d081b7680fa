"""紧急程度: the grade of the text, the kind's default, and escalations by words; the gravest of U1/U2 wins.

U4 (复杂疑难) only when the text says so or the kind's default does, and nothing is U1 or U2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from models.vocab import AppealType, Urgency
from triage.errors import NoRule
from triage.rules.denials import happened
from triage.rules.diversions import found_words
from triage.rules.phrases import without

if TYPE_CHECKING:
    from datetime import date

    from triage.rules.rows import GradingRow, Row, Tables

_GRAVE: Final = (Urgency.U1, Urgency.U2)


class Grade(NamedTuple):
    """The grade, the Chinese sentences that explain it, and the rows used."""

    urgency: Urgency
    why: tuple[str, ...]
    rows: tuple[Row, ...]


def grade(
    tables: Tables,
    *,
    kind: str | None,
    text_urgency: Urgency,
    at: date,
    text: str = "",
    appeal_type: AppealType = AppealType.COMPLAINT,
) -> Grade:
    """Grade an environmental appeal on a Beijing day.

    `text` (masked) is what escalations are sought in; without a kind only those that hold for any kind count.
    An appeal type that tells of nothing happening (咨询、建议、表扬) takes the text's grade alone. Raises
    NoRule on an unknown kind or a day no row covers.
    """
    scope = _scope(tables, at)
    said = [f"正文判断为 {text_urgency.value}（{text_urgency.label}）。"]
    row = tables.kind(kind) if kind is not None else None
    if appeal_type.value not in scope.appeal_types:
        said.append(f"{scope.title}（{scope.source}）。")
        return Grade(text_urgency, (*said, _final(text_urgency)), (scope,))
    candidates: list[tuple[Urgency, Row | None]] = [(text_urgency, None)]
    if row is not None:
        candidates.append((row.urgency, row))
        said.append(f"种类 {row.id} {row.name}默认 {row.urgency.value}（{row.status.label}）。")
    for rule in tables.escalations_of[kind]:
        if not rule.holds(at):
            continue
        told = happened(without(text, rule.denied), rule.words, tables.denials, rule.id, at)
        words = found_words(rule.words, rule.unless, told)
        if words:
            candidates.append((rule.to, rule))
            report = "，并应即时报政府有关部门（条例第29条）" if rule.report else ""
            said.append(
                f"正文出现“{'”“'.join(words)}”：{rule.title}，升为 {rule.to.value}{report}（{rule.source}）。"
            )
    urgency = _gravest([urgency for urgency, _ in candidates])
    used = tuple(rule for level, rule in candidates if rule is not None and level is urgency)
    return Grade(urgency, (*said, _final(urgency)), used or (row or scope,))


def _gravest(grades: list[Urgency]) -> Urgency:
    for urgency in _GRAVE:
        if urgency in grades:
            return urgency
    return Urgency.U4 if Urgency.U4 in grades else Urgency.U3


def _final(urgency: Urgency) -> str:
    return f"等级定为 {urgency.value}（{urgency.label}）。"


def _scope(tables: Tables, at: date) -> GradingRow:
    for row in tables.gradings:
        if row.holds(at):
            return row
    raise NoRule(f"默认等级的适用范围没有覆盖这一天：{at.isoformat()}")
