"""The data directory: made for its owner alone. Complaints and keys lie there."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from triage.errors import NotReady, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

_OWN_FOLDER: Final = 0o700
_OWN_FILE: Final = 0o600
#: For a process whose children make files there by themselves.
PRIVATE_UMASK: Final = 0o077
#: SQLite gives the files beside a database the database's own mode, but only when it makes them.
_BESIDE: Final = ("", "-wal", "-shm", "-journal")

_REASONS: Final = {
    errno.EADDRINUSE: "地址或端口已被占用",
    errno.EADDRNOTAVAIL: "本机没有这个地址",
    errno.EACCES: "没有权限",
    errno.EPERM: "没有权限",
    errno.EROFS: "文件系统是只读的",
    errno.ENOSPC: "磁盘已满",
    errno.ENOENT: "没有这个文件或目录",
    errno.ENOTDIR: "路径中有一段不是目录",
    errno.EISDIR: "是目录，不是文件",
    errno.EEXIST: "已经存在，但不是目录",
    errno.EMFILE: "打开的文件太多",
    errno.ENAMETOOLONG: "名称太长",
}


def system_reason(error: OSError) -> str:
    """Why the operating system refused, for staff."""
    return _REASONS.get(error.errno or 0, error.strerror or type(error).__name__)


def own_folder(path: Path) -> Path:
    """Make a folder for its owner alone; one that is there already keeps its mode, it may hold other things.

    Raises SettingsError when it cannot be made or written.
    """
    try:
        path.mkdir(mode=_OWN_FOLDER, parents=True, exist_ok=True)
        writable = os.access(path, os.W_OK | os.X_OK)
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL
        reason = system_reason(error) if isinstance(error, OSError) else "名称不合法"
        raise SettingsError(f"数据目录 {path} 无法建立（{reason}）；可用 JIESU_DATA_DIR 另设目录") from None
    if not writable:
        raise SettingsError(f"数据目录 {path} 不可写；请改权限，或用 JIESU_DATA_DIR 另设目录")
    return path


def own_database(path: Path) -> None:
    """Make a database file before SQLite does, readable by its owner alone. Raises SettingsError."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, _OWN_FILE))
        for suffix in _BESIDE:
            _tighten(path.with_name(path.name + suffix))
    except OSError as error:
        raise SettingsError(f"数据库文件 {path} 无法打开（{system_reason(error)}）") from None


def _tighten(path: Path) -> None:
    """Take a file of an earlier version from the others who could read it."""
    if path.exists() and stat.S_IMODE(path.stat().st_mode) & ~_OWN_FILE:
        path.chmod(_OWN_FILE)


@contextmanager
def held(path: Path, refusal: str, *, shared: bool = False) -> Iterator[None]:
    """Hold a lock file, alone or with others; the system lets go of it however the process ends.

    Raises NotReady with the refusal when somebody else has it.
    """
    own_folder(path.parent)
    with path.open("a") as file:
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotReady(refusal) from None
        yield


@contextmanager
def in_use(database: str | sa.URL) -> Iterator[None]:
    """What a long-running process holds of an SQLite database, so that none is exchanged below it."""
    place = _lock_of(database)
    if place is None:
        yield
        return
    with held(place, "正在恢复数据库：恢复完再启动", shared=True):
        yield


@contextmanager
def unused(database: str | sa.URL) -> Iterator[None]:
    """Hold an SQLite database while no process of ours has it. Raises NotReady."""
    place = _lock_of(database)
    if place is None:
        yield
        return
    with held(place, "目标数据库还有程序在用：先停下 jiesu 各进程再恢复；没有改动"):
        yield


def _lock_of(database: str | sa.URL) -> Path | None:
    """The lock beside an SQLite file; PostgreSQL knows itself who is connected."""
    url = sa.make_url(database)
    if url.get_backend_name() != "sqlite" or url.database in {None, "", ":memory:"}:
        return None
    return Path(f"{url.database}.lock")
