"""发布口径: the numbers that published reports, topics and open data go by. Pure: rows in, a number out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from models.vocab import Labelled
from triage.errors import NoRule
from triage.rules.rows import Row

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from triage.rules.reading import Record


class Publish(Labelled):
    """发布口径: what a number of publishing.yaml says."""

    OPEN_LEAST = "open_least", "对外公布的最小件数"
    OPEN_DAY = "open_day", "每月几日起公布上月数据"
    OWN_PLACE = "own_place", "街道乡镇在本单位数据里看自己的名次（1 看，0 不看）"
    THEME_SPREAD = "theme_spread", "每月一题候选：涉及区数的权重"
    THEME_SIZE = "theme_size", "每月一题候选：件数的权重"
    THEME_GROWTH = "theme_growth", "每月一题候选：增长的权重"
    THEME_OPEN = "theme_open", "每月一题候选：未办结的权重"
    THEME_DISTRICTS = "theme_districts", "每月一题候选：至少涉及几个区"
    DAILY_HOUR = "daily_hour", "日报几点起草"
    DAILY_BACK = "daily_back", "日报最多补几天"
    WEEKLY_DAY = "weekly_day", "周报星期几起草"
    MONTHLY_DAY = "monthly_day", "月报每月几日起草"
    REPORT_HOTLINE = "report_hotline", "报告正文可直接写的号码：便民热线"
    REPORT_ENVIRONMENT = "report_environment", "报告正文可直接写的号码：环境热线"


@dataclass(frozen=True, slots=True)
class PublishRow(Row):
    """One number and what it is for."""

    title: str
    name: Publish
    value: int


#: Numbers that a report may name though no figure shows them.
SAID: Final = (Publish.REPORT_HOTLINE, Publish.REPORT_ENVIRONMENT)


def parse(r: Record) -> PublishRow:
    """A row of publishing.yaml."""
    name = r.choice("name", Publish)
    return PublishRow(
        r.text("id"), *r.dated(), r.where, title=r.text("title"), name=name,
        value=_yes_or_no(r) if name is Publish.OWN_PLACE else r.whole("value"),
    )  # fmt: skip


def _yes_or_no(r: Record) -> int:
    value = r.text("value")
    if value not in {"", "0", "1"}:
        r.fault(f"“value”只能是 1（看）或 0（不看）：{value}", "value")
    return int(value == "1")


def number(rows: Sequence[PublishRow], name: Publish, on: date) -> int:
    """The number that holds on a day. Raises NoRule."""
    found = next((row.value for row in rows if row.name is name and row.holds(on)), None)
    if found is None:
        raise NoRule(f"publishing.yaml 没有 {on} 有效的“{name.label}”")
    return found


def tells_place(rows: Sequence[PublishRow], on: date) -> bool:
    """Whether a street is told its own place in the ranking. A table that does not say so: not."""
    return any(row.value == 1 for row in rows if row.name is Publish.OWN_PLACE and row.holds(on))


def said(rows: Sequence[PublishRow], on: date) -> frozenset[str]:
    """The numbers that a report may name on a day though no figure shows them."""
    return frozenset(str(row.value) for row in rows if row.name in SAID and row.holds(on))
