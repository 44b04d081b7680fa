"""Rows of `retention.yaml`: how long what is kept, and when it goes. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from models.vocab_retention import Kept
from triage.errors import NoRule
from triage.rules.calendar import beijing
from triage.rules.check_tools import gaps, ids, overlaps, say
from triage.rules.rows import Problem, Row, Where

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from triage.rules.reading import Record

_FILE: Final = Where("retention.yaml", 1)
#: Six months, the longest that six months can be: the law's least for logs.
LEDGER_LEAST_DAYS: Final = 184
#: What a site's own table of before says nothing of: it is kept then.
LATER: Final = frozenset({Kept.SHIFT})


@dataclass(frozen=True, slots=True)
class RetentionRow(Row):
    """保存期限. `checkpoint_minutes`: of the ledger, how often its end is signed."""

    title: str
    what: Kept
    keep_days: int
    checkpoint_minutes: int | None

    def before(self, now: datetime) -> datetime:
        """What ended before this moment is past its time."""
        return now - timedelta(days=self.keep_days)


def parse(r: Record) -> RetentionRow:
    """One row."""
    what = r.choice("what", Kept)
    minutes = r.whole("checkpoint_minutes") if what is Kept.LEDGER else None
    days = r.whole("keep_days")
    if what is Kept.LEDGER and days < LEDGER_LEAST_DAYS:
        r.fault(f"审计台账至少保存六个月（{LEDGER_LEAST_DAYS} 天）：{days}", "keep_days")
    return RetentionRow(
        r.text("id"), *r.dated(), r.where, title=r.text("title"), what=what, keep_days=days,
        checkpoint_minutes=minutes,
    )  # fmt: skip


def check(rows: Sequence[RetentionRow], problems: list[Problem]) -> None:
    """Each thing that is kept has exactly one row on every day."""
    ids(rows, problems)
    overlaps(rows, lambda row: row.what, "保存期限", problems)
    for what in Kept:
        mine = [row for row in rows if row.what is what]
        if mine:
            gaps(mine, f"“{what.label}”的保存期限", problems)
        elif rows and what not in LATER:
            say(problems, rows[0], f"没有“{what.label}”的保存期限")
    if not rows:
        problems.append(Problem(_FILE, "没有任何条目"))


def row_of(rows: Sequence[RetentionRow], what: Kept, at: datetime) -> RetentionRow:
    """The row in force. Raises NoRule."""
    day: date = beijing(at).date()
    for row in rows:
        if row.what is what and row.holds(day):
            return row
    raise NoRule(f"保存期限表没有覆盖这一天：{what.label}，{day.isoformat()}")
