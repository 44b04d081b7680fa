"""A folder of weights: what is wrong with it is said by file. Called by the models that live in one."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class WeightsError(ValueError):
    """The folder of weights is missing, incomplete or damaged; the message says which file and why."""


def check_file(path: Path, digest: str) -> None:
    """Compare a file with its SHA-256. Raises WeightsError when it is missing or another."""
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as fault:
        raise WeightsError(f"{path.name}: cannot be read: {fault.strerror}") from fault
    if found != digest:
        raise WeightsError(f"{path.name}: the checksum does not hold; the file is damaged or was exchanged")
