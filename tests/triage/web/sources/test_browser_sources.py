"""来源页 in a real Chromium: added, tried, switched on, failing in words; at a desk and on a phone."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from aiohttp.test_utils import TestServer
from playwright.async_api import expect

import triage.tables
from connectors.hotline.reference.server import Platform
from connectors.hotline.reference.server import make_app as make_platform
from connectors.vault import Vault
from models.hotline import HotlineAction, Reconciliation
from models.sources import SourceTask
from models.tickets import Ticket
from tests import signed_in
from tests.factories import TicketIn, add_tickets
from triage.clock import SystemClock
from triage.services.deps import Deps
from triage.settings import Settings
from triage.web.app import make_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Page

    from models.db import Database

SIZES = {"desk": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}
#: Pictures are kept where this points, to be looked at.
PICTURES = os.environ.get("JIESU_PICTURES")


@pytest.fixture
async def platform() -> AsyncIterator[str]:
    found = Platform()
    found.add()
    async with TestServer(make_platform(found)) as server:
        yield str(server.make_url("")).rstrip("/")


@pytest.fixture
async def desk(sqlite_db: Database, platform: str) -> AsyncIterator[signed_in.Address]:
    inner = f"127.0.0.1:9,{platform.removeprefix('http://').partition('/')[0]}"
    settings = Settings(hotline_private_hosts=inner)
    deps = Deps(settings, SystemClock(), triage.tables.load(), sqlite_db, Vault({1: bytes(32)}))
    async with TestServer(make_app(deps)) as server:
        yield await signed_in.Address.of(server, deps)


async def fits(page: Page, name: str) -> None:
    """Nothing is wider than the window; kept as a picture when asked for."""
    wide = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0
    for folder in filter(None, [PICTURES]):
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


async def hardships(db: Database) -> None:
    """A breaker that is open, an action that was refused, an account that does not match."""
    await add_tickets(db, TicketIn())
    now = SystemClock().now()
    async with db.writes.begin() as session:
        ticket = (await session.scalars(sa.select(Ticket.id))).one()
        source = (await session.scalars(sa.select(SourceTask.source_id).limit(1))).one()
        await session.execute(
            sa.update(SourceTask)
            .where(SourceTask.task == "pull")
            .values(
                failures=6, error="连不上平台：地址、端口或网络不通。", error_at=now,
                paused_until=now + timedelta(minutes=10), lag_seconds=4000, stored=12345,
            )
        )  # fmt: skip
        session.add(HotlineAction(
            source_id=source, order_no="BJ0000000042", seq=3, ticket_id=ticket, event_seq=9, kind="feedback",
            day=now.date(), body={}, state="refused", created_at=now, available_at=now, attempts=1,
            error="平台拒收，代码 locked：工单已锁定",
        ))  # fmt: skip
        lists = {"lacking_here": ["BJ0000000007"], "unsent": []}
        session.add(Reconciliation(
            source_id=source, day=now.date(), made_at=now, orders=812, actions=640, unmatched=1,
            detail={"counts": {name: len(found) for name, found in lists.items()}, "numbers": lists},
        ))  # fmt: skip


@pytest.mark.parametrize("size", sorted(SIZES))
async def test_a_source_from_adding_to_running(
    chromium: Browser, desk: signed_in.Address, platform: str, sqlite_db: Database, size: str
) -> None:
    context = await chromium.new_context(viewport=SIZES[size])  # type: ignore[arg-type]
    await signed_in.enter(context, desk)
    page = await context.new_page()
    await page.goto(f"{desk}/desk/sources")
    await expect(page.get_by_text("还没有自己运行的来源")).to_be_visible()
    await page.get_by_role("link", name="添加：12345 热线平台").click()
    await page.get_by_label("代号").fill("city")
    await page.get_by_label("名称").fill("市热线平台")
    await page.get_by_label("接口地址").fill("http://127.0.0.1:9/api")
    await page.get_by_label("令牌").fill("tiankong-8842")
    await fits(page, f"new-{size}")
    await page.get_by_role("button", name="添加").click()
    await expect(page.locator("main [role=status]")).to_contain_text("已添加，还没有启用")
    await page.get_by_role("button", name="立即试一次").click()
    await expect(page.locator("main [role=status]")).to_contain_text("没有试成。连不上平台")
    # Another server: the credentials do not follow there by themselves.
    await page.get_by_label("接口地址").fill(platform)
    await page.get_by_role("button", name="保存").click()
    await expect(page.get_by_role("alert")).to_contain_text("原来的凭据不能跟着过去")
    await page.get_by_label("接口地址").fill(platform)
    await page.get_by_label("令牌放在").fill("tiankong-8842")
    await page.get_by_role("button", name="保存").click()
    await expect(page.locator("main [role=status]")).to_contain_text("已保存")
    await page.get_by_role("button", name="立即试一次").click()
    await expect(page.locator("main [role=status]")).to_contain_text("试成了。连接成功（12345 工单宽表平台）")
    assert "tiankong-8842" not in await page.content()
    await page.get_by_role("button", name="启用").click()
    await expect(page.locator(".state")).to_have_text("运行中")
    await hardships(sqlite_db)
    await page.goto(f"{desk}/desk/sources/city")
    await expect(page.locator(".state")).to_have_text("已暂停（断路）")
    await expect(page.get_by_text("对不上")).to_be_visible()
    await fits(page, f"source-{size}")
    await page.get_by_role("button", name="重试").click()
    await expect(page.locator("main [role=status]")).to_contain_text("已放回")
    await page.goto(f"{desk}/desk/sources")
    await expect(page.locator(".fault")).to_contain_text("连续失败 6 次，暂停到")
    await fits(page, f"list-{size}")
    await context.close()
