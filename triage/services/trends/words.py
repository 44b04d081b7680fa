"""新词: the words of a day's demands, counted once when the day is over, from the masked texts.

A text is never changed, so a day is never counted again. Confidential demands are left out. Words that
stand in fewer than three demands of a day are kept until their week (Monday to Sunday) is counted, and then
only those that three demands of the week say: so what comes up slowly is found, and the table grows by what
is said more than once or twice.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from models.appeals import Appeal
from models.rollups import RollupWord, RollupWordDay
from models.tickets import Ticket
from models.vocab import Channel
from nlp.text import cut
from triage import logs
from triage.clock import BEIJING, local
from triage.rules.trends.wording import WORD, NewWord, new_words
from triage.services import backlog

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.services.deps import Deps

log = logs.get(__name__)

_DAY: Final = timedelta(days=1)
_BATCH: Final = 500
#: Words in fewer demands of a day, and of its whole week, are not kept.
_LEAST: Final = 3
_SUNDAY: Final = 7
#: Days looked back for one that was not counted: a stopped timetable catches up this far.
_BACK: Final = 35


async def poke(deps: Deps) -> bool:
    """Count the oldest lately ended day that was not; whether one was. Waits while many appeals are read."""
    today = local(deps.clock.now()).date()
    days = [today - n * _DAY for n in range(_BACK, 0, -1)]
    async with deps.db.reads() as session:
        if await backlog.is_long(session):
            return False
        done = set(await session.scalars(sa.select(RollupWordDay.day).where(RollupWordDay.day >= days[0])))
    day = next((day for day in days if day not in done), None)
    return day is not None and await count_day(deps, day)


async def count_day(deps: Deps, day: date) -> bool:
    """Count a day's words and keep them; False when another process was quicker."""
    start = datetime.combine(day, time(), BEIJING)
    words: Counter[str] = Counter()
    demands, last = 0, 0
    while True:
        async with deps.db.reads() as session:
            rows = (await session.execute(_texts(start, last))).all()
        if not rows:
            break
        words += await asyncio.to_thread(_words, [f"{row.title or ''}\n{row.text}" for row in rows])
        demands, last = demands + len(rows), rows[-1].id
    kept = [{"day": day, "word": w, "demands": n} for w, n in sorted(words.items())]
    try:
        async with deps.db.writes.begin() as session:
            done = {"day": day, "demands": demands, "at": deps.clock.now()}
            await session.execute(sa.insert(RollupWordDay), [done])
            if kept:
                await session.execute(sa.insert(RollupWord), kept)
            if day.isoweekday() == _SUNDAY:
                # Days are counted oldest first: the week is whole.
                await session.execute(_rare(day - 6 * _DAY, day))
    except IntegrityError:
        return False
    if demands:
        log.info("words_counted", day=str(day), demands=demands, words=len(kept))
    return True


def _rare(monday: date, sunday: date) -> sa.Delete:
    """What is taken away of a whole week: the days of words that it hardly says."""
    week = RollupWord.day.between(monday, sunday)
    said = sa.select(RollupWord.word).where(week).group_by(RollupWord.word)
    # IN, not NOT IN: PostgreSQL joins it, however many words there are.
    rare = said.having(sa.func.sum(RollupWord.demands) < _LEAST)
    return (
        sa.delete(RollupWord)
        .where(week, RollupWord.word.in_(rare))
        .execution_options(synchronize_session=False)
    )


def _texts(start: datetime, after: int) -> sa.Select[int, str | None, str]:
    return (
        sa.select(Ticket.id, Appeal.title, Appeal.text)
        .join(Appeal, Appeal.id == Ticket.appeal_id)
        .where(
            Ticket.opened_at >= start,
            Ticket.opened_at < start + _DAY,
            Ticket.id > after,
            Appeal.confidential.is_(False),
            Appeal.channel != Channel.PATROL.value,
        )
        .order_by(Ticket.id)
        .limit(_BATCH)
    )


def _words(texts: Iterable[str]) -> Counter[str]:
    """In how many of the texts each word stands."""
    found: Counter[str] = Counter()
    for text in texts:
        found.update({word for word, _, _ in cut(text) if WORD.fullmatch(word)})
    return found


async def compared(session: AsyncSession, first: date, last: date) -> tuple[Sequence[NewWord], int, int]:
    """The words said more in a period than in the four weeks before it, and the demands of both."""
    since = first - 28 * _DAY
    now, demands_now = await _sums(session, first, last)
    before, demands_before = await _sums(session, since, first - _DAY)
    return new_words(now, demands_now, before, demands_before), demands_now, demands_before


async def _sums(session: AsyncSession, first: date, last: date) -> tuple[dict[str, int], int]:
    rows = await session.execute(
        sa.select(RollupWord.word, sa.func.sum(RollupWord.demands))
        .where(RollupWord.day >= first, RollupWord.day <= last)
        .group_by(RollupWord.word)
    )
    demands = await session.scalar(
        sa.select(sa.func.sum(RollupWordDay.demands)).where(
            RollupWordDay.day >= first, RollupWordDay.day <= last
        )
    )
    return {row.word: row[1] for row in rows}, demands or 0
