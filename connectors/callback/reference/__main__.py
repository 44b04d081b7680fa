"""The reference provider as a process: `python -m connectors.callback.reference`."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
from typing import TYPE_CHECKING

from aiohttp import web

from connectors.callback.reference.server import Provider, make_app

if TYPE_CHECKING:
    from collections.abc import Sequence


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(prog="python -m connectors.callback.reference", description=__doc__)
    made.add_argument("--host", default="127.0.0.1", help="address to listen on")
    made.add_argument("--port", type=int, default=8913, help="port; 0 takes a free one")
    made.add_argument("--token", help="wanted in Authorization")
    made.add_argument("--secret", help="wanted in signatures")
    return made


def serve(arguments: Sequence[str] | None = None) -> None:
    """Run until told to stop."""
    asyncio.run(_serve(parser().parse_args(arguments)))


async def _serve(options: argparse.Namespace) -> None:
    provider = Provider(token=options.token, secret=options.secret)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(make_app(provider), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, options.host, options.port, shutdown_timeout=1).start()
    port = runner.addresses[0][1]
    print(json.dumps({"url": f"http://{options.host}:{port}"}), flush=True)  # noqa: T201  (its answer)
    await stop.wait()
    await runner.cleanup()


if __name__ == "__main__":
    serve()
