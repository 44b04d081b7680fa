"""The clients of a fault run: citizens who send forms with photos, units that sign and report.

Each keeps what it was told, and asks again with the same key for as long as it got no answer: that is what a
browser's second press and a program's retry do. Nothing here looks into the database.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import re
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, Self

import aiohttp
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

#: Of every text: the checker finds the complaint by it.
MARK: Final = "第{serial:06d}件"
_WHERE: Final = (
    "朝阳区望京街道", "海淀区学院路街道", "东城区和平里街道", "丰台区方庄街道", "西城区德胜街道",
    "石景山区鲁谷街道", "通州区北苑街道", "大兴区清源街道", "昌平区回龙观街道", "顺义区胜利街道",
    "房山区拱辰街道",
)  # fmt: skip
_WHAT: Final = (
    "一处工地每天夜里十一点还在打桩，噪声很大，老人孩子没法睡觉，请尽快处理。",
    "小区门口的饭馆油烟直接排到居民楼下，晚上开窗全是呛人的味道。",
    "胡同口的垃圾桶几天没有清运，污水流了一地，臭味很大。",
    "有人往河里倒东西，河水发黑发臭，已经好几天了。",
    "路边堆了一大堆渣土，没有苫盖，一刮风到处是扬尘。",
)
_RECEIPT: Final = re.compile(r'受理编号 <b class="number">(W[\d-]+)</b>')
_SIGNED: Final[tuple[tuple[str, dict[str, str]], ...]] = (
    ("sign", {}),
    ("contact", {"outcome": "reached", "told_citizen": "phone"}),
    ("progress", {"note": "已到现场，正在处理。"}),
)
_PHOTO_EACH: Final = 4
_AGAIN_SECONDS: Final = 0.3
_FOUND: Final = 303
_OK: Final = 200
_CONFLICT: Final = 409
_BROKEN: Final = 500
_TOO_OFTEN: Final = 429
_AWAY: Final = (aiohttp.ClientError, OSError, asyncio.TimeoutError)


@dataclass
class Complaint:
    """A form: what its sender was told of it. `tries`: how often it was sent."""

    serial: int
    key: str
    photo: bool
    taken: bool = False
    receipt: str | None = None
    tries: int = 0


@dataclass
class MoveMade:
    """A move: the version that its sender was told of; None: refused, or no answer yet."""

    no: str
    move: str
    key: str
    version: int | None = None
    refused: int | None = None
    tries: int = 0


@dataclass
class Told:
    """All that clients were told."""

    complaints: list[Complaint] = field(default_factory=list)
    moves: list[MoveMade] = field(default_factory=list)
    #: Answers that are none of the service's own words: a 500 is a fault of ours, whatever the weather.
    broken: list[str] = field(default_factory=list)


def picture(serial: int) -> bytes:
    """A small photo that no other complaint has."""
    out = BytesIO()
    colour = (serial % 251, serial // 251 % 251, 77)
    Image.new("RGB", (64, 48), colour).save(out, "PNG")
    return out.getvalue()


class Clients:
    """Traffic that goes on through a fault, and can be asked to come to rest."""

    def __init__(self, address: str, token: str | None, *, pause: float) -> None:
        """Take the service's address, the units' token, and the pause between two works of one client."""
        self.told = Told()
        self._address, self._token, self._pause = address, token, pause
        self._serials, self._seen = itertools.count(1), set[str]()
        self._working, self._busy = asyncio.Event(), 0
        self._tasks: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open for work."""
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=30), cookie_jar=aiohttp.DummyCookieJar()
        )
        return self

    async def __aexit__(self, *_exception: object) -> None:
        """End all clients."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def start(self, *, citizens: int, units: int) -> None:
        """Let so many work; more may come later."""
        self._working.set()
        for work in (*[self.complain] * citizens, *[self.handle] * units):
            self._tasks.append(asyncio.create_task(self._go_on(work)))

    async def _go_on(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._working.wait()
            self._busy += 1
            try:
                await work()
            finally:
                self._busy -= 1
            await asyncio.sleep(self._pause * random.uniform(0.5, 1.5))

    async def rest(self, seconds: float) -> bool:
        """Begin nothing more; wait until everything begun was answered. Gives whether it was."""
        self._working.clear()
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while self._busy and loop.time() < until:  # noqa: ASYNC110  (many clients, and a limit)
            await asyncio.sleep(0.05)
        return not self._busy

    def go_to(self, address: str, token: str | None) -> None:
        """From now on everything is asked of another process, as a balancer would turn it there."""
        self._address, self._token = address, token

    def resume(self) -> None:
        """Go on."""
        self._working.set()

    def _headers(self, path: str, key: str) -> dict[str, str]:
        """Asked anew at every try: another process may want another token."""
        headers = {"Idempotency-Key": key} if key else {}
        if self._token and path.startswith("/api/"):
            headers["Authorization"] = f"Bearer {self._token}"
        return headers

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        key: str = "",
        **given: Any,  # noqa: ANN401  (aiohttp's)
    ) -> tuple[int, bytes, dict[str, str]]:
        """An answer of the service's own, asked for until there is one."""
        assert self._session is not None  # noqa: S101
        while True:
            try:
                async with self._session.request(
                    method,
                    self._address + path,
                    allow_redirects=False,
                    headers=self._headers(path, key),
                    **given,
                ) as answer:
                    body = await answer.read()
                    cookies = {name: morsel.value for name, morsel in answer.cookies.items()}
                    if answer.status < _BROKEN and answer.status != _TOO_OFTEN:
                        return answer.status, body, cookies
                    if answer.status == _BROKEN:
                        self.told.broken.append(f"{method} {path.split('/')[1]}")
            except _AWAY:
                pass
            await asyncio.sleep(_AGAIN_SECONDS)

    async def complain(self) -> None:
        """One citizen: the form, sent until it is taken, then the receipt."""
        serial = next(self._serials)
        key = f"{random.getrandbits(160):040x}"
        complaint = Complaint(serial, key, serial % _PHOTO_EACH == 0)
        _, _, cookies = await self._ask("GET", "/citizen/report")
        token = cookies.get("jiesu_token", "")
        self.told.complaints.append(complaint)
        while not complaint.taken:
            complaint.tries += 1
            status, _, kept = await self._ask(
                "POST", "/citizen/report", data=self._form(complaint, token), cookies={"jiesu_token": token}
            )
            complaint.taken = status == _FOUND
            if not complaint.taken:
                raise RuntimeError(f"a form was refused with {status}")
        status, body, _ = await self._ask("GET", "/citizen/done", cookies=kept)
        if status == _OK and (found := _RECEIPT.search(body.decode())):
            complaint.receipt = found[1].replace("-", "")

    def _form(self, complaint: Complaint, token: str) -> aiohttp.FormData:
        form = aiohttp.FormData()
        serial = complaint.serial
        text = _WHERE[serial % len(_WHERE)] + _WHAT[serial % len(_WHAT)] + MARK.format(serial=serial)
        for name, value in {
            "token": token, "key": complaint.key, "text": text,
            "place": f"{_WHERE[serial % len(_WHERE)]}{serial}号院东门外", "manner": "anonymous", "do": "send",
        }.items():  # fmt: skip
            form.add_field(name, value)
        if complaint.photo:
            photo = picture(complaint.serial)
            form.add_field("files", photo, filename="photo.png", content_type="image/png")
        return form

    async def handle(self) -> None:
        """One unit: takes a ticket that was dispatched and nobody here took, signs it, reports."""
        status, body, _ = await self._ask(
            "GET", "/api/v1/tickets", params={"state": "dispatched", "limit": "100"}
        )
        if status != _OK:
            raise RuntimeError(f"the list was refused with {status}")
        found = [item for item in _json(body)["items"] if item["no"] not in self._seen]
        if not found:
            return
        ticket = random.choice(found)
        self._seen.add(ticket["no"])
        version = 1
        for move, values in _SIGNED:
            made = MoveMade(ticket["no"], move, f"{move}-{random.getrandbits(64):016x}")
            self.told.moves.append(made)
            made.tries += 1
            status, body, _ = await self._ask(
                "POST", f"/api/v1/tickets/{made.no}/moves",
                key=made.key,
                json={
                    "move": move, "version": version, "values": values,
                    "as": {"post": "unit", "unit": ticket["unit"]["code"]},
                },
            )  # fmt: skip
            if status != _OK:
                made.refused = status
                return
            made.version = version = _json(body)["version"]


def _json(body: bytes) -> Any:  # noqa: ANN401  (JSON)
    return json.loads(body)
