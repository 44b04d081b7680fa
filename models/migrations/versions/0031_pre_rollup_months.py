"""PostgreSQL: `rollup_day` by month. Copied beside the old table, the new one takes its name.

Old code goes on reading while it is copied and on writing afterwards; who writes sums meanwhile waits (the
timetable alone does). SQLite stays as it is.
"""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030b"
branch_labels = None
depends_on = None

_LIKE = "LIKE rollup_day INCLUDING DEFAULTS INCLUDING COMMENTS"
_KEY = "day, district, street, kind, channel"


def _months(first: date, last: date) -> list[date]:
    found = [first.replace(day=1)]
    while found[-1] < last:
        found.append((found[-1] + timedelta(days=32)).replace(day=1))
    return found


def upgrade() -> None:
    bind = op.get_bind()
    if bind.dialect.name != "postgresql":
        return
    op.execute("LOCK TABLE rollup_day IN SHARE ROW EXCLUSIVE MODE")
    op.execute(f"CREATE TABLE rollup_day_new ({_LIKE}) PARTITION BY RANGE (day)")
    op.execute("CREATE TABLE rollup_day_rest PARTITION OF rollup_day_new DEFAULT")
    first, last, today = bind.execute(
        sa.text("SELECT min(day), max(day), (now() AT TIME ZONE 'Asia/Shanghai')::date FROM rollup_day")
    ).one()
    # From the first day there is to a quarter after the last one or today; a wild clock stays in the rest.
    until = min(max(last or today, today), today + timedelta(days=366)) + timedelta(days=92)
    months = _months(max(first or today, today - timedelta(days=20 * 366)), until)
    for month, following in pairwise(months):
        op.execute(
            f"CREATE TABLE rollup_day_{month:%Y_%m} PARTITION OF rollup_day_new "
            f"FOR VALUES FROM ('{month}') TO ('{following}')"
        )
    op.execute("INSERT INTO rollup_day_new SELECT * FROM rollup_day")
    op.execute(f"ALTER TABLE rollup_day_new ADD CONSTRAINT pk_rollup_day_new PRIMARY KEY ({_KEY})")
    op.execute("CREATE INDEX ix_rollup_day_new_street ON rollup_day_new (street, day)")
    op.execute("DROP TABLE rollup_day")
    op.execute("ALTER TABLE rollup_day_new RENAME TO rollup_day")
    op.execute("ALTER TABLE rollup_day RENAME CONSTRAINT pk_rollup_day_new TO pk_rollup_day")
    op.execute("ALTER INDEX ix_rollup_day_new_street RENAME TO ix_rollup_day_street")


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("LOCK TABLE rollup_day IN SHARE ROW EXCLUSIVE MODE")
    op.execute(f"CREATE TABLE rollup_day_old ({_LIKE})")
    op.execute("INSERT INTO rollup_day_old SELECT * FROM rollup_day")
    op.execute("DROP TABLE rollup_day")
    op.execute("ALTER TABLE rollup_day_old RENAME TO rollup_day")
    op.execute(f"ALTER TABLE rollup_day ADD CONSTRAINT pk_rollup_day PRIMARY KEY ({_KEY})")
    op.execute("CREATE INDEX ix_rollup_day_street ON rollup_day (street, day)")
