"""评价 for each answer: a case answered again after 重办 is rated again.

The key of the table changes, which no database here does in place: it is made anew and filled. What was said
before is told of the last 反馈 before it. A web process of yesterday keeps no rating until it is replaced.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import AwareUtc, BigId

revision = "0023"
down_revision = "0022c"
branch_labels = None
depends_on = None

_KEPT = "appeal_id, solved, satisfaction, note, at"


def _columns() -> list[sa.Column]:  # type: ignore[type-arg]
    return [
        sa.Column("solved", sa.String(8), nullable=False, comment="vocab.YesNo"),
        sa.Column("satisfaction", sa.String(20), nullable=False, comment="vocab.Satisfaction"),
        sa.Column("note", sa.Text(), nullable=True, comment="masked"),
        sa.Column("at", AwareUtc(), nullable=False),
    ]


def _of_appeal() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["appeal_id"], ["appeal.id"], name=op.f("fk_citizen_rating_appeal_id_appeal")
    )


def upgrade() -> None:
    op.execute(f"CREATE TABLE citizen_rating_before AS SELECT {_KEPT} FROM citizen_rating")  # noqa: S608
    op.drop_table("citizen_rating")
    op.create_table(
        "citizen_rating",
        sa.Column("appeal_id", BigId, nullable=False),
        sa.Column(
            "answer",
            BigId,
            autoincrement=False,
            nullable=False,
            comment="ticket_event.id of the 反馈 it is about; 0: closed without one",
        ),
        *_columns(),
        _of_appeal(),
        sa.PrimaryKeyConstraint("appeal_id", "answer", name=op.f("pk_citizen_rating")),
    )
    op.execute(
        f"INSERT INTO citizen_rating (answer, {_KEPT}) "  # noqa: S608
        "SELECT coalesce((SELECT max(e.id) FROM ticket_event e JOIN ticket t ON t.id = e.ticket_id "
        "WHERE t.appeal_id = b.appeal_id AND e.tag = 'ticket:feedback' AND e.at <= b.at), 0), "
        "b.appeal_id, b.solved, b.satisfaction, b.note, b.at FROM citizen_rating_before b"
    )
    op.execute("DROP TABLE citizen_rating_before")


def downgrade() -> None:
    op.execute(f"CREATE TABLE citizen_rating_before AS SELECT answer, {_KEPT} FROM citizen_rating")  # noqa: S608
    op.drop_table("citizen_rating")
    op.create_table(
        "citizen_rating",
        sa.Column("appeal_id", BigId, nullable=False),
        *_columns(),
        _of_appeal(),
        sa.PrimaryKeyConstraint("appeal_id", name=op.f("pk_citizen_rating")),
    )
    op.execute(
        f"INSERT INTO citizen_rating ({_KEPT}) SELECT {_KEPT} FROM citizen_rating_before b "  # noqa: S608
        "WHERE answer = (SELECT max(answer) FROM citizen_rating_before n WHERE n.appeal_id = b.appeal_id)"
    )
    op.execute("DROP TABLE citizen_rating_before")
