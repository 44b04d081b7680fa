"""The server under test, as the checks see it: asked, posted to, and what was learnt of it on the way."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from connectors.open311.wire import JSON, XML

if TYPE_CHECKING:
    from connectors.open311.client import Client, Fields
    from connectors.open311.wire import Reply

LISTS: Final = frozenset({"singlevaluelist", "multivaluelist"})
#: So many definitions are looked at: a city may have hundreds of services.
_MOST_DEFINITIONS: Final = 25
_POLL_SECONDS: Final = 0.5
#: So many characters of a description say that it is this one.
_TELLING: Final = 8
_ANSWERS: Final = {
    "number": "5",
    "datetime": "2026-01-01T08:00:00Z",
    "string": "测试",
    "text": "测试",
}
TEXT: Final = "接口一致性检查用，请勿派人：工地夜里施工，机器声音很大。"


class Failed(Exception):
    """What was seen instead."""


class Skipped(Exception):
    """What the check would have needed."""


def must(truth: object, seen: str) -> None:
    """Fail with what was seen unless it holds."""
    if not truth:
        raise Failed(seen)


@dataclass(slots=True)
class Server:
    """A server's address with what the checks may do there."""

    client: Client
    key: str | None = None
    discovery: str = "discovery"
    point: tuple[float, float] = (39.9042, 116.4074)
    """(lat, long) within the server's area."""
    hidden: str | None = None
    """The number of a case that the server must not show to anyone."""
    patience: float = 20.0
    """Seconds that a posted request may take to be shown with its words."""
    bodies: list[tuple[str, bytes]] = field(default_factory=list)
    """Every answer of a read, for what must stand in none."""
    secrets: tuple[str, ...] = ()
    _services: list[dict[str, Any]] | None = None
    _definitions: dict[str, dict[str, Any]] | None = None
    _posted: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, fmt: str = JSON, **query: str | None) -> Reply:
        """Read something; the answer is kept."""
        reply = await self.client.get(path, fmt, **query)
        self.bodies.append((f"{path}.{fmt}", reply.body))
        return reply

    async def rows(self, path: str, fmt: str = JSON, **query: str | None) -> list[dict[str, Any]]:
        """Read a list that must be there."""
        reply = await self.get(path, fmt, **query)
        must(reply.status == 200, f"{path}.{fmt} 答复 {reply.status}，应为 200")  # noqa: PLR2004
        return reply.rows()

    async def services(self) -> list[dict[str, Any]]:
        """The services, asked once."""
        if self._services is None:
            self._services = await self.rows("services")
            must(self._services, "服务列表是空的")
        return self._services

    async def definitions(self) -> dict[str, dict[str, Any]]:
        """Definitions of services that have one, asked once. Raises Skipped when none has."""
        if self._definitions is None:
            found = {}
            codes = [str(row["service_code"]) for row in await self.services() if row.get("metadata") is True]
            for code in _spread(codes):
                reply = await self.get(f"services/{code}")
                must(reply.status == 200, f"services/{code} 答复 {reply.status}")  # noqa: PLR2004
                found[code] = reply.tree()
            self._definitions = found
        if not self._definitions:
            raise Skipped("没有服务带属性（metadata 为 true）")
        return self._definitions

    async def service_with(self, wanted: str) -> tuple[str, dict[str, Any]]:
        """A service and an attribute of it: one that is `required`, or one of a datatype. Raises Skipped."""
        for code, definition in (await self.definitions()).items():
            for item in definition["attributes"]:
                if item["variable"] and (
                    item["datatype"] == wanted or (wanted == "required" and item["required"])
                ):
                    return code, item
        raise Skipped(f"没有服务带 {wanted} 属性")

    async def fields(self, code: str | None = None, **more: str) -> Fields:
        """A posting that is right: its service, a place, and every required answer."""
        self.need_key()
        code = code or await self.plain_service()
        row = next(row for row in await self.services() if row["service_code"] == code)
        found: Fields = [
            ("service_code", code),
            ("lat", str(self.point[0])),
            ("long", str(self.point[1])),
            ("description", TEXT),
        ]
        if row.get("metadata") is True:
            known = await self.definitions()
            definition = known.get(code) or (await self.get(f"services/{code}")).tree()
            found += [
                (f"attribute[{item['code']}]", _answer(item))
                for item in definition["attributes"]
                if item["required"] and item["variable"]
            ]
        return [(name, more.pop(name, value)) for name, value in found] + list(more.items())

    async def plain_service(self) -> str:
        """The first service whose definition was looked at, or the first of all."""
        try:
            return next(iter(await self.definitions()))
        except Skipped:
            return str((await self.services())[0]["service_code"])

    def need_key(self) -> None:
        """Raises Skipped without a key to post with."""
        if not self.key:
            raise Skipped("没有给 --api-key，不提交")

    async def create(self, **more: str) -> str:
        """Post a good request and give its number, waiting for it when a token was given."""
        reply = await self.client.post(await self.fields(**more))
        must(reply.status in {200, 201}, f"提交答复 {reply.status}：{reply.body[:200]!r}")
        (row,) = reply.rows()
        if number := row.get("service_request_id"):
            return str(number)
        return await self.resolve(str(row["token"]))

    async def resolve(self, token: str) -> str:
        """The number that a token becomes."""
        until = time.monotonic() + self.patience
        while True:
            (row,) = await self.rows(f"tokens/{token}")
            if number := row.get("service_request_id"):
                return str(number)
            must(time.monotonic() < until, f"凭证在 {self.patience:g} 秒内没有变成编号")
            await asyncio.sleep(_POLL_SECONDS)

    async def posted(self, description: str, **more: str) -> str:
        """The number of a request posted with this description, and shown with its words."""
        if description not in self._posted:
            number = await self.create(description=description, **more)
            await self.shown(number, description)
            self._posted[description] = number
        return self._posted[description]

    async def shown(self, number: str, description: str) -> None:
        """Wait until a request is shown with its words: some servers read them first."""
        until = time.monotonic() + self.patience
        while True:
            (row,) = await self.rows(f"requests/{number}")
            if description[:_TELLING] in str(row.get("description")):
                return
            must(time.monotonic() < until, f"{self.patience:g} 秒内没有看到提交的文字（编号 {number}）")
            await asyncio.sleep(_POLL_SECONDS)

    async def refused(self, fields: Fields, status: int, *, names: str = "", key: str | None = None) -> None:
        """A posting must be refused with that status and an error list, in both forms."""
        for fmt in (JSON, XML):
            reply = await self.client.post(fields, fmt, key=key)
            must(reply.status == status, f"{fmt}：答复 {reply.status}，应为 {status}")
            errors_of(reply, names=names)


def errors_of(reply: Reply, *, names: str = "") -> None:
    """The answer must be an error list, and speak of `names`."""
    rows = reply.rows()
    must(rows, "错误列表是空的")
    for row in rows:
        must(row.get("code") and row.get("description"), f"错误没有 code 或 description：{row}")
    told = " ".join(str(row["description"]) for row in rows)
    must(names in told, f"错误没有指出 {names}：{told}")


def _answer(item: dict[str, Any]) -> str:
    if item["datatype"] in LISTS:
        return str(item["values"][0]["key"])
    return _ANSWERS.get(item["datatype"], "测试")


def _spread(codes: list[str]) -> list[str]:
    """Some of many, from all over the list."""
    step = max(1, -(-len(codes) // _MOST_DEFINITIONS))
    return codes[::step]
