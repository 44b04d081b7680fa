"""Whose address counts behind a proxy: nobody talks their way out of a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from triage.web import proxy
from triage.web.proxy import client_of, networks

if TYPE_CHECKING:
    from models.db import Database
    from tests.triage.web.conftest import Client

TRUSTED = networks("10.0.0.1, 10.9.0.0/16, fd00::/8")


@pytest.mark.parametrize(
    ("remote", "forwarded", "client"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        # Nobody before us: what a stranger writes is not believed.
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        # A visitor wrote the first; our proxy added the second, which is the visitor's own.
        ("10.0.0.1", ["1.2.3.4, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.2.3.4", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.2.3.4, 198.51.100.1, 10.9.3.3"], "198.51.100.1"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("fd00::7", ["2001:db8::1"], "2001:db8::1"),
        ("10.0.0.1", ["unknown"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, not-an-address"], "10.0.0.1"),
        ("10.0.0.1", [",".join(["10.9.0.1"] * 100)], "10.9.0.1"),
        (None, ["198.51.100.1"], None),
    ],
)
def test_only_our_proxies_are_believed(remote: str | None, forwarded: list[str], client: str | None) -> None:
    assert client_of(remote, forwarded, TRUSTED) == client


def test_no_proxy_is_trusted_by_default() -> None:
    assert client_of("127.0.0.1", ["198.51.100.1"], networks("")) == "127.0.0.1"


def test_a_request_keeps_its_route_when_its_address_is_another() -> None:
    request = make_mocked_request("GET", "/desk", app=web.Application())
    assert request.clone(remote="198.51.100.1").match_info is request.match_info


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    return sqlite_db


async def test_a_proxy_that_is_not_named_is_told_of_once_and_without_its_visitor(
    stranger: Client, caplog: pytest.LogCaptureFixture
) -> None:
    proxy._tell_once.cache_clear()
    assert (await stranger.get("/healthz")).status == 200
    assert "proxy_not_trusted" not in caplog.text
    for _ in range(2):
        await stranger.get("/healthz", headers={"X-Forwarded-For": "198.51.100.77"})
    assert caplog.text.count("proxy_not_trusted") == 1
    assert "198.51.100.77" not in caplog.text
