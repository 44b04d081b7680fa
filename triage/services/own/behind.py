"""The cases behind one rate of a unit's month: what counted, with how much, and what did not, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from models.ticket_detail import seen_numbers
from triage.rules.rates import By, drill
from triage.services import months
from triage.services.own import judging

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Viewer
    from triage.rules.rate_rows import Rate
    from triage.rules.rows import Tables
    from triage.rules.verdicts import Verdict
    from triage.services.own.judging import Asked

#: Numbers of each sort.
MOST: Final = 500


@dataclass(frozen=True, slots=True)
class Sort:
    """Cases of one sort: how many, and the first that the viewer may see, each with its reason."""

    title: str
    count: int
    cases: tuple[tuple[str, str], ...]


async def sorts(
    session: AsyncSession, tables: Tables, viewer: Viewer, asked: Asked, rate: Rate
) -> tuple[Sort, ...] | None:
    """Of a published month as it was published, else as it stands; None: too many. Raises NoRule."""
    verdicts = await _verdicts(session, tables, viewer, asked)
    if verdicts is None:
        return None
    found = drill(verdicts, By.UNIT, asked.unit, rate)
    told: tuple[tuple[str, Sequence[tuple[str, str]]], ...] = (
        ("得满分", [(no, "") for no in found.full]),
        ("得部分分", [(no, "") for no in found.part]),
        ("不得分", [(no, "") for no in found.none]),
        ("不计入", found.out),
    )
    seen = await seen_numbers(session, viewer, [no for _, cases in told for no, _ in cases[: 2 * MOST]])
    return tuple(
        Sort(title, len(cases), tuple(case for case in cases[: 2 * MOST] if case[0] in seen)[:MOST])
        for title, cases in told
    )


async def _verdicts(
    session: AsyncSession, tables: Tables, viewer: Viewer, asked: Asked
) -> Sequence[Verdict] | None:
    version = (await months.newest(session, [asked.month])).get(asked.month)
    if version is not None:
        return await months.verdicts_of(session, asked.month, version, By.UNIT, asked.unit)
    found = await judging.judged(session, tables, viewer, asked)
    return found.verdicts if found.whole else None
