"""Vocabulary of the citizen's page and of Open311. Standard library only, as `models.vocab`."""

from __future__ import annotations

from typing import Final

from models.vocab import Labelled

#: As whom the record names a citizen who acts by the web: no staff has this login.
CITIZEN: Final = "citizen"


class Manner(Labelled):
    """How a citizen sends an appeal: under their name, without it, or in confidence (举报保密)."""

    NAMED = "named", "实名"
    ANONYMOUS = "anonymous", "匿名"
    CONFIDENTIAL = "confidential", "保密举报"


class Unsolved(Labelled):
    """What a citizen's 评价 on the web says that whoever rings them (回访) should know before."""

    UNSOLVED = "unsolved", "网上说没有解决"
    DISSATISFIED = "dissatisfied", "网上说不满意"
    VERY_DISSATISFIED = "very_dissatisfied", "网上说很不满意"


class Asked(Labelled):
    """What is counted so that nobody asks too often."""

    REPORT = "report", "提交诉求"
    TRACK = "track", "查询进度"
    ADD = "add", "追加和催办"
    POST = "open311_post", "接口提交"
    REWARD = "reward", "领奖"
    OPEN_DATA = "open_data", "开放数据"
    SIGN_IN = "sign_in", "登录"
    REVEAL = "reveal", "查看身份"
    CALL = "call", "回拨"


class Datatype(Labelled):
    """Open311: what a question of a service asks for."""

    STRING = "string", "短文字"
    NUMBER = "number", "数"
    DATETIME = "datetime", "时刻"
    TEXT = "text", "长文字"
    ONE = "singlevaluelist", "单选"
    MANY = "multivaluelist", "多选"
