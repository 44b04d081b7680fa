"""The numbers that a report's text may name: its figures, its tables' cells beside their name, its own days.

A cell counts only in a sentence that names its line, so that no other district's number passes for one's
own. 年, 月, 日 are known of the period and the one before it; 第…条 cites a rule and is no figure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from triage.services.reporting.periods import Period

_NUMBER: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?%?")
_NARROW: Final = {0xFF10 + digit: str(digit) for digit in range(10)} | {0xFF05: "%", 0xFF0E: "."}
_DATES: Final = re.compile(r"(?<![0-9.])[0-9]{1,4} ?[年月日](?!均)")
_CITED: Final = re.compile(r"第 ?[0-9]{1,3} ?[条款项]")


@dataclass(frozen=True, slots=True)
class Known:
    """What a text may name: figures anywhere, cells beside the name of their line, dates as dates."""

    figures: frozenset[str]
    cells: Mapping[str, frozenset[str]] = field(default_factory=dict)
    dates: frozenset[str] = frozenset()

    def strange(self, sentence: str) -> list[str]:
        """The numbers of a sentence that nothing shows, in order."""
        plain = _CITED.sub(" ", sentence.translate(_NARROW))
        plain = _DATES.sub(lambda found: " " if found[0].replace(" ", "") in self.dates else found[0], plain)
        beside = [numbers for name, numbers in self.cells.items() if name in plain]
        return [
            number
            for number in _NUMBER.findall(plain)
            if number not in self.figures and not any(number in numbers for numbers in beside)
        ]


def known(facts: Mapping[str, Any], period: Period, said: frozenset[str]) -> Known:
    """What the text of a report over `facts` (as `figuring` made them) may name; `said`: besides those."""
    figures = {number for shown in facts["facts"].values() for number in numbers_of(shown)}
    cells: dict[str, set[str]] = {}
    for rows in facts["tables"].values():
        for name, *counts in rows:
            cells.setdefault(str(name), set()).update(str(abs(count)) for count in counts)
    return Known(
        figures=frozenset(figures | said),
        cells={name: frozenset(numbers) for name, numbers in cells.items()},
        dates=frozenset(_dates(period) | _dates(period.before)),
    )


def numbers_of(text: str) -> Sequence[str]:
    """The numbers of a text; those typed in full width are the same ones."""
    return _NUMBER.findall(text.translate(_NARROW))


def _dates(period: Period) -> set[str]:
    days = [period.first + timedelta(days=n) for n in range((period.last - period.first).days + 1)]
    return {told for day in days for told in (f"{day.year}年", f"{day.month}月", f"{day.day}日")}
