"""语气 on the page of trends: how the words of the demands sound, over time, by kind and by place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from models.vocab_mood import Mood
from models.vocab_trends import Axis
from triage.services.trends import figures
from triage.services.trends.figures import shown
from triage.web.trends import options
from triage.web.trends.panels import OTHER, UNKNOWN, month_end
from triage.web.trends.views import Cell, Panel, count, share, text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.services.trends.figures import Figures
    from triage.web.names import Names
    from triage.web.trends.asks import TrendsAsk

_HEAD: Final = ("已识别语气", "激烈", "激烈占比", "负面", "负面占比", "正面")
#: Of fewer a share says nothing and moves with each.
_LEAST: Final = 20
_SHOWN: Final = 20
_HOW: Final = (
    "按来件文字里的词语和标点判断：负面、平和、正面，负面中愤怒、指责、扬言升级的另计激烈。"
    "词表有来源和日期，看不出反话；约三成激烈的没有看出，看出的约两成不激烈（见口径文档）。占比的分母是已识别语气的诉求。"
)


_TONES: Final = ("demands", "mood_read", "negative", "positive", "angry")


async def moods(session: AsyncSession, ask: TrendsAsk, _names: Names) -> Panel:
    """语气 over time."""
    step = Axis.DAY if ask.daily else Axis.MONTH
    found = await figures.series(session, ask.scope, step, just=_TONES)
    rows = tuple(
        (
            text(f"{start:%Y-%m-%d}" if ask.daily else f"{start:%Y-%m}"),
            *_cells(ask, f, first=start, last=start if ask.daily else month_end(start)),
        )
        for start, f in found.items()
        if f.mood_read
    )  # fmt: skip
    series = {
        name: [None if r[n].value is None else round(float(r[n].value or 0) * 100, 1) for r in rows]
        for n, name in ((3, "激烈占比"), (5, "负面占比"))
    }
    return Panel(
        "moods", "语气", _HOW, ("日期" if ask.daily else "月份", *_HEAD), rows,
        options.lines([r[0].words[-5:] if ask.daily else r[0].words for r in rows], series, percent=True)
        if rows else None,
        links=tuple(row[2].address for row in rows),
        note="" if rows else "本期的诉求没有识别过语气。",
    )  # fmt: skip


async def angry(session: AsyncSession, ask: TrendsAsk, names: Names) -> Panel:
    """激烈: kinds, then districts or streets, with the largest shares."""
    kinds = await figures.told_by(session, ask.scope, Axis.KIND, just=_TONES)
    axis = Axis.STREET if ask.scope.district else Axis.DISTRICT
    places = await figures.told_by(session, ask.scope, axis, just=_TONES)

    def place(code: str) -> str:
        if ask.scope.district:
            return names.street(code) or UNKNOWN
        return names.district(code) if code else UNKNOWN

    rows = [
        (text("类别"), text(names.kind(code) if code else OTHER), *_cells(ask, f, kinds=(code,)))
        for code, f in _most(kinds.items())
    ]
    rows += [
        (text("地区"), text(place(code)), *_cells(ask, f, **{axis.value: code}))
        for code, f in _most(places.items())
    ]
    return Panel(
        "angry", "激烈占比较高的类别和地区",
        f"{_HOW}已识别语气不足 {_LEAST} 件的不列，各列前 {_SHOWN}。",
        ("按", "名称", *_HEAD), tuple(rows),
        options.bars(
            [r[1].words for r in rows],
            [None if r[4].value is None else round(float(r[4].value) * 100, 1) for r in rows],
        ) if rows else None, tall=True,
        links=tuple(row[3].address for row in rows),
    )  # fmt: skip


def _most(found: Iterable[tuple[str, Figures]]) -> list[tuple[str, Figures]]:
    enough = [(code, f) for code, f in found if f.mood_read >= _LEAST]
    return sorted(enough, key=lambda item: (-(item[1].angry_share or 0), item[0]))[:_SHOWN]


def _cells(ask: TrendsAsk, f: Figures, **narrowed: object) -> tuple[Cell, ...]:
    """The figures of a line; a share of a hidden count is hidden with it.

    Negative, positive and calm add up to what was read, angry and other negative ones to the negative.
    """
    calm = f.mood_read - f.negative - f.positive
    read = shown(f.mood_read, office=ask.office)
    negative, positive, _ = ask.line([f.negative, f.positive, calm], range(3) if read is None else ())
    angry, _ = ask.line([f.angry, f.negative - f.angry], range(2) if negative is None else ())
    return (
        count(read),
        count(angry, ask.tickets(**narrowed, angry="1")),  # type: ignore[arg-type]
        share(None if None in {read, angry} else f.angry_share),
        count(negative, ask.tickets(**narrowed, mood=Mood.NEGATIVE.value)),  # type: ignore[arg-type]
        share(None if None in {read, negative} else f.negative_share),
        count(positive, ask.tickets(**narrowed, mood=Mood.POSITIVE.value)),  # type: ignore[arg-type]
    )
