"""态势下钻: the tickets behind a figure, as a filter of the list; written as one text in addresses."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.rollups import RollupTicket
from models.tickets import Ticket
from models.vocab_mood import Mood
from models.vocab_trends import Ending

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import ColumnElement

_DAYS: Final = re.compile(r"(\d{4}-\d{2}-\d{2})\.\.(\d{4}-\d{2}-\d{2})")
_CODE: Final = re.compile(r"[A-Za-z0-9_-]{0,16}")
_MOST_KINDS: Final = 80
#: Years between first and last day, as trends show them: each day may have to be named in the statement.
MOST_YEARS: Final = 6
_UNKNOWN: Final = "-"
_NUMBERS: Final = {"angry": (0, 1), "weekday": (1, 7), "hour": (0, 23), "band": (0, 9), "case": (0, 1)}


class TooLong(ValueError):
    """More years than `MOST_YEARS`."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The tickets counted in days (both included) as of a kind, place, …; '' is 未明, None: all."""

    first: date
    last: date
    kinds: tuple[str, ...] | None = None
    district: str | None = None
    street: str | None = None
    channel: str | None = None
    ending: str | None = None
    community: str | None = None
    grid: str | None = None
    mood: str | None = None
    angry: str | None = None
    weekday: str | None = None
    hour: str | None = None
    band: str | None = None
    case: str | None = None

    def condition(self) -> ColumnElement[bool]:
        """The condition on `ticket`: as the sums counted it, so that list and figure agree."""
        r = RollupTicket
        where = [r.day >= self.first, r.day <= self.last]
        if self.kinds is not None:
            where.append(r.kind.in_(self.kinds))
        for name in ("district", "street", "channel", "ending", "community", "grid", "mood"):
            value = getattr(self, name)
            if value is not None:
                where.append(getattr(r, name) == value)
        where += self._told()
        return Ticket.id.in_(sa.select(r.ticket_id).where(*where))

    def _told(self) -> list[ColumnElement[bool]]:
        """What is told by numbers: `case` 1 leaves the joined ones out, `weekday` 1 is Monday."""
        r = RollupTicket
        found: list[ColumnElement[bool]] = []
        for name in ("angry", "hour", "band"):
            value = getattr(self, name)
            if value is not None:
                found.append(getattr(r, name) == int(value))
        if self.case is not None:
            merged = r.ending == Ending.MERGED.value
            found.append(merged if self.case == "0" else ~merged)
        if self.weekday is not None:
            # The days are few: they are named, so that both databases find them by their index.
            days = (self.last - self.first).days + 1
            found.append(r.day.in_([
                day for n in range(days)
                if (day := self.first + timedelta(days=n)).isoweekday() == int(self.weekday)
            ]))  # fmt: skip
        return found

    def encode(self) -> str:
        """As it stands in an address: `2026-11-01..2026-11-30;kinds=NOI-01;district=110105`."""
        parts = [f"{self.first}..{self.last}"]
        if self.kinds is not None:
            parts.append("kinds=" + ",".join(kind or _UNKNOWN for kind in self.kinds))
        for field in fields(self)[3:]:
            value = getattr(self, field.name)
            if value is not None:
                parts.append(f"{field.name}={value or _UNKNOWN}")
        return ";".join(parts)

    @classmethod
    def decode(cls, text: str) -> Counted:
        """Read one back. Raises ValueError on anything `encode` did not write, TooLong of it."""
        days, *parts = text.split(";")
        match = _DAYS.fullmatch(days)
        if match is None:
            raise ValueError("no days")
        found: dict[str, str] = {}
        for part in parts:
            name, _, value = part.partition("=")
            if name in found or not value:
                raise ValueError("a part twice, or empty")
            found[name] = value
        if set(found) - {field.name for field in fields(cls)[2:]}:
            raise ValueError("an unknown part")
        kinds = tuple(found.pop("kinds").split(",")) if "kinds" in found else None
        for value in (*(kinds or ()), *found.values()):
            if not _CODE.fullmatch(value):
                raise ValueError("not a code")
        if len(kinds or ()) > _MOST_KINDS:
            raise ValueError("too many kinds")
        _check(found)
        first, last = date.fromisoformat(match[1]), date.fromisoformat(match[2])
        if last.year - first.year > MOST_YEARS:
            raise TooLong
        return cls(
            first,
            last,
            None if kinds is None else tuple(_plain(kind) for kind in kinds),
            **{name: _plain(value) for name, value in found.items()},
        )


def _check(found: Mapping[str, str]) -> None:
    """Raise ValueError on a part that is none of its words or numbers."""
    if "ending" in found:
        Ending(found["ending"])
    if "mood" in found:
        Mood(found["mood"])
    for name, (least, most) in _NUMBERS.items():
        if name in found and not (found[name].isdecimal() and least <= int(found[name]) <= most):
            raise ValueError("not a number of its range")


def _plain(value: str) -> str:
    return "" if value == _UNKNOWN else value
