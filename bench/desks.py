"""The desks in a real Chromium: how long a clerk needs for twenty tickets, what each page weighs and takes.

`make bench-desks`. A PostgreSQL of its own is filled with made-up tickets (bench.desk_data); server and
browser share this machine, and the server this process. The clerk is a script: it waits for the ticket,
chooses the model's first or second kind by its key and sends it on by Ctrl+Enter. Times count from
the moment the sign-in page is asked for. A page's server time is from the browser's request to the first
byte; its weight is the document with all scripts, styles and pictures, as sent. The last line printed is one
JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from aiohttp.test_utils import TestServer
from playwright.async_api import TimeoutError, async_playwright  # noqa: A004

import triage.tables
from bench.desk import filled
from bench.servers import postgresql
from connectors.vault import Vault
from models.corrections import Correction
from models.db import open_database
from models.staff import DemoWaiver
from models.tickets import Ticket
from models.units import Staff
from models.vocab import State
from models.vocab_staff import Role
from tests import browser, signed_in
from triage import logs
from triage.clock import FixedClock
from triage.services.deps import Deps
from triage.services.staff.accounts import password_hash
from triage.settings import Settings
from triage.web.app import make_app

if TYPE_CHECKING:
    from playwright.async_api import Page

NOW: Final = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SIZES: Final = {"desk": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}
_PATIENCE_MS: Final = 20_000
_LOGIN: Final = "clerk"
_PASSWORD: Final = "bench-Xk29-mulberry-Tram"  # noqa: S105  (of a database that is thrown away)
_COOKIE: Final = ("name", "value", "domain", "path")


async def measure(keep: Path | None, *, rows: int, accounts: int, reviews: int, times: int) -> dict[str, Any]:
    """Fill, let the clerk work, then look at each page. Raises RuntimeError as `bench.desk.filled` does."""
    with postgresql(keep) as url:
        db = open_database(url)
        try:
            deps = Deps(Settings(), FixedClock(NOW), triage.tables.load(), db, Vault({1: bytes(32)}))
            await filled(deps, sa.make_url(url), rows)
            async with db.engine.begin() as connection:
                sequence = "pg_get_serial_sequence('ticket_event', 'id')"
                await connection.execute(
                    sa.text(f"SELECT setval({sequence}, max(id)) FROM ticket_event")  # noqa: S608  (our own words)
                )
            await _staff(deps, accounts)
            async with TestServer(make_app(deps, warm=True)) as server:
                address = str(server.make_url("/")).rstrip("/")
                found = await _in_browser(deps, address, reviews=reviews, times=times)
        finally:
            await db.close()
    return {"rows": rows, "accounts": accounts, **found}


async def _staff(deps: Deps, accounts: int) -> None:
    """So many accounts, the first of them the clerk's, with a password of its own.

    It is a demo account let in without a second factor: a script has no telephone. A database that was kept
    has them already.
    """
    kept = await password_hash(deps, _LOGIN, _PASSWORD, now=NOW)
    async with deps.db.reads() as session:
        there = await session.scalar(
            sa.select(sa.func.count()).select_from(Staff).where(Staff.login == _LOGIN)
        )
    if there:
        return
    await signed_in.add_person(deps, _LOGIN, (Role.CLERK, None), password_hash=kept, demo=True)
    async with deps.db.writes.begin() as session:
        session.add(DemoWaiver(id=1, set_at=NOW, set_by="bench"))
    for number in range(1, accounts):
        await signed_in.add_person(deps, f"bench.{number}", (Role.CLERK, None))


async def _sign_in(page: Page) -> None:
    await page.goto("/desk/review")
    await page.locator("[name=login]").fill(_LOGIN)
    await page.locator("[name=password]").fill(_PASSWORD)
    await page.keyboard.press("Enter")
    await page.locator("#review").wait_for()


async def _in_browser(deps: Deps, address: str, *, reviews: int, times: int) -> dict[str, Any]:
    async with deps.db.reads() as session:
        # One that is no review: the review takes the most pressing away.
        sent = sa.select(Ticket.no).where(Ticket.state == State.DISPATCHED.value).limit(1)
        signed = await session.scalar(sent)
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=browser.executable(), args=list(browser.FLAGS)
        )
        clerk = await chromium.new_context(
            viewport=SIZES["desk"],  # type: ignore[arg-type]
            base_url=address,
        )
        review = await _reviewed(await clerk.new_page(), reviews)
        cookies: list[Any] = [{k: v for k, v in c.items() if k in _COOKIE} for c in await clerk.cookies()]
        await clerk.close()
        async with deps.db.reads() as session:
            review["corrections"] = await session.scalar(sa.select(sa.func.count()).select_from(Correction))
        pages: dict[str, Any] = {}
        for width, size in SIZES.items():
            for path in ("/desk", "/desk/review", f"/desk/tickets/{signed}", "/desk/due", "/desk/map"):
                name = "/desk/tickets/…" if path.startswith("/desk/tickets/") else path
                # A context of its own each time: nothing is in the cache.
                context = await chromium.new_context(
                    viewport=size,  # type: ignore[arg-type]
                    base_url=address,
                )
                await context.add_cookies(cookies)
                pages[f"{name} {width}"] = await _weighed(await context.new_page(), path, times)
                await context.close()
        await chromium.close()
    return {"review": review, "pages": pages}


async def _reviewed(page: Page, reviews: int) -> dict[str, Any]:
    """The clerk's work: from opening the desk to so many tickets sent on."""
    page.set_default_timeout(_PATIENCE_MS)
    began = time.perf_counter()
    await _sign_in(page)
    each = []
    for number in range(reviews):
        await page.locator("#decide").wait_for()
        no = await page.locator("#review").get_attribute("data-no")
        start = time.perf_counter()
        await page.keyboard.press("2" if number % 4 == 3 else "1")  # noqa: PLR2004  (a quarter is corrected)
        if not await page.locator("#review-unit").input_value():
            await page.locator("#review-unit").fill("北京市生态环境局")
        await page.keyboard.press("Control+Enter")
        try:
            await page.wait_for_function("no => document.querySelector('#review').dataset.no !== no", arg=no)
        except TimeoutError as error:
            # What the desk says of it is worth more than that it did not go on.
            said = await page.locator("[role=alert], [role=status]").all_inner_texts()
            raise SystemExit(f"{page.url} {no}: {said}") from error
        each.append(time.perf_counter() - start)
    return {
        "tickets": reviews,
        "seconds": round(time.perf_counter() - began, 2),
        "each_p50_ms": round(statistics.median(each) * 1000),
        "each_max_ms": round(max(each) * 1000),
    }


async def _weighed(page: Page, path: str, times: int) -> dict[str, Any]:
    """A page's weight when nothing is in the cache, and the server's time over some loads."""
    page.set_default_timeout(_PATIENCE_MS)
    weight, server = 0, []
    for turn in range(times):
        await page.goto(path, wait_until="load")
        told = await page.evaluate(
            """() => {
                const [page] = performance.getEntriesByType("navigation");
                const parts = [page, ...performance.getEntriesByType("resource")];
                const own = parts.filter((part) => !part.name.endsWith("/desk/changes"));
                const sent = own.reduce((sum, part) => sum + part.transferSize, 0);
                return { sent, ms: page.responseStart - page.requestStart };
            }"""
        )
        server.append(told["ms"])
        weight = told["sent"] if turn == 0 else weight
    return {
        "kB": round(weight / 1000, 1), "server_p50_ms": round(statistics.median(server), 1),
        "server_max_ms": round(max(server), 1),
    }  # fmt: skip


def main() -> None:
    """Measure once and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000, help="tickets in the database")
    parser.add_argument("--accounts", type=int, default=1_200, help="staff in the database")
    parser.add_argument("--reviews", type=int, default=20, help="tickets the clerk reviews")
    parser.add_argument("--times", type=int, default=5, help="loads of each page")
    parser.add_argument("--keep", type=Path, help="a directory for the database: filled once, used again")
    options = parser.parse_args()
    logs.set_up(level="ERROR", as_json=False)
    found = asyncio.run(
        measure(
            options.keep,
            rows=options.rows,
            accounts=options.accounts,
            reviews=options.reviews,
            times=options.times,
        )
    )
    print(json.dumps({"bench": "desks", **found, "load": round(os.getloadavg()[0], 1)}, ensure_ascii=False))


if __name__ == "__main__":
    main()
