"""How whoever reads our words calls us: `jiesu` where the shell finds it, else where it stands."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path


def jiesu(interpreter: Path | None = None) -> str:
    """The command to type; an environment that nobody activated has it beside its Python."""
    here = (interpreter or Path(sys.executable)).parent / "jiesu"
    found = shutil.which("jiesu")
    if not here.exists() or (found is not None and Path(found).samefile(here)):
        return "jiesu"
    folder = Path.cwd()
    return str(here.relative_to(folder) if here.is_relative_to(folder) else here)
