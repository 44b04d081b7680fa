"""What the public may see of cases: one predicate, and every read of a public surface goes through it.

Not visible: what was sent in confidence (保密), reports that may be rewarded (举报, 有奖举报), what its
source calls a report or a clerk corrected to one, what was diverted for secrecy or decency, what is not of a
kind in the catalogue, and what failed. Of the visible: never who asked; and the words only where the sender
posted them to a public interface, and only once they were read, because until then nobody knows whether they
are a report. A merged case is told by the one that stands for it where that one may be seen, too; else that
it was merged, and no more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime  # noqa: TC003  (a row's field)
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from models.appeals import Appeal
from models.corrections import Correction
from models.narrowed import withdrawn
from models.open311 import Open311Request
from models.tickets import Ticket, TicketEvent
from models.units import Area, Unit
from models.vocab import CLOSED_STATES, AppealState, AppealType, Corrected, Divert, State, Tag

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.ext.asyncio import AsyncSession

_TYPES: Final = tuple(
    kind.value
    for kind in (
        AppealType.COMPLAINT,
        AppealType.HELP,
        AppealType.ENQUIRY,
        AppealType.SUGGESTION,
        AppealType.PRAISE,
    )
)
#: 其他 of a platform says nothing; of a reading it says that nobody knows what it is.
_TOLD: Final = (*_TYPES, AppealType.OTHER.value)
#: Diverted because of what it holds, not of where it belongs.
_UNFIT: Final = (Divert.EXPLAIN.value, Divert.DISSUADE.value)
_CLOSED: Final = tuple(state.value for state in CLOSED_STATES)
_ENDS: Final = tuple(
    tag.value
    for tag in (
        Tag.CLOSE,
        Tag.MERGE,
        Tag.DIVERTED,
        Tag.ANSWER_NOW,
        Tag.WITHDRAW,
        Tag.HANDED_OVER,
        Tag.JOINED,
    )
)

#: Where 当场答复 and 撤诉 lead, and 归档 from there.
_ANSWERED: Final = (State.CLOSED.value, State.ARCHIVED.value)
#: By what they are ended, and what takes each back beside 撤销.
_ENDED_BY: Final = {Tag.ANSWER_NOW.value: Tag.ACCEPT.value, Tag.WITHDRAW.value: Tag.TAKE_UP.value}
_OTHERWISE: Final = (*_ENDED_BY, *_ENDED_BY.values(), Tag.UNDO.value)

#: What a case is told as by its end.
_ENDINGS: Final[dict[str, dict[str, Any]]] = {
    Tag.ANSWER_NOW.value: {"answered": True},
    Tag.WITHDRAW.value: {
        "withdrawn": True,
        "state": State.CLOSED.value,
        "divert": None,
        "unit": None,
        "answer_by": None,
    },
}

#: Merges of merges are followed so far; what is deeper is told as merged, and no more.
_DEPTH: Final = 3
_OF_HEAD: Final = ("state", "divert", "answer_by", "updated_at")
#: A case in one of these may stand merged: its events say so.
_MAY_BE_MERGED: Final = (State.MERGED.value, State.ARCHIVED.value)

_READ: Final = Ticket.id.is_not(None)
#: What is asked for, and what it is called: the ticket's kind (none of what is no environmental matter); as
#: it was posted before there is a ticket.
_KIND: Final = sa.case((_READ, Ticket.kind), else_=Open311Request.service_code)


def visible_to_public() -> sa.ColumnElement[bool]:
    """The one condition, over appeal with its ticket and its Open311 posting (both outer joined)."""
    as_read = sa.and_(_READ, _fit(Ticket))
    as_posted = sa.and_(Ticket.id.is_(None), Open311Request.appeal_id.is_not(None))
    return sa.and_(_told_openly(Appeal), _KIND.is_not(None), sa.or_(as_read, as_posted))


def _told_openly(appeal: type[Appeal]) -> sa.ColumnElement[bool]:
    return sa.and_(
        appeal.confidential.is_(False),
        sa.or_(appeal.told_type.is_(None), appeal.told_type.in_(_TOLD)),
        appeal.state != AppealState.DEAD.value,
    )


def _fit(ticket: type[Ticket]) -> sa.ColumnElement[bool]:
    corrected = (
        sa.select(Correction.id)
        .where(
            Correction.ticket_id == ticket.id,
            Correction.field == Corrected.APPEAL_TYPE.value,
            Correction.new.not_in(_TYPES),
        )
        .exists()
    )
    return sa.and_(
        ticket.appeal_type.in_(_TYPES),
        sa.or_(ticket.divert.is_(None), ticket.divert.not_in(_UNFIT)),
        ~corrected,
    )


def _of_head(ticket: type[Ticket], column: Callable[[type[Ticket]], Any], *, depth: int = _DEPTH) -> Any:  # noqa: ANN401  (a scalar subquery)
    """A column of the case that stands for a merged one; null where none does, or none that may be seen."""
    head, appeal = aliased(Ticket), aliased(Appeal)
    into = sa.case(
        (TicketEvent.tag == Tag.MERGE.value, TicketEvent.data["values"]["other_ticket"].as_string())
    )
    last = (
        sa.select(into)
        .where(TicketEvent.ticket_id == ticket.id, TicketEvent.tag.in_([Tag.MERGE.value, Tag.SPLIT.value]))
        .order_by(TicketEvent.seq.desc())
        .limit(1)
        .correlate(ticket)
        .scalar_subquery()
    )
    further = _of_head(head, column, depth=depth - 1) if depth > 1 else sa.null()
    found = sa.case(
        (head.state == State.MERGED.value, further),
        (head.state == State.ARCHIVED.value, sa.func.coalesce(further, column(head))),
        else_=column(head),
    )
    return (
        sa.select(found)
        .select_from(head)
        .join(appeal, appeal.id == head.appeal_id)
        .where(head.no == last, head.kind.is_not(None), _told_openly(appeal), _fit(head))
        .correlate(ticket)
        .scalar_subquery()
    )


def _state() -> Any:  # noqa: ANN401  (a column)
    """The state that is told: of a merged case that of the one that stands for it."""
    of_head = sa.case((Ticket.state == State.MERGED.value, _of_head(Ticket, lambda head: head.state)))
    return sa.func.coalesce(of_head, Ticket.state)


def _withdrew() -> sa.ColumnElement[bool]:
    """Whether its sender withdrew it (撤诉): over to the public also where it goes on for others.

    Else the status would tell its sender that there are some. Of a merged one that of the other case is told.
    """
    return sa.and_(Ticket.state != State.MERGED.value, withdrawn(Ticket.id))


def _last(ticket: type[Ticket], *tags: str) -> Any:  # noqa: ANN401  (a scalar subquery)
    found = sa.select(sa.func.max(TicketEvent.at)).where(TicketEvent.ticket_id == ticket.id)
    return (found.where(TicketEvent.tag.in_(tags)) if tags else found).correlate(ticket).scalar_subquery()


def _changed(ticket: type[Ticket]) -> Any:  # noqa: ANN401  (a column)
    """Of what is over, when it ended; of the rest the last that was done."""
    return sa.func.coalesce(sa.case((ticket.state.in_(_CLOSED), _last(ticket, *_ENDS))), _last(ticket))


@dataclass(frozen=True, slots=True)
class PublicFilter:
    """What is asked for. An id list overrides everything else."""

    ids: tuple[int, ...] | None = None
    kinds: tuple[str, ...] | None = None
    closed: bool | None = None
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class PublicCase:
    """A case as the public sees it; no field of it says who asked."""

    id: int
    kind: str
    state: str | None
    """Of a merged case that of the one that stands for it, where that is told."""
    divert: str | None
    description: str | None
    address: str | None
    address_id: str | None
    lon: float | None
    lat: float | None
    media_url: str | None
    unit: str | None
    district: str | None
    street: str | None
    requested_at: datetime
    updated_at: datetime
    answer_by: datetime | None
    answers: dict[str, list[str]] | None
    merged: bool = False
    """Whether its state is that of another case."""
    answered: bool = False
    """Whether it ended by 当场答复. The words are its citizen's: nobody else is told them."""
    withdrawn: bool = False
    """Whether it ended by 撤诉. Why is nobody else's affair either."""

    @property
    def closed(self) -> bool:
        """Whether nothing runs any more."""
        return self.state in _CLOSED


def _joined(statement: Any) -> Any:  # noqa: ANN401  (a select of whatever columns)
    return (
        statement.select_from(Appeal)
        .outerjoin(Ticket, Ticket.appeal_id == Appeal.id)
        .outerjoin(Open311Request, Open311Request.appeal_id == Appeal.id)
    )


def _conditions(asked: PublicFilter) -> list[sa.ColumnElement[bool]]:
    found = [visible_to_public()]
    if asked.ids is not None:
        return [*found, Appeal.id.in_(asked.ids)]
    if asked.kinds is not None:
        found.append(_KIND.in_(asked.kinds))
    if asked.closed is not None:
        ended = sa.and_(_READ, sa.or_(_state().in_(_CLOSED), _withdrew()))
        found.append(ended if asked.closed else ~ended)
    if asked.start is not None:
        found.append(Appeal.received_at >= asked.start)
    if asked.end is not None:
        found.append(Appeal.received_at <= asked.end)
    return found


async def public_cases(
    session: AsyncSession, asked: PublicFilter, *, limit: int, offset: int = 0
) -> list[PublicCase]:
    """Cases that the public may see, newest first; of one moment the one registered last."""
    district, street = aliased(Area), aliased(Area)

    def once_read(column: Any) -> Any:  # noqa: ANN401  (a column of the posting)
        return sa.case((_READ, column))

    rows = await session.execute(
        _joined(
            sa.select(
                Appeal.id,
                _KIND.label("kind"),
                Ticket.state,
                Ticket.divert,
                once_read(Open311Request.description).label("description"),
                once_read(Open311Request.address).label("address"),
                once_read(Open311Request.address_id).label("address_id"),
                once_read(Open311Request.lon).label("lon"),
                once_read(Open311Request.lat).label("lat"),
                once_read(Open311Request.media_url).label("media_url"),
                Unit.name.label("unit"),
                district.name.label("district"),
                street.name.label("street"),
                Appeal.received_at.label("requested_at"),
                sa.func.coalesce(_changed(Ticket), Appeal.stored_at).label("updated_at"),
                Ticket.answer_by,
                sa.type_coerce(once_read(Open311Request.answers), sa.JSON).label("answers"),
            )
        )
        .outerjoin(Unit, Unit.code == Ticket.unit_code)
        .outerjoin(district, district.code == Ticket.district_code)
        .outerjoin(street, street.code == Ticket.street_code)
        .where(*_conditions(asked))
        .order_by(Appeal.received_at.desc(), Appeal.id.desc())
        .limit(limit)
        .offset(offset)
    )
    read = [PublicCase(**row) for row in rows.mappings()]
    by = await _ended_by(session, [one.id for one in read if one.state not in {None, State.MERGED.value}])
    found = [replace(one, **by[one.id]) if one.id in by else one for one in read]
    heads = await _heads(session, [one.id for one in found if one.state in _MAY_BE_MERGED])
    return [replace(one, **heads[one.id]) if one.id in heads else one for one in found]


async def _ended_by(session: AsyncSession, appeals: list[int]) -> dict[int, dict[str, Any]]:
    """Of these the ones that ended by 当场答复 or 撤诉, with what is told of them by that.

    What was taken back (撤销, 受理, 取消撤诉) is none. Of 撤诉 all is told as of a case that ended there and
    then, though it went on for others (see `_withdrew`): nothing that is done for them since.
    """
    if not appeals:
        return {}
    rows = await session.execute(
        sa.select(
            Ticket.appeal_id, Ticket.state, TicketEvent.seq, TicketEvent.at, TicketEvent.tag, TicketEvent.data
        )
        .select_from(TicketEvent)
        .join(Ticket, Ticket.id == TicketEvent.ticket_id)
        .where(Ticket.appeal_id.in_(appeals), TicketEvent.tag.in_(_OTHERWISE))
        .order_by(TicketEvent.ticket_id, TicketEvent.seq)
    )
    told = rows.all()
    undone = {(row.appeal_id, row.data.get("undoes")) for row in told if row.tag == Tag.UNDO.value}
    ends: dict[tuple[int, str], sa.Row[Any]] = {}
    for row in told:
        if (row.appeal_id, row.seq) in undone:
            continue
        if row.tag in _ENDED_BY:
            ends.setdefault((row.appeal_id, row.tag), row)
        for tag, back in _ENDED_BY.items():
            if row.tag == back:
                ends.pop((row.appeal_id, tag), None)
    found: dict[int, dict[str, Any]] = {}
    # 撤诉 comes last, over what was answered at once before.
    for (appeal_id, tag), row in sorted(ends.items(), key=lambda one: one[0]):
        if tag == Tag.WITHDRAW.value:
            found[appeal_id] = _ENDINGS[tag] | {"updated_at": row.at}
        elif row.state in _ANSWERED:
            found[appeal_id] = _ENDINGS[tag]
    return found


async def _heads(session: AsyncSession, appeals: list[int]) -> dict[int, dict[str, Any]]:
    """What is told by the case that stands for each merged one; of an archived one its end alone."""
    if not appeals:
        return {}
    standing = sa.select(
        Ticket.appeal_id, Ticket.state.label("own"), _of_head(Ticket, lambda head: head.id).label("head")
    ).where(Ticket.appeal_id.in_(appeals))
    merged = [row for row in await session.execute(standing) if row.head is not None]
    rows = await session.execute(
        sa.select(
            Ticket.id, Ticket.state, Ticket.divert, Ticket.answer_by, _changed(Ticket).label("updated_at")
        ).where(Ticket.id.in_({row.head for row in merged}))
    )
    told = {row.id: {name: row[name] for name in _OF_HEAD} for row in rows.mappings()}
    return {
        row.appeal_id: told[row.head] | {"merged": True}
        if row.own == State.MERGED
        else {"updated_at": told[row.head]["updated_at"]}
        for row in merged
    }


async def count_public(session: AsyncSession, asked: PublicFilter, *, most: int) -> int:
    """How many there are, counted no further than `most`."""
    inner = _joined(sa.select(Appeal.id)).where(*_conditions(asked)).limit(most).subquery()
    return await session.scalar(sa.select(sa.func.count()).select_from(inner)) or 0


async def by_token(session: AsyncSession, token: str) -> tuple[int, bool] | None:
    """The case that a token was given for, and whether it was read; None when there is none to be seen."""
    row = (
        await session.execute(
            _joined(sa.select(Appeal.id, _READ)).where(Open311Request.token == token, visible_to_public())
        )
    ).one_or_none()
    return None if row is None else (row[0], bool(row[1]))
