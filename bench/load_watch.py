"""What each process takes while a load runs: CPU and memory by role, sampled from outside."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import psutil

if TYPE_CHECKING:
    from collections.abc import Mapping

_EVERY_SECONDS: Final = 2.0
_MIB: Final = 1024 * 1024


@dataclass
class Watch:
    """Samples until stopped. `roots`: role → process id; children count as their root's role."""

    roots: Mapping[str, int]
    #: (moment, role → (CPU seconds so far, resident MiB))
    samples: list[tuple[float, dict[str, tuple[float, float]]]] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to sample, in a thread."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take a last sample and end."""
        self._stop.set()
        if self._thread:
            self._thread.join()
        self.samples.append((time.monotonic(), self._sample()))

    def _run(self) -> None:
        while not self._stop.wait(_EVERY_SECONDS):
            self.samples.append((time.monotonic(), self._sample()))

    def _sample(self) -> dict[str, tuple[float, float]]:
        return {role: _taken(number) for role, number in self.roots.items()}

    def cpu(self, begins: float, ends: float) -> dict[str, float]:
        """Cores that each role (the part before a dot) took between two moments."""
        inside = [sample for sample in self.samples if begins <= sample[0] <= ends]
        if len(inside) < 2:  # noqa: PLR2004  (a difference needs two)
            return {}
        (first, before), (last, after) = inside[0], inside[-1]
        found: dict[str, float] = defaultdict(float)
        for role in self.roots:
            found[role.partition(".")[0]] += max(0.0, after[role][0] - before[role][0]) / (last - first)
        return {role: round(cores, 2) for role, cores in found.items()}

    def memory(self, begins: float, ends: float) -> dict[str, list[int]]:
        """Resident MiB of each process at the begin, the quarters and the end of a stretch: flat or not."""
        inside = [sample[1] for sample in self.samples if begins <= sample[0] <= ends]
        if not inside:
            return {}
        marks = [round(quarter * (len(inside) - 1) / 4) for quarter in range(5)]
        return {role: [round(inside[mark][role][1]) for mark in marks] for role in self.roots}


def _taken(number: int) -> tuple[float, float]:
    """CPU seconds and resident MiB of a process and its children; of PostgreSQL only what is not shared.

    A child that has ended takes its time along: the kernel adds it to `children_*` of its parent.
    """
    seconds = mebibytes = 0.0
    try:
        root = psutil.Process(number)
        for process in (root, *root.children(recursive=True)):
            try:
                times, memory = process.cpu_times(), process.memory_info()
            except psutil.NoSuchProcess:
                continue
            seconds += times.user + times.system + times.children_user + times.children_system
            mebibytes += (memory.rss - getattr(memory, "shared", 0)) / _MIB
    except psutil.NoSuchProcess:
        return 0.0, 0.0
    return seconds, mebibytes
