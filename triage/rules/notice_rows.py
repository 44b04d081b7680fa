"""Rows of `notices.yaml`: what is said of which event to whom, over which medium, how often, and when not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from triage.errors import NoRule
from triage.rules.clock_rows import QuietRow
from triage.rules.rows import Row

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from models.vocab import Tag, Urgency
    from models.vocab_notices import Medium, NoticeTo, RecipientKind

#: What a template may name; all of it is said of the ticket, none of it of a person.
FACTS: Final = frozenset({"no", "kind", "place", "urgency", "due", "told"})
#: What the words around a digest may name.
DIGEST_FACTS: Final = frozenset({"count", "more"})


@dataclass(frozen=True, slots=True)
class TemplateRow(Row):
    """通知模板: `text` alone, `line` in a digest; the events that ask for it and whom they tell."""

    title: str
    name: str
    events: tuple[Tag, ...]
    tells: tuple[NoticeTo, ...]
    text: str
    line: str


@dataclass(frozen=True, slots=True)
class WindowRow(Row):
    """汇总窗口: notices of these grades to such recipients go out together, at most once in a window."""

    title: str
    recipients: tuple[RecipientKind, ...]
    urgencies: tuple[Urgency, ...]
    minutes: int


@dataclass(frozen=True, slots=True)
class NoticeQuietRow(QuietRow):
    """免打扰时段 of such recipients: nothing of these grades goes out then."""

    recipients: tuple[RecipientKind, ...]


@dataclass(frozen=True, slots=True)
class MediumRow(Row):
    """通知渠道: tried in ascending `order`, the first that the recipient has an address for."""

    title: str
    medium: Medium
    recipients: tuple[RecipientKind, ...]
    order: int
    longest: int


@dataclass(frozen=True, slots=True)
class RetryRow(Row):
    """重发: how often, and the pauses: the first, doubled each time, up to the longest."""

    title: str
    attempts: int
    first_seconds: int
    longest_seconds: int


@dataclass(frozen=True, slots=True)
class DigestRow(Row):
    """汇总: what stands above the lines, and below them when not all had room."""

    title: str
    head: str
    more: str


RowT = TypeVar("RowT", bound=Row)


@dataclass(frozen=True, slots=True)
class NoticeTable:
    """All rows of `notices.yaml`."""

    templates: tuple[TemplateRow, ...] = ()
    windows: tuple[WindowRow, ...] = ()
    quiet: tuple[NoticeQuietRow, ...] = ()
    media: tuple[MediumRow, ...] = ()
    retries: tuple[RetryRow, ...] = ()
    digests: tuple[DigestRow, ...] = ()

    def template(self, name: str, at: date) -> TemplateRow:
        """The words of a notice. Raises NoRule when no row covers the day."""
        return _only((row for row in self.templates if row.name == name), f"模板 {name}", at)

    def of_event(self, tag: Tag, at: date) -> tuple[TemplateRow, ...]:
        """The notices that an event of a ticket asks for."""
        return tuple(row for row in self.templates if tag in row.events and row.holds(at))

    def window(self, kind: RecipientKind, urgency: Urgency, at: date) -> WindowRow | None:
        """The digest window; None: such a notice goes out at once."""
        rows = (row for row in self.windows if kind in row.recipients and urgency in row.urgencies)
        return next((row for row in rows if row.holds(at)), None)

    def quiet_on(self, kind: RecipientKind, urgency: Urgency, at: date) -> tuple[NoticeQuietRow, ...]:
        """The quiet hours; none: such a notice goes out at any hour."""
        rows = (row for row in self.quiet if kind in row.recipients and urgency in row.urgencies)
        return tuple(row for row in rows if row.holds(at))

    def media_for(self, kind: RecipientKind, at: date) -> tuple[MediumRow, ...]:
        """The media in the order in which they are looked at."""
        rows = (row for row in self.media if kind in row.recipients and row.holds(at))
        return tuple(sorted(rows, key=lambda row: row.order))

    def retry(self, at: date) -> RetryRow:
        """重发. Raises NoRule when no row covers the day."""
        return _only(self.retries, "重发", at)

    def digest(self, at: date) -> DigestRow:
        """汇总. Raises NoRule when no row covers the day."""
        return _only(self.digests, "汇总", at)


def pause(row: RetryRow, attempts: int) -> timedelta | None:
    """How long to wait after so many tries; None: it was the last."""
    if attempts >= row.attempts:
        return None
    return timedelta(seconds=min(row.first_seconds * 2 ** (attempts - 1), row.longest_seconds))


def _only(rows: Iterable[RowT], what: str, at: date) -> RowT:
    for row in rows:
        if row.holds(at):
            return row
    raise NoRule(f"通知表没有覆盖这一天：{what}，日期 {at.isoformat()}")
