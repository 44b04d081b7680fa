"""ops/cron/jiesu-backup: what the timetable of backups runs is a command there is, and does what it says."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CRON = (ROOT / "ops" / "cron" / "jiesu-backup").read_text(encoding="utf-8")
ENTRY = re.compile(r"^(#?)(\d+) (\d+) \* \* (\S+) root (.+)$", re.MULTILINE)
#: (day, command): what is in force, and beside it what stands there for compose.yaml.
HERE, COMPOSE = (
    [(day, command) for mark, _, _, day, command in ENTRY.findall(CRON) if mark == wanted]
    for wanted in ("", "#")
)
#: Stands for docker: what follows the service goes to our command, with the settings of `-e`.
DOCKER = """#!/bin/sh
. {folder}/env; unset JIESU_BACKUP_KEYS_FILE
while [ "$1" != migrate ]; do
  [ "$1" = -e ] && export "${{2%%=*}}={folder}/key"
  shift
done
shift
exec jiesu "$@"
"""
PAIRS = pytest.mark.parametrize("lines", [HERE, COMPOSE], ids=["on the host", "compose"])


@PAIRS
def test_one_backup_each_night_and_one_a_week_is_proved(lines: list[tuple[str, str]]) -> None:
    days = dict(lines)
    assert set(days) == {"1-6", "0"}
    assert ["--verify" in days[day] for day in ("1-6", "0")] == [False, True]
    # cron takes a percent sign for the end of the line.
    assert not any("%" in command for command in days.values())


def test_compose_is_asked_for_no_terminal_and_starts_nothing_else() -> None:
    """Without -T cron has "the input device is not a TTY"; its dependencies upgrade the schema."""
    services = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    for _, command in COMPOSE:
        words = command.partition("docker compose run ")[2].split()
        assert {"--rm", "-T", "--no-deps"} <= set(words[: words.index("migrate")])
    assert "migrate" in services


@PAIRS
def test_the_lines_run_and_old_backups_go_only_after_a_new_one(
    lines: list[tuple[str, str]], tmp_path: Path
) -> None:
    """As cron runs them: /bin/sh, the folder and the file of settings put where this test may write."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "backups").mkdir()
    (tmp_path / "bin" / "jiesu").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m triage.cli "$@"\n')
    (tmp_path / "bin" / "jiesu").chmod(0o755)
    (tmp_path / "bin" / "docker").write_text(DOCKER.format(folder=tmp_path))
    (tmp_path / "bin" / "docker").chmod(0o755)
    key = base64.b64encode(os.urandom(32)).decode()
    (tmp_path / "key").write_text(f"1:{key}\n")
    (tmp_path / "env").write_text(
        f"export JIESU_DATA_DIR={tmp_path / 'data'} JIESU_BACKUP_KEYS_FILE={tmp_path / 'key'}\n"
    )
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    old = tmp_path / "backups" / "jiesu-20260101T000000Z.jiesu-backup"
    ago = (datetime.now(UTC) - timedelta(days=40)).timestamp()

    def run(command: str) -> subprocess.CompletedProcess[str]:
        here = command.replace("/etc/jiesu/env", str(tmp_path / "env"))
        here = here.replace("/backups", str(tmp_path / "backups")).replace("cd /opt/jiesu", f"cd {tmp_path}")
        old.touch()
        os.utime(old, (ago, ago))
        environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            ["/bin/sh", "-c", here], env=environment, capture_output=True, text=True, check=False
        )

    week, sunday = (command for _, command in lines)
    refused = run(week)
    assert (refused.returncode, refused.stdout, old.exists()) == (1, "", True)
    assert "数据库还是空的" in refused.stderr
    assert run(f". {tmp_path / 'env'} && jiesu db upgrade").returncode == 0
    done = run(sunday)
    assert (done.returncode, done.stdout, old.exists()) == (0, "", False)
    assert len(list((tmp_path / "backups").glob("jiesu-*.jiesu-backup"))) == 1
