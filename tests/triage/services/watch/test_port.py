"""指标端口: the small port of a process without pages, and who may read it."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from triage import metrics
from triage.errors import SettingsError
from triage.services.watch import port
from triage.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TOKEN = "zhibiao-ce-shi"  # noqa: S105  (made for this test)


@pytest.fixture
def opened() -> Iterator[Callable[..., port.Port]]:
    """Opens ports and closes them afterwards."""
    made: list[port.Port] = []

    def open_one(**values: Any) -> port.Port:  # noqa: ANN401  (settings by name)
        found = port.open_port(Settings(**values), degraded=lambda: ["model"])
        assert found is not None
        made.append(found)
        return found

    yield open_one
    for one in made:
        one.close()


def free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def get(number: int, path: str, token: str | None = None) -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(f"http://127.0.0.1:{number}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310  (our own port)
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_it_tells_what_the_process_counted(opened: Callable[..., port.Port]) -> None:
    with metrics.timed(metrics.JOBS, "read_appeals"):
        pass
    metrics.watch_pool("test", lambda: [metrics.Sample("jiesu_pool_connections", ("used",), 3)])
    status, text = get(opened(metrics_port=free()).number, "/metrics")
    metrics.watch_pool("test", tuple)
    assert status == 200
    assert 'jiesu_job_seconds_count{outcome="done",task="read_appeals"}' in text
    assert 'jiesu_pool_connections{state="used"} 3.0' in text
    assert "process_resident_memory_bytes" in text


def test_models_that_are_missing_make_it_degraded(opened: Callable[..., port.Port]) -> None:
    number = opened(metrics_port=free()).number
    assert get(number, "/readyz") == (200, '{"status":"degraded","degraded":["model"]}')
    assert get(number, "/else")[0] == 404


def test_the_next_process_takes_the_next_port(opened: Callable[..., port.Port]) -> None:
    first = opened(metrics_port=free())
    second = opened(metrics_port=first.number)
    assert first.number < second.number < first.number + port.PORTS


def test_a_token_is_asked_for(opened: Callable[..., port.Port]) -> None:
    number = opened(metrics_port=free(), metrics_token=SecretStr(TOKEN)).number
    assert [get(number, "/metrics", token)[0] for token in (None, "x", TOKEN)] == [403, 403, 200]


def test_a_token_of_other_bytes_is_refused(opened: Callable[..., port.Port]) -> None:
    number = opened(metrics_port=free(), metrics_token=SecretStr(TOKEN)).number
    assert get(number, "/metrics", "\xff")[0] == 403
    assert not port.allowed(Settings(metrics_token=SecretStr(TOKEN)), "Bearer \udcff", "127.0.0.1")


def test_others_are_let_in_with_a_token_alone() -> None:
    with pytest.raises(SettingsError, match="JIESU_METRICS_TOKEN"):
        port.open_port(Settings(metrics_port=free(), metrics_host="0.0.0.0"))  # noqa: S104


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b"])
def test_a_host_that_is_none_is_told_by_its_setting(host: str) -> None:
    """It was told as twenty ports that are taken."""
    settings = Settings(metrics_port=free(), metrics_host=host, metrics_token=SecretStr(TOKEN))
    with pytest.raises(SettingsError, match=r"^JIESU_METRICS_HOST 不是 IP 地址"):
        port.open_port(settings)


def test_without_the_setting_nothing_is_opened() -> None:
    assert port.open_port(Settings()) is None


def test_a_failure_is_counted_as_one() -> None:
    before = metrics.REGISTRY.get_sample_value(
        "jiesu_step_seconds_count", {"step": "test-fails", "outcome": "failed"}
    )
    with pytest.raises(RuntimeError), metrics.timed(metrics.STEPS, "test-fails"):
        raise RuntimeError
    after = metrics.REGISTRY.get_sample_value(
        "jiesu_step_seconds_count", {"step": "test-fails", "outcome": "failed"}
    )
    assert (before, after) == (None, 1)
