"""A real Chromium for tests: the system's, else Debian's, else Playwright's own. Never skipped."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
)
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def _found() -> str | None:
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


@cache
def executable() -> str | None:
    """The path of a Chromium; None when Playwright's own was installed, which it finds by itself.

    Raises subprocess.CalledProcessError when nothing can be installed.
    """
    if found := _found():
        return found
    # Two processes run the tests, and apt refuses the second: it waits here, then finds what was installed.
    with Path(tempfile.gettempdir(), "jiesu-tests-chromium.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _installed()


def _installed() -> str | None:
    if found := _found():
        return found
    if os.geteuid() == 0 and (apt := shutil.which("apt-get")):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for arguments in (
            ["update", "-q"],
            ["install", "-y", "-q", "--no-install-recommends", "chromium", "fonts-noto-cjk"],
        ):
            done = subprocess.run([apt, *arguments], env=quiet, check=False, capture_output=True)
            print(f"apt-get {arguments[0]}: {done.returncode}", file=sys.stderr)  # noqa: T201
        if found := _found():
            return found
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=True)
    return None
