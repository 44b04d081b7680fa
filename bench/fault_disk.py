"""Disk full, embedded: SQLite, Valkey's log and the photos lie on one small disk, which fills under traffic.

As root the disk is a tmpfs of its own; who may not mount gets a limit on the size of every file instead
(RLIMIT_FSIZE of the running processes), and the run says which of the two it was. While nothing can be
written, forms and moves must be refused or wait; what was acknowledged before and after must be there.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import psutil

from bench.fault_bed import Bed, bed
from bench.fault_check import Findings, check
from bench.fault_clients import Clients
from bench.fault_rest import REST_SECONDS, at_rest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MEGABYTES: Final = 48
FULL_SECONDS: Final = 12.0
_PART: Final = 64 * 1024


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Mount a small disk there if that is allowed. Gives whether it is."""
    folder.mkdir(parents=True)
    mounted = (
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m,mode=0755", "jiesu-faults", str(folder)],
            check=False,
            stderr=subprocess.DEVNULL,
        ).returncode
        == 0
    )
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Write until the disk refuses. Gives the file that takes the room."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(_PART))
    return ballast


def limit(made: Bed, size: int) -> None:
    """No process of ours may write a file beyond this size; -1: no limit any more."""
    for process in made.processes.running:
        with contextlib.suppress(psutil.NoSuchProcess):
            for one in (psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)):
                resource.prlimit(one.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


async def run(directory: Path) -> tuple[Findings, str]:
    """One run. Gives the findings, and how the disk was made full."""
    disk = directory / "disk"
    with small_disk(disk) as mounted:
        return await _run(directory, disk, mounted=mounted)


async def _run(directory: Path, disk: Path, *, mounted: bool) -> tuple[Findings, str]:
    async with (
        bed(directory, sqlite_in=disk) as made,
        Clients(made.address, made.token, pause=0.3) as clients,
    ):
        clients.start(citizens=2, units=1)
        await asyncio.sleep(4)
        before = sum(one.taken for one in clients.told.complaints)
        if mounted:
            ballast = fill(disk)
        else:
            limit(made, (made.folder / "jiesu.db").stat().st_size)
        await asyncio.sleep(FULL_SECONDS)
        refused = sum(not one.taken for one in clients.told.complaints)
        if mounted:
            ballast.unlink()
        else:
            limit(made, resource.RLIM_INFINITY)
        # Whoever ended because it could not write is started again, as its supervisor does.
        ended = [name for name, process in made.running.items() if process.poll() is not None]
        for name in ended:
            made.kill(name)
            made.start(name)
        await made.ready()
        await asyncio.sleep(2)
        answered = await clients.rest(REST_SECONDS)
        rested = await at_rest(made.url, at=datetime.now(UTC))
        found = await check(made.url, clients.told, made.folder / "files", at=datetime.now(UTC))
        after = sum(one.taken for one in clients.told.complaints) - before
    if not answered:
        found.lost.add("disk: somebody never got an answer")
    if not rested:
        found.lost.add("disk: work was left")
    if not refused:
        found.lost.add("disk: nothing had to wait, so it was not full")
    how = f"tmpfs of {MEGABYTES} MB" if mounted else "RLIMIT_FSIZE"
    broken = len(clients.told.broken)
    counted = f"{before} taken before, {refused} waited, {after} taken after, {broken} answers 500"
    return found, f"{how}: {counted}, ended: {ended}"
