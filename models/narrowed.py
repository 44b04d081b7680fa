"""受理日期, 受理渠道, 督办中, 重办过: what a list is narrowed to by more than the ticket's own codes.

None of them has an index of its own on `ticket`. Lists by due time hold what is open, which is little: there
each row is asked. Lists of what is over hold years: with days they are read by the appeals' own index on
`received_at` (`filters.Clock.RECEIVED`), and what only each row can tell is asked of the rows of those days
(`filters.TicketFilter.unbounded`).
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from models.appeals import Appeal
from models.tickets import CALL_EVENTS, Ticket, TicketEvent
from models.vocab import Tag

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import InstrumentedAttribute
    from sqlalchemy.sql.compiler import SQLCompiler

    from models.filters import TicketFilter

_BEIJING: Final = timezone(timedelta(hours=8))
_DAY: Final = timedelta(days=1)
_EVENT: Final = sa.alias(TicketEvent.__table__, "told")
_LATER: Final = sa.alias(TicketEvent.__table__, "later")
_WITHDREW: Final = sa.alias(TicketEvent.__table__, "withdrew")
_UNDOING: Final = sa.alias(TicketEvent.__table__, "undoing")


def _begins(day: date) -> datetime:
    return datetime.combine(day, time(), _BEIJING)


def narrowed(filters: TicketFilter) -> list[ColumnElement[bool]]:
    """The conditions on `ticket`; of a list by the time of the appeal, on `appeal` beside it."""
    found: list[ColumnElement[bool]] = []
    by_appeal = filters.by_received
    received: Any = Appeal.received_at if by_appeal else Ticket.received_at
    if by_appeal:
        found.append(Appeal.id == Ticket.appeal_id)
    if filters.received_from is not None:
        found.append(received >= _begins(filters.received_from))
    if filters.received_to is not None:
        found.append(received < _begins(filters.received_to) + _DAY)
    if filters.channel is not None:
        found.append((Appeal.channel if by_appeal else _channel()) == filters.channel.value)
    if filters.supervised:
        found.append(one_of_few(Ticket.id, _supervised()))
    if filters.rehandled:
        found.append(_rehandled())
    return found


def _channel() -> sa.ScalarSelect[str]:
    """The appeal's channel, read by its key: as a join, PostgreSQL would read all appeals of that channel."""
    appeal = sa.alias(Appeal.__table__, "whose")
    return (
        sa.select(appeal.c.channel).where(appeal.c.id == Ticket.appeal_id).correlate(Ticket).scalar_subquery()
    )


def stands(event: sa.FromClause) -> ColumnElement[bool]:
    """Whether nobody took the move back (撤销)."""
    return ~sa.exists().where(
        _UNDOING.c.ticket_id == event.c.ticket_id,
        _UNDOING.c.seq > event.c.seq,
        _UNDOING.c.tag == Tag.UNDO.value,
        _UNDOING.c.data["undoes"].as_integer() == event.c.seq,
    )


def withdrawn(
    ticket_id: InstrumentedAttribute[int] | InstrumentedAttribute[int | None],
) -> ColumnElement[bool]:
    """Whether its citizen withdrew (撤诉), and neither 撤销 nor 取消撤诉 took it back. Asked of each row."""
    again = sa.exists().where(
        _LATER.c.ticket_id == _WITHDREW.c.ticket_id,
        _LATER.c.seq > _WITHDREW.c.seq,
        _LATER.c.tag == Tag.TAKE_UP.value,
    )
    found = sa.select(_WITHDREW.c.seq).where(
        _WITHDREW.c.ticket_id == ticket_id,
        _WITHDREW.c.tag == Tag.WITHDRAW.value,
        stands(_WITHDREW),
        ~again,
    )
    return found.limit(1).scalar_subquery().is_not(None)


def _supervised() -> sa.ScalarSelect[int]:
    """督办中: 督办, and not on the spot (到场) since. Few: an index has them among what calls units."""
    came = sa.exists().where(
        _LATER.c.ticket_id == _EVENT.c.ticket_id,
        _LATER.c.seq > _EVENT.c.seq,
        _LATER.c.tag == Tag.ONSITE.value,
        stands(_LATER),
    )
    return (
        sa.select(_EVENT.c.ticket_id)
        .where(
            # Written out: only so does the partial index fit.
            sa.literal_column(CALL_EVENTS.replace("ticket_event.", f"{_EVENT.name}.")),
            _EVENT.c.tag == Tag.SUPERVISE.value,
            ~came,
            stands(_EVENT),
        )
        .correlate(None)
        .scalar_subquery()
    )


def _rehandled() -> ColumnElement[bool]:
    """重办过, asked of each ticket by its own events: EXISTS would be a join and read all there are."""
    again = (
        sa.select(_EVENT.c.seq)
        .where(_EVENT.c.ticket_id == Ticket.id, _EVENT.c.tag == Tag.REHANDLE.value, stands(_EVENT))
        .limit(1)
        .correlate(Ticket)
        .scalar_subquery()
    )
    return again.is_not(None)


class beside_days(FunctionElement[bool]):  # noqa: N801  (written like a function of SQL)
    """The state of a list of days, which narrows it and is no way to find it.

    SQLite without ANALYZE, which we never ask of it, takes an index on a state for better than one on days,
    and would read and sort a whole state, years of it. PostgreSQL knows how many there are of each.
    """

    type = sa.Boolean()
    inherit_cache = True
    name = "beside_days"


@compiles(beside_days)
def _as_it_is(element: beside_days, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401
    (condition,) = element.clauses
    return compiler.process(condition, **how)


@compiles(beside_days, "sqlite")
def _as_expression(element: beside_days, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401
    # No index has an expression of it.
    return f"+({_as_it_is(element, compiler, **how)})"


class one_of_few(FunctionElement[bool]):  # noqa: N801  (written like a function of SQL)
    """Whether a key is among the few that a query gives: the query is asked first, and each key looked up.

    With IN, PostgreSQL takes hundreds for granted and walks the list until it has met enough of them. SQLite
    walks a list of years all the same, and looks at no other table for it.
    """

    type = sa.Boolean()
    inherit_cache = True
    name = "one_of_few"


@compiles(one_of_few)
def _as_in(element: one_of_few, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401
    key, few = element.clauses
    return f"{compiler.process(key, **how)} IN {compiler.process(few, **how)}"


@compiles(one_of_few, "postgresql")
def _as_array(element: one_of_few, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401
    key, few = element.clauses
    return f"{compiler.process(key, **how)} = ANY (ARRAY{compiler.process(few, **how)})"
