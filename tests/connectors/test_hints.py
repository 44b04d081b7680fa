"""Hints go to whoever listens on the same database of the same server, and to nobody else."""

from __future__ import annotations

import asyncio

import pytest

from connectors.hints import Hints, HintsDown, channel_of, tell
from connectors.queue import connect


async def test_a_hint_is_heard(redis_url: str) -> None:
    hints = Hints(redis_url)
    async with hints.listening() as coming:
        await hints.tell()
        await asyncio.wait_for(anext(coming), 10)
        tell(connect(redis_url))
        await asyncio.wait_for(anext(coming), 10)
    await hints.close()


async def test_another_city_on_the_same_server_is_not_heard(redis_url: str) -> None:
    here, there = Hints(redis_url), Hints(redis_url.removesuffix("/0") + "/7")
    async with here.listening() as coming:
        await there.tell()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(coming), 0.5)
    await here.close()
    await there.close()


def test_a_socket_says_its_database_in_the_query() -> None:
    assert channel_of(connect("unix:///tmp/x.sock?db=3")) == "jiesu:tickets:3"
    assert channel_of(connect("unix:///tmp/x.sock")) == "jiesu:tickets:0"


async def test_without_a_server_it_says_so() -> None:
    with pytest.raises(HintsDown):
        await Hints("unix:///nowhere/valkey.sock").tell()
