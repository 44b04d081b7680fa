"""反馈 (`feedback`), 更正反馈 (`amend`), 退回补充 (`supplement`), 重办: what each makes of a standing. Pure.

R4.7 has a unit tell citizen and hotline what was done. Before anybody rings, the unit may put that right, and
the desk may send back what is plainly no answer; all of that is assumed (A in `moves.yaml`). What counts as
in time is the first feedback of the round: an amendment moves no clock, and 退回补充 starts a short limit of
its own (`until`) that says when the rest is wanted of the unit, while the end of the citizen's limit, after
which 回访 begins, stays; the next feedback brings the clock back that the first one stopped.
重办 follows what a citizen said, 退回补充 what the desk read.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from models.vocab import Clock, Field, Move

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from triage.rules.replay import Event
    from triage.rules.rows import Tables
    from triage.rules.snippet_rows import LackRow
    from triage.rules.standing import Standing

#: In the data of 退回补充: the row that was chosen, and its words then. No value of the move: releases that
#: do not know the field can show what they know of the event.
LACK: Final = "lack"
_MINUTE: Final = timedelta(minutes=1)
#: What an amendment may change beside the words.
_CHANGED: Final = (Field.NOTE, Field.TOLD_CITIZEN)


def fed_back(s: Standing, event: Event, values: Mapping[str, Any]) -> Standing:
    """What was asked while handling is asked no more. Whether it was in time the first of the round says."""
    kept = {} if s.answer_kept is None else {Clock.ANSWER: s.answer_kept}
    return s.evolve(
        answered=True,
        answer_seq=event.seq,
        answer=dict(values),
        amended=0,
        clocks={**s.clocks, **kept},
        answer_kept=None,
        asked={move: ask for move, ask in s.asked.items() if move is Move.EXCLUDE_ASK},
    )


def amended(s: Standing, event: Event, values: Mapping[str, Any]) -> Standing:
    """Other words, or more evidence; what it does not tell stays as the feedback told it."""
    told = {name: value for name, value in values.items() if name != Field.REASON}
    return s.evolve(answer_seq=event.seq, answer={**s.answer, **told}, amended=s.amended + 1)


def supplemented(s: Standing, event: Event, values: Mapping[str, Any]) -> Standing:
    """Unanswered again, with a short limit of the unit's; the citizen's own (`answer_by`) stays as it is.

    Whoever was called and had not come when it was answered is called no more, as after 重办.
    """
    del event, values
    run = s.clocks.get(Clock.ANSWER)
    short = {} if run is None else {Clock.ANSWER: replace(run, supplement=True)}
    return s.evolve(
        answered=False,
        attachment=False,
        supplements=s.supplements + 1,
        clocks={**s.clocks, **short},
        answer_kept=None if s.before is None else s.before.clocks.get(Clock.ANSWER),
        calls=tuple(call for call in s.calls if call.reported_at is not None),
    )


def rehandled(s: Standing, event: Event, values: Mapping[str, Any]) -> Standing:
    """Whoever was called and had not come when it was answered is called no more: it may be called anew."""
    del event, values
    return s.evolve(
        rehandled=s.rehandled + 1,
        answered=False,
        attachment=False,
        supplements=0,
        answer_by=s.answer_ends,
        answer_kept=None,
        calls=tuple(call for call in s.calls if call.reported_at is not None),
    )


def until(hours: int | None, share: datetime, at: datetime) -> datetime:
    """When the rest of an answer is wanted: so many hours from `at`, but no later than the grade's `share`.

    Whole minutes: what is counted again later (`running`) ends at the same one.
    """
    end = share if hours is None else min(share, at + timedelta(hours=hours))
    return at + max((end - at) // _MINUTE, 1) * _MINUTE


def lacks(tables: Tables, day: date) -> tuple[LackRow, ...]:
    """What a feedback may be found to lack on a day, in the order of the table."""
    return tuple(row for row in tables.snippets.lacks if row.holds(day))


def lacking(tables: Tables, values: Mapping[str, Any], day: date) -> LackRow | None:
    """The row that was chosen; None: none, or none that holds that day."""
    return next((row for row in lacks(tables, day) if row.id == values.get(Field.LACK)), None)


def refused(
    tables: Tables, s: Standing, move: Move, values: Mapping[str, Any], day: date
) -> tuple[Field, str] | None:
    """What is wrong with what one of the two was told, and at which field; None: nothing, or another move."""
    if move is Move.AMEND and (words := unchanged(s, values)):
        return Field.NOTE, words
    if move is Move.SUPPLEMENT and (words := unsaid(tables, values, day)):
        return Field.REASON, words
    return None


def unsaid(tables: Tables, values: Mapping[str, Any], day: date) -> str | None:
    """Why 退回补充 does not say enough; None: it does."""
    row = lacking(tables, values, day)
    if row is None or not row.words or values.get(Field.REASON):
        return None
    return f"选了“{row.title}”，请写明反馈还缺什么"


def unchanged(s: Standing, values: Mapping[str, Any]) -> str | None:
    """Why an amendment is none; None: it changes something."""
    same = all(values.get(field, s.answer.get(field)) == s.answer.get(field) for field in _CHANGED)
    if not same or values.get(Field.ATTACHMENT):
        return None
    return "与原来的反馈一样，没有更正的内容：请改写情况说明，或补上照片"
