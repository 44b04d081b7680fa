"""Vocabulary of outgoing notices (通知). Standard library only, like `models.vocab`."""

from __future__ import annotations

from typing import Final

from models.vocab import Labelled, Post
from models.vocab_staff import Role


class RecipientKind(Labelled):
    """通知对象: what the recipient's id names."""

    UNIT = "unit", "承办单位"
    POST = "post", "岗位"
    APPELLANT = "appellant", "诉求人"


#: Who is told things as a post, by stored value: those who work on cases, and the auditor, who does not.
POSTS: Final = {post.value: post.label for post in Post} | {Role.AUDITOR.value: Role.AUDITOR.label}


class Medium(Labelled):
    """通知渠道."""

    SMS = "sms", "短信"
    WECOM = "wecom", "企业微信应用消息"
    WECOM_GROUP = "wecom_group", "企业微信群机器人"
    EMAIL = "email", "邮件"


class NoticeState(Labelled):
    """通知状态: where a notice, and the delivery that carries it, stands."""

    WAITING = "waiting", "待发"
    SENDING = "sending", "发送中"
    SENT = "sent", "已送出"
    REFUSED = "refused", "被拒收"
    GIVEN_UP = "given_up", "多次未成"
    NO_CONTACT = "no_contact", "无联系方式"
    PRESUMED = "presumed", "恢复前已发"
    MOOT = "moot", "已不需告知"


class AttemptResult(Labelled):
    """发送结果: how one try of a delivery ended."""

    ACCEPTED = "accepted", "对方已接收"
    REFUSED = "refused", "对方拒收"
    AWAY = "away", "对方暂时不可用"


class NoticeTo(Labelled):
    """告知谁: whom the event of a ticket tells."""

    LEAD = "lead", "主办单位"
    ASSIST = "assist", "协办单位"
    COPY = "copy", "抄送单位"
    CALLED = "called", "被吹哨或提级到的单位"
    OBJECTOR = "objector", "提出异议的单位"
    ASKER = "asker", "提出申请的单位"
    LOST = "lost", "不再办理的单位"
    DECIDES = "decides", "审批的单位或岗位"
    NAMED = "named", "事件点名的单位(催办表)"
    DISTRICT = "district", "所在区的区政府"
    CITY = "city", "市热线审核岗"
