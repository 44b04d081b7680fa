"""The first hour of somebody new: a fresh clone, `make run`, the demo's tickets, a sign-in, Ctrl-C. Timed.

`make newcomer`. The clone is of the commit at hand, in a folder of its own, with empty caches of pip and uv
(`--cached` takes those that are there) and no setting of ours; what a mirror of packages needs is taken from
the environment. Each line is a moment since `git clone` began; the last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import aiohttp

from bench.hotline import free_port
from triage.demo import load_demo

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT: Final = Path(__file__).parents[1]
#: Longer than anybody waits.
PATIENCE_SECONDS: Final = 1800.0
_OK: Final = 200
_TOKEN: Final = re.compile(r'name="token" value="([^"]+)"')


class TooLong(Exception):
    """Something did not come in `PATIENCE_SECONDS`, or `make run` ended."""


def environment(folder: Path, port: int, *, cached: bool) -> dict[str, str]:
    """What somebody new has: nothing of ours, no caches."""
    found = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("JIESU_", "PYTHON", "VIRTUAL_ENV", "MAKE"))
    }
    caches = {} if cached else {"PIP_CACHE_DIR": str(folder / "pip"), "UV_CACHE_DIR": str(folder / "uv")}
    return {**found, **caches, "JIESU_PORT": str(port)}


async def first_hour(folder: Path, *, cached: bool) -> dict[str, float]:
    """Do it. Gives the moments by name, in seconds since the start. Raises TooLong, CalledProcessError."""
    began, moments = time.monotonic(), dict[str, float]()
    port = await asyncio.to_thread(free_port)
    place, address = folder / "jiesu", f"http://127.0.0.1:{port}"

    def note(name: str) -> None:
        moments[name] = round(time.monotonic() - began, 1)
        print(f"{name:12} {moments[name]:8.1f} s", flush=True)

    await asyncio.to_thread(
        subprocess.run, ["git", "clone", "-q", "--no-hardlinks", str(ROOT), str(place)], check=True
    )
    note("cloned")
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            "make", "run", f"PYTHON={sys.executable}", cwd=place, stdout=log, stderr=log,
            env=environment(folder, port, cached=cached), start_new_session=True,
        )  # fmt: skip
    try:

        async def until(name: str, there: Callable[[], bool]) -> None:
            while not there():
                if process.returncode is not None or time.monotonic() - began > PATIENCE_SECONDS:
                    raise TooLong(f"{name}: see the end of the log\n{(folder / 'log').read_text()[-2000:]}")
                await asyncio.sleep(0.2)
            note(name)

        await until("installed", (place / ".venv" / ".runtime").exists)
        # An address of numbers: only so are its cookies kept.
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(base_url=address, cookie_jar=jar) as session:
            ready = asyncio.create_task(_ready(session))
            await until("ready", ready.done)
            await until("tickets", lambda: _tickets(place) >= len(load_demo()))
            await _sign_in(session, address, (place / ".jiesu" / "demo-password").read_text().strip())
            note("signed_in")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        await process.wait()
    note("stopped")
    return moments


async def _ready(session: aiohttp.ClientSession) -> None:
    while True:
        with contextlib.suppress(aiohttp.ClientError, OSError):
            async with session.get("/readyz") as answer:
                if answer.status == _OK:
                    return
        await asyncio.sleep(0.2)


def _tickets(place: Path) -> int:
    with (
        contextlib.suppress(sqlite3.Error),
        contextlib.closing(sqlite3.connect(f"file:{place}/.jiesu/jiesu.db?mode=ro", uri=True)) as found,
    ):
        return int(found.execute("SELECT count(*) FROM ticket").fetchone()[0])
    return 0


async def _sign_in(session: aiohttp.ClientSession, address: str, password: str) -> None:
    """As the clerk of the demo, and look at the list. Raises TooLong when that is refused."""
    async with session.get("/login") as page:
        (token, *_) = _TOKEN.findall(await page.text())
    form = {"token": token, "login": "clerk", "password": password}
    async with session.post("/login", data=form, headers={"Origin": address}) as answer:
        refused = answer.status != _OK or answer.url.path == "/login"
    async with session.get("/desk?state=all") as desk:
        if refused or "data-no=" not in await desk.text():
            raise TooLong("the demo's clerk could not sign in and see tickets")


def main() -> None:
    """Once, in a folder that goes away."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cached", action="store_true", help="with the caches of pip and uv that are there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="jiesu-new-") as name:
        moments = asyncio.run(first_hour(Path(name), cached=options.cached))
    print(json.dumps({"cached": options.cached, "demo": len(load_demo()), **moments}), flush=True)


if __name__ == "__main__":
    main()
