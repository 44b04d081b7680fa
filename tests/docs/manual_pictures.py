"""Make the pictures of the 用户手册 anew: `python -m tests.docs.manual_pictures [URL DATA_DIRECTORY]`.

Of a demo that runs, or of one that it starts in a directory of its own. Every text is the demo's, ours.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from playwright.async_api import async_playwright

from tests import browser
from tests.docs.screens import small

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.async_api import Browser, Page

PICTURES: Final = Path(__file__).parents[2] / "docs" / "用户手册" / "images"
SIZES: Final = ((1280, 800), (390, 844))
START_SECONDS: Final = 180
_PASSWORD: Final = "demo-password"  # noqa: S105  (the name of a file)
#: The demo has about 300 complaints; this long without a new ticket means that all were read.
QUIET_SECONDS: Final = 8
#: Who looks at what; `first` is the first ticket of the list before it.
PAGES: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "": (("login", "/login"), ("citizen", "/citizen")),
    "clerk": (
        ("desk", "/desk"),
        ("review", "/desk/review"),
        ("ticket", "first /desk"),
        ("repeats", "/desk/repeats"),
    ),
    "ecology": (
        ("due", "/desk/due?hours=168"),
        ("unit", "first /desk?unit=110105-ecology"),
        ("map", "/desk/map"),
    ),
    "analyst": (
        ("trends", "/desk/trends"),
        ("topics", "/desk/topics"),
        ("reports", "/desk/reports"),
    ),
    "admin": (("staff", "/desk/staff"), ("sources", "/desk/sources")),
}
_TICKET: Final = re.compile(r"/desk/tickets/[0-9-]+$")


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/readyz", timeout=2) as response:  # noqa: S310  (loopback)
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def demo(folder: Path) -> Iterator[str]:
    """Run the demo. Gives its address. Raises TimeoutError."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "JIESU_DATA_DIR": str(folder), "JIESU_PORT": str(port)}
    process = subprocess.Popen([sys.executable, "-m", "triage.cli", "run", "--demo"], env=environment)
    address = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + START_SECONDS
        while not (_answers(address) and (folder / _PASSWORD).exists()):
            if time.monotonic() > end or process.poll() is not None:
                raise TimeoutError("the demo did not start")
            time.sleep(1)
        yield address
    finally:
        process.terminate()
        process.wait(60)


async def _enter(page: Page, login: str, password: str) -> None:
    await page.goto("/login")
    await page.fill("input[name=login]", login)
    await page.fill("input[name=password]", password)
    await page.click("form[action='/login'] button")
    await page.wait_for_url(lambda url: "/login" not in url)


async def _settled(page: Page) -> None:
    """Wait until the list's number of tickets stands still."""
    seen, since = "", time.monotonic()
    while time.monotonic() - since < QUIET_SECONDS:
        await page.goto("/desk?state=all")
        now = await page.inner_text("main")
        if now != seen:
            seen, since = now, time.monotonic()
        await asyncio.sleep(2)


async def _find_topics(folder: Path) -> None:
    """As the timetable does every day: when it started, there was nothing to read yet."""
    environment = {**os.environ, "JIESU_DATA_DIR": str(folder)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "triage.cli", "topics", "find", env=environment
    )
    await process.wait()


async def _open(page: Page, path: str) -> None:
    first, _, where = path.rpartition(" ")
    await page.goto(where, wait_until="load")
    if first:
        links = await page.eval_on_selector_all(
            "main a", "all => all.map(one => one.getAttribute('href') || '')"
        )
        await page.goto(next(link for link in links if _TICKET.search(link)), wait_until="load")
    await page.wait_for_timeout(1500)  # charts draw themselves


async def _look(chromium: Browser, address: str, folder: Path) -> None:
    password = (folder / _PASSWORD).read_text(encoding="utf-8").strip()
    for login, pages in PAGES.items():
        for width, height in SIZES:
            context = await chromium.new_context(
                viewport={"width": width, "height": height}, locale="zh-CN", base_url=address
            )
            page = await context.new_page()
            if login:
                await _enter(page, login, password)
            if login == "clerk" and width == SIZES[0][0]:
                await _settled(page)
                await _find_topics(folder)
            for name, path in pages:
                await _open(page, path)
                (PICTURES / f"{name}-{width}.png").write_bytes(small(await page.screenshot(full_page=True)))
            await context.close()


async def make(address: str, folder: Path) -> None:
    """Take all pictures of a demo that runs with this data directory."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=browser.executable(), args=list(browser.FLAGS)
        )
        await _look(chromium, address, folder)
        await chromium.close()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(make(sys.argv[1], Path(sys.argv[2])))
    else:
        with tempfile.TemporaryDirectory() as made, demo(Path(made) / "data") as where:
            asyncio.run(make(where, Path(made) / "data"))
