"""Shared vocabulary: the terms of the field, each with its stored key and its Chinese label.

Standard library only, so that every layer (also the pure rules) may import it. The member's value is
what is stored and sent; `label` is what people see. `docs/glossary.md` is generated from here.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Self


class Labelled(StrEnum):
    """A string enum whose members carry a Chinese label: ``NAME = "key", "标签"``."""

    label: str

    def __new__(cls, key: str, label: str = "") -> Self:
        """Make the member from its stored key and its label; a call with the key alone looks it up."""
        member = str.__new__(cls, key)
        member._value_ = key
        member.label = label
        return member


class AppealType(Labelled):
    """诉求类型 (条例 art. 2). The value is the Chinese word: it is the public interface of `jiesu read`."""

    COMPLAINT = "投诉", "投诉"
    REPORT = "举报", "举报"
    HELP = "求助", "求助"
    ENQUIRY = "咨询", "咨询"
    SUGGESTION = "建议", "建议"
    PRAISE = "表扬", "表扬"
    OTHER = "其他", "其他"


class Urgency(Labelled):
    """紧急程度 (DB11/T 2021-2022): decides both due times."""

    U1 = "U1", "紧急"
    U2 = "U2", "及时"
    U3 = "U3", "一般"
    U4 = "U4", "复杂疑难"


class Precision(Labelled):
    """How exactly a place is known, finest first."""

    DOOR = "door", "门牌"
    POINT = "point", "点位"
    COMPOUND = "compound", "小区"
    STOP = "stop", "站点"
    COMMUNITY = "community", "社区村"
    ROAD = "road", "道路"
    STREET = "street", "街道乡镇"
    DISTRICT = "district", "区"
    NONE = "none", "未知"


class PlaceRole(Labelled):
    """What part a place plays in a text (地点角色)."""

    SCENE = "scene", "事发地"
    NAMED = "named", "提到"
    HOME = "home", "居住地"
    DIRECTION = "direction", "方向途经"
    OFFICE = "office", "单位所在"
    DENIED = "denied", "说明不在"
    OUTSIDE = "outside", "外地"


class Level(Labelled):
    """The level of a unit (承办单位层级)."""

    CITY = "city", "市级部门"
    DISTRICT = "district", "区政府"
    BUREAU = "bureau", "区级部门"
    STREET = "street", "街道乡镇"
    DESK = "desk", "市热线审核岗"


class AppealState(Labelled):
    """Where an appeal (诉求) stands before it has a ticket."""

    WAITING = "waiting", "待处理"
    DONE = "done", "已成单"
    DEAD = "dead", "处理失败"


class State(Labelled):
    """Where a ticket (工单) stands. Which move leads from where to where: `triage/tables/moves.yaml`."""

    REVIEW = "review", "待人工审核"
    DIVERTED = "diverted", "已分流"
    HANDED_OVER = "handed_over", "已转办(非环境)"
    DISPATCHED = "dispatched", "已派单"
    SIGNED = "signed", "已签收"
    CONTACTED = "contacted", "已联系"
    HANDLING = "handling", "办理中"
    OBJECTED = "objected", "异议审核"
    TO_REASSIGN = "to_reassign", "待改派"
    ARBITRATION = "arbitration", "待仲裁"
    ON_LEDGER = "on_ledger", "挂账"
    FEEDBACK = "feedback", "待回访"
    FOLLOWED_UP = "followed_up", "已回访"
    CLOSED = "closed", "已办结"
    ARCHIVED = "archived", "已归档"
    MERGED = "merged", "已合并"


#: Nothing runs there any more. Written out once more, for indexes, in `models.tickets`.
CLOSED_STATES: Final = (State.DIVERTED, State.HANDED_OVER, State.CLOSED, State.ARCHIVED, State.MERGED)
#: Somebody still has to act.
OPEN_STATES: Final = tuple(state for state in State if state not in CLOSED_STATES)


class Move(Labelled):
    """What a person (or the timetable) does with a ticket; each writes one event."""

    ACCEPT = "accept", "受理"
    DIVERT = "divert", "分流"
    ANSWER_NOW = "answer_now", "当场答复"
    WITHDRAW = "withdraw", "撤诉"
    TAKE_UP = "take_up", "取消撤诉"
    MERGE = "merge", "合并"
    SPLIT = "split", "撤销合并"
    DISPATCH = "dispatch", "派单"
    SIGN = "sign", "签收"
    CONTACT = "contact", "首次联系"
    HANDLE = "handle", "办理"
    PROGRESS = "progress", "阶段反馈"
    FEEDBACK = "feedback", "反馈"
    AMEND = "amend", "更正反馈"
    SUPPLEMENT = "supplement", "退回补充"
    OBJECT = "object", "派单异议"
    OBJECT_UPHOLD = "object_uphold", "异议成立"
    OBJECT_REJECT = "object_reject", "异议不成立"
    ARBITRATE = "arbitrate", "仲裁"
    REASSIGN = "reassign", "改派"
    PASS_ON = "pass_on", "二次派单"
    EXTEND_ASK = "extend_ask", "申请延期"
    EXTEND_GRANT = "extend_grant", "同意延期"
    EXTEND_DENY = "extend_deny", "不同意延期"
    WHISTLE = "whistle", "吹哨"
    REPORT_IN = "report_in", "报到"
    ESCALATE = "escalate", "提级"
    SUPERVISE = "supervise", "督办"
    ONSITE = "onsite", "到场"
    URGE = "urge", "催办"
    LEDGER_ASK = "ledger_ask", "申请挂账"
    LEDGER_GRANT = "ledger_grant", "同意挂账"
    LEDGER_DENY = "ledger_deny", "不同意挂账"
    LEDGER_REVIEW = "ledger_review", "挂账复核"
    FOLLOW_UP = "follow_up", "回访"
    REHANDLE = "rehandle", "重办"
    CLOSE = "close", "办结"
    ARCHIVE = "archive", "归档"
    EXCLUDE_ASK = "exclude_ask", "申请剔除"
    EXCLUDE_GRANT = "exclude_grant", "同意剔除"
    EXCLUDE_DENY = "exclude_deny", "不同意剔除"
    CLEAR_FLAG = "clear_flag", "解除关注"
    UNDO = "undo", "撤销"


class Post(Labelled):
    """岗位: as whom somebody acts on a ticket."""

    HOTLINE = "hotline", "热线坐席"
    FOLLOW_UP = "follow_up", "回访员"
    UNIT = "unit", "承办单位"
    SUPERVISOR = "supervisor", "督办"
    DISTRICT = "district", "区级中心"
    SYSTEM = "system", "系统"


class Part(Labelled):
    """Which part the acting unit must have in a ticket."""

    LEAD = "lead", "主办单位"
    ASSIST = "assist", "协办单位"
    CALLED = "called", "被吹哨或提级到的单位"


class Clock(Labelled):
    """时限: what a due time is about. A move starts, stops or keeps it."""

    DISPATCH = "dispatch", "派单时限"
    SIGN = "sign", "签收时限"
    CONTACT = "contact", "首次联系时限"
    ANSWER = "answer", "办理时限"
    OBJECTION = "objection", "异议审核时限"
    ONSITE = "onsite", "到场时限"
    LEDGER = "ledger", "挂账复核时限"
    FOLLOW_UP = "follow_up", "回访时限"


class Field(Labelled):
    """What a move is told."""

    REASON = "reason", "理由"
    CLAUSE = "clause", "依据条款或职责清单条目"
    PROPOSED_UNIT = "proposed_unit", "建议承办单位"
    UNIT = "unit", "承办单位"
    ASSIST = "assist", "协办单位"
    UNTIL = "until", "期限"
    NOTE = "note", "情况说明"
    LACK = "lack", "反馈缺什么"
    ATTACHMENT = "attachment", "佐证附件编号"
    OUTCOME = "outcome", "结果"
    TOLD_CITIZEN = "told_citizen", "向诉求人说明的方式"
    CONTACTED = "contacted", "单位是否联系过诉求人"
    SOLVED = "solved", "是否解决"
    SATISFACTION = "satisfaction", "是否满意"
    DIVERT = "divert", "分流方式"
    OTHER_TICKET = "other_ticket", "并入的工单编号"
    WITHDRAWN_BY = "withdrawn_by", "谁提出撤诉"
    WITHDRAWN_WHY = "withdrawn_why", "撤诉原因"
    URGENCY = "urgency", "紧急程度"


class Outcome(Labelled):
    """How a call or a review ended."""

    REACHED = "reached", "已联系上"
    UNREACHABLE = "unreachable", "未接通"
    KEEP = "keep", "继续挂账"
    RESUME = "resume", "条件具备，恢复办理"


class Told(Labelled):
    """How the citizen was told."""

    PHONE = "phone", "电话"
    ONSITE = "onsite", "当面"
    SMS = "sms", "短信"
    WEB = "web", "网络"
    NO_CONTACT = "no_contact", "未留联系方式"


class YesNo(Labelled):
    """是 or 否."""

    YES = "yes", "是"
    NO = "no", "否"


class Satisfaction(Labelled):
    """满意度, five steps (R5.2)."""

    SATISFIED = "satisfied", "满意"
    MOSTLY = "mostly", "基本满意"
    FAIR = "fair", "一般"
    DISSATISFIED = "dissatisfied", "不满意"
    VERY_DISSATISFIED = "very_dissatisfied", "很不满意"


class Divert(Labelled):
    """分流: the six outcomes of 条例 art. 11 para. 3."""

    TRANSFER_EMERGENCY = "transfer_emergency", "即时转110/119/120/122"
    INFORM_CHANNEL = "inform_channel", "告知法定渠道"
    INFORM_PROGRESS = "inform_progress", "告知办理进展或结果"
    EXPLAIN = "explain", "解释说明"
    REFER_OUT = "refer_out", "告知市场或社会渠道"
    DISSUADE = "dissuade", "劝导教育"


class Role(Labelled):
    """What a unit does on a ticket."""

    LEAD = "lead", "主办"
    ASSIST = "assist", "协办"
    COPY = "cc", "抄送"


class Tag(Labelled):
    """What an event of a ticket says happened."""

    SPOKEN = "appeal:spoken", "诉求提出"
    RECEIVED = "appeal:received", "诉求登记"
    READ = "appeal:read", "智能识别"
    OPENED = "ticket:opened", "生成工单"
    DISPATCHED = "ticket:dispatched", "派单"
    REVIEW = "ticket:review", "转人工审核"
    DIVERTED = "ticket:diverted", "分流"
    HANDED_OVER = "ticket:handed_over", "转办(非环境诉求)"
    REMINDED = "ticket:reminded", "自动催办"
    CALLED = "ticket:called", "回拨"
    ADOPTED = "ticket:adopted", "接续办理"
    JOINED = "ticket:joined", "并入其他诉求"
    LEFT = "ticket:left", "并入的诉求撤出"
    HEAD_ANSWERED = "ticket:head_answered", "并入的工单已反馈"
    HEAD_REOPENED = "ticket:head_reopened", "并入的工单重新办理"
    PLACED = "ticket:placed", "地点更正到其他区"
    ACCEPT = "ticket:accept", "受理"
    ANSWER_NOW = "ticket:answer_now", "当场答复"
    WITHDRAW = "ticket:withdraw", "撤诉"
    TAKE_UP = "ticket:take_up", "取消撤诉"
    MERGE = "ticket:merge", "合并"
    SPLIT = "ticket:split", "撤销合并"
    SIGN = "ticket:sign", "签收"
    CONTACT = "ticket:contact", "首次联系"
    HANDLE = "ticket:handle", "办理"
    PROGRESS = "ticket:progress", "阶段反馈"
    FEEDBACK = "ticket:feedback", "反馈"
    AMEND = "ticket:amend", "更正反馈"
    SUPPLEMENT = "ticket:supplement", "退回补充"
    OBJECT = "ticket:object", "派单异议"
    OBJECT_UPHOLD = "ticket:object_uphold", "异议成立"
    OBJECT_REJECT = "ticket:object_reject", "异议不成立"
    ARBITRATE = "ticket:arbitrate", "仲裁"
    REASSIGN = "ticket:reassign", "改派"
    PASS_ON = "ticket:pass_on", "二次派单"
    EXTEND_ASK = "ticket:extend_ask", "申请延期"
    EXTEND_GRANT = "ticket:extend_grant", "同意延期"
    EXTEND_DENY = "ticket:extend_deny", "不同意延期"
    WHISTLE = "ticket:whistle", "吹哨"
    REPORT_IN = "ticket:report_in", "报到"
    ESCALATE = "ticket:escalate", "提级"
    SUPERVISE = "ticket:supervise", "督办"
    ONSITE = "ticket:onsite", "到场"
    URGE = "ticket:urge", "催办"
    LEDGER_ASK = "ticket:ledger_ask", "申请挂账"
    LEDGER_GRANT = "ticket:ledger_grant", "同意挂账"
    LEDGER_DENY = "ticket:ledger_deny", "不同意挂账"
    LEDGER_REVIEW = "ticket:ledger_review", "挂账复核"
    FOLLOW_UP = "ticket:follow_up", "回访"
    REHANDLE = "ticket:rehandle", "重办"
    CLOSE = "ticket:close", "办结"
    ARCHIVE = "ticket:archive", "归档"
    EXCLUDE_ASK = "ticket:exclude_ask", "申请剔除"
    EXCLUDE_GRANT = "ticket:exclude_grant", "同意剔除"
    EXCLUDE_DENY = "ticket:exclude_deny", "不同意剔除"
    CLEAR_FLAG = "ticket:clear_flag", "解除关注"
    UNDO = "ticket:undo", "撤销"


#: The events of two moves were named before the moves were.
_OLDER: Final = {Move.DISPATCH: Tag.DISPATCHED, Move.DIVERT: Tag.DIVERTED}
TAG_OF: Final = {move: _OLDER.get(move) or Tag(f"ticket:{move.value}") for move in Move}


class WishKind(Labelled):
    """待审批: what waits on a ticket for somebody's answer; the key is the move that raises it."""

    OBJECTION = Move.OBJECT.value, "异议"
    EXTENSION = Move.EXTEND_ASK.value, "延期"
    LEDGER = Move.LEDGER_ASK.value, "挂账"
    EXCLUSION = Move.EXCLUDE_ASK.value, "剔除"


class Channel(Labelled):
    """受理渠道. What came by `PATROL` (自建工单, 未诉先办) has no citizen: `triage/rules/patrol.py`."""

    PHONE = "phone", "电话"
    WEB = "web", "网络"
    WECHAT = "wechat", "微信"
    LETTER = "letter", "来信"
    VISIT = "visit", "来访"
    MEDIA = "media", "媒体"
    PATROL = "patrol", "巡查发现"
    FILE = "file", "文件导入"
    OTHER = "other", "其他"


class ReviewReason(Labelled):
    """Why a person must look at a reading or a dispatch."""

    ENVIRONMENTAL_UNSURE = "environmental_unsure", "是否环境类把握不足"
    KIND_UNSURE = "kind_unsure", "污染种类把握不足"
    PLACE_UNKNOWN = "place_unknown", "地点无法确定到区"
    PLACE_UNSURE = "place_unsure", "地点把握不足"
    PLACE_ELSEWHERE = "place_elsewhere", "地点在外地：应由当地 12345 办理，津冀的按京津冀热线联动移交"
    DIVERT_PROPOSED = "divert_proposed", "建议分流，待人工确认"
    NO_RULE = "no_rule", "派单目录没有对应条目"
    EMPTY = "empty", "没有可识别的文字"
    REGISTERED_ANSWER = "registered_answer", "登记时已当场答复"


class Corrected(Labelled):
    """更正: the field of a reading that a clerk corrects."""

    ENVIRONMENTAL = "environmental", "是否环境类"
    KIND = "kind", "污染种类"
    APPEAL_TYPE = "appeal_type", "诉求类型"
    URGENCY = "urgency", "紧急程度"
    PLACE = "place", "地点(区、街乡镇或社区)"
