"""The way into `jiesu` from a shell: an interrupt while the program loads ends it without a traceback."""

from __future__ import annotations

import signal


def main() -> None:
    """Load the command with the system's own way to end on Ctrl-C, then run it with Python's."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from triage.cli import main as command  # noqa: PLC0415  (what takes the time that this is about)

    signal.signal(signal.SIGINT, signal.default_int_handler)
    command()
