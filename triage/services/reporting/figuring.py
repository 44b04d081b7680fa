"""The figures of a report: read from the sums and the published month, never from live tickets.

Each fact has a key and what is shown of it; sentences are made of nothing else (`wording`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from models.vocab import Channel
from models.vocab_reports import ReportKind
from models.vocab_topics import TopicLevel
from models.vocab_trends import Axis
from triage.clock import local
from triage.errors import NotFound, NotReady
from triage.rules.rate_rows import Rate
from triage.rules.rates import By, percent
from triage.services import months
from triage.services.month_sheets import name_of
from triage.services.reporting import noticed
from triage.services.topics import listing as topics
from triage.services.trends import figures
from triage.services.trends.sources import Scope

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.rules.rows import Tables
    from triage.services.reporting.periods import Period
    from triage.services.trends.figures import Figures

#: Lines of kinds, districts, risers and topics that the text names; the tables have all.
NAMED: Final = 5
RISERS: Final = 3
TOPICS: Final = 3
_UNKNOWN: Final = "未明"
_NOT_ENVIRONMENTAL: Final = "非环境类或未识别"


@dataclass(frozen=True, slots=True)
class Figured:
    """The facts of a period: keys with what is shown, tables, and the version of the data."""

    facts: dict[str, Any]
    data_version: str
    as_of: datetime


async def figured(session: AsyncSession, tables: Tables, period: Period) -> Figured:
    """Read the figures of a period. Raises NotReady when the sums do not reach its end."""
    fresh = await figures.as_of(session)
    if fresh.at is None or local(fresh.at).date() <= period.last:
        raise NotReady(f"汇总还没有数到 {period.last} 之后，等定时任务数完再起草。")
    scope, before = Scope(period.first, period.last), Scope(period.before.first, period.before.last)
    now, then = await figures.totals(session, scope), await figures.totals(session, before)
    kinds, old_kinds = await _both(session, scope, before, Axis.KIND)
    districts, old_districts = await _both(session, scope, before, Axis.DISTRICT)
    channels = await figures.told_by(session, scope, Axis.CHANNEL)
    facts: dict[str, str] = {
        **_whole(now, then),
        **_ranked("kind", kinds, lambda key: _kind(tables, key), now.demands),
        **_ranked("district", districts, lambda key: _district(tables, key), now.demands),
        **_risers("rise_kind", kinds, old_kinds, lambda key: _kind(tables, key)),
        **_risers("rise_district", districts, old_districts, lambda key: _district(tables, key)),
    }
    if channels and now.demands:
        key, most = next(iter(channels.items()))
        facts |= {"channel": _channel(key), "channel_n": _count(most.demands)}
    facts |= await _problems(session, period)
    facts |= await noticed.told(session, tables, period)
    rates, published = await _rates(session, tables, period)
    facts |= rates
    season, tables_of_season = await _season(session, tables, period, now, (kinds, districts))
    facts |= season
    shown = {
        "facts": facts,
        "tables": {
            "kinds": _table(kinds, old_kinds, lambda key: _kind(tables, key)),
            "districts": _table(districts, old_districts, lambda key: _district(tables, key)),
            **tables_of_season,
        },
    }
    return Figured(shown, f"rollup {fresh.version}{published}", fresh.at)


async def _both(
    session: AsyncSession, scope: Scope, before: Scope, axis: Axis
) -> tuple[dict[str, Figures], dict[str, Figures]]:
    return await figures.told_by(session, scope, axis), await figures.told_by(session, before, axis)


def _whole(now: Figures, then: Figures) -> dict[str, str]:
    more = now.demands - then.demands
    facts = {
        "demands": _count(now.demands),
        "cases": _count(now.cases),
        "merged": _count(now.merged),
        "before": _count(then.demands),
        "open": _count(now.open + now.in_review),
        "solved": _count(now.solved),
        "unsolved": _count(now.unsolved),
        "turn": _turn(more),
        "change": _count(abs(more)),
    }
    if now.unsolved:
        facts["again_n"] = _count(now.unsolved)
    if then.demands:
        facts["change_share"] = _share(abs(more), then.demands)
    if now.mood_read:
        facts |= {
            "mood_read": _count(now.mood_read), "angry": _count(now.angry),
            "angry_share": f"{now.angry_share:.1%}", "negative_share": f"{now.negative_share:.1%}",
        }  # fmt: skip
        if then.angry_share is not None:
            facts["angry_share_before"] = f"{then.angry_share:.1%}"
    if now.solved_share is not None:
        facts |= {"asked": _count(now.solved + now.unsolved), "solved_share": f"{now.solved_share:.1%}"}
    if now.satisfied_share is not None:
        facts |= {"reached": _count(now.reached), "satisfied_share": f"{now.satisfied_share:.1%}"}
    return facts


async def _season(
    session: AsyncSession,
    tables: Tables,
    period: Period,
    now: Figures,
    by: tuple[Mapping[str, Figures], Mapping[str, Figures]],
) -> tuple[dict[str, str], dict[str, list[list[Any]]]]:
    """同比: facts and tables against the same season of last year, by kind and district; none without one."""
    year = period.year_before
    scope = Scope(year.first, year.last) if year else None
    then = await figures.totals(session, scope) if scope else figures.NONE
    if scope is None or not then.demands or not await figures.reach_to(session, scope.first):
        return {}, {}
    more = now.demands - then.demands
    facts = {
        "season_n": _count(then.demands), "season_turn": _turn(more), "season_more": _count(abs(more)),
        "season_share": _share(abs(more), then.demands),
    }  # fmt: skip
    shown = {}
    for prefix, axis, told, name in (
        ("season_kind", Axis.KIND, by[0], _kind), ("season_district", Axis.DISTRICT, by[1], _district),
    ):  # fmt: skip
        past = await figures.told_by(session, scope, axis)
        facts |= _risers(prefix, told, past, partial(name, tables))
        shown[f"{prefix}s"] = _table(told, past, partial(name, tables))
    return facts, shown


def _turn(more: int) -> str:
    return "增加" if more > 0 else "减少" if more < 0 else "相差"


def _ranked(prefix: str, told: Mapping[str, Figures], name: Any, total: int) -> dict[str, str]:  # noqa: ANN401
    facts: dict[str, str] = {}
    known = [(key, each) for key, each in told.items() if key and each.demands]
    for at, (key, each) in enumerate(known[:NAMED], start=1):
        facts |= {
            f"{prefix}_{at}": name(key),
            f"{prefix}_{at}_n": _count(each.demands),
            f"{prefix}_{at}_share": _share(each.demands, total),
            f"{prefix}_{at}_open": _count(each.open + each.in_review),
            f"{prefix}_{at}_unsolved": _count(each.unsolved),
        }
    return facts


def _risers(
    prefix: str,
    now: Mapping[str, Figures],
    then: Mapping[str, Figures],
    name: Any,  # noqa: ANN401
) -> dict[str, str]:
    """Those that grew most, in counts."""
    grown = [
        (each.demands - then.get(key, figures.NONE).demands, key, each.demands)
        for key, each in now.items()
        if key
    ]
    facts: dict[str, str] = {}
    risen = sorted((one for one in grown if one[0] > 0), key=lambda one: (-one[0], one[1]))
    for at, (more, key, count) in enumerate(risen[:RISERS], start=1):
        facts |= {
            f"{prefix}_{at}": name(key),
            f"{prefix}_{at}_more": _count(more),
            f"{prefix}_{at}_n": _count(count),
        }
    return facts


async def _problems(session: AsyncSession, period: Period) -> dict[str, str]:
    """突出问题: the largest local topics of the last finding, when it read the end of the period."""
    run = await topics.last_run(session, TopicLevel.LOCAL)
    if run is not None and not local(run.since).date() <= period.last <= local(run.at).date():
        return {}
    found = (await topics.lines(session, run))[:TOPICS] if run else []
    facts: dict[str, str] = {}
    for at, line in enumerate(found, start=1):
        facts |= {
            f"topic_{at}": line.topic.title, f"topic_{at}_n": _count(line.state.size),
            f"topic_{at}_open": _count(line.state.open),
        }  # fmt: skip
    if run and found:
        facts["topic_days"] = str((run.at - run.since).days)
    return facts


async def _rates(session: AsyncSession, tables: Tables, period: Period) -> tuple[dict[str, str], str]:
    """三率 of a published month; a month that was not closed has none."""
    if period.kind is not ReportKind.MONTHLY:
        return {}, ""
    try:
        found = await months.headline(session, period.name)
    except NotFound:
        return {}, ""
    line = found.figures.line(By.ALL, "")
    if line is None:
        return {}, ""
    facts = {"assessed": _count(line.assessed)}
    for rate in Rate:
        tally = line.of(rate)
        facts |= {f"{rate.value}_share": percent(tally.share), f"{rate.value}_n": _count(tally.tickets)}
    del tables
    return facts, f", month {period.name} v{found.version}"


def _table(now: Mapping[str, Figures], then: Mapping[str, Figures], name: Any) -> list[list[Any]]:  # noqa: ANN401
    """Every line: name, demands, before, change, open, solved, unsolved."""
    return [
        [
            name(key), each.demands, then.get(key, figures.NONE).demands,
            each.demands - then.get(key, figures.NONE).demands, each.open + each.in_review, each.solved,
            each.unsolved,
        ]
        for key, each in now.items()
        if each.demands
    ]  # fmt: skip


def _kind(tables: Tables, key: str) -> str:
    row = tables.kinds.get(key)
    return row.name if row else key or _NOT_ENVIRONMENTAL


def _district(tables: Tables, key: str) -> str:
    return name_of(tables, By.DISTRICT, key) if key else _UNKNOWN


def _channel(key: str) -> str:
    return next((channel.label for channel in Channel if channel.value == key), key or _UNKNOWN)


def _count(value: int) -> str:
    return str(value)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "0.0%"
