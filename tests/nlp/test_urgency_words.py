"""紧急程度: what was said plainly and no floor heard, and what was taken for an emergency and is none."""

from __future__ import annotations

import pytest

from models.vocab import Urgency
from nlp.text import normalize
from nlp.urgency import UrgencyRules

RULES = UrgencyRules.load()


@pytest.mark.parametrize(
    "text",
    [
        "河里的鱼都翻肚了",
        "河面上鱼全翻白了",
        "孩子掉河里了",
        "有人掉进化粪池了，快救人",
        "工地塌方埋了两个人",
        "电梯困人了，里面有个孩子",
        "施工把燃气管道挖断了，正往外喷气",
        "着火了救命啊快来",
        "有人晕倒了救命啊",
        "喊救命，还在流血",
        "太可怕了有人晕倒",
        "主要是有人中毒了",
        "孩子掉河里了，之前多次反映没有护栏",
        "孩子掉河里了快打电话叫人",
        "孩子掉河里了，快来人，如果来晚了就没命了",
        "工地塌方，有人被埋，以前就投诉过没人管",
        "着火了快来救命，去年就说过有隐患",
        "演唱会有人晕倒了",
        "怕着火了，快来人",
        "有人触电了，尽快派人",
        "着火了，快派人来处理",
        "工人掉水泥池里了",
        "孩子掉水桶里了",
        "孩子掉进井盖下面了",
        "孩子掉进河里的冰窟窿",
        "孩子落水口吐白沫",
        "埋了两个人的工地还没人来救",
        "孩子掉河里了怎么办",
        "孩子掉进河里谁负责救",
        "孩子掉进井里谁负责，快来人",
        "孩子掉河里了谁负责",
        "有人落水了谁负责",
        "望京桥下孩子掉河里了谁负责啊，赶紧派人",
        "孩子掉进井里了到底谁负责",
    ],
)
def test_plain_danger_is_u1(text: str) -> None:
    raised = RULES.raised(normalize(text), "U4", environmental=True)
    assert raised is not None
    assert raised.floor.grade is Urgency.U1


@pytest.mark.parametrize(
    "text",
    [
        "鱼缸里的鱼翻肚了",
        "怕孩子掉河里",
        "河边没有护栏，孩子掉进河里怎么办",
        "河边没有护栏，以前有人落水",
        "井盖丢了，孩子掉下去怎么办",
        "井盖丢了，老人差点掉井里",
        "去年有人落水",
        "每年夏天都有孩子掉河里",
        "如果下雨路滑，孩子掉进河里就晚了",
        "手机掉进河里了",
        "施工时容易把燃气管道挖断",
        "燃气管道破旧，想更换",
        "救命啊，楼上天天蹦迪",
        "楼上天天蹦迪，救命啊",
        "救命啊，隔壁装修电钻天天响",
        "救命啊谁来管管楼下广场舞",
        "听新闻说外地有化工厂爆炸",
        "前几年这个仓库着火过",
        "上个月工厂起火，烧剩的垃圾还堆着",
        "居民楼有人落水管接错",
        "行人落水口旁边滑倒",
        "工人掉了水泥在路上",
        "孩子掉水杯在公交上",
        "工人掉水管在路上",
        "行人滑倒井盖旁边",
        "有人掉河里的垃圾没人捞",
        "工人被埋怨",
        "坑里埋了十几个人的垃圾",
        "担心着火了快派人来检查",
        "怕着火了，请尽快派人清理",
        "会着火了，快打电话给物业",
        "河边没护栏，有人落水谁负责",
        "孩子掉井里摔伤谁负责",
        "孩子掉进化粪池谁负责",
        "河边没护栏孩子掉河里了谁负责",
        "护栏坏了。孩子掉河里了谁负责",
        "孩子掉河里了谁负责？河边连护栏都没有",
        "请问孩子掉河里了谁负责",
        "去年孩子掉河里了谁负责",
        "如果孩子掉河里了谁负责",
        "新闻说有人落水了谁负责",
    ],
)
def test_everyday_cries_news_and_fears_raise_nothing(text: str) -> None:
    assert RULES.raised(normalize(text), "U4", environmental=True) is None
