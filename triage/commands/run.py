"""`jiesu run`: everything embedded, one process tree: Valkey, web, workers, relay, timetable.

Ends cleanly on Ctrl-C and SIGTERM; after kill -9 the children notice their parent's end by themselves.
A child that dies is started again, a little later each time it dies young.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import redis

from connectors.queue import connect
from triage import datadir, logs
from triage.commands import admin, family, listening, own_name
from triage.errors import NotReady, SettingsError
from triage.services.staff import public

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from triage.settings import Settings

log = logs.get(__name__)

START_SECONDS: Final = 60.0
FIRST_BACKOFF_SECONDS: Final = 0.5
LONGEST_BACKOFF_SECONDS: Final = 10.0
#: A child that lived this long died of something new: it is started again at once.
LONG_LIFE_SECONDS: Final = 30.0
#: Asks our own address, and so no proxy of the environment (`http_proxy`).
_OPENER: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass
class Child:
    """One process of the tree and when it may be started again."""

    name: str
    arguments: list[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    backoff: float = FIRST_BACKOFF_SECONDS
    not_before: float = 0.0


@dataclass
class Tree:
    """The children, their common environment and the pipe that ties them to this process."""

    environment: dict[str, str]
    children: list[Child] = field(default_factory=list)
    pipe: tuple[int, int] = field(default_factory=os.pipe)

    def start(self, name: str, *arguments: str) -> Child:
        """Add a child and start it."""
        child = Child(name, list(arguments))
        self.children.append(child)
        self._spawn(child)
        return child

    def _spawn(self, child: Child) -> None:
        child.process = family.spawn(child.arguments, parent_fd=self.pipe[0], environment=self.environment)
        child.started = time.monotonic()

    def mend(self) -> None:
        """Start again whatever has died, no sooner than its back-off allows."""
        now = time.monotonic()
        for child in self.children:
            if child.process is None:
                if now >= child.not_before:
                    self._spawn(child)
                continue
            status = child.process.poll()
            if status is None:
                continue
            lived = now - child.started
            child.backoff = (
                FIRST_BACKOFF_SECONDS
                if lived > LONG_LIFE_SECONDS
                else min(child.backoff * 2, LONGEST_BACKOFF_SECONDS)
            )
            child.not_before = now + child.backoff
            child.process = None
            log.warning("child_ended", child=child.name, status=status, again_in_seconds=child.backoff)

    def stop(self) -> None:
        """Stop all, the last started first: what others lean on goes last."""
        for child in reversed(self.children):
            if child.process is None or child.process.poll() is not None:
                continue
            child.process.terminate()
            try:
                child.process.wait(family.GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                log.warning("child_killed", child=child.name)
                child.process.kill()
                child.process.wait()


def _wait(what: str, ready: Callable[[], bool], tree: Tree) -> None:
    """Wait until `ready`. Raises NotReady naming what did not come up."""
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        tree.mend()
        if time.monotonic() > deadline:
            raise NotReady(f"{what}在 {START_SECONDS:.0f} 秒内没有启动，请查看上面的日志")
        time.sleep(0.1)


def _pings(url: str) -> bool:
    try:
        with contextlib.closing(connect(url)) as client:
            return bool(client.ping())
    except (redis.RedisError, OSError):
        return False


def _answers(address: str) -> bool:
    try:
        with _OPENER.open(address, timeout=2) as response:
            return bool(response.status == 200)  # noqa: PLR2004
    except (urllib.error.URLError, OSError):
        return False


@contextlib.contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold the data directory. Raises SettingsError when another `jiesu run` has it."""
    datadir.own_folder(path.parent)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SettingsError(
                f"数据目录 {path.parent} 正由另一个 jiesu run 使用；可用 JIESU_DATA_DIR 另设目录"
            ) from None
        yield


def run(settings: Settings, *, demo: bool) -> None:
    """Run everything until told to stop. Raises SettingsError or NotReady when it cannot start."""
    public.check_settings(settings)
    stopping: list[int] = []
    for kind in (signal.SIGTERM, signal.SIGINT):
        signal.signal(kind, lambda received, _frame: stopping.append(received))
    # The children inherit it: whatever they write, complaints may stand in it.
    os.umask(datadir.PRIVATE_UMASK)
    with only_one(settings.data_dir / "run.lock"):
        listening.check(settings)
        tree = Tree(environment=dict(os.environ))
        address = f"http://{public.address(settings)}"
        try:
            if settings.redis_url is None:
                tree.start("valkey", "valkey")
                _wait("内置 Valkey ", lambda: _pings(settings.redis), tree)
            found = asyncio.run(admin.prepare(settings))
            if found.newer:
                log.warning("schema_newer", schema=found.current, known=found.head)
            tree.start("web", "serve")
            for number in range(settings.workers):
                tree.start(f"worker-{number + 1}", "work")
            tree.start("relay", "relay")
            tree.start("timetable", "timetable")
            _wait("网页服务", lambda: bool(stopping) or _answers(f"{address}/readyz"), tree)
            if demo and not stopping:
                _load_demo(tree, stopping)
            if not stopping:
                name = own_name.jiesu()
                print(f"\n接诉已启动：{address}/desk　（Ctrl-C 停止；命令行：{name} --help）", flush=True)  # noqa: T201
                if not asyncio.run(admin.has_accounts(settings)):
                    print(f"还没有账号：{name} staff add 账号 --name 姓名 --role admin", flush=True)  # noqa: T201
            while not stopping:
                tree.mend()
                time.sleep(0.2)
        finally:
            tree.stop()


def _load_demo(tree: Tree, stopping: list[int]) -> None:
    """Load the demo in a child of its own, so that its progress bar and Ctrl-C both work."""
    child = family.spawn(["demo"], parent_fd=tree.pipe[0], environment=tree.environment)
    while child.poll() is None:
        if stopping:
            child.terminate()
        tree.mend()
        time.sleep(0.1)
    if child.returncode and not stopping:
        raise NotReady("演示数据没有载入，请查看上面的日志")
