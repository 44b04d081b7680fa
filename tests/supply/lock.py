"""The lock file as plain values: each package, its version and the hashes it may have."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_PIN: Final = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def pins(path: Path) -> dict[tuple[str, str], frozenset[str]]:
    """(name, version) → its hashes. Raises ValueError for a pin without any."""
    text = path.read_text(encoding="utf-8")
    starts = list(_PIN.finditer(text))
    found: dict[tuple[str, str], frozenset[str]] = {}
    for at, start in enumerate(starts):
        end = starts[at + 1].start() if at + 1 < len(starts) else len(text)
        hashes = frozenset(_HASH.findall(text[start.start() : end]))
        if not hashes:
            raise ValueError(f"{start[1]} has no hash")
        found[start[1].lower(), start[2]] = hashes
    return found
