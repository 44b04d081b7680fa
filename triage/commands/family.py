"""Parents and children: a child ends itself when its parent is gone, however the parent went.

The parent keeps the writing end of a pipe; each child holds the reading end and watches for its end. The
kernel closes the pipe when the parent dies, kill -9 included, so no child is left behind.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Final

#: The environment variable that tells a child which descriptor to watch.
PARENT_FD: Final = "JIESU_PARENT_FD"

#: How long a child may take to end in order before it is ended.
GRACE_SECONDS: Final = 10.0

_PR_SET_PDEATHSIG: Final = 1


def watch_parent() -> None:
    """In a child: when the parent's pipe closes, ask this process to stop, then make it stop."""
    descriptor = os.environ.pop(PARENT_FD, None)
    if descriptor is None:
        return
    reading = int(descriptor)
    os.set_inheritable(reading, False)  # noqa: FBT003  (positional only)

    def wait() -> None:
        os.read(reading, 1)  # returns only at the end of the pipe: the parent never writes
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE_SECONDS)
        os._exit(1)

    threading.Thread(target=wait, name="parent-watch", daemon=True).start()


def die_with_parent() -> None:
    """Between fork and exec of a program that is not ours: the kernel ends it with its parent (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def spawn(arguments: list[str], *, parent_fd: int, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start `jiesu …` as a child that watches `parent_fd`, out of reach of the terminal's Ctrl-C."""
    return subprocess.Popen(  # noqa: S603  (our own interpreter and module)
        [sys.executable, "-m", "triage.cli", *arguments],
        env={**environment, PARENT_FD: str(parent_fd)},
        pass_fds=(parent_fd,),
        start_new_session=True,
        stdin=subprocess.DEVNULL,
    )
