"""Search over tickets that stays fast for rare and for frequent words alike.

The two obvious plans each have a bad side at a million rows. The inverted index followed by a sort reads
every hit of a frequent word; walking the list in order until a page is full reads the whole list for a rare
one. So: few hits expected → inverted index, and when it gives too many after all, the walk. Many expected →
walk a short window in list order; what was found there tells how dense the hits are: dense enough, the walk
goes on, else the index is asked. Each way ends within some thousand rows.
What a bigram match cannot tell, whether the characters stand together, is re-checked on the text itself.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from models.appeals import Appeal
from models.search import fold, phrases, query_lexemes, spellings, to_fts5, to_tsquery
from models.tickets import Ticket

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import CTE, ColumnElement, Subquery
    from sqlalchemy.ext.asyncio import AsyncSession

#: More expected hits than this and walking in order is cheaper than reading them all.
FREQUENT: Final = 5_000
#: The inverted index gives at most this many: more are so dense that walking finds a page sooner.
MOST_HITS: Final = 10_000
#: Rows a walk looks at in one step, at most.
WINDOW: Final = 20_000
#: Rows looked at before it is known how dense the hits are. Of 1,000,000 tickets each thousand takes as long
#: as the index takes for some eight hundred hits.
SHORT_WINDOW: Final = 2_000
#: A walk looks at so many rows at least: each step is a question to the database.
_LEAST_WINDOW: Final = 500
#: With fewer hits among SHORT_WINDOW rows, asking the index costs less than walking to a full page.
_DENSE: Final = 20
#: A walk is made so long that it should find this many times what is wanted.
_PLENTY: Final = 1.5

_NUMBER: Final = re.compile(r"([0-9]{8})(-?)([0-9]{6,12})")
#: What a citizen has by the web, as it is read out or copied (`triage.web.citizen.words.numbered`).
_RECEIPT: Final = re.compile(r"w?([0-9]{14})")
_APART: Final = re.compile(r"[\s-]")
_DATE: Final = re.compile(r"[0-9]{8}")
_DIGIT: Final = re.compile(r"[0-9]")
_BEIJING: Final = timezone(timedelta(hours=8))
#: Where a candidate stands in the list, whatever orders it.
PLACE: Final = (Ticket.id, Ticket.due_at, Ticket.answer_by, Ticket.received_at, Ticket.appeal_id)
#: Appeals of one number, at most: numbers from outside may meet.
_SAME_NUMBER: Final = 50
_TAIL: Final = re.compile(r"[0-9]{1,12}")
_SQLITE_SEARCH: Final = sa.table("ticket_search", sa.column("rowid"), sa.column("words"))


@dataclass(frozen=True, slots=True)
class WordStatistics:
    """How often index words occur: a hint for choosing a plan, never part of an answer."""

    rows: float = 0.0
    common: Mapping[str, float] = field(default_factory=dict)

    def expected(self, words: Sequence[str]) -> float:
        """At most how many rows hold all the words; a word not known to be common counts as rare."""
        return min((self.rows * self._share(word) for word in words), default=0.0)

    def together(self, phrases: Sequence[str]) -> float:
        """The share of rows that should hold all the phrases, if they occurred independently."""
        return math.prod(min((self._share(word) for word in query_lexemes(p)), default=0.0) for p in phrases)

    def _share(self, word: str) -> float:
        if not word.endswith("*"):
            return self.common.get(word, 0.0)
        return min(1.0, sum(share for known, share in self.common.items() if known.startswith(word[:-1])))


async def word_statistics(session: AsyncSession) -> WordStatistics:
    """Read what ANALYZE knows of the index words (PostgreSQL; elsewhere nothing: see `is_frequent`)."""
    if session.get_bind().dialect.name != "postgresql":
        return WordStatistics()
    row = (
        await session.execute(
            sa.text(
                "SELECT c.reltuples, s.most_common_elems::text::text[], s.most_common_elem_freqs "
                "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                "LEFT JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname "
                "AND s.attname = 'search' "
                "WHERE c.relname = 'ticket' AND n.nspname = current_schema()"
            )
        )
    ).one()
    # The frequencies end with the least, the greatest (and the share of nulls): more than there are words.
    words, shares = row[1] or [], row[2] or []
    return WordStatistics(rows=max(row[0], 0.0), common=dict(zip(words, shares, strict=False)))


@dataclass(frozen=True, slots=True)
class Search:
    """A query made ready: its index words, the phrases to re-check, what it is if it is a number.

    `number` is a ticket's whole number, `day` the Beijing day of a number's first eight digits, `tail` its
    last; `appeals` are those whose number, ours or the one they came with, is the whole query.
    """

    words: tuple[str, ...]
    phrases: tuple[str, ...]
    number: str | None = None
    tail: int | None = None
    day: tuple[datetime, datetime] | None = None
    appeals: tuple[int, ...] = ()

    @classmethod
    def parse(cls, query: str) -> Search | None:
        """Read a query; None when there is nothing in it to search for."""
        folded = fold(query).strip()
        words = tuple(query_lexemes(folded))
        if not words:
            return None
        number = _NUMBER.fullmatch(folded)
        return cls(
            words=words,
            phrases=tuple(phrases(folded)),
            number=f"{number[1]}-{number[3]}" if number else None,
            tail=int(folded) if _TAIL.fullmatch(folded) else None,
            day=_day(folded),
        )

    @property
    def exact(self) -> bool:
        """Whether an index match needs no re-check, so that the index may be counted."""
        return bool(self.appeals) or all(len(phrase) <= 2 for phrase in self.phrases)  # noqa: PLR2004

    def confirms(self, *texts: str | None) -> bool:
        """Whether every phrase stands in the texts as it was typed."""
        whole = fold("\n".join(text for text in texts if text))
        return all(phrase in whole for phrase in self.phrases)

    def confirms_row(self, row: Any) -> bool:  # noqa: ANN401  (a result row: columns by name)
        """Whether a candidate row is a hit: its number was meant, or the phrases stand in it."""
        if row.appeal_id in self.appeals or row.appeal_id == self.tail:
            return True
        return self.confirms(row.no, row.title, row.appeal_title, row.text, row.address)

    def matches(self, dialect: str, source: Any) -> ColumnElement[bool]:  # noqa: ANN401  (Ticket or a subquery)
        """The index condition on `source.id`, `.search`, `.appeal_id`, `.opened_at`."""
        found: ColumnElement[bool]
        if self.appeals:
            found = source.appeal_id.in_(self.appeals)
            return found
        if dialect == "postgresql":
            query = sa.cast(sa.literal(to_tsquery(list(self.words))), postgresql.TSQUERY)
            found = source.search.op("@@", is_comparison=True)(query)
        else:
            found = source.id.in_(
                sa.select(_SQLITE_SEARCH.c.rowid).where(
                    _SQLITE_SEARCH.c.words.op("MATCH", is_comparison=True)(to_fts5(list(self.words)))
                )
            )
        if self.tail is not None:
            found = sa.or_(found, source.appeal_id == self.tail)
        if self.day is not None:
            found = sa.or_(found, sa.and_(source.opened_at >= self.day[0], source.opened_at < self.day[1]))
        return found


def _day(text: str) -> tuple[datetime, datetime] | None:
    """The Beijing day that a ticket number with these eight digits was given on; None when it is no day."""
    if not _DATE.fullmatch(text):
        return None
    try:
        # In UTC, as it is asked for: the first day of the calendar begins before it there.
        starts = datetime.strptime(text, "%Y%m%d").replace(tzinfo=_BEIJING).astimezone(UTC)
        return starts, starts + timedelta(days=1)
    except (ValueError, OverflowError):
        return None


async def by_number(session: AsyncSession, search: Search, query: str) -> Search:
    """The same search, knowing the appeals whose number is the whole query; words keep meaning words."""
    given = query.strip()
    if not _DIGIT.search(given):
        return search
    numbers = {*spellings(given)}
    if receipt := _RECEIPT.fullmatch(_APART.sub("", fold(given))):
        numbers.add(f"W{receipt[1]}")
    outside = sa.select(Appeal.id).where(Appeal.external_id.in_(sorted(numbers)))
    ours = sa.select(Ticket.appeal_id).where(Ticket.no == search.number)
    found = await session.scalars(sa.union(outside, ours).limit(_SAME_NUMBER))
    appeals = set(found)
    if appeals and search.tail is not None:
        appeals.add(search.tail)
    return replace(search, appeals=tuple(sorted(appeals)))


async def is_frequent(session: AsyncSession, search: Search, statistics: WordStatistics) -> bool:
    """Whether so many rows are expected that walking the list beats the inverted index."""
    if search.appeals or search.day:
        return False
    if session.get_bind().dialect.name == "postgresql":
        return statistics.expected(search.words) > FREQUENT
    # FTS5 streams its hits, so counting up to a cap is cheap there.
    some = (
        sa.select(_SQLITE_SEARCH.c.rowid)
        .where(_SQLITE_SEARCH.c.words.op("MATCH", is_comparison=True)(to_fts5(list(search.words))))
        .limit(FREQUENT + 1)
        .subquery()
    )
    return (await session.scalar(sa.select(sa.func.count()).select_from(some)) or 0) > FREQUENT


def first_window(search: Search, statistics: WordStatistics, *, wanted: int) -> int:
    """How many rows a walk should look at first to find `wanted` hits."""
    share = statistics.together(search.phrases)
    return _window(wanted, share, most=SHORT_WINDOW) if share else SHORT_WINDOW


def next_window(*, walked: int, hits: int, wanted: int) -> int:
    """How many rows to look at next, after `hits` among `walked`."""
    return _window(wanted, hits / walked, most=WINDOW) if hits else WINDOW


def dense(*, walked: int, hits: int) -> bool:
    """Whether walking on beats the index, after `hits` among `walked`."""
    return hits * SHORT_WINDOW >= _DENSE * walked


def _window(wanted: int, share: float, *, most: int) -> int:
    return min(most, max(_LEAST_WINDOW, math.ceil(_PLENTY * wanted / share)))


def by_index(
    search: Search, dialect: str, where: Sequence[ColumnElement[bool]], segment: ColumnElement[int]
) -> CTE:
    """(PLACE, segment) of all candidates, up to one more than MOST_HITS.

    MATERIALIZED: no ORDER BY or LIMIT outside may change the plan.
    """
    return (
        sa.select(*PLACE, segment.label("segment"))
        .where(*where, search.matches(dialect, Ticket))
        .limit(MOST_HITS + 1)
        .cte("hits")
        .prefix_with("MATERIALIZED")
    )


def by_walking(
    search: Search,
    dialect: str,
    where: Sequence[ColumnElement[bool]],
    order: Sequence[ColumnElement[Any]],
    *,
    window: int,
) -> Subquery:
    """(PLACE, hit) of the next `window` rows in list order. The LIMIT is a fence."""
    return (
        sa.select(*PLACE, search.matches(dialect, Ticket).label("hit"))
        .where(*where)
        .order_by(*order)
        .limit(window)
        .subquery("near")
    )
