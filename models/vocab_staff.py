"""Vocabulary of staff: roles (角色), what they may do (权限), how far they see. Standard library only."""

from __future__ import annotations

from models.vocab import Labelled


class Role(Labelled):
    """角色: what somebody works as. Which permissions and posts it gives: `triage/tables/access.yaml`."""

    CLERK = "clerk", "热线坐席"
    FOLLOW_UP = "follow_up", "回访员"
    STREET = "street", "街乡承办人"
    BUREAU = "bureau", "部门承办人"
    SUPERVISOR = "supervisor", "督办员"
    ANALYST = "analyst", "舆情分析员"
    REWARD = "reward", "奖励审核员"
    ADMIN = "admin", "系统管理员"
    AUDITOR = "auditor", "审计员"


class Permission(Labelled):
    """权限: what a page or an address asks for."""

    SEE_CASES = "see_cases", "查看工单"
    INTAKE = "intake", "受理审核派单"
    HANDLE = "handle", "承办"
    FOLLOW_UP = "follow_up", "回访"
    SUPERVISE = "supervise", "督办"
    BULK = "bulk", "批量办理"
    CORRECT = "correct", "更正识别"
    LEADS = "leads", "处理媒体线索"
    TRENDS = "trends", "查看态势"
    REPORTS = "reports", "查看三率与报告"
    REPORT_WRITE = "report_write", "起草报告与专题定题"
    REPORT_SIGN = "report_sign", "签发报告"
    EXPORT = "export", "导出"
    REVEAL = "reveal", "查看身份"
    CALL = "call", "回拨诉求人"
    REWARD_HANDLE = "reward_handle", "奖励承办"
    REWARD_REVIEW = "reward_review", "奖励审核(法制、财务)"
    REWARD_APPROVE = "reward_approve", "奖励审批"
    REWARD_PAY = "reward_pay", "奖励发放"
    SOURCES = "sources", "来源管理"
    NOTICES = "notices", "外发通知管理"
    STAFF = "staff", "账号管理"
    AUDIT = "audit", "审计"


class Reach(Labelled):
    """范围: how far a role sees. 全市 is that of a person of the city; in a unit it is the unit's."""

    CITY = "city", "全市"
    UNIT = "unit", "本单位及下级"
    NONE = "none", "不看个案"
