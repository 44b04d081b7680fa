"""What services may ask of the world: one Protocol per port, and the errors a port may raise."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


class ConnectorError(Exception):
    """Something outside did not do its part."""


class QueueDown(ConnectorError):
    """The queue cannot be reached; what was to be sent stays in the outbox."""


class JobName(StrEnum):
    """Jobs a worker knows."""

    READ_APPEALS = "read_appeals"
    RUN_BULK = "run_bulk"


class JobQueue(Protocol):
    """Hands ids to workers. It may lose everything at any time: the database is the record."""

    def waiting(self) -> int:
        """How many jobs wait. Raises QueueDown."""
        ...

    def enqueue(self, job: JobName, ids: Sequence[int], *, key: str) -> None:
        """Queue one job for these row ids; the same key twice counts once. Raises QueueDown."""
        ...
