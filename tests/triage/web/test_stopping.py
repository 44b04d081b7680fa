"""A real process: on SIGTERM readiness fails while it still answers; bytes that are no HTTP are refused."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING

import aiohttp
import pytest

from models import migrate
from models.db import open_database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """`jiesu serve` over an empty migrated database, ready."""
    db = open_database(f"sqlite+aiosqlite:///{tmp_path / 'jiesu.db'}", durable=False)
    await migrate.upgrade(db)
    await db.close()
    port = free_port()
    stderr = os.open(tmp_path / "stderr", os.O_CREAT | os.O_WRONLY)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "triage.cli",
        "serve",
        env={**os.environ, "JIESU_DATA_DIR": str(tmp_path), "JIESU_PORT": str(port)},
        stderr=stderr,
    )
    os.close(stderr)
    address = f"http://127.0.0.1:{port}"
    async with asyncio.timeout(30):
        while await status(address) != 200:  # noqa: ASYNC110  (another process: it sets no event here)
            await asyncio.sleep(0.05)
    yield process, address
    assert process.returncode is not None


async def status(address: str) -> int:
    """The status of /readyz; 0 when nobody listens."""
    try:
        async with aiohttp.ClientSession() as session, session.get(f"{address}/readyz") as response:
            return response.status
    except aiohttp.ClientConnectionError:
        return 0


async def test_readiness_fails_before_the_door_closes(served: tuple[asyncio.subprocess.Process, str]) -> None:
    process, address = served
    process.send_signal(signal.SIGTERM)
    seen: list[int] = []
    async with asyncio.timeout(20):
        while process.returncode is None:
            seen.append(await status(address))
            await asyncio.sleep(0.02)
        await process.wait()
    assert process.returncode == 0
    assert list(dict.fromkeys(seen))[-2:] in ([503, 0], [200, 503], [503])


async def test_a_second_signal_ends_it_at_once(served: tuple[asyncio.subprocess.Process, str]) -> None:
    process, _ = served
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(10):
        assert await process.wait() == 0


@pytest.mark.parametrize(
    "request_line", ["GET /desk?q=张三 HTTP/1.1", "GET /desk?q=%E5%BC%A0 HTTP/9", "张三\r\nX: 张三"]
)
async def test_bytes_that_are_no_http_are_refused_in_our_shape_and_never_logged(
    served: tuple[asyncio.subprocess.Process, str], tmp_path: Path, request_line: str
) -> None:
    process, address = served
    reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rsplit(":", 1)[1]))
    writer.write(f"{request_line}\r\nHost: 127.0.0.1\r\n\r\n".encode())
    head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    process.terminate()
    await process.wait()
    problem = json.loads(body)
    logged = (tmp_path / "stderr").read_text(encoding="utf-8")
    assert (problem["status"], problem["code"], problem["title"]) == (400, "bad_request", "请求有误")
    assert "application/problem+json" in head
    assert f"X-Request-Id: {problem['request_id']}" in head
    assert "Content-Security-Policy: default-src 'none'" in head
    assert problem["request_id"] in logged
    assert [word for word in ("Traceback", "张三", "\\xe5", "%E5", "desk?q") if word in logged + body] == []
