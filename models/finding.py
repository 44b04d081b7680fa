"""Search over tickets that stays fast for rare and for frequent words alike.

The two obvious plans each have a bad side at a million rows. The inverted index followed by a sort reads
every hit of a frequent word; walking the list in order until a page is full reads the whole list for a rare
one. So the expected number of hits decides: few → inverted index; many → walk a bounded window in list
order, and fall back to the index when the window did not fill the page (then the hits cannot be dense).
What a bigram match cannot tell, whether the characters stand together, is re-checked on the text itself.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from models.appeals import Appeal
from models.search import fold, phrases, query_lexemes, to_fts5, to_tsquery
from models.tickets import Ticket

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.ext.asyncio import AsyncSession

#: More expected hits than this and walking in order is cheaper than reading them all.
FREQUENT: Final = 5_000
#: Rows looked at in list order, at most, before the inverted index is asked after all.
WINDOW: Final = 20_000
#: Looked at even when the words should hardly meet: words that belong together meet far more often.
SHORT_WINDOW: Final = 4_000
#: A walk is made so long that it should find this many times what is wanted.
_PLENTY: Final = 3

_NUMBER: Final = re.compile(r"([0-9]{8})(-?)([0-9]{6,12})")
_DATE: Final = re.compile(r"[0-9]{8}")
_DIGIT: Final = re.compile(r"[0-9]")
_BEIJING: Final = timezone(timedelta(hours=8))
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
        starts = datetime.strptime(text, "%Y%m%d").replace(tzinfo=_BEIJING)
        return starts, starts + timedelta(days=1)
    except (ValueError, OverflowError):
        return None


async def by_number(session: AsyncSession, search: Search, query: str) -> Search:
    """The same search, knowing the appeals whose number is the whole query; words keep meaning words."""
    given = query.strip()
    if not _DIGIT.search(given):
        return search
    outside = sa.select(Appeal.id).where(
        Appeal.external_id.in_(sorted({given, fold(given), fold(given).upper()}))
    )
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


def walk_length(search: Search, statistics: WordStatistics, *, wanted: int, most: int) -> int:
    """How many rows a walk should look at to find `wanted` hits, at most `most`."""
    share = statistics.together(search.phrases)
    if not statistics.rows:
        return most
    needed = math.ceil(_PLENTY * wanted / share) if share else most + 1
    return min(needed if needed <= most else SHORT_WINDOW, most)


def by_index(search: Search, dialect: str, where: Sequence[ColumnElement[bool]]) -> Select[tuple[int, Any]]:
    """(id, due_at) of all candidates. MATERIALIZED: no ORDER BY or LIMIT outside may change the plan."""
    hits = (
        sa.select(Ticket.id, Ticket.due_at)
        .where(*where, search.matches(dialect, Ticket))
        .cte("hits")
        .prefix_with("MATERIALIZED")
    )
    return sa.select(hits.c.id, hits.c.due_at)


def by_walking(
    search: Search,
    dialect: str,
    where: Sequence[ColumnElement[bool]],
    order: Sequence[ColumnElement[Any]],
    *,
    window: int = WINDOW,
) -> Select[tuple[int, Any]]:
    """(id, due_at) of candidates among the next `window` rows in list order. The inner LIMIT is a fence."""
    near = (
        sa.select(Ticket.id, Ticket.due_at, Ticket.opened_at, Ticket.appeal_id, Ticket.search)
        .where(*where)
        .order_by(*order)
        .limit(window)
        .subquery("near")
    )
    return sa.select(near.c.id, near.c.due_at).where(search.matches(dialect, near.c))
