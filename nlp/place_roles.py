"""What part a named place plays (角色), by the words around it: the scene, a home, on the way, denied."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from models.vocab import PlaceRole
from nlp.gazetteer import DISTRICT, STREET
from nlp.place_match import Follow

if TYPE_CHECKING:
    from nlp.place_match import Mention

BEFORE: Final = 8
HERE: Final = ("地点", "地址", "位置", "位于", "坐落", "地处", "发生在", ":", "：", "在")
#: Whose home, or home of old, is told: a text is seldom about that of somebody else.
KIN: Final = "妈爸母父姐哥弟妹奶爷姥婆叔姨舅姑"
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
    "老家在",
    "出生",
    "居住",
    "居住在",
    "居住于",
    "租住",
    "租住在",
    "租住于",
    "前住",
    "来住",
    "曾住",
    "曾经住",
    "孩子住",
    "儿子住",
    "女儿住",
    "朋友住",
    "亲戚住",
    "朋友家在",
    "亲戚家在",
    *(f"{one}{said}" for one in KIN for said in ("住", "家在")),
)
TOWARDS: Final = ("往", "去", "向", "到", "至", "开往", "通往", "前往", "途经", "经过")
INTRODUCED: Final = (
    (LIVES, PlaceRole.HOME),
    (TOWARDS, PlaceRole.DIRECTION),
    (HERE, PlaceRole.SCENE),
)
#: Who speaks, before the place he is of (我是…街道的居民), and what is taken from somewhere (从…拉到…).
SPEAKER: Final = ("我是", "我们是", "我们都是", "本人是", "俺是", "咱是")
TAKEN: Final = ("从", "自", "由", "把", "将")
#: What any of these words ends in: most names stand after something else.
LAST: Final = frozenset(word[-1] for word in (*HERE, *LIVES, *TOWARDS, *SPEAKER, *TAKEN, "属", "归", "非"))
#: The words that may stand before a name, by what they end in.
BY_LAST: Final = {
    last: tuple(
        (ending, role)
        for words, role in INTRODUCED
        if (ending := tuple(word for word in words if word[-1] == last))
    )
    for last in {word[-1] for words, _ in INTRODUCED for word in words}
}
#: A district or street that somebody says he is of; who is of a compound or village speaks of that.
UNITS: Final = frozenset({DISTRICT, STREET})
#: What is moved, led or spilt to a place is there then (垃圾桶挪到…, 污水流到…, 延长2路到…).
MOVED: Final = re.compile(
    r"(?:延长|延伸|缩短|转移|[延移迁搬挪改调扩流排倒堆漏洒飘扔丢摆])[^\W走去往开坐乘车]{0,4}[到至]$"
)
#: So is waste that is carried there (渣土拉到…), not the people or goods that are.
CARRIED: Final = re.compile(r"[拉运送卸][^\W走去往开坐乘]{0,4}[到至往]$")
WASTE: Final = re.compile(r"渣土|垃圾|土方|弃土|泥浆|泔水|厨余|污水|污泥|废[土水液油料渣]|粪|秸秆|[煤矿炉]渣")
#: How far before a name, and after it, the waste and what is done with it are looked for.
WASTE_WITHIN: Final = 30
#: After where it comes from: carried, and to somewhere.
CARRIED_ON: Final = re.compile(r"[^\W_]{0,18}?[拉运送][^\W_]{0,4}?[到至往]")
#: After a name: what is got rid of there, so that it is no mere way (开到…镇倒土).
DUMPED: Final = re.compile(r"[^\W_]{0,14}?(?:倾倒|偷倒|乱倒|倒[土渣污]|倒垃圾|倒泔水|填埋|卸[土渣]|卸垃圾)")
DIRECTION: Final = re.compile(r"\W?(?:方向|开往|至)")
DIRECTION_FIRST: Final = frozenset("方开至")
#: 不在, 不是, 并不属于, 没在, 而非; 是不是, 在不在 and 要不是 deny nothing.
DENIAL: Final = re.compile(
    r"(?<![是要在属归])(?:并不|并没有|不|没有?)(?:是在|是|在|属于?|归属于?|归|位于|隶属于?)$|(?:并|而|绝)非在?$"
)
DENIAL_LAST: Final = frozenset("在是属于归非")
#: What is lost on the way.
SPILT: Final = re.compile(r"遗撒|洒落|撒落|沿途|的路上|一路")
#: A sign between a denial and the name it denies.
OPENING: Final = frozenset(" \t\"'“‘「『(（[【《")
#: After a name: a question (不是…吗), 不是…就是…, nobody who does anything (不是…没人管) deny nothing either.
ASKED: Final = re.compile(
    r"[^。，,;；！!\n]{0,14}?(?:吗|么|[？?])|[^\W_]{0,10}?(?:就是|没人|没管|没处理|不管|不处理|不理)"
)
#: After a name: of there (的居民), where one lives or works (在…住, 在…上班).
OF_THERE: Final = re.compile(
    r"[^\W_]{0,10}?(?:(?:居民|业主|住户|村民|租户|街坊)(?!委|楼|区|院|们?的?楼)|的(?=[,，。;；!！\n]))"
)
STAYS: Final = re.compile(
    r"(?:这边|那边|这儿|那儿)?(?:居住(?![区小])|住(?![户宅院址建房在])|上班|打工|工作(?![人组室站日时]))"
)
STAYS_FIRST: Final = frozenset("这那居住上打工")
#: Between the units of one address; a comma may begin another.
OF_ONE: Final = re.compile(r"[ \t的]?(?:市|辖区|境内|范围内|内)?的?")
#: Roles that a unit may hand to what is written right after it and lies in it: 家住海淀区 + 清河街道.
HANDED: Final = frozenset({PlaceRole.HOME, PlaceRole.DIRECTION, PlaceRole.DENIED})


def role_of(folded: str, mention: Mention, *, joined: bool = False) -> PlaceRole:
    """The role of a mention in its folded text; `joined` to another (A到B之间) it is no mere direction."""
    if mention.info.foreign:
        return PlaceRole.OUTSIDE
    start = mention.start
    last = folded[start - 1] if start else ""
    signed = bool(last) and not (last.isalnum() or last == "_")
    role = _introduced(folded, mention, signed=signed) if signed or last in LAST else None
    if role in {PlaceRole.HOME, PlaceRole.DENIED}:
        return role
    if not joined and (role is PlaceRole.DIRECTION or _leads_on(folded, mention.end)):
        return PlaceRole.DIRECTION
    if mention.follow is Follow.OFFICE:
        return PlaceRole.OFFICE
    return PlaceRole.SCENE if role is PlaceRole.SCENE else PlaceRole.NAMED


def one_address(folded: str, before: Mention, mention: Mention) -> bool:
    """Whether a name follows right on a unit that may hold it, with no comma between."""
    gap = folded[before.end : mention.start]
    if gap and OF_ONE.fullmatch(gap) is None:
        return False
    holders = before.names.holders
    return any(
        len(holder) < len(name.code) and name.code.startswith(holder)
        for name in mention.names
        for holder, _, _ in holders
    )


def hands_on(folded: str, first: Mention, role: PlaceRole) -> bool:
    """Whether an address has one role from its `first` unit on; a way only where waste is from there."""
    return role is not PlaceRole.DIRECTION or folded.endswith(TAKEN, 0, first.start)


def stays(folded: str, mention: Mention) -> bool:
    """在清河街道住, 在中关村上班: where one lives or works."""
    return STAYS.match(folded, mention.end) is not None


def _introduced(folded: str, mention: Mention, *, signed: bool) -> PlaceRole | None:
    """What the words before a name say; one sign may stand between: 地点在：, 住在“."""
    start, end = mention.start, mention.end
    before = folded[max(0, start - BEFORE) : start]
    bare = before[:-1] if signed else before
    last = bare[-1:]
    # What ended with a comma, a full stop or a line denied something else: 负责人不在，朝阳区….
    told = bare if before[-1:] in OPENING else before
    if told[-1:] in DENIAL_LAST and DENIAL.search(told) and ASKED.match(folded, end) is None:
        return PlaceRole.DENIED
    for words, role in BY_LAST.get(last, ()):
        if bare.endswith(words):
            return None if role is PlaceRole.DIRECTION and _there(folded, bare, start, end) else role
    if signed and before.endswith(HERE):
        return PlaceRole.SCENE
    if last == "是" and mention.suffix in UNITS and bare.endswith(SPEAKER) and OF_THERE.match(folded, end):
        return PlaceRole.HOME
    if last in TAKEN and _taken_from(folded, start, end):
        return PlaceRole.DIRECTION
    return None


def _there(folded: str, bare: str, start: int, end: int) -> bool:
    """What is moved to a place, or got rid of there, is there: no mere way."""
    if MOVED.search(bare) or DUMPED.match(folded, end):
        return True
    return CARRIED.search(bare) is not None and _waste(folded, start, end)


def _taken_from(folded: str, start: int, end: int) -> bool:
    """Whether waste is carried off from a place that is told of no more, and not lost on the road from it."""
    return (
        CARRIED_ON.match(folded, end) is not None
        and _waste(folded, start, end)
        and SPILT.search(folded, end, end + WASTE_WITHIN) is None
        and folded.find(folded[start:end], end) < 0
    )


def _waste(folded: str, start: int, end: int) -> bool:
    return WASTE.search(folded, max(0, start - WASTE_WITHIN), end + WASTE_WITHIN) is not None


def _leads_on(folded: str, end: int) -> bool:
    """通州方向, 通州至大兴: what follows says that the place is only on the way."""
    following = folded[end : end + 2]
    if not following or not (following[0] in DIRECTION_FIRST or following[-1] in DIRECTION_FIRST):
        return False
    return DIRECTION.match(folded, end) is not None
