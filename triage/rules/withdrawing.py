"""撤诉, pure: what it makes of a standing, what it must be told, and how it is taken back (取消撤诉).

It ends a case that nobody else waits for. Where others do (cases are merged into it, or it is merged into
another one) the case goes on, and only the 回访 of this citizen ends: that clock rests as long as the
withdrawal stands, and runs on from where it was when it is taken back.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from models.vocab import Clock, Field, Move, State, Tag, Urgency
from models.vocab_withdrawal import WithdrawnBy, WithdrawnWhy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from triage.rules.move_rows import MoveRow
    from triage.rules.replay import Event
    from triage.rules.standing import Asked, Standing

#: In the data of 撤诉: who asked for it and why. No values: an older process would have to know their names.
SAID: Final = "withdrawn"
_CHOSEN: Final = (Field.WITHDRAWN_BY, Field.WITHDRAWN_WHY)
#: Words that must be given where a danger or a 督办 stands against it.
_LEAST_WORDS: Final = 8


def withdrawn(s: Standing, event: Event, values: Mapping[str, Any]) -> Standing:
    """After 撤诉. What was asked for (延期, 挂账) is asked no more where it ended the case; 剔除 still is."""
    del values
    if s.state is not State.CLOSED:
        return s.evolve(withdrawn=event.at)
    return s.evolve(withdrawn=event.at, unwithdrawn=s.before, asked=_exclusion(s))


def _exclusion(s: Standing) -> dict[Move, Asked]:
    """申请剔除, which a closed case may have waiting too."""
    return {move: ask for move, ask in s.asked.items() if move is Move.EXCLUDE_ASK}


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of 撤诉 without what was chosen."""
    return {name: value for name, value in values.items() if name not in _CHOSEN}


def said(values: Mapping[str, Any]) -> dict[str, Any]:
    """What was chosen."""
    return {field.value: values[field] for field in _CHOSEN if field in values}


def taken_up(s: Standing, event: Event, values: Mapping[str, Any]) -> Standing:
    """After 取消撤诉: as before it, the clocks running on as if they had never stopped.

    What happened meanwhile stays: urges, a flag that was looked at, a 剔除 asked for or granted. One takes
    back all there are: where others waited at first, and then nobody did, there are two.
    """
    del event, values
    ended = s.unwithdrawn
    if ended is not None:
        # 剔除 was asked and answered on the closed case too: as it stands now.
        asked = {move: ask for move, ask in ended.asked.items() if move is not Move.EXCLUDE_ASK}
        s = ended.evolve(
            seq=s.seq, last_at=s.last_at, version=s.version, flagged=s.flagged, urges=s.urges,
            behind=s.behind, excluded=s.excluded, last=s.last,
            asked=asked | _exclusion(s),
        )  # fmt: skip
    run, since = s.clocks.get(Clock.FOLLOW_UP), s.withdrawn
    clocks = dict(s.clocks)
    stopped = run.stopped if run is not None and s.settled else None
    if run is not None and since is not None and stopped is not None and stopped >= since:
        clocks[Clock.FOLLOW_UP] = replace(run, stopped=None)
    # Withdrawn before it was merged: 撤销合并 does not bring that back.
    unmerged = s.unmerged and s.unmerged.evolve(withdrawn=None)
    return s.evolve(withdrawn=None, clocks=clocks, unmerged=unmerged)


def rested(s: Standing, *, at: datetime) -> Standing:
    """As long as the citizen has withdrawn nobody is to ask them anything."""
    run = s.running(Clock.FOLLOW_UP)
    if s.withdrawn is None or run is None:
        return s
    return s.evolve(clocks={**s.clocks, Clock.FOLLOW_UP: replace(run, stopped=at)})


def goal(s: Standing) -> State:
    """Where 取消撤诉 leads."""
    return s.unwithdrawn.state if s.unwithdrawn is not None else s.state


def wrong(s: Standing, row: MoveRow, values: Mapping[str, Any]) -> tuple[Field, str] | None:
    """What a wish for 撤诉 lacks, with its field."""
    why, words = values.get(Field.WITHDRAWN_WHY), str(values.get(Field.NOTE) or "")
    if why is not None and row.limits.whys and why not in row.limits.whys:
        known = "、".join(one.label for one in row.limits.whys)
        return Field.WITHDRAWN_WHY, f"{Field.WITHDRAWN_WHY.label}现在只能是：{known}"
    other = values.get(Field.WITHDRAWN_BY) == WithdrawnBy.OTHER
    if (why == WithdrawnWhy.OTHER or other) and not words:
        return Field.NOTE, "选了“其他”的，请在情况说明里写清楚"
    goes_on = s.unmerged is not None or s.behind > 0
    if Field.WITHDRAWN_BY not in row.fields or len(words) >= _LEAST_WORDS or goes_on:
        return None
    if s.urgency is Urgency.U1:
        return Field.NOTE, (
            f"这张是 {s.urgency.value} {s.urgency.label}，危险不因诉求人撤诉而消失："
            f"请写明怎样核实没有危险，至少 {_LEAST_WORDS} 个字"
        )
    if s.supervised:
        return Field.NOTE, f"有督办在等到场核实：请写明为什么不必再到场，至少 {_LEAST_WORDS} 个字"
    return None


class Told(Protocol):
    """An event as it was stored."""

    @property
    def seq(self) -> int:
        """Its number on the ticket."""
        ...

    @property
    def at(self) -> datetime:
        """When."""
        ...

    @property
    def tag(self) -> str:
        """What happened."""
        ...

    @property
    def data(self) -> Mapping[str, Any]:
        """What it says."""
        ...


def since(events: Iterable[Told]) -> datetime | None:
    """Since when the citizen asks for nothing any more: the 撤诉 that neither 撤销 nor 取消撤诉 took back."""
    told = [one for one in events if one.tag in {Tag.WITHDRAW, Tag.TAKE_UP, Tag.UNDO}]
    undone = {one.data.get("undoes") for one in told if one.tag == Tag.UNDO}
    said = [one for one in told if one.tag != Tag.UNDO and one.seq not in undone]
    return said[-1].at if said and said[-1].tag == Tag.WITHDRAW else None


def too_late(s: Standing, row: MoveRow, at: datetime) -> str | None:
    """Why it can no longer be taken back.

    A case that went on for others and was ended since (办结) is over, with nothing of it to go back to.
    """
    if row.move is Move.TAKE_UP and s.state is State.CLOSED and s.unwithdrawn is None:
        return "撤诉以后这件事已经为别人办完、办结，不能再取消；诉求人又要求办的，请另行受理一件"
    hours = row.limits.within_hours
    if hours is None or s.withdrawn is None or (at - s.withdrawn).total_seconds() < hours * 3600:
        return None
    return f"撤诉已过 {hours} 小时，不能再自己取消；要继续的请打 12345"
