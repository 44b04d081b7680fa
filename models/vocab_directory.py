"""Vocabulary of 单位通讯录 (directory): what a unit says of how it is reached. Standard library only."""

from __future__ import annotations

from models.vocab import Labelled


class DirectoryField(Labelled):
    """通讯录项: what a unit fills in. The value is the column, the parameter and the key of JSON."""

    DUTY_PHONE = "duty_phone", "24 小时值班电话"
    OFFICE_PHONE = "office_phone", "办公电话"
    HOURS = "hours", "办公时间"
    REMARK = "remark", "备注"
    STEWARD = "steward", "环保管家"
    STEWARD_PHONE = "steward_phone", "环保管家电话"
    CLERK = "clerk", "接诉即办专员"
    CLERK_PHONE = "clerk_phone", "接诉即办专员电话"
    LEADER = "leader", "带班领导"
    LEADER_PHONE = "leader_phone", "带班领导电话"
