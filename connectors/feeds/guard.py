"""Where a fetch may go: public addresses, usual ports, http and https. Nothing inside the house.

Three checks, since each alone can be gone round: the address as written (`check_url`, at every redirect), the
addresses a name has (`PublicResolver`), and the address a socket is about to connect to (`socket_factory`):
a name that changes its address between two looks (DNS rebinding) is refused at the last.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, Final

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from connectors.feeds.errors import FeedRefused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiohappyeyeballs import AddrInfoType

SCHEMES: Final = frozenset({"http", "https"})
PORTS: Final = frozenset({80, 443, 8080, 8443})
_LONGEST_URL: Final = 2000
_NAT64: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
#: IPv4 written into the last four bytes of an IPv6 address, in ways that some systems still route.
_EMBEDDED: Final = (
    *_NAT64,
    IPv6Network("::/96"),
    IPv6Network("::ffff:0:0/96"),
    IPv6Network("::ffff:0:0:0/96"),
)
_IPV4_BITS: Final = 0xFFFF_FFFF


class NotPublic(OSError):
    """The address leads inside. An OSError: connectors take it for a connection that failed."""


def is_public(text: str) -> bool:
    """Whether an address is one of the public network, however it is written."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return all(_global(one) for one in _forms(address))


def _global(address: IPv4Address | IPv6Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not address.is_unspecified
        and not (isinstance(address, IPv6Address) and address.is_site_local)
    )


def _forms(address: IPv4Address | IPv6Address) -> Iterator[IPv4Address | IPv6Address]:
    """The address and every IPv4 address hidden in it."""
    if isinstance(address, IPv4Address):
        yield address
        return
    hidden = [
        *([address.ipv4_mapped] if address.ipv4_mapped else []),
        *([address.sixtofour] if address.sixtofour else []),
        *(address.teredo or ()),
        *(IPv4Address(int(address) & _IPV4_BITS) for network in _EMBEDDED if address in network),
    ]
    yield from hidden
    # A mapped address is not global by itself; what counts is what it maps.
    if not hidden or address.sixtofour or address.teredo:
        yield address


@dataclass(frozen=True, slots=True)
class Exempt:
    """Hosts that may be private and on any port: named by the settings, for tests and a house's own feeds."""

    hosts: frozenset[tuple[str, int]] = frozenset()
    _addresses: set[tuple[str, int]] = field(default_factory=set)

    @classmethod
    def parse(cls, text: str) -> Exempt:
        """`host:port,host:port`. Raises ValueError."""
        hosts = set()
        for part in filter(None, (part.strip() for part in text.split(","))):
            url = URL(f"http://{part}/")
            if url.host is None or url.explicit_port is None or url.path != "/" or url.user:
                raise ValueError(f"应形如 主机:端口：{part}")
            hosts.add((url.host, url.explicit_port))
        made = cls(frozenset(hosts))
        made._addresses.update(hosts)
        return made

    def names(self, host: str, port: int) -> bool:
        """Whether the host is named."""
        return (host, port) in self.hosts

    def learn(self, address: str, port: int) -> None:
        """An address that a named host has."""
        self._addresses.add((address, port))

    def knows(self, address: str, port: int) -> bool:
        """Whether a socket may go there though it is not public."""
        return (address, port) in self._addresses


def check_url(url: URL, exempt: Exempt) -> None:
    """Refuse what is not an ordinary public web address. Raises FeedRefused."""
    if len(str(url)) > _LONGEST_URL:
        raise FeedRefused("long_url", "地址过长")
    if url.scheme not in SCHEMES:
        raise FeedRefused("scheme", "只能取 http 或 https 的地址")
    try:
        host, port = url.host, url.port
        # As whoever resolves it will spell it: an empty or endless label is no name, and raises there.
        (url.raw_host or "").encode("idna")
    except ValueError:
        raise FeedRefused("bad_url", "地址写得不对") from None
    if not host or port is None:
        raise FeedRefused("no_host", "地址里没有主机名")
    if url.user is not None or url.password is not None:
        raise FeedRefused("credentials", "地址里不能写用户名和密码")
    if exempt.names(host, port):
        return
    if port not in PORTS:
        raise FeedRefused("port", f"不能取这个端口：{port}")
    if _looks_numeric(host) and not is_public(host):
        raise FeedRefused("private", "地址指向内部网络，不能取")


def _looks_numeric(host: str) -> bool:
    """An address rather than a name: also the short forms that a resolver takes for one."""
    return ":" in host or host.rpartition(".")[2].isdigit() or host.lower().startswith("0x")


class PublicResolver(AbstractResolver):
    """Names by the system's resolver, without the addresses that lead inside."""

    def __init__(self, exempt: Exempt, *, inner: AbstractResolver | None = None) -> None:
        """Take who is exempt, and who is really asked."""
        self._exempt = exempt
        self._inner = inner or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The public addresses of a name. Raises NotPublic when it has others only."""
        found = await self._inner.resolve(host, port, family)
        if self._exempt.names(host, port):
            for one in found:
                self._exempt.learn(one["host"], port)
            return found
        # One inner address among public ones is no accident: nothing of such a name is used.
        if not found or not all(is_public(one["host"]) for one in found):
            raise NotPublic("address leads inside")
        return found

    async def close(self) -> None:
        """Let go of the inner resolver."""
        await self._inner.close()


def socket_factory(exempt: Exempt, addresses: AddrInfoType) -> socket.socket:
    """The socket of a connection, made only when where it goes is allowed. Raises NotPublic."""
    family, kind, protocol, _, where = addresses
    host, port = str(where[0]), int(where[1])
    if not (exempt.knows(host, port) or (is_public(host) and port in PORTS)):
        raise NotPublic("address leads inside")
    made = socket.socket(family=family, type=kind, proto=protocol)
    made.settimeout(0)
    return made
