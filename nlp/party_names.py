"""A party's name (被反映对象) as it is found again: with a form that its spellings share, or none of its own.

Pure: a written name in, a form, its parts and how alike two of them are out. 工地 or 某物业 is no name: it
says what stands there, not who it is. A legal name (…有限公司) is one everywhere; another one (某烤鱼店)
only within its district. The words below are those that the party rules of `nlp.facts` give; the weights of
`likeness` are assumptions, no labels of pairs of names exist.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from nlp.text import normalize

LEAST_LIKE: Final = 0.6
LONGEST: Final = 40
_MIN_CORE: Final = 2
_FEW_MEANT: Final = 3

_NOISE: Final = re.compile(r"[^0-9a-z一-鿿()]")
_CITY: Final = re.compile(r"^(?:北京市|北京|本市)")
_DISTRICT: Final = re.compile(r"^[一-鿿]{2,3}区(?=[一-鿿]{2})")
_STREET: Final = re.compile(r"^[一-鿿]{2,5}(?:街道|地区|镇|乡)(?=[一-鿿]{2})")
_BRACKET: Final = re.compile(r"\(([^()]{0,12})\)")
#: 建国路店, 望京分店, 朝阳分公司: which of a chain.
_BRANCH: Final = re.compile(
    r"(?P<core>.{2,}(?:公司|集团|店|馆|厅|院|厂|超市))(?P<branch>[一-鿿]{2,4}分(?:公司|店|厂|部|院))$"
)
_LEGAL: Final = re.compile(r"(?:股份)?有限(?:责任)?公司|股份公司|集团公司|集团")
_TAIL: Final = re.compile(
    r"(?:(?:股份)?有限(?:责任)?公司|股份公司|集团公司|总公司|公司|集团|物业管理处|管理处|物业管理|物业|项目部"
    r"|搅拌站|搅拌厂|垃圾站|垃圾场|回收站|加油站|加工厂|加工点|作坊|工厂|厂房|厂"
    r"|大排档|烧烤摊|烧烤店|夜宵店|麻将馆|棋牌室|健身房|美容院|会所|酒吧|清吧|ktv|歌厅|舞厅|网吧|洗浴中心"
    r"|酒店|宾馆|旅店|饭店|餐馆|餐厅|饭馆|面馆|小吃店|火锅店|烤鱼店|饭庄|酒楼|超市|便利店|药店|汽修厂|汽修店|修理厂"
    r"|洗车店|洗车场|干洗店|宠物店|水果店|食堂|菜市场|物流园|货运站|仓库|冷库|诊所|工地|采石场|砂石场|养殖场|养猪场"
    r"|猪场|电厂|停车场|市场|商场|广场|项目|医院|幼儿园|小学|中学|学校|学院|店|馆)$"
)
#: What is written before a sort of party without naming it.
_EMPTY_CORE: Final = re.compile(
    r"^(?:一?(?:个|家|处|间|座|辆|片|栋)|某|该|此|这|那|本|附近|旁边?|隔壁|对面|楼下|楼上|门口|底商|小区|社区|院内|居民楼"
    r"|建筑|装修|施工|在建|拆迁|夜间|深夜|凌晨|露天|临街|路边|无证|无名|非法|黑|小|大|老|新|私人|民营|国有"
    r"|快递|物流|供电|供热|热力|排水|自来水|燃气|电力|移动|联通|电信|地铁|公交|中介|劳务|保洁|保安|房地产|置业|地产|开发"
    r"|物业|手机|百货|眼镜|配套|普惠性|实验|人民|水上|洗车|饲料|铸件|河道|整治|充电桩|运营|外包|部分|几间|检测|厂房|饭馆|商铺|铺面"
    r"|科技|餐饮|食品|化工|建材|服装|家具|印刷|包装|电镀|塑料|铸造|木器|木材|石材|机械|汽车|环保|环卫|污水|垃圾|处理"
    r"|清洁|绿化|市政|道路|养护|建设|工程|投资|商贸|贸易|管理|服务|有限|业主|用户|市民|居民|群众|我们|大型|小型|多家|几家"
    r"|生鲜|水果|烧烤|火锅|川菜|东北|重庆|四川|麻辣|早点|小吃|快餐|综合|农贸|批发|便民|连锁|网红|街道|地区|的|和|及|与)+$"
)
#: Places of Beijing that are called like a shop or a works.
_PLACES: Final = re.compile(
    r"^(?:长辛店|赵辛店|高碑店|半壁店|觅子店|羊坊店|窦店|十八里店|永乐店|琉璃厂|黑窑厂|草厂|前门草厂|黄土店|清河营店|马家堡)+$"
)
#: Words of the sentence that the rules take for a part of a name.
_SAYS: Final = re.compile(
    r"的$|说归|联系|核实|多次|以前|买回来|完工后|经过|昨天|最后|意见书|多年|^[证始到要]"
)
#: A party that only people or vehicles make up has no name that gathers anything.
_PEOPLE: Final = re.compile(
    r"(?:邻居|住户|租户|房东|摊贩|商贩|小贩|商户|商家|商铺|大妈|货车|渣土车|泥头车|洒水车|搅拌车|出租车|开发商|施工单位"
    r"|施工方|施工队|建设单位|承包商|养殖户|养狗人|居委会|村委会|街道办(?:事处)?|派出所|城管[局队]|执法局"
    r"|(?:教育|规划|环保|卫生|交通|住建|公安)局|业委会|基站|码头)$"
)


@dataclass(frozen=True, slots=True)
class PartyName:
    """A name that tells one party from others."""

    written: str
    form: str
    """What spellings of it share; with the scope it is the name's key."""
    core: str
    """The form without the word for its sort."""
    tail: str
    branch: str
    legal: bool
    """Registered names are one everywhere, others only in their district."""


def party_name(written: str) -> PartyName | None:
    """The name in a span of a text; None where the span names no one."""
    folded = _NOISE.sub("", normalize(written))[:LONGEST]
    branch = ""
    for inner in _BRACKET.findall(folded):
        if inner.endswith(("店", "分公司", "厂")):
            branch = inner
    bare = _BRACKET.sub("", folded).strip("()")
    # 分公司 of a district keeps its name: it is who answers there.
    split = _BRANCH.match(bare)
    if split:
        bare, branch = split["core"], split["branch"]
    for prefix in (_CITY, _DISTRICT, _STREET):
        bare = prefix.sub("", bare)
    if _PEOPLE.search(bare) or _PLACES.match(bare):
        return None
    tail = _TAIL.search(bare)
    if tail is None:
        return None
    core, legal = bare[: tail.start()], bool(_LEGAL.search(bare))
    if len(core) < _MIN_CORE or _EMPTY_CORE.match(core) or _SAYS.search(core):
        return None
    sort = "公司" if tail.group().endswith(("公司", "集团")) else tail.group()
    form = f"{core}{branch}{'' if sort == '公司' else sort}"
    return PartyName(written.strip(), form, core, sort, branch, legal)


def keys_of(name: PartyName) -> list[str]:
    """The pairs of characters by which a likely other spelling of the name is found."""
    return sorted({name.core[at : at + 2] for at in range(len(name.core) - 1)})


def likeness(a: PartyName, b: PartyName, *, same_street: bool | None) -> tuple[float, tuple[str, ...]]:
    """How likely two names are one party's (0 to 1, an order and no probability), and why in words.

    `same_street` is None where one of the two has no street.
    """
    why: list[str] = []
    if a.branch and b.branch and a.branch != b.branch:
        return 0.0, ()
    short, long = sorted((a.core, b.core), key=len)
    if short == long:
        score = 0.8
        why.append("字号相同")
    elif short in long and (len(short) >= _FEW_MEANT or long.startswith(short)):
        score = 0.65
        why.append(f"“{short}”是“{long}”的一部分")
    else:
        mine, theirs = set(keys_of(a)), set(keys_of(b))
        score = 0.8 * 2 * len(mine & theirs) / max(1, len(mine) + len(theirs))
        why.append(f"名称里有 {len(mine & theirs)} 处相同的字")
    if a.tail != b.tail and "公司" not in {a.tail, b.tail}:
        score -= 0.2
        why.append(f"业态写法不同（{a.tail}、{b.tail}）")
    if same_street:
        score += 0.15
        why.append("在同一街道（乡镇）")
    elif same_street is False and not (a.legal and b.legal):
        score -= 0.2
        why.append("不在同一街道（乡镇）")
    return max(0.0, min(1.0, round(score, 4))), tuple(why)
