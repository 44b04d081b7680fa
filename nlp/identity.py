"""Names and doors that tell who speaks: rules for `nlp.text.mask_identity`, over the folded text.

A name is masked where the speaker gives it as his own or as that of whom to call: after 我叫, 联系人, before
a telephone number, as a signature. Whom a text accuses keeps his name: the unit must know it. A room is
masked where the speaker says that he lives there; the room complained about (楼上602室) stays.
"""

from __future__ import annotations

import re
from typing import Final

NAME: Final = "[姓名]"
DOOR: Final = "[门牌号]"

#: 百家姓, the common ones; rare ones are seldom written by people who introduce themselves.
_SURNAMES: Final = (
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏窦章苏潘葛范彭郎鲁韦马"
    "苗凤花俞任袁柳鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅皮卞齐康伍余元顾孟平黄穆萧尹姚邵湛汪"
    "祁毛狄米贝臧计伏成戴谈宋茅庞熊纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜郭梅盛林刁钟徐邱骆高夏"
    "蔡田樊胡凌霍虞万支柯管卢莫房裘缪解应宗丁宣邓郁单杭洪包诸左石崔吉龚程嵇邢裴陆荣翁荀羊惠甄曲封储靳"
    "段富巫乌焦巴牧山谷车侯全班仰秋仲伊宫宁仇栾甘厉戎祖武符刘景詹束龙叶幸司韶郜黎薄印宿白怀蒲从鄂索赖"
    "卓蔺屠蒙池乔阴胥苍双闻党翟谭贡劳逄姬申扶堵冉宰桑桂牛寿通边扈燕冀浦尚农温别庄晏柴瞿阎充慕连习宦艾"
    "鱼容向古易慎戈廖庾终暨居衡步都耿满弘匡国文寇广东欧沃利蔚越隆师巩聂晁勾敖融冷辛阚那简饶空曾关相查"
    "后荆红游竺权盖益桓公肖付闫涂代覃"
)
#: Of these, such as are frequent and hardly begin another word.
_COMMON: Final = (
    "王李张刘陈杨赵黄周吴徐孙胡朱何郭罗梁宋郑谢韩唐冯董曹袁邓许沈曾彭吕苏卢蒋蔡贾丁魏薛叶潘杜戴钟汪姜范姚谭廖邹"
    "熊陆郝崔邱秦侯邵孟汤尹黎贺龚"
)
_DOUBLE: Final = "欧阳|司马|上官|诸葛|东方|皇甫|尉迟|公孙|令狐|慕容|司徒|夏侯"
#: Characters that hardly stand in a given name, but often after a surname that is a word too (于是, 时间).
_NO_GIVEN: Final = (
    r"的了在是有个不人们这那要请也都就和与或及被把从向对为以到去来说打将无未没女同老我你他她它此该每已很又"
    r"于是间候者员数么什怎吗呢吧啊上下里外前后内中家住址电话号码楼栋区县市街路村镇乡室房屋户常年月日时"
    r"证过孕含先姐傅"
)
_GIVEN: Final = rf"(?:[一-鿿](?<![{_NO_GIVEN}]))"
_FULL: Final = rf"(?:(?:{_DOUBLE}){_GIVEN}{{1,2}}|[{_SURNAMES}]{_GIVEN}{{1,2}}?)"
#: What follows a name that is given: an end, a bracket, a number, or how he goes on about himself.
_END: Final = (
    r"(?=[ \n,。;、!.:()（）/|\d\[]|$|先生|女士|小姐|同志|师傅|阿姨|电话|手机|身份证|联系|号码"
    r"|住在|家住|住|现住|系|是|男|女|今年|称|来电|来信|反映)"
)
_CUE: Final = (
    r"(?:(?<!被)(?:举报人|投诉人|反映人|申请人)|我的?名字[是叫]?|我名[叫为]?|我叫|本人姓名|姓名|联系人|来信人|来电人|诉求人|户主"
    r"|名字(?<![^ \n,。;、!]名字)(?=[ ]?:)|署名|落款|真名|鄙人|户名|收款人|市民姓名|业主姓名"
    r"|敬礼[!。 \n]{0,3}(?:市民|居民|村民|业主|住户)?"
    r"|敬上[ \n]|呈报人)"
)
_NAME_CUED: Final = re.compile(rf"{_CUE}(?:姓名)?[ \n]{{0,2}}(?:[:是为叫]|[ ])?[ \n]{{0,2}}({_FULL}){_END}")
#: 本人张伟: only where the next words make it sure, since 本人 mostly goes on with a verb.
_NAME_SELF: Final = re.compile(
    rf"(?:本人|我是|我系|业主)(?:[一-鿿]{{0,6}}(?:业主|居民|村民|住户|职工))?[ :(]{{0,2}}({_FULL})"
    r"(?=[ ,(]{0,2}(?:[,。;( ]?(?:身份证|电话|手机|联系电话|联系方式|家住|现住|住在|男|女)"
    r"|(?:19|20)\d{2}年|\ufffc*\[))"
)
#: 张伟 [手机号], 张伟(电话…): a name that stands alone before a number to call.
_NAME_BEFORE: Final = re.compile(
    rf"(?:(?<=[ \n,。;:、!(])|(?<=找)|(?<=联系)|^)({_FULL})(?:先生|女士|小姐|同志|师傅)?"
    r"(?=[ ,:(]{0,2}(?:联系)?(?:电话|手机|方式|tel)?(?:号码|号)?[ :是为]{0,3}\ufffc*\[(?:手机号|电话号)\])"
)
#: Of whom somebody else complains: 举报村民…, 楼上住户….
_NOT_ACCUSED: Final = "(?=[市居村业住租诉当反举投来申])" + "".join(
    rf"(?<!{word})(?<!{word}的)"
    for word in ("被", "举报", "投诉", "检举", "揭发", "控告", "楼上", "楼下", "隔壁", "对面", "对门", "邻居")
)
_ROLES: Final = "(?:市民|居民|村民|业主|住户|租户|诉求人|当事人|反映人|举报人|投诉人|来电人|申请人|来信人)"
_ROLE: Final = _NOT_ACCUSED + _ROLES
#: Who speaks is the caller though he lives above or opposite (饭店楼上住户…反映油烟): not where the complaint
#: is of him (被投诉的住户…反映已经整改). 称 and 表示 may be the accused's too: 举报业主…称要打人.
_SPEAKING: Final = "(?=[市居村业住租诉当反举投来申])(?<!被)" + "".join(
    rf"(?<!被{word})(?<!被{word}的)" for word in ("举报", "投诉", "检举", "控告")
)
_TOLD_OF: Final = "".join(
    rf"(?<!{word})(?<!{word}的)" for word in ("举报", "投诉", "检举", "揭发", "控告", "隔壁", "邻居")
)
_POLITE: Final = "(?:先生|女士|小姐|同志)?"
_CALLS: Final = rf"(?={_POLITE}(?:反映|来电|来信|反馈|表示(?:非常|很|十分)?(?:不?满意|不?认可|感谢)))"
_SAYS: Final = rf"(?={_POLITE}(?:表示|称))"
#: Words that begin like a frequent surname, and like nobody's name: 市民陆续投诉, 母亲高血压.
_NO_SURNAME: Final = (
    "(?!曾|陆续|周[末围边日一二三四五六]|许[久多]|何[时故]|胡乱|张贴|高[血烧龄考]|黄昏|孙[子女])"
)
#: Whoever is called a citizen, a caller or a resident, and goes on to say something or is spoken to.
_NAME_PERSON: Final = re.compile(
    rf"{_SPEAKING}{_ROLES}({_FULL}){_CALLS}"
    rf"|{_SPEAKING}{_TOLD_OF}{_ROLES}({_FULL}){_SAYS}"
    rf"|{_ROLE}({_FULL})(?=先生|女士|小姐|同志|反映|来电|来信|反馈|表示|沟通|家里|家中|本人|敬上|称|\()"
    # Many adverbs begin like a rare surname: before these a frequent one alone.
    rf"|{_ROLE}({_NO_SURNAME}[{_COMMON}]{_GIVEN}{{1,2}}?)(?=投诉|举报|咨询|求助|再次|于(?:\d|[今昨前上本]))"
    # Before a mere end three characters of a resident, and none that many words begin with.
    rf"|{_NOT_ACCUSED}(?:居民|村民|住户|当事人)(?![公权满通付代钱利关时平安家])([{_SURNAMES}]{_GIVEN}{{2}})(?=[,。;、\n]|$)"
)
#: In notes of whoever handled it: 已联系谢霆女士, 回访姚明珠，表示满意, 告知吕良伟本人.
_NAME_TOLD: Final = re.compile(
    rf"(?:联系|致电|回访|告知|电告|走访|到|向|与)(?!施工|物业|商户|公司)({_FULL})"
    r"(?=先生|女士|小姐|同志|本人|家中|家里|[,]?(?:其)?表示)"
)
_KIN: Final = (
    "爱人|丈夫|妻子|老公|老婆|母亲|父亲|妈妈?|爸爸?|儿子|女儿|孩子|婆婆|公公|岳母|岳父|奶奶|爷爷|姥姥|姥爷"
    "|孙子|孙女|哥哥?|姐姐?|弟弟?|妹妹?"
)
#: Three characters where the words go on anyhow, two where an end makes it sure.
_NAME_KIN: Final = re.compile(
    rf"(?:我|我家|我们家|其|^|[,。;、])(?:的)?(?:{_KIN})((?:[{_SURNAMES}]|{_DOUBLE}){_GIVEN}{{1,2}}?)"
    r"(?=今年|有(?:哮喘|病|高血压|心脏病)|上(?:小学|中学|幼儿园|学)|被|电话|手机|[,]电话|[,]手机|先生|女士)"
    rf"|(?:我|我家|我们家|其)的?(?:{_KIN})({_NO_SURNAME}[{_COMMON}]{_GIVEN}{{1,2}}?)"
    r"(?=卧病|卧床|瘫痪|患[有病]|住院|去世|行动不便)"
)
_NAME_ACTS: Final = re.compile(
    rf"(?:^|[,。;!\n ])我(?![向从于和通请关应终经常])({_FULL})(?=实名|举报|反映|投诉)"
    rf"|(?:^|[,。;!\n ])我是({_FULL})(?=,(?:今年|住在|家住|现住|我住|电话|手机|身份证))"
)
#: 我姓孙,叫孙志强: said twice it is sure.
_NAME_TWICE: Final = re.compile(
    rf"(?:我|免贵)姓([{_SURNAMES}]|{_DOUBLE})[, ]{{0,2}}(?:我?名?叫|名字[是叫])(\1{_GIVEN}{{1,2}}?){_END}"
)
_NAME_FAMILY: Final = re.compile(rf"(?:(?<!叫)我|免贵)姓([{_SURNAMES}]|{_DOUBLE})(?=[,。;、!]|$)")
#: 您好,我是孙志强: three characters of a surname that hardly begins another word, and no title or village.
_NAME_GREETS: Final = re.compile(
    rf"(?:^|[您你]好|喂)[,。! ]{{0,2}}我是([{_COMMON}](?!家|老师|医生|经理|主任|书记|教授|警官|同学"
    rf"|阿姨|奶奶|爷爷|叔叔|[大老小二三][爷妈姐哥娘爸伯叔婶姨]){_GIVEN}{{2}}(?<![庄营湾沟桥店寺园苑城镇山河湖]))(?=[,。!]|$)"
)
#: 我叫 may be followed by a name of any people: 我叫阿依古丽, 我叫买买提·艾力, 我叫小芳.
_NAME_ANY: Final = re.compile(
    r"我叫(?!物业|保安|警察|城管|孩子|[人他她它了过不停苦上来家天])([一-鿿]{2,4}(?:·[一-鿿]{1,6})?)"
    r"(?=[,。;!\n]|$)"
)
_NAME_SIGNED: Final = re.compile(
    r"(?:特此(?:反映|举报|投诉|说明)|盼复|望(?:尽快)?(?:处理|解决|回复)|谢谢(?:领导|您|你们)?)"
    r"[!。,]{1,2}[ \n]{0,3}"
    rf"(?:(?:业主|居民|村民)(?:代表)?)?({_FULL})(?=$|\n|敬上|[, ]{{0,2}}\ufffc*\[)"
)
#: Rooms: after the unit (2单元502), the building (3栋1201, 5-2-301), or with their own word (602室).
_ROOM: Final = re.compile(
    r"(?:(?<=单元)|(?<=\d门)|(?<=[栋幢座梯])|(?<=号楼)|(?<=[楼层])|(?<=单元第)|(?<=\d[-#])(?!(?:19|20)\d\d))"
    r"(\d{2,4}(?:[室房户](?![价产租屋间])|号(?!楼|院|线))?)"
    r"(?![\d米年平元户月日.路人个栋号楼层-]|单元|门[\d\[])"
    r"|(?<![\d-])(\d{3,4}[室房])(?![价产租屋间东])"
)
#: The same with digits that are said, one by one: 三单元六零一, 四零二室.
_SAID: Final = "[〇零幺一二三四五六七八九]"
_ROOM_SAID: Final = re.compile(
    rf"({_SAID}(?<!{_SAID}{_SAID})(?:{_SAID}{{2,3}}[室房](?!东)|(?:(?<=单元{_SAID})|(?<=元第{_SAID})"
    rf"|(?<=[栋幢]{_SAID})|(?<=号楼{_SAID})|(?<=[\d一二三四五六七八九十]门{_SAID})){_SAID}{{2,3}}[户号]?))"
    rf"(?!{_SAID}|[十百千\d米年平元月日路人个栋号楼层点院线价产租屋间]|单元)"
)
_LIVES: Final = re.compile(
    r"(?:(?:^|[,。;、!?\n ])住(?!着|了|过)|家住|我住|现住|居住[在于]|住在|住址|我们?家[在是住]|其家[在住]"
    r"|我们?家(?=(?:\d|[一二三四五六七八九十]){1,3}(?:号楼|号院|栋|幢|座|单元|门))"
    r"|(?:诉求人|来电人|反映人|市民|业主|自己)住(?![着了过宅户建])"
    r"|我家地址|(?:我的|本人)地址|本人住|住[:于]|家庭地址|房号|门牌号?|[号名]\][ ,;]{0,2}地址[:是])"
    r"[^,。;!?\n]{0,40}$"
)
#: 住在301室的王某养鸡: another one, unless he speaks (…的王女士反映).
_WHO_LIVES: Final = re.compile(
    r"[户号]?的(?!我|本人|时候|[^,。;!?\n]{0,16}(?:反映|来电|投诉|表示|称|求助|咨询|举报))"
)
_OF_OWN: Final = re.compile("我|本人|家住|自己|其|诉求人|来电人|反映人|市民|业主")
#: One of which stands in whatever `_LIVES` finds.
_LIVES_BY: Final = ("住", "我家", "我们家", "其家", "地址", "房号", "门牌")
#: Whose address it is, where a company's contact stands right before it: 该公司联系人:[姓名],地址:….
#: A company further off is the one complained about.
_OF_COMPANY: Final = re.compile(
    r"(?:该|此|这家|被举报|被投诉)(?:公司|单位|企业|[饭商酒门]?店|工?厂)的?"
    r"(?:联系人|负责人|法人|法定代表人|(?:联系)?电话)[:是为 ]{0,2}(?:[一-鿿]{2,4}(?=[, ]))?"
    # A mask is filled up, or cut off in front, to the length of what it covers.
    r"(?:[, :是为\ufffc]|\[?(?:姓?名|手机号|电话号)\]|先生|女士|(?:联系)?(?:电话|手机)){0,30}"
    r"地址[^,。;!?\n]{0,40}$"
)
_OTHERS: Final = re.compile(r"(?:楼上|楼下|隔壁|对面|对门|邻居|那户|这户)[^,。;!?\n]{0,12}$")
_REACH: Final = 48


#: Where the number is called one's own: 门牌号703, 我家1602.
_ROOM_CALLED: Final = re.compile(
    r"(?:(?:房号|门牌号?|房间号)[ :是为]{0,2}(?:\d{1,3}-){0,2}|我家(?:是|在)?)(\d{3,4}[室房]?)"
    r"(?![\d米年平元户月日.路人个栋号楼-])"
)
#: 我们是1号楼101和102的住户. So many more and no further: a chain without an end is read anew at each number.
_ROOM_OF_US: Final = re.compile(
    r"(?<=[楼元栋门和、-])(\d{3,4}室?)(?=(?:[和、]\d{3,4}室?){0,20}的?(?:住户|业主|居民|租户))"
)
_WE_ARE: Final = re.compile(r"(?:我们?(?:就)?是|我系|本人[系是为])[^,。;!?\n]{0,30}$")
#: A house of a lane or a village: 我家在示例胡同28号.
_HOUSE: Final = re.compile(r"(?:(?<=胡同)|(?<=[巷村弄]))([甲乙丙丁]?\d{1,4}号)(?!楼|线|院线|公路)")


def is_of_us(text: str, match: re.Match[str]) -> bool:
    """Whether the speaker is one of those who live there."""
    before = text[max(0, match.start() - _REACH) : match.start()]
    return bool(_WE_ARE.search(before)) and not _OTHERS.search(before)


def is_own_house(text: str, match: re.Match[str]) -> bool:
    """Whether the speaker says that he lives in that house, or is called by it."""
    return is_own_room(text, match) or text[match.end() :].startswith(("村民", "居民", "住户"))


def is_called(_text: str, _match: re.Match[str]) -> bool:
    """The words of the pattern say it."""
    return True


def _is_of_company(before: str, lives: re.Match[str]) -> bool:
    """Whether 地址 follows whom a company names, and nobody says that he lives there."""
    return "]" in lives[0] and _OF_COMPANY.search(before) is not None


def is_own_room(text: str, match: re.Match[str]) -> bool:
    """Whether the speaker says that he lives there."""
    before = text[max(0, match.start() - _REACH) : match.start()]
    lives = _LIVES.search(before)
    if lives is None or _OTHERS.search(before) or _is_of_company(before, lives):
        return False
    said = before[max(0, lives.start() - 3) :]
    return bool(_OF_OWN.search(said)) or not _WHO_LIVES.match(text, match.end())


def is_name(_text: str, match: re.Match[str]) -> bool:
    """Whether what stands as a name is none of the words that begin like one."""
    return match.group(match.lastindex or 0) not in _NO_NAMES


#: Words that begin like a name.
_NO_NAMES: Final = frozenset(
    word
    for line in (
        "万科 东西 严重 于是 云南 代理 代表 任何 何人 何时 保安 党员 全体 全部",
        "公司 公安 关于 关系 农民 利益 包含 包括 华润 单位 向上 和平 商家 国家",
        "夏天 季度 宁夏 安全 家属 居民 山东 师生 常年 平安 平时 广东 广大 广西",
        "应该 康复 强烈 成都 房东 房产 房证 支付 支持 文明 方便 时常 易燃 景区",
        "曾经 查明 查询 水电 江苏 温馨 白天 相关 石化 祝您 祝愿 秋天 程序 简单",
        "管理 管道 经常 解决 解释 计划 谢意 谢谢 费用 路人 车主 连续 通知 通过",
        "都市 金融 金额 顾客 高度 班主任 管委会 项目部 高考 高中 高中生 从小 常有",
        "全家 全家人 房主 施工 施工方",
        "党支部 居委会 管家 费用 单元 单位 双方 万元 时间 车间 汽车 金额 童年 幸好 安装 安静 齐钱 那边 都会",
    )
    for word in line.split(" ")
)


#: What `nlp.text` adds to its own rules, after them: a name before a number is known by its token. The last
#: two of each say when it is worth looking: the digits every match has, and words of which it has one.
RULES: Final = (
    (_NAME_CUED, is_name, NAME, 0, ("",)),
    (_NAME_SELF, is_name, NAME, 0, ("",)),
    (_NAME_PERSON, is_name, NAME, 0, ("民", "户", "主", "人")),
    (_NAME_TOLD, is_name, NAME, 0, ("先生", "女士", "小姐", "同志", "本人", "家", "表示")),
    (_NAME_KIN, is_name, NAME, 0, ("我", "其", "孩子")),
    (_NAME_ACTS, is_name, NAME, 0, ("我",)),
    (_NAME_TWICE, is_name, NAME, 0, ("我姓", "贵姓")),
    (_NAME_FAMILY, is_name, NAME, 0, ("我姓", "贵姓")),
    (_NAME_GREETS, is_name, NAME, 0, ("我是",)),
    (_NAME_ANY, is_name, NAME, 0, ("我叫",)),
    (_NAME_SIGNED, is_name, NAME, 0, ("特此", "盼复", "望", "谢谢")),
    (_NAME_BEFORE, is_name, NAME, 0, ("[手机号]", "[电话号]")),
    (_ROOM, is_own_room, DOOR, 2, _LIVES_BY),
    (_ROOM_SAID, is_own_room, DOOR, 0, _LIVES_BY),
    (_ROOM_CALLED, is_called, DOOR, 3, ("房号", "门牌", "房间号", "我家")),
    (_ROOM_OF_US, is_of_us, DOOR, 3, ("住户", "业主", "居民", "租户")),
    (_HOUSE, is_own_house, DOOR, 1, ("胡同", "巷", "村", "弄")),
)
