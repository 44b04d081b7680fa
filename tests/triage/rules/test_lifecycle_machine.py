"""Random moves by random actors: no illegal state, time never back, the events replay to the same ticket."""

from __future__ import annotations

import json
import os
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any, Final

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from models.vocab import CLOSED_STATES, TAG_OF, Field, Move, Post
from tests.triage.rules.helpers import tables
from tests.triage.rules.lives import opening
from triage.rules import moves
from triage.rules.dues import dues
from triage.rules.fields import CHOICES, FREE, Refusal
from triage.rules.move_rows import Goal
from triage.rules.replay import Event, replay

if TYPE_CHECKING:
    from collections.abc import Callable

    from triage.rules.move_rows import MoveRow
    from triage.rules.standing import Standing

UNITS: Final = ("110105026", "110105023", "110105-ecology", "110105-water", "110105", "110108", "nobody")
#: Only these may give the answer clock another end; an objection never does.
ANSWER_MOVES: Final = {
    Move.DISPATCH, Move.EXTEND_GRANT, Move.LEDGER_REVIEW, Move.REHANDLE, Move.UNDO, Move.SUPPLEMENT,
    Move.FEEDBACK,
}  # fmt: skip
#: More of them by JIESU_TEST_LIVES.
LIVES: Final = int(os.environ.get("JIESU_TEST_LIVES", "40"))
STEPS: Final = {"asked": 0, "made": 0}

actors = st.builds(
    moves.Actor, st.sampled_from(Post), st.sampled_from(UNITS), st.sampled_from(["zhang", "li"])
)
gaps = st.sampled_from([1, 5, 60, 4 * 60, 26 * 60, 8 * 24 * 60])


@st.composite
def told(draw: st.DrawFn) -> dict[str, Any]:
    """Values for every field, mostly well formed."""
    values: dict[str, Any] = {
        field.value: draw(st.sampled_from(list(kind))).value for field, kind in CHOICES.items()
    }
    words = draw(st.sampled_from(["条例第12条，现场核实", "条例第12条，现场核实", "短"]))
    values |= dict.fromkeys((field.value for field in FREE), words)
    values[Field.UNIT] = draw(st.sampled_from(UNITS))
    values[Field.PROPOSED_UNIT] = draw(st.sampled_from(UNITS))
    values[Field.ASSIST] = [draw(st.sampled_from(UNITS[:5]))]
    values[Field.LACK] = draw(st.sampled_from(["lack.evidence", "lack.other", "none"]))
    values[Field.OTHER_TICKET] = "20261101-00000001"
    values["days"] = draw(st.sampled_from([-1, 1, 3, 9, 100]))
    return values


def hold(before: Standing, event: Event, after: Standing, row: MoveRow) -> None:
    """What must be so after any move."""
    assert before.state in row.sources
    assert isinstance(row.goal, Goal) or after.state is row.goal
    assert (event.seq, after.version) == (before.seq + 1, before.version + 1)
    assert event.tag == TAG_OF[row.move]
    assert after.registered_at == before.registered_at
    assert row.move is Move.UNDO or before.dispatched_at in {None, after.dispatched_at}
    assert row.move in ANSWER_MOVES or after.answer_by == before.answer_by
    told = event.data["clocks"]
    assert {clock.value for clock in before.clocks if before.running(clock)} <= {
        *told["start"], *told["stop"], *told["keep"]
    }  # fmt: skip


class TicketLife(RuleBasedStateMachine):
    """One ticket; the model is the table itself."""

    @initialize(
        state=st.sampled_from(["已派单", "待人工审核", "已转办(非环境)"]),
        urgency=st.sampled_from(["U1", "U2", "U3", "U4"]), flagged=st.sampled_from(["是", "否"]),
    )  # fmt: skip
    def open(self, state: str, urgency: str, flagged: str) -> None:
        self.events = [opening({"工单": {"状态": state, "等级": urgency, "关注": flagged}})]
        self.now = self.events[0].at.astimezone(UTC)
        self.other = self.standing = self.replayed()

    def replayed(self) -> Standing:
        """Where the events lead, as they come back from the database."""
        found = replay(
            Event(e.seq, e.at, e.tag, e.login, json.loads(json.dumps(e.data))) for e in self.events
        )
        assert found is not None
        return found

    @rule(move=st.sampled_from(Move), actor=actors, values=told(), gap=gaps)
    def anybody_tries_anything(
        self, move: Move, actor: moves.Actor, values: dict[str, Any], gap: int
    ) -> None:
        self.attempt(move, actor, values, gap)

    @rule(choice=st.integers(0, 99), values=told(), gap=gaps, login=st.sampled_from(["zhang", "li"]))
    def somebody_does_what_is_possible(
        self, choice: int, values: dict[str, Any], gap: int, login: str
    ) -> None:
        self.something(choice, values, gap, login)

    @rule(choice=st.integers(0, 99), values=told(), gap=gaps, login=st.sampled_from(["zhang", "li"]))
    def somebody_else_does_what_is_possible(
        self, choice: int, values: dict[str, Any], gap: int, login: str
    ) -> None:
        self.something(choice, values, gap, login)

    def something(self, choice: int, values: dict[str, Any], gap: int, login: str) -> None:
        """Make one of the moves that the table offers to anyone of this ticket."""
        s, at = self.standing, self.now + timedelta(minutes=gap)
        called = s.calls[-1].unit if s.calls else None
        actors = [
            moves.Actor(Post.UNIT, s.unit, login), moves.Actor(Post.UNIT, called, login),
            moves.Actor(Post.HOTLINE, None, login), moves.Actor(Post.FOLLOW_UP, None, login),
            moves.Actor(Post.SUPERVISOR, None, login), moves.Actor(Post.DISTRICT, "110105", login),
        ]  # fmt: skip
        chances = [
            (found.move, actor)
            for actor in (actors[choice % len(actors)], actors[(choice + 1) % len(actors)])
            for found in moves.possible(tables(), s, actor, at=at)
            if found.rows
        ]
        chances = chances or [(Move.SIGN, actors[0])]
        self.attempt(*chances[choice % len(chances)], values, gap)

    def attempt(self, move: Move, actor: moves.Actor, values: dict[str, Any], gap: int) -> None:
        """Ask for a move and hold what comes of it."""
        self.now += timedelta(minutes=gap)
        until = self.now + timedelta(days=values["days"])
        request = moves.Request(move, {**values, Field.UNTIL: until.isoformat()}, self.other)
        before = self.standing
        STEPS["asked"] += 1
        try:
            chosen = moves.choose(tables(), before, request, actor, at=self.now)
        except Refusal:
            return
        due = dues(tables(), chosen.row, before, chosen.values, at=self.now)
        event, after = moves.apply(tables(), before, chosen, actor, due, at=self.now)
        STEPS["made"] += 1
        hold(before, event, after, chosen.row)
        self.events.append(event)
        self.standing = after
        assert self.replayed() == after

    @invariant()
    def time_never_runs_backwards(self) -> None:
        times = [event.at for event in self.events]
        assert times == sorted(times)
        assert [event.seq for event in self.events] == list(range(1, len(self.events) + 1))

    @invariant()
    def nothing_runs_where_all_is_done(self) -> None:
        s = self.standing
        assert s.state not in CLOSED_STATES or s.due_at is None

    @invariant()
    def counts_stay_within_the_law(self) -> None:
        s = self.standing
        assert s.extensions <= 1
        assert s.rehandled <= 1
        assert len(s.objections) <= 3
        assert len([o for o in s.objections if o.ruling is None]) <= 1
        assert all(o.clause and o.reason and o.proposed != o.unit for o in s.objections)


TicketLife.TestCase.settings = settings(
    max_examples=LIVES, stateful_step_count=40, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip


def test_no_random_life_breaks_the_rules(record_property: Callable[[str, object], None]) -> None:
    STEPS.update(asked=0, made=0)
    TicketLife.TestCase().runTest()
    record_property("steps", dict(STEPS))
    assert STEPS["asked"] > 1000
    assert STEPS["made"] > STEPS["asked"] * 0.15
