"""Make the pictures of docs/screens anew: `python -m tests.docs.screens`. Every text in them is invented."""

from __future__ import annotations

import asyncio
import io
import tempfile
from pathlib import Path
from typing import Final

from aiohttp.test_utils import TestServer
from PIL import Image
from playwright.async_api import async_playwright

import triage.tables
from connectors.vault import Vault
from models import migrate
from models.db import open_database
from tests import browser, signed_in
from tests.factories import NOW, add_tickets
from tests.triage.web.samples import SAMPLES
from triage.clock import FixedClock
from triage.services import reference
from triage.services.deps import Deps
from triage.settings import Settings
from triage.web.app import make_app

SCREENS: Final = Path(__file__).parents[2] / "docs" / "screens"
SIZES: Final = ((1280, 800), (390, 844))
#: A picture is cut off below: what matters stands above, and a repository keeps every picture for ever.
TALLEST: Final = 1400
COLOURS: Final = 64


def small(picture: bytes) -> bytes:
    """The same in few colours."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image = image.crop((0, 0, image.width, min(image.height, TALLEST)))
    out = io.BytesIO()
    image.quantize(COLOURS).save(out, "PNG", optimize=True)
    return out.getvalue()


async def make(folder: Path) -> None:
    """Serve the samples and look at the desks."""
    db = open_database(f"sqlite+aiosqlite:///{folder}/screens.db", durable=False)
    await migrate.upgrade(db)
    deps = Deps(
        Settings(files_dir=folder / "files"), FixedClock(NOW), triage.tables.load(), db, Vault({1: bytes(32)})
    )
    await reference.sync(deps)
    numbers = await add_tickets(db, *SAMPLES)
    pages = {
        "list": "/desk",
        "review": f"/desk/review/{numbers[8]}",
        "due": "/desk/due?hours=168",
        "map": "/desk/map?district=110105",
        "ticket": f"/desk/tickets/{numbers[4]}",
    }
    async with TestServer(make_app(deps)) as server, async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=browser.executable(), args=list(browser.FLAGS)
        )
        address = await signed_in.Address.of(server, deps)
        for width, height in SIZES:
            context = await chromium.new_context(
                viewport={"width": width, "height": height},
                locale="zh-CN",
                base_url=address,
            )
            await signed_in.enter(context, address)
            page = await context.new_page()
            for name, path in pages.items():
                await page.goto(path, wait_until="load")
                picture = await page.screenshot(full_page=True)
                (SCREENS / f"{name}-{width}.png").write_bytes(small(picture))
        await chromium.close()
    await db.close()


if __name__ == "__main__":
    SCREENS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        asyncio.run(make(Path(made)))
