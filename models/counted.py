"""态势下钻: the tickets behind a figure, as a filter of the list; written as one text in addresses."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import date
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.rollups import RollupTicket
from models.tickets import Ticket
from models.vocab_trends import Ending

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

_DAYS: Final = re.compile(r"(\d{4}-\d{2}-\d{2})\.\.(\d{4}-\d{2}-\d{2})")
_CODE: Final = re.compile(r"[A-Za-z0-9_-]{0,16}")
_MOST_KINDS: Final = 80
_UNKNOWN: Final = "-"


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

    def condition(self) -> ColumnElement[bool]:
        """The condition on `ticket`: as the sums counted it, so that list and figure agree."""
        r = RollupTicket
        where = [r.day >= self.first, r.day <= self.last]
        if self.kinds is not None:
            where.append(r.kind.in_(self.kinds))
        for name in ("district", "street", "channel", "ending", "community", "grid"):
            value = getattr(self, name)
            if value is not None:
                where.append(getattr(r, name) == value)
        return Ticket.id.in_(sa.select(r.ticket_id).where(*where))

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
        """Read one back. Raises ValueError on anything `encode` did not write."""
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
        if (ending := found.get("ending")) is not None:
            Ending(ending)
        return cls(
            date.fromisoformat(match[1]),
            date.fromisoformat(match[2]),
            None if kinds is None else tuple(_plain(kind) for kind in kinds),
            **{name: _plain(value) for name, value in found.items()},
        )


def _plain(value: str) -> str:
    return "" if value == _UNKNOWN else value
