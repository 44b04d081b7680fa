"""Where JIESU_HOST leads, and whether one can listen there: asked before anything is started.

A slip of the pen is told as one, by its setting, and not in a child's log.
"""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING, Any

from triage import datadir
from triage.errors import SettingsError
from triage.services.staff import public

if TYPE_CHECKING:
    from triage.settings import Settings


def check(settings: Settings) -> None:
    """Refuse an address that cannot be listened on now.

    Raises SettingsError.
    """
    # `localhost` has an address of each kind: one that is taken is too many, one that works is enough.
    found = _addresses(settings)
    errors = [_bind_error(kind, address) for kind, address in found]
    refused = [error for error in errors if error is not None]
    taken = [error for error in refused if error.errno == errno.EADDRINUSE]
    if taken or len(refused) == len(found):
        raise SettingsError(_refusal(settings, (taken or refused)[0]))


def _addresses(settings: Settings) -> list[tuple[int, tuple[Any, ...]]]:
    """What the host and port of the settings mean: kinds of sockets, and what each is bound to.

    Raises SettingsError when the host is no address and no name that is known here.
    """
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        raise SettingsError(
            "JIESU_HOST 不是 IP 地址，也不是本机认得的主机名；只在本机访问，去掉这一行或写 127.0.0.1"
        ) from None
    return [(kind, address) for kind, _, _, _, address in found]


def _bind_error(kind: int, address: tuple[Any, ...]) -> OSError | None:
    """Why an address cannot be listened on."""
    try:
        with socket.socket(kind, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return error
    return None


def _refusal(settings: Settings, error: OSError) -> str:
    where = public.address(settings)
    if error.errno == errno.EADDRINUSE:
        return f"{where} 已被占用；可用 JIESU_PORT 换一个端口"
    if error.errno == errno.EACCES:
        return f"没有权限监听 {where}；可用 JIESU_PORT 换一个 1024 以上的端口"
    return f"不能监听 {where}（{datadir.system_reason(error)}）；可用 JIESU_HOST 换一个本机地址"
