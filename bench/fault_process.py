"""`python -m bench.fault_process …` is `jiesu …` on a machine whose clock is off.

`BENCH_CLOCK` names a file with the seconds by which it is off, read whenever somebody asks for the time: the
clock of a running process can be set. The one clock of ours (`triage.clock.SystemClock`) is replaced here, so
that nothing of what is measured knows of it.
"""

from __future__ import annotations

import faulthandler
import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

from triage.cli import main
from triage.clock import SystemClock

FILE = "BENCH_CLOCK"


def shifted(file: Path) -> datetime:
    """The present moment on that machine."""
    return datetime.now(UTC) + timedelta(seconds=float(file.read_text()))


def set_to(file: Path, seconds: float) -> None:
    """Set the clock off by so many seconds, in one step."""
    part = file.with_suffix(".part")
    part.write_text(str(seconds))
    part.replace(file)


if __name__ == "__main__":
    # Where every thread stands, into the log, for whoever asks (`kill -USR1`).
    faulthandler.register(signal.SIGUSR1)
    told = Path(os.environ[FILE])
    SystemClock.now = lambda _self: shifted(told)  # type: ignore[method-assign,assignment]
    main()
