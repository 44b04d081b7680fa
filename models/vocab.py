"""Shared vocabulary: the terms of the field, each with its stored key and its Chinese label.

Standard library only, so that every layer (also the pure rules) may import it. The member's value is
what is stored and sent; `label` is what people see. `docs/glossary.md` is generated from here.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


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
    """Where a ticket (工单) stands. The later states belong to the moves of a ticket's whole life."""

    REVIEW = "review", "待人工审核"
    DIVERTED = "diverted", "已分流"
    HANDED_OVER = "handed_over", "已转办(非环境)"
    DISPATCHED = "dispatched", "已派单"


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


class Channel(Labelled):
    """受理渠道."""

    PHONE = "phone", "电话"
    WEB = "web", "网络"
    WECHAT = "wechat", "微信"
    LETTER = "letter", "来信"
    MEDIA = "media", "媒体"
    FILE = "file", "文件导入"


class ReviewReason(Labelled):
    """Why a person must look at a reading or a dispatch."""

    ENVIRONMENTAL_UNSURE = "environmental_unsure", "是否环境类把握不足"
    KIND_UNSURE = "kind_unsure", "污染种类把握不足"
    PLACE_UNKNOWN = "place_unknown", "地点无法确定到区"
    PLACE_UNSURE = "place_unsure", "地点把握不足"
    DIVERT_PROPOSED = "divert_proposed", "建议分流，待人工确认"
    NO_RULE = "no_rule", "派单目录没有对应条目"
    EMPTY = "empty", "没有可识别的文字"
