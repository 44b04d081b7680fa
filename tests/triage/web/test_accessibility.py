"""WCAG 2.2 AA by axe-core on every page that is asked for by a plain address, and on those of one ticket.

The pages are those of the application's own routes: a page that comes later is walked too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from aiohttp.test_utils import TestServer
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import async_playwright

from models.appeals import Appellant
from models.callbacks import NumbersProvider
from models.tickets import Ticket
from models.vocab import State
from tests import browser, signed_in
from tests.factories import NOW, TicketIn, add_tickets
from tests.triage.web.samples import SAMPLES
from triage.services import reference
from triage.web import sizes
from triage.web.app import make_app
from triage.web.keys import DECLARED

if TYPE_CHECKING:
    from playwright.async_api import Page

    from models.db import Database
    from triage.services.deps import Deps

WIDTHS = ({"width": 1280, "height": 800}, {"width": 390, "height": 844})
ROOTS = ("/desk", "/citizen", "/me", "/staff")
#: Addresses that give no page, beside those that end like a file: a stream, data, and parts that stand in
#: a page that is walked.
NO_PAGES = (
    "/desk/changes",
    "/desk/places/at",
    "/desk/list",
    "/desk/review/queue",
    "/metrics",
)
OPTIONS = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    "resultTypes": ["violations"],
}


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough: what differs is tested below the browser."""
    return sqlite_db


async def faults(page: Page, axe: Axe, path: str) -> list[str]:
    """What axe says of a page: rule, place, and the page's address."""
    await page.goto(path)
    return await faults_here(page, axe, path)


async def faults_here(page: Page, axe: Axe, path: str) -> list[str]:
    """The same of the page that is open."""
    # What is folded is part of the page.
    await page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    found = await axe.run(page, options=OPTIONS)
    told = [
        f"{path}: {rule['id']}: {node['target']}"
        for rule in found.response["violations"]
        for node in rule["nodes"][:3]
    ]
    wide = await page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    return told + [f"{path}: wider than the screen"] * wide


async def add_provider(deps: Deps, no: str) -> None:
    """回拨 is offered on the ticket of this number."""
    told = {"created_at": NOW, "changed_at": NOW, "changed_by": "a"}
    async with deps.db.writes.begin() as session:
        session.add(NumbersProvider(
            key="axb", name="参考服务", enabled=True, settings={"url": "https://axb.example/"}, **told
        ))  # fmt: skip
        appeal_id = await session.scalar(sa.select(Ticket.appeal_id).where(Ticket.no == no))
        phone = deps.vault.seal("13800005678", belongs_to=f"appellant.phone:{appeal_id}")
        sealed = sa.update(Appellant).where(Appellant.appeal_id == appeal_id).values(phone=phone)
        await session.execute(sealed)


async def test_every_page_is_within_reach_of_everyone(deps: Deps) -> None:
    numbers = await add_tickets(deps.db, *SAMPLES)
    (answered,) = await add_tickets(deps.db, TicketIn(state=State.FEEDBACK))
    await reference.sync(deps)
    await add_provider(deps, numbers[4])
    app = make_app(deps)
    plain = {
        path
        for method, path in app[DECLARED]
        if method == "GET" and path.startswith(ROOTS) and "{" not in path and "." not in path
    }
    site, waiting = numbers[4], numbers[8]
    pages = [
        *sorted(plain - set(NO_PAGES)),
        f"/desk/tickets/{site}",
        f"/desk/tickets/{waiting}",
        f"/desk/tickets/{site}/files",
        f"/desk/tickets/{site}/confide",
        f"/desk/tickets/{site}/amend",
        f"/desk/tickets/{site}/call",
        f"/desk/tickets/{waiting}/call",
        "/desk/numbers/axb",
        f"/desk/review/{waiting}",
        f"/desk/followup/{answered}",
        f"/desk/tickets/{answered}/call-after",
        f"/desk/compare/{numbers[1]}/{numbers[0]}",
        "/desk?q=油烟",
        "/desk/due?hours=168&clock=answer",
        "/desk/own?rate=response",
        "/desk/staff/local",
        "/desk/sources/new/feed",
        "/desk/sources/test",
        "/open",
        "/desk/nothing",
    ]
    axe, told = Axe(), []
    async with TestServer(app) as server, async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=browser.executable(), args=list(browser.FLAGS)
        )
        address = await signed_in.Address.of(server, deps)
        for size in WIDTHS:
            context = await chromium.new_context(
                viewport=size,  # type: ignore[arg-type]
                locale="zh-CN",
                base_url=address,
            )
            page = await context.new_page()
            told += [f"{size['width']} {fault}" for fault in await faults(page, axe, "/login")]
            await signed_in.enter(context, address)
            for path in pages:
                told += [f"{size['width']} {fault}" for fault in await faults(page, axe, path)]
            # 大字, as its cookie leaves it.
            await context.add_cookies([{"name": sizes.COOKIE, "value": "1", "url": address}])
            for path in ("/desk", "/desk/due", f"/desk/review/{waiting}", f"/desk/tickets/{site}"):
                told += [f"{size['width']} 大字 {fault}" for fault in await faults(page, axe, path)]
            await context.close()
        await chromium.close()
    assert not told, "\n".join(told)
