"""`jiesu serve`: the web process."""

from __future__ import annotations

import asyncio

import uvloop
from aiohttp import web

from triage import memory, tracing
from triage.commands import listening
from triage.services import reference
from triage.services.staff import public
from triage.settings import Settings  # noqa: TC001
from triage.web import protocol
from triage.web.app import make_app
from triage.wiring import build

#: Handlers get this long to finish after SIGTERM; a supervisor must wait at least twice as long.
SHUTDOWN_SECONDS = 4.0
#: Who gets no connection within it is told that it is crowded. A page that comes after half a minute has been
#: given up and asked for again, and answering what nobody waits for is what keeps a crowd from passing.
CROWDED_SECONDS = 5.0


async def prepare(settings: Settings) -> None:
    """Look at the accounts, and have every unit in the database, before anybody is served.

    Raises SettingsError.
    """
    deps = build(settings)
    try:
        async with deps.db.reads() as session:
            await public.check_accounts(session, settings, deps.tables, now=deps.clock.now())
        await reference.complete(deps)
    finally:
        await deps.close()


def serve(settings: Settings) -> None:
    """Serve until stopped.

    Raises SettingsError when others would be let in without what that needs, or nobody can listen
    where the settings say.
    """
    public.check_settings(settings)
    listening.check(settings)
    asyncio.run(prepare(settings))
    uvloop.install()
    protocol.install()
    tracing.set_up(settings, "web")
    app = make_app(build(settings, pool_wait=CROWDED_SECONDS), warm=True)
    memory.settle()
    web.run_app(
        app,
        host=settings.host,
        port=settings.port,
        shutdown_timeout=SHUTDOWN_SECONDS,
        print=lambda *_: None,
        access_log=None,
    )
    tracing.shut_down()
