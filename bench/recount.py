"""三率 counted a second time, by other means: one pass over each ticket's events, the numbers written out.

Nothing of `triage.rules` is used, so that a fault there cannot hide here. Knows the packaged rules as the
rule notes tell them (R4.4, R4.13, R5.2, R5.5), for months from 2023 on.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Told = tuple[str, datetime, "Mapping[str, Any]"]
Key = tuple[str, str, str, str]

_EAST_EIGHT: Final = timezone(timedelta(hours=8))
_CONTACT_SECONDS: Final = {"U1": 1800, "U2": 7200, "U3": 86400, "U4": 86400}
_WORTH: Final = {5: 100, 4: 80, 3: 60, 2: 0, 1: 0}
_APART_SECONDS: Final = 4 * 3600
#: The citizen has been told (反馈 and 挂账 need that), or nobody waits any more.
_MET: Final = frozenset({"contact", "feedback", "ledger_grant", "divert", "withdraw", "merge", "close"})
_VAIN: Final = 3
#: What happens to a ticket because another stands for it.
_BY_MERGE: Final = frozenset({"archive", "head_answered", "head_reopened"})


def recount(tickets: Iterable[Mapping[str, Any]], month: str, as_of: datetime) -> Counter[Key]:
    """(by, key, rate, what) → number; `what` is points, tickets or out."""
    sums: Counter[Key] = Counter()
    for ticket in tickets:
        _one(sums, ticket, month, as_of)
    return sums


def _kept(events: Sequence[Told], as_of: datetime) -> list[Told]:
    stack: list[Told] = []
    for event in events:
        if event[1] >= as_of:
            continue
        if event[0] == "undo":
            del stack[-1:]
        elif event[0] == "split":
            _split(stack)
        elif event[0] == "take_up":
            places = [place for place, one in enumerate(stack) if one[0] in {"withdraw", "withdraw_part"}]
            for place in places[-1:]:
                del stack[place]
        else:
            stack.append(event)
    return stack


def _split(stack: list[Told]) -> None:
    """拆回: the last merge never was, nor what only followed from it."""
    merges = [place for place, event in enumerate(stack) if event[0] == "merge"]
    for last in merges[-1:]:
        since = [event for event in stack[last + 1 :] if event[0] not in _BY_MERGE | {"follow_up"}]
        del stack[last:]
        stack += since


def _one(sums: Counter[Key], ticket: Mapping[str, Any], month: str, as_of: datetime) -> None:
    s: dict[str, Any] = {"unit": ticket["unit"], "wrong": [], "vain": 0, "dispatched": None}
    for act, at, data in _kept(ticket["events"], as_of):
        _step(s, act, at, data)
    whole, when = _whole(s)
    if whole not in {"diverted", "answered", "merged"} and s.get("concluded"):
        when = s["concluded"]
    if "exclude_grant" in s:
        when = min(when or s["exclude_grant"], s["exclude_grant"])
    if when is None or when.astimezone(_EAST_EIGHT).strftime("%Y-%m") != month:
        return
    places = [("all", "")]
    places += [(by, ticket[by] or "未明") for by in ("district", "street", "kind")]
    places.append(("unit", s["unit"] or "未明"))
    for rate, points in _points(s, ticket["urgency"], as_of).items():
        for by, key in places:
            goes_on = whole == "part" and rate == "response" and points is not None
            if (whole and not goes_on) or points is None:
                sums[by, key, rate, "out"] += 1
            else:
                sums[by, key, rate, "points"] += points
                sums[by, key, rate, "tickets"] += 1
    for unit in set(s["wrong"]) - {s["unit"]}:
        for rate in ("response", "resolution", "satisfaction"):
            sums["unit", unit, rate, "out"] += 1


def _step(s: dict[str, Any], act: str, at: datetime, data: Mapping[str, Any]) -> None:
    if act in {"dispatch", "reassign", "arbitrate", "pass_on"}:
        s["unit"] = data.get("unit") or s["unit"]
    if act == "dispatch":
        s["dispatched"] = s["dispatched"] or at
    if act in {"dispatch", "accept"}:
        s.pop("divert", None)
        s.pop("answer_now", None)
    if act in {"divert", "answer_now", "merge", "exclude_grant", "withdraw", "withdraw_part", "ledger_grant"}:
        s[act] = s.get(act, at) if act == "exclude_grant" else at
    if act in {"feedback", "close"}:
        s.pop("ledger_grant", None)
    if act == "object_uphold":
        s["wrong"].append(s["unit"])
    if act == "rehandle":
        s["vain"] = 0
    if act == "follow_up" and "merge" not in s:
        _called(s, at, data)
    if act in _MET and s["dispatched"]:
        s.setdefault("met", at)  # the first ends the wait


def _called(s: dict[str, Any], at: datetime, data: Mapping[str, Any]) -> None:
    if not data.get("unreachable"):
        s["answer"], s["vain"] = data, 0
        s.setdefault("concluded", at)
        return
    if s["vain"] and (at - s["tried"]).total_seconds() < _APART_SECONDS:
        return
    s["vain"], s["tried"] = s["vain"] + 1, at
    if s["vain"] == _VAIN:
        s.setdefault("concluded", at)


def _whole(s: Mapping[str, Any]) -> tuple[str | None, datetime | None]:
    for act, name in (("divert", "diverted"), ("answer_now", "answered"), ("merge", "merged")):
        if act in s and "concluded" not in s:
            return name, s[act]
    if "exclude_grant" in s:
        return "excluded", s["exclude_grant"]
    for act, name in (("withdraw", "withdrawn"), ("withdraw_part", "part")):
        if act in s and "concluded" not in s:
            return name, s[act]
    if "ledger_grant" in s and "concluded" not in s:
        return "ledger", s["ledger_grant"]
    return None, None


def _points(s: Mapping[str, Any], urgency: str, as_of: datetime) -> dict[str, int | None]:
    answer = s.get("answer")
    met = s.get("met")
    response: int | None = None
    if s["dispatched"]:
        limit = timedelta(seconds=_CONTACT_SECONDS[urgency])
        if met:
            response = 100 if met - s["dispatched"] < limit else 0
        elif as_of - s["dispatched"] >= limit:
            response = 0
    if answer is not None and answer.get("contacted") is False:
        response = 0
    solved = None if answer is None else answer.get("solved")
    step = None if answer is None else answer.get("satisfaction")
    return {
        "response": response,
        "resolution": None if solved is None else 100 * bool(solved),
        "satisfaction": None if step is None else _WORTH[step],
    }
