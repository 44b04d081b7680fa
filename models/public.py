"""What the public may see of cases: one predicate, and every read of a public surface goes through it.

Not visible: what was sent in confidence (保密), reports that may be rewarded (举报, 有奖举报), what its
source calls a report or a clerk corrected to one, what was diverted for secrecy or decency, what is not of a
kind in the catalogue, and what failed. Of the visible: never who asked; and the words only where the sender
posted them to a public interface, and only once they were read, because until then nobody knows whether they
are a report.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003  (a row's field)
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from models.appeals import Appeal
from models.corrections import Correction
from models.open311 import Open311Request
from models.tickets import Ticket, TicketEvent
from models.units import Area, Unit
from models.vocab import CLOSED_STATES, AppealState, AppealType, Corrected, Divert, Tag

if TYPE_CHECKING:
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
_ENDS: Final = tuple(tag.value for tag in (Tag.CLOSE, Tag.MERGE, Tag.DIVERTED, Tag.HANDED_OVER, Tag.JOINED))

_READ: Final = Ticket.id.is_not(None)
#: What is asked for, and what it is called: the ticket's kind (none of what is no environmental matter); as
#: it was posted before there is a ticket.
_KIND: Final = sa.case((_READ, Ticket.kind), else_=Open311Request.service_code)


def visible_to_public() -> sa.ColumnElement[bool]:
    """The one condition, over appeal with its ticket and its Open311 posting (both outer joined)."""
    corrected = (
        sa.select(Correction.id)
        .where(
            Correction.ticket_id == Ticket.id,
            Correction.field == Corrected.APPEAL_TYPE.value,
            Correction.new.not_in(_TYPES),
        )
        .exists()
    )
    as_read = sa.and_(
        _READ,
        Ticket.appeal_type.in_(_TYPES),
        sa.or_(Ticket.divert.is_(None), Ticket.divert.not_in(_UNFIT)),
        ~corrected,
    )
    as_posted = sa.and_(Ticket.id.is_(None), Open311Request.appeal_id.is_not(None))
    return sa.and_(
        Appeal.confidential.is_(False),
        sa.or_(Appeal.told_type.is_(None), Appeal.told_type.in_(_TOLD)),
        Appeal.state != AppealState.DEAD.value,
        _KIND.is_not(None),
        sa.or_(as_read, as_posted),
    )


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
        ended = sa.and_(_READ, Ticket.state.in_(_CLOSED))
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

    def last(*tags: str) -> Any:  # noqa: ANN401  (a scalar subquery)
        found = sa.select(sa.func.max(TicketEvent.at)).where(TicketEvent.ticket_id == Ticket.id)
        return (found.where(TicketEvent.tag.in_(tags)) if tags else found).scalar_subquery()

    closed = sa.and_(_READ, Ticket.state.in_(_CLOSED))
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
                sa.func.coalesce(sa.case((closed, last(*_ENDS))), last(), Appeal.stored_at).label(
                    "updated_at"
                ),
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
    return [PublicCase(**row) for row in rows.mappings()]


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
