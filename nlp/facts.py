"""Who is complained about (被反映对象) and when it happens (时间规律): spans of the text, verbatim, by rule.

Rules over the folded text; a span is given only when a rule finds one, and None means unknown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from nlp.time_words import ALL_DAY, EARLY_LATE, LATE_EARLY, MINUTE, NO_WEEKDAY
from nlp.types import Evidence, Head

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# --- when -----------------------------------------------------------------------------------------------

_NUMBER: Final = r"[0-9〇零一二两三四五六七八九十廿]{1,4}"
#: 晚10点, 早8:00: the part of the day in one character. 早一点 is sooner, 最晚10点 a limit.
_CLOCK: Final = (
    r"(?:(?<!最)(?:一?大?早|[晚夜])(?=[0-9〇零一二两三四五六七八九十]))?"
    rf"(?:[0-9]{{1,2}}[::][0-9]{{2}}(?![0-9])"
    rf"|(?<!有)(?<!早(?=[一1]?点))(?<!快)"
    r"(?:(?!一点(?!钟|半|多|左右|到|至|-))|(?<=[晨夜午里])(?=一点(?![点儿都也不没声动光风安灯])))"
    rf"{_NUMBER}(?:[,、.到至~\-]{_NUMBER})?(?:点钟?|时(?![间候常]))"
    rf"(?:半|一刻|三刻|[0-9零一二三四五六七八九十]{{1,3}}分(?!贝)|{MINUTE})?多?|{EARLY_LATE}|{LATE_EARLY})"
)
_PART_OF_DAY: Final = (
    r"(?:大清早|清早|早晨|清晨|凌晨|零晨|早上|早晨|早晚|上午|中午|午休|午间|下午|傍晚|旁晚|晚上|晩上|晚间|夜晚|夜间|夜里|半夜"
    rf"|深夜|午夜|通宵|彻夜|整夜|整晚|连夜|白天|黑夜|昼夜|日夜|全天|整天|整日|{ALL_DAY})"
)
_REPEATED: Final = (
    r"(?:每一?天|每日|每晚|[每一]到(?:下雨天?|刮风天?|供暖季?|采暖季?|汛期|雨季|月[初底末])"
    r"|[每一]到(?=[晚夜深半凌早清傍白春夏秋冬年周星礼双节假]|[上中下]午)|每周|每月|每年|每逢|每个?(?:周末|星期|礼拜)"
    r"|(?<=[春夏秋冬][天季])一到|(?<=晚上)一到|天天|夜夜|周一至周日|日日|一年四季|一年到头|经常|常常|隔三[差岔]五"
    r"|时常|常年|长年|长期|从早到晚|一天到晚|没日没夜|不分昼夜|(?:一天|全天)?(?:24|二十四)(?:个)?小时)"
)
_DAY: Final = (
    r"(?:[12][0-9]{3}年(?:(?:[0-9]{1,2}|[一二三四五六七八九十]{1,2})月(?:份|(?:[0-9]{1,2})[日号])?|[年上下]?[初底末]|上半年|下半年)?"
    r"|[12][0-9]{3}[-./][0-9]{1,2}[-./][0-9]{1,2}|(?:去年|今年|前年|明年)(?:[0-9一二三四五六七八九十]{1,2}月份?"
    r"(?:[0-9]{1,2}[日号])?|[春夏秋冬]天|年?[初底])?|(?<![0-9])[0-9]{1,2}月(?:份|[0-9]{1,2}[日号]?)?"
    r"|昨[天晚日夜]|今[天晚日早晨夜]|前天|刚才|刚刚|目前|上周[一二三四五六日末]?|本周[一二三四五六日末]?"
    r"|(?:上个?月|本月)(?:的?[0-9]{1,2}[日号]|[上中下]旬|[初底末])?"
    r"|(?<![0-9.])[0-9]{1,2}[日号](?=[晚夜深半凌早清傍]|[上中下]午|白天)"
    rf"|周[一二三四五六日末]{NO_WEEKDAY}(?:[至到、和]周?[一二三四五六日末])*"
    rf"|星期[一二三四五六日天]{NO_WEEKDAY}|周末|双休日|节假日|工作日|[春夏秋冬][天季])"
)
_SPAN: Final = (
    r"(?:(?:最近|近|连续|已经?|持续)(?:了)?(?:半个?|几|两|二|三|四|五|六|七|八|九|十|一|[0-9]{1,2})(?:多|余)?个?多?"
    r"(?:天|日|周|星期|月|年)(?:多|来|时间)?|近期|近日|近来|一段时间"
    r"|(?:半|一|两|二|三|几|十)(?:个多月|多个月|年多|多年|个月(?:有余)?|年有余|年以上)"
    r"|最近(?:一段时间)?|近段时间|多年来?|(?:几|数)年(?:来|了)?|长时间)"
)
_ATOM: Final = rf"(?:{_REPEATED}|{_DAY}|{_SPAN}|{_PART_OF_DAY}|{_CLOCK})"
_LEAD: Final = r"(?:从|自|自从)?"
_JOIN: Final = (
    r"(?:[ ,、()~\-—的]{0,2}|[~\-—]{1,2}(?:次日|第二天|翌日)"
    r"|[ ]?(?:一直)?(?:持续|延续|开始?|营业|施工|作业|经营|开工|加班|跳|吵|打|唱|干|多|(?![没不未])[一-鿿])?"
    r"直?(?:到了?|至)(?:次日|第二天|翌日|下)?|以?及|和|或者?|甚至|起|开始|都)"
)
_TAIL: Final = r"(?:左右|之?前后|以后|之后|过后|以来|以前|之前|开始|起|不停|期间|来)?"
#: What the words of time begin with, one by one: where no such character stands nothing is tried.
_FIRST: Final = (
    r"(?=[从自0-9〇零一二两三四五六七八九十廿几多数半每天夜周日经常隔时长没不全去今前明昨刚目上本星双节工春夏秋冬"
    r"最近连已持大清早凌中午下傍旁晚晩深通彻整白黑昼朝])"
)
_WHEN: Final = re.compile(rf"{_FIRST}{_LEAD}{_ATOM}(?:{_JOIN}{_ATOM}|{_TAIL}{_JOIN}{_ATOM}){{0,7}}{_TAIL}")
_HAS_CLOCK: Final = re.compile(_CLOCK)
#: 每到 alone at the end: what comes when it comes is no words of time.
_HAS_REPEATED: Final = re.compile(rf"{_REPEATED}|[每一]到$")
_HAS_PART: Final = re.compile(_PART_OF_DAY)
_HAS_DAY: Final = re.compile(_DAY)
#: Of what no rule knows: three characters without a number (下雨后), or a number of days, months or the like
#: (十月初). A door (单元六零一) is none, nor what is counted a day (一天三趟).
_MAY_BE_TIME: Final = re.compile(
    r"[^0-9〇零一二两三四五六七八九十几半]{3,}"
    r"|(?!一[天晚]$)(?=.*[0-9〇零一二两三四五六七八九十几半])(?=.*(?:[月年天日晚夜周旬季初]|星期|礼拜)).{2,}",
    re.DOTALL,
)
_MAX_WHEN: Final = 4000  # characters read for the facts: who and when are said early

# --- party ----------------------------------------------------------------------------------------------

_ORGANISATION: Final = (
    r"(?:(?:房地产|地产|置业)(?:开发|投资|集团)*)?(?:有限责任公司|(?:股份)?有限公司|分公司|公司|集团)(?:[一-鿿]{2,4}分公司)?"
    r"|房地产|地产|置业|管理处|项目部|业委会|管委会|纸业|家私|家具厂|印刷厂|混凝土站|供热站|热力站"
    r"|(?<=[一-鿿])物业(?:管理)?(?:公司)?(?!费|服务费|管理费|用房|收费)"
)
#: They are asked to act far more often than they are what is complained about.
_AUTHORITY: Final = (
    r"居委会|村委会|街道办(?:事处)?|派出所|房管所|国土所|城管[局队]|执法局"
    r"|(?:教育|规划|环保|卫生|交通|住建|公安)局"
)
#: Offices and schools are as often where it happens, or who is asked to act, as who does it.
_OFFICE: Final = r"医院|幼儿园|中学|小学|学校|学院"
_PREMISES: Final = (
    r"搅拌站|搅拌厂|中转站|垃圾站|垃圾场|填埋场|焚烧厂|焚烧站|回收站|收购站|加油站|变电站|污水处理厂|污水厂|污水站|处理厂"
    r"|热电厂|电厂|养殖场|养猪场|猪场|鸡场|屠宰场|采石场|石材厂|砂石场|沙场|料场|洗车场|加工厂|加工点|作坊|工厂|厂房"
    r"|(?<!瓦)[一-鿿]厂|大排档|烧烤摊|烧烤店|烧烤城|夜宵摊|夜宵店|麻将馆|棋牌室|健身房|培训班|美容院|养生馆|会所|酒吧|清吧|ktv"
    r"|歌舞?厅|舞厅|网吧|洗浴中心|酒店|宾馆|旅店|饭店|餐馆|餐厅|饭馆|面馆|小吃店|火锅店|烤鱼店|超市|便利店|药店|手机店"
    r"|专卖店|汽修厂|汽修店|修理厂|洗车店|干洗店|宠物店|服装店|水果店|食堂|菜市场|物流园|货运站|货站|仓库"
    r"|冷库|诊所|工地|施工队|碎石场|堆放场|货运部|鞭炮厂|食杂店|士多店|码头|基站|(?<!瓦)[一-鿿]店(?!铺|面)|[一-鿿]馆(?!子)"
)
#: Rather the place of it than who does it: only with a name of its own, or in the title.
_PLACES: Final = rf"停车场|市场|商场|广场|项目|{_OFFICE}"
_PEOPLE: Final = (
    r"开发商|施工单位|施工方|建设单位|承包商|物业公司|物业(?!费|服务费|管理费|用房|收费)|渣土车|泥头车|洒水车|搅拌车|货车|采砂船|挖沙船|摊贩|商贩|小贩"
    r"|商家|商户|商铺|养殖户|养狗人|邻居|楼上住户|楼上邻居|住户|租户|房东|广场舞大妈|大妈|出租车|工地方"
)
#: Per kind: what it weighs, and whether an address belongs to the name. These weights and those below are a
#: logistic regression's over the labelled parties of 6,085 texts (docs/nlp.md).
_KINDS_OF_PARTY: Final = (
    (re.compile(_ORGANISATION), -1.14, True),
    (re.compile(_PREMISES), -1.48, False),
    (re.compile(_AUTHORITY), -2.68, True),
    (re.compile(_PLACES), -2.85, False),
    (re.compile(_PEOPLE), -1.76, False),
)
_OWN_NAME: Final = 0.82
_AGAIN: Final = 0.62  # for each time it is named again, three at most
_AFTER_SAID: Final = 0.2
_DOES: Final = 0.47
_IS_A_PLACE: Final = -1.37
_LATER: Final = -1.22 / 250  # for each character before it, 750 at most
_LATEST: Final = 750
_MOST_AGAIN: Final = 3
_LEAST_PARTY: Final = -1.8
_NAME: Final = re.compile(r"[一-鿿a-z0-9·&()]")
#: Words that cannot be inside a name: the name begins after them.
_STOP: Final = re.compile(
    r"设立|进行|走访|责令|遭到?|当初|能|开(?!发|心|泰|元|源|达)|且|这些|那些|国有|私人|以及|还有|包括|任由|允许|纵容|通过|使用|导致|造成|督促|解决|咨询|促进|哪些|并且|反对|取消|拒绝|建设(?!路|集团|街|局|委)|搭建|自建|违建|乱建|新建|改建|扩建|[建乱变]$|逼近|靠近|满意|阻[扰挠]|临街|门面|开办|搬回|影响|规定|业主(?!委)|退还|变成|改为|改成|原为|摆|做|办(?!公)|跟|靠|住改商|卖|为|不|很|无|投诉|举报|反映|反应|关于|位于|坐落|附近|旁边|隔壁|对面|斜对|楼下|楼上|楼顶|门口|后面|前面|里面|背后|旁|强烈|要求|请求"
    r"|希望|请问|因为|由于|发现|这家|那家|一家|几家|多家|有家|有个|一个|这个|那个|有些|很多|许多|无证|非法|违规|私自|违法|违章"
    r"|我们|你们|他们|咱们|我家|本人|自家|开了|开的|新开|一间|黑(?=加工|工厂|作坊)|(?<![0-9第])一(?=[加麻大小手])|莅临|退租|经营|存在|每天|晚上|现在|目前|最近|小区(?!物业)|社区(?!居)|大院"
    r"|家属楼|的|在|有|是|被|由|把|让|对|向|与|和|及|或|请|该|某|从|给|找|去|到|了|我|你|他|之|而|也|都|就|内|个"
)
#: Ends of an address: a shop's name begins after them, while an office keeps its district's name.
_ADDRESS_END: Final = re.compile(
    r"省|市(?!场)|区(?!物业)|县|镇|乡|村(?!委)|路|街(?!道)|街道|巷|胡同|里|号|栋|幢|单元|层|楼|期|口|侧|边|米|处|[东南西北]面"
)
_MAX_NAME: Final = 22
_SAID: Final = re.compile(r"(?:投诉|举报|反映|位于)[^,。;!?\n]{0,24}$")
_MIN_OWN: Final = 2
#: What is said of who does it, right after the name.
_DEED: Final = re.compile(
    r"[^,。;!?\n]{0,10}?(?:排放|偷排|直排|扰民|噪[音声]|吵|油烟|每天|每晚|天天|晚上|半夜|凌晨|长期|无证|无牌|占道|违[规法章]|非法|私自|擅自|乱"
    r"|倾倒|焚烧|不作为|拖欠|强[行制]|拒|收费|欺|施工|营业|播放|生产|污染)"
)
#: What makes the name tell a place.
_BY: Final = re.compile(
    r"附近|旁|对面|门口|门前|后面|前|里|内|路段|路口|小区|的小区|楼[下上]|周边|院内|区域|入口|出口"
)


class Span(NamedTuple):
    """[start, end) of the source text."""

    start: int
    end: int


class PartySeen(NamedTuple):
    """A party that a rule sees."""

    sort: int
    """The rule's place in `_KINDS_OF_PARTY`."""
    span: Span
    own: int
    """Characters before the word for its sort."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Where the text says who and when; None where it does not."""

    party: Span | None = None
    when: Span | None = None

    def party_text(self, source: str) -> str | None:
        """The words that name the party."""
        return source[self.party.start : self.party.end] if self.party else None

    def when_text(self, source: str) -> str | None:
        """The words that say when."""
        return source[self.when.start : self.when.end] if self.when else None

    def evidence(self, source: str) -> tuple[Evidence, ...]:
        """Both spans as evidence."""
        return tuple(
            Evidence(
                head, span.start, span.end, source[span.start : span.end], source[span.start : span.end], 1.0
            )
            for head, span in ((Head.PARTY, self.party), (Head.WHEN, self.when))
            if span
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """What the rules see in a text, and which of it they would tell."""

    told: Facts
    parties: tuple[PartySeen, ...] = ()
    times: tuple[Span, ...] = ()


def read_facts(source: str, folded: str, title_length: int) -> Facts:
    """Find party and time in the folded text of `source` (same offsets), whose title comes first."""
    return look(source, folded, title_length).told


def look(source: str, folded: str, title_length: int) -> Seen:
    """Every party and time that a rule sees, and what `read_facts` tells of them."""
    if len(source) != len(folded):
        raise ValueError("folded text of another length: offsets would not hold")
    head = folded[:_MAX_WHEN]
    parties = tuple(_parties(head))
    times = tuple(Span(*match.span()) for match in _WHEN.finditer(head))
    told = apart(Facts(party=_party(head, parties), when=_when(head, times, title_length)))
    return Seen(told, parties, times)


def apart(facts: Facts) -> Facts:
    """A party that would begin with the words of time is what comes after them: 昨晚10点 names no 工地."""
    party, when = facts.party, facts.when
    if party is None or when is None or not when.start <= party.start < when.end < party.end:
        return facts
    return Facts(party=Span(when.end, party.end), when=when)


def _when(text: str, times: Iterable[Span], title_length: int) -> Span | None:
    """The span that says most about when: a rhythm with clock times before a date, a date before a hint."""
    best: tuple[float, int, int] | None = None
    for start, end in times:
        said = text[start:end]
        score = 1.0 + min(len(said), 20) / 40
        score += 1.6 * bool(_HAS_REPEATED.search(said)) + 1.5 * bool(_HAS_CLOCK.search(said))
        score += 1.0 * bool(_HAS_PART.search(said)) + 0.3 * bool(_HAS_DAY.search(said))
        score -= 0.4 * (start < title_length) + start / 600
        if best is None or score > best[0]:
            best = (score, start, end)
    return _trimmed(text, best[1], best[2]) if best else None


def _trimmed(text: str, start: int, end: int) -> Span:
    """The span without punctuation at its ends."""
    while end > start and text[end - 1] in " ,、(~-—的都":
        end -= 1
    return Span(start, end)


def _parties(text: str) -> Iterator[PartySeen]:
    """Every party that a rule sees; what two sorts see alike is told as the first."""
    seen: set[Span] = set()
    for sort, (expression, _, keeps_address) in enumerate(_KINDS_OF_PARTY):
        for match in expression.finditer(text):
            start = _name_start(text, match.start(), keeps_address=keeps_address)
            span = Span(start, match.end())
            if span not in seen:
                seen.add(span)
                yield PartySeen(sort, span, own=match.start() - start)


def _party(text: str, parties: Iterable[PartySeen]) -> Span | None:
    """The likeliest one complained about; None where none is likely enough."""
    best: tuple[float, Span] | None = None
    for sort, span, own in parties:
        start, end = span
        score = _KINDS_OF_PARTY[sort][1] + _OWN_NAME * (own >= _MIN_OWN)
        score += _AGAIN * min(text.count(text[start:end]) - 1, _MOST_AGAIN)
        score += _AFTER_SAID * bool(_SAID.search(text, max(0, start - 30), start))
        score += _DOES * bool(_DEED.match(text, end, end + 24))
        score += _IS_A_PLACE * bool(_BY.match(text, end, end + 4))
        score += _LATER * min(start, _LATEST)
        if best is None or score > best[0]:
            best = (score, span)
    return best[1] if best and best[0] >= _LEAST_PARTY else None


def _name_start(text: str, end: int, *, keeps_address: bool) -> int:
    """Where the name that ends in a kind of party at `end` begins."""
    start = end
    while start > 0 and end - start < _MAX_NAME and _NAME.match(text[start - 1]):
        start -= 1
    for stop in (_STOP,) if keeps_address else (_STOP, _ADDRESS_END):
        for match in stop.finditer(text, start, end):
            start = match.end()
    # A name does not begin with a number's or a bracket's rest.
    while start < end and text[start] in "()·&0123456789":
        start += 1
    return start


def joined_facts(folded: str, facts: Facts, *, party: Span | None, when: Span | None) -> Facts:
    """What a model saw goes before what the rules found; of what it saw a piece, the whole is told."""
    return apart(
        Facts(
            party=(_grown_party(folded, party) if party else None) or facts.party,
            when=(_grown_when(folded, when) if when else None) or facts.when,
        )
    )


def _grown_party(folded: str, span: Span) -> Span | None:
    """A party of which a model saw a piece, as the whole name the rules see around it.

    A single character that no rule knows more about is no name: None.
    """
    best: Span | None = None
    for expression, _, keeps_address in _KINDS_OF_PARTY:
        for match in expression.finditer(folded, max(0, span.start - _MAX_NAME), span.end + _MAX_NAME):
            start = _name_start(folded, match.start(), keeps_address=keeps_address)
            if start < span.end and span.start < match.end():
                found = Span(min(start, span.start), max(match.end(), span.end))
                if best is None or found.end - found.start > best.end - best.start:
                    best = found
    if best is not None:
        return best
    return span if span.end - span.start >= _MIN_OWN else None


def _grown_when(folded: str, span: Span) -> Span | None:
    """Words of time of which a model saw a piece, as far as the rules see them reach.

    None where no rule sees any and they do not look like a time either: a model takes a door for one.
    """
    start, end = span
    known = False
    for match in _WHEN.finditer(
        folded, max(0, span.start - _MAX_NAME), min(len(folded), span.end + _MAX_NAME)
    ):
        if match.start() < span.end and span.start < match.end():
            known = True
            start, end = min(start, match.start()), max(end, match.end())
    if not known and not _MAY_BE_TIME.fullmatch(folded, start, end):
        return None
    return _trimmed(folded, start, end)
