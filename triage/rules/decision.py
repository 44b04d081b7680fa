"""The whole decision about one appeal, pure: facts in; state, units, grade, due times and reasons out.

Order: 1. not environmental and sure → handed over to 12345, unless it is an emergency: that goes to the
review desk at once as U1. 2. The grade. 3. The situation and the route. 4. A diversion, proposed only.
5. Review: anything unsure waits at the city's review desk with its proposed route, except that U1 with a
known district is dispatched at once and flagged: an hour is all there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from models.vocab import AppealType, Divert, Level, ReviewReason, State, Urgency
from triage.errors import NoRule
from triage.rules import diversions, routing
from triage.rules.calendar import beijing
from triage.rules.deadlines import due_times
from triage.rules.grading import Grade, grade
from triage.rules.rows import OWN

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

    from triage.rules.calendar import WorkCalendar
    from triage.rules.deadlines import DueTimes
    from triage.rules.diversions import Diversion
    from triage.rules.routing import Route
    from triage.rules.rows import SituationRow, Tables, UnitRow

#: The unit's certainty is told where it is so much more than the kind's.
_WORTH_TELLING: Final = 0.05


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an appeal. `text` is masked; codes are those of the units table.

    `received_at` (aware) starts the dispatch clock; None: the moment of the decision does.
    """

    environmental: bool
    p_environmental: float
    kind: str | None
    kind_confidence: float
    appeal_type: AppealType
    text_urgency: Urgency
    kinds: tuple[tuple[str, float], ...] = ()
    """The likeliest kinds with their probabilities, 0 to 1; where a kind was decided it is among them."""
    district_code: str | None = None
    street_code: str | None = None
    place_confidence: float = 0.0
    review: bool = False
    review_reasons: tuple[ReviewReason, ...] = ()
    text: str = ""
    zone: str | None = None
    received_at: datetime | None = None
    same_matter_open: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens with an appeal, and why, sentence by sentence.

    `unit` leads now (the review desk while in review); `proposed` is the route that a person confirms.
    `flagged`: dispatched at once, to be looked at by a person as well. `unit_confidence`: how likely `unit`
    or `proposed` is the right lead, at least, 0 to 1; None where no kind was decided or none was told with a
    probability, where no row answers, and where nobody but the review desk leads.
    """

    state: State
    level: Level | None
    unit: UnitRow | None
    assist: tuple[UnitRow, ...]
    cc: tuple[UnitRow, ...]
    urgency: Urgency
    due: DueTimes | None
    divert: Diversion | None
    review_reasons: tuple[ReviewReason, ...]
    row_ids: tuple[str, ...]
    sources: tuple[str, ...]
    table_version: str
    steps: tuple[str, ...]
    flagged: bool = False
    situation: str | None = None
    proposed: Route | None = None
    unit_confidence: float | None = None


def decide(tables: Tables, facts: Facts, *, at: datetime, calendar: WorkCalendar | None = None) -> Decision:
    """Decide about one appeal at the moment `at` (aware; BadInput otherwise).

    Where no row answers, the ticket goes to review with the reason NO_RULE and the rule's own sentence;
    NoRule is raised only when the tables know no deadline or no review desk for that day.
    """
    day = beijing(at).date()
    divert = diversions.propose(
        tables,
        diversions.DiversionFacts(text=facts.text, same_matter_open=facts.same_matter_open),
        at=day,
    )
    if not _ours(facts) and not _emergency(divert):
        return _hand_over(tables, facts)
    return _answer(tables, facts, divert, at=at, day=day, calendar=calendar)


def _ours(facts: Facts) -> bool:
    """Whether it is environmental, or may be."""
    unsure = {ReviewReason.ENVIRONMENTAL_UNSURE, ReviewReason.EMPTY} & set(facts.review_reasons)
    return facts.environmental or bool(unsure)


def _emergency(divert: Diversion | None) -> bool:
    """Whether 110/119/120/122 must be told at once (条例 art. 11): nobody may wait for a way back."""
    return divert is not None and divert.divert is Divert.TRANSFER_EMERGENCY


def _hand_over(tables: Tables, facts: Facts) -> Decision:
    """转回 12345: no unit of ours, and no clock."""
    step = f"不属于环境类诉求（环境类概率 {facts.p_environmental:.0%}）：转回 12345 热线，按其派单目录办理。"
    return Decision(
        state=State.HANDED_OVER, level=None, unit=None, assist=(), cc=(), urgency=facts.text_urgency,
        due=None, divert=None, review_reasons=(), row_ids=(), sources=(),
        table_version=tables.version, steps=(step,),
    )  # fmt: skip


def _answer(
    tables: Tables,
    facts: Facts,
    divert: Diversion | None,
    *,
    at: datetime,
    day: date,
    calendar: WorkCalendar | None,
) -> Decision:
    graded, route, told, refusals = _ask(tables, facts, day)
    if not _ours(facts):
        route = None  # an emergency of another kind is for the desk to pass on, for no unit of ours
    if _emergency(divert) and graded.urgency is not Urgency.U1:
        why = (*graded.why, "建议即时转 110/119/120/122：按 U1 处理，不等其他判断。")
        graded = Grade(Urgency.U1, why, graded.rows)
    due, unclocked = _due(tables, facts, graded.urgency, at=at, calendar=calendar)
    refusals = _once((*refusals, *unclocked))
    reasons = _reasons(facts, divert, route, refusals)
    review = facts.review or bool(reasons)
    placed = route is not None and route.level is not Level.DESK
    # An hour is all a U1 has to be dispatched: it goes out, and a person looks at it at the same time.
    at_once = review and placed and graded.urgency is Urgency.U1
    held = review and not at_once
    lead = _desk(tables, day) if held or route is None else route.unit
    out = route if not held else None
    answer = f"派单后起算答复时限；若现在派出：{due.answer_by.spelled}" if held else due.answer_by.spelled
    led = _led_kinds(tables, facts, route, day)
    sure = _unit_confidence(facts, route, led)
    steps = (
        *_route_steps(route, told),
        *_unit_steps(facts, sure, len(led)),
        *(f"规则表没有答案：{refusal}。" for refusal in refusals),
        *graded.why,
        *((divert.why,) if divert else ()),
        *_review_steps(reasons, review=review, at_once=at_once, placed=placed),
        due.dispatch_by.spelled,
        answer,
    )
    clocks = (due.dispatch_by, due.answer_by)
    rows = (*(route.rows if route else ()), *graded.rows, *((told[0],) if told else ()))
    last = (divert,) if divert else ()
    return Decision(
        state=State.REVIEW if held else State.DISPATCHED,
        level=lead.level,
        unit=lead,
        assist=out.assist if out else (),
        cc=out.cc if out else (),
        urgency=graded.urgency,
        due=due,
        divert=divert,
        review_reasons=reasons,
        row_ids=_once((*(r.id for r in rows), *(d.row_id for d in last), *(c.rule_id for c in clocks))),
        sources=_once((*(r.source for r in rows), *(d.source for d in last), *(c.source for c in clocks))),
        table_version=tables.version,
        steps=steps,
        flagged=at_once,
        situation=told[0].id if told else None,
        proposed=route if held else None,
        unit_confidence=sure,
    )


def _led_kinds(tables: Tables, facts: Facts, route: Route | None, day: date) -> tuple[tuple[str, float], ...]:
    """Of the likeliest kinds those that the route's unit leads here; none unless it leads the decided one."""
    if route is None or route.level is Level.DESK or facts.kind is None:
        return ()
    led = tuple(item for item in facts.kinds if _lead_of(tables, facts, item[0], day) == route.unit.code)
    return led if facts.kind in {kind for kind, _ in led} else ()


def _unit_confidence(facts: Facts, route: Route | None, led: tuple[tuple[str, float], ...]) -> float | None:
    """What is held for all kinds that the unit leads, times how sure the place is where it matters.

    Which of two kinds it is may be open while both go to the same unit.
    """
    if route is None or not led:
        return None
    held = min(sum(p for _, p in led), 1.0)
    return held * (1.0 if route.level is Level.CITY else facts.place_confidence)


def _lead_of(tables: Tables, facts: Facts, kind: str, day: date) -> str | None:
    told = routing.situation_of(tables, kind=kind, text=facts.text, at=day)
    try:
        return routing.route(
            tables,
            kind=kind,
            district_code=facts.district_code,
            street_code=facts.street_code,
            zone=facts.zone,
            situation=told[0].id if told else None,
            at=day,
        ).unit.code
    except NoRule:
        return None  # a kind that no row answers for is no reason for this unit


def _due(
    tables: Tables, facts: Facts, urgency: Urgency, *, at: datetime, calendar: WorkCalendar | None
) -> tuple[DueTimes, tuple[str, ...]]:
    """Both clocks. Where the holiday table ends natural days count, and a person is told: none may stop."""
    try:
        return due_times(tables, urgency=urgency, start=at, calendar=calendar, received=facts.received_at), ()
    except NoRule as error:
        natural = due_times(tables, urgency=urgency, start=at, received=facts.received_at, natural=True)
        return natural, (f"{error.detail}；期限暂按自然日计算",)


def _ask(
    tables: Tables, facts: Facts, day: date
) -> tuple[Grade, Route | None, tuple[SituationRow, str] | None, tuple[str, ...]]:
    """Grade, route, situation with the word that told it, and the rules' own words where none answers."""
    told = routing.situation_of(tables, kind=facts.kind, text=facts.text, at=day) if facts.kind else None
    refusals: list[str] = []
    try:
        graded = grade(
            tables,
            kind=facts.kind,
            text_urgency=facts.text_urgency,
            at=day,
            text=facts.text,
            appeal_type=facts.appeal_type,
        )
    except NoRule as error:
        graded = Grade(facts.text_urgency, (f"等级按正文定为 {facts.text_urgency.value}。",), ())
        refusals.append(error.detail)
    situation = told[0].id if told else None
    try:
        route: Route | None = routing.route(
            tables,
            kind=facts.kind,
            district_code=facts.district_code,
            street_code=facts.street_code,
            zone=facts.zone,
            situation=situation,
            at=day,
        )
    except NoRule as error:
        refusals.append(error.detail)
        route = _district_route(tables, facts, day)
    return graded, route, told, _once(refusals)


def _district_route(tables: Tables, facts: Facts, day: date) -> Route | None:
    """Where the catalogue has no answer, the district's own government (or the desk); None without rows."""
    try:
        return routing.route(tables, kind=None, district_code=facts.district_code, at=day)
    except NoRule:
        return None  # the first refusal is told; this day or district has no row either


def _reasons(
    facts: Facts, divert: Diversion | None, route: Route | None, refusals: tuple[str, ...]
) -> tuple[ReviewReason, ...]:
    reasons = list(facts.review_reasons)
    if refusals:
        reasons.append(ReviewReason.NO_RULE)
    if divert is not None:
        reasons.append(ReviewReason.DIVERT_PROPOSED)
    # Who reads that it is elsewhere knows more than that its district is unknown.
    if (
        route is not None
        and route.level is Level.DESK
        and ReviewReason.PLACE_ELSEWHERE not in facts.review_reasons
    ):
        reasons.append(ReviewReason.PLACE_UNKNOWN)
    return tuple(dict.fromkeys(reasons))


def _unit_steps(facts: Facts, sure: float | None, led: int) -> tuple[str, ...]:
    """Told where it says more than the kind's own probability: several kinds lead to this unit."""
    if sure is None or sure < facts.kind_confidence + _WORTH_TELLING:
        return ()
    told = (
        f"污染种类的把握为 {facts.kind_confidence:.0%}；可能的种类中有 {led} 类在此地由该单位主办，"
        f"承办单位正确的把握约 {sure:.0%}。"
    )
    return (told,)


def _route_steps(route: Route | None, told: tuple[SituationRow, str] | None) -> tuple[str, ...]:
    if route is None or told is None:
        return route.steps if route else ()
    row, word = told
    because = f"正文出现“{word}”，按情形“{row.title}”查派单目录（{row.source}）。"
    return (route.steps[0], because, *route.steps[1:])


def _review_steps(
    reasons: tuple[ReviewReason, ...], *, review: bool, at_once: bool, placed: bool
) -> tuple[str, ...]:
    if not review:
        return ()
    named = "、".join(reason.label for reason in reasons) or "识别把握不足"
    if at_once:
        return (f"需要人工核对（{named}），但等级为 U1 且知道行政区：先派单，同时请人核对，不因审核耽误。",)
    then = "上面的承办单位是建议，由审核岗确认后派出。" if placed else "由审核岗补充信息后派出。"
    return (f"转人工审核：{named}。{then}",)


def _once(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _desk(tables: Tables, day: date) -> UnitRow:
    desk = tables.unit(Level.DESK, OWN, "", day)
    if desk is None:
        raise NoRule(f"承办单位表在 {day.isoformat()} 没有{Level.DESK.label}")
    return desk
