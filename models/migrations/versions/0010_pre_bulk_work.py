"""批量办理: a move over many tickets as a job, with one result per ticket.

Only adds tables, so yesterday's code works with it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import AwareUtc, BigId

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bulk_job",
        sa.Column("id", BigId, nullable=False),
        sa.Column("move", sa.String(16), nullable=False, comment="vocab.Move; undo: of the job `undoes`"),
        sa.Column("values", sa.JSON(), nullable=False, comment="what was typed, masked"),
        sa.Column(
            "picked",
            sa.JSON(),
            nullable=False,
            comment="the filter that chose the tickets, masked; empty: they were ticked",
        ),
        sa.Column("post", sa.String(16), nullable=False, comment="vocab.Post of whoever acts"),
        sa.Column("unit_code", sa.String(40), nullable=True, comment="acted for"),
        sa.Column("login", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("state", sa.String(12), nullable=False, comment="vocab_bulk.BulkState"),
        sa.Column("undoes", BigId, nullable=True),
        sa.Column("total", sa.Integer(), nullable=False, comment="tickets picked"),
        sa.Column("made_at", AwareUtc(), nullable=False),
        sa.Column("started_at", AwareUtc(), nullable=True),
        sa.Column("ended_at", AwareUtc(), nullable=True),
        sa.Column(
            "handed_at",
            AwareUtc(),
            nullable=True,
            comment="handed to the queue, or last heard of; null: to be handed out",
        ),
        sa.ForeignKeyConstraint(["undoes"], ["bulk_job.id"], name=op.f("fk_bulk_job_undoes_bulk_job")),
        sa.ForeignKeyConstraint(["unit_code"], ["unit.code"], name=op.f("fk_bulk_job_unit_code_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_job")),
    )
    op.create_index(
        "ix_bulk_job_running",
        "bulk_job",
        ["handed_at"],
        postgresql_where=sa.text("state = 'running'"),
        sqlite_where=sa.text("state = 'running'"),
    )
    op.create_index("ix_bulk_job_undoes", "bulk_job", ["undoes"])
    op.create_table(
        "bulk_result",
        sa.Column("job_id", BigId, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False, comment="1, 2, 3 … in the order of the list"),
        sa.Column("ticket_id", BigId, nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False, comment="version of the ticket that the preview saw"),
        sa.Column("state", sa.String(12), nullable=False, comment="vocab_bulk.BulkRow"),
        sa.Column("code", sa.String(40), nullable=True, comment="of the error"),
        sa.Column("reason", sa.Text(), nullable=True, comment="why not, with the clause"),
        sa.Column("version", sa.Integer(), nullable=True, comment="of the ticket after the move"),
        sa.Column("at", AwareUtc(), nullable=True, comment="when it was decided"),
        sa.ForeignKeyConstraint(["job_id"], ["bulk_job.id"], name=op.f("fk_bulk_result_job_id_bulk_job")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_bulk_result_ticket_id_ticket")),
        sa.PrimaryKeyConstraint("job_id", "seq", name=op.f("pk_bulk_result")),
        sa.UniqueConstraint("job_id", "ticket_id", name=op.f("uq_bulk_result_job_id_ticket_id")),
    )
    op.create_index("ix_bulk_result_state", "bulk_result", ["job_id", "state", "seq"])


def downgrade() -> None:
    op.drop_index("ix_bulk_result_state", "bulk_result")
    op.drop_table("bulk_result")
    op.drop_index("ix_bulk_job_undoes", "bulk_job")
    op.drop_index("ix_bulk_job_running", "bulk_job")
    op.drop_table("bulk_job")
