"""Where `jiesu run` may listen: said at once, before anything is started."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from triage.cli import main
from triage.commands import listening, run
from triage.errors import SettingsError
from triage.services.staff import public
from triage.settings import Settings
from triage.web import middlewares

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class _Yes(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Say 200 and nothing more."""
        self.send_response(200)
        self.end_headers()


@contextmanager
def served() -> Iterator[str]:
    """A web server on this machine, by its address."""
    with HTTPServer(("127.0.0.1", 0), _Yes) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/readyz"
        server.shutdown()
        thread.join()


def test_an_address_for_others_is_refused_before_anything_starts(tmp_path: Path) -> None:
    data = tmp_path / "data"
    answer = CliRunner().invoke(main, ["run"], env={"JIESU_HOST": "0.0.0.0", "JIESU_DATA_DIR": str(data)})  # noqa: S104
    assert (answer.exit_code, "JIESU_HOSTS" in answer.stderr, data.exists()) == (1, True, False)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost"])
def test_a_free_address_is_taken(host: str) -> None:
    listening.check(Settings(host=host, port=free_port()))


@pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6")
def test_an_address_of_the_newer_kind_is_free_until_it_is_taken() -> None:
    with socket.socket(socket.AF_INET6) as taken:
        taken.bind(("::1", 0))
        port = taken.getsockname()[1]
        taken.listen()
        with pytest.raises(SettingsError, match=r"\[::1\]:\d+ 已被占用"):
            listening.check(Settings(host="::1", port=port))
    listening.check(Settings(host="::1", port=port))


def test_an_address_that_this_machine_lacks_is_not_called_taken() -> None:
    with pytest.raises(SettingsError, match="不能监听"):
        listening.check(Settings(host="192.0.2.1", port=8420))


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "127.0.0.1:8420"), ("::1", "[::1]:8420"), ("localhost", "localhost:8420")],
)
def test_an_address_is_written_as_browsers_take_it(host: str, address: str) -> None:
    assert public.address(Settings(host=host, port=8420)) == address


@pytest.mark.parametrize("name", ["127.0.0.1", "127.0.0.2:8420", "localhost:1", "[::1]:8420", "LOCALHOST"])
def test_the_loopback_names_are_our_own(name: str) -> None:
    assert middlewares._OWN_HOST.fullmatch(name)


@pytest.mark.parametrize(
    "name", ["", "evil.example", "127.0.0.1.evil.example", "128.0.0.1", "127.0.0.1:8420x"]
)
def test_no_other_name_is(name: str) -> None:
    assert not middlewares._OWN_HOST.fullmatch(name)


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY"])
def test_our_own_web_is_asked_without_the_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    with served() as address:
        assert run._answers(address)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "256.1.1.1", "a..b", "主机"])
@pytest.mark.parametrize("command", ["run", "serve"])
def test_a_host_that_is_none_is_told_by_its_setting(
    command: str, host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was told as a database that cannot be reached."""
    monkeypatch.setenv("JIESU_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(public, "check_settings", lambda _: None)
    monkeypatch.setenv("JIESU_HOST", host)
    answer = CliRunner().invoke(main, [command])
    assert (answer.exit_code, "JIESU_HOST 不是 IP 地址" in answer.stderr) == (1, True)
    assert "数据库" not in answer.stderr


@pytest.mark.parametrize("command", ["run", "serve"])
def test_an_address_of_another_machine_is_told_by_its_setting(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`serve` said that the system refused, and not where it was told to listen."""
    monkeypatch.setenv("JIESU_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(public, "check_settings", lambda _: None)
    monkeypatch.setenv("JIESU_HOST", "192.0.2.1")
    answer = CliRunner().invoke(main, [command])
    assert (answer.exit_code, "可用 JIESU_HOST 换一个本机地址" in answer.stderr) == (1, True)
