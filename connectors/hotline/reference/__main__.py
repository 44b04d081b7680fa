"""The reference platform as a process: `python -m connectors.hotline.reference`."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from connectors.hotline.reference.faults import Dice, Faults
from connectors.hotline.reference.releasing import Plan, release, stock
from connectors.hotline.reference.server import Platform, make_app

if TYPE_CHECKING:
    from collections.abc import Sequence


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(prog="python -m connectors.hotline.reference", description=__doc__)
    made.add_argument("--host", default="127.0.0.1", help="address to listen on")
    made.add_argument("--port", type=int, default=8912, help="port; 0 takes a free one")
    made.add_argument("--orders", type=int, default=100, help="orders in all")
    made.add_argument("--backlog", type=int, help="of them there at the start (default: all)")
    made.add_argument("--hours", type=float, default=20.0, help="age of the oldest at the start")
    made.add_argument("--rate", type=float, default=1.0, help="further orders a second")
    made.add_argument("--burst", type=float, default=50.0, help="times the rate, for one second …")
    made.add_argument("--burst-every", type=float, default=20.0, help="… every so many seconds; 0 never")
    made.add_argument("--faults", default="{}", help="JSON, or a file with it (see faults.py)")
    made.add_argument("--seed", type=int, default=1, help="of the faults")
    made.add_argument("--token", help="wanted in Authorization")
    made.add_argument("--secret", help="wanted in signatures")
    made.add_argument("--push", help="address of our hook, /hooks/hotline/…")
    made.add_argument("--push-secret", default="", help="to sign pushes with")
    made.add_argument("--push-share", type=float, default=0.3, help="of the further orders")
    made.add_argument("--tls-cert", help="PEM: serve HTTPS")
    made.add_argument("--tls-key", help="PEM")
    made.add_argument("--client-ca", help="PEM: ask clients for a certificate of it (双向认证)")
    return made


def serve(arguments: Sequence[str] | None = None) -> None:
    """Run until told to stop."""
    options = parser().parse_args(arguments)
    asyncio.run(_serve(options))


def _faults(given: str) -> Faults:
    text = given if given.lstrip().startswith("{") else Path(given).read_text(encoding="utf-8")
    return Faults.read(json.loads(text))


def _tls(options: argparse.Namespace) -> ssl.SSLContext | None:
    if not options.tls_cert:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=options.client_ca)
    context.load_cert_chain(options.tls_cert, options.tls_key)
    if options.client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


async def _serve(options: argparse.Namespace) -> None:
    platform = Platform(
        faults=_faults(options.faults), dice=Dice(options.seed), token=options.token, secret=options.secret
    )
    plan = Plan(
        orders=options.orders,
        backlog=options.orders if options.backlog is None else options.backlog,
        hours=options.hours,
        rate=options.rate,
        burst=options.burst,
        burst_every=options.burst_every,
        push_url=options.push,
        push_secret=options.push_secret,
        push_share=options.push_share,
    )
    stock(platform, plan)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(make_app(platform), access_log=None)
    await runner.setup()
    context = _tls(options)
    site = web.TCPSite(
        runner, options.host, options.port, ssl_context=context, shutdown_timeout=1, backlog=1024
    )
    await site.start()
    port = runner.addresses[0][1]
    scheme = "https" if context else "http"
    print(json.dumps({"url": f"{scheme}://{options.host}:{port}"}), flush=True)  # noqa: T201  (its answer)
    releasing = asyncio.create_task(release(platform, plan))
    await stop.wait()
    releasing.cancel()
    await asyncio.gather(releasing, return_exceptions=True)
    await runner.cleanup()


if __name__ == "__main__":
    serve()
