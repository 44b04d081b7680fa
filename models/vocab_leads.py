"""Vocabulary of leads (线索) from media feeds. Standard library only."""

from __future__ import annotations

from models.vocab import Labelled


class LeadState(Labelled):
    """线索状态: where a lead stands. Only a confirmed one is an appeal, and only that counts anywhere."""

    UNREAD = "unread", "待识别"
    WAITING = "waiting", "待确认"
    CONFIRMED = "confirmed", "已转诉求"
    DROPPED = "dropped", "已丢弃"
    MERGED = "merged", "已合并"


class LeadAct(Labelled):
    """线索操作: what was done with a lead; each is one event of it."""

    TAKEN = "taken", "收到"
    READ = "read", "识别"
    SCREENED = "screened", "自动筛除"
    REPEATED = "repeated", "又见报道"
    CONFIRM = "confirm", "转为诉求"
    DROP = "drop", "丢弃"
    MERGE = "merge", "合并"
    UNDO = "undo", "撤销"


class DropReason(Labelled):
    """丢弃原因."""

    NOT_ENVIRONMENTAL = "not_environmental", "不是环境问题"
    ELSEWHERE = "elsewhere", "不在本市"
    OLD = "old", "旧闻"
    NO_MATTER = "no_matter", "没有具体的人、地、事"
    ADVERT = "advert", "广告或宣传"
    HANDLED = "handled", "报道里已说明办结"
    OTHER = "other", "其他"
