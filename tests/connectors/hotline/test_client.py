"""The client against real servers: mutual TLS, and every way an answer can be wrong."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from yarl import URL

from connectors.feeds.guard import Exempt
from connectors.hotline import client as clients
from connectors.hotline import signing
from connectors.hotline.client import ActionRefused, HotlineClient, PlatformAway, PlatformDenied
from connectors.hotline.reference.server import Platform, make_app
from connectors.hotline.settings import HotlineSettings
from connectors.hotline.settings import read as read_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOW = datetime.now(UTC)


def certificate(
    folder: Path, name: str, issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None = None
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """A certificate and key in `folder/name.pem`: its own issuer, or by another."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(issuer[1] if issuer else key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / f"{name}.pem").write_bytes(pem)
    (folder / f"{name}.key").write_bytes(private)
    return made, key


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    """An authority, the platform's certificate, ours, and one of somebody else."""
    authority = certificate(tmp_path, "ca")
    certificate(tmp_path, "server", authority)
    certificate(tmp_path, "client", authority)
    certificate(tmp_path, "stranger")
    return tmp_path


def named(settings: HotlineSettings) -> Exempt:
    """The platform of a test stands on this machine: the settings would name it."""
    return Exempt.parse(URL(settings.url).raw_authority)


async def ask(settings: HotlineSettings) -> int:
    async with clients.connected(settings, named(settings)) as client:
        return (await client.orders(after="2026-11-26T00:00:00+08:00", until=None, page=1)).total


async def test_both_sides_show_their_certificates(papers: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=papers / "ca.pem")
    context.load_cert_chain(papers / "server.pem", papers / "server.key")
    context.verify_mode = ssl.CERT_REQUIRED
    server = TestServer(make_app(Platform()), scheme="https")
    await server.start_server(ssl=context)
    url = f"https://127.0.0.1:{server.port}"

    def by(name: str, ca: str | None = "ca") -> HotlineSettings:
        return HotlineSettings(
            url, timeout=5, ca_file=f"{papers}/{ca}.pem" if ca else None,
            cert_file=f"{papers}/{name}.pem", key_file=f"{papers}/{name}.key",
        )  # fmt: skip

    assert await ask(by("client")) == 0
    with pytest.raises((PlatformDenied, PlatformAway)):
        await ask(by("stranger"))
    with pytest.raises((PlatformDenied, PlatformAway)):
        await ask(HotlineSettings(url, timeout=5, ca_file=f"{papers}/ca.pem"))
    with pytest.raises(PlatformDenied, match="证书不被信任"):
        await ask(by("client", ca=None))
    with pytest.raises(PlatformDenied, match="证书或密钥文件读不了"):
        await ask(by("nobody"))
    await server.close()


def page(**changes: object) -> web.Response:
    return web.json_response({"page": 1, "total": 0, "rows": [], "now": 1.0} | changes)


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (lambda _r: web.Response(status=500), PlatformAway, "平台答复 500"),
        (lambda _r: web.Response(status=429), PlatformAway, "平台答复 429"),
        (lambda _r: web.Response(status=403), PlatformDenied, "不接受我们的令牌"),
        (lambda _r: web.Response(status=404), PlatformDenied, "没有这个接口"),
        (lambda _r: web.Response(status=302, headers={"Location": "/x"}), PlatformDenied, "已改到别处"),
        (lambda _r: web.Response(text="<html>维护中</html>"), PlatformAway, "不是完整的 JSON"),
        (lambda _r: web.json_response([]), PlatformAway, "不是约定的格式"),
        (lambda _r: page(page=2), PlatformAway, "要第 1 页，平台给了第 2 页"),
        (lambda _r: page(total=-1), PlatformAway, "不是约定的格式"),
        (lambda _r: page(rows={}), PlatformAway, "不是约定的格式"),
    ],
)  # fmt: skip
async def test_each_wrong_answer_has_its_words(
    answer: Callable[[web.Request], web.Response], kind: type[Exception], words: str
) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return answer(request)

    app = web.Application()
    app.router.add_get("/orders", handle)
    async with TestServer(app) as server:
        with pytest.raises(kind, match=words):
            await ask(HotlineSettings(str(server.make_url("")).rstrip("/"), timeout=2))


@pytest.mark.parametrize(
    ("said", "date", "now", "dated"),
    [
        ({"now": 7.0}, "Mon, 23 Nov 2026 08:00:00 GMT", 7.0, 1795420800.0),
        ({"now": None}, "Mon, 23 Nov 2026 08:00:00 GMT", None, 1795420800.0),
        ({"now": None}, "Mon, 23 Nov 2026 08:00:00 -0000", None, 1795420800.0),
        ({"now": True}, "yesterday", None, None),
    ],
)
async def test_a_list_and_its_answer_each_tell_their_time(
    said: dict[str, object], date: str, now: float | None, dated: float | None
) -> None:
    async def handle(_request: web.Request) -> web.StreamResponse:
        response = page(**said)
        response.headers["Date"] = date
        return response

    app = web.Application()
    app.router.add_get("/orders", handle)
    async with TestServer(app) as server:
        settings = HotlineSettings(str(server.make_url("")).rstrip("/"), timeout=2)
        async with clients.connected(settings, named(settings)) as client:
            found = await client.order("BJ1")
    assert (found.now, found.date) == (now, dated)


async def test_an_endless_answer_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "MOST_BYTES", 1 << 20)

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(1000):
            await response.write(b" " * (1 << 16))
        return response

    app = web.Application()
    app.router.add_get("/orders", endless)
    async with TestServer(app) as server:
        with pytest.raises(PlatformAway, match="没有读完"):
            await ask(HotlineSettings(str(server.make_url("")).rstrip("/"), timeout=20))


async def test_nobody_there() -> None:
    with pytest.raises(PlatformAway, match="连不上平台"):
        await ask(HotlineSettings(f"http://127.0.0.1:{unused_port()}", timeout=2))


async def act(client: HotlineClient, number: str = "BJ0000000001") -> clients.Receipt:
    return await client.act(number, 1, {"action": "sign", "actionDay": "2026-11-26"})


async def test_an_action_is_acknowledged_and_told_twice_counts_once() -> None:
    platform = Platform()
    platform.add()
    async with TestServer(make_app(platform)) as server:
        settings = HotlineSettings(str(server.make_url("")).rstrip("/"), timeout=5)
        async with clients.connected(settings, named(settings)) as client:
            first, second = await act(client), await act(client)
            with pytest.raises(ActionRefused, match="unknown"):
                await act(client, "没有这个号")
    assert (first.duplicate, second.duplicate, first.number) == (False, True, second.number)


async def test_a_receipt_for_another_action_is_none() -> None:
    async def other(_request: web.Request) -> web.Response:
        return web.json_response({"code": "0", "orderNum": "other", "actionNum": 1})

    app = web.Application()
    app.router.add_post("/actions", other)
    async with TestServer(app) as server:
        settings = HotlineSettings(str(server.make_url("")).rstrip("/"), timeout=5)
        async with clients.connected(settings, named(settings)) as client:
            with pytest.raises(PlatformAway, match="不是这个动作的"):
                await act(client)


@pytest.mark.parametrize(
    ("said", "status", "error"),
    [
        ({}, 200, PlatformAway),
        ({"error": "upstream timeout"}, 200, PlatformAway),
        ({"errcode": 500, "msg": "系统繁忙"}, 200, PlatformAway),
        ({"success": True}, 202, PlatformAway),
        ({"code": None}, 200, PlatformAway),
        ({"code": " "}, 200, PlatformAway),
        ({"code": {}}, 200, PlatformAway),
        ({"code": "locked", "message": "已锁定"}, 200, ActionRefused),
        ({"code": 7}, 200, ActionRefused),
        ({}, 422, ActionRefused),
    ],
)
async def test_only_a_code_refuses_an_action(
    said: dict[str, object], status: int, error: type[Exception]
) -> None:
    """A gateway before the platform answers with 200 and words of its own: nobody refused anything."""

    async def handle(_request: web.Request) -> web.Response:
        return web.json_response(said, status=status)

    app = web.Application()
    app.router.add_post("/actions", handle)
    async with TestServer(app) as server:
        settings = HotlineSettings(str(server.make_url("")).rstrip("/"), timeout=5)
        async with clients.connected(settings, named(settings)) as client:
            with pytest.raises(error):
                await act(client)


def test_a_signature_covers_time_nonce_and_body() -> None:
    stamp = signing.stamp("secret", b"body", at=1_700_000_000, nonce="n" * 16)
    assert signing.read(stamp.headers()) == stamp
    assert signing.genuine("secret", stamp, b"body")
    assert not signing.genuine("Secret", stamp, b"body")
    assert not signing.genuine("secret", stamp, b"Body")
    assert not signing.genuine("secret", signing.Stamp(stamp.at + 1, stamp.nonce, stamp.signature), b"body")
    assert signing.request_body("GET", "/a?b", b"") != signing.request_body("GET", "/a", b"")


def test_secrets_stand_in_no_repr() -> None:
    secrets = dict.fromkeys(("token", "secret", "push_secret", "key_password"), "tiankong")
    told = repr(read_settings({"url": "http://a"}, secrets))
    assert "tiankong" not in told


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080/api",
        "http://localhost:8080/api",
        "http://[::1]/api",
        "http://10.1.2.3/api",
        "http://169.254.169.254/latest/meta-data",
        "http://0x7f000001/api",
        "http://2130706433/api",
        "http://platform.example:6379/api",
        "http://user:word@platform.example/api",
    ],
)
async def test_a_platform_inside_the_house_is_not_connected_to_unless_it_is_named(url: str) -> None:
    settings = HotlineSettings(url, timeout=2)
    with pytest.raises(PlatformDenied, match="JIESU_HOTLINE_PRIVATE_HOSTS"):
        async with clients.connected(settings, Exempt()) as client:
            await client.orders(after="2026-11-26T00:00:00+08:00", until=None, page=1)
