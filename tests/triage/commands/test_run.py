"""`jiesu run` as a user has it: up, answering, and gone without a trace whichever way it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

START_SECONDS: Final = 90.0
END_SECONDS: Final = 30.0

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="finds the tree's processes through /proc (Linux)"
)


@dataclass
class Running:
    """A `jiesu run` and how to find its whole tree: each process of it knows the data directory."""

    process: subprocess.Popen[bytes]
    port: int
    data_dir: Path

    def tree(self) -> set[int]:
        """The ids of every living process started for this data directory."""
        mark = str(self.data_dir).encode()
        return {int(entry.name) for entry in Path("/proc").glob("[0-9]*") if mark in _told(entry)}

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def _told(entry: Path) -> bytes:
    """A living process's environment and title (Valkey writes its title over its environment)."""
    try:
        return (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return b""  # it ended meanwhile


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait for a condition; tell whether it came."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False


@contextmanager
def running(data_dir: Path, *, port: int | None = None) -> Iterator[Running]:
    """Start `jiesu run` and make sure nothing of it outlives the test."""
    if port is None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("JIESU_")},
        "JIESU_DATA_DIR": str(data_dir),
        "JIESU_PORT": str(port),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "triage.cli", "run"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    made = Running(process, port, data_dir)
    try:
        yield made
    finally:
        process.kill()
        process.communicate()
        assert until(lambda: made.tree() == set(), END_SECONDS)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_comes_up_and_ends_clean(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path / "data") as run:
        assert until(run.answers, START_SECONDS)
        # supervisor, valkey's guardian, valkey, web, worker, relay, timetable
        assert len(run.tree()) == 7
        run.process.send_signal(number)
        assert run.process.wait(END_SECONDS) == 0
        assert run.tree() == set()


def test_no_orphan_is_left_by_kill_9(tmp_path: Path) -> None:
    with running(tmp_path / "data") as run:
        assert until(run.answers, START_SECONDS)
        run.process.send_signal(signal.SIGKILL)
        run.process.wait()
        assert until(lambda: run.tree() == set(), END_SECONDS)


def test_a_child_that_dies_is_started_again(tmp_path: Path) -> None:
    with running(tmp_path / "data") as run:
        assert until(run.answers, START_SECONDS)
        before = run.tree()
        victims = before - {run.process.pid}
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        assert until(lambda: len(run.tree() - before) == len(victims), START_SECONDS)
        assert until(run.answers, START_SECONDS)


def test_a_taken_port_is_said_in_words(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with running(tmp_path / "data", port=port) as run:
            _, errors = run.process.communicate(timeout=START_SECONDS)
    assert run.process.returncode == 1
    assert "已被占用" in errors.decode()


def test_a_second_run_on_the_same_data_is_refused(tmp_path: Path) -> None:
    with running(tmp_path / "data") as first:
        assert until(first.answers, START_SECONDS)
        second = subprocess.run(
            [sys.executable, "-m", "triage.cli", "run"],
            env={**os.environ, "JIESU_DATA_DIR": str(tmp_path / "data"), "JIESU_PORT": "8420"},
            capture_output=True,
            check=False,
        )
        assert second.returncode == 1
        assert "正由另一个 jiesu run 使用" in second.stderr.decode()
        assert first.answers()
