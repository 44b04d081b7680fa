"""构成 over time: the sorts of pollution beside each other, day by day or month by month."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from models.vocab_trends import Axis
from triage.services.trends import figures
from triage.web.trends import options
from triage.web.trends.panels import OTHER, month_end
from triage.web.trends.views import Panel, count, share, text

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.web.names import Names
    from triage.web.trends.asks import TrendsAsk


async def mix(session: AsyncSession, ask: TrendsAsk, names: Names) -> Panel:
    """What the demands of each day or month are made of."""
    step = Axis.DAY if ask.daily else Axis.MONTH
    # With rows and columns that both add up to sums told elsewhere, hiding small numbers would leave nothing.
    found = await figures.crossed(session, ask.scope, step, Axis.KIND) if ask.office else {}
    parent_of = {kind: parent for parent, codes in names.parents.items() for kind in codes}
    counts: Counter[tuple[date, str]] = Counter()
    codes: dict[str, set[str]] = defaultdict(set)
    for (start, kind), demands in found.items():
        parent = parent_of.get(kind, OTHER)
        counts[start, parent] += demands
        codes[parent].add(kind)
    whole = {parent: sum(n for (_, p), n in counts.items() if p == parent) for parent in codes}
    parents = sorted(whole, key=lambda parent: (parent == OTHER, -whole[parent], parent))
    rows = []
    starts = sorted({start for start, _ in counts})
    for start in starts:
        last = start if ask.daily else month_end(start)
        total = sum(counts[start, parent] for parent in parents)
        cells = [
            cell
            for parent in parents
            for cell in (
                count(
                    counts[start, parent],
                    ask.tickets(start, last, kinds=tuple(sorted(codes[parent]))),
                ),
                share(counts[start, parent] / total if total else None),
            )
        ]
        rows.append((text(f"{start:%Y-%m-%d}" if ask.daily else f"{start:%Y-%m}"), *cells))
    drawn = {
        parent: [
            round(counts[start, parent] / max(_environmental(counts, start), 1) * 100, 1) for start in starts
        ]
        for parent in parents
        if parent != OTHER
    }
    return Panel(
        "mix", "类别构成",
        "每日（月）诉求中各大类的件数，占比为占当日（月）全部诉求的比例；图中为环境类诉求里各大类的比例。"
        "与去年同期的比较见“诉求类别”。",
        ("日期" if ask.daily else "月份", *(head for parent in parents for head in (parent, "占比"))),
        tuple(rows),
        options.lines([row[0].words[-5:] if ask.daily else row[0].words for row in rows], drawn, percent=True)
        if rows and drawn else None,
        note="" if ask.office else "各日各类的小数字藏不住，只给市级看。",
        wide=True,
    )  # fmt: skip


def _environmental(counts: Counter[tuple[date, str]], start: date) -> int:
    return sum(n for (at, parent), n in counts.items() if at == start and parent != OTHER)
