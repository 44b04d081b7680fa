"""What a database says when it cannot do now what it can do later: away, or busy; nothing of ours failed.

PostgreSQL's driver puts most of these into the one class of everything else, so its codes tell: a server that
starts, stops or crashed under a request is as far away as one that does not answer.
"""

from __future__ import annotations

from typing import ClassVar, Final

from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from triage.errors import TriageError

#: Connection lost (08), shut down, crashed, starting (57P).
_AWAY: Final = ("08", "57P")
#: Deadlock and serialization (40), lock not granted in time (55P03), no room: disk, memory, connections (53).
_BUSY: Final = ("40", "55P03", "53")
_SQLITE_BUSY: Final = ("SQLITE_BUSY", "SQLITE_FULL")


class DatabaseAway(TriageError):
    """数据库暂时无法连接，请稍后再试；已登记的诉求不会丢失。"""

    code: ClassVar[str] = "database_away"
    status: ClassVar[int] = 503


class DatabaseBusy(TriageError):
    """数据库正忙或空间不足，这次没有保存，请稍后再试；已登记的诉求不会丢失。"""

    code: ClassVar[str] = "database_busy"
    status: ClassVar[int] = 503


class Crowded(TriageError):
    """现在用的人太多，这一次没有办成，请过几秒再试；已登记的诉求不会丢失。"""

    code: ClassVar[str] = "crowded"
    status: ClassVar[int] = 503


def told(error: BaseException) -> TriageError | None:
    """What to say of an error that passes; None: it is none of these.

    Of several at once (a page's charts are made side by side) all must pass.
    """
    if isinstance(error, BaseExceptionGroup):
        found = [told(one) for one in error.exceptions]
        return found[0] if None not in found else None
    return _one(error)


def _one(error: BaseException) -> TriageError | None:
    if isinstance(error, DBAPIError) and getattr(error.orig, "sqlite_errorname", "") in _SQLITE_BUSY:
        return DatabaseBusy()
    # Every connection of this process is in use: the database may be well.
    if isinstance(error, PoolTimeout):
        return Crowded()
    # A socket that is not there is a missing file.
    if isinstance(error, (OperationalError, InterfaceError, ConnectionError, FileNotFoundError)):
        return DatabaseAway()
    if not isinstance(error, DBAPIError):
        return None
    code = str(getattr(error.orig, "sqlstate", None) or "")
    # Without a code of the server's, the driver found its own connection broken under it.
    if (
        error.connection_invalidated
        or code.startswith(_AWAY)
        or (isinstance(error, InternalError) and not code)
    ):
        return DatabaseAway()
    return DatabaseBusy() if code.startswith(_BUSY) else None
