"""`jiesu serve`: the web process."""

from __future__ import annotations

import uvloop
from aiohttp import web

from triage.settings import Settings  # noqa: TC001
from triage.web import protocol
from triage.web.app import check_host, make_app
from triage.wiring import build

#: Handlers get this long to finish after SIGTERM; a supervisor must wait at least twice as long.
SHUTDOWN_SECONDS = 4.0


def serve(settings: Settings) -> None:
    """Serve until stopped. Raises SettingsError for any address but loopback (no sign-in yet)."""
    check_host(settings.host)
    uvloop.install()
    protocol.install()
    web.run_app(
        make_app(build(settings), warm=True),
        host=settings.host,
        port=settings.port,
        shutdown_timeout=SHUTDOWN_SECONDS,
        print=lambda *_: None,
        access_log=None,
    )
