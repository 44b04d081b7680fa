"""What a reward is decided on: the facts that people and the register state. No row, no clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from models.vocab_rewards import Measure, RewardOutcome, Via
from triage.rules.rewards.rows import FEN

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from models.vocab_rewards import Exclusion
    from triage.rules.rows import Status


@dataclass(frozen=True, slots=True)
class Item:
    """One violation (or one decision on it) as it was dealt with. Amounts in fen."""

    outcome: RewardOutcome
    title: str = ""
    via: Via = Via.REPORT
    fine: int | None = None
    statutory_max: int | None = None
    matter: str | None = None
    contribution: int | None = None
    measures: Mapping[Measure, int] = field(default_factory=dict)
    effective_on: date | None = None

    def measure(self, which: Measure) -> int | None:
        """A measure; the fine is known in fen."""
        return self.fine if which is Measure.FINE_YUAN else self.measures.get(which)

    @staticmethod
    def scale(which: Measure) -> int:
        """What a limit of the table is multiplied by to compare with `measure`."""
        return FEN if which is Measure.FINE_YUAN else 1


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a decision stands on. `parts`: how joint reporters agreed to share, in any whole numbers."""

    kind: str
    reported_on: date
    real_name: bool = True
    code: bool = False
    """Whether an anonymous reporter can be reached by a code (领取码)."""
    first: bool = True
    rewarded_before: bool = False
    reoffended: bool = False
    insider: bool = False
    exclusions: tuple[Exclusion, ...] = ()
    items: tuple[Item, ...] = ()
    reporters: int = 1
    parts: tuple[int, ...] = ()
    pick: int | None = None
    """The amount chosen within a band, in fen."""
    ruleset: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence of the explanation with the row that it stands on. `ok`: None says nothing against it."""

    text: str
    ok: bool | None = None
    row_id: str = ""
    source: str = ""
    status: Status | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from the facts: lines, whether a reward is due, how much, and each reporter's part.

    `amount` None while it is to be chosen between `low` and `high` (or one of `choices`); all in fen.
    """

    lines: tuple[Line, ...]
    eligible: bool
    ruleset: str
    amount: int | None = None
    low: int | None = None
    high: int | None = None
    choices: tuple[int, ...] = ()
    award: str | None = None
    parts: tuple[int, ...] = ()
    recover: bool = False

    @property
    def row_ids(self) -> tuple[str, ...]:
        """The rows that decided, in order."""
        return tuple(dict.fromkeys(line.row_id for line in self.lines if line.row_id))
