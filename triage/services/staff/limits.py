"""How often an address may try to sign in: counted in Redis for all processes, else in the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from connectors.shared_counts import CountsAway
from models.vocab_citizen import Asked
from triage import logs
from triage.services import limiting
from triage.services.limiting import TooOften

if TYPE_CHECKING:
    from connectors.shared_counts import SharedCounts
    from triage.services.deps import Deps

log = logs.get(__name__)

_HOUR: Final = timedelta(hours=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: So many times what one place may, all of an IPv6 /48 may.
WIDE: Final = 10


async def ask(deps: Deps, counts: SharedCounts, address: str, *, most: int, now: datetime) -> None:
    """Count one try from an address. TooOften: beyond `most` an hour, or `WIDE` times that of its site."""
    await _ask(deps, counts, limiting.place_of(address), most=most, now=now)
    if (site := limiting.site_of(address)) is not None:
        await _ask(deps, counts, site, most=most * WIDE, now=now)


async def _ask(deps: Deps, counts: SharedCounts, address: str, *, most: int, now: datetime) -> None:
    stretch = int((now - _EPOCH) // _HOUR)
    # Keyed: neither Redis nor the database can be read back to an address.
    key = deps.vault.content_hash(f"rate\0{Asked.SIGN_IN.value}\0{address}\0{stretch}")
    try:
        over = await counts.add(key, seconds=int(_HOUR.total_seconds())) > most
    except CountsAway as away:
        log.warning("counts_away", error=str(away))
        over = await _over_by_database(deps, address, most=most, now=now)
    if over:
        left = _EPOCH + (stretch + 1) * _HOUR - now
        minutes = max(1, -(-left // timedelta(minutes=1)))
        raise TooOften(f"这个网络地址尝试登录太频繁，请约 {minutes} 分钟后再试。")


async def _over_by_database(deps: Deps, address: str, *, most: int, now: datetime) -> bool:
    try:
        async with deps.db.writes.begin() as session:
            await limiting.count(session, deps.vault, Asked.SIGN_IN, address, most=most, now=now)
    except TooOften:
        return True
    return False
