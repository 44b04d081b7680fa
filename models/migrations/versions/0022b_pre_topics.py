"""Topics (专题): runs, topics known again from run to run, decisions on 每月一题.

Only adds tables, so yesterday's code works with it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import AwareUtc, BigId

revision = "0022b"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "topic_run",
        sa.Column("id", BigId, nullable=False),
        sa.Column("level", sa.String(8), nullable=False, comment="vocab_topics.TopicLevel"),
        sa.Column("at", AwareUtc(), nullable=False),
        sa.Column("since", AwareUtc(), nullable=False, comment="texts from then until `at`"),
        sa.Column("tickets", sa.Integer(), nullable=False),
        sa.Column("leads", sa.Integer(), nullable=False),
        sa.Column(
            "left_out",
            sa.Integer(),
            nullable=False,
            comment="older texts of the window that were too many to read",
        ),
        sa.Column("topics", sa.Integer(), nullable=False),
        sa.Column("method", sa.String(80), nullable=False, comment="thresholds and version of the weights"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_topic_run")),
    )
    op.create_index("ix_topic_run_level", "topic_run", ["level", "id"])
    op.create_table(
        "topic",
        sa.Column("id", BigId, nullable=False),
        sa.Column("level", sa.String(8), nullable=False, comment="vocab_topics.TopicLevel"),
        sa.Column("title", sa.String(120), nullable=False),
        sa.Column("first_run_id", BigId, nullable=False),
        sa.Column("last_run_id", BigId, nullable=False, comment="the last that found it"),
        sa.ForeignKeyConstraint(["first_run_id"], ["topic_run.id"], name=op.f("fk_topic_first_run_id")),
        sa.ForeignKeyConstraint(["last_run_id"], ["topic_run.id"], name=op.f("fk_topic_last_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_topic")),
    )
    op.create_index("ix_topic_last", "topic", ["level", "last_run_id"])
    op.create_table(
        "theme_choice",
        sa.Column("id", BigId, nullable=False),
        sa.Column("topic_id", BigId, nullable=False),
        sa.Column("run_id", BigId, nullable=False, comment="whose figures were seen"),
        sa.Column("decision", sa.String(12), nullable=False, comment="vocab_topics.ThemeDecision"),
        sa.Column("month", sa.String(7), nullable=True, comment="of which month it is the theme"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("at", AwareUtc(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["topic_run.id"], name=op.f("fk_theme_choice_run_id")),
        sa.ForeignKeyConstraint(["topic_id"], ["topic.id"], name=op.f("fk_theme_choice_topic_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_theme_choice")),
    )
    op.create_index("ix_theme_choice_topic", "theme_choice", ["topic_id", "id"])
    op.create_table(
        "topic_state",
        sa.Column("run_id", BigId, nullable=False),
        sa.Column("topic_id", BigId, nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("leads", sa.Integer(), nullable=False),
        sa.Column("later", sa.Integer(), nullable=False, comment="of the second half of the window"),
        sa.Column("open", sa.Integer(), nullable=False, comment="tickets not closed"),
        sa.Column("kind", sa.String(16), nullable=True, comment="the most frequent"),
        sa.Column(
            "words", sa.JSON(), nullable=False, comment="significant against the rest, strongest first"
        ),
        sa.Column("places", sa.JSON(), nullable=False, comment="[district, street, count] each"),
        sa.Column("weeks", sa.JSON(), nullable=False, comment="[Monday, count] each"),
        sa.Column("districts", sa.Integer(), nullable=False),
        sa.Column("typical", sa.JSON(), nullable=False, comment="[text kind, id] of the middle ones"),
        sa.ForeignKeyConstraint(["run_id"], ["topic_run.id"], name=op.f("fk_topic_state_run_id")),
        sa.ForeignKeyConstraint(["topic_id"], ["topic.id"], name=op.f("fk_topic_state_topic_id")),
        sa.PrimaryKeyConstraint("run_id", "topic_id", name=op.f("pk_topic_state")),
    )
    op.create_index("ix_topic_state_topic", "topic_state", ["topic_id", "run_id"])
    op.create_table(
        "topic_text",
        sa.Column("level", sa.String(8), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False, comment="vocab_topics.TextKind"),
        sa.Column("ref", sa.BigInteger(), nullable=False, comment="id of the ticket or lead"),
        sa.Column("topic_id", BigId, nullable=False),
        sa.ForeignKeyConstraint(["topic_id"], ["topic.id"], name=op.f("fk_topic_text_topic_id")),
        sa.PrimaryKeyConstraint("level", "kind", "ref", name=op.f("pk_topic_text")),
    )
    op.create_index("ix_topic_text_topic", "topic_text", ["topic_id"])


def downgrade() -> None:
    op.drop_table("theme_choice")
    op.drop_table("topic_text")
    op.drop_table("topic_state")
    op.drop_table("topic")
    op.drop_table("topic_run")
