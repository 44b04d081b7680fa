"""Whose address a request has when a proxy of ours stands before it: rate limits count by that.

Only what `JIESU_TRUSTED_PROXIES` names is believed. X-Forwarded-For is read from its end, where our own
proxies write: the first address that is not one of them is whom they saw. What stands further left anyone may
have written. One from somebody else is told of once in the log: all behind such a proxy count as one.
"""

from __future__ import annotations

import functools
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Final

from aiohttp import web

from triage import logs
from triage.web.keys import DEPS

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

log = logs.get(__name__)

FORWARDED: Final = "X-Forwarded-For"
_MOST_HOPS: Final = 20

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address


def networks(text: str) -> tuple[Network, ...]:
    """`10.0.0.1,10.1.0.0/16`. Raises ValueError."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def client_of(remote: str | None, forwarded: list[str], trusted: tuple[Network, ...]) -> str | None:
    """The address that counts: the peer's, or, when that is a proxy of ours, whom the proxies saw."""
    seen = remote
    hops = [hop for line in forwarded for hop in line.split(",")]
    for hop in reversed(hops[-_MOST_HOPS:]):
        if not _ours(seen, trusted):
            break
        address = _address(hop)
        if address is None:
            # What our own proxy wrote is no address: no further can be looked, and nobody else is believed.
            break
        seen = str(address)
    return seen


def _ours(text: str | None, trusted: tuple[Network, ...]) -> bool:
    address = _address(text or "")
    return address is not None and any(
        address.version == network.version and address in network for network in trusted
    )


def _address(text: str) -> Address | None:
    try:
        found = ip_address(text.strip())
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def forwarded(request: web.Request) -> bool:
    """Whether somebody else asks through whoever speaks to us, known to the settings or not."""
    return any(name in request.headers for name in (FORWARDED, "Forwarded", "X-Real-IP", "Via"))


@functools.cache
def _tell_once() -> None:
    """Once a process. Without the address: it may be a visitor's."""
    log.warning("proxy_not_trusted", setting="JIESU_TRUSTED_PROXIES", header=FORWARDED)


@web.middleware
async def behind_proxy(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request the address of whoever really asks."""
    if FORWARDED not in request.headers:
        return await handler(request)
    trusted = networks(request.app[DEPS].settings.trusted_proxies)
    if not _ours(request.remote, trusted):
        _tell_once()
        return await handler(request)
    remote = client_of(request.remote, request.headers.getall(FORWARDED, []), trusted)
    return await handler(request.clone(remote=remote) if remote else request)
