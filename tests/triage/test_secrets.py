"""Secrets come from the environment or from files, and go nowhere: no command line, log, page or `repr`."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, cast

import pytest
from aiohttp.test_utils import BaseTestServer, TestClient, TestServer
from pydantic import SecretStr

import triage.tables
from connectors.vault import Vault
from models import migrate
from models.db import open_database
from tests import signed_in
from tests.docs import access_matrix
from tests.factories import NOW, TicketIn, add_tickets
from tests.triage.web.test_access_matrix import address, words
from triage.cli import main as cli
from triage.clock import FixedClock
from triage.commands import family
from triage.errors import SettingsError
from triage.secret_files import READ_ONCE, SECRETS
from triage.services import reference
from triage.services.deps import Deps
from triage.settings import Settings, load_settings
from triage.web.app import make_app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import click

    from tests.triage.web.conftest import Client


HIDDEN = "hunter2hunter2"
KEYS = "1:" + "QUFB" * 10 + "QUE="
GIVEN = {
    "database_url": f"postgresql+asyncpg://jiesu:{HIDDEN}@db/jiesu",
    "redis_url": f"redis://:{HIDDEN}@cache/0",
    "vault_keys": KEYS,
    "reward_keys": KEYS.replace("QUFB", "QkJC"),
    "backup_keys": KEYS.replace("QUFB", "Q0ND"),
    "metrics_token": HIDDEN,
    "oidc_client_secret": HIDDEN,
    "sms_secret": HIDDEN,
    "wecom_secret": HIDDEN,
    "smtp_url": f"smtp://user:{HIDDEN}@mail.example:587",
}
#: What must not be seen anywhere: the password, and the keys themselves.
UNSEEN = (HIDDEN, "QUFB" * 10, "QkJC" * 10, "Q0ND" * 10)

NEVER_EMPTY = ("vault_keys", "reward_keys", "database_url", "redis_url")


@pytest.fixture(autouse=True)
def _sender(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mail server is of no use without."""
    monkeypatch.setenv("JIESU_SMTP_FROM", "jiesu@example.com")


def in_environment(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    for name, value in values.items():
        monkeypatch.setenv(f"JIESU_{name.upper()}", value)


def test_every_setting_that_hides_is_listed_and_has_a_file_beside_it() -> None:
    hiding = {name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}
    told = {name for name, field in Settings.model_fields.items() if not field.repr}
    assert hiding | told == set(SECRETS) == set(GIVEN)
    assert {f"{name}_file" for name in SECRETS} <= set(Settings.model_fields)
    # What sounds like a secret and is none.
    sounding = {
        name for name in Settings.model_fields if any(word in name for word in ("secret", "key", "token"))
    }
    rest = {name.removesuffix("_file") for name in sounding} - set(SECRETS)
    assert rest == {"open311_key_service", "open311_tokens"}


@pytest.mark.parametrize("name", READ_ONCE)
def test_a_secret_is_read_from_its_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / name
    path.write_text(f"\ufeff{GIVEN[name]}\n", encoding="utf-8")
    in_environment(monkeypatch, {f"{name}_file": str(path)})
    found = getattr(load_settings(), name)
    assert (found.get_secret_value() if isinstance(found, SecretStr) else found) == GIVEN[name]


@pytest.mark.parametrize(("size", "taken"), [(65_535, True), (65_536, True), (65_537, False)])
def test_a_file_that_is_no_secrets_is_told_by_its_size(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    size: int,
    taken: bool,  # noqa: FBT001
) -> None:
    path = tmp_path / "backup"
    path.write_bytes(GIVEN["backup_keys"].encode().ljust(size))
    in_environment(monkeypatch, {"backup_keys_file": str(path)})
    said = ""
    try:
        load_settings()
    except SettingsError as error:
        said = str(error)
    assert ("JIESU_BACKUP_KEYS_FILE 太大：最多 65536 字节" in said) is not taken


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_in_two_places_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    path.write_text(GIVEN[name], encoding="utf-8")
    in_environment(monkeypatch, {name: GIVEN[name], f"{name}_file": str(path)})
    with pytest.raises(SettingsError, match=f"^系统设置有误：JIESU_{name.upper()} 与 .* 只能设一个$") as told:
        load_settings()
    assert [word for word in UNSEEN if word in str(told.value)] == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file"), (b"", "空"), (b" \n", "空"), (b"\xff\xff", "文字"), (b"a\0", "文字")],
)
def test_a_file_without_a_secret_is_told_by_its_setting(
    content: bytes | None, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "secret"
    [path.write_bytes(given) for given in (content,) if given is not None]
    in_environment(monkeypatch, {"smtp_url_file": str(path)})
    with pytest.raises(SettingsError, match=f"JIESU_SMTP_URL_FILE .*{reason}"):
        load_settings()


def test_settings_and_their_faults_show_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    in_environment(monkeypatch, GIVEN)
    settings = load_settings()
    for shown in (repr(settings), str(settings), f"{settings.smtp_url} {settings.vault_keys}"):
        assert [word for word in UNSEEN if word in shown] == []
    in_environment(monkeypatch, {"port": "no number", "database_url": f"mysql://{HIDDEN}"})
    with pytest.raises(SettingsError) as told:
        load_settings()
    assert [word for word in UNSEEN if word in str(told.value)] == []


def test_an_empty_line_sets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """`JIESU_TABLES_DIR=` was the current directory, and an empty secret one that everybody knows."""
    names = {name for name in Settings.model_fields if name.removesuffix("_file") not in NEVER_EMPTY}
    in_environment(monkeypatch, dict.fromkeys(names, ""))
    assert load_settings() == Settings.model_construct()


@pytest.mark.parametrize("name", [f"{name}{end}" for name in NEVER_EMPTY for end in ("", "_file")])
def test_a_new_key_or_database_does_not_take_the_place_of_an_empty_line(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_environment(monkeypatch, {name: ""})
    with pytest.raises(SettingsError, match=rf"^系统设置有误：JIESU_{name.upper()}：是空的"):
        load_settings()


@pytest.mark.parametrize(
    "query",
    ["sslmode=require", "ssl=true", f"p{HIDDEN}=x@db/jiesu", "ssl=require&ssl=disable", "timeout=5"],
)
def test_an_address_with_an_option_that_its_driver_does_not_know_is_refused(
    query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_environment(monkeypatch, {"database_url": f"postgresql+asyncpg://jiesu:{HIDDEN}@db/jiesu?{query}"})
    with pytest.raises(SettingsError, match=r"JIESU_DATABASE_URL：.*ssl") as told:
        load_settings()
    assert HIDDEN not in str(told.value)


@pytest.mark.parametrize(
    "query", ["ssl=require", "host=a:5432&host=b:5432", "prepared_statement_cache_size=0&command_timeout=9"]
)
def test_an_address_with_options_of_its_driver_is_taken(query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"postgresql+asyncpg://jiesu:{HIDDEN}@/jiesu?{query}"
    in_environment(monkeypatch, {"database_url": address, "vault_keys": KEYS})
    assert load_settings().database == address


def parameters(group: click.Command, path: str = "") -> Iterator[str]:
    """Every option and argument of every command."""
    for parameter in group.params:
        yield f"{path} {parameter.name}"
    for name, command in getattr(group, "commands", {}).items():
        yield from parameters(command, f"{path} {name}")


def test_no_command_takes_a_secret_as_an_argument() -> None:
    names = list(parameters(cli))
    sounding = [name for name in names if any(word in name.split()[-1] for word in SOUNDING)]
    # A figure's name, an account's, a file to read a key from, a file that passwords are written to.
    assert sounding == EXPECTED
    assert len(names) > 100


SOUNDING = ("password", "secret", "key", "token")
EXPECTED = [
    " month show key", " numbers switch key", " open311 check api_key_file", " staff import passwords",
]  # fmt: skip


def test_a_child_process_is_given_its_secrets_in_the_environment_alone() -> None:
    read, write = os.pipe()
    environment = {**os.environ, **{f"JIESU_{name.upper()}": value for name, value in GIVEN.items()}}
    process = family.spawn(["--help"], parent_fd=read, environment=environment)
    arguments = [str(part) for part in process.args] if isinstance(process.args, list) else []
    process.wait(60)
    os.close(read)
    os.close(write)
    assert arguments[-1] == "--help"
    assert [word for word in UNSEEN if word in " ".join(arguments)] == []


def test_no_secret_is_logged_by_a_process_that_cannot_start(tmp_path: Path) -> None:
    environment = {f"JIESU_{name.upper()}": value for name, value in GIVEN.items()} | {
        "JIESU_SMTP_FROM": "jiesu@example.com",
        "JIESU_DATA_DIR": str(tmp_path), "JIESU_LOG_LEVEL": "DEBUG", "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "JIESU_DATABASE_URL": f"postgresql+asyncpg://jiesu:{HIDDEN}@127.0.0.1:1/jiesu",
        "JIESU_REDIS_URL": f"redis://:{HIDDEN}@127.0.0.1:1/0",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "triage.cli", "db", "check"], env=environment, capture_output=True, check=False
    )
    said = (done.stdout + done.stderr).decode()
    assert done.returncode != 0
    assert "数据库" in said
    assert [word for word in UNSEEN if word in said] == []


def client_of(server: BaseTestServer, cookies: dict[str, str]) -> Client:
    return cast("Client", TestClient(server, cookies=cookies))


#: Where settings could show: JSON, and the pages on sources, accounts, signing in, the ledger and notices.
ABOUT = (
    "/api", "/open311", "/healthz", "/readyz", "/login", "/me", "/desk/sources", "/desk/staff", "/desk/audit",
    "/desk/notices", "/desk/dead",
)  # fmt: skip


async def test_no_page_about_the_system_and_no_answer_of_the_api_shows_a_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db = open_database(f"sqlite+aiosqlite:///{tmp_path / 'secrets.db'}", durable=False)
    await migrate.upgrade(db)
    secrets = {name: value for name, value in GIVEN.items() if name not in {"database_url", "redis_url"}}
    settings = Settings.model_validate(
        {**secrets, "oidc_issuer": "https://sso.example", "oidc_client_id": "x"}
    )
    deps = Deps(settings, FixedClock(NOW), triage.tables.load(), db, Vault({1: b"A" * 32}))
    await reference.sync(deps)
    await add_tickets(db, TicketIn())
    cookies = {signed_in.COOKIE: await signed_in.sign_in(deps)}
    seen: list[str] = []
    async with TestServer(make_app(deps)) as server, client_of(server, cookies) as client:
        gets = {address(one) for one in access_matrix.routes() if one.route.method == "GET"}
        paths = {path for path in gets if path.startswith(ABOUT)}
        for path in sorted(paths):
            answer = await client.get(path, allow_redirects=False)
            text = f"{answer.headers} {await words(answer)}"
            seen += [f"{path}: {word}" for word in UNSEEN if word in text]
    assert seen == []
    assert len(paths) > 30
    await db.close()
    logged = capsys.readouterr()
    assert [word for word in UNSEEN if word in logged.out + logged.err] == []


def test_reading_leaves_nothing_in_the_home_and_tells_nobody(tmp_path: Path) -> None:
    """Told nothing, onnxruntime makes a device id and a queue of events for its maker when imported."""
    code = "import nlp.encoder, nlp.foreign, os; assert os.environ['ORT_DISABLE_TELEMETRY'] == '1'"
    environment = {
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
    }
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert list(tmp_path.rglob("*")) == []
