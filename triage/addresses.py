"""Whether an address of the settings is one that whoever uses it takes: said at the start and in words.

Never with a part of it: an address holds a password, and a `?` in one that was not written as `%3F` ends it.
Each raises ValueError.
"""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy import URL

_DATABASE_DRIVERS: Final = frozenset({"postgresql+asyncpg", "sqlite+aiosqlite"})
#: What may stand behind the `?` of PostgreSQL's address. Anything else its driver refuses with a traceback:
#: also what it knows and wants as a number (`timeout`, `statement_cache_size`), for it is given text.
_PG_OPTIONS: Final = frozenset(
    {"host", "port", "user", "password", "passfile", "service", "servicefile", "database", "ssl"}
    | {"direct_tls", "target_session_attrs", "krbsrvname", "gsslib", "command_timeout"}
    | {"prepared_statement_cache_size"}
)
_TLS: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_PG_NUMBERS: Final = {
    "command_timeout": re.compile(r"(?=.*[1-9])[0-9]{1,9}(\.[0-9]{1,9})?"),
    "prepared_statement_cache_size": re.compile(r"[0-9]{1,9}"),
}
_LAST_PORT: Final = 65_535
#: redis-py takes what is no number for database 0.
_REDIS_DATABASE: Final = re.compile(r"/?|/[0-9]{1,9}/?")
_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(:[0-9]{1,5})?")
_ISSUER: Final = re.compile(
    r"https://[^\s?#]+|http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?(/[^\s?#]*)?"
)
#: Behind the address of a mail server: without STARTTLS too.
PLAIN_MAIL: Final = "tls=none"


def check_database(address: str) -> None:
    """Of `JIESU_DATABASE_URL`."""
    from sqlalchemy import exc, make_url  # noqa: PLC0415  (only who sets it pays for loading it)

    try:
        url = make_url(address)
    except (exc.ArgumentError, ValueError):
        url = None
    if url is None or url.drivername not in _DATABASE_DRIVERS:
        raise ValueError("应形如 postgresql+asyncpg://用户:密码@主机/库名 或 sqlite+aiosqlite:///文件")
    if url.drivername.startswith("postgresql"):
        _check_postgresql(url)


def _check_postgresql(url: URL) -> None:
    if set(url.query) - _PG_OPTIONS:
        raise ValueError("地址里 ? 之后有不认识的参数；TLS 写 ssl=require（不是 sslmode）")
    if url.query.get("ssl", _TLS[0]) not in _TLS:
        raise ValueError(f"地址里的 ssl 只能是 {'、'.join(_TLS)}")
    for name, number in _PG_NUMBERS.items():
        given = url.query.get(name)
        if given is not None and not (isinstance(given, str) and number.fullmatch(given)):
            raise ValueError(f"地址里的 {name} 应是数字")
    if not all(port is None or 0 < port <= _LAST_PORT for port in _ports(url)):
        raise ValueError(f"地址里的端口应是 1 到 {_LAST_PORT} 的数")


def _ports(url: URL) -> Sequence[int | None]:
    """The ports of a database's address, as its driver is told them: none where it has its own."""
    from sqlalchemy import exc  # noqa: PLC0415  (as above)

    try:
        _, told = url.get_dialect()().create_connect_args(url)
    except (exc.ArgumentError, ValueError):
        raise ValueError("地址里的主机或端口有误") from None
    port = told.get("port")
    return port if isinstance(port, list | tuple) else [port]


def check_redis(address: str) -> None:
    """Of `JIESU_REDIS_URL`."""
    from redis import ConnectionPool, RedisError  # noqa: PLC0415  (only who sets it pays for loading it)

    try:
        pool = ConnectionPool.from_url(address)
        named = urlsplit(address)
        port = named.port if named.scheme != "unix" else None
    except (ValueError, TypeError):
        raise ValueError("应形如 redis://主机:端口/库号、rediss://… 或 unix://套接字路径") from None
    if port == 0:
        raise ValueError(f"地址里的端口应是 1 到 {_LAST_PORT} 的数")
    if named.scheme != "unix" and not _REDIS_DATABASE.fullmatch(named.path):
        raise ValueError("地址末尾的库号应是数字，形如 redis://主机:端口/2")
    try:
        # Made, and not connected: its options are looked at nowhere before.
        pool.make_connection()
    except (ValueError, TypeError, RedisError):
        raise ValueError("地址里 ? 之后有不认识的参数或值") from None


def check_web(address: str) -> None:
    """Of an interface of somebody else's."""
    try:
        named = urlsplit(address)
        known = named.scheme in {"http", "https"} and named.hostname and named.port != 0
    except ValueError:  # no such port, no such address
        known = False
    if not known or re.search(r"\s", address):
        raise ValueError("应形如 https://主机/路径 或 http://主机:端口/路径")


def check_mail(address: str) -> None:
    """Of a mail server."""
    try:
        named = urlsplit(address)
        known = named.scheme in {"smtp", "smtps"} and named.hostname and named.port != 0
    except ValueError:
        known = False
    if not known:
        raise ValueError("应形如 smtp://用户:密码@主机:端口 或 smtps://…")
    if named.query not in ({""} if named.scheme == "smtps" else {"", PLAIN_MAIL}):
        raise ValueError(f"问号后面只能写 {PLAIN_MAIL}，而且只用于 smtp://")


def check_issuer(address: str) -> None:
    """Of the provider of identities."""
    if not _ISSUER.fullmatch(address):
        raise ValueError("应是 https:// 地址（本机回环地址可用 http://）")


def check_inner_hosts(text: str) -> None:
    """Of several hosts inside that may be connected to."""
    for part in _parts(text):
        host, _, port = part.rpartition(":")
        if not host or "/" in host or not (port.isascii() and port.isdigit()):
            raise ValueError("应形如 主机:端口，多个用逗号隔开")


def check_networks(text: str) -> None:
    """Of several addresses or networks."""
    try:
        for part in _parts(text):
            ip_network(part)
    except ValueError:
        raise ValueError("应是 IP 地址或网段（形如 10.0.0.0/8），多个用逗号隔开") from None


def check_names(text: str) -> None:
    """Of several host names that people type."""
    if any(not _HOST.fullmatch(part) for part in _parts(text)):
        raise ValueError("应是主机名，可带端口，多个用逗号隔开")


def _parts(text: str) -> Iterator[str]:
    return filter(None, (part.strip() for part in text.split(",")))


#: What is asked of which setting.
CHECKS: Final[Mapping[str, Callable[[str], None]]] = {
    "database_url": check_database,
    "redis_url": check_redis,
    "hosts": check_names,
    "oidc_issuer": check_issuer,
    "otlp_endpoint": check_web,
    "sms_url": check_web,
    "wecom_url": check_web,
    "smtp_url": check_mail,
    "feed_private_hosts": check_inner_hosts,
    "hotline_private_hosts": check_inner_hosts,
    "numbers_private_hosts": check_inner_hosts,
    "trusted_proxies": check_networks,
}

#: A setting that is of no use without others.
NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "sms_url": ("sms_secret",),
    "wecom_corp": ("wecom_secret", "wecom_agent"),
    "smtp_url": ("smtp_from",),
}
