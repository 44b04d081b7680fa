"""Rows of `snippets.yaml`: 答复要点 for clerks, 反馈模板 that a unit begins its answer with, 退回补充的理由.

A template is a beginning: an answer that still is one, or still has a gap (【…】) of one, is none
(`still_template`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from triage.rules.check_tools import ids
from triage.rules.rows import Problem, Row, Where

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date

    from triage.rules.reading import Record

_FILE: Final = Where("snippets.yaml", 1)
_GAP: Final = re.compile(r"【[^【】]*】")
_SPACE: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class SnippetRow(Row):
    """答复要点, or 反馈模板: its words, for these kinds; for every kind when none is named."""

    title: str
    kinds: tuple[str, ...]
    text: str

    def fits(self, kind: str | None, at: date) -> bool:
        """Whether it is in force and meant for the kind."""
        return self.holds(at) and (not self.kinds or kind in self.kinds)


@dataclass(frozen=True, slots=True)
class LackRow(Row):
    """What a feedback may be found to lack (退回补充). `words`: what it is has to be written, too."""

    title: str
    words: bool


@dataclass(frozen=True, slots=True)
class SnippetTable:
    """The rows, in the order of the file."""

    snippets: tuple[SnippetRow, ...] = ()
    answers: tuple[SnippetRow, ...] = ()
    lacks: tuple[LackRow, ...] = ()


def parse(r: Record) -> SnippetRow:
    """One row."""
    return SnippetRow(
        r.text("id"), *r.dated(), r.where, title=r.text("title"), kinds=r.words("kinds"), text=r.text("text")
    )


def parse_lack(r: Record) -> LackRow:
    """One row of `lacks`."""
    return LackRow(r.text("id"), *r.dated(), r.where, title=r.text("title"), words=r.flag("words"))


def check(table: SnippetTable, kinds: Collection[str], problems: list[Problem]) -> None:
    """Both sorts of rows are there, ids are used once, kinds exist, every template has a gap to fill."""
    rows = (*table.snippets, *table.answers)
    ids(table.lacks, problems)
    if not table.snippets or not table.answers:
        problems.append(Problem(_FILE, "没有任何条目"))
    ids(rows, problems)
    problems += [
        Problem(row.where, f"没有这个污染种类：{kind}")
        for row in rows
        for kind in row.kinds
        if kind not in kinds
    ]
    problems += [
        Problem(row.where, "模板里没有要填的【】：原样提交就成了答复")
        for row in table.answers
        if not _GAP.search(row.text)
    ]


def chosen(rows: Sequence[SnippetRow], kind: str | None, at: date) -> tuple[SnippetRow, ...]:
    """Those for the kind; the ones written for it before those for every kind."""
    return tuple(sorted((row for row in rows if row.fits(kind, at)), key=lambda row: not row.kinds))


def still_template(table: SnippetTable, words: str) -> str | None:
    """Why an answer is still a template, in words; None when it is an answer. Rows of any day count."""
    told = _SPACE.sub("", words)
    for row in table.answers:
        if told == _SPACE.sub("", row.text):
            return f"这还是模板“{row.title}”的原文，请按这一件的实际情况改写后再提交"
    gaps = {gap for row in table.answers for gap in _GAP.findall(_SPACE.sub("", row.text))}
    left = next((gap for gap in _GAP.findall(told) if gap in gaps), None)
    return f"模板里的{left}还没有填，请换成这一件的事实" if left else None
