"""The one clock: UTC inside, Asia/Shanghai to show. Everything else is handed a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol
from zoneinfo import ZoneInfo

BEIJING: Final = ZoneInfo("Asia/Shanghai")


class Clock(Protocol):
    """Tells the present moment, aware, in UTC."""

    def now(self) -> datetime:
        """Give the present moment."""
        ...


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Give the present moment in UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class FixedClock:
    """A clock that stands still: for tests and replays."""

    moment: datetime

    def now(self) -> datetime:
        """Give the fixed moment."""
        return self.moment


def local(moment: datetime) -> datetime:
    """The same moment in Beijing time. Raises ValueError on a naive one."""
    if moment.tzinfo is None:
        raise ValueError("a moment must be aware")
    return moment.astimezone(BEIJING)


def show(moment: datetime) -> str:
    """`2026-11-23 08:05`, Beijing time."""
    return local(moment).strftime("%Y-%m-%d %H:%M")
