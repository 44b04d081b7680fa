"""bench/newcomer.py: its sign-in is one, and somebody new has nothing of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

import triage.tables
from bench import newcomer
from connectors.vault import Vault
from tests.factories import NOW, TicketIn, add_tickets
from triage.clock import FixedClock
from triage.services import reference
from triage.services.deps import Deps
from triage.services.staff import demo
from triage.settings import Settings
from triage.web.app import make_app

if TYPE_CHECKING:
    from pathlib import Path

    from models.db import Database


@pytest.mark.parametrize("right", [True, False])
async def test_it_signs_in_as_the_demos_clerk_and_says_when_it_cannot(
    sqlite_db: Database, tmp_path: Path, *, right: bool
) -> None:
    settings = Settings(data_dir=tmp_path, database_url=str(sqlite_db.engine.url), password_memory_kib=64)
    deps = Deps(settings, FixedClock(NOW), triage.tables.load(), sqlite_db, Vault({1: bytes(32)}))
    await reference.sync(deps)
    await add_tickets(sqlite_db, TicketIn())
    password = await demo.make(deps, now=NOW)
    typed = {True: password, False: "another one"}[right]
    refused = []
    async with TestServer(make_app(deps)) as server:
        address = str(server.make_url("")).rstrip("/")
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(base_url=address, cookie_jar=jar) as session:
            try:
                await newcomer._sign_in(session, address, typed)
            except newcomer.TooLong as error:
                refused.append(str(error))
    assert refused == ["the demo's clerk could not sign in and see tickets"] * (not right)


def test_somebody_new_has_no_setting_and_no_cache_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JIESU_NLP_MODEL", "lexicon")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example")
    found = newcomer.environment(tmp_path, 8421, cached=False)
    assert found["PIP_INDEX_URL"] == "https://mirror.example"
    assert {name for name in found if name.startswith(("JIESU_", "PYTHON"))} == {"JIESU_PORT"}
    assert found["UV_CACHE_DIR"].startswith(str(tmp_path))
