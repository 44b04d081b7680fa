"""The reference provider as a process of its own, and what it says of itself."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
from yarl import URL

from connectors.callback.http import NumbersSettings
from connectors.feeds.guard import Exempt

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN, SECRET = "reference-token", "reference-secret"
OFFICER, CITIZEN = "13911110001", "13800005678"


@dataclass(frozen=True, slots=True)
class Reference:
    """Where it listens."""

    url: URL

    @property
    def host(self) -> str:
        """`host:port`, as the settings name a private host."""
        return f"{self.url.host}:{self.url.port}"

    @property
    def exempt(self) -> Exempt:
        return Exempt.parse(self.host)

    @property
    def settings(self) -> NumbersSettings:
        return NumbersSettings(url=str(self.url / "bindings"), token=TOKEN, secret=SECRET)

    async def misbehave(self, *faults: str) -> None:
        """What the next requests meet."""
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.url / "_faults", json={"next": faults}) as answer,
        ):
            assert answer.status == 200

    async def dial(self, caller: str, number: str) -> str | None:
        """Whom a call reaches."""
        place = (self.url / "_dial").with_query({"from": caller, "number": number})
        async with aiohttp.ClientSession() as session, session.get(place) as answer:
            found: str | None = (await answer.json())["reached"]
            return found

    async def bindings(self) -> dict[str, Any]:
        async with aiohttp.ClientSession() as session, session.get(self.url / "_bindings") as answer:
            found: dict[str, Any] = await answer.json()
            return found


@contextmanager
def running() -> Iterator[Reference]:
    """`python -m connectors.callback.reference`, ended at the end."""
    command = [sys.executable, "-m", "connectors.callback.reference", "--port", "0"]
    with subprocess.Popen(
        [*command, "--token", TOKEN, "--secret", SECRET], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield Reference(URL(json.loads(process.stdout.readline())["url"]))
        finally:
            process.terminate()
