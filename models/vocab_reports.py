"""Terms of reports (报告), with their Chinese labels. Standard library only."""

from __future__ import annotations

from models.vocab import Labelled


class ReportKind(Labelled):
    """What period a report is about."""

    DAILY = "daily", "日报"
    WEEKLY = "weekly", "周报"
    MONTHLY = "monthly", "月报"


class Shortfall(Labelled):
    """What pulls a unit's own figures down in a month (本单位数据)."""

    LATE_CONTACT = "late_contact", "没有按时响应"
    UNSOLVED = "unsolved", "没有解决"
    DISSATISFIED = "dissatisfied", "满意不到满分"
    LATE_ANSWER = "late_answer", "反馈超期"
    SUPPLEMENTED = "supplemented", "退回补充"
    REHANDLED = "rehandled", "重办"
    OBJECTION_LOST = "objection_lost", "退单未成立"


class ReportMoment(Labelled):
    """When a report is told of."""

    DRAFTED = "drafted", "起草"
    SIGNED = "signed", "签发"


class ReportState(Labelled):
    """Where a report stands."""

    DRAFT = "draft", "待审签"
    SIGNED = "signed", "已签发"
