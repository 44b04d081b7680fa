"""What the world or a setting refuses is one sentence, never a traceback, a secret or a citizen's word."""

from __future__ import annotations

import base64
import signal
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import redis
import sqlalchemy as sa
from click.testing import CliRunner

from triage.cli import main
from triage.commands import failures

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

HIDDEN = "s3kret-word"
KEYS = f"1:{base64.b64encode(bytes(32)).decode()}"


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory that is not there yet."""
    monkeypatch.setenv("JIESU_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


def jiesu(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(main, arguments, env=environment)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("JIESU_LOG_LEVEL", "FOO", "只能是 DEBUG、INFO"),
        ("JIESU_PORT", "0", "不能小于 1"),
        ("JIESU_PORT", "x", "应为整数"),
        ("JIESU_REVIEW_KIND", "1.5", "不能大于 1"),
        ("JIESU_DATABASE_URL", f"postgresql://u:{HIDDEN}@127.0.0.1/x", "postgresql+asyncpg://"),
        ("JIESU_DATABASE_URL", f"postgresql+asyncpg://u:{HIDDEN}@127.0.0.1:5x/x", "postgresql+asyncpg://"),
        ("JIESU_DATABASE_URL", HIDDEN, "postgresql+asyncpg://"),
        ("JIESU_REDIS_URL", f"http://u:{HIDDEN}@127.0.0.1", "redis://"),
        ("JIESU_REDIS_URL", f"redis://u:{HIDDEN}@127.0.0.1:5x/0", "redis://"),
        ("JIESU_VAULT_KEYS", HIDDEN, "密钥有误"),
    ],
)
def test_a_bad_setting_is_named_in_words_without_its_value(name: str, value: str, told: str) -> None:
    answer = jiesu("db", "check", **{name: value})
    assert answer.exit_code == 1
    assert answer.stderr.startswith("错误：")
    assert told in answer.stderr
    assert HIDDEN not in answer.output


def test_an_absent_postgresql_is_said_without_its_address() -> None:
    url = f"postgresql+asyncpg://u:{HIDDEN}@127.0.0.1:1/x"
    answer = jiesu("db", "check", JIESU_DATABASE_URL=url, JIESU_VAULT_KEYS=KEYS)
    assert answer.exit_code == 1
    assert answer.stderr.startswith("错误：数据库无法连接")
    assert HIDDEN not in answer.output


def test_a_database_that_is_not_there_is_said(postgres: sa.URL) -> None:
    url = postgres.set(database="jiesu_nowhere").render_as_string(hide_password=False)
    answer = jiesu("db", "check", JIESU_DATABASE_URL=url, JIESU_VAULT_KEYS=KEYS)
    assert (answer.exit_code, answer.stderr[:13]) == (1, "错误：数据库服务器上没有这")


def test_a_damaged_database_file_is_said(data: Path) -> None:
    data.mkdir()
    (data / "jiesu.db").write_bytes(b"nonsense" * 1000)
    answer = jiesu("db", "check")
    assert (answer.exit_code, "已损坏" in answer.stderr) == (1, True)


def test_a_schema_that_was_never_made_is_said() -> None:
    answer = jiesu("ticket", "explain", "1")
    assert (answer.exit_code, "jiesu db upgrade" in answer.stderr) == (1, True)


def test_a_data_directory_that_is_a_file_is_said(data: Path) -> None:
    data.write_text("")
    answer = jiesu("db", "upgrade")
    assert (answer.exit_code, "已经存在，但不是目录" in answer.stderr) == (1, True)


def test_a_key_file_that_is_no_text_is_said(data: Path) -> None:
    data.mkdir()
    (data / "vault.key").write_bytes(b"\xff\xfe")
    answer = jiesu("db", "upgrade")
    assert (answer.exit_code, "密钥有误" in answer.stderr) == (1, True)


@pytest.mark.parametrize(
    "error", [redis.ConnectionError(HIDDEN), sa.exc.IntegrityError(HIDDEN, {}, ValueError(HIDDEN))]
)
def test_the_words_of_a_library_are_never_repeated(error: Exception) -> None:
    told = failures.sentence(error)
    assert told
    assert HIDDEN not in told


@pytest.mark.parametrize("error", [KeyError("x"), BrokenPipeError()])
def test_a_fault_of_ours_keeps_its_traceback(error: Exception) -> None:
    assert failures.sentence(error) is None


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())}


def test_what_is_stored_is_readable_by_its_owner_alone(data: Path) -> None:
    assert jiesu("db", "upgrade").exit_code == 0
    assert modes(data) == {"data": 0o700, "jiesu.db": 0o600, "vault.key": 0o600}


def test_a_database_left_open_by_an_earlier_version_is_closed(data: Path) -> None:
    jiesu("db", "upgrade")
    (data / "jiesu.db").chmod(0o644)
    jiesu("db", "check")
    assert modes(data)["jiesu.db"] == 0o600


def test_a_folder_that_was_there_before_keeps_its_mode(data: Path) -> None:
    data.mkdir(mode=0o755)
    data.chmod(0o755)
    jiesu("db", "upgrade")
    assert modes(data)["data"] == 0o755


def test_an_interrupt_while_loading_leaves_no_traceback() -> None:
    code = """
import os, signal, sys
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        name == "click" and os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupting())
from triage.start import main
main()
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (-signal.SIGINT, b"")
