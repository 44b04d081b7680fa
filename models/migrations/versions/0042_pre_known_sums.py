"""Two more shorter sums, and for each of them up to which version of the sums it counts.

Code of before counts into the sums that it knows, and says a new version: a sum whose own version stays
behind is made again by the next to count that knows it (seconds, a city's two years).
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

_MEASURES: Final = (
    "demands", "cases", "in_review", "open", "solved", "unsolved", "ended", "diverted", "handed_over",
    "merged", "reached", "satisfied", "reviewed", "corrected", "mood_read", "negative", "positive", "angry",
)  # fmt: skip
_COMMENTS: Final = {
    "demands": "诉求: every appeal with a ticket", "cases": "工单: demands that were not joined to another",
    "reached": "回访: the citizen was reached", "satisfied": "of these 满意 or 基本满意",
    "reviewed": "the reading was sent to a person", "corrected": "a person corrected the reading (更正)",
    "mood_read": "语气 was read", "negative": "of these 负面", "positive": "of these 正面",
    "angry": "of these 激烈",
}  # fmt: skip
_LATE: Final = ("mood_read", "negative", "positive", "angry")
#: Sums of 0036: whoever knew them told by `rollup_cursor.months_version` how far they count.
_BEFORE: Final = (
    "rollup_channel", "rollup_street", "rollup_month_kind", "rollup_month_street", "rollup_month_hour",
    "rollup_month_community", "rollup_month_place",
)  # fmt: skip
#: Each with its key, where it is made from, and which of the key is a day (the others are texts, by length).
_NEW: Final = {
    "rollup_kind": ({"day": 0, "kind": 16, "channel": 16}, "rollup_day"),
    "rollup_month_district": ({"month": 0, "district": 12, "kind": 16}, "rollup_month"),
}


def upgrade() -> None:
    known = op.create_table(
        "rollup_known",
        sa.Column("name", sa.String(40), nullable=False, comment="the table of a shorter sum"),
        sa.Column("version", sa.BigInteger(), nullable=False, comment="of the sums: up to which it counts"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_rollup_known")),
    )
    for table, (key, source) in _NEW.items():
        op.create_table(
            table,
            *(
                sa.Column(
                    name,
                    sa.String(length) if length else sa.Date(),
                    nullable=False,
                    comment="its first day" if name == "month" else None,
                )
                for name, length in key.items()
            ),
            *(
                sa.Column(
                    name, sa.Integer(), nullable=False, comment=_COMMENTS.get(name),
                    server_default="0" if name in _LATE else None,
                )
                for name in _MEASURES
            ),
            sa.PrimaryKeyConstraint(*key, name=op.f(f"pk_{table}")),
        )  # fmt: skip
        named = ", ".join(key)
        amounts = ", ".join(f"sum({name})" for name in _MEASURES)
        op.execute(
            f"INSERT INTO {table} ({named}, {', '.join(_MEASURES)}) "  # noqa: S608  (names of this file)
            f"SELECT {named}, {amounts} FROM {source} GROUP BY {named} ORDER BY {named}"
        )
    cursor = op.get_bind().execute(sa.text("SELECT version, months_version FROM rollup_cursor")).one_or_none()
    if cursor is None:
        return
    told = dict.fromkeys(_NEW, cursor.version)
    if cursor.months_version is not None:
        told |= dict.fromkeys(_BEFORE, cursor.months_version)
    op.bulk_insert(known, [{"name": name, "version": version} for name, version in told.items()])


def downgrade() -> None:
    for name in ("rollup_known", *_NEW):
        op.drop_table(name)
