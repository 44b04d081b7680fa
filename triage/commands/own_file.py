"""A file for its owner's eyes alone: what commands write of citizens' words."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_own(path: Path, text: str) -> None:
    """Write it, also over one that others could read until now. Raises OSError."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        # Not a device or a pipe: its rights are nobody's to change.
        if stat.S_ISREG(os.fstat(handle).st_mode):
            os.fchmod(handle, 0o600)
            os.ftruncate(handle, 0)
        stream.write(text)
