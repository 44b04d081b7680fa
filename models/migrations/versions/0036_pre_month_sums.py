"""Shorter sums: what a page reads instead of every street, kind and channel of a month or of twelve.

Made here from the sums there are. Code of before goes on counting into those alone; `months_version` says
so, and the first to count with this code makes the shorter ones again (seconds, a city's two years).
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

_MEASURES = (
    "demands", "cases", "in_review", "open", "solved", "unsolved", "ended", "diverted", "handed_over",
    "merged", "reached", "satisfied", "reviewed", "corrected", "mood_read", "negative", "positive", "angry",
)  # fmt: skip
_COMMENTS = {
    "demands": "诉求: every appeal with a ticket", "cases": "工单: demands that were not joined to another",
    "reached": "回访: the citizen was reached", "satisfied": "of these 满意 or 基本满意",
    "reviewed": "the reading was sent to a person", "corrected": "a person corrected the reading (更正)",
    "mood_read": "语气 was read", "negative": "of these 负面", "positive": "of these 正面",
    "angry": "of these 激烈",
}  # fmt: skip
_LATE = ("mood_read", "negative", "positive", "angry")
_PLACED = ("demands", "cases", "unsolved")


def _measures() -> list[sa.Column[int]]:
    return [
        sa.Column(
            name, sa.Integer(), nullable=False, comment=_COMMENTS.get(name),
            server_default="0" if name in _LATE else None,
        )
        for name in _MEASURES
    ]  # fmt: skip


def _month(comment: str | None = None) -> sa.Column[object]:
    return sa.Column("month", sa.Date(), nullable=False, comment=comment)


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False)


def _placed() -> list[sa.Column[int]]:
    return [sa.Column(name, sa.Integer(), nullable=False) for name in _PLACED]


def _sums(names: tuple[str, ...]) -> str:
    return ", ".join(f"sum({name})" for name in names)


def _filled(table: str, key: str, names: tuple[str, ...], source: str) -> None:
    op.execute(
        f"INSERT INTO {table} ({key}, {', '.join(names)}) "  # noqa: S608  (names of this file)
        f"SELECT {key}, {_sums(names)} FROM {source} GROUP BY {key}"
    )


def upgrade() -> None:
    # First: on PostgreSQL it holds whoever counts until the end, so nothing is counted between.
    seen = "the version that the shorter sums hold; another: older code counted since"
    op.add_column("rollup_cursor", sa.Column("months_version", sa.BigInteger(), nullable=True, comment=seen))
    for name, length in (("channel", 16), ("street", 12)):
        op.create_table(
            f"rollup_{name}",
            sa.Column("day", sa.Date(), nullable=False), _text("district", 12), _text(name, length),
            *_measures(),
            sa.PrimaryKeyConstraint("day", "district", name, name=op.f(f"pk_rollup_{name}")),
        )  # fmt: skip
    op.create_table(
        "rollup_month_kind",
        _month("its first day"), _text("district", 12), _text("kind", 16), _text("channel", 16), *_measures(),
        sa.PrimaryKeyConstraint("month", "district", "kind", "channel", name=op.f("pk_rollup_month_kind")),
    )  # fmt: skip
    op.create_table(
        "rollup_month_street",
        _month("its first day"), _text("district", 12), _text("street", 12), _text("channel", 16),
        *_measures(),
        sa.PrimaryKeyConstraint(
            "month", "district", "street", "channel", name=op.f("pk_rollup_month_street")
        ),
    )  # fmt: skip
    op.create_table(
        "rollup_month_hour",
        _month(), _text("district", 12),
        sa.Column("weekday", sa.SmallInteger(), nullable=False, comment="1 Monday … 7 Sunday"),
        sa.Column("hour", sa.SmallInteger(), nullable=False),
        sa.Column("demands", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("month", "district", "weekday", "hour", name=op.f("pk_rollup_month_hour")),
    )  # fmt: skip
    op.create_table(
        "rollup_month_community",
        _month(), _text("district", 12), _text("street", 12), _text("community", 12), *_placed(),
        sa.PrimaryKeyConstraint(
            "month", "district", "street", "community", name=op.f("pk_rollup_month_community")
        ),
    )  # fmt: skip
    op.create_table(
        "rollup_month_place",
        _text("kind", 16), _month(), _text("district", 12), _text("street", 12), _text("community", 12),
        *_placed(),
        sa.PrimaryKeyConstraint(
            "kind", "month", "district", "street", "community", name=op.f("pk_rollup_month_place")
        ),
    )  # fmt: skip
    op.create_index("ix_rollup_month_kind", "rollup_month", ["kind", "month"])
    op.create_index("ix_rollup_hour_kind", "rollup_hour", ["kind", "month"])
    _filled("rollup_channel", "day, district, channel", _MEASURES, "rollup_day")
    _filled("rollup_street", "day, district, street", _MEASURES, "rollup_day")
    _filled("rollup_month_kind", "month, district, kind, channel", _MEASURES, "rollup_month")
    _filled("rollup_month_street", "month, district, street, channel", _MEASURES, "rollup_month")
    _filled("rollup_month_hour", "month, district, weekday, hour", ("demands",), "rollup_hour")
    postgresql = op.get_bind().dialect.name == "postgresql"
    month = "CAST(date_trunc('month', day) AS date)" if postgresql else "date(day, 'start of month')"
    by_month = f"(SELECT *, {month} AS month FROM rollup_place WHERE community <> '') AS told"  # noqa: S608
    place = "month, district, street, community"
    _filled("rollup_month_community", place, _PLACED, by_month)
    _filled("rollup_month_place", f"kind, {place}", _PLACED, by_month)
    op.execute("UPDATE rollup_cursor SET months_version = version")


def downgrade() -> None:
    op.drop_index("ix_rollup_hour_kind", "rollup_hour")
    op.drop_index("ix_rollup_month_kind", "rollup_month")
    for name in ("place", "community", "hour", "street", "kind"):
        op.drop_table(f"rollup_month_{name}")
    for name in ("street", "channel"):
        op.drop_table(f"rollup_{name}")
    op.drop_column("rollup_cursor", "months_version")
