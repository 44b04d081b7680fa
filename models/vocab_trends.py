"""Vocabulary of trends (态势): what came of a demand, what figures are told by. Standard library only."""

from __future__ import annotations

from typing import Final

from models.vocab import Labelled


class Ending(Labelled):
    """结果: what has come of a demand so far. Every demand has exactly one."""

    REVIEW = "in_review", "待审核"
    OPEN = "open", "办理中"
    SOLVED = "solved", "已解决"
    UNSOLVED = "unsolved", "未解决"
    ENDED = "ended", "已办结，未回访到"
    ANSWERED = "answered", "当场答复"
    WITHDRAWN = "withdrawn", "已撤诉"
    DIVERTED = "diverted", "已分流"
    HANDED_OVER = "handed_over", "已转办(非环境)"
    MERGED = "merged", "并入其他工单"


#: Endings that a sum has a column of; of the one left it holds what the others leave of the demands.
SUMMED: Final = tuple(ending for ending in Ending if ending is not Ending.ANSWERED)


class Axis(Labelled):
    """维度: what figures are told by."""

    KIND = "kind", "诉求类别"
    DISTRICT = "district", "区"
    STREET = "street", "街道乡镇"
    CHANNEL = "channel", "受理渠道"
    DAY = "day", "日"
    MONTH = "month", "月"


class SignalKind(Labelled):
    """信号: what was noticed in the figures."""

    BURST = "burst", "突增"
    RISING = "rising", "持续上升"
    HOT_GRID = "hot_grid", "热点网格"
    HOT_COMMUNITY = "hot_community", "热点社区"
    CHRONIC = "chronic", "长期反复"


class SignalState(Labelled):
    """信号处置: what a person made of it."""

    NEW = "new", "待研判"
    ACKNOWLEDGED = "acknowledged", "已采纳"
    DISMISSED = "dismissed", "已排除"
