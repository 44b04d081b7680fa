"""Vocabulary of sources (来源) and of the exchange with a hotline platform. Standard library only."""

from __future__ import annotations

from typing import Final

from models.vocab import Labelled

#: As whom the record names a hotline platform that urges: no staff has this login.
PLATFORM: Final = "12345"


class SourceKind(Labelled):
    """来源类型: how appeals or leads come from there."""

    FILE = "file", "文件导入"
    HOTLINE = "hotline", "12345 热线平台"
    FEED = "feed", "媒体订阅"
    FOLDER = "folder", "文件投递目录"
    WEB = "web", "市民网页"
    OPEN311 = "open311", "Open311 接口"


class Breaker(Labelled):
    """断路: whether a source is asked at all."""

    CLOSED = "closed", "正常"
    OPEN = "open", "已暂停"
    TRIAL = "trial", "试探恢复"


class OrderStatus(Labelled):
    """平台状态: what a foreign status means to us."""

    OPEN = "open", "待办或办理中"
    CLOSED = "closed", "平台已办结"
    WITHDRAWN = "withdrawn", "平台已撤回"


class OrderFact(Labelled):
    """平台所记: what a platform notes on its order beside the complaint; shown, never obeyed."""

    DEADLINE = "deadline", "平台时限"
    DAYS = "days", "平台办理天数"
    GRADE = "grade", "平台紧急程度"
    SUPERVISED = "supervised", "平台督办件"
    JOINT = "joint", "联合督办"
    HARD = "hard", "疑难工单"
    FORMER = "former", "旧单号"


class WordKind(Labelled):
    """平台来话: what a platform says of an order that it had given us before."""

    URGED = "urged", "平台催办"
    WITHDRAWN = "withdrawn", "平台撤单"
    CHANGED = "changed", "平台改了内容"
    REHANDLED = "rehandled", "平台要求重新办理"
    SUPERVISED = "supervised", "平台督办"
    CLOSED = "closed", "平台已办结，这里还在办"


class WordState(Labelled):
    """来话状态: what became of it. What only a person can answer is asked."""

    WAITING = "waiting", "待处理"
    ASKED = "asked", "待人处理"
    DONE = "done", "已处理"
    PASSED = "passed", "不需处理"


class ActionKind(Labelled):
    """回传动作: the seven things told back to the platform (R7.3)."""

    SIGNED = "signed", "签收"
    OBJECTION = "objection", "派单异议"
    EXTENSION = "extension", "延期申请"
    PROGRESS = "progress", "阶段反馈"
    FEEDBACK = "feedback", "反馈"
    CLOSED = "closed", "办结"
    FOLLOW_UP = "follow_up", "回访结果"


class ActionState(Labelled):
    """回传状态: where an action stands on its way to the platform."""

    WAITING = "waiting", "待发送"
    DONE = "done", "平台已收到"
    REFUSED = "refused", "平台拒收"
    DROPPED = "dropped", "不再发送"
