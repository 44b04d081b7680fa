"""How much: rows that fit an item, the highest of them, the insider's multiple, the choice, the parts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from models.vocab_rewards import Formula, RateOf
from triage.rules.rewards.facts import Line
from triage.rules.rewards.rows import FEN, WHOLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triage.rules.rewards.facts import Item
    from triage.rules.rewards.rows import AwardRow, InsiderRow, Ruleset
    from triage.rules.rows import Row


@dataclass(frozen=True, slots=True)
class Range:
    """What an award gives: from `low` to `high`, both included; `choices`: one of these only."""

    award: AwardRow
    low: int
    high: int
    choices: tuple[int, ...] = ()


def yuan(fen: int) -> str:
    """`1,234.50 元`; whole yuan without decimals."""
    whole, rest = divmod(fen, FEN)
    return f"{whole:,}.{rest:02d} 元" if rest else f"{whole:,} 元"


def share_of(base: int, rate: int) -> int:
    """A rate of an amount, to the nearest fen (half up)."""
    return (base * rate + WHOLE // 2) // WHOLE


def line(text: str, row: Row | None = None, *, ok: bool | None = None) -> Line:
    """A line that stands on a row."""
    if row is None:
        return Line(text, ok)
    return Line(text, ok, row.id, row.source, row.status)


def fits(row: AwardRow, item: Item) -> bool:
    """Whether an award is made for such an item."""
    if row.via is not item.via or (row.outcomes and item.outcome not in row.outcomes):
        return False
    if row.matter is not None and row.matter != item.matter:
        return False
    if row.contribution is not None and row.contribution != item.contribution:
        return False
    for when in row.when:
        value, scale = item.measure(when.measure), item.scale(when.measure)
        if value is None or value < when.least * scale:
            return False
        if when.below is not None and value >= when.below * scale:
            return False
    return True


def range_of(row: AwardRow, item: Item) -> Range | None:
    """What the award gives for the item; None when the amount that it is a rate of is not known."""
    match row.formula:
        case Formula.FIXED:
            return Range(row, row.least or 0, row.least or 0)
        case Formula.BAND:
            return Range(row, row.least or 1, row.most or 0)
        case Formula.CHOICE:
            return Range(row, row.choices[0], row.choices[-1], row.choices)
    base = item.fine if row.rate_of is RateOf.FINE else item.statutory_max
    if not base:
        return None
    low = _bounded(row, share_of(base, row.rate or 0))
    return Range(row, low, low if row.rate_most is None else _bounded(row, share_of(base, row.rate_most)))


def _bounded(row: AwardRow, amount: int) -> int:
    if row.least is not None:
        amount = max(amount, row.least)
    return amount if row.most is None else min(amount, row.most)


def highest(rules: Ruleset, items: Sequence[Item]) -> tuple[Range | None, list[Line]]:
    """The highest award over all items, and what each item would give. Nothing is added up."""
    best: Range | None = None
    lines = []
    for number, item in enumerate(items, start=1):
        name = item.title or (f"第 {number} 项" if len(items) > 1 else "本案")
        rows = [row for row in rules.awards if fits(row, item)]
        if not rows:
            lines.append(line(f"{name}（{item.outcome.label}）：{rules.title}没有对应的奖励条目", rules))
        for row in rows:
            found = range_of(row, item)
            if found is None:
                of = row.rate_of.label if row.rate_of else ""
                lines.append(line(f"{name}：{row.title}，但没有写明{of}，不能计算", row))
                continue
            lines.append(line(f"{name}：{row.title}，得 {told(found)}", row))
            if best is None or (found.high, found.low) > (best.high, best.low):
                best = found
    return best, lines


def told(found: Range) -> str:
    """The range in words."""
    if found.choices and found.low != found.high:
        return "、".join(yuan(choice) for choice in found.choices) + " 之一"
    return yuan(found.low) if found.low == found.high else f"{yuan(found.low)} 至 {yuan(found.high)}"


def for_insider(found: Range, row: InsiderRow) -> Range:
    """内部举报人: times so much under a cap of its own, or the upper end."""
    if row.upper:
        return replace(found, low=found.high, choices=())

    def raised(amount: int) -> int:
        more = (amount * (row.percent or 100) + 50) // 100
        return more if row.most is None else min(more, row.most)

    choices = tuple(raised(choice) for choice in found.choices)
    return replace(found, low=raised(found.low), high=raised(found.high), choices=choices)


def capped(found: Range, most: int) -> Range:
    """Not above what the rule set gives at most."""
    choices = tuple(choice for choice in found.choices if choice <= most)
    if found.choices and not choices:
        choices = (most,)
    return replace(found, low=min(found.low, most), high=min(found.high, most), choices=choices)


def allowed(found: Range, pick: int) -> bool:
    """Whether an amount may be chosen."""
    return pick in found.choices if found.choices else found.low <= pick <= found.high


def split(amount: int, parts: Sequence[int]) -> tuple[int, ...]:
    """One amount in parts of these weights; what does not divide goes fen by fen to the first named."""
    whole = sum(parts)
    shares = [amount * part // whole for part in parts]
    for number in range(amount - sum(shares)):
        shares[number] += 1
    return tuple(shares)
