"""Where a fetch may go: no private address in any spelling, at any redirect, at any second look."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from connectors.feeds.errors import FeedRefused
from connectors.feeds.fetching import Fetcher
from connectors.feeds.guard import Exempt, NotPublic, PublicResolver, check_url, is_public, socket_factory

if TYPE_CHECKING:
    from collections.abc import Sequence

INNER = (
    "127.0.0.1", "127.8.9.1", "10.0.0.1", "172.16.5.5", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "0.0.0.0",  # noqa: S104
    "255.255.255.255", "224.0.0.1", "240.0.0.1", "192.0.2.1", "198.18.0.1",
    "::1", "::", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::ffff:0:10.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:c0a8:101::", "nonsense", "",
)  # fmt: skip
OUTER = ("8.8.8.8", "114.114.114.114", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808")


@pytest.mark.parametrize("address", INNER)
def test_inner_addresses(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", OUTER)
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://[::1]/", "http://[::ffff:10.0.0.1]/", "http://169.254.169.254/latest/meta-data",
        "http://2130706433/", "http://0x7f000001/", "http://127.1/", "http://10.1/", "ftp://news.example/",
        "file:///etc/passwd", "gopher://news.example/", "http://news.example:22/", "http://news.example:6379/",
        "http://user:pw@news.example/", "http://user@news.example/", "https:///x",
        "http://news.example/" + "x" * 2000, "http://www..gov.cn/1.html", "http://.gov.cn/", "http://xn--a/",
        f"http://{'a' * 64}.gov.cn/",
    ],
)  # fmt: skip
def test_addresses_that_are_never_asked(url: str) -> None:
    with pytest.raises(FeedRefused):
        check_url(URL(url), Exempt())


@pytest.mark.parametrize(
    "url",
    [
        "http://news.example/", "https://news.example:8443/a?b", "http://8.8.8.8/", "http://a_b.example/",
        "http://新闻.中国/", "http://news.example./", "http://[2606:4700::1111]/",
    ],
)  # fmt: skip
def test_ordinary_addresses(url: str) -> None:
    check_url(URL(url), Exempt())


class Names(AbstractResolver):
    """Gives one list of addresses after the other: a name that changes."""

    def __init__(self, *turns: Sequence[str]) -> None:
        self.turns = list(turns)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        turn = self.turns.pop(0) if len(self.turns) > 1 else self.turns[0]
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST
            )
            for address in turn
        ]

    async def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize("address", [*INNER[:-2], "8.8.8.8"])
async def test_a_name_with_an_inner_address_is_refused(address: str) -> None:
    resolver = PublicResolver(Exempt(), inner=Names(["8.8.8.8", address, "10.0.0.1"]))
    with pytest.raises(NotPublic):
        await resolver.resolve("news.example", 80)


async def test_a_name_that_leads_inside_is_refused_by_the_fetch() -> None:
    fetcher = Fetcher(resolver=Names(["127.0.0.1"]))
    with pytest.raises(FeedRefused, match="private"):
        await fetcher.get("http://news.example/")
    await fetcher.close()


@pytest.mark.parametrize("address", INNER[:-2])
def test_no_socket_is_made_towards_the_inside(address: str) -> None:
    with pytest.raises(NotPublic):
        socket_factory(Exempt(), (socket.AF_INET, socket.SOCK_STREAM, 0, "", (address, 80)))


def test_a_named_host_may_be_inside_at_its_port_alone() -> None:
    exempt = Exempt.parse("127.0.0.1:8123")
    check_url(URL("http://127.0.0.1:8123/feed"), exempt)
    for url in ("http://127.0.0.1:8124/", "http://127.0.0.1/", "http://127.0.0.2:8123/"):
        with pytest.raises(FeedRefused):
            check_url(URL(url), exempt)
    made = socket_factory(exempt, (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 8123)))
    made.close()
    with pytest.raises(NotPublic):
        socket_factory(exempt, (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 8124)))


@pytest.mark.parametrize("text", ["127.0.0.1", "http://x", "x:y", "a:1/b", "u@a:1"])
def test_bad_exemptions(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Exempt.parse(text)
