"""The citizen's page in a real browser, with and without scripts, at a phone's width and a desk's."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import expect

from tests import pictures
from tests.triage.web.citizen.conftest import GOOD
from tests.triage.web.open311.conftest import read_all
from triage.web.app import make_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, ConsoleMessage, Page

    from nlp.pipeline import Reader
    from triage.services.deps import Deps

WIDTHS = {"phone": {"width": 390, "height": 844}, "desk": {"width": 1280, "height": 900}}
SCRIPTS = {"scripted": True, "plain": False}


@pytest.fixture
async def address(deps: Deps) -> AsyncIterator[str]:
    async with TestServer(make_app(deps)) as server:
        yield str(server.make_url("/")).rstrip("/")


@pytest.fixture(params=[(width, script) for width in WIDTHS for script in SCRIPTS], ids="-".join)
async def page(request: pytest.FixtureRequest, chromium: Browser, address: str) -> AsyncIterator[Page]:
    """A page that fails the test on any script error, refused content or request to elsewhere."""
    width, script = request.param
    context = await chromium.new_context(
        viewport=WIDTHS[width],  # type: ignore[arg-type]
        locale="zh-CN",
        base_url=address,
        java_script_enabled=SCRIPTS[script],
    )
    found = await context.new_page()
    faults: list[str] = []
    # The page says by status 400 that something is missing: Chromium notes that in its console.
    found.on("console", lambda told: faults.extend([told.text] * _bad(told)))
    found.on("pageerror", lambda error: faults.append(str(error)))
    found.on("request", lambda sent: faults.extend([sent.url] * (not sent.url.startswith(address))))
    yield found
    await context.close()
    assert faults == []


def _bad(told: ConsoleMessage) -> bool:
    """A fault of the page; that the server answered with 400, as it should, is none."""
    return told.type in {"error", "warning"} and "the server responded" not in told.text


async def look(page: Page, name: str, request: pytest.FixtureRequest) -> None:
    """Nothing sticks out; a picture for people when `JIESU_TEST_PICTURES` names a folder."""
    # Where scripts are off, nothing can be asked in the page: the box of its root is measured from outside.
    box = await page.locator("main").bounding_box()
    assert box is not None
    assert page.viewport_size is not None
    assert box["x"] + box["width"] <= page.viewport_size["width"]
    folder = os.environ.get("JIESU_TEST_PICTURES", "")
    case = re.sub(r"[^\w-]", "_", request.node.callspec.id)
    shot = await page.screenshot(full_page=True)
    for path in [Path(folder) / f"{name}-{case}.png"] * bool(folder):
        path.write_bytes(shot)


async def fill(page: Page) -> None:
    await page.goto("/citizen")
    await page.get_by_role("link", name="我要反映").first.click()
    await page.locator("#text").fill(GOOD["text"])
    await page.locator("#place").fill(GOOD["place"])
    await page.locator("#name").fill(GOOD["name"])


async def test_a_whole_way_from_the_form_to_the_rating(
    page: Page, deps: Deps, reader: Reader, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    photo = tmp_path / "夜里.jpg"
    photo.write_bytes(pictures.jpeg())
    await fill(page)
    await look(page, "form", request)
    # A phone is missing: told beside its field, and nothing typed is lost.
    await page.locator("main .button").click()
    await expect(page.locator("#phone-fault")).to_contain_text("请留一个电话")
    await expect(page.locator("#text")).to_have_value(GOOD["text"])
    await look(page, "fault", request)
    await page.locator("#phone").fill(GOOD["phone"])
    await page.locator("#files").set_input_files(photo)
    # Enter in a field sends the form, it does not press the map.
    await page.locator("#phone").press("Enter")
    await expect(page.locator("h1")).to_have_text("已收到")
    receipt = await page.locator(".number").first.inner_text()
    await look(page, "done", request)
    await read_all(deps, reader)
    await page.goto("/citizen/track")
    await look(page, "track", request)
    await page.locator("#number").fill(receipt)
    await page.locator("#secret").fill("13912340007")
    await page.get_by_role("button", name="查看").click()
    await expect(page.locator("h1")).to_contain_text("已派给承办单位")
    await page.get_by_role("button", name="催一下").click()
    await expect(page.locator(".good")).to_contain_text("已催办")
    await page.locator("#text").fill("昨晚又响到三点。")
    await page.get_by_role("button", name="提交补充").click()
    await expect(page.locator(".words").last).to_contain_text("昨晚又响到三点")
    await expect(page.locator(".thumbs img")).to_have_count(1)
    await look(page, "case", request)
    assert re.search(r"W\d|139", page.url) is None


async def test_the_map_is_pressed(page: Page, request: pytest.FixtureRequest) -> None:
    """The city first, then the district: with a script in place, without one by sending the form."""
    await fill(page)
    await page.locator("#place").fill("")
    await page.locator("summary").click()
    city = page.locator("input[type=image]")
    box = await city.bounding_box()
    assert box is not None
    # 昌平, which no other district touches there.
    await city.click(position={"x": box["width"] * 0.42, "y": box["height"] * 0.5})
    await expect(page.locator("#area")).to_have_value("110114")
    await expect(page.locator("input[type=image][src$='110114']")).to_be_visible()
    await look(page, "district", request)
    box = await city.bounding_box()
    assert box is not None
    await city.click(position={"x": box["width"] * 0.5, "y": box["height"] * 0.5})
    await expect(page.locator("[data-spot] , [data-spot] b").first).to_contain_text("昌平区")
    await expect(page.locator("#text")).to_have_value(GOOD["text"])
    await look(page, "pressed", request)
    await page.locator("#phone").fill(GOOD["phone"])
    await page.locator("main .button").click()
    await expect(page.locator("h1")).to_have_text("已收到")


async def test_large_type_fits_too(page: Page, request: pytest.FixtureRequest) -> None:
    await page.goto("/citizen")
    usual = await page.locator("h1").bounding_box()
    await page.get_by_role("button", name="大字").click()
    large = await page.locator("h1").bounding_box()
    assert usual is not None
    assert large is not None
    assert large["height"] > usual["height"]
    await look(page, "large-home", request)
    await page.goto("/citizen/report")
    await look(page, "large-form", request)


async def test_anonymous_is_a_choice_without_a_phone(page: Page, request: pytest.FixtureRequest) -> None:
    await fill(page)
    await page.get_by_text("匿名").first.click()
    await expect(page.locator("#phone")).to_be_hidden()
    await page.locator("main .button").click()
    await expect(page.locator(".receipt")).to_contain_text("查询码只显示这一次")
    await look(page, "code", request)
    await page.reload()
    await expect(page.locator(".receipt")).not_to_contain_text("查询码只显示这一次")


SCRIPTED = pytest.mark.parametrize("page", [("phone", "scripted")], indirect=True)
PLAIN = pytest.mark.parametrize("page", [("phone", "plain")], indirect=True)


@SCRIPTED
async def test_large_type_in_place_loses_no_code_and_no_word(page: Page) -> None:
    await fill(page)
    await page.get_by_role("button", name="大字").click()
    await expect(page.locator("html")).to_have_class(re.compile("large"))
    await expect(page.locator("#text")).to_have_value(GOOD["text"])
    await page.get_by_text("匿名").first.click()
    await page.locator("main .button").click()
    # The next page is large too, and the code that it shows once is still there after another press.
    await expect(page.locator("html")).to_have_class(re.compile("large"))
    await page.get_by_role("button", name="正常字号").click()
    await expect(page.locator("html")).not_to_have_class(re.compile("large"))
    await expect(page.locator(".receipt")).to_contain_text("查询码只显示这一次")


@PLAIN
async def test_without_a_script_the_code_stands_beside_no_way_to_lose_it(page: Page) -> None:
    await fill(page)
    await expect(page.get_by_role("button", name="大字")).to_be_visible()
    await page.get_by_text("匿名").first.click()
    await page.locator("main .button").click()
    await expect(page.locator(".receipt")).to_contain_text("查询码只显示这一次")
    await expect(page.get_by_role("button", name="大字")).to_have_count(0)
