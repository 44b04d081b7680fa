"""Stored XSS: hostile words wherever somebody from outside writes, on every page that shows them."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from aiohttp.test_utils import TestServer
from playwright.async_api import async_playwright

from models.appeals import Appeal, Reading, Source
from models.leads import Lead
from models.tickets import Ticket, TicketEvent
from models.units import Staff, Unit
from models.vocab import Tag
from models.vocab_leads import LeadState
from tests import browser
from tests.docs import access_matrix
from tests.factories import NOW, TicketIn, add_appeal, add_tickets
from tests.triage.web.test_access_matrix import PATTERN

if TYPE_CHECKING:
    from tests.triage.web.attacks.conftest import World

EVIL = (
    "<script>document.title='stolen'</script>\"'><img src=x onerror=\"document.title='stolen'\">"
    "<svg onload=document.title='stolen'>{{7*7}}${7*7}</title></textarea></script>"
)
LINK = "javascript:document.title='stolen'"
FILLED = {
    "a": "{own}",
    "b": "{own2}",
    "no": "{own}",
    "key": "evil",
    "kind": "feed",
    "month": "2026-10",
    "code": "1",
}


class Reader(HTMLParser):
    """Everything of a page that could run."""

    def __init__(self) -> None:
        """Nothing found yet."""
        super().__init__()
        self.running: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Scripts that are not ours, handlers, addresses that run."""
        found = dict(attrs)
        source = found.get("src") or ""
        foreign = tag == "script" and not source.startswith("/static/")
        handlers = [name for name in found if name.startswith("on")]
        addresses = [
            value
            for name in ("href", "src", "action", "formaction", "xlink:href")
            if (value := (found.get(name) or "").strip().lower()).startswith(
                ("javascript:", "data:text", "vbscript:")
            )
        ]
        strange = tag in {"iframe", "object", "embed", "base"} or (tag == "svg" and "onload" in found)
        self.running += [tag] * (foreign or strange) + handlers + addresses + ["style"] * ("style" in found)


async def poisoned(world: World) -> tuple[str, str]:
    """Hostile words wherever words come from outside."""
    first, second = await add_tickets(
        world.deps.db, TicketIn(title=EVIL, text=EVIL * 3), TicketIn(title="x", text=f"小区{EVIL}")
    )
    async with world.deps.db.writes.begin() as session:
        await add_appeal(session, TicketIn(title=EVIL, text=EVIL))
        await session.execute(sa.update(Appeal).values(address=EVIL, external_id=EVIL[:200]))
        await session.execute(sa.update(Source).values(name=EVIL[:120]))
        for row in await session.scalars(sa.select(Reading)):
            row.detail = {
                **row.detail,
                "party": EVIL,
                "when": EVIL,
                "place": {"span": EVIL, "district": EVIL},
            }
        await session.execute(sa.update(Unit).where(Unit.code == "110105026").values(name=EVIL[:100]))
        staff = await session.scalars(
            sa.insert(Staff)
            .values(login="evil", name=EVIL[:64], active=True, created_at=NOW)
            .returning(Staff.id)
        )
        values = {"note": EVIL, "reason": EVIL}
        data = {"move": "urge", "values": values, "version": 1, "to": "dispatched", "post": "hotline"}
        number = await session.scalar(sa.select(Ticket.id).where(Ticket.no == first))
        session.add(
            TicketEvent(ticket_id=number, seq=9, at=NOW, tag=Tag.URGE.value, staff_id=staff.one(), data=data)
        )
        for at, url in enumerate((LINK, "https://news.example/" + EVIL)):
            session.add(Lead(
                version=1, source="evil", url=url, url_hash=f"{at:064d}", title=EVIL, text=EVIL, seen_at=NOW,
                exposed_at=NOW, state=LeadState.WAITING.value, place=EVIL, hand_out_at=NOW, repeats=0,
                attempts=0,
            ))  # fmt: skip
        session.add(
            Source(
                key="evil",
                name=EVIL[:60],
                kind="feed",
                enabled=False,
                settings={"url": LINK, "map": EVIL},
                created_at=NOW,
            )
        )
    assert await world.attach(first, f"{EVIL[:80]}.png") == 303
    return first, second


def addresses(first: str, second: str) -> list[str]:
    """Every page that a person opens."""
    paths = [
        PATTERN.sub(lambda found: FILLED.get(found[1], "1"), one.route.path).format(own=first, own2=second)
        for one in access_matrix.routes()
        if one.route.method == "GET"
    ]
    more = ["/desk?state=all&q=小区", "/desk?q=" + EVIL[:60], "/desk/list?state=all", "/desk/leads?state=all"]
    return [path for path in (*paths, *more) if path.startswith(("/desk", "/citizen", "/login", "/me"))]


async def test_no_page_runs_what_was_written(world: World) -> None:
    found = {}
    shown = 0
    for path in addresses(*await poisoned(world)):
        answer = await world.client.get(path)
        text = await answer.text(errors="replace")
        kind = answer.content_type
        reader = Reader()
        reader.feed(text if kind == "text/html" else "")
        found[path] = (answer.status < 500, reader.running, "49${49}" in text)
        shown += "&lt;script&gt;" in text
        headers = answer.headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "'unsafe-inline'" not in headers["Content-Security-Policy"]
    assert found == dict.fromkeys(found, (True, [], False))
    # It really stood on pages, escaped: else this test shows nothing.
    assert shown >= 5


async def test_a_browser_runs_nothing_of_it(world: World) -> None:
    first, second = await poisoned(world)
    faults: list[str] = []

    server = world.client.server
    assert isinstance(server, TestServer)
    base = str(server.make_url("/")).rstrip("/")
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=browser.executable(), args=list(browser.FLAGS)
        )
        page = await (await chromium.new_context(locale="zh-CN", base_url=base)).new_page()
        page.on("dialog", lambda dialog: faults.append(dialog.message))
        page.on("console", lambda said: faults.extend([said.text] * ("Content Security" in said.text)))
        page.on("request", lambda sent: faults.extend([sent.url] * (not sent.url.startswith(base))))
        for path in (
            f"/desk/tickets/{first}",
            f"/desk/tickets/{first}/files",
            f"/desk/compare/{first}/{second}",
            "/desk?state=all&q=小区",
            "/desk/leads?state=all",
            "/desk/sources",
            "/desk/dead",
        ):
            await page.goto(path)
            assert "stolen" not in await page.title(), path
        await chromium.close()
    assert faults == []


@pytest.mark.parametrize("cell", ["=HYPERLINK(1)", "+1", "-1", "@x", "\t=1"])
async def test_an_export_holds_no_formula(world: World, cell: str) -> None:
    (no,) = await add_tickets(world.deps.db, TicketIn(title=f"{cell}标题"))
    body = {"move": "urge", "values": {"note": "请抓紧"}, "as": {"post": "hotline"}, "tickets": [no]}
    made = await (await world.client.post("/api/v1/bulk", json=body)).json()
    text = await (await world.client.get(f"/desk/bulk/{made['id']}/results.csv")).text()
    assert f",{cell}" not in text
    assert "标题" in text
