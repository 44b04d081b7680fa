"""The error tree: each class has a code, an HTTP status and a Chinese sentence for staff (its docstring)."""

from __future__ import annotations

import traceback
from pathlib import PurePath
from typing import ClassVar, Final

#: Of each error of a chain so many of the last frames are told.
_FRAMES: Final = 20
#: So many errors of a chain.
_CHAIN: Final = 5


class TriageError(Exception):
    """系统处理出错。"""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500

    def __init__(self, detail: str | None = None) -> None:
        """Keep the detail; without one the class's own sentence is the message."""
        self.detail = detail or (type(self).__doc__ or "").strip()
        super().__init__(self.detail)


class BadInput(TriageError):
    """输入有误。"""

    code = "bad_input"
    status = 400


class NotFound(TriageError):
    """没有找到。"""

    code = "not_found"
    status = 404


class TableError(TriageError):
    """规则表有误。"""

    code = "table_error"


class NoRule(TriageError):
    """派单目录里没有对应的有效条目。"""

    code = "no_rule"
    status = 422


class SettingsError(TriageError):
    """系统设置有误。"""

    code = "settings_error"


class NotReady(TriageError):
    """系统尚未就绪。"""

    code = "not_ready"
    status = 503


def place_of(error: BaseException) -> str:
    """Class of an error and where it came from, for logs: its message might quote what a citizen wrote."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace else "?"
    return f"{type(error).__name__} @ {where}"


def trace_of(error: BaseException) -> list[str]:
    """The frames of an error and of those it came of, the newest error first; none of their messages."""
    found: list[str] = []
    one: BaseException | None = error
    for _ in range(_CHAIN):
        if one is None:
            break
        frames = [
            f"{'/'.join(PurePath(frame.f_code.co_filename).parts[-2:])}:{line} {frame.f_code.co_name}"
            for frame, line in traceback.walk_tb(one.__traceback__)
        ]
        found += [type(one).__name__, *frames[-_FRAMES:]]
        if isinstance(one, BaseExceptionGroup):  # several side by side: the first tells enough
            one = one.exceptions[0]
        else:
            one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    return found
