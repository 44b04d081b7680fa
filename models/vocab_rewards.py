"""Vocabulary of 有奖举报. Standard library only, as `models.vocab`."""

from __future__ import annotations

from typing import Final

from models.vocab import Labelled


class RewardState(Labelled):
    """Where a reward stands. Which act leads from where to where: `triage/tables/rewards/steps.yaml`."""

    CANDIDATE = "candidate", "待核验"
    REVIEWING = "reviewing", "待复核"
    LEGAL_PASSED = "legal_passed", "法制已复核"
    FINANCE_PASSED = "finance_passed", "财务已复核"
    APPROVING = "approving", "待审批"
    APPROVED = "approved", "已批准待通知"
    NOTIFIED = "notified", "已通知"
    REFUSING = "refusing", "拟不予奖励待复核"
    REFUSED = "refused", "不予奖励"
    JOINED = "joined", "并入同一违法行为"
    RECOVERING = "recovering", "追回中"
    RECOVERED = "recovered", "追回办结"
    ARCHIVED = "archived", "已归档"


class ShareState(Labelled):
    """Where one reporter's part of a reward stands."""

    PENDING = "pending", "待通知"
    OPEN = "open", "待领取"
    CLAIMED = "claimed", "已登记待支付"
    PAYING = "paying", "支付中"
    PAID = "paid", "已支付"
    FAILED = "failed", "支付失败待更正"
    WAIVED = "waived", "逾期视为放弃"
    DECLINED = "declined", "本人放弃"


class RewardAct(Labelled):
    """What is done with a reward or a part of one; each writes one event."""

    FOUND = "found", "生成候选"
    RERANKED = "reranked", "重排首报"
    JOIN = "join", "并入"
    OUTCOME = "outcome", "登记处理结果"
    STATE = "state", "填写认定"
    VERIFY = "verify", "核验并提出奖励"
    REFUSE = "refuse", "提出不予奖励"
    UPHOLD = "uphold", "同意不予奖励"
    LEGAL_PASS = "legal_pass", "法制复核通过"
    FINANCE_PASS = "finance_pass", "财务复核通过"
    RETURN = "return", "退回"
    APPROVE = "approve", "批准"
    NOTIFY = "notify", "通知"
    ATTEST = "attest", "当面核验本人"
    CODE = "code", "发给领取码"
    RECODE = "recode", "重发领取码"
    CLAIM = "claim", "登记领取"
    CONFIRM = "confirm", "确认姓名"
    REMIND = "remind", "提醒领取"
    WAIVE = "waive", "逾期视为放弃"
    DECLINE = "decline", "本人放弃"
    REOPEN = "reopen", "重新开放领取"
    EXPORT = "export", "列入支付批次"
    PAY = "pay", "支付成功"
    FAIL = "fail", "支付失败"
    RECOVER = "recover", "追回"
    RECOVERED = "recovered", "已追回"
    UNRECOVERED = "unrecovered", "未能追回"
    CALL_OFF = "call_off", "撤回追回"
    ARCHIVE = "archive", "归档"
    REVIVE = "revive", "重新核验"


class RewardPost(Labelled):
    """As whom somebody acts on a reward."""

    HANDLER = "handler", "经办"
    LEGAL = "legal", "法制复核"
    FINANCE = "finance", "财务复核"
    HEAD = "head", "负责人"
    PAYER = "payer", "支付"
    REPORTER = "reporter", "举报人"
    SYSTEM = "system", "系统"


class RewardOutcome(Labelled):
    """处理结果 that a reward may follow."""

    FINED = "fined", "作出罚款决定"
    POLICE = "police", "移送公安机关"
    NO_PENALTY = "no_penalty", "裁量不予处罚"
    HAZARD_REMOVED = "hazard_removed", "重大隐患消除"
    INCIDENT = "incident", "协助查处突发环境事件"
    VERIFIED = "verified", "查证属实"


class Via(Labelled):
    """How the clue reached the bureau."""

    REPORT = "report", "举报"
    OTHER_CHANNEL = "other_channel", "其他官方渠道"


class Measure(Labelled):
    """What is measured of a violation, in whole numbers."""

    FINE_YUAN = "fine_yuan", "罚款金额（元）"
    HAZARDOUS_KG = "hazardous_kg", "危险废物（千克）"
    LEAD_GROUP_PERCENT = "lead_group_percent", "铅汞镉铬砷铊锑超标（百分比，3 倍写 300）"
    NICKEL_GROUP_PERCENT = "nickel_group_percent", "镍铜锌银钒锰钴超标（百分比，10 倍写 1000）"


class Formula(Labelled):
    """How an award is worked out."""

    RATE = "rate", "按比例"
    FIXED = "fixed", "定额"
    BAND = "band", "区间内确定"
    RATE_BAND = "rate_band", "比例区间内确定"
    CHOICE = "choice", "几档中选一"


class RateOf(Labelled):
    """What a rate is taken of."""

    FINE = "fine", "罚款金额"
    STATUTORY_MAX = "statutory_max", "该类违法的罚款上限"


class Exclusion(Labelled):
    """Why no reward is given."""

    UNCLEAR_FACTS = "unclear_facts", "举报事实不清"
    ALREADY_KNOWN = "already_known_to_bureau", "事先已掌握"
    EXPOSED_BY_MEDIA = "exposed_by_media", "已经媒体曝光"
    IDENTITY_INCOMPLETE = "identity_incomplete", "举报人信息不全"
    REFUSED_BY_REPORTER = "reward_refused_by_reporter", "举报人谢绝奖励"
    OFFICIAL = "officials_and_close_relatives", "公职人员及其近亲属"
    PAID_INVESTIGATOR = "commissioned_or_paid_investigator", "受委托或带薪取证"
    FALSE_MATERIAL = "false_material_or_impersonation", "虚假材料或冒领"
    UNREACHABLE = "anonymous_unreachable", "匿名且无法联系"


class PaymentState(Labelled):
    """Where a payment stands: claimed by its batch before the file leaves."""

    CLAIMED = "claimed", "已列入批次"
    PAID = "paid", "已支付"
    FAILED = "failed", "未支付成功"


#: Before the reporter is told: the limit of the notice runs.
BEFORE_NOTICE: Final = (
    RewardState.CANDIDATE, RewardState.REVIEWING, RewardState.LEGAL_PASSED, RewardState.FINANCE_PASSED,
    RewardState.APPROVING, RewardState.APPROVED, RewardState.REFUSING,
)  # fmt: skip
#: Somebody still has to act.
OPEN_REWARDS: Final = tuple(
    state
    for state in RewardState
    if state not in {RewardState.REFUSED, RewardState.JOINED, RewardState.RECOVERED, RewardState.ARCHIVED}
)
