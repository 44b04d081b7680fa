"""Where JIESU_HOST leads: asked before anything is started, so that a slip of the pen is told as one."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from triage.errors import SettingsError

if TYPE_CHECKING:
    from triage.settings import Settings


def addresses(settings: Settings) -> list[tuple[int, tuple[Any, ...]]]:
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
