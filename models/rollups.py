"""态势汇总: sums over demands (诉求) and cases (工单), kept beside the tickets: no report scans those.

`rollup_ticket` holds what one ticket adds to the sums, as of the events and corrections that were counted;
the others are its sums. All can be made again from events (`jiesu trends rebuild`), so nothing here names
another table's rows by a foreign key. Unknown is '' throughout: a key has no null.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Base, BigId


class Measures:
    """What is counted in every cell.

    Nine endings (`vocab_trends.SUMMED`) and 当场答复 add up to the demands: that one needs no column.
    """

    demands: Mapped[int] = mapped_column(comment="诉求: every appeal with a ticket")
    cases: Mapped[int] = mapped_column(comment="工单: demands that were not joined to another")
    in_review: Mapped[int]
    open: Mapped[int]
    solved: Mapped[int]
    unsolved: Mapped[int]
    ended: Mapped[int]
    diverted: Mapped[int]
    handed_over: Mapped[int]
    merged: Mapped[int]
    reached: Mapped[int] = mapped_column(comment="回访: the citizen was reached")
    satisfied: Mapped[int] = mapped_column(comment="of these 满意 or 基本满意")
    reviewed: Mapped[int] = mapped_column(comment="the reading was sent to a person")
    corrected: Mapped[int] = mapped_column(comment="a person corrected the reading (更正)")
    # Older code adds rows without these: the database knows what they are then.
    mood_read: Mapped[int] = mapped_column(server_default="0", comment="语气 was read")
    negative: Mapped[int] = mapped_column(server_default="0", comment="of these 负面")
    positive: Mapped[int] = mapped_column(server_default="0", comment="of these 正面")
    angry: Mapped[int] = mapped_column(server_default="0", comment="of these 激烈")
    withdrawn: Mapped[int] = mapped_column(server_default="0", comment="撤诉")


MEASURES: Final = (
    "demands", "cases", "in_review", "open", "solved", "unsolved", "ended", "diverted", "handed_over",
    "merged", "reached", "satisfied", "reviewed", "corrected", "mood_read", "negative", "positive", "angry",
    "withdrawn",
)  # fmt: skip


class RollupTicket(Base):
    """What one ticket adds, as of `seq` of its events and `correction_id` of its corrections."""

    __tablename__ = "rollup_ticket"
    __table_args__ = (
        sa.Index("ix_rollup_ticket_day", "day", "district", "kind", "ticket_id"),
        sa.Index("ix_rollup_ticket_street", "street", "day"),
    )

    ticket_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(comment="of the last event that is counted")
    correction_id: Mapped[int] = mapped_column(sa.BigInteger, comment="the last that is counted; 0: none")
    day: Mapped[date] = mapped_column(sa.Date, comment="when the citizen spoke, Beijing")
    hour: Mapped[int] = mapped_column(sa.SmallInteger)
    kind: Mapped[str] = mapped_column(sa.String(16), comment="as corrected; '': not environmental")
    district: Mapped[str] = mapped_column(sa.String(12))
    street: Mapped[str] = mapped_column(sa.String(12))
    channel: Mapped[str] = mapped_column(sa.String(16))
    ending: Mapped[str] = mapped_column(sa.String(16), comment="vocab_trends.Ending")
    community: Mapped[str] = mapped_column(sa.String(12))
    grid: Mapped[str] = mapped_column(sa.String(12), comment="1 km; only of places known to the point")
    model: Mapped[str] = mapped_column(sa.String(120))
    band: Mapped[int] = mapped_column(sa.SmallInteger, comment="confidence of the kind, 0 to 9 tenths")
    reached: Mapped[int] = mapped_column(sa.SmallInteger)
    satisfied: Mapped[int] = mapped_column(sa.SmallInteger)
    reviewed: Mapped[int] = mapped_column(sa.SmallInteger)
    corrected: Mapped[int] = mapped_column(sa.SmallInteger)
    mood: Mapped[str] = mapped_column(
        sa.String(8), server_default="", comment="vocab_mood.Mood; '': not read"
    )
    angry: Mapped[int] = mapped_column(sa.SmallInteger, server_default="0")


class RollupDay(Measures, Base):
    """A day × kind × street × channel, with its endings.

    On PostgreSQL a month is a partition (`rollup_day_2026_11`), made ahead; what has none yet is in
    `rollup_day_rest` (triage/services/trends/partitions.py).
    """

    __tablename__ = "rollup_day"
    __table_args__ = (
        sa.Index("ix_rollup_day_street", "street", "day"),
        {"postgresql_partition_by": "RANGE (day)"},
    )

    day: Mapped[date] = mapped_column(sa.Date, primary_key=True)
    district: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    street: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    channel: Mapped[str] = mapped_column(sa.String(16), primary_key=True)


class RollupChannel(Measures, Base):
    """A day × district × channel, all kinds and streets together: eighty rows a day."""

    __tablename__ = "rollup_channel"

    day: Mapped[date] = mapped_column(sa.Date, primary_key=True)
    district: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    channel: Mapped[str] = mapped_column(sa.String(16), primary_key=True)


class RollupStreet(Measures, Base):
    """A day × street, all kinds and channels together."""

    __tablename__ = "rollup_street"

    day: Mapped[date] = mapped_column(sa.Date, primary_key=True)
    district: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    street: Mapped[str] = mapped_column(sa.String(12), primary_key=True)


class RollupKind(Measures, Base):
    """A day × kind × channel of the whole city: some 300 rows a day."""

    __tablename__ = "rollup_kind"

    day: Mapped[date] = mapped_column(sa.Date, primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    channel: Mapped[str] = mapped_column(sa.String(16), primary_key=True)


class RollupMonth(Measures, Base):
    """The same by month: some 400,000 rows a year of a city. Read for kinds within streets alone."""

    __tablename__ = "rollup_month"
    __table_args__ = (sa.Index("ix_rollup_month_kind", "kind", "month"),)

    month: Mapped[date] = mapped_column(sa.Date, primary_key=True, comment="its first day")
    district: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    street: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    channel: Mapped[str] = mapped_column(sa.String(16), primary_key=True)


class RollupMonthDistrict(Measures, Base):
    """A month × district × kind, all streets and channels together: some 13,000 rows a year of a city."""

    __tablename__ = "rollup_month_district"

    month: Mapped[date] = mapped_column(sa.Date, primary_key=True, comment="its first day")
    district: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(16), primary_key=True)


class RollupMonthKind(Measures, Base):
    """A month × district × kind × channel, all streets together: read for kinds within channels alone."""

    __tablename__ = "rollup_month_kind"

    month: Mapped[date] = mapped_column(sa.Date, primary_key=True, comment="its first day")
    district: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    channel: Mapped[str] = mapped_column(sa.String(16), primary_key=True)


class RollupMonthStreet(Measures, Base):
    """A month × street × channel, all kinds together, what is not environmental among them."""

    __tablename__ = "rollup_month_street"

    month: Mapped[date] = mapped_column(sa.Date, primary_key=True, comment="its first day")
    district: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    street: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    channel: Mapped[str] = mapped_column(sa.String(16), primary_key=True)


class RollupDistrict(Measures, Base):
    """A day × kind × district: what long lines and signals are drawn from."""

    __tablename__ = "rollup_district"

    day: Mapped[date] = mapped_column(sa.Date, primary_key=True)
    district: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(16), primary_key=True)


class RollupHour(Base):
    """Demands by hour of the week: month × weekday × hour × kind × district."""

    __tablename__ = "rollup_hour"
    __table_args__ = (sa.Index("ix_rollup_hour_kind", "kind", "month"),)

    month: Mapped[date] = mapped_column(sa.Date, primary_key=True)
    district: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    weekday: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True, comment="1 Monday … 7 Sunday")
    hour: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True)
    demands: Mapped[int]


class RollupMonthHour(Base):
    """Demands by hour of the week, all kinds together: month × weekday × hour × district."""

    __tablename__ = "rollup_month_hour"

    month: Mapped[date] = mapped_column(sa.Date, primary_key=True)
    district: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    weekday: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True, comment="1 Monday … 7 Sunday")
    hour: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True)
    demands: Mapped[int]


class Placed:
    """What is counted of demands whose place is known to a community or a 1 km grid."""

    demands: Mapped[int]
    cases: Mapped[int]
    unsolved: Mapped[int]


class RollupPlace(Placed, Base):
    """A day × kind × community × 1 km grid; only of demands whose place is known that well."""

    __tablename__ = "rollup_place"

    day: Mapped[date] = mapped_column(sa.Date, primary_key=True)
    district: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    street: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    community: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    grid: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(16), primary_key=True)


class RollupMonthCommunity(Placed, Base):
    """A month × community, all kinds together."""

    __tablename__ = "rollup_month_community"

    month: Mapped[date] = mapped_column(sa.Date, primary_key=True)
    district: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    street: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    community: Mapped[str] = mapped_column(sa.String(12), primary_key=True)


class RollupMonthPlace(Placed, Base):
    """A kind × month × community: asked for by kind, so that comes first."""

    __tablename__ = "rollup_month_place"

    kind: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    month: Mapped[date] = mapped_column(sa.Date, primary_key=True)
    district: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    street: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    community: Mapped[str] = mapped_column(sa.String(12), primary_key=True)


class RollupModel(Base):
    """How sure the reading was of the kind, and what people corrected: day × model × tenth."""

    __tablename__ = "rollup_model"

    day: Mapped[date] = mapped_column(sa.Date, primary_key=True)
    model: Mapped[str] = mapped_column(sa.String(120), primary_key=True)
    band: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True)
    demands: Mapped[int]
    reviewed: Mapped[int]
    corrected: Mapped[int]


class RollupWord(Base):
    """In how many demands opened on a day a word stands (masked text); what a week hardly says goes."""

    __tablename__ = "rollup_word"

    day: Mapped[date] = mapped_column(sa.Date, primary_key=True)
    word: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    demands: Mapped[int]


class RollupWordDay(Base):
    """A day whose words were counted: how many demands were read for it."""

    __tablename__ = "rollup_word_day"

    day: Mapped[date] = mapped_column(sa.Date, primary_key=True)
    demands: Mapped[int]
    at: Mapped[datetime]


class RollupCursor(Base):
    """How far events and corrections are counted. One row.

    Up to `*_settled` nothing can appear any more; between that and `*_seen` a transaction that began earlier
    may still bring some, so those are looked at again. `version` changes with everything that is counted.
    """

    __tablename__ = "rollup_cursor"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(sa.BigInteger)
    at: Mapped[datetime]
    events_seen: Mapped[int] = mapped_column(sa.BigInteger)
    events_settled: Mapped[int] = mapped_column(sa.BigInteger)
    corrections_settled: Mapped[int] = mapped_column(sa.BigInteger)
    # Read by code of before 0042 alone: RollupKnown tells it of each sum.
    months_version: Mapped[int | None] = mapped_column(
        sa.BigInteger, comment="the version that the shorter sums hold; another: older code counted since"
    )
    mark_events: Mapped[int] = mapped_column(sa.BigInteger, comment="the newest event at mark_at")
    mark_corrections: Mapped[int] = mapped_column(sa.BigInteger)
    mark_xmax: Mapped[int] = mapped_column(sa.BigInteger, comment="PostgreSQL: the next transaction then")
    mark_at: Mapped[datetime]
    archived_before: Mapped[date | None] = mapped_column(
        sa.Date, comment="days before it were written to Parquet files"
    )


class RollupKnown(Base):
    """Up to which version (of `RollupCursor`) a shorter sum counts: behind it where older code counted."""

    __tablename__ = "rollup_known"

    name: Mapped[str] = mapped_column(sa.String(40), primary_key=True, comment="the table of a shorter sum")
    version: Mapped[int] = mapped_column(sa.BigInteger, comment="of the sums: up to which it counts")
