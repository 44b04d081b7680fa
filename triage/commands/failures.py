"""What the world refused (disk, database, Redis) in one Chinese sentence.

Never the error's own text: a database tells values, which are citizens' words, and addresses hold passwords.
Loaded only when something failed, so that no command waits for these libraries.
"""

from __future__ import annotations

import socket
from typing import Final

import asyncpg
import redis
import sqlalchemy.exc as sa

from triage import datadir

_DATABASE_AWAY: Final = "数据库无法连接：请确认数据库已启动，并核对 JIESU_DATABASE_URL 的地址、端口和库名"
_OLD_SCHEMA: Final = "数据库结构不是最新，请先运行 jiesu db upgrade"
#: What SQLite says, in words of its own that hold no value.
_SQLITE: Final = {
    "file is not a database": "数据库文件已损坏，或不是 SQLite 数据库",
    "malformed": "数据库文件已损坏",
    "unable to open database file": "数据库文件无法打开：请核对目录和权限",
    "readonly database": "数据库文件是只读的：请核对目录和权限",
    "disk is full": "磁盘已满",
    "disk I/O error": "磁盘读写出错",
    "database is locked": "数据库正忙，请稍后再试",
    "no such table": _OLD_SCHEMA,
    "no such column": _OLD_SCHEMA,
}
#: What the driver or the network raised, and what it means.
_DRIVER: Final = (
    (
        asyncpg.InvalidAuthorizationSpecificationError,
        "数据库拒绝登录：请核对 JIESU_DATABASE_URL 的用户名和密码",
    ),
    (asyncpg.InvalidCatalogNameError, "数据库服务器上没有这个库：请核对 JIESU_DATABASE_URL，或先建库"),
    (asyncpg.UndefinedTableError, _OLD_SCHEMA),
    (asyncpg.UndefinedColumnError, _OLD_SCHEMA),
    (asyncpg.InsufficientPrivilegeError, "数据库用户的权限不够"),
    ((socket.gaierror, ConnectionError, TimeoutError, asyncpg.CannotConnectNowError), _DATABASE_AWAY),
)


def sentence(error: Exception) -> str | None:
    """Say what failed, or None when it is a fault of ours that needs its traceback."""
    match error:
        case BrokenPipeError():
            return None  # the reader of our output left: click ends quietly
        case redis.RedisError():
            return f"Redis 无法使用（{type(error).__name__}）：请确认它已启动，并核对 JIESU_REDIS_URL"
        case asyncpg.PostgresError() | asyncpg.InterfaceError() | sa.SQLAlchemyError():
            return _database(error)
        case socket.gaierror() | ConnectionError() | TimeoutError():
            return _DATABASE_AWAY
        case OSError():
            return _system(error)
    return None


def _database(error: Exception) -> str:
    """The cause lies in what the driver raised, one or two errors down."""
    causes = list(_chain(error))
    said = " ".join(str(cause) for cause in causes if type(cause).__module__.startswith("sqlite3"))
    for words, told in _SQLITE.items():
        if words in said:
            return told
    for cause in causes:
        for kinds, told in _DRIVER:
            if isinstance(cause, kinds):
                return told
    return f"数据库出错（{type(causes[-1]).__name__}）：请联系管理员"


def _chain(error: BaseException | None) -> list[BaseException]:
    """An error and what caused it, the outermost first."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or getattr(error, "orig", None)
    return found


def _system(error: OSError) -> str:
    """The operating system's refusal, with the place but never contents."""
    reason = datadir.system_reason(error)
    return f"{reason}：{error.filename}" if error.filename else f"系统拒绝了操作：{reason}"
