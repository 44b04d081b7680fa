"""Typed rows of the rule tables, and `Tables`: the rows of one load with the indexes rules ask.

Every row keeps where it was written (`where`), from when to when it holds (both days included; `valid_to`
None = open), its source, and how sure that source is. Nothing here reads a file or a clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from models.vocab import Level
from triage.errors import NoRule

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from models.vocab import Divert, Role, Urgency
    from triage.rules.access_rows import AccessRow
    from triage.rules.calendar import WorkCalendar
    from triage.rules.clock_rows import ClockTable
    from triage.rules.denials import DenialRow
    from triage.rules.drifting import DriftRow
    from triage.rules.incident_rows import IncidentTable
    from triage.rules.lead_rows import LeadRow
    from triage.rules.move_rows import MoveTable
    from triage.rules.notice_rows import NoticeTable
    from triage.rules.publishing import PublishRow
    from triage.rules.rate_rows import RateTable
    from triage.rules.report_rows import ReportRecipientRow
    from triage.rules.retention_rows import RetentionRow
    from triage.rules.reveal_rows import RevealTable
    from triage.rules.rewards.rows import RewardTable
    from triage.rules.signin_rows import SignInRow
    from triage.rules.snippet_rows import SnippetTable
    from triage.rules.trends.rows import SignalRow

#: The function of an area's own government or office: it needs no name.
OWN: Final = ""
#: The function of an economic zone's management committee (功能区管委会).
ZONE_OFFICE: Final = "zone_office"
#: The situation of a matter that has no special one.
GENERAL: Final = ""
#: The kind of a matter nobody can place (归属不清的环境诉求).
UNCLEAR_KIND: Final = "OTH-99"


class Status(StrEnum):
    """How sure a row is: seen in the source, seen in a draft only, or assumed (to be confirmed)."""

    VERIFIED = "V"
    DRAFT = "V-draft"
    ASSUMED = "A"

    @property
    def label(self) -> str:
        """The words staff see."""
        return {"V": "已核实", "V-draft": "仅见于征求意见稿", "A": "待确认的约定"}[self.value]


class SpanUnit(StrEnum):
    """What a deadline counts in."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


class DayType(StrEnum):
    """自然日 or 工作日."""

    NATURAL = "natural"
    WORKING = "working"


class ClockName(StrEnum):
    """Which clock a deadline row sets: 派单, 签收, 首次联系, 答复 (反馈), 回访."""

    DISPATCH = "dispatch"
    SIGN = "sign"
    CONTACT = "contact"
    ANSWER = "answer"
    FOLLOW_UP = "follow_up"

    @property
    def label(self) -> str:
        """The words staff see."""
        return {
            "dispatch": "派单", "sign": "签收", "contact": "首次联系", "answer": "反馈", "follow_up": "回访",
        }[self.value]  # fmt: skip


class Reward(StrEnum):
    """有奖举报: usually covered, depends on the outcome, not covered."""

    YES = "yes"
    CONDITIONAL = "conditional"
    NO = "no"


@dataclass(frozen=True, slots=True, order=True)
class Where:
    """File and line (from 1) of a row."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with the tables, and where."""

    where: Where
    message: str

    def __str__(self) -> str:
        return f"{self.where} {self.message}"


@dataclass(frozen=True, slots=True)
class Row:
    """What every row has."""

    id: str
    valid_from: date
    valid_to: date | None
    source: str
    status: Status
    where: Where = field(compare=False)

    def holds(self, at: date) -> bool:
        """Whether the row is in force on the day `at`; both ends are included."""
        return self.valid_from <= at and (self.valid_to is None or at <= self.valid_to)


@dataclass(frozen=True, slots=True)
class DeadlineRow(Row):
    """办理时限: one grade, one clock, one period.

    `segments` are the minutes of a day that count, [start, end); none: the whole day, or on working days
    those of the calendar. `roll_over`: an end on a day off moves to the next working day (顺延).
    """

    title: str
    clock: ClockName
    urgency: Urgency
    length: int
    unit: SpanUnit
    day_type: DayType
    segments: tuple[tuple[int, int], ...] = ()
    roll_over: bool = False


@dataclass(frozen=True, slots=True)
class LawRow(Row):
    """A law or rule and when it was in force; `replaced_by` names the law that took its place."""

    title: str
    replaced_by: str | None


@dataclass(frozen=True, slots=True)
class Basis:
    """法律依据 of a kind: a law, its article as noted, and how sure the article is."""

    law: str
    article: str
    status: Status


@dataclass(frozen=True, slots=True)
class KindRow(Row):
    """污染种类. `contacts` are to be spoken to on the spot; they are no units and get no ticket."""

    parent: str
    name: str
    urgency: Urgency
    reward: Reward
    bases: tuple[Basis, ...]
    contacts: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class SituationRow(Row):
    """A sub-situation of kinds, told by words: a facility, a road's class, the use of the land.

    `passing` are phrases (地铁站, 公园对面) in which a word is only a landmark; elsewhere it counts.
    """

    title: str
    kinds: tuple[str, ...]
    words: tuple[str, ...]
    unless: tuple[str, ...]
    passing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CatalogueRow(Row):
    """派单目录: for a kind in a situation, which function at which level has which role."""

    kind: str
    situation: str
    role: Role
    level: Level
    function: str
    note: str


@dataclass(frozen=True, slots=True)
class UnitRow(Row):
    """承办单位. `id` is its code: 9 digits for a street, 6 for a district government, else a word."""

    name: str
    level: Level
    function: str
    district_code: str | None
    street_code: str | None

    @property
    def code(self) -> str:
        """The unit's code."""
        return self.id

    @property
    def governs(self) -> bool:
        """区政府: what lies in its district is below it. Not an office of that level in it (经开区管委会)."""
        return self.level is Level.DISTRICT and self.function == OWN


@dataclass(frozen=True, slots=True)
class ZoneRow(Row):
    """特定区域: a zone that is answered for by a street of its own choosing."""

    zone: str
    aliases: tuple[str, ...]
    street_code: str


@dataclass(frozen=True, slots=True)
class FunctionalAreaRow(Row):
    """功能区: a code that place data use like a street's. `unit` answers; None: it has no office here."""

    name: str
    district_code: str
    unit: str | None


@dataclass(frozen=True, slots=True)
class FallbackRow(Row):
    """What to do when the catalogue's unit cannot be told: to which level."""

    title: str
    case: str
    level: Level


@dataclass(frozen=True, slots=True)
class ReclaimedRow(Row):
    """上级部门收回事项: a kind the street may no longer lead; `function` of the district leads instead."""

    kind: str
    districts: tuple[str, ...]
    function: str


@dataclass(frozen=True, slots=True)
class DiversionRow(Row):
    """分流: one outcome and the facts or words that propose it. All `words` groups must be met.

    `denied` are phrases (大火锅) that do not count, as in an escalation.
    """

    title: str
    divert: Divert
    fact: str | None
    words: tuple[tuple[str, ...], ...]
    unless: tuple[str, ...]
    denied: tuple[str, ...]
    advice: str


@dataclass(frozen=True, slots=True)
class EscalationRow(Row):
    """升级规则: words that raise the grade. Empty `kinds` = every kind; `report`: tell the government.

    `denied` are phrases (没有爆炸、担心爆炸) that do not count; the same word elsewhere in the text does.
    """

    title: str
    to: Urgency
    kinds: tuple[str, ...]
    words: tuple[tuple[str, ...], ...]
    unless: tuple[str, ...]
    denied: tuple[str, ...]
    report: bool


@dataclass(frozen=True, slots=True)
class GradingRow(Row):
    """Which appeal types (诉求类型) take the kind's default grade and the escalations."""

    title: str
    appeal_types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The catalogue of one kind and situation over one period: exactly one lead."""

    valid_from: date
    valid_to: date | None
    lead: CatalogueRow
    assist: tuple[CatalogueRow, ...]
    cc: tuple[CatalogueRow, ...]

    def holds(self, at: date) -> bool:
        """Whether the plan is in force on the day `at`."""
        return self.valid_from <= at and (self.valid_to is None or at <= self.valid_to)


@dataclass(frozen=True, slots=True)
class Tables:
    """All rows of one load. `version` is a short hash of the files' content."""

    version: str
    units: Mapping[str, UnitRow]
    kinds: Mapping[str, KindRow]
    laws: Mapping[str, LawRow]
    deadlines: tuple[DeadlineRow, ...]
    catalogue: tuple[CatalogueRow, ...]
    situations: Mapping[str, SituationRow]
    zones: tuple[ZoneRow, ...]
    functional_areas: Mapping[str, FunctionalAreaRow]
    fallbacks: tuple[FallbackRow, ...]
    reclaimed: tuple[ReclaimedRow, ...]
    diversions: tuple[DiversionRow, ...]
    escalations: tuple[EscalationRow, ...]
    gradings: tuple[GradingRow, ...]
    denials: tuple[DenialRow, ...]
    drifts: tuple[DriftRow, ...]
    publishing: tuple[PublishRow, ...]
    reports: tuple[ReportRecipientRow, ...]
    leads: tuple[LeadRow, ...]
    signals: tuple[SignalRow, ...]
    snippets: SnippetTable
    access: tuple[AccessRow, ...]
    retention: tuple[RetentionRow, ...]
    signins: tuple[SignInRow, ...]
    reveals: RevealTable
    functions: Mapping[str, str]
    calendar: WorkCalendar
    moves: MoveTable
    clocks: ClockTable
    rates: RateTable
    notices: NoticeTable
    incidents: IncidentTable
    rewards: RewardTable
    plans: Mapping[tuple[str, str], tuple[Plan, ...]] = field(repr=False)
    by_post: Mapping[tuple[Level, str, str], tuple[UnitRow, ...]] = field(repr=False)
    by_clock: Mapping[tuple[ClockName, Urgency], tuple[DeadlineRow, ...]] = field(repr=False)
    situations_of: Mapping[str, tuple[SituationRow, ...]] = field(repr=False)
    escalations_of: Mapping[str | None, tuple[EscalationRow, ...]] = field(repr=False)  # None: for any kind

    def kind(self, code: str) -> KindRow:
        """The kind of a code. Raises NoRule on an unknown one."""
        row = self.kinds.get(code)
        if row is None:
            raise NoRule(f"没有这个污染种类：{code}")
        return row

    def unit(self, level: Level, function: str, area: str, at: date) -> UnitRow | None:
        """The unit that has `function` at `level` for the area (code; empty for the city) on that day."""
        rows = self.by_post.get((level, function, area), ())
        return next((row for row in rows if row.holds(at)), None)

    def plan(self, kind: str, situation: str, at: date) -> Plan:
        """The catalogue in force. Raises NoRule when no row covers the day."""
        for plan in self.plans.get((kind, situation), ()):
            if plan.holds(at):
                return plan
        about = f"（情形 {situation}）" if situation else ""
        raise NoRule(f"派单目录没有覆盖这一天：种类 {kind}{about}，日期 {at.isoformat()}")

    def bases(self, kind: str, at: date) -> tuple[tuple[LawRow, Basis], ...]:
        """法律依据 of the kind in force on that day. Raises NoRule on an unknown kind."""
        found = ((self.laws[basis.law], basis) for basis in self.kind(kind).bases)
        return tuple((law, basis) for law, basis in found if law.holds(at))

    def deadline(self, clock: ClockName, urgency: Urgency, at: date) -> DeadlineRow:
        """The limit in force on the day the clock starts. Raises NoRule when no row covers it."""
        for row in self.by_clock.get((clock, urgency), ()):
            if row.holds(at):
                return row
        raise NoRule(f"时限表没有覆盖这一天：{urgency.value} 的 {clock.value} 时限，日期 {at.isoformat()}")
