"""Accounts (账号): sign-in, roles held for a unit and a time, sessions, tokens, links to the provider.

Only adds tables, so yesterday's code works with it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import AwareUtc, BigId

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "demo_waiver",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("set_at", AwareUtc(), nullable=False),
        sa.Column("set_by", sa.String(64), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_demo_waiver_only_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_demo_waiver")),
    )
    op.create_table(
        "provider_attempt",
        sa.Column(
            "browser_hash",
            sa.String(64),
            nullable=False,
            comment="of the random value in the browser's cookie",
        ),
        sa.Column("state_hash", sa.String(64), nullable=False),
        sa.Column("nonce", sa.String(43), nullable=False),
        sa.Column("verifier", sa.LargeBinary(), nullable=False, comment="sealed: proof of PKCE"),
        sa.Column("goes_to", sa.String(500), nullable=False, comment="a path of ours"),
        sa.Column("until", AwareUtc(), nullable=False),
        sa.PrimaryKeyConstraint("browser_hash", name=op.f("pk_provider_attempt")),
    )
    op.create_index("ix_provider_attempt_until", "provider_attempt", ["until"])
    op.create_table(
        "signin_lock",
        sa.Column("login_hash", sa.String(64), nullable=False, comment="keyed"),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("last_at", AwareUtc(), nullable=False),
        sa.Column("locked_until", AwareUtc(), nullable=True),
        sa.PrimaryKeyConstraint("login_hash", name=op.f("pk_signin_lock")),
    )
    op.create_index("ix_signin_lock_last", "signin_lock", ["last_at"])
    op.create_table(
        "account",
        sa.Column("staff_id", BigId, nullable=False),
        sa.Column(
            "password_hash",
            sa.String(200),
            nullable=True,
            comment="argon2id; null: signs in by the unified provider (统一认证) alone",
        ),
        sa.Column(
            "must_change", sa.Boolean(), nullable=False, comment="the password was given by somebody else"
        ),
        sa.Column("password_at", AwareUtc(), nullable=True, comment="when the password was set"),
        sa.Column(
            "code_secret",
            sa.LargeBinary(),
            nullable=True,
            comment="sealed: of the one-time codes (TOTP); null: none enrolled",
        ),
        sa.Column(
            "code_pending",
            sa.LargeBinary(),
            nullable=True,
            comment="sealed: shown to be enrolled, not confirmed by a code yet",
        ),
        sa.Column(
            "code_step",
            BigId,
            nullable=False,
            comment="the time step of the last code taken: no code is taken twice",
        ),
        sa.Column(
            "provider_name",
            sa.String(254),
            nullable=True,
            comment="e-mail or login at the provider, until the first link uses it",
        ),
        sa.Column("demo", sa.Boolean(), nullable=False, comment="made by the demo; refused in production"),
        sa.Column("disabled_at", AwareUtc(), nullable=True),
        sa.Column("created_by", sa.String(64), nullable=False),
        sa.Column("last_login_at", AwareUtc(), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_account_staff_id")),
        sa.PrimaryKeyConstraint("staff_id", name=op.f("pk_account")),
        sa.UniqueConstraint("provider_name", name=op.f("uq_account_provider_name")),
    )
    op.create_table(
        "account_provider",
        sa.Column("issuer", sa.String(200), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("staff_id", BigId, nullable=False),
        sa.Column("linked_at", AwareUtc(), nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["account.staff_id"], name=op.f("fk_account_provider_staff_id")
        ),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_account_provider")),
    )
    op.create_index("ix_account_provider_staff", "account_provider", ["staff_id"])
    op.create_table(
        "account_recovery",
        sa.Column("staff_id", BigId, nullable=False),
        sa.Column("code_hash", sa.String(64), nullable=False, comment="keyed"),
        sa.Column("used_at", AwareUtc(), nullable=True),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["account.staff_id"], name=op.f("fk_account_recovery_staff_id")
        ),
        sa.PrimaryKeyConstraint("staff_id", "code_hash", name=op.f("pk_account_recovery")),
    )
    op.create_table(
        "account_role",
        sa.Column("id", BigId, nullable=False),
        sa.Column("staff_id", BigId, nullable=False),
        sa.Column("role", sa.String(24), nullable=False, comment="vocab_staff.Role"),
        sa.Column("unit_code", sa.String(40), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False, comment="a day in Beijing"),
        sa.Column("valid_to", sa.Date(), nullable=True, comment="the last day; null: open"),
        sa.Column("granted_by", sa.String(64), nullable=False),
        sa.Column("granted_at", AwareUtc(), nullable=False),
        sa.Column("withdrawn_by", sa.String(64), nullable=True),
        sa.Column("withdrawn_at", AwareUtc(), nullable=True, comment="at once, whatever valid_to says"),
        sa.ForeignKeyConstraint(["staff_id"], ["account.staff_id"], name=op.f("fk_account_role_staff_id")),
        sa.ForeignKeyConstraint(["unit_code"], ["unit.code"], name=op.f("fk_account_role_unit_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_role")),
    )
    op.create_index("ix_account_role_staff", "account_role", ["staff_id"])
    op.create_index("ix_account_role_unit", "account_role", ["unit_code", "role"])
    op.create_table(
        "account_session",
        sa.Column("id", BigId, nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("staff_id", BigId, nullable=False),
        sa.Column("strong", sa.Boolean(), nullable=False, comment="a second factor was shown"),
        sa.Column("way", sa.String(12), nullable=False, comment="vocab_signin.Way"),
        sa.Column("created_at", AwareUtc(), nullable=False),
        sa.Column(
            "seen_at", AwareUtc(), nullable=False, comment="kept to the minute, by what people do themselves"
        ),
        sa.Column("expires_at", AwareUtc(), nullable=False, comment="at the latest, however busy"),
        sa.Column("ended_at", AwareUtc(), nullable=True),
        sa.Column("end_why", sa.String(16), nullable=True, comment="vocab_signin.End"),
        sa.Column("ip", sa.String(45), nullable=False),
        sa.Column("agent", sa.String(200), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["account.staff_id"], name=op.f("fk_account_session_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_session")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_account_session_token_hash")),
    )
    op.create_index("ix_account_session_expires", "account_session", ["expires_at"])
    op.create_index("ix_account_session_staff", "account_session", ["staff_id"])
    op.create_table(
        "account_token",
        sa.Column("id", BigId, nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("staff_id", BigId, nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("prefix", sa.String(12), nullable=False, comment="shown, so that people know which it is"),
        sa.Column("scopes", sa.JSON(), nullable=False, comment="vocab_staff.Permission"),
        sa.Column("created_at", AwareUtc(), nullable=False),
        sa.Column("expires_at", AwareUtc(), nullable=False),
        sa.Column("used_at", AwareUtc(), nullable=True, comment="kept to the minute"),
        sa.Column("revoked_at", AwareUtc(), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["account.staff_id"], name=op.f("fk_account_token_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_token")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_account_token_token_hash")),
    )
    op.create_index("ix_account_token_staff", "account_token", ["staff_id"])


def downgrade() -> None:

    op.drop_index("ix_account_token_staff", table_name="account_token")
    op.drop_table("account_token")
    op.drop_index("ix_account_session_staff", table_name="account_session")
    op.drop_index("ix_account_session_expires", table_name="account_session")
    op.drop_table("account_session")
    op.drop_index("ix_account_role_unit", table_name="account_role")
    op.drop_index("ix_account_role_staff", table_name="account_role")
    op.drop_table("account_role")
    op.drop_table("account_recovery")
    op.drop_index("ix_account_provider_staff", table_name="account_provider")
    op.drop_table("account_provider")
    op.drop_table("account")
    op.drop_index("ix_signin_lock_last", table_name="signin_lock")
    op.drop_table("signin_lock")
    op.drop_index("ix_provider_attempt_until", table_name="provider_attempt")
    op.drop_table("provider_attempt")
    op.drop_table("demo_waiver")
