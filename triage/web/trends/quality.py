"""The charts of the trends that tell how well: rates, repeats, new words, communities, the reading itself."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from models.counted import Counted
from models.vocab_trends import Axis
from triage.rules.rate_rows import Rate
from triage.rules.rates import By
from triage.services import months
from triage.services.trends import figures, words
from triage.services.trends.figures import shown, told_share
from triage.web.communities import names as community_names
from triage.web.trends import options
from triage.web.trends.panels import UNKNOWN, month_end
from triage.web.trends.views import NARROWING, NOT_TOLD, Panel, count, number, share, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.web.names import Names
    from triage.web.trends.asks import TrendsAsk

_MONTHS: Final = 12


async def rates(session: AsyncSession, ask: TrendsAsk, _names: Names) -> Panel:
    """三率 of the published months, for the narrowest line that was published."""
    s = ask.scope
    by, key, of, told = By.ALL, "", "全部", frozenset[str]()
    if s.street is not None:
        by, key, of, told = By.STREET, s.street, "所选街道乡镇", frozenset({"district", "street"})
    elif s.district is not None:
        by, key, of, told = By.DISTRICT, s.district, "所选区", frozenset({"district"})
    elif s.kinds is not None and len(s.kinds) == 1:
        by, key, of, told = By.KIND, s.kinds[0], "所选类别", frozenset({"kind"})
    rows = []
    known = [m for m in await months.all_months(session) if m <= f"{s.last:%Y-%m}"][:_MONTHS]
    for month in reversed(known):
        line = (await months.headline(session, month)).figures.line(by, key)
        if line is not None:
            tallies = [line.of(rate) for rate in Rate]
            # Half points count as one more: what stands for fewer than five is not told.
            shares = [
                None if tally.share is None or told_share(part, tally.tickets, office=ask.office) is None
                else float(tally.share)
                for tally in tallies
                for part in (math.ceil(tally.share * tally.tickets) if tally.share is not None else 0,)
            ]  # fmt: skip
            link = f"/desk/month?month={month}"
            assessed = shown(line.assessed, office=ask.office)
            rows.append((text(month, link), count(assessed), *(share(found) for found in shares)))
    series = {
        rate.label: [None if r[n].value is None else round(float(r[n].value or 0) * 100, 2) for r in rows]
        for n, rate in enumerate(Rate, start=2)
    }
    return Panel(
        "rates", "三率（已发布月份）",
        f"已发布的月度三率，最近 {_MONTHS} 个月，{of}。口径见“三率”页；同时选了区和类别时按区。",
        ("月份", "考核件数", *(rate.label for rate in Rate)), tuple(rows),
        options.lines([r[0].words for r in rows], series, percent=True) if rows else None,
        note="还没有发布过月度三率。" if not known else "",
        wide_of=frozenset(NARROWING) - told,
    )  # fmt: skip


async def repeats(session: AsyncSession, ask: TrendsAsk, _names: Names) -> Panel:
    """重复率 and what citizens answered in 回访, over time."""
    step = Axis.DAY if ask.daily else Axis.MONTH
    found = await figures.series(
        session, ask.scope, step,
        just=("demands", "merged", "solved", "unsolved", "reached", "satisfied"),
    )  # fmt: skip
    told, joined = (
        dict(zip(found, ask.line([getattr(f, name) for f in found.values()]), strict=True))
        for name in ("demands", "merged")
    )
    rows = [
        (
            text(f"{start:%Y-%m-%d}" if ask.daily else f"{start:%Y-%m}"),
            count(told[start]),
            count(joined[start], ask.tickets(start, start if ask.daily else month_end(start), case="0")),
            share(
                None if None in {told[start], joined[start]}
                else told_share(f.merged, f.demands, office=ask.office)
            ),
            *(share(told_share(part, whole, office=ask.office))
              for part, whole in ((f.solved, f.solved + f.unsolved), (f.satisfied, f.reached))),
        )
        for start, f in found.items()
        if f.demands
    ]  # fmt: skip
    series = {
        name: [None if r[n].value is None else round(float(r[n].value or 0) * 100, 1) for r in rows]
        for n, name in enumerate(("重复率", "回访解决率", "回访满意率"), start=3)
    }
    return Panel(
        "repeats", "重复诉求与回访",
        "重复率：并入其他工单的诉求占全部诉求的比例。回访解决率：回访中回答了是否解决的，已解决的比例。"
        "回访满意率：接通的回访中满意和基本满意的比例。与考核口径不同，仅供研判。",
        ("日期" if ask.daily else "月份", "诉求", "并入其他工单", "重复率", "回访解决率", "回访满意率"),
        tuple(rows),
        options.lines([r[0].words[-5:] if ask.daily else r[0].words for r in rows], series, percent=True)
        if rows else None,
    )  # fmt: skip


async def new_words(session: AsyncSession, ask: TrendsAsk, _names: Names) -> Panel:
    """新词."""
    found, now, before = await words.compared(session, ask.scope.first, ask.scope.last)
    rows = tuple(
        (
            text(w.word, _found(ask, w.word)), count(w.now), count(before_told),
            # A hidden count would follow from the score and the rest.
            NOT_TOLD if before_told is None else number(w.score),
        )
        for w in found
        for before_told in (shown(w.before, office=ask.office),)
    )  # fmt: skip
    return Panel(
        "words", "新词",
        "本期比之前 28 天说得明显多的词：按似然比（G² 的平方根，相当于几个标准误）达到 4 才列出，"
        "不是按次数排；"
        "一词至少出现在 5 件诉求里。文本已隐去个人信息，保密举报不计。一周说不到 3 件的词不留。"
        "全市全部类别，不随筛选变化，每天夜里统计前一天；按工单生成的日子计；点词查找市民本期说的工单，两者差在跨天受理和补录的。",
        ("词", "本期件数", "之前 28 天件数", "显著程度"), rows,
        options.bars([r[0].words for r in rows[:15]], [r[3].value for r in rows[:15]]) if rows else None,
        note=f"本期统计了 {now:,} 件，之前 28 天 {before:,} 件。" if now else "本期还没有统计过词语。",
        wide_of=frozenset(NARROWING),
    )  # fmt: skip


def _found(ask: TrendsAsk, word: str) -> str | None:
    """The period's tickets with the word: of every kind and place, as the words are counted."""
    if not ask.drill:
        return None
    counted = Counted(ask.scope.first, ask.scope.last).encode()
    return f"/desk?{urlencode({'state': 'all', 'q': word, 'counted': counted})}"


async def communities(session: AsyncSession, ask: TrendsAsk, names: Names) -> Panel:
    """社区: where most is complained about."""
    found = await figures.places(session, ask.scope)
    area = await community_names([place.code for place in found])
    rows = tuple(
        (
            text(area.get(place.code, place.code)),
            text(names.street(place.street)),
            count(shown(place.demands, office=ask.office), ask.tickets(community=place.code, channel=None)),
            count(cases), count(shown(place.unsolved, office=ask.office)),
        )
        for place, cases in zip(found, ask.cases(found), strict=True)
    )  # fmt: skip
    return Panel(
        "communities", "社区（村）前二十",
        "识别到社区（村）的诉求；更正过地点的按更正时点选的社区计，没有点选社区的不计入。不随渠道筛选。",
        ("社区（村）", "街道乡镇", "诉求", "工单", "未解决"), rows,
        options.bars([r[0].words for r in rows], [r[2].value for r in rows]) if rows else None, tall=True,
        links=tuple(row[2].address for row in rows), wide_of=frozenset({"channel"}),
    )  # fmt: skip


async def parties(session: AsyncSession, ask: TrendsAsk, names: Names) -> Panel:
    """被反映对象: who is named most."""
    found = await figures.parties(session, ask.scope) if ask.every_case else []
    rows = tuple(
        (
            text(party.name, f"/desk/parties/{party.id}"),
            text(names.district(party.district) if party.district else UNKNOWN),
            count(party.demands), count(party.cases), count(party.unsolved),
        )
        for party in found
    )  # fmt: skip
    days = min(ask.scope.days, figures.PARTY_DAYS)
    return Panel(
        "parties", "被反映对象前二十",
        f"本期最后 {days} 天里文字中点了名的对象，至少两件；是提到它的诉求，不是查实的事实。"
        "识别到的名称约四分之一准确，先归并再用。看得到全部工单的人才看得到名称。",
        ("被反映对象", "区", "诉求", "工单", "未解决"), rows,
        options.bars([r[0].words for r in rows], [r[2].value for r in rows]) if rows else None, tall=True,
        links=tuple(row[0].address for row in rows),
        note="" if ask.every_case else "名称只给看得到全部工单的人看。",
    )  # fmt: skip


def _banded(ask: TrendsAsk, band: int) -> str | None:
    """The tickets of a tenth; days alone narrow this chart, so nothing else narrows them."""
    return ask.tickets(band=str(band), kinds=None, district=None, street=None, channel=None)


def _so_far(counts: Sequence[int], told: Sequence[int | None]) -> list[int | None]:
    """Running sums; None where the difference to the last that is told would tell a hidden count."""
    found: list[int | None] = []
    sum_, waiting = 0, []
    for n, shown_ in zip(counts, told, strict=True):
        sum_ += n
        waiting += [n] if shown_ is None else []
        open_ = not waiting or (len(waiting) > 1 and sum(waiting) >= figures.SMALLEST_SHOWN)
        found.append(sum_ if open_ else None)
        waiting = [] if open_ else waiting
    return found


async def model(session: AsyncSession, ask: TrendsAsk, _names: Names) -> Panel:
    """识别质量: coverage against accuracy, from what people corrected."""
    found = await figures.models(session, ask.scope)
    whole = sum(demands for demands, _, _ in found.values())
    bands = sorted(found, reverse=True)
    columns = list(zip(*(found[band] for band in bands), strict=True)) or [(), (), ()]
    told = [ask.line(column) for column in columns]
    covered, wrong = (_so_far(columns[at], told[at]) for at in (0, 2))
    rows = [
        (
            text(f"≥ 0.{band}"), count(demands, _banded(ask, band)), count(reviewed), count(corrected),
            share(None if upto is None else upto / whole),
            share(None if upto is None or bad is None else 1 - bad / upto),
        )
        for band, demands, reviewed, corrected, upto, bad in zip(bands, *told, covered, wrong, strict=True)
    ]  # fmt: skip
    series = {
        "累计未被更正": [None if r[5].value is None else round(float(r[5].value) * 100, 2) for r in rows]
    }
    names = [r[0].words if r[4].value is None else f"{float(r[4].value) * 100:.0f}%" for r in rows]
    return Panel(
        "model", "智能识别：覆盖率与准确率",
        "把握为识别种类时的把握，从高到低累计。累计未被更正：这些诉求里没有被人更正过的比例；没人看过的也算在内，"
        "所以是准确率的上限。只随日期筛选。",
        ("把握", "诉求", "转人工", "被更正", "累计覆盖率", "累计未被更正"), tuple(rows),
        options.lines(names, series, percent=True) if rows else None,
        wide_of=frozenset(NARROWING),
    )  # fmt: skip
