"""What clerks picked for a phrase (点选词典), and the area a caller is registered in (登记地区).

Only adds a table and a column that may be null, so yesterday's code works with it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import AwareUtc, BigId

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "site_place",
        sa.Column("id", BigId, nullable=False),
        sa.Column("phrase", sa.String(40), nullable=False, comment="folded, as the reader compares"),
        sa.Column(
            "code",
            sa.String(12),
            nullable=False,
            comment="6 digits a district, 9 a street, 12 a community: it holds its parents' codes",
        ),
        sa.Column("lon", sa.Double(), nullable=True, comment="WGS-84 degrees, of the last pick on the map"),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("picks", sa.Integer(), nullable=False, comment="on different tickets"),
        sa.Column("always", sa.Boolean(), nullable=False, comment="somebody ticked 以后都这样"),
        sa.Column("picked_by", sa.String(64), nullable=False, comment="login of the last who picked"),
        sa.Column("picked_at", AwareUtc(), nullable=False),
        sa.Column(
            "last_ticket_id",
            BigId,
            nullable=True,
            comment="a second pick on the same ticket does not count",
        ),
        sa.Column("revoked_by", sa.String(64), nullable=True),
        sa.Column("revoked_at", AwareUtc(), nullable=True),
        sa.ForeignKeyConstraint(
            ["last_ticket_id"], ["ticket.id"], name=op.f("fk_site_place_last_ticket_id_ticket")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site_place")),
    )
    standing = sa.text("revoked_at IS NULL")
    op.create_index(
        "ux_site_place_standing",
        "site_place",
        ["phrase", "code"],
        unique=True,
        postgresql_where=standing,
        sqlite_where=standing,
    )
    op.add_column(
        "appeal",
        sa.Column(
            "caller_area",
            sa.String(9),
            nullable=True,
            comment="code of the district or street the caller is registered in; a hint, never an address",
        ),
    )


def downgrade() -> None:
    op.drop_column("appeal", "caller_area")
    op.drop_index("ux_site_place_standing", "site_place")
    op.drop_table("site_place")
