"""The first tables: appeals, readings, tickets and their events, units, outbox.

Both databases: PostgreSQL gets a GIN index on a stored tsvector, SQLite an FTS5 table over the same
bigrams. Events are append-only by trigger on both.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "area",
        sa.Column("code", sa.String(length=12), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("parent_code", sa.String(length=12), nullable=True),
        sa.PrimaryKeyConstraint("code", name="pk_area"),
    )
    op.create_index("ix_area_parent_code", "area", ["parent_code"], unique=False)

    op.create_table(
        "dead_letter",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("topic", sa.String(length=40), nullable=False),
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "reason",
            sa.Text(),
            nullable=False,
            comment="class of the error and where; never a citizen's text",
        ),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rerun_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_dead_letter"),
    )
    op.create_index("ix_dead_letter_key", "dead_letter", ["key"], unique=False)

    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("topic", sa.String(length=40), nullable=False),
        sa.Column(
            "key",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="id of the row it is about: ids only, never text",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("available_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("dispatched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
    )
    op.create_index("ix_outbox_dispatched", "outbox", ["dispatched_at"], unique=False)
    op.create_index("ix_outbox_key", "outbox", ["key"], unique=False)
    op.create_index(
        "ix_outbox_pending",
        "outbox",
        ["id"],
        unique=False,
        postgresql_where=sa.text("dispatched_at IS NULL"),
        sqlite_where=sa.text("dispatched_at IS NULL"),
    )

    op.create_table(
        "source",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_source"),
        sa.UniqueConstraint("key", name="uq_source_key"),
    )
    op.create_table(
        "unit",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False, comment="vocab.Level"),
        sa.Column(
            "function",
            sa.String(length=40),
            nullable=True,
            comment="what it is for; null for areas' own governments",
        ),
        sa.Column("district_code", sa.String(length=12), nullable=True),
        sa.Column("street_code", sa.String(length=12), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code", name="pk_unit"),
    )
    op.create_index("ix_unit_district_code", "unit", ["district_code"], unique=False)
    op.create_index("ix_unit_street_code", "unit", ["street_code"], unique=False)

    op.create_table(
        "appeal",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("external_id", sa.String(length=200), nullable=True),
        sa.Column(
            "dedupe_key",
            sa.String(length=210),
            nullable=False,
            comment="'x:' + external id, else 'h:' + content hash: a second import adds nothing",
        ),
        sa.Column(
            "content_hash",
            sa.String(length=64),
            nullable=False,
            comment="keyed; tells a changed row from a repeated one",
        ),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("channel", sa.String(length=16), nullable=False, comment="vocab.Channel"),
        sa.Column("confidential", sa.Boolean(), nullable=False),
        sa.Column(
            "received_at", sa.DateTime(timezone=True), nullable=False, comment="when the citizen spoke"
        ),
        sa.Column(
            "stored_at", sa.DateTime(timezone=True), nullable=False, comment="when the row was written here"
        ),
        sa.Column("state", sa.String(length=16), nullable=False, comment="vocab.AppealState"),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column(
            "claimed_until", sa.DateTime(timezone=True), nullable=True, comment="a worker holds it until then"
        ),
        sa.CheckConstraint("state in ('waiting', 'done', 'dead')", name="ck_appeal_state"),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name="fk_appeal_source_id"),
        sa.PrimaryKeyConstraint("id", name="pk_appeal"),
        sa.UniqueConstraint("source_id", "dedupe_key", name="uq_appeal_source_id_dedupe_key"),
    )
    op.create_index(
        "ix_appeal_waiting",
        "appeal",
        ["id"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
        sqlite_where=sa.text("state = 'waiting'"),
    )

    op.create_table(
        "staff",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("unit_code", sa.String(length=40), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["unit_code"], ["unit.code"], name="fk_staff_unit_code"),
        sa.PrimaryKeyConstraint("id", name="pk_staff"),
        sa.UniqueConstraint("login", name="uq_staff_login"),
    )
    op.create_table(
        "appellant",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("appeal_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=True, comment="sealed"),
        sa.Column("phone", sa.LargeBinary(), nullable=True, comment="sealed"),
        sa.Column("id_number", sa.LargeBinary(), nullable=True, comment="sealed"),
        sa.Column(
            "original",
            sa.LargeBinary(),
            nullable=True,
            comment="sealed JSON: unmasked title, text, address and columns not mapped",
        ),
        sa.Column(
            "phone_index",
            sa.LargeBinary(),
            nullable=True,
            comment="keyed blind index: finds the same phone without decrypting",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["appeal_id"], ["appeal.id"], name="fk_appellant_appeal_id"),
        sa.PrimaryKeyConstraint("id", name="pk_appellant"),
        sa.UniqueConstraint("appeal_id", name="uq_appellant_appeal_id"),
    )
    op.create_index("ix_appellant_phone_index", "appellant", ["phone_index"], unique=False)

    op.create_table(
        "reading",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("appeal_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("model_version", sa.String(length=120), nullable=False),
        sa.Column("table_version", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("environmental", sa.Boolean(), nullable=False),
        sa.Column("p_environmental", sa.Double(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=True),
        sa.Column("kind_confidence", sa.Double(), nullable=False),
        sa.Column("appeal_type", sa.String(length=16), nullable=False),
        sa.Column("urgency", sa.String(length=4), nullable=False),
        sa.Column("district_code", sa.String(length=12), nullable=True),
        sa.Column("street_code", sa.String(length=12), nullable=True),
        sa.Column("community_code", sa.String(length=12), nullable=True),
        sa.Column("lon", sa.Double(), nullable=True, comment="WGS-84 degrees"),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("place_precision", sa.String(length=16), nullable=False),
        sa.Column("place_confidence", sa.Double(), nullable=False),
        sa.Column("review", sa.Boolean(), nullable=False),
        sa.Column(
            "detail", sa.JSON(), nullable=False, comment="kinds, reasons, place names, party, when, evidence"
        ),
        sa.ForeignKeyConstraint(["appeal_id"], ["appeal.id"], name="fk_reading_appeal_id"),
        sa.PrimaryKeyConstraint("id", name="pk_reading"),
    )
    op.create_index("ix_reading_appeal_id", "reading", ["appeal_id"], unique=False)

    op.create_table(
        "ticket",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("no", sa.String(length=32), nullable=False),
        sa.Column("appeal_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reading_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False, comment="vocab.State"),
        sa.Column("level", sa.String(length=16), nullable=True, comment="vocab.Level of the lead unit"),
        sa.Column("unit_code", sa.String(length=40), nullable=True, comment="lead (主办)"),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("environmental", sa.Boolean(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=True),
        sa.Column("appeal_type", sa.String(length=16), nullable=False),
        sa.Column("urgency", sa.String(length=4), nullable=False, comment="the grade that sets the clocks"),
        sa.Column("district_code", sa.String(length=12), nullable=True),
        sa.Column("street_code", sa.String(length=12), nullable=True),
        sa.Column("divert", sa.String(length=24), nullable=True, comment="vocab.Divert, proposed or done"),
        sa.Column(
            "flagged", sa.Boolean(), nullable=False, comment="dispatched at once, to be looked at as well"
        ),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("dispatched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dispatch_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "due_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="the clock that runs now; null when none does",
        ),
        sa.Column("table_version", sa.String(length=40), nullable=False),
        sa.Column(
            "decision",
            sa.JSON(),
            nullable=False,
            comment="row ids, review reasons, and the Chinese sentences that explain each choice",
        ),
        sa.Column(
            "search",
            postgresql.TSVECTOR().with_variant(sa.Text(), "sqlite"),
            nullable=True,
            comment="bigrams; SQLite keeps them in ticket_search",
        ),
        sa.ForeignKeyConstraint(["appeal_id"], ["appeal.id"], name="fk_ticket_appeal_id"),
        sa.ForeignKeyConstraint(["reading_id"], ["reading.id"], name="fk_ticket_reading_id"),
        sa.ForeignKeyConstraint(["unit_code"], ["unit.code"], name="fk_ticket_unit_code"),
        sa.PrimaryKeyConstraint("id", name="pk_ticket"),
        sa.UniqueConstraint("appeal_id", name="uq_ticket_appeal_id"),
        sa.UniqueConstraint("no", name="uq_ticket_no"),
    )
    op.create_index("ix_ticket_district_due", "ticket", ["district_code", "due_at", "id"], unique=False)
    op.create_index("ix_ticket_due", "ticket", ["due_at", "id"], unique=False)
    op.create_index("ix_ticket_kind_due", "ticket", ["kind", "due_at", "id"], unique=False)
    op.create_index(
        "ix_ticket_district_kind_due", "ticket", ["district_code", "kind", "due_at", "id"], unique=False
    )
    op.create_index("ix_ticket_state_due", "ticket", ["state", "due_at", "id"], unique=False)
    op.create_index("ix_ticket_state_new", "ticket", ["state", "id"], unique=False)
    op.create_index("ix_ticket_unit_due", "ticket", ["unit_code", "due_at", "id"], unique=False)
    op.create_index("ix_ticket_urgency_due", "ticket", ["urgency", "due_at", "id"], unique=False)

    op.create_table(
        "ticket_event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ticket_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False, comment="1, 2, 3 … within the ticket"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tag", sa.String(length=40), nullable=False, comment="vocab.Tag"),
        sa.Column(
            "staff_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="null: the system",
        ),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name="fk_ticket_event_staff_id"),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name="fk_ticket_event_ticket_id"),
        sa.PrimaryKeyConstraint("id", name="pk_ticket_event"),
        sa.UniqueConstraint("ticket_id", "seq", name="uq_ticket_event_ticket_id_seq"),
    )
    op.create_table(
        "ticket_unit",
        sa.Column("ticket_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("unit_code", sa.String(length=40), nullable=False),
        sa.Column("role", sa.String(length=8), nullable=False, comment="vocab.Role"),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name="fk_ticket_unit_ticket_id"),
        sa.ForeignKeyConstraint(["unit_code"], ["unit.code"], name="fk_ticket_unit_unit_code"),
        sa.PrimaryKeyConstraint("ticket_id", "unit_code", name="pk_ticket_unit"),
    )
    op.create_index("ix_ticket_unit_unit", "ticket_unit", ["unit_code", "ticket_id"], unique=False)

    if op.get_bind().dialect.name == "postgresql":
        op.create_index("ix_ticket_search", "ticket", ["search"], postgresql_using="gin")
        # The default of 100 common words is far too few for the planner to know which bigrams are frequent.
        op.execute("ALTER TABLE ticket ALTER COLUMN search SET STATISTICS 1000")
        op.execute(
            """
            CREATE FUNCTION ticket_event_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
              RAISE EXCEPTION 'ticket_event is append-only';
            END $$
            """
        )
        op.execute(
            "CREATE TRIGGER ticket_event_append_only BEFORE UPDATE OR DELETE ON ticket_event "
            "FOR EACH ROW EXECUTE FUNCTION ticket_event_append_only()"
        )
        op.execute(
            "CREATE TRIGGER ticket_event_no_truncate BEFORE TRUNCATE ON ticket_event "
            "FOR EACH STATEMENT EXECUTE FUNCTION ticket_event_append_only()"
        )
    else:
        op.execute("CREATE VIRTUAL TABLE ticket_search USING fts5(words, content='', tokenize='unicode61')")
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER ticket_event_no_{verb.lower()} BEFORE {verb} ON ticket_event "
                "BEGIN SELECT RAISE(ABORT, 'ticket_event is append-only'); END"
            )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE ticket_search")

    op.drop_table("ticket_unit")
    op.drop_table("ticket_event")

    op.drop_table("ticket")

    op.drop_table("reading")

    op.drop_table("appellant")
    op.drop_table("staff")

    op.drop_table("appeal")

    op.drop_table("unit")
    op.drop_table("source")

    op.drop_table("outbox")

    op.drop_table("dead_letter")

    op.drop_table("area")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION ticket_event_append_only()")
