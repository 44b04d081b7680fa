"""The small port of a process without pages (work, relay, timetable): `/metrics` and `/readyz`.

A thread of its own: it answers while a job runs or the database is away, which is when one wants to know. The
process never waits for it. Several processes of one machine share one setting: whoever finds the port taken
takes the next, so that `compose up --scale worker=8` needs no eight settings.
"""

from __future__ import annotations

import hmac
import socket
import threading
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from triage import logs, metrics
from triage.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from wsgiref.types import StartResponse, WSGIEnvironment

    from models.db import Database
    from triage.metrics import Sample
    from triage.settings import Settings

log = logs.get(__name__)

PORTS: Final = 20
_BEARER: Final = "Bearer "


class _Quiet(WSGIRequestHandler):
    """Writes no access line of its own form."""

    timeout = 10

    def log_message(self, *_: Any) -> None:  # noqa: ANN401  (the library's signature)
        """Nothing."""


class _Server(WSGIServer):
    """One request after the other: a scrape takes a millisecond."""

    #: Whoever has the port keeps it: the next process must see that it is taken.
    allow_reuse_address = True
    allow_reuse_port = False


@dataclass(frozen=True, slots=True)
class Port:
    """An open port; `close` ends its thread."""

    server: WSGIServer
    thread: threading.Thread

    @property
    def number(self) -> int:
        """The port that was free."""
        return int(self.server.server_port)

    def close(self) -> None:
        """Stop answering."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)


def allowed(settings: Settings, authorization: str | None, peer: str | None) -> bool:
    """Whether somebody may read the figures: with the token of the settings; without one, from here alone.

    A server that others reach (JIESU_HOSTS) may stand behind a proxy on this machine, whose visitors all seem
    to come from here: there the token is asked of everybody.
    """
    if settings.metrics_token is not None:
        told = (authorization or "").removeprefix(_BEARER)
        # A header may hold any bytes: aiohttp gives those that are no text as lone surrogates.
        given = told.encode("utf-8", "surrogateescape")
        return hmac.compare_digest(given, settings.metrics_token.get_secret_value().encode())
    try:
        here = peer is not None and ip_address(peer).is_loopback
    except ValueError:
        here = False
    return here and not settings.public_names


def pool_samples(db: Database) -> list[Sample]:
    """How many connections of a pool are in use, and how many lie idle."""
    pool: Any = db.engine.sync_engine.pool
    return [
        metrics.Sample("jiesu_pool_connections", ("used",), pool.checkedout()),
        metrics.Sample("jiesu_pool_connections", ("idle",), pool.checkedin()),
    ]


def open_port(settings: Settings, *, degraded: Callable[[], Sequence[str]] = tuple) -> Port | None:
    """Open the port of the settings; None when they name none. Raises SettingsError when it cannot be had."""
    if settings.metrics_port is None:
        return None
    if settings.metrics_token is None and not _loopback(settings.metrics_host):
        raise SettingsError("JIESU_METRICS_HOST 不是本机回环地址时，须设 JIESU_METRICS_TOKEN")

    def app(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        return _answer(settings, degraded, environ, start)

    server = _bind(settings.metrics_host, settings.metrics_port)
    server.set_app(app)
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    log.info("metrics_port", port=server.server_port)
    return Port(server, thread)


def _bind(host: str, first: int) -> WSGIServer:
    for number in range(first, min(first + PORTS, 65_536)):
        try:
            return _Server((host, number), _Quiet)
        except (socket.gaierror, UnicodeError):
            raise SettingsError("JIESU_METRICS_HOST 不是 IP 地址，也不是本机认得的主机名") from None
        except OSError as error:
            refused = error
    raise SettingsError(f"指标端口 {first} 到 {first + PORTS - 1} 都不能监听（{type(refused).__name__}）")


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _answer(
    settings: Settings,
    degraded: Callable[[], Sequence[str]],
    environ: WSGIEnvironment,
    start: StartResponse,
) -> Iterable[bytes]:
    path, kind = environ.get("PATH_INFO"), "text/plain; charset=utf-8"
    status, body = "404 Not Found", "没有这个地址。\n".encode()
    if path == "/readyz":
        lacking = list(degraded())
        told = {"status": "degraded" if lacking else "ok", "degraded": lacking}
        status, kind, body = "200 OK", "application/json", orjson.dumps(told)
    elif path == "/metrics":
        if allowed(settings, environ.get("HTTP_AUTHORIZATION"), environ.get("REMOTE_ADDR")):
            status, kind, body = "200 OK", CONTENT_TYPE_LATEST, generate_latest(metrics.REGISTRY)
            body += generate_latest(metrics.pools())
        else:
            status, body = "403 Forbidden", "只有本机或带令牌的请求可以读指标。\n".encode()
    start(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]
