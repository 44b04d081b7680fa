"""When a notice goes out, and what it says: pure, by the rows of `notices.yaml`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from triage.rules.calendar import BEIJING, beijing
from triage.rules.reminders import awake

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.vocab import Urgency
    from models.vocab_notices import RecipientKind
    from triage.rules.notice_rows import MediumRow, NoticeTable

#: What a template names and nobody said.
UNSAID: Final = "未定"


@dataclass(frozen=True, slots=True)
class Said:
    """A notice as it is put into words: its template and facts."""

    template: str
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Words:
    """A message: subject (for e-mail) and text."""

    subject: str
    text: str


def not_before(table: NoticeTable, kind: RecipientKind, urgency: Urgency, at: datetime) -> datetime:
    """The end of the digest window that `at` lies in, and of the quiet hours that this end lies in."""
    return wakes(table, kind, urgency, _together(table, kind, urgency, at))


def reminding(
    table: NoticeTable, kind: RecipientKind, urgency: Urgency, at: datetime, due: datetime | None
) -> datetime:
    """When a reminder of a limit goes: alone and at once where its digest would come too late.

    That is at the limit or after it, or so late that it lies in the quiet hours and would wait for their end.
    """
    together = _together(table, kind, urgency, at)
    late = due is not None and together >= due
    asleep = wakes(table, kind, urgency, together) > together
    return wakes(table, kind, urgency, at) if late or asleep else together


def wishing(
    table: NoticeTable, kind: RecipientKind, urgency: Urgency, at: datetime, due: datetime
) -> datetime:
    """When a wish goes that wants its answer by `due`: with its digest, alone where that is too late."""
    together = not_before(table, kind, urgency, at)
    return together if together < due else wakes(table, kind, urgency, at)


def _together(table: NoticeTable, kind: RecipientKind, urgency: Urgency, at: datetime) -> datetime:
    """The end of the digest window that `at` lies in; without one the moment itself."""
    moment = beijing(at)
    window = table.window(kind, urgency, moment.date())
    if window is None:
        return moment
    midnight = datetime.combine(moment.date(), time(), BEIJING)
    length = timedelta(minutes=window.minutes)
    return midnight + ((moment - midnight) // length + 1) * length


def wakes(table: NoticeTable, kind: RecipientKind, urgency: Urgency, at: datetime) -> datetime:
    """When such a recipient may be told of this grade: the moment, or the end of its quiet hours."""
    moment = beijing(at)
    return awake(table.quiet_on(kind, urgency, moment.date()), moment)


def words(table: NoticeTable, medium: MediumRow, said: Sequence[Said], at: datetime) -> Words:
    """One notice in its own words, several as a digest; what has no room is counted. Raises NoRule."""
    day = beijing(at).date()
    if len(said) == 1:
        row = table.template(said[0].template, day)
        return Words(row.title, fill(row.text, said[0].facts)[: medium.longest])
    digest = table.digest(day)
    head = digest.head.format_map({"count": str(len(said)), "more": ""})
    lines = [fill(table.template(item.template, day).line, item.facts) for item in said]
    kept = len(lines)
    while True:
        more = len(lines) - kept
        last = [digest.more.format_map({"count": str(len(said)), "more": str(more)})] if more else []
        text = "\n".join([head, *lines[:kept], *last])
        if len(text) <= medium.longest or kept == 0:
            return Words(digest.title, text[: medium.longest])
        # In one step near to what has room, then line by line.
        kept -= max(1, (len(text) - medium.longest) // (1 + max(len(line) for line in lines)))
        kept = max(kept, 0)


def fill(text: str, facts: Mapping[str, str]) -> str:
    """A template's words with the facts in them; what nobody said is 未定."""
    return text.format_map(_Facts(facts))


class _Facts(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return UNSAID
