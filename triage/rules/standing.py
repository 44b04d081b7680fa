"""Where a ticket stands (`Standing`): everything its events say of it, as the moves ask for it.

Made by `replay`, changed by copy. Knows no table, no row and no clock; times are aware.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from models.vocab import AppealType, Clock, Divert, Move, Outcome, State, Urgency, YesNo

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Run:
    """A clock of the ticket: since when, until when (None: no row sets a limit), and when it stopped."""

    started: datetime
    due: datetime | None
    rule: str | None
    stopped: datetime | None = None
    #: The short limit of 退回补充.
    supplement: bool = False


@dataclass(frozen=True, slots=True)
class Objection:
    """派单异议 with its answer; `before` is the state that it interrupted."""

    seq: int
    at: datetime
    unit: str
    proposed: str
    clause: str
    reason: str
    before: State
    ruling: Move | None = None
    ruled_at: datetime | None = None
    ruling_reason: str = ""
    #: Whom an arbitration named, wherever the ticket was sent since.
    ruled_unit: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A unit that was called in by 吹哨 or 提级, its own due time, and when it reported in."""

    unit: str
    move: Move
    at: datetime
    due: datetime
    reported_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A wish that waits for an answer: 延期, 挂账 or 剔除."""

    at: datetime
    reason: str
    until: datetime | None = None
    #: The unit that asked.
    by: str | None = None


@dataclass(frozen=True, slots=True)
class FollowUp:
    """One attempt of 回访 and what the citizen said."""

    seq: int
    at: datetime
    outcome: Outcome
    solved: YesNo | None = None
    satisfaction: str | None = None


@dataclass(frozen=True, slots=True)
class Last:
    """The last move: who made it and until when that person may undo it (None: never)."""

    seq: int
    move: Move
    at: datetime
    login: str
    undo_until: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """A ticket as its events tell it.

    `since` (event `since_seq`) is the dispatch to the unit that has it now; `dispatched_at` the first one,
    from which the citizen's clock runs and never restarts. `before` is how it stood before the last move,
    for 撤销.
    """

    state: State
    urgency: Urgency
    seq: int
    last_at: datetime
    version: int
    registered_at: datetime
    unit: str | None = None
    assist: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()
    kind: str | None = None
    district: str | None = None
    flagged: bool = False
    divert: Divert | None = None
    dispatched_at: datetime | None = None
    since: datetime | None = None
    since_seq: int = 0
    dispatch_by: datetime | None = None
    answer_by: datetime | None = None
    clocks: Mapping[Clock, Run] = field(default_factory=dict)
    objections: tuple[Objection, ...] = ()
    arbitrated: bool = False
    calls: tuple[Call, ...] = ()
    asked: Mapping[Move, Asked] = field(default_factory=dict)
    extensions: int = 0
    follow_ups: tuple[FollowUp, ...] = ()
    rehandled: int = 0
    urges: int = 0
    contacted: bool = False
    answered: bool = False
    attachment: bool = False
    supervised: bool = False
    excluded: bool = False
    merged_into: str | None = None
    unmerged: Standing | None = None
    """Where it stood before it was merged: there it goes back to."""
    placed: str | None = None
    """The district in which a person put the place, another than the one it was opened in; off the row, for
    corrections are no events."""
    head_answered: bool = False
    """Merged, and the case that stands for it has its answer: this citizen is to be followed up."""
    appeal_type: AppealType | None = None
    """What the appeal is, as corrected, or as its source says where that is weightier. Off the row."""
    confidential: bool = False
    """保密, off the row too."""
    patrol: bool = False
    """自建工单 (巡查发现): nobody asked for it, so nobody is contacted or followed up."""
    behind: int = 0
    """Cases that are merged into this one."""
    answered_now: bool = False
    """Closed by 当场答复."""
    withdrawn: datetime | None = None
    """撤诉: since when the citizen asks for nothing any more; None: they do."""
    unwithdrawn: Standing | None = None
    """Where it stood before 撤诉 ended it: there it goes back to. None where the case goes on for others."""
    answer_seq: int = 0
    """The event of the last answer, its own or that of the case it is merged into, or that took it away."""
    answer: Mapping[str, Any] = field(default_factory=dict)
    """What the answer that stands told, as amended (更正反馈) since; `amended`: how often."""
    amended: int = 0
    supplements: int = 0
    """退回补充 since the last 重办."""
    answer_kept: Run | None = None
    """While the rest of an answer is wanted (退回补充): the clock that the first feedback stopped, which the
    next one brings back. `answer_by` is the citizen's limit all the while."""
    rung_behind: bool = False
    """Somebody whose case is merged into this one was rung (回访) since it was answered. Off the row."""
    last: Last | None = None
    before: Standing | None = None

    def running(self, clock: Clock) -> Run | None:
        """The clock, if it runs."""
        run = self.clocks.get(clock)
        return run if run is not None and run.stopped is None else None

    @property
    def supplementing(self) -> bool:
        """Whether the rest of an answer is wanted (退回补充)."""
        run = self.clocks.get(Clock.ANSWER)
        return run is not None and run.supplement and not self.answered

    @property
    def answer_ends(self) -> datetime | None:
        """The end of the citizen's limit, as its clock has it now; what 退回补充 sets is the unit's alone."""
        run = self.clocks.get(Clock.ANSWER)
        return self.answer_by if run is None or run.supplement else run.due

    @property
    def wanted_by(self) -> datetime | None:
        """By when the unit is to answer: by the citizen's limit, or the short one of 退回补充."""
        run = self.clocks.get(Clock.ANSWER)
        return run.due if run is not None and self.supplementing else self.answer_by

    @property
    def rung(self) -> bool:
        """Whether somebody was rung (回访) since the answer, here or behind; reached or not."""
        return self.rung_behind or any(attempt.seq > self.answer_seq for attempt in self.follow_ups)

    @property
    def settled(self) -> bool:
        """Whether who waits for this case has an answer: its own, or that of the case it is merged into."""
        return self.answered if self.unmerged is None else self.head_answered

    @property
    def content(self) -> bool:
        """Merged, and the citizen was reached since and said last that it is solved: no more is to ask."""
        since = self.unmerged.seq if self.unmerged is not None else 0
        last = next((attempt for attempt in reversed(self.follow_ups) if attempt.seq > since), None)
        return last is not None and last.outcome is Outcome.REACHED and last.solved is YesNo.YES

    @property
    def asked_behind(self) -> bool:
        """Whether this citizen was asked, merged: what there was to ask since the answer, or content before.

        The clock of that 回访 stops when somebody was reached, or with the last call in vain. Of 自建工单
        there is nobody to ask.
        """
        if self.patrol:
            return self.head_answered
        run = self.clocks.get(Clock.FOLLOW_UP)
        return bool(self.content or self.withdrawn) or (
            self.head_answered and run is not None and run.stopped is not None
        )

    @property
    def due_at(self) -> datetime | None:
        """The end of the most pressing clock that runs."""
        return min(
            (run.due for run in self.clocks.values() if run.stopped is None and run.due is not None),
            default=None,
        )

    @property
    def due_clock(self) -> Clock | None:
        """The clock that ends at `due_at`; of several that do, the one a ticket meets first."""
        ends = self.due_at
        return next((c for c in Clock if ends and (run := self.running(c)) and run.due == ends), None)

    @property
    def open_objection(self) -> Objection | None:
        """The objection that waits for its ruling."""
        last = self.objections[-1] if self.objections else None
        return last if last is not None and last.ruling is None else None

    @property
    def unreachable(self) -> int:
        """How often in a row nobody was reached since the last answer."""
        count = 0
        for attempt in reversed(self.follow_ups):
            if attempt.outcome is not Outcome.UNREACHABLE or attempt.seq < self.answer_seq:
                break
            count += 1
        return count

    def evolve(self, **changes: Any) -> Standing:  # noqa: ANN401  (fields of this class)
        """A copy with other values."""
        return replace(self, **changes)
