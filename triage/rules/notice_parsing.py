"""Parser and checks of `notices.yaml`."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Final

from models.vocab import Labelled, Tag, Urgency
from models.vocab_notices import Medium, NoticeTo, RecipientKind
from triage.rules.calendar import DAY_MINUTES
from triage.rules.check_tools import gaps, ids, overlaps
from triage.rules.clock_parsing import dated_rows, segments
from triage.rules.notice_rows import (
    DIGEST_FACTS,
    FACTS,
    DigestRow,
    MediumRow,
    NoticeQuietRow,
    NoticeTable,
    RetryRow,
    TemplateRow,
    WindowRow,
)
from triage.rules.rows import Problem, Where

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from typing import TypeVar

    from triage.rules.reading import Record
    from triage.rules.rows import Row

    LabelT = TypeVar("LabelT", bound=Labelled)

_FILE: Final = Where("notices.yaml", 1)
#: Fewer characters than this would cut a single notice apart.
_SHORTEST: Final = 60


def notice_table(top: Record) -> NoticeTable:
    """The rows of `notices.yaml`; faults are noted in the records."""
    return NoticeTable(
        templates=dated_rows(top, "templates", _template),
        windows=dated_rows(top, "windows", _window),
        quiet=dated_rows(top, "quiet", _quiet),
        media=dated_rows(top, "media", _medium),
        retries=dated_rows(top, "retries", _retry),
        digests=dated_rows(top, "digests", _digest),
    )


def _template(r: Record) -> TemplateRow:
    tells = _members(r, "tells", NoticeTo, required=False)
    events = _members(r, "events", Tag, required=False)
    if bool(events) != bool(tells):
        r.fault("“events”和“tells”应同时写或同时不写", "events")
    return TemplateRow(
        r.text("id"), *r.dated(), r.where, title=r.text("title"), name=r.text("name"), events=events,
        tells=tells, text=_words(r, "text", FACTS), line=_words(r, "line", FACTS),
    )  # fmt: skip


def _window(r: Record) -> WindowRow:
    minutes = r.whole("minutes")
    if DAY_MINUTES % minutes:
        r.fault(f"汇总窗口应能整除一天（{DAY_MINUTES} 分钟）：{minutes}", "minutes")
    return WindowRow(
        r.text("id"), *r.dated(), r.where, title=r.text("title"),
        recipients=_members(r, "recipients", RecipientKind),
        urgencies=_members(r, "urgencies", Urgency), minutes=minutes,
    )  # fmt: skip


def _quiet(r: Record) -> NoticeQuietRow:
    found = segments(r, required=True)
    if sum(end - start for start, end in found) == DAY_MINUTES:
        r.fault("免打扰时段占满了整天，通知永远发不出", "segments")
    return NoticeQuietRow(
        r.text("id"), *r.dated(), r.where, title=r.text("title"),
        recipients=_members(r, "recipients", RecipientKind),
        urgencies=_members(r, "urgencies", Urgency), segments=found,
    )  # fmt: skip


def _medium(r: Record) -> MediumRow:
    longest = r.whole("longest")
    if longest < _SHORTEST:
        r.fault(f"“longest”至少 {_SHORTEST} 个字：{longest}", "longest")
    return MediumRow(
        r.text("id"), *r.dated(), r.where, title=r.text("title"), medium=r.choice("medium", Medium),
        recipients=_members(r, "recipients", RecipientKind), order=r.whole("order"), longest=longest,
    )  # fmt: skip


def _retry(r: Record) -> RetryRow:
    first, longest = r.whole("first_seconds"), r.whole("longest_seconds")
    if longest < first:
        r.fault(f"最长间隔 {longest} 秒短于第一次的 {first} 秒", "longest_seconds")
    return RetryRow(
        r.text("id"), *r.dated(), r.where, title=r.text("title"), attempts=r.whole("attempts"),
        first_seconds=first, longest_seconds=longest,
    )  # fmt: skip


def _digest(r: Record) -> DigestRow:
    return DigestRow(
        r.text("id"), *r.dated(), r.where, title=r.text("title"),
        head=_words(r, "head", DIGEST_FACTS), more=_words(r, "more", DIGEST_FACTS),
    )  # fmt: skip


def _members(r: Record, name: str, kind: type[LabelT], *, required: bool = True) -> tuple[LabelT, ...]:
    """Members of an enum, by their stored values."""
    words = r.words(name, required=required)
    known = {member.value for member in kind}
    for word in words:
        if word not in known:
            r.fault(f"“{name}”不认识：{word}", name)
    return tuple(member for member in kind if member.value in words)


def _words(r: Record, name: str, known: Collection[str]) -> str:
    """A text whose {names} are all known, and nothing cleverer than names."""
    text = r.text(name)
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError:
        r.fault(f"“{name}”的花括号不成对：{text}", name)
        return ""
    for _, field, form, conversion in parts:
        if field is not None and (field not in known or form or conversion):
            r.fault(f"“{name}”里不认识 {{{field}}}（只能是 {'、'.join(sorted(known))}）", name)
    return text


def check(notices: NoticeTable, problems: list[Problem]) -> None:
    """Note every problem between the rows of `notices.yaml`."""
    groups: dict[str, Sequence[Row]] = {"重发": notices.retries, "汇总": notices.digests}
    groups |= {
        f"模板 {name}": [row for row in notices.templates if row.name == name]
        for name in sorted({row.name for row in notices.templates})
    }
    for every in (
        notices.templates, notices.windows, notices.quiet, notices.media, notices.retries, notices.digests,
    ):  # fmt: skip
        ids(every, problems)
    for what, rows in groups.items():
        if not rows:
            problems.append(Problem(_FILE, f"缺少{what}"))
            continue
        overlaps(rows, lambda _row: None, what, problems)
        gaps(rows, what, problems)
    for kind in RecipientKind:
        media = [row for row in notices.media if kind in row.recipients]
        if not media:
            problems.append(Problem(_FILE, f"没有任何渠道通知{kind.label}"))
        overlaps(media, lambda row: row.order, f"{kind.label}的渠道次序", problems)
        for urgency in Urgency:
            windows = [row for row in notices.windows if kind in row.recipients and urgency in row.urgencies]
            overlaps(windows, lambda _row: None, f"{kind.label}{urgency.value} 的汇总窗口", problems)
