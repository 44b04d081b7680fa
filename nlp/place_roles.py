"""What part a named place plays (角色), by the words around it: the scene, a home, a mere direction."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from models.vocab import PlaceRole
from nlp.place_match import Follow

if TYPE_CHECKING:
    from nlp.place_match import Mention

BEFORE: Final = 8
HERE: Final = ("地点", "地址", "位置", "位于", "坐落", "地处", "发生在", ":", "：", "在")
LIVES: Final = (
    "家住",
    "我住",
    "人住",
    "住在",
    "户籍",
    "户口",
    "户口在",
    "来自",
    "老家",
    "出生",
    "居住",
    "居住在",
    "居住于",
    "租住",
    "租住在",
    "租住于",
)
TOWARDS: Final = ("往", "去", "向", "到", "至", "开往", "通往", "前往", "途经", "经过")
INTRODUCED: Final = (
    (LIVES, PlaceRole.HOME),
    (TOWARDS, PlaceRole.DIRECTION),
    (HERE, PlaceRole.SCENE),
)
#: What any of these words ends in: most names stand after something else.
LAST: Final = frozenset(word[-1] for word in (*HERE, *LIVES, *TOWARDS))
#: What is moved, led or spilt to a place is there then (垃圾桶挪到…, 污水流到…, 延长2路到…).
MOVED: Final = re.compile(
    r"(?:延长|延伸|缩短|转移|[延移迁搬挪改调扩流排倒堆漏洒飘扔丢摆])[^\W走去往开坐乘车]{0,4}[到至]$"
)
DIRECTION: Final = re.compile(r"\W?(?:方向|开往|至)")
DIRECTION_FIRST: Final = frozenset("方开至")


def role_of(folded: str, mention: Mention, *, joined: bool = False) -> PlaceRole:
    """The role of a mention in its folded text; `joined` to another (A到B之间) it is no mere direction."""
    if mention.info.foreign:
        return PlaceRole.OUTSIDE
    start = mention.start
    last = folded[start - 1] if start else ""
    signed = bool(last) and not (last.isalnum() or last == "_")
    role = (
        _introduced(folded[max(0, start - BEFORE) : start], signed=signed) if signed or last in LAST else None
    )
    if role is PlaceRole.HOME:
        return role
    if not joined and (role is PlaceRole.DIRECTION or _leads_on(folded, mention.end)):
        return PlaceRole.DIRECTION
    if mention.follow is Follow.OFFICE:
        return PlaceRole.OFFICE
    return PlaceRole.SCENE if role is PlaceRole.SCENE else PlaceRole.NAMED


def _introduced(before: str, *, signed: bool) -> PlaceRole | None:
    """What the words before a name say; one sign may stand between: 地点在：, 住在“."""
    bare = before[:-1] if signed else before
    for words, role in INTRODUCED:
        if before.endswith(words) or bare.endswith(words):
            return None if role is PlaceRole.DIRECTION and MOVED.search(bare) else role
    return None


def _leads_on(folded: str, end: int) -> bool:
    """通州方向, 通州至大兴: what follows says that the place is only on the way."""
    following = folded[end : end + 2]
    if not following or not (following[0] in DIRECTION_FIRST or following[-1] in DIRECTION_FIRST):
        return False
    return DIRECTION.match(folded, end) is not None
