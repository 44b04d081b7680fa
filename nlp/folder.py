"""A folder of weights: what is wrong with it is said by file, and what a reading calls it.

Called by the models that live in one.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path


#: Characters of the versions of all models of a reading together: what its columns have room for.
VERSION_MOST: Final = 120
#: Characters of a model's own name in its version.
_NAME_MOST: Final = 24
_DIGITS: Final = 8


class WeightsError(ValueError):
    """The folder of weights is missing, incomplete or damaged; the message says which file and why."""


def card_of(path: Path, schema: str) -> dict[str, Any]:
    """What a card says. Raises WeightsError where it is missing, no JSON object, or of another schema."""
    try:
        card: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        told = card.get("schema")
    except (OSError, ValueError, AttributeError) as fault:
        raise WeightsError(f"{path}: {fault}") from fault
    if told != schema:
        raise WeightsError(f"{path.name}: schema: expected {schema!r}, found {told!r}")
    return card


def check_file(path: Path, digest: str) -> None:
    """Compare a file with its SHA-256. Raises WeightsError when it is missing or another."""
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as fault:
        raise WeightsError(f"{path.name}: cannot be read: {fault.strerror}") from fault
    if found != digest:
        raise WeightsError(f"{path.name}: the checksum does not hold; the file is damaged or was exchanged")


def is_there(path: Path) -> bool:
    """Whether there is a file that can be asked about; none in a folder that we may not look into."""
    try:
        return path.is_file()
    except OSError:
        return False


def version_of(name: str, digest: str) -> str:
    """What a model of this name is called in readings; the name is cut, what tells it apart is not."""
    # A folder may be named in another encoding: such a name is no text, and no database takes it.
    readable = name.encode("utf-8", "replace").decode()
    return f"{readable[:_NAME_MOST]}-{digest[:_DIGITS]}"


def bounded(version: str) -> str:
    """The versions of all models of a reading, cut where they are too long, and then told apart by a digest.

    PostgreSQL refuses a reading whose version is longer than its column.
    """
    if len(version) <= VERSION_MOST:
        return version
    mark = f"~{hashlib.sha256(version.encode()).hexdigest()[:_DIGITS]}"
    return version[: VERSION_MOST - len(mark)] + mark
