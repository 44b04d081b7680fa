"""Words and counts of every text that spell a community's name are no place; the community still is."""

from __future__ import annotations

import pytest

from nlp.pipeline import DEFAULT_REVIEW
from nlp.places import PlaceReader

READER = PlaceReader.load()
SURE = DEFAULT_REVIEW.place

PLAIN = [
    "我家2号楼1201，楼下饭馆油烟大",
    "邻居养了三四条狗，天天叫",
    "路边停了三四条采砂船",
    "违反了环境保护法34条",
    "小区里九棵树锯了",
    "一共十九棵树被锯了",
    "小区里那九棵树是谁批准砍的",
    "物业砍了院里九棵树",
    "门口七棵树被砍了",
    "路口五棵松树死了",
    "烟道朝外排，味道全灌进来",
    "排风口朝外冲着我们窗户",
    "油烟机管子朝外伸出来半米",
    "把污水倒进门口的下水沟里",
    "楼道外头堆满了废品",
    "我家门前公用绿地被人刨了",
    "少年宫门口的广场舞音响太大",
    "文化宫门口每晚有人唱歌",
    "有人占了三十亩地堆渣土",
    "占了八十亩地倒垃圾",
    "工地有10万平米，扬尘大",
    "八千平方米的工地，扬尘大",
    "树上的鸟巢让物业捅了",
    "孩子们在小区掏鸟巢",
    "电信局机房的空调外机整夜轰鸣",
    "隔着三条街都能闻到烤串的烟味",
    "工地在井上面堆土",
    "滨河南路一家汽修厂喷漆味道大",
    "光辉南路1号的工厂喷漆",
    "朝阳南路附近河道发臭",
    "建材城里切割石材噪音大",
    "当时村委会说要处理油烟",
    "那时村民都不敢说",
    "结果村里没人管垃圾",
    "沿路村民都闻得到臭味",
    "我们村一村民在院里养猪",
    "属于家务事，不归你们管",
    "稻田里烧秸秆，烟很大",
    "四环上的货车整夜鸣笛",
    "东四环上的货车整夜鸣笛",
    "我们63号院的垃圾没人清",
    "自来水24小时长流水浇菜",
    "隔了二里庄稼地烧秸秆",
    "种了四块玉米地，打农药",
    "豆瓣酱厂味道大",
    "云南农村来的工人在工地上吵",
]


@pytest.mark.parametrize("text", PLAIN)
def test_a_plain_word_is_no_place(text: str) -> None:
    reading = READER.read(None, text)
    assert (reading.district, reading.street, reading.community) == (None, None, None)


NAMED = [
    ("海淀区花园路街道1201社区垃圾没人清", "花园路街道", "1201社区居委会"),
    ("朝阳区团结湖三四条社区养狗扰民", "团结湖街道", "三四条社区居委会"),
    ("通州区九棵树街道工地扬尘", "九棵树街道", None),
    ("九棵树那边的烧烤油烟大", "九棵树街道", None),
    ("九棵树被堵了", "九棵树街道", None),
    ("九棵树死鱼臭", "九棵树街道", None),
    ("五棵松被施工吵得睡不着", "万寿路街道", None),
    ("房山稻田附近有人烧荒", "长阳镇", None),
    ("海淀创客小镇油烟大", "温泉地区", "创客社区居委会"),
    ("七棵树村养猪", "东坝地区", "七棵树村委会"),
    ("朝外SOHO旁边烧烤", "朝外街道", None),
    ("延庆区珍珠泉乡下水沟村有人养猪", "珍珠泉乡", "下水沟村委会"),
    ("宫门口东岔胡同垃圾", "新街口街道", "宫门口社区居委会"),
    ("大峪街道南路一社区垃圾", "大峪街道", "南路一社区居委会"),
    ("古城十万平社区油烟", "古城街道", "十万平社区"),
    ("老山街道十一号院社区垃圾", "老山街道", "十一号院社区"),
    ("三条街村养猪", "马坊地区", "三条街村委会"),
    ("时村有人烧垃圾", "大红门街道", "时村"),
    ("于家务中心小学旁边工地", "于家务回族乡", None),
    ("什刹海四环社区垃圾", "什刹海街道", "四环社区居委会"),
    ("长阳镇稻田村烧秸秆", "长阳镇", None),
    ("东四豆瓣胡同垃圾", "东四街道", "豆瓣社区居委会"),
    ("建材城东里工地噪音", "西三旗街道", None),
]


@pytest.mark.parametrize(("text", "street", "community"), NAMED)
def test_the_name_itself_still_is(text: str, street: str, community: str | None) -> None:
    reading = READER.read(None, text)
    assert (reading.street, reading.community) == (street, community)
    assert reading.confidence >= SURE


@pytest.mark.parametrize(
    ("text", "district"),
    [("鸟巢北门外的摊贩", "朝阳区"), ("雍和宫门口摆摊", "东城区"), ("菜市口摆摊的摊贩吆喝", "西城区")],
)
def test_what_everybody_calls_by_name_still_is(text: str, district: str) -> None:
    reading = READER.read(None, text)
    assert (reading.district, reading.street) == (district, None)
