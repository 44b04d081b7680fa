"""What addresses and forms of leads ask for; every fault named."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from models.vocab_leads import LeadAct, LeadState
from triage.errors import BadInput
from triage.services.leads.acting import Wish

if TYPE_CHECKING:
    from collections.abc import Mapping

_ID: Final = re.compile(r"[0-9]{1,18}")
_PICK: Final = re.compile(r"([0-9]{1,18})\.([0-9]{1,9})")
_LONGEST: Final = 40
MOST_PICKED: Final = 100
#: What a person may ask for.
ACTS: Final = (LeadAct.CONFIRM, LeadAct.DROP, LeadAct.MERGE, LeadAct.UNDO)


def state(value: str) -> LeadState | None:
    """A state; empty: all. Raises BadInput."""
    if not value:
        return None
    try:
        return LeadState(value)
    except ValueError:
        known = "、".join(member.value for member in LeadState)
        raise BadInput(f"参数 state 只能是：{known}") from None


def number(query: Mapping[str, str], name: str) -> int | None:
    """A number; None when it is not given. Raises BadInput."""
    value = query.get(name)
    if value is None:
        return None
    if not _ID.fullmatch(value):
        raise BadInput(f"参数 {name} 应是数字")
    return int(value)


def picks(values: list[str]) -> list[tuple[int, int]]:
    """`12.3` → lead 12 as it was seen in version 3. Raises BadInput."""
    found = [_PICK.fullmatch(value) for value in values]
    good = [(int(match[1]), int(match[2])) for match in found if match]
    if not good or len(good) != len(found) or len(good) > MOST_PICKED:
        raise BadInput(f"请在页面上选择线索，一次最多 {MOST_PICKED} 条")
    return good


def act(value: object) -> LeadAct:
    """What to do. Raises BadInput."""
    for member in ACTS:
        if member.value == value:
            return member
    raise BadInput(f"act 只能是：{'、'.join(member.value for member in ACTS)}")


def wish(lead_id: int, body: object) -> Wish:
    """A wish as JSON says it. Raises BadInput naming what is wrong."""
    if not isinstance(body, dict):
        raise BadInput("请求内容应是一个对象")
    for name in body:
        if name not in {"act", "version", "reason", "into"}:
            raise BadInput(f"不认识的内容：{str(name)[:_LONGEST]}")
    version = body.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise BadInput("version 应是您看到的那一版，正整数")
    return Wish(lead_id, version, act(body.get("act")), _text(body, "reason"), _text(body, "into"))


def _text(body: Mapping[str, object], name: str) -> str | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise BadInput(f"{name} 应是文字，最多 {_LONGEST} 个字符")
    return value or None
