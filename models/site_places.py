"""点选词典: what clerks picked on the map for a phrase, kept to be known next time; never deleted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Base, BigId, insert_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

Version = tuple[int, int, int, datetime | None]
#: Of a dictionary in which nothing stands.
EMPTY: Final[Version] = (0, 0, 0, None)
_STANDING: Final = sa.text("revoked_at IS NULL")


class SitePlace(Base):
    """A phrase of this site's citizens and the unit clerks picked for it; one row for each such pair."""

    __tablename__ = "site_place"
    __table_args__ = (
        # Two clerks at once add to one row; a revoked pair may be picked anew.
        sa.Index(
            "ux_site_place_standing",
            "phrase",
            "code",
            unique=True,
            postgresql_where=_STANDING,
            sqlite_where=_STANDING,
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    phrase: Mapped[str] = mapped_column(sa.String(40), comment="folded, as the reader compares")
    code: Mapped[str] = mapped_column(
        sa.String(12), comment="6 digits a district, 9 a street, 12 a community: it holds its parents' codes"
    )
    lon: Mapped[float | None] = mapped_column(comment="WGS-84 degrees, of the last pick on the map")
    lat: Mapped[float | None]
    picks: Mapped[int] = mapped_column(comment="on different tickets")
    always: Mapped[bool] = mapped_column(comment="somebody ticked 以后都这样")
    picked_by: Mapped[str] = mapped_column(sa.String(64), comment="login of the last who picked")
    picked_at: Mapped[datetime]
    last_ticket_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("ticket.id"), comment="a second pick on the same ticket does not count"
    )
    revoked_by: Mapped[str | None] = mapped_column(sa.String(64))
    revoked_at: Mapped[datetime | None]


@dataclass(frozen=True, slots=True)
class Listed:
    """A row, and how many stand for its phrase: of more than one none means it."""

    row: SitePlace
    places: int


@dataclass(frozen=True, slots=True)
class Pick:
    """One pick of one clerk on one ticket."""

    phrase: str
    code: str
    lon: float | None
    lat: float | None
    always: bool
    ticket_id: int
    by: str
    at: datetime


async def add_pick(session: AsyncSession, pick: Pick) -> None:
    """Count a pick: a new row, or one more on the row of the same phrase and unit."""
    await session.execute(
        insert_of(session, SitePlace)
        .values(
            phrase=pick.phrase, code=pick.code, picks=0, always=False, picked_by=pick.by, picked_at=pick.at
        )
        .on_conflict_do_nothing(index_elements=["phrase", "code"], index_where=_STANDING)
    )
    # Once a pick was taken back it is not known whose the others are: the next may be the same ticket's.
    unknown = sa.and_(SitePlace.last_ticket_id.is_(None), SitePlace.picks > 0)
    again = sa.case((sa.or_(SitePlace.last_ticket_id == pick.ticket_id, unknown), 0), else_=1)
    changes = {"picks": SitePlace.picks + again, "last_ticket_id": pick.ticket_id}
    changes |= {
        "picked_by": pick.by,
        "picked_at": pick.at,
        "always": sa.true() if pick.always else SitePlace.always,
    }
    if pick.lon is not None:
        changes |= {"lon": pick.lon, "lat": pick.lat}
    await session.execute(
        sa.update(SitePlace)
        .where(SitePlace.phrase == pick.phrase, SitePlace.code == pick.code, SitePlace.revoked_at.is_(None))
        .values(changes)
        .execution_options(synchronize_session=False)
    )


async def take_back(
    session: AsyncSession, ticket_id: int, *, but: str, by: str, at: datetime, alone: bool
) -> Sequence[SitePlace]:
    """Take back what was last picked on a ticket, of other places than `but`. Gives the rows it changed.

    A row that nobody else picked is revoked, another one counts one less. A row with 以后都这样 is revoked
    only by whoever decides `alone`.
    """
    found = await session.scalars(
        sa.select(SitePlace)
        .where(
            SitePlace.last_ticket_id == ticket_id, SitePlace.code != but, SitePlace.revoked_at.is_(None),
            sa.or_(SitePlace.picks > 1, SitePlace.always.is_(False), sa.literal(alone)),
        )
        .order_by(SitePlace.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )  # fmt: skip
    rows = found.all()
    for row in rows:
        if row.picks > 1:
            row.picks, row.last_ticket_id = row.picks - 1, None
        else:
            row.revoked_by, row.revoked_at = by, at
    await session.flush()
    return rows


async def revoke(session: AsyncSession, number: int, *, by: str, at: datetime) -> bool:
    """Let a row no longer count; whether there was one that did."""
    done = await session.execute(
        sa.update(SitePlace)
        .where(SitePlace.id == number, SitePlace.revoked_at.is_(None))
        .values(revoked_by=by, revoked_at=at)
        .returning(SitePlace.id)
        .execution_options(synchronize_session=False)
    )
    return done.first() is not None


async def standing(session: AsyncSession) -> Sequence[SitePlace]:
    """All rows that count, by phrase."""
    found = await session.scalars(
        sa.select(SitePlace)
        .where(SitePlace.revoked_at.is_(None))
        .order_by(SitePlace.phrase, SitePlace.code)
        .execution_options(populate_existing=True)
    )
    return found.all()


async def listed(session: AsyncSession, *, limit: int, offset: int = 0) -> Sequence[Listed]:
    """Rows of the phrases picked last, revoked ones too; those of one phrase stand together."""
    phrase = SitePlace.phrase
    places = sa.func.sum(sa.case((SitePlace.revoked_at.is_(None), 1), else_=0)).over(partition_by=phrase)
    found = await session.execute(
        sa.select(SitePlace, places)
        .order_by(
            sa.func.max(SitePlace.picked_at).over(partition_by=phrase).desc(),
            phrase,
            SitePlace.picked_at.desc(),
            SitePlace.id.desc(),
        )
        .limit(limit)
        .offset(offset)
        .execution_options(populate_existing=True)
    )
    return [Listed(row, int(count)) for row, count in found]


async def version(session: AsyncSession) -> Version:
    """Changes with every pick, one taken back, and every revocation. One short read.

    Rows, picks and ticks, revocations, and the last pick: one taken back and another one made are as many.
    """
    ticks = sa.func.sum(SitePlace.picks + sa.cast(SitePlace.always, sa.Integer))
    row = (
        await session.execute(
            sa.select(
                sa.func.count(), sa.func.coalesce(ticks, 0), sa.func.count(SitePlace.revoked_at),
                sa.func.max(SitePlace.picked_at),
            )
        )
    ).one()  # fmt: skip
    return int(row[0]), int(row[1]), int(row[2]), row[3]
