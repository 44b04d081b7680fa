"""Why two appeals look like one matter, or not: short sentences in Chinese for the clerk who decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nlp.repeat_grams import shared_spans

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nlp.repeat_facts import Signs
    from nlp.repeat_grams import Rarity
    from nlp.repeat_profile import Profile

_NEARLY_ALL: Final = 0.9
_MUCH: Final = 0.6
_LITTLE: Final = 0.15
_SHOWN: Final = 3
_LONGEST_SHOWN: Final = 16
_LEAST_RARE: Final = 15.0
_SAME_PARTY: Final = 0.8
_KINDS_ALIKE: Final = 0.8
_KINDS_APART: Final = 0.2
#: Log-odds of the net from which its word is told: of the labelled pairs it is right in nineteen of twenty.
_SURE: Final = 2.0
_DIFFERENT: Final = (
    ("compound", "小区或地点名称不同"),
    ("road", "道路名称不同"),
    ("water", "河湖名称不同"),
    ("area", "街道乡镇或村名不同"),
    ("party", "单位或店铺名称不同"),
)


def reasons(rarity: Rarity, a: Profile, b: Profile, found: Mapping[str, float]) -> tuple[str, ...]:
    """The reasons, those for one matter first."""
    told = [*_for(rarity, a, b, found), *_against(a, b, found)]
    if found["days"] > 0 and a.at is not None and b.at is not None:
        told.append(f"相隔{abs(a.at - b.at).days}天")
    return tuple(told)


def by_words(log_odds: float) -> tuple[str, ...]:
    """What the net that read both texts word by word holds them for, where it is rather sure."""
    if abs(log_odds) < _SURE:
        return ()
    return ("逐词对读：说的是同一件事",) if log_odds > 0 else ("逐词对读：说的是两件事",)


def _for(rarity: Rarity, a: Profile, b: Profile, found: Mapping[str, float]) -> list[str]:
    told = []
    if found["contained"] >= _NEARLY_ALL:
        told.append("文字几乎相同")
    elif found["contained"] >= _MUCH:
        told.append("大部分文字相同")
    spans = [text for text, weight in shared_spans(a.cleaned, b.whole, rarity) if weight >= _LEAST_RARE]
    if spans:
        told.append("都说到：" + "、".join(f"“{text[:_LONGEST_SHOWN]}”" for text in spans[:_SHOWN]))
    if found["party"] >= _SAME_PARTY:
        told.append("被反映对象相同")
    for measure, said in (
        ("numbered", "楼栋或门牌相同"),
        ("lines", "线路号相同"),
        ("long_numbers", "所提数字相同"),
    ):
        if found[measure] > 0:
            told.append(said)
    if found["environmental_least"] >= _MUCH and found["kinds"] >= _KINDS_ALIKE:
        told.append("污染种类相同")
    if found["urges"]:
        told.append("提到多次反映或之前的答复")
    return told


def _against(a: Profile, b: Profile, found: Mapping[str, float]) -> list[str]:
    told = []
    for kind, said in _DIFFERENT:
        if found[f"names_{kind}"] < 0:
            told.append(f"{said}（{_some(a.signs, kind)} / {_some(b.signs, kind)}）")
    for measure, said in (
        ("numbered", "楼栋或门牌不同"),
        ("lines", "线路号不同"),
        ("dates", "所说日期不同"),
        ("years", "所说年份不同"),
    ):
        if found[measure] < 0:
            told.append(said)
    if found["environmental_least"] >= _MUCH and found["kinds"] <= _KINDS_APART:
        told.append("污染种类不同")
    if found["contained"] <= _LITTLE:
        told.append("用词差别大")
    return told


def _some(signs: Signs, kind: str) -> str:
    """The first name of a kind, as its last characters."""
    return f"…{min(signs.names[kind])}"
