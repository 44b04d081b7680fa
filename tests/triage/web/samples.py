"""A desk full of tickets for browser tests and the picture in the README. Every text is invented."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from models.vocab import State
from tests.factories import TicketIn, span

H = timedelta(hours=1)
M = timedelta(minutes=1)

WANGJING, XUEYUAN, CHAOYANG_ECOLOGY = "110105026", "110108010", "110105-ecology"


def _at(unit: str, **more: object) -> dict[str, object]:
    """Unit, district and street that go together."""
    district = "110108" if unit == XUEYUAN else "110105"
    return {"unit": unit, "district": district, "street": unit if unit.isdigit() else None, **more}


_SITE = TicketIn(
    title="望京北路工地后半夜浇混凝土",
    text=(
        "朝阳区望京街道望京北路南侧一处工地，最近一周每天凌晨一点到四点浇混凝土，泵车轰鸣，整栋楼都睡不着。"
        "打过两次电话都说有许可，请查一查到底有没有夜间施工证明。我的电话[手机号]。"
    ),
    kind="NOI-01",
    urgency="U3",
    due=5 * H + 40 * M,
    age=2 * H,
    identity=True,
)

SITE = replace(
    _SITE,
    evidence=(
        span("place", "朝阳区望京街道望京北路南侧", "望京街道", item=_SITE),
        span("when", "每天凌晨一点到四点", "每天凌晨一点到四点", item=_SITE),
        span("kind", "凌晨一点到四点浇混凝土", "NOI-01", weight=2.1, item=_SITE),
        span("kind", "工地", "NOI-01", weight=1.2, item=_SITE),
        span("kind", "夜间施工", "NOI-01", weight=1.9, item=_SITE),
        span("environmental", "泵车轰鸣", "true", item=_SITE),
        span("party", "一处工地", "一处工地", item=_SITE),
        span("urgency", "整栋楼都睡不着", "U3", weight=0.4, item=_SITE),
    ),
    decision={
        "steps": [
            "判断为环境诉求（把握 97%），种类为建筑施工噪声(含夜间)（81%）。",
            "发生在朝阳区望京街道：原文写有“朝阳区望京街道望京北路南侧”。",
            "建筑施工噪声的综合执法自 2020-07-01 起由街道乡镇承担，因此由望京街道办事处主办。",
            "行业主管部门协办；街道主办的工单同时抄送区政府（条例第十二条）。",
        ]
    },
)


def _item(
    title: str | None, text: str, kind: str | None, urgency: str, due: timedelta | None, **more: object
) -> TicketIn:
    return TicketIn(title=title, text=text, kind=kind, urgency=urgency, due=due, **more)  # type: ignore[arg-type]


SAMPLES = (
    _item(
        "桥下闻到刺鼻气味，有人头晕",
        "学院路桥下今早一股刺鼻的气味，路过的人眼睛流泪，两个人头晕，像是有桶漏了，请马上来人看看。",
        "OTH-03",
        "U1",
        35 * M,
        **_at(XUEYUAN, flagged=True, age=20 * M),
    ),
    _item(
        "雨水口倒泔水",
        "一家小馆子天天收摊以后往路边雨水口倒泔水，油乎乎的，味道很大。",
        "WAT-03",
        "U2",
        -26 * H,
        **_at(WANGJING, age=50 * H),
    ),
    _item(
        None,
        "又在烧树叶！！烟都灌进屋里了",
        "AIR-08",
        "U2",
        80 * M,
        **_at(XUEYUAN, age=40 * M),
    ),
    _item(
        "餐馆油烟直排楼道口",
        "楼下新开的餐馆把油烟管接到我们单元门口，一开窗全是味，家里有孕妇，已经忍了两个月。",
        "AIR-06",
        "U3",
        4 * H,
        **_at(CHAOYANG_ECOLOGY, age=70 * H),
    ),
    SITE,
    _item(
        "广场音响到夜里十点半",
        "社区小广场每晚音响开得特别大，跳到十点半，孩子第二天还要上学。",
        "NOI-05",
        "U3",
        30 * H,
        **_at(WANGJING, age=3 * H),
    ),
    _item(
        "河边垃圾漂了半个月",
        "小月河边上塑料袋和外卖盒漂了半个月没人捞，水也发绿了。",
        "WAT-01",
        "U3",
        52 * H,
        **_at(XUEYUAN, age=5 * H),
    ),
    _item(
        "渣土车不盖布",
        "每天早高峰前有渣土车从工地出来不盖布，一路掉土，路面全是泥。",
        "SOL-04",
        "U3",
        75 * H,
        **_at(WANGJING, age=8 * H),
    ),
    _item(
        "小区附近有股说不清的味道",
        "最近晚上总闻到一股说不清的味道，有时像塑料有时像油漆，不知道哪里来的。",
        "AIR-11",
        "U3",
        90 * M,
        state=State.REVIEW,
        unit=None,
        street=None,
        age=30 * M,
    ),
    _item(
        "楼顶风机嗡嗡响三年了",
        "写字楼楼顶风机从早响到晚，反映过四次，每次说在协调，三年了还是一样，请给个说法。",
        "NOI-03",
        "U4",
        11 * 24 * H,
        **_at(CHAOYANG_ECOLOGY, age=4 * 24 * H),
    ),
    _item(
        "绿地里停满车",
        "楼前的绿地被压成停车场，草全没了，下雨就是泥坑。",
        "ECO-02",
        "U3",
        96 * H,
        **_at(XUEYUAN, age=9 * H),
    ),
)
