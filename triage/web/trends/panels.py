"""The charts of the trends that tell how much, of what and where: from the sums, with last year's season."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from models.vocab import Channel
from models.vocab_trends import Axis, Ending
from triage.services.trends import figures
from triage.services.trends.figures import DEMANDS, NONE
from triage.web.trends import options
from triage.web.trends.views import NOT_TOLD, Cell, Panel, change, count, share, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.web.names import Names
    from triage.web.trends.asks import TrendsAsk

OTHER: Final = "非环境或未定"
UNKNOWN: Final = "未明"
WEEKDAYS: Final = "一二三四五六日"
_STREETS_SHOWN: Final = 60
K = TypeVar("K")


async def volume(session: AsyncSession, ask: TrendsAsk, _names: Names) -> Panel:
    """件数: demands and cases over time against the same season of last year."""
    step = Axis.DAY if ask.daily else Axis.MONTH
    now = await figures.series(session, ask.scope, step, just=("demands", "cases"))
    then = await figures.series(session, ask.before, step, just=DEMANDS)
    pairs = list(zip(now, then.values(), strict=False))
    told = ask.line([now[start].demands for start, _ in pairs])
    kept = ask.cases([now[start] for start, _ in pairs])
    olds = ask.line([old.demands for _, old in pairs])
    rows = []
    for (start, _), demands, held, before in zip(pairs, told, kept, olds, strict=True):
        words = f"{start:%Y-%m-%d} 周{WEEKDAYS[start.weekday()]}" if ask.daily else f"{start:%Y-%m}"
        last = start if ask.daily else month_end(start)
        cases = count(held, ask.tickets(start, last, case="1"))
        rows.append((
            text(words), count(demands, ask.tickets(start, last)), cases, count(before),
            change(demands, before),
        ))  # fmt: skip
    return Panel(
        "volume", "件数与去年同期",
        "诉求：已成单的来电来信等，按诉求人反映的时刻计入当天（北京时间）。工单：诉求中没有并入其他工单的。"
        "去年同期：按日看时为 52 周前同一个星期几，按月看时为去年同月；本月未完，去年同月也只计到同一日。",
        ("日期" if ask.daily else "月份", "诉求", "工单", "去年同期诉求", "比去年同期"), tuple(rows),
        options.lines(
            [row[0].words[5:10] if ask.daily else row[0].words for row in rows],
            {"诉求": [r[1].value for r in rows], "工单": [r[2].value for r in rows],
             "去年同期诉求": [r[3].value for r in rows]},
            dashed=("去年同期诉求",),
        ),
        wide=True, links=tuple(row[1].address for row in rows),
    )  # fmt: skip


def month_end(start: date) -> date:
    """The last day of the month."""
    return (start + timedelta(days=32)).replace(day=1) - timedelta(days=1)


async def kinds(session: AsyncSession, ask: TrendsAsk, names: Names) -> Panel:
    """类别: parents and kinds, each with its share and last year's."""
    now = await figures.told_by(session, ask.scope, Axis.KIND, just=DEMANDS)
    then = await figures.told_by(session, ask.before, Axis.KIND, just=DEMANDS)
    whole = sum(found.demands for found in now.values())
    parent_of = {kind: parent for parent, codes in names.parents.items() for kind in codes}
    groups: dict[str, list[str]] = defaultdict(list)
    for kind in now:
        groups[parent_of.get(kind, OTHER)].append(kind)
    ordered = sorted(groups.items(), key=lambda item: -sum(now[k].demands for k in item[1]))
    told, olds = (
        _families(ask, ordered, {k: found.demands for k, found in counted.items()}) for counted in (now, then)
    )
    rows: list[tuple[Cell, ...]] = []
    tree: list[dict[str, Any]] = []
    for parent, codes in ordered:
        mine = (told[parent, ""], olds[parent, ""])
        rows.append(_kind_row(ask, parent, tuple(codes), mine, whole))
        if parent != OTHER:
            tree.append({"name": parent, "children": [
                {"name": names.kind(k), "value": told[parent, k] or 0, "link": ask.tickets(kinds=(k,))}
                for k in codes
            ]})  # fmt: skip
        if len(codes) > 1 or codes[0]:
            rows += [
                _kind_row(ask, f"　{names.kind(k)}", (k,), (told[parent, k], olds[parent, k]), whole)
                for k in codes
            ]
    return Panel(
        "kinds", "诉求类别",
        "类别按人工更正后的计；没有更正的按智能识别。占比为占本期全部诉求的比例。图中不画非环境类。",
        ("类别", "诉求", "占比", "去年同期", "比去年同期"), tuple(rows),
        options.tree(tree) if tree else None, tall=True,
    )  # fmt: skip


def _families(
    ask: TrendsAsk, ordered: Sequence[tuple[str, Sequence[K]]], counts: Mapping[K, int]
) -> dict[tuple[str, K | str], int | None]:
    """Each parent (kind '') and each kind of it, as it may be shown.

    A parent's count is the sum of its kinds, and the whole that of the parents: none that is hidden follows.
    """
    parents = ask.line([sum(counts.get(k, 0) for k in codes) for _, codes in ordered])
    found: dict[tuple[str, K | str], int | None] = {}
    for (parent, codes), total in zip(ordered, parents, strict=True):
        mine = ask.line([counts.get(k, 0) for k in codes])
        # Of a hidden parent nothing is told: its kinds would add up to it.
        found |= {
            (parent, k): told if total is not None else None for k, told in zip(codes, mine, strict=True)
        }
        found[parent, ""] = total
    return found


def _kind_row(
    ask: TrendsAsk, words: str, codes: tuple[str, ...], told: tuple[int | None, int | None], whole: int
) -> tuple[Cell, ...]:
    now, before = told
    part = None if now is None or not whole else now / whole
    return text(words), count(now, ask.tickets(kinds=codes)), share(part), count(before), change(now, before)


async def areas(session: AsyncSession, ask: TrendsAsk, names: Names) -> Panel:
    """地图: districts shaded, streets as bubbles; within a district its streets alone."""
    # Within a district its streets alone; in the city the districts, and the streets of each.
    here = ask.scope.district
    axis = Axis.STREET if here else Axis.DISTRICT
    told = await figures.told_by(session, ask.scope, axis)
    then = await figures.told_by(session, ask.before, axis, just=DEMANDS)
    below: dict[str, dict[str, int | None]] = {}
    if here:
        streets = dict(zip(told, ask.line([found.demands for found in told.values()]), strict=True))
        nows = streets
    else:
        nows, below = await _below(session, ask, list(told))
        streets = {street: n for mine in below.values() for street, n in mine.items()}
    befores, kept = (
        dict(zip(told, shown, strict=True))
        for shown in (
            ask.line([then.get(code, NONE).demands for code in told]),
            ask.cases(list(told.values())),
        )
    )

    def link(code: str) -> str | None:
        return ask.tickets(street=code) if here else ask.tickets(district=code)

    def name(code: str) -> str:
        return (names.street(code) if here else names.district(code)) or UNKNOWN

    rows: list[tuple[Cell, ...]] = []
    for code, found in list(told.items())[:_STREETS_SHOWN]:
        now, before = nows[code], befores[code]
        rows.append((
            text(name(code)), count(now, link(code)), count(kept[code]), count(before), change(now, before),
            share(figures.told_share(found.solved, found.solved + found.unsolved, office=ask.office)),
        ))  # fmt: skip
        rows += [
            (
                text(f"　{names.street(street) or UNKNOWN}"),
                count(n, ask.tickets(district=code, street=street)), NOT_TOLD, NOT_TOLD, NOT_TOLD, NOT_TOLD,
            )
            for street, n in below.get(code, {}).items()
            if n != 0
        ]  # fmt: skip
    bubbles = [
        (code, names.street(code), n, ask.tickets(street=code)) for code, n in streets.items() if code and n
    ]
    shaded = [] if here else [(code, names.district(code), nows[code], link(code)) for code in told]
    return Panel(
        "areas", "地区分布",
        "地点按人工更正后的计；没有写明地点或识别不到区的计入“未明”。解决率为回访中回答了是否解决的诉求里已解决的比例。"
        "看全市时，区下面列其街道乡镇的诉求，其余各项选了区再看。",
        ("街道乡镇" if here else "区、街道乡镇", "诉求", "工单", "去年同期", "比去年同期", "回访解决率"),
        tuple(rows), options.areas(shaded, bubbles, here) if rows else None, tall=True,
    )  # fmt: skip


async def _below(
    session: AsyncSession, ask: TrendsAsk, districts: Sequence[str]
) -> tuple[dict[str, int | None], dict[str, dict[str, int | None]]]:
    """The demands of each district, and of each its streets, largest first, as they may be shown."""
    pairs = await figures.crossed(session, ask.scope, Axis.DISTRICT, Axis.STREET)
    ordered = sorted(pairs, key=lambda pair: (-pairs[pair], pair))
    families = [(one, [pair for pair in ordered if pair[0] == one]) for one in districts]
    shown = _families(ask, families, pairs)
    return (
        {one: shown[one, ""] for one in districts},
        {one: {pair[1]: shown[one, pair] for pair in mine} for one, mine in families},
    )


async def channels(session: AsyncSession, ask: TrendsAsk, _names: Names) -> Panel:
    """渠道."""
    now = await figures.told_by(session, ask.scope, Axis.CHANNEL, just=DEMANDS)
    then = await figures.told_by(session, ask.before, Axis.CHANNEL, just=DEMANDS)
    whole = sum(found.demands for found in now.values())
    labels = {channel.value: channel.label for channel in Channel}
    rows = []
    told = ask.line([found.demands for found in now.values()])
    olds = ask.line([then.get(code, NONE).demands for code in now])
    for code, demands, before in zip(now, told, olds, strict=True):
        rows.append((
            text(labels.get(code, code)), count(demands, ask.tickets(channel=code)),
            share(None if demands is None else demands / whole), count(before), change(demands, before),
        ))  # fmt: skip
    return Panel(
        "channels", "受理渠道", "诉求从哪里来；文件导入的单独计。",
        ("渠道", "诉求", "占比", "去年同期", "比去年同期"), tuple(rows),
        options.bars([r[0].words for r in rows], [r[1].value for r in rows]) if rows else None,
        links=tuple(row[1].address for row in rows),
    )  # fmt: skip


async def endings(session: AsyncSession, ask: TrendsAsk, _names: Names) -> Panel:
    """结果: what has come of the demands of the period so far."""
    found = await figures.totals(session, ask.scope)
    rows = []
    for ending, number, told in zip(
        found.endings, found.endings.values(), ask.line([*found.endings.values()]), strict=True
    ):
        if number:
            part = share(None if told is None else told / found.demands)
            rows.append((text(ending.label), count(told, ask.tickets(ending=ending.value)), part))
    return Panel(
        "endings", "办理结果",
        f"本期诉求到现在的结果，各项合计等于诉求数。{Ending.SOLVED.label}与{Ending.UNSOLVED.label}以最近一次接通的回访为准；{Ending.ANSWERED.label}的不派单、不回访；{Ending.WITHDRAWN.label}的不算解决。",
        ("结果", "诉求", "占比"), tuple(rows),
        options.bars([r[0].words for r in rows], [r[1].value for r in rows]) if rows else None,
        links=tuple(row[1].address for row in rows),
    )  # fmt: skip


async def hours(session: AsyncSession, ask: TrendsAsk, _names: Names) -> Panel:
    """时段: hour of the week."""
    found = await figures.hours(session, ask.scope)
    cell = dict(zip(found, ask.line([*found.values()]), strict=True))
    months = figures.whole_months_of(ask.scope)

    def link(day: int, hour: int) -> str | None:
        # What does not narrow the figure does not narrow its tickets.
        channel = ask.scope.channel if ask.scope.street else None
        return ask.tickets(months.first, months.last, weekday=str(day), hour=str(hour), channel=channel)

    rows = tuple(
        (
            text(f"{hour:02d} 时"),
            *(count(cell.get((day, hour), 0), link(day, hour)) for day in range(1, 8)),
        )
        for hour in range(24)
    )  # fmt: skip
    points = [[hour, day - 1, cell[day, hour] or 0] for day, hour in sorted(found)]
    first, last = ask.scope.first, ask.scope.last
    return Panel(
        "hours", "一周时段",
        "诉求人反映的时刻，按本期涉及的整月统计（"
        f"{first:%Y-%m} 至 {last:%Y-%m}）。没有选街道乡镇时不随渠道筛选。",
        ("时段", *(f"周{day}" for day in WEEKDAYS)), rows if found else (),
        options.week(points) if found else None, tall=True,
        wide_of=frozenset() if ask.scope.street else frozenset({"channel"}),
    )  # fmt: skip
