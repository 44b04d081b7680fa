"""In-memory twins of the ports, for development and tests that need no server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from connectors.callback.port import Binding
from connectors.ports import JobName, QueueDown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from connectors.callback.port import NumbersError, Wanted
    from connectors.messenger.port import Message, MessengerError


@dataclass
class MemoryQueue:
    """A JobQueue that keeps what it was given; `down` makes it refuse like a dead server."""

    jobs: dict[str, tuple[JobName, tuple[int, ...]]] = field(default_factory=dict)
    down: bool = False
    traces: dict[str, str | None] = field(default_factory=dict)

    def waiting(self) -> int:
        """How many jobs wait. Raises QueueDown when `down`."""
        if self.down:
            raise QueueDown("MemoryQueue")
        return len(self.jobs)

    def enqueue(self, job: JobName, ids: Sequence[int], *, key: str, trace: str | None = None) -> None:
        """Keep a job; the same key twice counts once. Raises QueueDown when `down`."""
        if self.down:
            raise QueueDown("MemoryQueue")
        self.traces[key] = trace
        self.jobs.setdefault(key, (job, tuple(ids)))


@dataclass
class MemoryMessenger:
    """A Messenger that keeps what it was given, by key; `refuse` makes it raise that instead."""

    sent: dict[str, Message] = field(default_factory=dict)
    refuse: MessengerError | None = None

    async def send(self, message: Message) -> None:
        """Keep it; the same key twice counts once. Raises `refuse`."""
        if self.refuse is not None:
            raise self.refuse
        self.sent.setdefault(message.key, message)

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class MemoryNumbers:
    """VirtualNumbers that keep what was wanted, by key; `refuse` makes them raise that instead."""

    wanted: dict[str, Wanted] = field(default_factory=dict)
    refuse: NumbersError | None = None

    async def bind(self, wanted: Wanted, *, now: datetime) -> Binding:
        """Give a number; the same key twice gives the same one. Raises `refuse`."""
        if self.refuse is not None:
            raise self.refuse
        self.wanted.setdefault(wanted.key, wanted)
        place = list(self.wanted).index(wanted.key)
        return Binding(f"9501300{place:05}", now + wanted.lasts, f"memory-{place}")

    async def close(self) -> None:
        """Nothing is open."""
