"""Terms of incidents (突发事件、群体诉求): many calls about one event. Standard library only."""

from __future__ import annotations

from models.vocab import Labelled


class IncidentState(Labelled):
    """事件状态: where an incident stands. The system proposes, a person decides."""

    PROPOSED = "proposed", "待确认"
    CONFIRMED = "confirmed", "已确认"
    SCALED = "scaled", "已升级"
    CLOSED = "closed", "已结束"
    DISMISSED = "dismissed", "已排除"


class IncidentAct(Labelled):
    """事件操作: what was done with an incident; each is one event of it."""

    OPENED = "opened", "系统发现"
    ATTACHED = "attached", "来电归入"
    GREW = "grew", "规模扩大"
    LATE = "late", "超期未确认"
    UNANSWERED = "unanswered", "催促反馈"
    CONFIRM = "confirm", "确认"
    SCALE = "scale", "升级"
    CLOSE = "close", "结束"
    DISMISS = "dismiss", "排除"
    ADD = "add", "加入工单"
    REMOVE = "remove", "移出工单"
    TAKE = "take", "并入另一事件"
    GIVEN = "given", "并入其他事件"
    UNDO = "undo", "撤销"


class BurstScope(Labelled):
    """聚集范围: within how much of the city calls are counted together."""

    NEAR = "near", "半径之内"
    DISTRICT = "district", "同一区"


class CallBy(Labelled):
    """归入方式: how a ticket came to an incident."""

    BURST = "burst", "一起被发现"
    PLACE = "place", "地点相近"
    MATTER = "matter", "说的是同一件事"
    PERSON = "person", "人工加入"


#: 尚未结束: new calls attach by themselves.
LIVE_STATES = (IncidentState.PROPOSED, IncidentState.CONFIRMED, IncidentState.SCALED)
