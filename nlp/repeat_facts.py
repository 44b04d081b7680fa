"""What two texts can be held against each other by: names, numbers, dates, and how one asks.

Rules over folded text, for any city: no gazetteer is asked, since a name is told by what it ends in (小区,
路, 河, 公司). Only the end of a name is kept: where it begins is hard to say, and two that end alike are
the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

READ: Final = 1_500
#: Characters that stand before 小区, 路, 店 without being part of a name.
_NO_NAME: Final = (
    "的了在是这那本该我们你他她它住到个条各此某及和与向对把被有无不一两几多些全整附近旁边楼下上里内外前后间"
    "修走过出进回去来从由给让请求望希建设改造公共道马高速新老旧大小区市县镇乡村街路家开为什么哪何其每另等"
)
_ENDS: Final = {
    "compound": (
        "小区|花园|家园|花苑|嘉园|佳苑|佳园|新城|新村|山庄|公馆|名苑|名城|名邸|豪庭|华府|华庭|国际城|雅苑|雅居|公寓|大厦|广场"
        "|家属院|家属楼|宿舍|安置房|回迁楼|组团|社区|院|苑|府|湾|郡|庭|城|园|里"
    ),
    "road": "大道|大街|立交桥|高速|胡同|路|街|巷|桥|站",
    "area": "街道|开发区|工业区|工业园|镇|乡|村|屯|组|县|区",
    "water": "水库|湖|河|江|溪|渠|沟|塘",
    "party": (
        "有限公司|公司|集团|物业|幼儿园|小学|中学|学校|学院|大学|医院|驾校|银行|酒店|宾馆|饭店|餐馆|餐厅|超市|百货|药店|市场"
        "|商场|工地|搅拌站|处理厂|焚烧厂|纸厂|厂|店|馆|吧|ktv|烧烤|幼稚园|中心|公园"
    ),
}
KINDS: Final = tuple(_ENDS)
#: The kinds of names that say where.
PLACES: Final = ("compound", "road", "water")
_MORE: Final = 2
_HAN: Final = re.compile("[一-鿿]")
_NAMED: Final = {
    kind: re.compile(rf"(?=([0-9a-z一-鿿])([0-9a-z一-鿿])({ends})(?![员主民长友务]))")
    for kind, ends in _ENDS.items()
}
_NUMBERED: Final = re.compile(
    r"(\d{1,5}|[一二三四五六七八九十]{1,3})(号楼|栋|幢|座|单元|号|期|室|组|队|班|届)|([a-z])(栋|座|区|幢)"
)
_LINE: Final = re.compile(r"([快专夜特]?\d{1,3}[a-z]?)(?:路|线|号线)(?![口旁段面上])")
_LONG: Final = re.compile(
    r"(?<![\d.])(?!(?:19|20)\d\d(?!\d))\d{4,}(?![\d.]*%)|\d+(?:\.\d+)?(?=元|万|平|米|户)"
)
_DATE: Final = re.compile(r"(?:(?:20|19)(\d\d)[年./-])?(\d{1,2})[月./-](\d{1,2})[日号]?")
_URGE: Final = re.compile(
    r"再次|又一?次|多次|[再二三四五]问|第[二三四五六七八九十\d]+次|[几数]次|催办|催促|一直没|仍然|依然|依旧|至今|还是没|没有?解决"
    r"|未解决|未果|反复|上次|之前反[映应]|前次|原帖|原文|编号|工单号|回复|答复"
)
_QUESTION: Final = re.compile(
    r"咨询|请问|何时|什么时候|什么时间|啥时|怎么办理|如何|是否|能不能|可不可以|想问|询问|吗[??]?"
)


@dataclass(frozen=True, slots=True)
class Signs:
    """What one text can be held against another by."""

    names: dict[str, frozenset[str]]
    numbered: frozenset[str]
    lines: frozenset[str]
    long: frozenset[str]
    dates: frozenset[str]
    urges: bool
    asks: bool


def signs_of(folded: str) -> Signs:
    """The signs of a folded text."""
    text = re.sub(r"\s+", "", folded[:READ])
    return Signs(
        names={kind: frozenset(_names(text, kind)) for kind in KINDS},
        numbered=frozenset("".join(part or "" for part in found) for found in _NUMBERED.findall(text)),
        lines=frozenset(_LINE.findall(text)),
        long=frozenset(_LONG.findall(text)),
        dates=frozenset("/".join(found[1:]) for found in _DATE.findall(text)),
        urges=bool(_URGE.search(text)),
        asks=bool(_QUESTION.search(text)),
    )


def name_spans(text: str, kind: str) -> list[tuple[int, int]]:
    """Where names of a kind stand, with up to two more characters before what ends them."""
    found = []
    for match in _NAMED[kind].finditer(text):
        if match[1] in _NO_NAME or match[2] in _NO_NAME:
            continue
        start = match.start()
        while start > 0 and match.start() - start < _MORE and _HAN.match(text[start - 1]):
            if text[start - 1] in _NO_NAME:
                break
            start -= 1
        found.append((start, match.end(3)))
    return found


def _names(text: str, kind: str) -> list[str]:
    return [
        first + second + end
        for first, second, end in _NAMED[kind].findall(text)
        if first not in _NO_NAME and second not in _NO_NAME
    ]


def agreement(a: frozenset[str], b: frozenset[str]) -> float:
    """1 where both name the same, -1 where something else, 0 where one is silent; parts in between."""
    if not a or not b:
        return 0.0
    shared = len(a & b)
    return shared / min(len(a), len(b)) if shared else -1.0
