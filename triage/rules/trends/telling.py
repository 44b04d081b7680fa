"""A signal in plain Chinese words, with its numbers. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from triage.rules.trends.hot import Heat
    from triage.rules.trends.rows import SignalRow
    from triage.rules.trends.season import Expected


def chance_words(chance: float) -> str:
    """`约 3 万分之一`, as people say it."""
    ways = 1 / max(chance, 1e-12)
    if ways >= 1e8:  # noqa: PLR2004  (an 亿)
        return "不到一亿分之一"
    if ways >= 1e4:  # noqa: PLR2004  (a 万)
        return f"约 {ways / 1e4:.3g} 万分之一"
    return f"约 {ways:.0f} 分之一"


def burst(seen: int, expected: Expected, chance: float, row: SignalRow, *, days: Sequence[date]) -> list[str]:
    """突增 and 持续上升: what was seen, what was to be expected, how likely that is."""
    when = f"{days[0]:%m月%d日}" if len(days) == 1 else f"{days[0]:%m月%d日}至{days[-1]:%m月%d日}"
    _, high = expected.between(0.98)
    left_out = "（不计最多的一天）" if len(days) > 1 else ""
    usual = f"按水平、趋势、星期、季节和节假日推算应为 {expected.mean:.1f} 件，一般不超过 {high:.0f} 件"
    return [
        f"{when}{left_out} {seen} 件；{usual}。",
        f"没有变化而偶然到这么多的机会{chance_words(chance)}；全市每周容许误报 {row.limit:g} 次。",
    ]


def hot(found: Heat, row: SignalRow) -> list[str]:
    """热点: the score, so that it can be reckoned again."""
    return [
        (
            f"最近 {row.window_days} 天 {found.now} 件；此前 {row.base_days} 天 {found.before} 件，"
            f"平均每 {row.window_days} 天 {found.usual:.1f} 件（不足 1 按 1 计）。"
        ),
        (
            f"分数 = ({found.now} − {found.usual:.1f}) ÷ √{found.usual:.1f} = {found.score:.1f}，"
            f"达到 {row.limit:g} 且不少于 {row.least} 件即为热点。"
        ),
    ]


def chronic(windows: Sequence[int], usual: Sequence[float], row: SignalRow) -> list[str]:
    """长期反复: the count of each stretch, oldest first, and what would be usual of the kind."""
    told = "、".join(str(count) for count in windows)
    wont = "、".join(f"{count:.1f}" for count in usual)
    return [
        f"同一地点同一类别，由远到近每 {row.window_days} 天分别 {told} 件，每段都不少于 {row.least} 件。",
        f"按这一类在本区占的比例，这一格同期约为 {wont} 件；比这个多得越多越靠前。",
    ]
