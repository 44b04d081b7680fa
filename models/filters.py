"""How the desk list is asked for: filters, due windows, keyset cursors. Plain values and SQL conditions.

One predicate decides what a person may see (`may_see`, in words `viewing.sees`); list, ticket page, search,
counts and the API all use it, so that none of them can show what another one hides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from models.appeals import Appeal
from models.db import AwareUtc
from models.keepers import kept_by
from models.narrowed import beside_days, narrowed
from models.tickets import ATTENTION, FLAGGED_CLOSED, OPEN, TO_FOLLOW, UNCLOCKED, Ticket, TicketUnit
from models.viewing import Scope, Viewer, all_seeing
from models.vocab import OPEN_STATES, Channel, Labelled, Role, Urgency
from models.waiting import WAITS_ANSWERED, WAITS_TO_ANSWER, may_decide

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sqlalchemy import ColumnElement

    from models.counted import Counted
    from models.viewing import Decides

#: The viewer's own class stands in `viewing`; whoever asks the database finds it here.
__all__ = [
    "Clock",
    "Cursor",
    "Day",
    "DueWindow",
    "Scope",
    "Segment",
    "TicketFilter",
    "View",
    "Viewer",
    "all_seeing",
    "conditions",
    "may_see",
    "may_see_unread",
    "segments",
]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SOON: Final = timedelta(hours=2)
_MAX_ID: Final = 2**63 - 1
#: More units than this are a district's.
_FEW_UNITS: Final = 3
#: 受理日期 that a list of years may span where each of its rows must be asked.
MOST_DAYS: Final = 92
_CURSOR: Final = re.compile(r"([0-9])\.(-?[0-9]{1,18})?\.([0-9]{1,19})")


class View(Labelled):
    """状态筛选: which tickets the list shows."""

    OPEN = "open", "全部未结"
    REVIEW = "review", "待审核"
    DECIDE = "decide", "待我审批"
    ASKED = "asked", "待审批"
    DISPATCHED = "dispatched", "已派单"
    SIGNED = "signed", "已签收"
    CONTACTED = "contacted", "已联系"
    HANDLING = "handling", "办理中"
    OBJECTED = "objected", "异议审核"
    TO_REASSIGN = "to_reassign", "待改派"
    ARBITRATION = "arbitration", "待仲裁"
    ON_LEDGER = "on_ledger", "挂账"
    FEEDBACK = "feedback", "待回访"
    FOLLOWED_UP = "followed_up", "已回访"
    CLOSED = "closed", "已办结"
    ARCHIVED = "archived", "已归档"
    MERGED = "merged", "已合并"
    DIVERTED = "diverted", "已分流"
    HANDED_OVER = "handed_over", "已转办"
    ALL = "all", "全部"


class DueWindow(Labelled):
    """到期筛选: where the running clock stands."""

    SOON = "2h", "2小时内"
    TODAY = "today", "今日到期"
    OVERDUE = "overdue", "已超期"


#: The rows of a view that is not one state, as conditions without parameters. The first of a list, what was
#: sent away with a flag, is not among them.
_CONDITIONS: Final = {
    View.OPEN: OPEN,
    # Flagged ones are in other states and wait for the same person.
    View.REVIEW: OPEN,
    # Every citizen is followed up, also whose case was merged into another one.
    View.FEEDBACK: TO_FOLLOW,
    View.ALL: "",
}
#: 待审批, whoever decides it, and what the viewer may decide of it.
WAITING_VIEWS: Final = (View.DECIDE, View.ASKED)


def _condition(view: View) -> str:
    """The rows of a view; most views are one state, named like it."""
    return _CONDITIONS.get(view, f"(ticket.state = '{view.value}')")


#: The appeals under a name of their own, also where the query around it reads appeals.
_SECRET: Final = sa.alias(Appeal.__table__, "in_confidence")


def may_see(viewer: Viewer) -> ColumnElement[bool]:
    """The one condition on `ticket` for everything `viewer` is shown: `viewing.sees`, in SQL."""
    scope = viewer.scope
    if scope.everything and scope.secret:
        return sa.true()
    # Not by IN: PostgreSQL reads that list once while it fits the memory of a hash, and with one more of them
    # anew for each ticket. Looked for one by one, many or few cost alike.
    hidden = [_SECRET.c.id == Ticket.appeal_id, _SECRET.c.confidential]
    if scope.own:
        handled = sa.exists().where(
            TicketUnit.ticket_id == Ticket.id,
            TicketUnit.unit_code.in_(sorted(scope.own)),
            TicketUnit.role != Role.COPY.value,
        )
        # Within it, not beside it: an OR would be no join, and as it is asked of each ticket PostgreSQL takes
        # it for so dear that it sorts all there are before it looks at the first page.
        hidden.append(~handled.correlate(Ticket))
    found = [~sa.exists().where(*hidden).correlate(Ticket)]
    # Never an OR around the units: with one, PostgreSQL walks the whole list and looks at each.
    if not scope.everything:
        found.insert(0, _has_part(scope.units | scope.own))
    return sa.and_(*found)


def _has_part(units: Collection[str]) -> ColumnElement[bool]:
    """Whether one of the units has a part in the ticket: 主办, 协办, 抄送."""
    if not units:
        return sa.false()
    mine = TicketUnit.unit_code.in_(sorted(units))
    if len(units) > _FEW_UNITS:
        # A district's cases are dense: walking the list and looking at each is soon done. Not by an index on
        # the unit: with hundreds of them PostgreSQL would descend hundreds of times for each ticket; an
        # expression is compared once, by hash.
        one_of = (TicketUnit.unit_code.concat("")).in_(sorted(units))
        return sa.exists().where(TicketUnit.ticket_id == Ticket.id, one_of).correlate(Ticket)
    # A street's are not: its own are read by their index, and the list is made of those.
    return Ticket.id.in_(sa.select(TicketUnit.ticket_id).where(mine))


def may_see_unread(viewer: Viewer) -> ColumnElement[bool]:
    """The same for `appeal` where there is no ticket yet, so no unit either: `viewing.sees_unread`."""
    scope = viewer.scope
    if not scope.everything:
        return sa.false()
    return sa.true() if scope.secret else Appeal.confidential.is_(False)


@dataclass(frozen=True, slots=True)
class TicketFilter:
    """What the list is narrowed to; the empty filter shows everything open, most pressing first."""

    view: View = View.OPEN
    unit_code: str | None = None
    district_code: str | None = None
    kind: str | None = None
    urgency: Urgency | None = None
    due: DueWindow | None = None
    review_only: bool = False
    mine: bool = False
    query: str = ""
    counted: Counted | None = None
    #: 受理日期, Beijing days, both included.
    received_from: date | None = None
    received_to: date | None = None
    street_code: str | None = None
    channel: Channel | None = None
    supervised: bool = False
    rehandled: bool = False

    @property
    def attention(self) -> bool:
        """Whether only what a person must look at is shown."""
        return self.review_only or self.view is View.REVIEW

    @property
    def waiting(self) -> bool:
        """Whether wishes that wait for an answer are shown."""
        return self.view in WAITING_VIEWS

    @property
    def by_due(self) -> bool:
        """Whether the list is ordered by due time; else newest first (待审批: by the limit of the answer)."""
        if self.waiting:
            return False
        views = {View.OPEN, View.REVIEW, *(View(state.value) for state in OPEN_STATES)}
        return self.due is not None or self.view in views

    @property
    def newest_first(self) -> bool:
        """Whether the list holds years, the newest first."""
        return not self.by_due and not self.waiting

    @property
    def by_received(self) -> bool:
        """Whether that list is one of days: it is read, and ordered, by the time of the appeal."""
        return self.newest_first and not (self.received_from is None and self.received_to is None)

    @property
    def unbounded(self) -> bool:
        """Whether years would be read row by row: what has no index is asked for, without its days."""
        if not (self.newest_first and (self.channel is not None or self.rehandled)):
            return False
        if self.received_from is None or self.received_to is None:
            return True
        return (self.received_to - self.received_from).days >= MOST_DAYS


@dataclass(frozen=True, slots=True)
class Day:
    """The moment of asking and the end of its Beijing day (half-open)."""

    now: datetime
    starts: datetime
    ends: datetime


def conditions(
    filters: TicketFilter, viewer: Viewer, day: Day, decides: Iterable[Decides], keeps: Collection[str]
) -> list[ColumnElement[bool]]:
    """The SQL conditions of a filter, without state, order and search.

    `decides`: what the viewer may. `keeps`: the units for which they can be 经办人.
    """
    found = [may_see(viewer)]
    equal = {
        Ticket.unit_code: filters.unit_code,
        Ticket.district_code: filters.district_code,
        Ticket.street_code: filters.street_code,
        Ticket.kind: filters.kind,
        Ticket.urgency: filters.urgency,
    }
    found += [column == str(value) for column, value in equal.items() if value is not None]
    found += narrowed(filters)
    if filters.counted is not None:
        found.append(filters.counted.condition())
    if filters.mine:
        found.append(kept_by(viewer.login, keeps))
    if filters.attention:
        found.append(sa.literal_column(ATTENTION))
    if filters.view is View.DECIDE:
        found.append(may_decide(decides))
    match filters.due:
        case DueWindow.OVERDUE:
            found.append(Ticket.due_at < day.now)
        case DueWindow.SOON:
            found += [Ticket.due_at >= day.now, Ticket.due_at < day.now + _SOON]
        case DueWindow.TODAY:
            found += [Ticket.due_at >= day.now, Ticket.due_at < day.ends]
        case None:
            pass
    return found


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in the list: the segment, and the keyset (due_at, id) within it."""

    segment: int
    due_at: datetime | None
    id: int

    def encode(self) -> str:
        """The cursor as it stands in an address: `segment.microseconds.id`."""
        if self.due_at is None:
            return f"{self.segment}..{self.id}"
        return f"{self.segment}.{(self.due_at - _EPOCH) // timedelta(microseconds=1)}.{self.id}"

    @classmethod
    def decode(cls, text: str) -> Cursor:
        """Read one back. Raises ValueError on anything `encode` did not write."""
        match = _CURSOR.fullmatch(text)
        if match is None or int(match[3]) > _MAX_ID:
            raise ValueError("not a cursor")
        try:
            due_at = None if match[2] is None else _EPOCH + timedelta(microseconds=int(match[2]))
        except OverflowError:
            raise ValueError("not a cursor") from None
        return cls(int(match[1]), due_at, int(match[3]))


class Clock(Enum):
    """Which rows of its states a segment holds, and so in which order."""

    RUNS = "runs"  # by due time
    ANSWER = "answer"  # by the limit of the unit's answer
    OLDEST = "oldest"  # by number, oldest first
    NONE = "none"  # no clock: by number, oldest first
    ANY = "any"  # newest first
    RECEIVED = "received"  # newest first by the time of the appeal


_TIMED: Final = (Clock.RUNS, Clock.ANSWER, Clock.RECEIVED)
_NEWEST: Final = (Clock.ANY, Clock.RECEIVED)
#: A place in these is a number alone.
_UNTIMED: Final = (Clock.ANY, Clock.OLDEST)


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the list that one index can give in order.

    `condition` is written out, without parameters: only so do both databases see which partial index fits.
    Tickets without a running clock come last, by number: databases do not agree where null stands.
    """

    condition: str
    clock: Clock

    def where(self) -> list[ColumnElement[bool]]:
        """The conditions that make a row part of this stretch."""
        found: list[ColumnElement[bool]] = [sa.literal_column(self.condition)] if self.condition else []
        if self.clock is Clock.RECEIVED:
            found = [beside_days(condition) for condition in found]
        if self.clock is Clock.RUNS:
            found.append(Ticket.due_at.is_not(None))
        elif self.clock is Clock.NONE:
            found.append(sa.literal_column(UNCLOCKED))
        return found

    def accepts(self, cursor: Cursor) -> bool:
        """Whether a cursor can be a place in this stretch."""
        return self.clock in _UNTIMED or (cursor.due_at is not None) is (self.clock in _TIMED)

    def cursor(self, number: int, row: Any) -> Cursor:  # noqa: ANN401  (a line, or a row of such columns)
        """Where a row stands in the list, in this stretch, the list's `number`th."""
        if self.clock is Clock.RECEIVED:
            return Cursor(number, row.received_at, row.appeal_id)
        return Cursor(number, row.answer_by if self.clock is Clock.ANSWER else row.due_at, row.id)

    def beyond(self, cursor: Cursor, columns: Any, *, backwards: bool) -> ColumnElement[bool]:  # noqa: ANN401
        """The rows after the cursor (before it, when backwards), in this stretch's order."""
        ascending = self._ascending(backwards=backwards)
        found: ColumnElement[bool]
        if self.clock in _TIMED:
            here = sa.tuple_(*self._of(columns))
            there = sa.tuple_(sa.literal(cursor.due_at, AwareUtc()), sa.literal(cursor.id, sa.BigInteger()))
            found = here > there if ascending else here < there
        else:
            found = columns.id > cursor.id if ascending else columns.id < cursor.id
        return found

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns of the order."""
        # due_at is named even where it is null throughout: with it both databases take the small index, and
        # PostgreSQL sees that it gives the rows in order.
        if self.clock is Clock.ANSWER:
            return ("answer_by", "id")
        if self.clock is Clock.RECEIVED:
            return ("received_at", "appeal_id")
        return ("id",) if self.clock in _UNTIMED else ("due_at", "id")

    def order(self, columns: Any, *, backwards: bool) -> list[Any]:  # noqa: ANN401  (Ticket, or a subquery's)
        """The order of the rows over the columns of `Ticket` or of a subquery."""
        ascending = self._ascending(backwards=backwards)
        return [column.asc() if ascending else column.desc() for column in self._of(columns)]

    def _of(self, columns: Any) -> list[Any]:  # noqa: ANN401
        """The columns of the order; by the appeal's time those of `appeal`, whose index has both."""
        if self.clock is Clock.RECEIVED and columns is Ticket:
            return [Appeal.received_at, Appeal.id]
        return [getattr(columns, name) for name in self.keys]

    def _ascending(self, *, backwards: bool) -> bool:
        return backwards is (self.clock in _NEWEST)


def segments(filters: TicketFilter) -> list[Segment]:
    """The stretches of a filter's list, in order."""
    if filters.waiting:
        # Where the unit has answered (剔除 may be asked for later) no limit presses: the oldest first.
        return [Segment(WAITS_TO_ANSWER, Clock.ANSWER), Segment(WAITS_ANSWERED, Clock.OLDEST)]
    condition = _condition(filters.view)
    if not filters.by_due:
        return [Segment(condition, Clock.RECEIVED if filters.by_received else Clock.ANY)]
    found = [Segment(condition, Clock.RUNS)]
    if filters.due is None:
        found.append(Segment(condition, Clock.NONE))
        if filters.view in {View.OPEN, View.REVIEW}:
            # An emergency was handed over at once and no clock of ours runs: nothing is more pressing.
            found.insert(0, Segment(FLAGGED_CLOSED, Clock.ANY))
    return found
