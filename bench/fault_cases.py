"""The faults, each at a boundary that is really reached: a run that does not get there is no pass."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import redis

from bench import fault_gates
from bench.fault_gates import PATIENCE_SECONDS, gate

if TYPE_CHECKING:
    import argparse
    from collections.abc import Awaitable, Callable

    from bench.fault_bed import Bed
    from bench.fault_clients import Clients

#: Further on in one step: nights, 签收, 首次联系 and half of 办理 lie in it.
JUMP_SECONDS: Final = 4 * 86_400.0
#: Back in one step, as a clock is set right.
BACK_SECONDS: Final = 20.0


@dataclass
class Scene:
    """What a fault has at hand. `number` is the run of this boundary, `clock` how far the clock is off."""

    bed: Bed
    clients: Clients
    options: argparse.Namespace
    number: int = 0
    clock: float = 0.0
    steps: list[float] = field(default_factory=list)

    def step_clock(self, seconds: float) -> None:
        """Set every clock of ours on or back, in one step."""
        self.clock += seconds
        self.steps.append(seconds)
        self.bed.clock_is_off_by(self.clock)

    async def a_while(self, seconds: float = 1.0) -> None:
        """Let traffic go on."""
        await asyncio.sleep(seconds)

    async def until(self, statement: str) -> None:
        """Wait until a count is not zero. Raises TimeoutError."""
        connection = await fault_gates.connect(self.bed.url)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not await connection.fetchval(statement):  # noqa: ASYNC110  (the database is asked)
                    await asyncio.sleep(0.02)
        finally:
            await connection.close()


async def after_commit(scene: Scene) -> None:
    """Taken, and nobody was told: relay dead, then web and everything of ours killed before it comes back."""
    scene.bed.kill("relay")
    await scene.until("SELECT count(*) FROM outbox WHERE dispatched_at IS NULL")
    scene.bed.kill("serve", "work", "timetable")
    scene.bed.start("serve", "work", "timetable", "relay")
    await scene.bed.ready()


async def after_enqueue(scene: Scene) -> None:
    """In Redis and not yet marked: the relay is killed between the two."""
    async with gate(scene.bed.url, fault_gates.BEFORE_MARK) as shut:
        await shut.reached()
        scene.bed.kill("relay")
        await shut.open()
    scene.bed.start("relay")


async def mid_job(scene: Scene) -> None:
    """A worker that has claimed and read a batch is killed as it begins to store it."""
    async with gate(scene.bed.url, fault_gates.MID_JOB) as shut:
        await shut.reached()
        scene.bed.kill("work")
        await shut.open()
    scene.bed.start("work")


async def before_ack(scene: Scene) -> None:
    """The tickets are stored, and Redis never hears of it: it stands still, and the worker is killed."""
    async with gate(scene.bed.url, fault_gates.MID_JOB) as shut:
        await shut.reached()
        server = scene.bed.valkey()
        server.send_signal(signal.SIGSTOP)
        try:
            connection = await fault_gates.connect(scene.bed.url)
            before = await connection.fetchval("SELECT max(id) FROM ticket") or 0
            await connection.close()
            await shut.open()
            await scene.until(f"SELECT count(*) FROM ticket WHERE id > {before}")  # noqa: S608  (a number)
            scene.bed.kill("work")
        finally:
            server.send_signal(signal.SIGCONT)
    scene.bed.start("work")


async def relay(scene: Scene) -> None:
    """The relay, at moments of chance."""
    for _ in range(3):
        await scene.a_while(0.7)
        await scene.bed.restart("relay")


async def web_mid_post(scene: Scene) -> None:
    """Web killed with a form stored and not committed; its sender sends it again."""
    async with gate(scene.bed.url, fault_gates.MID_POST) as shut:
        await shut.reached()
        scene.bed.kill("serve")
        await shut.open()
    scene.bed.start("serve")
    await scene.bed.ready()


async def web_mid_move(scene: Scene) -> None:
    """Web killed with a move checked and its event not yet written."""
    async with gate(scene.bed.url, fault_gates.MID_MOVE) as shut:
        await shut.reached()
        scene.bed.kill("serve")
        await shut.open()
    scene.bed.start("serve")
    await scene.bed.ready()


async def web_any(scene: Scene) -> None:
    """Web killed at a moment of chance, between commit and answer among them."""
    await scene.a_while(0.4 + 0.3 * scene.number)
    await scene.bed.restart("serve")


async def valkey(scene: Scene) -> None:
    """The embedded Valkey, kill -9."""
    await scene.bed.end_valkey()
    scene.bed.start("valkey")


async def postgresql(scene: Scene) -> None:
    """PostgreSQL, kill -9, with everything open."""
    await asyncio.to_thread(scene.bed.crash_postgresql)
    await asyncio.to_thread(scene.bed.start_postgresql)


async def flushall(scene: Scene) -> None:
    """Everything in Redis forgotten, while a batch is being worked on."""
    async with gate(scene.bed.url, fault_gates.MID_JOB) as shut:
        await shut.reached()
        await scene.a_while(0.5)
        with redis.Redis(unix_socket_path=scene.bed.socket) as client:
            client.flushall()
        await shut.open()


async def redis_away(scene: Scene) -> None:
    """Redis away for `--redis-away` seconds; intake and moves go on."""
    await scene.bed.end_valkey()
    taken = sum(one.taken for one in scene.clients.told.complaints)
    await scene.a_while(scene.options.redis_away)
    if sum(one.taken for one in scene.clients.told.complaints) <= taken:
        raise RuntimeError("nothing was taken while Redis was away")
    scene.bed.start("valkey")


async def database_away(scene: Scene) -> None:
    """The database away for `--database-away` seconds; everybody waits and asks again."""
    await asyncio.to_thread(scene.bed.stop_postgresql)
    await scene.a_while(scene.options.database_away)
    await asyncio.to_thread(scene.bed.start_postgresql)


async def clock_forward(scene: Scene) -> None:
    """Every clock of ours four days further on, in one step."""
    scene.step_clock(JUMP_SECONDS)


async def clock_back(scene: Scene) -> None:
    """The clock set back while a batch is being worked on, and its worker killed."""
    async with gate(scene.bed.url, fault_gates.MID_JOB) as shut:
        await shut.reached()
        scene.step_clock(-BACK_SECONDS)
        scene.bed.kill("work")
        await shut.open()
    scene.bed.start("work")


async def timetable(scene: Scene) -> None:
    """The timetable killed as it writes reminders; four days of them are due."""
    async with gate(scene.bed.url, fault_gates.MID_SWEEP) as shut:
        scene.step_clock(JUMP_SECONDS)
        await shut.reached()
        scene.bed.kill("timetable")
        await shut.open()
    scene.bed.start("timetable")


async def two_relays(scene: Scene) -> None:
    """Two relays side by side; the first is killed."""
    scene.bed.start("relay-2")
    await scene.a_while(4)
    await scene.bed.restart("relay")
    await scene.a_while(2)
    scene.bed.kill("relay-2")


async def two_timetables(scene: Scene) -> None:
    """Two timetables with four days of reminders due at once, held at the first of them together."""
    scene.bed.start("timetable-2")
    await scene.a_while(8)
    scene.step_clock(JUMP_SECONDS)
    await scene.a_while(8)
    scene.bed.kill("timetable-2")


#: By name, in order: what moves the clock comes last.
CASES: Final[dict[str, Callable[[Scene], Awaitable[None]]]] = {
    "after-commit": after_commit,
    "after-enqueue": after_enqueue,
    "mid-job": mid_job,
    "before-ack": before_ack,
    "relay": relay,
    "web-mid-post": web_mid_post,
    "web-mid-move": web_mid_move,
    "web-any": web_any,
    "valkey": valkey,
    "postgresql": postgresql,
    "flushall": flushall,
    "redis-away": redis_away,
    "database-away": database_away,
    "two-relays": two_relays,
    "clock-forward": clock_forward,
    "clock-back": clock_back,
    "timetable": timetable,
    "two-timetables": two_timetables,
}
