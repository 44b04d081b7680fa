"""频次: how often somebody may ask for something, counted in the database, so all web processes share it.

A stretch is an hour. Who asks is a keyed hash: neither a phone number nor an address can be read back.

Whoever counts holds that one's row until the transaction ends, and everybody of the same key or address waits
for it with a connection in hand. So count in a transaction of its own, or last of all; `look` says before the
work whether it is worth beginning.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, ip_address, ip_network
from typing import TYPE_CHECKING, ClassVar, Final

import sqlalchemy as sa

from models.citizens import RateCount
from models.db import insert_of
from triage.errors import TriageError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.vault import Vault
    from models.vocab_citizen import Asked

STRETCH: Final = timedelta(hours=1)
_AT_ONCE: Final = 20
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class TooOften(TriageError):
    """提交太频繁，请过一会儿再试。"""

    code: ClassVar[str] = "too_often"
    status: ClassVar[int] = 429


def place_of(address: str) -> str:
    """What counts as one place: an IPv4 address, or the /64 of an IPv6 one, which one customer has whole."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv4Address):
        return address
    return str(found.ipv4_mapped or ip_network((found, 64), strict=False))


def site_of(address: str) -> str | None:
    """The /48 of an IPv6 address, which one line may have whole: 65,536 places. None for any other."""
    try:
        found = ip_address(address)
    except ValueError:
        return None
    if isinstance(found, IPv4Address) or found.ipv4_mapped:
        return None
    return str(ip_network((found, 48), strict=False))


async def count(
    session: AsyncSession, vault: Vault, what: Asked, who: str, *, most: int, now: datetime
) -> int:
    """Count one more in the caller's transaction. Gives how many it is now. Raises TooOften beyond `most`.

    Raised, it rolls the count back with everything else: it stands at `most`, and every further one is
    refused until the hour is over.
    """
    stretch = _stretch(now)
    row = insert_of(session, RateCount).values(
        who=_hash(vault, what, who),
        what=what.value,
        stretch=stretch,
        times=1,
        until=_EPOCH + (stretch + 1) * STRETCH,
    )
    times: int | None = await session.scalar(
        row.on_conflict_do_update(
            index_elements=["who", "what", "stretch"], set_={"times": RateCount.times + 1}
        ).returning(RateCount.times)
    )
    if times == 1:
        await forget(session, now=now)
    if times is None or times > most:
        raise _too_often(most, now)
    return times


async def look(
    session: AsyncSession, vault: Vault, what: Asked, who: str, *, most: int, now: datetime
) -> None:
    """Whether one more would be counted, without counting or waiting. Raises TooOften."""
    times = await session.scalar(
        sa.select(RateCount.times).where(
            RateCount.who == _hash(vault, what, who),
            RateCount.what == what.value,
            RateCount.stretch == _stretch(now),
        )
    )
    if times is not None and times >= most:
        raise _too_often(most, now)


def _hash(vault: Vault, what: Asked, who: str) -> str:
    return vault.content_hash(f"rate\0{what.value}\0{who}")


def _stretch(now: datetime) -> int:
    return int((now - _EPOCH) // STRETCH)


def _too_often(most: int, now: datetime) -> TooOften:
    ends = _EPOCH + (_stretch(now) + 1) * STRETCH - now
    minutes = max(1, -(-ends // timedelta(minutes=1)))
    return TooOften(f"提交太频繁：一小时内最多 {most} 次，请约 {minutes} 分钟后再试。")


async def forget(session: AsyncSession, *, now: datetime) -> None:
    """Remove some counts of hours that are over; each new count takes a few old ones with it.

    Those that another one is removing are left to it: two that wait for each other would end in a deadlock.
    """
    key = (RateCount.who, RateCount.what, RateCount.stretch)
    old = (
        await session.execute(
            sa.select(*key).where(RateCount.until <= now).limit(_AT_ONCE).with_for_update(skip_locked=True)
        )
    ).all()
    if old:
        await session.execute(sa.delete(RateCount).where(sa.tuple_(*key).in_([tuple(row) for row in old])))
