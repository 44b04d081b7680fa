"""A report as those outside the office read it: no count from 1 to 4, nor one from which such a one follows.

The text was written for the office and is free: a sentence that names a hidden count is left out whole, for
what stands beside it (a share, a difference) would tell it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from connectors.office_docx import COLUMNS, Section
from triage.rules.rate_rows import Rate
from triage.services.trends import figures

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from connectors.office_docx import Paper

LESS: Final = "＜5"
NOTE: Final = "少于 5 件的数字、可由此推出的数字和含有这些数字的句子，不向本办公室以外显示。"
_GONE: Final = "（这一部分含少于 5 件的数字，不显示。）"
_NAME, _NOW, _BEFORE, _CHANGE = range(4)
_DIGITS: Final = {0xFF10 + digit: str(digit) for digit in range(10)}
#: A lone 1 to 4 that is no date, ordinal or part of a longer number.
_SMALL: Final = re.compile(r"(?<![0-9.第])[1-4](?![0-9.%]|\s*(?:年|月|日|天|周|季度|期))")
#: Shares of a report's facts and the count that each is of, or is no more than (`angry_share_before`).
_OF: Final = {
    "solved_share": "asked",
    "satisfied_share": "reached",
    "negative_share": "mood_read",
    "angry_share": "mood_read",
    "angry_share_before": "before",
    **{f"{rate.value}_share": f"{rate.value}_n" for rate in Rate},
}
_NUMBER: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?%?")


def paper(told: Paper, facts: Mapping[str, str]) -> Paper:
    """The paper with what is hidden left out, and a line that says so. `facts`: those it was drafted from."""
    tables, secret = [], {("", share) for share in _shares(facts)}
    for table in told.tables:
        rows, gone = _rows(table.rows)
        tables.append(replace(table, rows=rows))
        secret |= gone
        secret |= _totals_gone(table.rows, rows)
    sections = tuple(
        Section(
            "（略）" if _tells(section.heading, secret) else section.heading,
            tuple(line for line in section.paragraphs if not _tells(line, secret)) or (_GONE,),
        )
        for section in told.sections
    )
    return replace(told, sections=sections, tables=tuple(tables), note=f"{told.note}{NOTE}")


def sums(counted: Sequence[Sequence[Any]]) -> list[int]:
    """The sums of the columns beside the names."""
    return [sum(int(row[at]) for row in counted) for at in range(_NOW, len(COLUMNS))]


def totals(counted: Sequence[Sequence[Any]], told: Sequence[Sequence[Any]]) -> list[int | str]:
    """The sums as they may be shown: hidden where one would tell a small count.

    That is where it is one itself, and where what is hidden in its column is one number alone or fewer than
    five together. The sum of the changes follows from the two periods' and goes with them.
    """
    found: list[int | str] = []
    for at, total in enumerate(sums(counted), start=_NOW):
        away = [int(row[at]) for row, shown in zip(counted, told, strict=True) if shown[at] == LESS]
        few = len(away) == 1 or any(0 < count < figures.SMALLEST_SHOWN for count in (total, sum(away)))
        hidden = LESS in found if at == _CHANGE else few
        found.append(LESS if hidden else total)
    return found


def _totals_gone(counted: Sequence[Sequence[Any]], told: Sequence[Sequence[Any]]) -> set[tuple[str, str]]:
    """Hidden totals, as sentences of no line's name would tell them; those of 1 to 4 no sentence does."""
    pairs = zip(sums(counted), totals(counted, told), strict=True)
    return {("", str(abs(n))) for n, shown in pairs if shown == LESS and abs(n) >= figures.SMALLEST_SHOWN}


def _rows(rows: Sequence[Sequence[Any]]) -> tuple[tuple[tuple[Any, ...], ...], set[tuple[str, str]]]:
    """The rows as they may be shown, and what is hidden: names with numbers; '' is every number."""
    if not rows:
        return (), set()
    columns = list(zip(*rows, strict=True))
    now = figures.line(columns[_NOW], office=False)
    # Of what is hidden nothing is told: its parts would add up to it.
    away = {at for at, count in enumerate(now) if count is None}
    shown: list[Sequence[Any]] = [columns[_NAME], now, figures.line(columns[_BEFORE], office=False)]
    shown.append([
        None if None in {mine, then} else change
        for mine, then, change in zip(now, shown[_BEFORE], columns[_CHANGE], strict=True)
    ])  # fmt: skip
    shown += [figures.line(column, office=False, also=away) for column in columns[_CHANGE + 1 :]]
    secret = {
        (str(row[_NAME]), "" if at == _NOW else str(abs(row[at])))
        for at, column in enumerate(shown)
        for row, cell in zip(rows, column, strict=True)
        if cell is None
    }
    told = tuple(tuple(LESS if cell is None else cell for cell in row) for row in zip(*shown, strict=True))
    return told, secret


def _shares(facts: Mapping[str, str]) -> set[str]:
    """The shares from which, with what they are of, a count from 1 to 4 follows: its own or the rest's."""
    return {
        _plain(facts[share])
        for share, whole in _OF.items()
        if share in facts and whole in facts and _follows(facts[share], int(facts[whole]))
    }


def _follows(share: str, whole: int) -> bool:
    if not share.endswith("%"):
        return False
    number = share.removesuffix("%")
    # As it was rounded: less than that, it may as well be none.
    step = Fraction(1, 10 ** len(number.partition(".")[2]))
    part, close = Fraction(number) * whole / 100, step * whole / 200
    return any(close < n < figures.SMALLEST_SHOWN for n in (part, whole - part))


def _plain(number: str) -> str:
    """A number as one would type it: 90.0% → 90%."""
    digits, dot, decimals = number.removesuffix("%").partition(".")
    decimals = decimals.rstrip("0")
    return digits + (dot + decimals if decimals else "") + ("%" if number.endswith("%") else "")


def _tells(text: str, secret: Iterable[tuple[str, str]]) -> bool:
    plain = text.translate(_DIGITS)
    numbers = {_plain(number) for number in _NUMBER.findall(plain)}
    return bool(_SMALL.search(plain)) or any(
        name in plain and numbers and (not number or number in numbers) for name, number in secret
    )
