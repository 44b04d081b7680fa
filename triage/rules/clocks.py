"""时钟: how long a limit has run, when it ends, when to remind, and why each minute counted or did not.

A clock is a row of `deadlines.yaml`, the moment it started, and what was granted to it: pauses (挂账) and
extensions (延期). Time is half-open throughout: [start, end). Pure: every moment is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from triage.errors import BadInput
from triage.rules.calendar import BEIJING, DAY_MINUTES, beijing, cut_day, show
from triage.rules.rows import DayType, SpanUnit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from triage.rules.calendar import WorkCalendar
    from triage.rules.rows import DeadlineRow

_ZERO: Final = timedelta(0)
_DAY: Final = timedelta(days=1)
_MOMENT: Final = timedelta(microseconds=1)
#: Plain natural time is given out in stretches of this length: nothing changes inside one.
_STRETCH: Final = timedelta(days=366)
_WHOLE: Final = ((0, DAY_MINUTES),)
_WEEKDAYS: Final = "一二三四五六日"
_FULL: Final = 100


@dataclass(frozen=True, slots=True)
class Pause:
    """停表 (挂账): [start, until), why, and who approved it. `until` None: it still stands still."""

    start: datetime
    until: datetime | None
    reason: str
    approved_by: str


@dataclass(frozen=True, slots=True)
class Extension:
    """延期 that was granted: by how much counted time; why, and who approved it."""

    at: datetime
    amount: timedelta
    reason: str
    approved_by: str


@dataclass(frozen=True, slots=True)
class Clock:
    """One running limit. `percent` of the row's length is what it gets (重办: half).

    Moments are aware and kept in Beijing time; pauses are ascending and apart (BadInput otherwise).
    """

    row: DeadlineRow
    start: datetime
    calendar: WorkCalendar
    pauses: tuple[Pause, ...] = ()
    extensions: tuple[Extension, ...] = ()
    percent: int = _FULL

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", beijing(self.start))
        if self.pauses:
            object.__setattr__(self, "pauses", tuple(_in_order(self.pauses)))


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch [start, end) of a clock's time: whether it counted, why, and by which row."""

    start: datetime
    end: datetime
    counted: bool
    why: str
    row_id: str

    @property
    def spelled(self) -> str:
        """`2026年10月1日0:00 至 2026年10月8日0:00 不计：国庆节假期（节假日表 H-2026-10-01）`."""
        book = "节假日表 " if self.row_id[:2] in {"H-", "T-"} else ""
        verb = "计入" if self.counted else "不计"
        return f"{show(self.start)} 至 {show(self.end)} {verb}：{self.why}（{book}{self.row_id}）"


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a clock says of itself: its stretches in order, what they add up to, and where it ends."""

    pieces: tuple[Piece, ...]
    counted: timedelta
    length: timedelta
    due: datetime | None

    @property
    def lines(self) -> tuple[str, ...]:
        """The explanation in Chinese, a stretch a line, then the sum."""
        end = f"{show(self.due)}到期" if self.due else "停表中，恢复后才有到期时刻"
        total = f"共计入 {spell(self.counted)}，时限 {spell(self.length)}，{end}。"
        return (*(piece.spelled for piece in self.pieces), total)


def _in_order(pauses: Iterable[Pause]) -> Iterator[Pause]:
    last: datetime | None = None
    stands_still = False
    for pause in pauses:
        start, until = beijing(pause.start), pause.until and beijing(pause.until)
        if stands_still or (until is not None and until <= start) or (last is not None and start < last):
            raise BadInput("停表区间应先后排列、不重叠，且止晚于起")
        last, stands_still = until, until is None
        yield Pause(start, until, pause.reason, pause.approved_by)


def day_length(row: DeadlineRow, calendar: WorkCalendar) -> timedelta:
    """The counted time of one full day of this row."""
    return timedelta(minutes=sum(end - start for start, end in _segments(row, calendar)))


def _segments(row: DeadlineRow, calendar: WorkCalendar) -> tuple[tuple[int, int], ...]:
    if row.segments:
        return row.segments
    return calendar.segments if row.day_type is DayType.WORKING else _WHOLE


def span_of(row: DeadlineRow, calendar: WorkCalendar, length: int) -> timedelta:
    """That many units of the row as counted time."""
    match row.unit:
        case SpanUnit.MINUTE:
            return timedelta(minutes=length)
        case SpanUnit.HOUR:
            return timedelta(hours=length)
        case SpanUnit.DAY:
            return day_length(row, calendar) * length


def length_of(clock: Clock) -> timedelta:
    """The counted time that the clock has in all, extensions included."""
    own = span_of(clock.row, clock.calendar, clock.row.length)
    if clock.percent != _FULL:
        own = own * clock.percent / _FULL
    return own + sum((extension.amount for extension in clock.extensions), _ZERO)


def due_at(clock: Clock) -> datetime | None:
    """The moment the limit ends, Beijing time; None while a pause stands open.

    Half-open: time used up at the end of a stretch ends there, not at the start of the next. Raises NoRule
    when the holiday table ends before.
    """
    return _ends(clock, _nominal(clock, length_of(clock)))


def moment_at(clock: Clock, percent: int) -> datetime | None:
    """The moment when this share of the limit has run; None while a pause stands open before it.

    More than 100: so much counted time after the end.
    """
    if percent < _FULL:
        return _nominal(clock, length_of(clock) * percent / _FULL)
    due = due_at(clock)
    if due is None or percent == _FULL:
        return due
    over = replace(clock, start=due, row=replace(clock.row, roll_over=False))
    return _nominal(over, length_of(clock) * (percent - _FULL) / _FULL)


def elapsed(clock: Clock, until: datetime, *, since: datetime | None = None) -> timedelta:
    """The counted time in [since, until); `since` None: from the start of the clock."""
    first = clock.start if since is None else max(clock.start, beijing(since))
    last = beijing(until)
    if last <= first:
        return _ZERO
    if _plain(clock):
        return last - first
    return sum(
        (min(p.end, last) - max(p.start, first) for p in _until(clock, last) if p.counted and p.end > first),
        _ZERO,
    )


def explain(clock: Clock, until: datetime | None = None) -> Explanation:
    """Each stretch from the start up to `until` (None: to the end of the limit), merged where alike."""
    due = due_at(clock)
    last = due if until is None else beijing(until)
    if last is None:
        last = clock.pauses[-1].start + _MOMENT  # it stands still: up to the pause, which is then named
    pieces: list[Piece] = []
    for piece in _until(clock, last):
        before = pieces[-1] if pieces else None
        if before is not None and before.end == piece.start and _alike(before, piece):
            pieces[-1] = Piece(before.start, piece.end, before.counted, before.why, before.row_id)
        else:
            pieces.append(piece)
    named = tuple(_named(piece) for piece in pieces)
    counted = sum((p.end - p.start for p in named if p.counted), _ZERO)
    return Explanation(named, counted, length_of(clock), due)


def _alike(one: Piece, other: Piece) -> bool:
    return (one.counted, one.why, one.row_id) == (other.counted, other.why, other.row_id)


def _named(piece: Piece) -> Piece:
    """A weekend is told by its days."""
    if piece.why != "周末":
        return piece
    days = (piece.end - _MOMENT).date() - piece.start.date()
    names = [f"周{_WEEKDAYS[(piece.start + _DAY * n).weekday()]}" for n in range(days.days + 1)]
    return Piece(piece.start, piece.end, piece.counted, "、".join(names), piece.row_id)


def _plain(clock: Clock) -> bool:
    """Whether every minute counts."""
    row = clock.row
    natural = row.day_type is DayType.NATURAL and not row.segments
    return natural and not row.roll_over and not clock.pauses


def _nominal(clock: Clock, amount: timedelta) -> datetime | None:
    """The moment at which `amount` has run, before any roll-over."""
    if _plain(clock):
        return clock.start + amount
    left = amount
    for piece in _run(clock):
        if piece is None:
            return None
        if not piece.counted:
            continue
        if left <= piece.end - piece.start:
            return piece.start + left
        left -= piece.end - piece.start
    return None


def _ends(clock: Clock, nominal: datetime | None) -> datetime | None:
    """The end after roll-over (顺延): never on a day off, nor inside a pause."""
    if nominal is None or not clock.row.roll_over:
        return nominal
    end = _rolled(nominal, clock.calendar)
    for pause in clock.pauses:
        if pause.start < end and pause.until is None and pause.start > nominal:
            return None
        if pause.until is not None and nominal < pause.start < end < pause.until:
            end = _rolled(pause.until, clock.calendar)
    return end


def _rolled(end: datetime, calendar: WorkCalendar) -> datetime:
    """The same time on the first working day from that of `end` on. 24:00 belongs to the day it ends."""
    day = (end - _MOMENT).date()
    moved = end
    while calendar.why_off(day) is not None:
        day += _DAY
        moved += _DAY
    return moved


def _until(clock: Clock, last: datetime) -> Iterator[Piece]:
    """The stretches of [start, last), the roll-over among them as one that does not count."""
    rolled = _roll_over(clock)
    for piece in _run(clock):
        if piece is None:
            where = clock.pauses[-1]
            if where.start < last:
                yield _paused(where, max(where.start, clock.start), last)
            return
        if piece.start >= last:
            return
        for part in _apart(piece, rolled):
            if part.start < last:
                yield Piece(part.start, min(part.end, last), part.counted, part.why, part.row_id)


def _roll_over(clock: Clock) -> tuple[datetime, datetime] | None:
    if not clock.row.roll_over:
        return None
    nominal = _nominal(clock, length_of(clock))
    end = _ends(clock, nominal)
    return (nominal, end) if nominal is not None and end is not None and nominal < end else None


def _apart(piece: Piece, gap: tuple[datetime, datetime] | None) -> Iterator[Piece]:
    """The piece, with what of it lies in the roll-over told as such."""
    if gap is None or not piece.counted or piece.end <= gap[0] or piece.start >= gap[1]:
        yield piece
        return
    first, last = max(piece.start, gap[0]), min(piece.end, gap[1])
    if piece.start < first:
        yield Piece(piece.start, first, counted=True, why=piece.why, row_id=piece.row_id)
    yield Piece(first, last, counted=False, why="到期遇休息日顺延", row_id=piece.row_id)
    if last < piece.end:
        yield Piece(last, piece.end, counted=True, why=piece.why, row_id=piece.row_id)


def _run(clock: Clock) -> Iterator[Piece | None]:
    """The clock's time from its start on, without end; None when a pause stands open: nothing follows."""
    pauses = [p for p in clock.pauses if p.until is None or p.until > clock.start]
    for piece in _counted(clock):
        at = piece.start
        while pauses and pauses[0].start < piece.end:
            pause = pauses[0]
            if at < pause.start:
                yield Piece(at, pause.start, piece.counted, piece.why, piece.row_id)
                at = pause.start
            if pause.until is None:
                yield None
                return
            stop = min(pause.until, piece.end)
            if at < stop:
                yield _paused(pause, at, stop)
                at = stop
            if pause.until > piece.end:
                break
            pauses.pop(0)
        if at < piece.end:
            yield Piece(at, piece.end, piece.counted, piece.why, piece.row_id)


def _paused(pause: Pause, start: datetime, end: datetime) -> Piece:
    return Piece(start, end, counted=False, why=f"停表：{pause.reason}", row_id=f"批准：{pause.approved_by}")


def _counted(clock: Clock) -> Iterator[Piece]:
    """The time of the row alone from the start on, cut wherever something changes."""
    row, calendar, start = clock.row, clock.calendar, clock.start
    if row.day_type is DayType.NATURAL and not row.segments:
        while True:
            yield Piece(start, start + _STRETCH, counted=True, why="自然日", row_id=row.id)
            start += _STRETCH
    working = row.day_type is DayType.WORKING
    segments = _segments(row, calendar)
    day = start.date()
    while True:
        off = calendar.why_off(day) if working else None
        midnight = datetime.combine(day, time(), BEIJING)
        for first, last, inside in cut_day(segments if off is None else ()):
            begins, ends = max(start, midnight + timedelta(minutes=first)), midnight + timedelta(minutes=last)
            if begins >= ends:
                continue
            if off is not None:
                yield Piece(begins, ends, counted=False, why=off, row_id=calendar.row_id(day))
            elif not inside:
                yield Piece(begins, ends, counted=False, why="非工作时段", row_id=row.id)
            else:
                made_up = working and day in calendar.make_up
                why = "调休上班" if made_up else "工作日" if working else "自然日"
                row_id = calendar.row_id(day) if made_up else row.id
                yield Piece(begins, ends, counted=True, why=why, row_id=row_id)
        day += _DAY


def spell(span: timedelta) -> str:
    """`7 天 2 小时 5 分`; only parts that are there."""
    minutes, rest = divmod(abs(span), timedelta(minutes=1))
    parts = ((minutes // DAY_MINUTES, "天"), (minutes % DAY_MINUTES // 60, "小时"), (minutes % 60, "分"))
    told = [f"{number} {word}" for number, word in parts if number]
    if rest:
        told.append(f"{rest.total_seconds():g} 秒")
    return " ".join(told) or "0 分"
