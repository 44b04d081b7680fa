"""What a 回访 makes of a standing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.vocab import Clock, Field, Outcome, State, YesNo
from triage.rules.standing import FollowUp, Run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triage.rules.replay import Event
    from triage.rules.standing import Standing


def followed(s: Standing, event: Event, values: Mapping[str, Any]) -> Standing:
    """One more attempt."""
    solved = values.get(Field.SOLVED)
    attempt = FollowUp(
        event.seq, event.at, Outcome(values[Field.OUTCOME]),
        YesNo(solved) if solved else None, values.get(Field.SATISFACTION),
    )  # fmt: skip
    run = s.clocks.get(Clock.FOLLOW_UP)
    if s.state is State.MERGED and attempt.outcome is Outcome.REACHED and run and run.stopped is None:
        # Tables from before such a clock existed do not say that it stops here.
        s = s.evolve(clocks={**s.clocks, Clock.FOLLOW_UP: Run(run.started, run.due, run.rule, event.at)})
    return s.evolve(follow_ups=(*s.follow_ups, attempt))
