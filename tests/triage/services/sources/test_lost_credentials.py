"""密钥换过: credentials that no longer open are typed anew or let go of, and never lost without a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import triage.tables
from connectors.vault import Vault
from tests.factories import NOW
from triage.clock import FixedClock
from triage.errors import BadInput
from triage.services.callbacks import providers
from triage.services.callbacks.providers import ProviderIn
from triage.services.deps import Deps
from triage.services.sources import editing
from triage.services.sources.editing import SourceIn
from triage.settings import Settings

if TYPE_CHECKING:
    from models.db import Database

FEED = {"url": "https://news.example/feed"}
NUMBERS = {"url": "https://axb.example/bindings"}
OLD, NEW = Vault({1: bytes(32)}), Vault({2: bytes([7]) * 32})


@pytest.fixture
def deps(sqlite_db: Database) -> Deps:
    """With the keys of now; what was sealed before was sealed with others."""
    return Deps(Settings(), FixedClock(NOW), triage.tables.load(), sqlite_db, NEW)


@pytest.fixture
async def _feed(deps: Deps) -> None:
    async with deps.db.writes.begin() as session:
        given = SourceIn("日报", 60, FEED, {"secret": "Bearer x"})
        await editing.add(session, OLD, "feed", "daily", given, by="t", now=NOW)


async def change(deps: Deps, given: SourceIn) -> dict[str, str]:
    async with deps.db.writes.begin() as session:
        source = await editing.change(session, deps.vault, "daily", given, by="t", now=NOW)
        return dict(editing.settled(deps.vault, source).credentials)


@pytest.mark.usefixtures("_feed")
async def test_what_is_typed_anew_takes_their_place(deps: Deps) -> None:
    typed = SourceIn("日报", 60, FEED, {"secret": "Bearer y"})
    assert await change(deps, typed) == {"secret": "Bearer y"}
    assert await change(deps, SourceIn("晚报", 60, FEED)) == {"secret": "Bearer y"}


@pytest.mark.usefixtures("_feed")
async def test_what_is_let_go_of_is_gone_and_nothing_else_is(deps: Deps) -> None:
    with pytest.raises(BadInput, match=r"解不开（密钥换过了）：请重新填写或清除 凭据$"):
        await change(deps, SourceIn("晚报", 60, FEED))
    with pytest.raises(BadInput, match="解不开"):
        await change(deps, SourceIn("晚报", 60, FEED, {"secret": "  "}))
    assert await change(deps, SourceIn("晚报", 60, FEED, forget=("secret",))) == {}


async def test_so_are_those_of_a_provider_of_numbers(deps: Deps) -> None:
    sealed = {"token": "a", "secret": "b"}
    async with deps.db.writes.begin() as session:
        first = ProviderIn("参考服务", NUMBERS, sealed)
        await providers.add(session, OLD, "axb", first, by="admin", now=NOW)
    async with deps.db.writes.begin() as session:
        half = ProviderIn("参考服务", NUMBERS, {"token": "c"})
        with pytest.raises(BadInput, match=r"请重新填写或清除 [^、]+$"):
            await providers.change(session, deps.vault, "axb", half, by="other", now=NOW)
    async with deps.db.writes.begin() as session:
        whole = ProviderIn("参考服务", NUMBERS, {"token": "c", "secret": "d"})
        row = await providers.change(session, deps.vault, "axb", whole, by="other", now=NOW)
        await providers.opened(deps, row).close()
        assert row.held.split() == ["secret", "token"]


@pytest.mark.parametrize("host", ["www..gov.cn", ".gov.cn", f"{'a' * 64}.gov.cn"])
async def test_an_address_whose_host_is_no_name_is_refused(deps: Deps, host: str) -> None:
    async with deps.db.writes.begin() as session:
        given = SourceIn("日报", 60, {"url": f"https://{host}/feed"})
        with pytest.raises(BadInput, match="应形如 https://主机/路径"):
            await editing.add(session, deps.vault, "feed", "daily", given, by="t", now=NOW)
