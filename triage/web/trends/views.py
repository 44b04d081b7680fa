"""A chart as a page, an export and a script need it: title, definition, table, options. One for all three."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

LESS: Final = "＜5"
#: What narrows a question beside its days.
NARROWING: Final = ("district", "street", "kind", "channel")


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a chart's table: its words, the value for export, and the tickets behind it."""

    words: str
    value: str | int | float | None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart with its table and its definition. `option`: for ECharts; None: a table alone."""

    id: str
    title: str
    definition: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    option: dict[str, Any] | None = None
    note: str = ""
    tall: bool = False
    wide: bool = False
    links: tuple[str | None, ...] = field(default=())
    #: What of a question does not narrow it: of `NARROWING`.
    wide_of: frozenset[str] = frozenset()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show."""
        return not self.rows


#: What a line does not tell.
NOT_TOLD: Final = Cell("—", None)


def text(words: str, address: str | None = None) -> Cell:
    """A cell of words."""
    return Cell(words, words, address)


def count(value: int | None, address: str | None = None) -> Cell:
    """A count; None was hidden (k ≥ 5), and so leads nowhere."""
    if value is None:
        return Cell(LESS, LESS)
    return Cell(f"{value:,}", value, address if value else None)


def share(value: float | None) -> Cell:
    """A share in percent with one decimal."""
    return Cell("—", None) if value is None else Cell(f"{value * 100:.1f}%", round(value, 4))


def change(now: int | None, before: int | None) -> Cell:
    """By how much a count differs from that of last year."""
    if not before or now is None:
        return Cell("—", None)
    moved = now / before - 1
    return Cell(f"{moved * 100:+.1f}%", round(moved, 4))


def number(value: float, digits: int = 1) -> Cell:
    """A number with so many decimals."""
    return Cell(f"{value:.{digits}f}", round(value, digits))
