"""Behind a proxy each citizen counts as who they are, also with a form that carries files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests import pictures
from triage.settings import Settings
from triage.web import proxy

if TYPE_CHECKING:
    from pathlib import Path

    from tests.triage.web.citizen.conftest import Citizen
    from triage.services.deps import Deps

SEEN = "X-Forwarded-For"


@pytest.fixture
async def deps(deps: Deps, tmp_path: Path) -> Deps:
    """With a proxy on this machine, one report an hour for each address."""
    settings = Settings(
        files_dir=tmp_path / "files", trusted_proxies="127.0.0.1", citizen_reports_per_address=1
    )
    return replace(deps, settings=settings)


async def test_one_address_does_not_use_up_the_reports_of_all(
    citizen: Citizen, caplog: pytest.LogCaptureFixture
) -> None:
    proxy._tell_once.cache_clear()
    told: list[int] = []
    for address in ("203.0.113.7", "203.0.113.7", "203.0.113.8", "203.0.113.9"):
        citizen.client.session.headers.update({SEEN: address})
        await citizen.report(("1.jpg", pictures.jpeg()), phone=f"139 1234 00{len(told):02d}")
        told.append(citizen.status)
    assert told == [200, 429, 200, 200]
    # The settings name this proxy: nothing is amiss.
    assert "proxy_not_trusted" not in caplog.text
