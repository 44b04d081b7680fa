"""Counterparts that behave and misbehave on demand: an SMS gateway, WeCom and a mail server, on loopback."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from aiosmtpd.smtp import SMTP, AuthResult

if TYPE_CHECKING:
    import ssl

    from aiosmtpd.smtp import Envelope, LoginPassword, Session

SECRET = "shared-secret"  # noqa: S105  (of a test server)


async def _slow(_request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(30)
    return web.json_response({})


@dataclass
class Counterpart:
    """Answers each request with the next of `plan` (a status, or a word for a worse thing), then well.

    `taken` is what it accepted by idempotency key: a key that comes again is not taken again.
    """

    plan: list[int | str | dict[str, Any]] = field(default_factory=list)
    taken: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    tokens: int = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:  # noqa: PLR0911  (one a misdeed)
        body = await request.read()
        self.requests.append((request.path_qs, dict(request.headers), body))
        key = request.headers["Idempotency-Key"]
        step = self.plan.pop(0) if self.plan else 200
        match step:
            case "slow":
                return await _slow(request)
            case "taken_then_slow":
                self.taken.setdefault(key, await request.json())
                return await _slow(request)
            case "half":
                response = web.StreamResponse(headers={"Content-Length": "1000"})
                await response.prepare(request)
                await response.write(b'{"errcode":')
                assert request.transport is not None
                request.transport.close()
                return response
            case "endless":
                response = web.StreamResponse()
                await response.prepare(request)
                for _ in range(100):
                    await response.write(b"x" * 10_000)
                return response
            case "redirect":
                return web.Response(status=302, headers={"Location": "http://127.0.0.1:9/"})
            case dict():
                return web.json_response(step)
            case int() if step == 200:
                known = key in self.taken
                self.taken.setdefault(key, await request.json())
                return web.json_response({"errcode": 0, "repeated": known})
            case _:
                return web.Response(status=int(step), headers={"Retry-After": "90"})

    async def token(self, request: web.Request) -> web.Response:
        self.tokens += 1
        good = request.query["corpsecret"] == SECRET
        return web.json_response(
            {"errcode": 0, "access_token": f"token-{self.tokens}"} if good else {"errcode": 40013}
        )

    def server(self) -> TestServer:
        app = web.Application()
        app.router.add_post("/sms", self.answer)
        app.router.add_post("/cgi-bin/webhook/send", self.answer)
        app.router.add_post("/cgi-bin/message/send", self.answer)
        app.router.add_get("/cgi-bin/gettoken", self.token)
        return TestServer(app)


@dataclass
class Mailbox:
    """What a mail server took; `codes` are its answers to the next recipients."""

    codes: list[str] = field(default_factory=list)
    mails: list[bytes] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802  (aiosmtpd's name)
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        code = self.codes.pop(0) if self.codes else "250 OK"
        envelope.rcpt_tos.append(address)
        return code

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self.mails.append(envelope.content)
        return "250 taken"

    def _proved(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, told: LoginPassword
    ) -> AuthResult:
        self.logins.append(told.login.decode())
        return AuthResult(success=True)

    async def listen(self, *, tls: ssl.SSLContext | None = None) -> asyncio.Server:
        """A server in this loop, at a port of its own; it takes every password, encrypted or not."""
        loop = asyncio.get_running_loop()
        return await loop.create_server(
            lambda: SMTP(
                self, loop=loop, tls_context=tls, authenticator=self._proved, auth_require_tls=False
            ),
            "127.0.0.1",
            0,
        )
