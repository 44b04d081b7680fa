"""Rows of `reveals.yaml`: for which reasons which part of an identity is looked at, how often; 回拨. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from models.vocab_identities import IdentityField
from triage.errors import NoRule
from triage.rules.calendar import beijing
from triage.rules.check_tools import gaps, ids, overlaps
from triage.rules.clock_parsing import dated_rows
from triage.rules.rows import Problem, Row, Where

if TYPE_CHECKING:
    from datetime import datetime

    from triage.rules.reading import Record

FILE: Final = "reveals.yaml"
#: A virtual number of a day would be one that anybody may still try tomorrow.
LONGEST_MINUTES: Final = 24 * 60


@dataclass(frozen=True, slots=True)
class ReasonRow(Row):
    """理由: what it lets one look at."""

    title: str
    code: str
    fields: tuple[IdentityField, ...]


@dataclass(frozen=True, slots=True)
class RateRow(Row):
    """频次: beyond `alert` looks an hour the auditor is told, beyond `most` there are none.

    The rows under `ringing` are those of 回访台, whose work is one citizen after the other.
    """

    title: str
    alert: int
    most: int
    least_words: int


@dataclass(frozen=True, slots=True)
class CallRow(Row):
    """回拨: how many an hour somebody may ask for, and how many minutes a virtual number is to last."""

    title: str
    most: int
    minutes: int

    @property
    def lasts(self) -> timedelta:
        """How long a number is asked for."""
        return timedelta(minutes=self.minutes)


@dataclass(frozen=True, slots=True)
class RevealTable:
    """All kinds of rows."""

    reasons: tuple[ReasonRow, ...] = ()
    rates: tuple[RateRow, ...] = ()
    calls: tuple[CallRow, ...] = ()
    ringing: tuple[RateRow, ...] = ()

    def reasons_at(self, at: datetime) -> tuple[ReasonRow, ...]:
        """The reasons in force."""
        return tuple(row for row in self.reasons if row.holds(beijing(at).date()))

    def rate(self, at: datetime) -> RateRow:
        """The rate in force. Raises NoRule."""
        for row in self.rates:
            if row.holds(beijing(at).date()):
                return row
        raise NoRule(f"查看身份的频次没有覆盖这一天：{beijing(at).date().isoformat()}")

    def ringing_rate(self, at: datetime) -> RateRow | None:
        """The rate of 回访台 in force; None: a table of before, and its looks are counted as all others."""
        return next((row for row in self.ringing if row.holds(beijing(at).date())), None)

    def call(self, at: datetime) -> CallRow:
        """What holds for call-backs. Raises NoRule."""
        for row in self.calls:
            if row.holds(beijing(at).date()):
                return row
        raise NoRule(f"回拨的频次没有覆盖这一天：{beijing(at).date().isoformat()}")


def table(top: Record) -> RevealTable:
    """The rows of the file."""
    return RevealTable(
        reasons=dated_rows(top, "reasons", _reason),
        rates=dated_rows(top, "rates", _rate),
        calls=dated_rows(top, "calls", _call),
        # A site's own table of before has none: these looks count as the others then.
        ringing=dated_rows(top, "ringing", _rate) if "ringing" in top.values else (),
    )


def _reason(r: Record) -> ReasonRow:
    names = r.words("fields", required=True)
    known = {member.value for member in IdentityField}
    for name in names:
        if name not in known:
            r.fault(f"没有这个身份信息项：{name}", "fields")
    fields = tuple(member for member in IdentityField if member.value in names)
    return ReasonRow(
        r.text("id"), *r.dated(), r.where, title=r.text("title"), code=r.text("code"), fields=fields
    )


def _rate(r: Record) -> RateRow:
    alert, most = r.whole("alert_per_hour"), r.whole("most_per_hour")
    if most < alert:
        r.fault("most_per_hour 不能小于 alert_per_hour", "most_per_hour")
    return RateRow(
        r.text("id"), *r.dated(), r.where, title=r.text("title"), alert=alert, most=most,
        least_words=r.whole("least_words"),
    )  # fmt: skip


def _call(r: Record) -> CallRow:
    minutes = r.whole("minutes")
    if not 1 <= minutes <= LONGEST_MINUTES:
        r.fault(f"虚拟号的有效时间应在 1 到 {LONGEST_MINUTES} 分钟之间：{minutes}", "minutes")
    return CallRow(
        r.text("id"), *r.dated(), r.where, title=r.text("title"), most=r.whole("most_per_hour"),
        minutes=minutes,
    )  # fmt: skip


def check(rows: RevealTable, problems: list[Problem]) -> None:
    """One rate on every day, and no reason twice at a time."""
    ids((*rows.reasons, *rows.rates, *rows.calls, *rows.ringing), problems)
    overlaps(rows.reasons, lambda row: row.code, "理由", problems)
    overlaps(rows.rates, lambda _row: None, "频次", problems)
    overlaps(rows.ringing, lambda _row: None, "回访台频次", problems)
    overlaps(rows.calls, lambda _row: None, "回拨频次", problems)
    if not rows.reasons or not rows.rates or not rows.calls:
        problems.append(Problem(Where(FILE, 1), "没有任何理由、频次或回拨频次"))
    else:
        gaps(rows.rates, "频次", problems)
        gaps(rows.calls, "回拨频次", problems)
