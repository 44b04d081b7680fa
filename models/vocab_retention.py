"""Vocabulary of retention (保存期限). Standard library only."""

from __future__ import annotations

from models.vocab import Labelled


class Kept(Labelled):
    """保存对象: what has a time after which it goes."""

    LEDGER = "ledger", "审计台账"
    IDENTITY = "identity", "诉求人身份信息"
    CALL = "call", "回拨记录"
    REWARD = "reward", "领奖人信息"
    OWN_NUMBER = "own_number", "工作人员登记的本人号码"
    SHIFT = "shift", "交接班的文字"
