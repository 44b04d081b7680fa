"""What services may ask of the world: one Protocol per port, and the errors a port may raise."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class ConnectorError(Exception):
    """Something outside did not do its part."""


class QueueDown(ConnectorError):
    """The queue cannot be reached; what was to be sent stays in the outbox."""


class StoreDown(ConnectorError):
    """The file store cannot be written or read; nothing was kept."""


class FileMissing(ConnectorError):
    """The file store has no such content, or it is damaged."""


class JobName(StrEnum):
    """Jobs a worker knows."""

    READ_APPEALS = "read_appeals"
    READ_LEADS = "read_leads"
    RUN_BULK = "run_bulk"


class JobQueue(Protocol):
    """Hands ids to workers. It may lose everything at any time: the database is the record."""

    def waiting(self) -> int:
        """How many jobs wait. Raises QueueDown."""
        ...

    def enqueue(self, job: JobName, ids: Sequence[int], *, key: str) -> None:
        """Queue one job for these row ids; the same key twice counts once. Raises QueueDown."""
        ...


class FileStore(Protocol):
    """附件库: keeps contents by their hash. Blocking; an object store or a shared disk is another adapter."""

    def put(self, content: bytes) -> str:
        """Keep the content and give its sha256 (hex); the same twice is kept once. Raises StoreDown."""
        ...

    def read(self, sha256: str) -> bytes:
        """Give the content of that hash, unchanged. Raises FileMissing, StoreDown."""
        ...

    def hashes(self) -> Iterator[str]:
        """Every content that is kept."""
        ...

    def remove(self, sha256: str) -> None:
        """Forget the content, if it is there. Raises StoreDown."""
        ...
