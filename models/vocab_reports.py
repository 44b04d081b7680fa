"""Terms of reports (报告), with their Chinese labels. Standard library only."""

from __future__ import annotations

from models.vocab import Labelled


class ReportKind(Labelled):
    """What period a report is about."""

    DAILY = "daily", "日报"
    WEEKLY = "weekly", "周报"
    MONTHLY = "monthly", "月报"


class ReportMoment(Labelled):
    """When a report is told of."""

    DRAFTED = "drafted", "起草"
    SIGNED = "signed", "签发"


class ReportState(Labelled):
    """Where a report stands."""

    DRAFT = "draft", "待审签"
    SIGNED = "signed", "已签发"
