"""Whether an address of the settings is one that its driver takes: said at the start and in words.

Never with a part of it: an address holds a password, and a `?` in one that was not written as `%3F` ends it.
"""

from __future__ import annotations

from typing import Final

_DATABASE_DRIVERS: Final = frozenset({"postgresql+asyncpg", "sqlite+aiosqlite"})
#: What may stand behind the `?` of PostgreSQL's address. Anything else its driver refuses with a traceback:
#: also what it knows and wants as a number (`timeout`, `statement_cache_size`), for it is given text.
_PG_OPTIONS: Final = frozenset(
    {"host", "port", "user", "password", "passfile", "service", "servicefile", "database", "ssl"}
    | {"direct_tls", "target_session_attrs", "krbsrvname", "gsslib", "command_timeout"}
    | {"prepared_statement_cache_size"}
)
_TLS: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


def check_database(address: str) -> None:
    """Raises ValueError."""
    from sqlalchemy import exc, make_url  # noqa: PLC0415  (only who sets it pays for loading it)

    try:
        url = make_url(address)
    except (exc.ArgumentError, ValueError):
        url = None
    if url is None or url.drivername not in _DATABASE_DRIVERS:
        raise ValueError("应形如 postgresql+asyncpg://用户:密码@主机/库名 或 sqlite+aiosqlite:///文件")
    if url.drivername.startswith("postgresql"):
        if set(url.query) - _PG_OPTIONS:
            raise ValueError("地址里 ? 之后有不认识的参数；TLS 写 ssl=require（不是 sslmode）")
        if url.query.get("ssl", _TLS[0]) not in _TLS:
            raise ValueError(f"地址里的 ssl 只能是 {'、'.join(_TLS)}")


def check_redis(address: str) -> None:
    """Raises ValueError."""
    from redis.connection import parse_url  # noqa: PLC0415  (only who sets it pays for loading it)

    try:
        parse_url(address)  # type: ignore[no-untyped-call]
    except (ValueError, TypeError):
        raise ValueError("应形如 redis://主机:端口/库号、rediss://… 或 unix://套接字路径") from None
