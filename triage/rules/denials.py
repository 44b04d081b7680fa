"""否认与设想: words of danger that are denied, feared or only imagined have not happened. Pure.

Rows of `escalations.yaml` (`denials`), each for the escalations and emergencies (`diversions.yaml`) it names.
A word right after 没有 or 担心 in its clause is passed over; the same word elsewhere in the text counts:
怕爆炸，着火了 is a fire. A danger missed is the gravest fault: a list (无环评、着火了) carries a denial on
only over words of the rule's own or of harm, and a cry for help right behind the word outweighs it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from triage.rules.rows import Problem, Row

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import date

    from triage.rules.reading import Record

#: People who type without commas leave a blank.
_CLAUSE_END: Final = re.compile(r"[，,。.；;：:！!？?…\s]")
_JOINS: Final = "[、和或及与]{1,2}"
#: How far before a word its clause is looked at.
_LOOK_BACK: Final = 30
_MOST_BETWEEN: Final = 3
#: How far behind a word a cry for help is looked for, over the end of its clause.
_CRY_WITHIN: Final = 12
#: 尽快派人 and 很快 are no cry.
_NO_CRY: Final = re.compile("[尽很]快")


@dataclass(frozen=True, slots=True)
class DenialRow(Row):
    """`before` stands before a word that is passed over, with `between` words or `reach` characters between.

    A list begun before the word may hold the rule's own words and `listed` (没有人受伤、昏迷).
    `but` are phrases in which `before` means something else (可怕 is no fear); with one of `real` in between
    (现在, 已经), or of `cries` right behind (快来人), the word counts. `rows` are the ids it holds for.
    `after` stands behind the word instead, in its clause (有人落水谁负责), with `reach` characters between;
    there `real` anywhere in the clause makes the word count. So does one of `plain` right behind the word
    (孩子掉河里了谁负责), where nothing makes it a question in general: before it stand clauses that end in
    one of `places`, and `people`, alone, and none of `general` (护栏, 去年); behind it, anywhere, none of
    `general_behind` (护栏, 请问: not 危险 nor 怕, which who stands by says too).
    """

    title: str
    rows: tuple[str, ...]
    before: tuple[str, ...]
    between: tuple[str, ...]
    reach: int
    listed: tuple[str, ...]
    but: tuple[str, ...]
    real: tuple[str, ...]
    cries: tuple[str, ...]
    after: tuple[str, ...]
    plain: tuple[str, ...] = ()
    general: tuple[str, ...] = ()
    general_behind: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    people: tuple[str, ...] = ()


def parse(r: Record) -> DenialRow:
    """One row."""
    after = r.words("after")
    return DenialRow(
        r.text("id"), *r.dated(), r.where, title=r.text("title"), rows=r.words("rows", required=True),
        before=r.words("before", required=not after), between=r.words("between"),
        reach=r.whole("reach") if r.optional("reach") else 0, listed=r.words("listed"),
        but=r.words("but"), real=r.words("real"), cries=r.words("cries"),
        after=after, plain=r.words("plain"), general=r.words("general"),
        general_behind=r.words("general_behind"), places=r.words("places"), people=r.words("people"),
    )  # fmt: skip


def check(rows: Sequence[DenialRow], known: Collection[str], problems: list[Problem]) -> None:
    """Whatever a row names is there."""
    problems += [
        Problem(row.where, f"rows：没有升级规则或分流“{name}”")
        for row in rows
        for name in row.rows
        if name not in known
    ]


def happened(
    text: str, words: Iterable[tuple[str, ...]], denials: Sequence[DenialRow], of: str, at: date
) -> str:
    """The text without those words of the row `of` that are denied, feared or imagined, by `at`'s rules."""
    mine = [row for row in denials if of in row.rows and row.holds(at)]
    if not mine:
        return text
    group = tuple(sorted({word for several in words for word in several}, key=len, reverse=True))
    if not any(word in text for word in group):
        return text
    kept: list[str] = []
    end = 0
    for match in _any_of(group).finditer(text):
        start = match.start()
        clause = _CLAUSE_END.split(text[max(0, start - _LOOK_BACK) : start])[-1]
        behind = text[start + len(match[1]) - 1 : start + len(match[1]) + _CRY_WITHIN]
        if start >= end and any(
            _denies(row, clause, behind, group) and not _plain(row, text, match) for row in mine
        ):
            kept += (text[end:start], "，")
            end = start + len(match[1])
    return "".join((*kept, text[end:]))


def _denies(row: DenialRow, clause: str, behind: str, group: tuple[str, ...]) -> bool:
    """Whether the row passes over a word: its `clause` ends before, `behind` begins with its end."""
    called = _NO_CRY.sub("，", behind[1:])
    if any(cry in called for cry in row.cries):
        return False
    rest = _CLAUSE_END.split(behind)[0]
    for phrase in row.but:
        clause, rest = clause.replace(phrase, "，"), rest.replace(phrase, "，")
    if row.before and _pattern(row, group).search(clause):
        return True
    if any(word in clause + rest for word in row.real):
        return False
    return bool(row.after) and _behind(row).match(rest) is not None


def _plain(row: DenialRow, text: str, match: re.Match[str]) -> bool:
    """Whether it is asked of what is there: nothing but a place before, nothing in general anywhere."""
    start, end = match.start(), match.start() + len(match[1])
    if start > _LOOK_BACK or not row.plain or not text.startswith(row.plain, end):
        return False
    before = text[:start]
    return (
        not any(word in before for word in row.general)
        and not any(text.find(word, end) >= 0 for word in row.general_behind)
        and all(_place(row, clause) for clause in _CLAUSE_END.split(before))
    )


def _place(row: DenialRow, clause: str) -> bool:
    """Whether a clause says where, and perhaps who (望京桥下有两个), and no more."""
    where = _people(row).sub("", clause) if row.people else clause
    return not where or where.endswith(row.places)


@lru_cache(maxsize=64)
def _people(row: DenialRow) -> re.Pattern[str]:
    return re.compile(f"(?:{_either(row.people)})+$")


@lru_cache(maxsize=64)
def _any_of(group: tuple[str, ...]) -> re.Pattern[str]:
    """Any of the words, the longest that begins at a place; one may begin inside another."""
    return re.compile(f"(?=({_either(group)}))")


@lru_cache(maxsize=256)
def _pattern(row: DenialRow, group: tuple[str, ...]) -> re.Pattern[str]:
    """What denies, at the end of a clause: a list that was begun before (没有中毒、昏迷) belongs to it."""
    gap = rf"(?:(?!{_either(row.real)})[^，]){{0,{row.reach}}}" if row.real else f"[^，]{{0,{row.reach}}}"
    between = f"(?:{_either(row.between)}){{0,{_MOST_BETWEEN}}}" if row.between else ""
    begun = f"(?:(?:{_either((*group, *row.listed))}){_JOINS}){{0,4}}"
    return re.compile(f"(?:{_either(row.before)}){between}{gap}{begun}$")


@lru_cache(maxsize=64)
def _behind(row: DenialRow) -> re.Pattern[str]:
    """What denies behind a word, from its last character on."""
    return re.compile(f".[^，]{{0,{row.reach}}}?(?:{_either(row.after)})")


def _either(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
