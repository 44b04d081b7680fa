"""A second calculation of rewards, by hand from the notes: it imports nothing of the program and no table.

Yuan as fractions, one function per city, in the words of the sources.
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any, Final

FINED: Final = "作出罚款决定"
POLICE: Final = "移送公安机关"
NO_PENALTY: Final = "裁量不予处罚"
VERIFIED: Final = "查证属实"
INCIDENT: Final = "协助查处突发环境事件"
NOT_REWARDED: Final = {
    "AIR-02", "AIR-15", "WAT-04", "WAT-08", "SOL-09", "RAD-01", "LIG-01",
    "SOL-01", "SOL-02", "SOL-08",  # 市城市管理部门
}  # fmt: skip
LIVES: Final = {
    "BJ-2016": ("2016-04-01", "2017-12-31"), "BJ-2018": ("2018-01-01", "2018-12-31"),
    "BJ-2021-draft": ("2021-05-22", "9999-12-31"), "SH-2018": ("2018-06-05", "2021-06-04"),
    "SH-2021": ("2021-06-05", "2026-06-04"), "SZ-2020": ("2020-01-01", "9999-12-31"),
    "TJ-2021": ("2021-01-01", "9999-12-31"), "HE-2020": ("2020-08-10", "9999-12-31"),
    "CQ-2025": ("2025-01-01", "9999-12-31"),
}  # fmt: skip

Band = tuple[Fraction, Fraction]


def cents(value: Fraction) -> Fraction:
    """To the nearest fen, half up."""
    return Fraction((value * 200 + 1) // 2, 100)


def money(value: Any) -> Fraction:  # noqa: ANN401  (a number of a case)
    return Fraction(str(value))


def rules_of(case: dict[str, Any]) -> str | None:
    """The rule set in force; None when there is none."""
    day = case["举报日"]
    if named := case.get("规则"):
        first, last = LIVES[named]
        return named if first <= day <= last else None
    for name in ("BJ-2016", "BJ-2018", "BJ-2021-draft"):
        if LIVES[name][0] <= day <= LIVES[name][1]:
            return name
    return None


def beijing_draft(item: dict[str, Any]) -> list[Band]:
    fine = money(item.get("罚款", 0))
    result = item["结果"]
    if item.get("渠道") == "其他官方渠道":
        if result != FINED or fine < 500000:
            return []
        gain = min(cents(fine * 5 / 100), Fraction(50000))
        return [(gain, gain)]
    if result == FINED:
        gain = max(Fraction(100), min(Fraction(50000), cents(fine * 5 / 100)))
        return [(gain, gain)]
    if result == POLICE:
        gain = min(Fraction(50000), cents(money(item.get("罚款上限", 0)) * 5 / 100))
        return [(gain, gain)] * bool(gain)
    return [(Fraction(100), Fraction(100))] if result == NO_PENALTY else []


def beijing_2018(item: dict[str, Any]) -> list[Band]:
    matter = item.get("事项")
    gain = 200
    if matter == "tier_3":
        gain = 3000
    if matter in {"stop_order", "piled", "radioactive_source"}:
        gain = 5000
    big_fine = item["结果"] == FINED and money(item.get("罚款", 0)) >= 500000
    dumped = matter == "dumped" and item.get("危废千克", 0) >= 3000
    if big_fine or dumped or matter in {"hidden_pipe", "heavy_metal"} or item["结果"] == POLICE:
        gain = 50000
    return [(Fraction(gain), Fraction(gain))]


def beijing_2016(item: dict[str, Any]) -> list[Band]:
    gain = Fraction({"tier_1": 50000, "tier_2": 5000, "tier_3": 2000}.get(item.get("事项", ""), 100))
    return [(gain, gain)]


def shanghai_2021(item: dict[str, Any]) -> list[Band]:
    found = []
    if item["结果"] == FINED:
        fine = money(item["罚款"])
        found.append((cents(fine / 100), cents(fine * 2 / 100)))
    if item.get("事项") == "simple":
        found.append((Fraction(1000), Fraction(10000)))
    if item.get("事项") == "major":
        found.append((Fraction(1, 100), Fraction(500000)))
    return found


def shanghai_2018(item: dict[str, Any]) -> list[Band]:
    ends = {"general": ("500", "5000"), "grave": ("5000", "20000"), "major": ("0.01", "50000")}
    found = ends.get(item.get("事项", ""))
    return [(Fraction(found[0]), Fraction(found[1]))] if found else []


def shenzhen(item: dict[str, Any]) -> list[Band]:
    seen = {("major", 1): 50000, ("larger", 2): 15000, ("general", 3): 100,
            ("incident_general", None): 100000, ("incident_larger", None): 200000}  # fmt: skip
    gain = seen.get((item.get("事项", ""), item.get("贡献")))
    return [] if gain is None else [(Fraction(gain), Fraction(gain))]


def tianjin(item: dict[str, Any]) -> list[Band]:
    return [(Fraction(200), Fraction(50000))] if item["结果"] in {FINED, POLICE} else []


def hebei(item: dict[str, Any]) -> list[Band]:
    if item["结果"] != FINED:
        return []
    matter = item.get("事项")
    waste = item.get("危废千克", 0) if matter == "hazardous" else 0
    if matter in {"core_area", "hidden_pipe", "radioactive_source"} or waste >= 3000:
        return [(Fraction(100000), Fraction(100000))]
    metal = matter == "heavy_metal" and (item.get("铅组", 0) >= 300 or item.get("镍组", 0) >= 1000)
    return [(Fraction(50000), Fraction(50000))] if waste >= 1000 or metal else []


def chongqing(item: dict[str, Any]) -> list[Band]:
    if item["结果"] == FINED:
        gain = cents(money(item["罚款"]) * 5 / 100)
        return [(gain, gain)]
    if item["结果"] == INCIDENT:
        return [(Fraction(1, 100), Fraction(100000))]
    return [(Fraction(500), Fraction(2000))]


CITIES: Final = {
    "BJ-2021-draft": beijing_draft, "BJ-2018": beijing_2018, "BJ-2016": beijing_2016,
    "SH-2021": shanghai_2021, "SH-2018": shanghai_2018, "SZ-2020": shenzhen, "TJ-2021": tianjin,
    "HE-2020": hebei, "CQ-2025": chongqing,
}  # fmt: skip


def barred(case: dict[str, Any], rules: str) -> bool:
    """Whether anything stands in the way."""
    kind = case["种类"]
    false_ones = {"虚假材料或冒领"} if case["举报日"] < "2023-01-01" else set()
    excluded = set(case.get("除外", [])) - false_ones
    anonymous = case.get("实名") == "否"
    unreachable = anonymous and (rules != "CQ-2025" or case.get("领取码") != "是")
    again = case.get("已奖过") == "是" and case.get("再犯") != "是"
    return (
        kind.startswith("NOI") or kind in NOT_REWARDED or bool(excluded) or unreachable or again
        or case.get("首报") == "否"
    )  # fmt: skip


def in_effect(case: dict[str, Any]) -> list[dict[str, Any]]:
    decided = date.fromisoformat(case["决定日"])
    return [
        item
        for item in case["处理"]
        if item["结果"] not in {FINED, POLICE, NO_PENALTY, VERIFIED}
        or ("生效" in item and date.fromisoformat(item["生效"]) <= decided)
    ]


def expected(case: dict[str, Any]) -> tuple[str, Band | None, Fraction | None]:
    """没有规则, 不奖 or 奖; the ends of the amount; the amount itself when it is settled."""
    rules = rules_of(case)
    if rules is None:
        return "没有规则", None, None
    bands = [band for item in in_effect(case) for band in CITIES[rules](item)]
    if barred(case, rules) or not bands:
        return "不奖", None, None
    low, high = max(bands, key=lambda band: (band[1], band[0]))
    if case.get("内部") == "是" and rules == "BJ-2021-draft":
        low = high = min(2 * high, Fraction(100000))
    if case.get("内部") == "是" and rules == "SH-2021":
        low = high
    top = {"SH-2021": Fraction(500000), "SZ-2020": Fraction(600000)}.get(rules)
    if top is not None:
        low, high = min(low, top), min(high, top)
    if low == high:
        return "奖", (low, high), low
    pick = money(case["确定"]) if "确定" in case else None
    steps = {500, 1000, 2000} if rules == "CQ-2025" and high == 2000 else None
    fits = pick is not None and low <= pick <= high and (steps is None or pick in steps)
    return "奖", (low, high), pick if fits else None


def parts(case: dict[str, Any], amount: Fraction) -> list[Fraction]:
    """Each reporter's part: whole fen, the rest fen by fen from the first."""
    weights = case.get("约定") or [1] * case.get("人数", 1)
    fen = int(amount * 100)
    found = [fen * weight // sum(weights) for weight in weights]
    for place in range(fen - sum(found)):
        found[place] += 1
    return [Fraction(part, 100) for part in found]
