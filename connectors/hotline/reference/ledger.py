"""What the reference platform knows: its orders by time of change, and every action it was told."""

from __future__ import annotations

import bisect
import hashlib
from dataclasses import dataclass, field
from typing import Any

from connectors.hotline.reference import orders


@dataclass(slots=True)
class Told:
    """One action: what was said first, how often it was said, how often it counted."""

    digest: str
    code: str
    day: str
    seen: int = 0
    counted: int = 0
    mismatched: int = 0


@dataclass
class Ledger:
    """Orders and actions; the checker asks for it."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    created: dict[str, float] = field(default_factory=dict)
    changed: list[tuple[float, str]] = field(default_factory=list)
    times: dict[str, float] = field(default_factory=dict)
    latest: dict[str, int] = field(default_factory=dict)
    actions: dict[tuple[str, int], Told] = field(default_factory=dict)
    out_of_order: int = 0
    pushed: int = 0
    push_refused_rightly: int = 0
    push_taken_wrongly: int = 0

    def add(self, place: int, *, created: float, updated: float) -> str:
        """A new order."""
        number = orders.number_of(place)
        self.rows[number] = orders.make(place, created=created, updated=updated)
        self.created[number] = created
        self._list(number, updated)
        return number

    def _list(self, number: str, updated: float) -> None:
        self.times[number] = round(updated, 3)
        bisect.insort(self.changed, (self.times[number], number))

    def touch(self, number: str, status: str, *, updated: float) -> None:
        """An order's status changes: it is listed again, at its new time."""
        row = self.rows[number]
        row["orderState"] = status
        self._again(number, updated)

    def urge(self, number: str, urge: str, *, updated: float) -> None:
        """An order is urged, under a number of the urge's own."""
        row = self.rows[number]
        row["urgeOrderNum"] = "、".join(filter(None, (row.get("urgeOrderNum"), urge)))
        self._again(number, updated)

    def _again(self, number: str, updated: float) -> None:
        self.changed.pop(bisect.bisect_left(self.changed, (self.times[number], number)))
        self.rows[number]["updatedTime"] = orders.written(updated)
        self._list(number, updated)

    def between(self, after: float, until: float) -> list[str]:
        """The numbers changed in (after, until], oldest first."""
        start = bisect.bisect_right(self.changed, (after, "\uffff"))
        end = bisect.bisect_right(self.changed, (until, "\uffff"))
        return [number for _, number in self.changed[start:end]]

    def tell(self, number: str, seq: int, body: bytes, code: str, day: str) -> tuple[Told, bool]:
        """Note an action; gives it and whether it was known. The first one counts."""
        known = self.actions.get((number, seq))
        digest = hashlib.sha256(body).hexdigest()
        if known is None:
            known = self.actions[number, seq] = Told(digest, code, day)
            if seq < self.latest.get(number, 0):
                self.out_of_order += 1
            self.latest[number] = max(seq, self.latest.get(number, 0))
        known.seen += 1
        if known.counted and known.digest != digest:
            known.mismatched += 1
        duplicate = known.counted > 0
        known.counted = 1
        return known, duplicate

    def day(self, day: str, kind: str) -> list[str]:
        """The numbers of a day: its orders, or the actions that tell of it."""
        if kind == "orders":
            return sorted(number for number, at in self.created.items() if orders.day_of(at) == day)
        return sorted(f"{number}#{seq}" for (number, seq), told in self.actions.items() if told.day == day)

    def summary(self) -> dict[str, Any]:
        """Figures for the checker."""
        return {
            "orders": len(self.rows),
            "actions": len(self.actions),
            "action_requests": sum(told.seen for told in self.actions.values()),
            "actions_mismatched": sum(told.mismatched for told in self.actions.values()),
            "actions_out_of_order": self.out_of_order,
            "pushed": self.pushed,
            "push_refused_rightly": self.push_refused_rightly,
            "push_taken_wrongly": self.push_taken_wrongly,
        }
