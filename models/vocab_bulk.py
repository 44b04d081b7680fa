"""批量办理: the words of moves made over many tickets at once. Standard library only, like `vocab`."""

from __future__ import annotations

from models.vocab import Labelled


class BulkState(Labelled):
    """Where a bulk job stands."""

    DRAFT = "draft", "待确认"
    RUNNING = "running", "办理中"
    DONE = "done", "已办完"
    CANCELLED = "cancelled", "已取消"


class BulkRow(Labelled):
    """What became of one ticket of a bulk job."""

    WAITING = "waiting", "待办理"
    DONE = "done", "已办理"
    REFUSED = "refused", "不能办理"
    CONFLICT = "conflict", "已被别人改动"
    FAILED = "failed", "系统出错"
    CANCELLED = "cancelled", "已取消"
