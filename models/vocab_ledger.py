"""Vocabulary of the ledger (审计台账): what is written of, and what was done. Standard library only.

A new act is a new line here: its value is what is stored, and never changes afterwards.
"""

from __future__ import annotations

from typing import Final

from models.vocab import Labelled


class SubjectKind(Labelled):
    """审计对象: what an entry of the ledger is about."""

    APPEAL = "appeal", "诉求"
    CALLER = "caller", "来电号码"
    TICKET = "ticket", "工单"
    REWARD = "reward", "奖励申请"
    INSPECTIONS = "inspections", "检查清单"
    STAFF = "staff", "账号"
    TOKEN = "token", "接口令牌"
    SOURCE = "source", "来源"
    NUMBERS = "numbers", "虚拟号服务"
    CONTACT = "contact", "联系方式"
    DIRECTORY = "directory", "单位通讯录"
    NOTICE = "notice", "外发通知"
    PLACE = "place", "点选词典"
    TABLES = "tables", "规则表"
    LEAD = "lead", "媒体线索"
    EXPORT = "export", "导出"
    REPORT = "report", "报告"
    SIGNAL = "signal", "态势信号"
    INCIDENT = "incident", "突发事件"
    SHIFT = "shift", "交接班"
    PAIR = "pair", "同一事项"
    TOPIC = "topic", "专题"
    KEY = "key", "密钥"
    LEDGER = "ledger", "审计台账"
    BACKUP = "backup", "备份"


class LedgerAct(Labelled):
    """审计动作: what was done."""

    REVEALED = "identity.revealed", "查看身份"
    REVEAL_REFUSED = "identity.refused", "查看身份被拒"
    REVEAL_ALERT = "identity.alert", "查看过多"
    CALLER_LOOKED = "identity.caller", "来电查件"
    CALLER_FOUND = "identity.caller_case", "来电查到"
    ORIGINAL_READ = "identity.original", "看诉求原文"
    CALL_ASKED = "identity.call_asked", "请求回拨"
    CALLED_BACK = "identity.called", "回拨"
    CALL_REFUSED = "identity.call_refused", "回拨被拒"
    CALL_FAILED = "identity.call_failed", "回拨未成"
    CALLS_PRUNED = "identity.calls_pruned", "清理到期回拨记录"
    OWN_NUMBER_SET = "staff.number", "登记本人号码"
    OWN_NUMBER_REMOVED = "staff.number_removed", "去掉本人号码"
    ERASED = "identity.erased", "删除身份"
    CONFIDED = "appeal.confided", "补报保密"
    REGISTERED = "appeal.registered", "人工登记诉求"
    IDENTITY_CORRECTED = "identity.corrected", "更正身份"
    ERASE_ASKED = "identity.erase_asked", "要求删除身份"
    ACCOUNT_STORED = "identity.account", "登记收款账号"

    KEY_ADDED = "key.added", "添加密钥"
    KEY_ROTATED = "key.rotated", "轮换密钥"
    KEY_RETIRED = "key.retired", "停用密钥"
    INDEX_ROTATED = "key.index", "轮换索引密钥"

    SIGNED_IN = "staff.signed_in", "登录"
    SIGN_IN_REFUSED = "staff.refused", "登录被拒"
    SIGNED_OUT = "staff.signed_out", "退出登录"
    LOCKED = "staff.locked", "锁定账号"
    STAFF_ADDED = "staff.added", "添加账号"
    STAFF_CHANGED = "staff.changed", "修改账号"
    STAFF_ASKED = "staff.asked", "申请复核账号变更"
    STAFF_CONFIRMED = "staff.confirmed", "复核同意账号变更"
    STAFF_TURNED_DOWN = "staff.turned_down", "复核驳回账号变更"
    STAFF_DISABLED = "staff.disabled", "停用账号"
    PASSWORD_SET = "staff.password", "设置密码"
    TOTP_SET = "staff.totp", "设置动态口令"
    SESSION_ENDED = "staff.session_ended", "结束会话"
    TOKEN_ADDED = "token.added", "添加令牌"
    TOKEN_REVOKED = "token.revoked", "吊销令牌"

    SOURCE_ADDED = "source.added", "添加来源"
    SOURCE_CHANGED = "source.changed", "修改来源"
    SOURCE_SWITCHED = "source.switched", "启停来源"
    SOURCE_REWOUND = "source.rewound", "重新拉取"
    ACTION_DECIDED = "source.action", "重试或放弃回传"
    NUMBERS_ADDED = "numbers.added", "添加虚拟号服务"
    NUMBERS_CHANGED = "numbers.changed", "修改虚拟号服务"
    NUMBERS_SWITCHED = "numbers.switched", "启停虚拟号服务"
    CONTACT_SET = "contact.set", "设置联系方式"
    CONTACT_REMOVED = "contact.removed", "去掉联系方式"
    DIRECTORY_SET = "directory.set", "改单位通讯录"
    DIRECTORY_CONFIRMED = "directory.confirmed", "核对单位通讯录"
    NOTICES_AGAIN = "notice.again", "重发通知"
    PLACE_ADDED = "place.added", "点选地点"
    PLACE_REMOVED = "place.removed", "去掉点选地点"
    TABLES_CHANGED = "tables.changed", "更换规则表"
    CORRECTED = "reading.corrected", "更正识别"
    APPEALS_RETRIED = "appeal.retried", "重试失败诉求"
    LEAD_DECIDED = "lead.decided", "处理线索"
    BULK_MADE = "ticket.bulk", "批量办理"
    FILES_ADDED = "ticket.files", "添加附件"
    CALL_AFTER_SET = "ticket.call_after", "定回访约定时间"
    KEEPER_SET = "ticket.keeper", "定经办人"
    REMARKED = "ticket.remark", "写备注"
    REMARK_TAKEN_BACK = "ticket.remark_taken_back", "撤回备注"
    SHIFT_WRITTEN = "shift.written", "写交接班"
    SHIFT_TAKEN_BACK = "shift.taken_back", "撤回交接班"
    SHIFT_RELIEVED = "shift.relieved", "接班"
    SHIFT_RELIEF_UNDONE = "shift.relief_undone", "撤销接班"
    SHIFT_FORGOTTEN = "shift.forgotten", "清理到期交接班文字"
    PLATFORM_DISMISSED = "ticket.platform", "平台来话已看过"
    INCIDENT_DECIDED = "incident.decided", "处置突发事件"
    PAIR_DECIDED = "pair.decided", "判定同一事项"
    MONTH_PUBLISHED = "report.month", "发布月度三率"
    EXPORTED = "export.made", "导出"
    REPORT_MADE = "report.made", "生成报告"
    SIGNAL_DECIDED = "signal.decided", "处置态势信号"
    SIGNAL_TAKEN_BACK = "signal.taken_back", "撤回态势信号的处置"
    THEME_DECIDED = "topic.decided", "取舍每月一题"

    REWARD_CHANGED = "reward.changed", "办理奖励"
    REWARD_APPROVED = "reward.approved", "审批奖励"
    REWARD_PAID = "reward.paid", "发放奖励"
    INSPECTIONS_CHANGED = "reward.inspections", "更改检查清单"

    BACKED_UP = "backup.made", "备份"
    RESTORED = "backup.restored", "恢复备份"
    RESTORE_SETTLED = "backup.settled", "恢复后清理"

    LEDGER_EXPORTED = "ledger.exported", "导出审计台账"
    LEDGER_VERIFIED = "ledger.verified", "核对审计台账"
    LEDGER_PRUNED = "ledger.pruned", "清理到期台账"


#: Whoever did one of these to an appeal may know who it is from.
LOOKS: Final = (
    LedgerAct.REVEALED.value,
    LedgerAct.ORIGINAL_READ.value,
    LedgerAct.CALLED_BACK.value,
    LedgerAct.CALLER_FOUND.value,
)
